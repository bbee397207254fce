"""Compiled inner loops; the machine code is cached on disk. Importing this loads numba: import it inside functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def _compile(function: Function) -> Function:
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def _compile_fast(function: Function) -> Function:
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)(function))


@_compile
def rank_sums(  # noqa: PLR0917 -- compiled functions take their arguments by position
    keys: np.ndarray, indptr: np.ndarray, sizes: np.ndarray, sums: np.ndarray, ties: np.ndarray
) -> None:
    """Sum the ranks of each group in each column, zeros included.

    Parameters
    ----------
    keys : shape (n_nonzero,), uint64; the order of the value in the upper 32 bits, the group in the lower; sorted
        within each column; no value is zero; 2**63 lies between negative and positive values
    indptr : shape (n_columns + 1,), int64
    sizes : shape (n_groups,), int64; cells of each group
    sums : shape (n_columns, n_groups), int64, zeros; becomes twice the sum of mid-ranks
    ties : shape (n_columns,), float64; becomes the sum of t³ - t over the ties
    """
    n_groups = sizes.size
    n_cells = sizes.sum()
    zero = np.uint64(1) << np.uint64(31)
    shift, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    zeros = np.empty(n_groups, np.int64)
    for column in range(indptr.size - 1):
        first, stop = indptr[column], indptr[column + 1]
        n_zeros = n_cells - (stop - first)
        for group in range(n_groups):
            zeros[group] = sizes[group]
        for at in range(first, stop):
            zeros[np.int64(keys[at] & mask)] -= 1
        total = 0.0
        before = 0
        pending = n_zeros > 0
        at = first
        while at < stop or pending:
            if pending and (at == stop or (keys[at] >> shift) > zero):
                for group in range(n_groups):
                    sums[column, group] += zeros[group] * (2 * before + n_zeros + 1)
                total += float(n_zeros) ** 3 - n_zeros
                before += n_zeros
                pending = False
                continue
            value = keys[at] >> shift
            end = at + 1
            while end < stop and (keys[end] >> shift) == value:
                end += 1
            count = end - at
            twice = 2 * before + count + 1
            for each in range(at, end):
                sums[column, np.int64(keys[each] & mask)] += twice
            if count > 1:
                total += float(count) ** 3 - count
            before += count
            at = end
        ties[column] = total


@_compile
def group_sums(  # noqa: PLR0917 -- compiled functions take their arguments by position
    data: np.ndarray, groups: np.ndarray, indptr: np.ndarray, sums: np.ndarray, counts: np.ndarray
) -> None:
    """Sum and count the values of each group in each column.

    Parameters
    ----------
    data : shape (n_nonzero,), float32
    groups : shape (n_nonzero,), int32
    indptr : shape (n_columns + 1,), int64
    sums : shape (n_columns, n_groups), float64, zeros; becomes the sums
    counts : shape (n_columns, n_groups), int64, zeros; becomes the numbers of values
    """
    for column in range(indptr.size - 1):
        for at in range(indptr[column], indptr[column + 1]):
            sums[column, groups[at]] += data[at]
            counts[column, groups[at]] += 1


@_compile_fast
def add_products(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, products: np.ndarray) -> None:
    """Add the products of all pairs of values of each row to the upper triangle.

    Parameters
    ----------
    data, indices, indptr : of a CSR matrix with sorted indices; data float32
    products : shape (n_columns, n_columns), float32, changed in place
    """
    for row in range(indptr.size - 1):
        first, stop = indptr[row], indptr[row + 1]
        for one in range(first, stop):
            value, line = data[one], products[indices[one]]
            for other in range(one, stop):
                line[indices[other]] += value * data[other]


FORCE_SHIFT = 14
"""Low bits of a single-precision number that a table of forces passes over: steps of at most 0.2 %."""


@_compile
def _move(table: np.ndarray, dx: Any, dy: Any, rate: Any) -> tuple[Any, Any]:
    """How far two cells move along (dx, dy): the tabled force of their squared distance, at most 4 a step."""
    squared = np.float32(dx * dx + dy * dy)
    force = table[np.int64(squared.view(np.int32)) >> FORCE_SHIFT]
    most = np.float32(4)
    return min(most, max(-most, force * dx)) * rate, min(most, max(-most, force * dy)) * rate


@_compile
def lay_out(  # noqa: PLR0917 -- compiled functions take their arguments by position
    placed: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray],
    period: np.ndarray,
    pull: np.ndarray,
    push: np.ndarray,
    rounds: tuple[int, int],
    seed: Any,
) -> None:
    """Move cells along the edges of a graph, and away from random cells.

    Parameters
    ----------
    placed : shape (n_cells, 2), float32; coordinates, changed in place
    edges : first and second cells, each of shape (n_edges,), int32; each edge once
    period : shape (n_edges,), float32, at least 1; rounds from one taking of an edge to the next
    pull, push : shape (2 ** (31 - FORCE_SHIFT),), float32; force over distance, by the upper bits of the squared
        distance as a single-precision number; below 0 draws together
    rounds : number of rounds, and random cells for each end of an edge
    seed : uint64
    """
    head, tail = edges
    n_epochs, n_negative = rounds
    n_cells = np.uint64(placed.shape[0])
    due = period.copy()
    state = seed * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x2545F4914F6CDD1D)
    state = max(state, np.uint64(1))
    half, one = np.uint64(32), np.float32(1)
    for epoch in range(n_epochs):
        rate = one - np.float32(epoch) / np.float32(n_epochs)
        for edge in range(head.size):
            if due[edge] > epoch + 1:
                continue
            due[edge] += period[edge]
            i, j = head[edge], tail[edge]
            x, y, u, v = placed[i, 0], placed[i, 1], placed[j, 0], placed[j, 1]
            # The edge counts in both directions: it draws twice, and either end is pushed.
            for _ in range(2):
                mx, my = _move(pull, x - u, y - v, rate)
                x, y, u, v = x + mx, y + my, u - mx, v - my
                for _ in range(n_negative):
                    state ^= state << np.uint64(13)
                    state ^= state >> np.uint64(7)
                    state ^= state << np.uint64(17)
                    k = np.int64(((state >> half) * n_cells) >> half)
                    mx, my = _move(push, x - placed[k, 0], y - placed[k, 1], rate)
                    x, y = x + mx, y + my
                i, j = j, i
                x, y, u, v = u, v, x, y
            placed[i, 0], placed[i, 1], placed[j, 0], placed[j, 1] = x, y, u, v
