"""What the values of features are like in groups of cells: means, shares of expressing cells, quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class SummaryParams(Params):
    """Parameters of a summary by group."""

    threshold: float = parameter(
        0.0, "A cell expresses a feature where its value is above this", unit="unit of the values"
    )


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """Features in groups of cells; each array of shape (n_features, n_groups), but for the quantiles.

    Attributes
    ----------
    n : int64; cells of the group whose value is not missing
    mean : float64, unit of the values; over all of these cells, zeros included; NaN where there are none
    share : float64, share of 1 of these cells whose value is above the threshold; NaN where there are none
    quantiles : shape (n_features, n_groups, 5), float64, unit of the values; minimum, quartiles, maximum, zeros
        included; NaN where there are no cells
    """

    n: np.ndarray
    mean: np.ndarray
    share: np.ndarray
    quantiles: np.ndarray


def summarize(
    matrix: sp.csc_matrix, groups: np.ndarray, *, n_groups: int, params: SummaryParams | None = None
) -> GroupSummary:
    """Summarise features group by group.

    Parameters
    ----------
    matrix : shape (n_cells, n_features), CSC; values in any unit, what is not stored is zero, NaN is missing
    groups : shape (n_cells,), integer; group of each cell, 0 to n_groups - 1, -1 = left out
    n_groups : size of the result
    params : None = defaults

    Raises
    ------
    InvalidInputError
        Where the groups do not fit the matrix.

    Notes
    -----
    Quantiles by linear interpolation between order statistics (number 7 of Hyndman and Fan 1996,
    doi:10.1080/00031305.1996.10473566), as numpy's and pandas'. Zeros are counted, not sorted.
    """
    params = params or SummaryParams()
    groups = np.asarray(groups)
    if len(groups) != matrix.shape[0] or (len(groups) and (groups.min() < -1 or groups.max() >= n_groups)):
        raise InvalidInputError(
            f"The groups do not fit a matrix of {matrix.shape[0]:,} cells and {n_groups} groups",
            do="Give one number a cell, -1 for those without a group",
        )
    sizes = np.bincount(groups[groups >= 0], minlength=n_groups).astype(np.int64)
    shape = (matrix.shape[1], n_groups)
    out = GroupSummary(np.empty(shape, np.int64), np.empty(shape), np.empty(shape), np.empty((*shape, len(QUANTILES))))
    for feature in range(shape[0]):
        piece = slice(matrix.indptr[feature], matrix.indptr[feature + 1])
        values = matrix.data[piece].astype(np.float64)
        _add(out, feature, (values, groups[matrix.indices[piece]]), sizes=sizes, threshold=params.threshold)
    return out


def _add(
    out: GroupSummary, feature: int, stored: tuple[np.ndarray, np.ndarray], *, sizes: np.ndarray, threshold: float
) -> None:
    """Summarise one feature from its stored values and the group of each."""
    values, group = stored
    n_groups = len(sizes)
    inside = group >= 0
    values, group = values[inside], group[inside]
    missing = np.isnan(values)
    n = sizes - np.bincount(group[missing], minlength=n_groups)
    values, group = values[~missing], group[~missing]
    above = np.bincount(group[values > threshold], minlength=n_groups).astype(np.float64)
    n_stored = np.bincount(group, minlength=n_groups)
    if threshold < 0:
        above += n - n_stored
    sums = np.bincount(group, weights=values, minlength=n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):  # groups without cells become NaN
        out.mean[feature], out.share[feature] = sums / n, above / n
    out.n[feature] = n
    order = np.lexsort((values, group))
    sorted_values = values[order]
    n_below = np.bincount(group[values < 0], minlength=n_groups)
    starts = np.concatenate([[0], np.cumsum(n_stored)[:-1]])
    out.quantiles[feature] = _quantiles(sorted_values, starts, n_below=n_below, n_zeros=n - n_stored, n=n)


def _quantiles(
    values: np.ndarray, starts: np.ndarray, *, n_below: np.ndarray, n_zeros: np.ndarray, n: np.ndarray
) -> np.ndarray:
    """Quantiles of each group, of stored values sorted within it and zeros that are counted only.

    Parameters
    ----------
    values : shape (n_stored,), the groups one after the other
    starts, n_below, n_zeros, n : shape (n_groups,); where a group begins, its negative values, zeros, all its cells
    """
    place = np.asarray(QUANTILES)[None, :] * np.maximum(n - 1, 0)[:, None]
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(n - 1, 0)[:, None])

    def at(rank: np.ndarray) -> np.ndarray:
        below, zeros = n_below[:, None], n_zeros[:, None]
        is_zero = (rank >= below) & (rank < below + zeros)
        where = starts[:, None] + np.where(rank < below, rank, rank - zeros)
        held = np.append(values, 0.0)
        return np.where(is_zero, 0.0, held[np.clip(where, 0, len(values))])

    first = at(low)
    found: np.ndarray = first + (at(high) - first) * (place - low)
    found[n == 0] = np.nan
    return found
