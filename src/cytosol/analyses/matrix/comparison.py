"""Differential expression of two sets of cells: Wilcoxon rank-sum test or Welch's t-test, on all of their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.special

from cytosol.analyses.matrix.markers import MarkerParams, adjust_p, find_markers, fold_change
from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock

METHODS = ("wilcoxon", "t-test", "pseudobulk")


@dataclass(frozen=True, slots=True)
class CompareParams(Params):
    """Parameters of a comparison."""

    method: str = parameter(
        "wilcoxon",
        "Test: Wilcoxon rank-sum and Welch's t-test take each cell as one observation, pseudobulk each replicate",
        choices=METHODS,
    )
    min_cells: int = parameter(
        10, "Pseudobulk only: replicates with fewer cells in a selection are left out of it", unit="cells", minimum=1
    )
    pseudo_mean: float = parameter(
        1e-9, "Added to both means before their ratio, so that absent genes have one", unit="transcripts", minimum=0
    )


@dataclass(frozen=True, slots=True)
class CompareRun(CompareParams):
    """Parameters of a comparison in a table that is ready."""

    first: Mapping[str, object] = parameter({}, "Cells in which a feature is said to be higher or lower", required=True)
    second: Mapping[str, object] = parameter({"rest": True}, "Cells to compare with; by default all others")
    replicate: str = parameter(
        "",
        "Pseudobulk only: what tells the biological replicates apart, such as the donor",
        names="column-or-attribute",
    )
    paired: bool = parameter(
        False,
        "Pseudobulk only: whether each replicate's two sides are compared with each other (replicate in the design)",
    )
    covariates: tuple[str, ...] = parameter(
        (), "Pseudobulk only: further properties of the replicates in the design, such as sex or batch",
        type="strings", names="column-or-attribute",
    )  # fmt: skip

    def __post_init__(self) -> None:
        # a class with slots is made anew, so that super() without arguments does not find it
        super(CompareRun, self).__post_init__()
        if self.method == "pseudobulk" and not self.replicate:
            raise InvalidInputError(
                "Pseudobulk needs replicates: without them the variation between individuals is not known",
                where="replicate",
                do="Name the annotation or attribute that tells donors or samples apart, or use wilcoxon",
            )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every feature compared; each array of shape (n_features,), float64.

    Attributes
    ----------
    statistic : z (Wilcoxon), t (Welch) or Wald's z (pseudobulk), above 0 = higher in the first; 0 where the feature is
        constant; NaN = not tested
    p : two-sided; 1 where the feature is constant; NaN = not tested
    p_adjusted : Benjamini and Hochberg over the features that were tested
    log2_fold_change : see `markers.fold_change`; of pseudobulk the model's coefficient
    mean_first, mean_second : means of the values as given over the cells
    share_first, share_second : share of 1 of cells with a value other than 0
    """

    statistic: np.ndarray
    p: np.ndarray
    p_adjusted: np.ndarray
    log2_fold_change: np.ndarray
    mean_first: np.ndarray
    mean_second: np.ndarray
    share_first: np.ndarray
    share_second: np.ndarray


@dataclass(frozen=True, slots=True)
class Moments:
    """What two sets of cells hold of each feature; arrays of shape (2, n_features), float64, first set first.

    Attributes
    ----------
    sizes : shape (2,), int64, cells of each set
    mean, variance : of the values, the variance with n - 1; NaN where it has fewer cells than that takes
    share : share of 1 of cells with a value other than 0
    """

    sizes: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    share: np.ndarray


def compare_cells(
    blocks: Iterable[MatrixBlock],
    labels: np.ndarray,
    *,
    n_features: int,
    params: CompareParams | None = None,
    is_log: bool = True,
) -> Comparison:
    """Test every feature between two sets of cells, each cell an observation.

    Parameters
    ----------
    blocks : log-normalised values, or others where ``is_log`` is False; axis "features" (CSC)
    labels : shape (n_cells,), integer; 0 = first set, 1 = second, -1 = neither
    n_features : features that no block brings count as all zero
    params : None = defaults; ``method`` is "wilcoxon" or "t-test"
    is_log : whether fold changes are of what the values are the logarithm of

    Raises
    ------
    InvalidInputError
        Where a set has too few cells for the test, or values are missing.

    Notes
    -----
    Mann and Whitney 1947, doi:10.1214/aoms/1177730491, asymptotic with tie correction and without continuity
    correction; Welch 1947, doi:10.1093/biomet/34.1-2.28.
    """
    params = params or CompareParams()
    tests: dict[str, Callable[[Iterable[MatrixBlock], np.ndarray, int, CompareParams], Comparison]]
    tests = {"wilcoxon": _wilcoxon, "t-test": _welch}
    if params.method not in tests:
        raise InvalidInputError(f"'{params.method}' does not test cells", where="method", do="Use wilcoxon or t-test")
    labels = np.asarray(labels)
    least = 2 if params.method == "t-test" else 1
    for number, name in enumerate(("first", "second")):
        n = int((labels == number).sum())
        if n < least:
            raise InvalidInputError(f"The selection has {n} cells, {least} are needed", where=name)
    found = tests[params.method](blocks, labels, n_features, params)
    change = fold_change(found.mean_first, found.mean_second, params.pseudo_mean, is_log=is_log)
    return replace(found, log2_fold_change=change)


def _wilcoxon(blocks: Iterable[MatrixBlock], labels: np.ndarray, n_features: int, params: CompareParams) -> Comparison:
    found = find_markers(
        blocks, labels, n_groups=2, n_features=n_features, params=MarkerParams(pseudo_mean=params.pseudo_mean)
    )
    return Comparison(
        found.z[0], found.p[0], found.p_adjusted[0],
        found.log2_fold_change[0],
        found.mean_in[0], found.mean_in[1], found.share_in[0], found.share_in[1],
    )  # fmt: skip


def _welch(blocks: Iterable[MatrixBlock], labels: np.ndarray, n_features: int, params: CompareParams) -> Comparison:
    found = moments(blocks, labels, n_features=n_features)
    spread = found.variance / found.sizes[:, None]
    difference = found.mean[0] - found.mean[1]
    with np.errstate(divide="ignore", invalid="ignore"):  # constant features are settled below
        t = difference / np.sqrt(spread.sum(axis=0))
        freedom = spread.sum(axis=0) ** 2 / (spread**2 / (found.sizes[:, None] - 1)).sum(axis=0)
    p = np.minimum(2 * scipy.special.stdtr(np.where(np.isfinite(freedom), freedom, 1.0), -np.abs(t)), 1.0)
    same = (spread.sum(axis=0) == 0) & (difference == 0)
    t[same], p[same] = 0.0, 1.0
    return summarised(found, t, p, fold_change(found.mean[0], found.mean[1], params.pseudo_mean))


def summarised(found: Moments, statistic: np.ndarray, p: np.ndarray, change: np.ndarray) -> Comparison:
    """The result of a test together with means and shares; p values that are NaN were not tested."""
    adjusted = np.full(len(p), np.nan)
    tested = np.isfinite(p)
    if tested.any():
        adjusted[tested] = adjust_p(p[tested])
    return Comparison(statistic, p, adjusted, change, *found.mean, *found.share)


def moments(blocks: Iterable[MatrixBlock], labels: np.ndarray, *, n_features: int) -> Moments:
    """Means and variances of two sets of cells, the variances about the means in a second look at each block.

    Parameters
    ----------
    blocks : log-normalised values, or others where ``is_log`` is False; axis "features" (CSC)
    labels : shape (n_cells,), integer; 0 = first set, 1 = second, -1 = neither
    n_features : features that no block brings count as all zero
    """
    sizes = np.bincount(labels[labels >= 0], minlength=2)[:2].astype(np.int64)
    mean, variance, share = np.zeros((2, n_features)), np.zeros((2, n_features)), np.zeros((2, n_features))
    for block in blocks:
        values, width = block.values, block.values.shape[1]
        span = slice(block.start, block.start + width)
        if block.axis != "features" or values.shape[0] != len(labels) or span.stop > n_features:
            raise InvalidInputError("A block of the matrix does not fit the cells", do="Give feature-major blocks")
        column = np.repeat(np.arange(width), np.diff(values.indptr))
        group = labels[values.indices]
        for number in range(2):
            chosen = group == number
            of, data = column[chosen], values.data[chosen].astype(np.float64)
            if np.isnan(data).any():
                raise InvalidInputError("The matrix holds missing values", do="Remove or replace them")
            n = int(sizes[number])
            filled = np.bincount(of, minlength=width)
            average = np.bincount(of, weights=data, minlength=width) / n
            squares = np.bincount(of, weights=(data - average[of]) ** 2, minlength=width)
            mean[number, span] = average
            variance[number, span] = (squares + (n - filled) * average**2) / (n - 1) if n > 1 else np.nan
            share[number, span] = np.bincount(of[data != 0], minlength=width) / n
    return Moments(sizes, mean, variance, share)
