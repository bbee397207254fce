"""Compiled inner loops of the map; machine code is cached. Importing this loads numba: import it inside functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def _compile(function: Function) -> Function:
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@_compile
def _nearest(point: np.ndarray, weights: np.ndarray) -> int:
    best, least = 0, np.inf
    for node in range(weights.shape[0]):
        far = 0.0
        for channel in range(weights.shape[1]):
            step = point[channel] - weights[node, channel]
            far += step * step
        if far < least:
            best, least = node, far
    return best


@_compile
def learn(  # noqa: PLR0917 -- compiled functions take their arguments by position
    points: np.ndarray, drawn: np.ndarray, weights: np.ndarray, apart: np.ndarray, course: np.ndarray
) -> None:
    """Move the nodes towards some events, one after the other.

    Parameters
    ----------
    points : shape (n_events, n_channels), float32
    drawn : shape (n_steps,), int64, rows of ``points`` in the order in which they are learned
    weights : shape (n_nodes, n_channels), float64; is changed
    apart : shape (n_nodes, n_nodes), float64, distances on the grid
    course : first radius, first rate, last rate, steps that were taken before, steps in all
    """
    radius, first_rate, last_rate = course[0], course[1], course[2]
    for step in range(drawn.size):
        done = (course[3] + step) / course[4]
        rate = first_rate - done * (first_rate - last_rate)
        near = max(radius * (1 - done), 0.5)
        point = points[drawn[step]]
        best = _nearest(point, weights)
        for node in range(weights.shape[0]):
            if apart[best, node] <= near:
                for channel in range(weights.shape[1]):
                    weights[node, channel] += rate * (point[channel] - weights[node, channel])


@_compile
def nearest_nodes(points: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """The nearest node of each event: ``out`` of shape (n_events,), int32; see `learn`."""
    for row in range(points.shape[0]):
        out[row] = _nearest(points[row], weights)
