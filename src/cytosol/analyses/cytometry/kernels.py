"""Compiled inner loops; the machine code is cached on disk. Importing this loads numba: import it inside functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def _compile(function: Function) -> Function:
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def _compile_sums(function: Function) -> Function:
    """Compile sums that may be taken in any order, several at a time."""
    order = {"reassoc", "contract"}
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=order)(function))


@_compile
def roots(  # noqa: PLR0917 -- compiled functions take their arguments by position
    values: np.ndarray, coefficients: np.ndarray, zero: float, points: np.ndarray, scaled: np.ndarray
) -> None:
    """Invert x(y) = a exp(b y) - c exp(-d y) + g y - f above its zero, and its mirror image below.

    Parameters
    ----------
    values : shape (n,), float64; x
    coefficients : shape (6,), float64; a, b, c, d, g, f
    zero : y of x = 0
    points : shape (n_points,), float64, increasing from 0; x of y evenly from ``zero`` to ``zero`` + 1.5
    scaled : shape (n,), float64; becomes y; NaN where x is
    """
    a, b, c, d = coefficients[0], coefficients[1], coefficients[2], coefficients[3]
    g, f = coefficients[4], coefficients[5]
    n_points = points.size
    step = 1.5 / (n_points - 1)
    for i in range(values.size):
        if values[i] == 0 or not math.isfinite(values[i]):
            scaled[i] = zero + values[i]
            continue
        x = abs(values[i])
        if x >= points[n_points - 1]:
            y = math.log((x + f) / a) / b
        else:
            low, high = 0, n_points - 1
            while high - low > 1:
                middle = (low + high) >> 1
                if points[middle] <= x:
                    low = middle
                else:
                    high = middle
            y = zero + step * (low + (x - points[low]) / (points[high] - points[low]))
        for _ in range(20):
            rise = a * math.exp(b * y)
            fall = c * math.exp(-d * y) if c > 0 else 0.0
            change = (rise - fall + g * y - f - x) / (b * rise + d * fall + g)
            y -= change
            if abs(change) < 1e-9:  # the step after is smaller than its square
                break
        scaled[i] = y if values[i] > 0 else 2 * zero - y


@_compile
def in_polygon(x: float, y: float, xs: np.ndarray, ys: np.ndarray) -> bool:
    """Tell whether a point lies in a polygon, even-odd, its boundary included.

    Parameters
    ----------
    x, y : the point, float64
    xs, ys : shape (n_vertices,), float64
    """
    inside = False
    last = xs.size - 1
    for k in range(xs.size):
        x1, y1, x2, y2 = xs[last], ys[last], xs[k], ys[k]
        last = k
        if (y1 <= y <= y2) or (y2 <= y <= y1):
            side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
            if side == 0 and ((x1 <= x <= x2) or (x2 <= x <= x1)):
                return True
            # a comparison with NaN is false either way
            if (y1 <= y) != (y2 <= y) and (side > 0 if y2 > y1 else side < 0):
                inside = not inside
    return inside


@_compile
def polygon_mask(  # noqa: PLR0917 -- compiled functions take their arguments by position
    x: np.ndarray, y: np.ndarray, xs: np.ndarray, ys: np.ndarray, mask: np.ndarray
) -> None:
    """Tell which points lie in a polygon, one by one.

    Parameters
    ----------
    x, y : shape (n,), float32 or float64; a NaN is outside
    xs, ys : shape (n_vertices,), float64
    mask : shape (n,), bool; becomes the answer
    """
    for i in range(x.size):
        mask[i] = in_polygon(np.float64(x[i]), np.float64(y[i]), xs, ys)


@_compile
def _mark_edges(columns: np.ndarray, rows: np.ndarray, grid: np.ndarray) -> None:
    """Mark with 2 the cells that an edge touches; columns, rows: shape (n_vertices,), vertices in cells of the grid."""
    slack = 1e-6
    size = grid.shape[0] - 1
    last = columns.size - 1
    for k in range(columns.size):
        u1, v1, u2, v2 = columns[last], rows[last], columns[k], rows[k]
        last = k
        if v1 > v2:
            u1, v1, u2, v2 = u2, v2, u1, v1
        first, stop = max(int(v1 - slack), 0), min(int(v2 + slack), size)
        for row in range(first, stop + 1):
            left, right = min(u1, u2), max(u1, u2)
            if v2 - v1 > slack:
                slope = (u2 - u1) / (v2 - v1)
                begin = u1 + slope * (max(row - slack, v1) - v1)
                end = u1 + slope * (min(row + 1 + slack, v2) - v1)
                left, right = max(left, min(begin, end)), min(right, max(begin, end))
            for column in range(max(int(left - slack), 0), min(int(right + slack), size) + 1):
                grid[row, column] = 2


@_compile
def polygon_grid(xs: np.ndarray, ys: np.ndarray, n_grid: int) -> tuple[np.ndarray, np.ndarray]:
    """Lay a grid over a polygon: 0 = a cell outside, 1 = inside, 2 = an edge touches it.

    Parameters
    ----------
    xs, ys : shape (n_vertices,), float64
    n_grid : cells along each side

    Returns
    -------
    the cells, shape (n_grid + 2, n_grid + 2), uint8, rows along y, the outermost all outside; and, shape (2, 2),
    float64, where the grid begins and cells per unit, of x and of y
    """
    x0, y0 = xs.min(), ys.min()
    width, height = xs.max() - x0, ys.max() - y0
    # the polygon covers 1.25 … n + 0.75 of 0 … n + 2; the rim is outside
    scale_x = (n_grid - 0.5) / width if width > 0 else 0.0
    scale_y = (n_grid - 0.5) / height if height > 0 else 0.0
    grid = np.zeros((n_grid + 2, n_grid + 2), np.uint8)
    _mark_edges((xs - x0) * scale_x + 1.25, (ys - y0) * scale_y + 1.25, grid)
    if width > 0 and height > 0:
        for row in range(1, n_grid + 1):
            for column in range(1, n_grid + 1):
                if grid[row, column] == 2:
                    continue
                if grid[row, column - 1] != 2:
                    grid[row, column] = grid[row, column - 1]
                    continue
                middle_x = x0 + (column + 0.5 - 1.25) / scale_x
                middle_y = y0 + (row + 0.5 - 1.25) / scale_y
                grid[row, column] = 1 if in_polygon(middle_x, middle_y, xs, ys) else 0
    return grid, np.array([[x0, scale_x], [y0, scale_y]])


@_compile
def polygon_mask_by_grid(  # noqa: PLR0917 -- compiled functions take their arguments by position
    x: np.ndarray, y: np.ndarray, vertices: np.ndarray, grid: np.ndarray, place: np.ndarray, mask: np.ndarray
) -> None:
    """Tell which points lie in a polygon: by the cell of a grid, and one by one only in cells that an edge touches.

    Parameters
    ----------
    x, y : shape (n,), float32 or float64; a NaN is outside
    vertices : shape (2, n_vertices), float64; x and y
    grid, place : from `polygon_grid`
    mask : shape (n,), bool; becomes the answer
    """
    xs, ys = vertices[0], vertices[1]
    (x0, scale_x), (y0, scale_y) = (place[0, 0], place[0, 1]), (place[1, 0], place[1, 1])
    flat, width = grid.reshape(-1), np.int32(grid.shape[1])
    last = np.float64(grid.shape[1] - 1)
    cells = np.empty(256, np.uint32)
    for start in range(0, x.size, cells.size):
        stop = start + cells.size
        few_x, few_y, few = x[start:stop], y[start:stop], mask[start:stop]
        for i in range(few.size):  # several at a time
            u = (np.float64(few_x[i]) - x0) * scale_x + 1.25
            v = (np.float64(few_y[i]) - y0) * scale_y + 1.25
            u = u if u > 0.0 else 0.0  # a NaN, too, goes to the rim
            v = v if v > 0.0 else 0.0
            u = u if u < last else last
            v = v if v < last else last
            cells[i] = np.int32(v) * width + np.int32(u)
        for i in range(few.size):
            state = flat[cells[i]]
            if state == 2:
                few[i] = in_polygon(np.float64(few_x[i]), np.float64(few_y[i]), xs, ys)
            else:
                few[i] = state == 1


@_compile
def ellipse_mask(  # noqa: PLR0917 -- compiled functions take their arguments by position
    x: np.ndarray, y: np.ndarray, center_x: float, center_y: float, axes: np.ndarray, mask: np.ndarray
) -> None:
    """Tell which points lie in an ellipse, its boundary included.

    Parameters
    ----------
    x, y : shape (n,), float32 or float64; a NaN is outside
    center_x, center_y : float64
    axes : shape (2, 2), float64; rows: the direction of an axis divided by its half length
    mask : shape (n,), bool; becomes the answer
    """
    ux, uy, vx, vy = axes[0, 0], axes[0, 1], axes[1, 0], axes[1, 1]
    for i in range(x.size):
        dx = np.float64(x[i]) - center_x
        dy = np.float64(y[i]) - center_y
        u = dx * ux + dy * uy
        v = dx * vx + dy * vy
        mask[i] = u * u + v * v <= 1.0


@_compile
def box_mask(  # noqa: PLR0917 -- as above
    x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray, mask: np.ndarray
) -> None:
    """Find the points in a rectangle, edges inside; a NaN is outside.

    Parameters
    ----------
    x, y : shape (n,), float32 or float64
    low, high : shape (2,), of the same type; x and y
    mask : shape (n,), bool; becomes the answer
    """
    left, right, bottom, top = low[0], high[0], low[1], high[1]
    for i in range(x.size):
        mask[i] = (x[i] >= left) & (x[i] <= right) & (y[i] >= bottom) & (y[i] <= top)


@_compile
def in_order(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort values by their bits, 11 at a time; equal ones stay in the order of their rows.

    Parameters
    ----------
    values : shape (n,), float32

    Returns
    -------
    the values that are not NaN, rising, and the row of each, int32
    """
    bits = values.view(np.uint32)
    counts = np.zeros((3, 2048), np.int64)
    found = np.empty(values.size, np.uint64)
    n = 0
    for i in range(values.size):
        if np.isnan(values[i]):
            continue
        key = bits[i] if bits[i] != np.uint32(1 << 31) else np.uint32(0)  # both zeros are one
        key = ~key if key >> np.uint32(31) else key | np.uint32(1 << 31)
        for place in range(3):
            counts[place, (key >> np.uint32(11 * place)) & np.uint32(2047)] += 1
        found[n] = (np.uint64(key) << np.uint64(32)) | np.uint64(i)
        n += 1
    moved = np.empty(n, np.uint64)
    for place in range(3):
        at = 0
        for digit in range(2048):
            count = counts[place, digit]
            counts[place, digit] = at
            at += count
        shift = np.uint64(32 + 11 * place)
        for i in range(n):
            digit = (found[i] >> shift) & np.uint64(2047)
            moved[counts[place, digit]] = found[i]
            counts[place, digit] += 1
        found, moved = moved, found
    rows = np.empty(n, np.int32)
    ordered = np.empty(n, np.float32)
    for i in range(n):
        rows[i] = found[i] & np.uint64(0xFFFFFFFF)
        ordered[i] = values[rows[i]]
    return ordered, rows


@_compile
def members_in_order(values: np.ndarray, order: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Take the rising values of the members of a population.

    Parameters
    ----------
    values : shape (n_values,), float32, rising
    order : shape (n_values,), int32; the row of each value
    mask : shape (n_rows,), bool
    """
    out = np.empty(values.size + 1, np.float32)  # one more, to write without asking
    n = np.uint64(0)  # unsigned: places that may be negative cost a third more
    for i in range(np.uint64(values.size)):
        out[n] = values[i]
        n += np.uint64(mask[np.uint64(order[i])])
    return out[:n]


@_compile
def deviations_in_order(values: np.ndarray, centre: np.float32, rank: int) -> tuple[float, float]:
    """Find the distance from the centre that has a rank among all, and the next one.

    Parameters
    ----------
    values : shape (n,), float32, rising
    rank : from 0 to n - 2
    """
    middle = int(np.searchsorted(values, centre))
    n_left, n_right = middle, values.size - middle
    low, high = max(0, rank - n_right), min(rank, n_left)
    while low < high:  # how many of the nearest lie to the left
        left = (low + high) >> 1
        if centre - values[middle - 1 - left] < values[middle + rank - left - 1] - centre:
            low = left + 1
        else:
            high = left
    left, right = low, rank - low
    found = np.empty(2, np.float32)
    for i in range(2):
        if right >= n_right or (left < n_left and centre - values[middle - 1 - left] < values[middle + right] - centre):
            found[i] = centre - values[middle - 1 - left]
            left += 1
        else:
            found[i] = values[middle + right] - centre
            right += 1
    return found[0], found[1]


@_compile
def weigh(block: np.ndarray, weights: np.ndarray, sums: np.ndarray, given: np.ndarray) -> None:
    """Add channels up, each times its weight, for each event in the order of the channels.

    Parameters
    ----------
    block : shape (n_channels, at least n), float64
    weights : shape (n_channels,), float64
    sums : shape (at least n,), float64; room for the sums
    given : shape (n,), float32; becomes the sums, rounded
    """
    n = given.size
    sums = sums[:n]
    sums[:] = 0.0
    n_fours = weights.size // 4 * 4
    for i in range(0, n_fours, 4):  # four at a time, which changes nothing in the order
        a, b, c, d = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        first, second, third, fourth = block[i], block[i + 1], block[i + 2], block[i + 3]
        for k in range(n):
            sums[k] = (((sums[k] + a * first[k]) + b * second[k]) + c * third[k]) + d * fourth[k]
    for i in range(n_fours, weights.size):
        a, first = weights[i], block[i]
        for k in range(n):
            sums[k] += a * first[k]
    for k in range(n):
        given[k] = sums[k]


@_compile_sums
def moments(values: np.ndarray) -> tuple[float, float]:
    """Compute the mean, and the sum of the squared distances from it, in 64 bits.

    Parameters
    ----------
    values : shape (n,), n ≥ 1, float32 or float64
    """
    total = 0.0
    for i in range(values.size):
        total += np.float64(values[i])
    mean = total / values.size
    squares = 0.0
    for i in range(values.size):
        apart = np.float64(values[i]) - mean
        squares += apart * apart
    return mean, squares
