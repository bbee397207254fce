"""Marker genes of each cluster: one-versus-rest Wilcoxon rank-sum test with tie correction, read feature by feature."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.special

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock

_PIECE = 200_000
"""Nonzero values that are worked on at once."""


@dataclass(frozen=True, slots=True)
class MarkerParams(Params):
    """Parameters of the marker search."""

    pseudo_mean: float = parameter(
        1e-9, "Added to both means before their ratio, so that absent genes have one", unit="transcripts", minimum=0
    )


@dataclass(frozen=True, slots=True)
class MarkerRun(MarkerParams):
    """Parameters of a marker search in a table that is ready."""

    column: str = parameter("", "Annotation whose groups are tested", names="column", required=True)


@dataclass(frozen=True, slots=True)
class Markers:
    """Every gene tested in every cluster against all other cells; each array of shape (n_groups, n_features).

    Attributes
    ----------
    z : float64; standardised rank sum, above 0 = higher in the cluster; 0 where the gene is constant or the cluster
        or its rest is empty
    p : float64; two-sided, asymptotic, without continuity correction; 1 where z is 0 for want of data
    p_adjusted : float64; Benjamini and Hochberg over the features of a cluster
    log2_fold_change : float64; see `fold_change`; NaN where the cluster or its rest is empty
    share_in, share_out : float64, share of 1 of cells with a value other than 0; NaN where there are none
    mean_in, mean_out : float64; means of the values as given; NaN where there are none
    """

    z: np.ndarray
    p: np.ndarray
    p_adjusted: np.ndarray
    log2_fold_change: np.ndarray
    share_in: np.ndarray
    share_out: np.ndarray
    mean_in: np.ndarray
    mean_out: np.ndarray

    def ranking(self, group: int) -> np.ndarray:
        """Features of a cluster, best marker first: by z, decreasing, then by number; shape (n_features,), int64."""
        return np.argsort(-self.z[group], kind="stable")


def find_markers(
    blocks: Iterable[MatrixBlock],
    labels: np.ndarray,
    *,
    n_groups: int,
    n_features: int,
    params: MarkerParams | None = None,
    is_log: bool = True,
) -> Markers:
    """Test every feature in every cluster against all other labelled cells.

    Parameters
    ----------
    blocks : log-normalised values, or others where ``is_log`` is False; axis "features" (CSC)
    labels : shape (n_cells,), integer; cluster of each cell, 0 to n_groups - 1, -1 = left out
    n_groups, n_features : size of the result; features that no block brings count as all zero
    params : None = defaults
    is_log : whether fold changes are of what the values are the logarithm of

    Raises
    ------
    InvalidInputError
        For labels out of range, blocks that do not fit, or values that are missing.

    Notes
    -----
    Mann and Whitney 1947, doi:10.1214/aoms/1177730491; ranks are summed as integers, hence exactly. Time: one sort of
    the nonzero values of each feature.
    """
    params = params or MarkerParams()
    labels = np.asarray(labels)
    if n_groups < 1 or (len(labels) and (labels.min() < -1 or labels.max() >= n_groups)):
        raise InvalidInputError(
            f"The cluster numbers of the cells do not lie in 0 to {n_groups - 1}", do="Give -1 to cells without one"
        )
    sizes = np.bincount(labels[labels >= 0], minlength=n_groups).astype(np.int64)
    groups = np.where(labels < 0, n_groups, labels).astype(np.int32)
    sums = _Sums(
        np.zeros((n_features, n_groups), np.int64), np.zeros(n_features),
        np.zeros((n_features, n_groups)), np.zeros((n_features, n_groups), np.int64),
    )  # fmt: skip
    # Ranks of a feature without any value: all cells tie.
    n_cells = int(sizes.sum())
    sums.ranks[:] = sizes * (n_cells + 1)
    sums.ties[:] = float(n_cells) ** 3 - n_cells
    for block in blocks:
        _add_block(sums, block, groups, sizes)
    return _tests(sums, sizes, params.pseudo_mean, is_log=is_log)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over the cells of each group; ``ranks`` is twice the rank sum, ``ties`` the sum of t³ - t."""

    ranks: np.ndarray
    ties: np.ndarray
    values: np.ndarray
    counts: np.ndarray


def _add_block(sums: _Sums, block: MatrixBlock, groups: np.ndarray, sizes: np.ndarray) -> None:
    values, start = block.values, block.start
    if block.axis != "features" or values.shape[0] != len(groups) or start + values.shape[1] > len(sums.ties):
        raise InvalidInputError("A block of the matrix does not fit the clusters", do="Give feature-major blocks")
    indptr = values.indptr
    # In pieces that stay in the cache of the processor.
    first = 0
    while first < values.shape[1]:
        last = max(first + 1, int(np.searchsorted(indptr, indptr[first] + _PIECE, side="right")) - 1)
        _add_columns(sums, start + first, sizes, _labelled(values, (first, last), groups, len(sizes)))
        first = last


def _add_columns(
    sums: _Sums, start: int, sizes: np.ndarray, columns: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    from cytosol.analyses.matrix import kernels  # numba; runs in job processes only

    data, group, indptr = columns
    stop = start + len(indptr) - 1
    bits = data.view(np.uint32)
    # Order of floats as order of integers: flip all bits of negative ones, else the sign bit.
    sign = np.uint32(1 << 31)
    order = bits | sign if data.size and data.min() > 0 else np.where(bits & sign, ~bits, bits | sign)
    keys = order.astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= group.view(np.uint32)
    for first, last in itertools.pairwise(indptr.tolist()):
        keys[first:last].sort()
    sums.ranks[start:stop] = 0
    kernels.rank_sums(keys, indptr, sizes, sums.ranks[start:stop], sums.ties[start:stop])
    kernels.group_sums(data, group, indptr, sums.values[start:stop], sums.counts[start:stop])


def _labelled(
    values: sp.csc_matrix, columns: tuple[int, int], groups: np.ndarray, n_groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values other than zero of labelled cells, their groups, and where each column begins."""
    indptr = np.asarray(values.indptr[columns[0] : columns[1] + 1], np.int64)
    piece = slice(indptr[0], indptr[-1])
    data = np.asarray(values.data[piece], np.float32)
    group = groups[values.indices[piece]]
    indptr = indptr - indptr[0]
    if np.isnan(data).any():
        raise InvalidInputError("The matrix holds missing values", do="Remove or replace them")
    keep = (group < n_groups) & (data != 0)
    if not keep.all():
        before = np.concatenate([[0], np.cumsum(keep)])
        data, group, indptr = data[keep], group[keep], before[indptr]
    return data, group, indptr


def _tests(sums: _Sums, sizes: np.ndarray, pseudo_mean: float, *, is_log: bool) -> Markers:
    """From sums of shape (n_features, n_groups) to results of shape (n_groups, n_features)."""
    n_cells = int(sizes.sum())
    inside = sizes[:, None].astype(np.float64)
    outside = n_cells - inside
    with np.errstate(divide="ignore", invalid="ignore"):  # empty groups and constant features are settled below
        tie_share = sums.ties / (float(n_cells) * (n_cells - 1))
        deviation = np.sqrt(inside * outside / 12 * ((n_cells + 1) - tie_share))
        z = (sums.ranks.T - inside * (n_cells + 1)) / 2 / deviation
        mean_in = sums.values.T / inside
        mean_out = (sums.values.sum(axis=1) - sums.values.T) / outside
        share_in = sums.counts.T / inside
        share_out = (sums.counts.sum(axis=1) - sums.counts.T) / outside
        # A rest without the gene can come out a rounding error below zero.
        mean_out = np.where(share_out == 0, 0.0, mean_out)
    change = fold_change(mean_in, mean_out, pseudo_mean, is_log=is_log)
    z[~np.isfinite(z)] = 0
    p = np.minimum(2 * scipy.special.ndtr(-np.abs(z)), 1.0)
    return Markers(z, p, adjust_p(p), change, share_in, share_out, mean_in, mean_out)


def fold_change(first: np.ndarray, second: np.ndarray, pseudo_mean: float, *, is_log: bool = True) -> np.ndarray:
    """log2 of the ratio of two means, of log values before the logarithm (expm1 of their mean, as scanpy).

    Parameters
    ----------
    first, second : any one shape; means of log-normalised values, or of others where ``is_log`` is False

    Returns
    -------
    the same shape, float64; NaN where one of the means is below 0
    """
    if is_log:
        first, second = np.expm1(first), np.expm1(second)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = first + pseudo_mean, second + pseudo_mean
        change: np.ndarray = np.where((first < 0) | (second < 0), np.nan, np.log2(first / second))
    return change


def adjust_p(p: np.ndarray) -> np.ndarray:
    """Adjust p values for the number of tests, by Benjamini and Hochberg.

    Parameters
    ----------
    p : shape (..., n_tests), float64; no NaN; each row is a family of its own

    Returns
    -------
    shape (..., n_tests), float64, at most 1

    Notes
    -----
    doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    n_tests = p.shape[-1]
    order = np.argsort(p, axis=-1, kind="stable")[..., ::-1]
    steps = np.take_along_axis(p, order, axis=-1) * (n_tests / np.arange(n_tests, 0, -1))
    falling = np.minimum(np.minimum.accumulate(steps, axis=-1), 1.0)
    out = np.empty_like(p)
    np.put_along_axis(out, order, falling, axis=-1)
    return out
