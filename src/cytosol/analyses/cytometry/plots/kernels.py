"""Compiled inner loops; the machine code is cached on disk. Importing this loads numba: import it inside functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def _compile(function: Function) -> Function:
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@_compile
def bin_1d(values: np.ndarray, low: float, per_unit: float, out: np.ndarray) -> None:
    """Count values into bins; those outside into the first or the last, NaN into none.

    Parameters
    ----------
    values : shape (n,), float32
    low, per_unit : lower end, and bins per unit
    out : shape (n_bins,), float64; is added to
    """
    last = out.size - 1
    for at in range(values.size):
        value = values[at]
        if np.isnan(value):
            continue
        place = (value - low) * per_unit
        out[int(min(max(place, 0.0), last))] += 1.0


@_compile
def bin_2d(x: np.ndarray, y: np.ndarray, ends: np.ndarray, out: np.ndarray) -> None:
    """Count points into the cells of a raster; those outside at its edges, NaN nowhere.

    Parameters
    ----------
    x, y : shape (n,), float32
    ends : shape (4,): lower end and cells per unit of x, and of y
    out : shape (n_y, n_x), float32; is added to
    """
    last_y, last_x = out.shape[0] - 1, out.shape[1] - 1
    for at in range(x.size):
        right, up = x[at], y[at]
        if np.isnan(right) or np.isnan(up):
            continue
        column = int(min(max((right - ends[0]) * ends[1], 0.0), last_x))
        row = int(min(max((up - ends[2]) * ends[3], 0.0), last_y))
        out[row, column] += np.float32(1.0)


@_compile
def stamp_dots(points: np.ndarray, colors: np.ndarray, disc: np.ndarray, picture: np.ndarray) -> None:
    """Lay dots over a picture, the later above the earlier; those that lie outside at its edges.

    Parameters
    ----------
    points : shape (n, 2), float32; column and row of the centre, counted in pixels from the lower left; NaN = none
    colors : shape (n, 4), uint8, or (1, 4) for all alike
    disc : shape (d, d), float32; cover of the pixels around a centre, 0 to 1
    picture : shape (height, width, 4), float32, 0 to 255, alpha included; rows upwards; is changed
    """
    height, width = picture.shape[0], picture.shape[1]
    size = disc.shape[0]
    half = size // 2
    for at in range(points.shape[0]):
        right, up = points[at, 0], points[at, 1]
        if np.isnan(right) or np.isnan(up):
            continue
        column = int(min(max(right, 0.0), width - 1))
        row = int(min(max(up, 0.0), height - 1))
        color = colors[at if colors.shape[0] > 1 else 0]
        for i in range(size):
            for j in range(size):
                to_row, to_column = row + i - half, column + j - half
                if not (0 <= to_row < height and 0 <= to_column < width):
                    continue
                cover = disc[i, j] * color[3] / 255.0
                if cover <= 0:
                    continue
                before = picture[to_row, to_column, 3] / 255.0
                whole = cover + before * (1 - cover)
                for part in range(3):
                    over = cover * color[part] + before * (1 - cover) * picture[to_row, to_column, part]
                    picture[to_row, to_column, part] = over / whole
                picture[to_row, to_column, 3] = 255.0 * whole
