"""Highly variable genes (flavour 'seurat'), from moments gathered block by block over a feature-major matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock

_COLUMNS = 64
"""Columns that are worked on at once."""


@dataclass(frozen=True, slots=True)
class VariableGenesParams(Params):
    """How many genes are chosen, and how their dispersions are compared."""

    n_genes: int = parameter(2000, "How many genes are chosen", unit="genes", minimum=1)
    n_bins: int = parameter(
        20, "Bins of mean expression within which dispersions are compared", unit="bins", minimum=1, maximum=1000
    )


@dataclass(frozen=True, slots=True)
class GeneMoments:
    """Mean and variance of each gene over cells, of the normalised values before the logarithm.

    Attributes
    ----------
    mean, variance : shape (n_features,), float64, transcripts per target sum; variance with n - 1
    """

    mean: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True, slots=True)
class VariableGenes:
    """The chosen genes and what they were chosen by.

    Attributes
    ----------
    chosen : shape (n_features,), bool
    mean : shape (n_features,), float64; ln(1 + mean)
    dispersion : shape (n_features,), float64; ln(variance / mean), NaN for a constant gene
    normalized_dispersion : shape (n_features,), float64; z score of the dispersion within its bin of mean expression;
        NaN for a constant gene
    """

    chosen: np.ndarray
    mean: np.ndarray
    dispersion: np.ndarray
    normalized_dispersion: np.ndarray


def gene_moments(blocks: Iterable[MatrixBlock], n_cells: int, n_features: int) -> GeneMoments:
    """Gather mean and variance of each gene in one pass.

    Parameters
    ----------
    blocks : log-normalised values, axis "features" (CSC)
    n_cells, n_features : size of the whole matrix; n_cells of at least 2

    Raises
    ------
    InvalidInputError
        For fewer than two cells, or for cell-major blocks.
    """
    if n_cells < 2:
        raise InvalidInputError("Variable genes need at least two cells", do="Loosen the filter of the cells")
    mean, variance = np.zeros(n_features), np.zeros(n_features)
    for block in blocks:
        if block.axis != "features":
            raise InvalidInputError("Variable genes are read feature by feature", do="Give feature-major blocks")
        indptr = block.values.indptr
        # In pieces that stay in the cache of the processor.
        for first in range(0, len(indptr) - 1, _COLUMNS):
            ends = indptr[first : first + _COLUMNS + 1]
            data = np.expm1(block.values.data[ends[0] : ends[-1]]).astype(np.float64)
            where = slice(block.start + first, block.start + first + len(ends) - 1)
            mean[where] = _column_sums(data, ends - ends[0]) / n_cells
            square = _column_sums(data * data, ends - ends[0]) / n_cells
            variance[where] = np.maximum(square - mean[where] ** 2, 0) * (n_cells / (n_cells - 1))
    return GeneMoments(mean, variance)


def _column_sums(data: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    sums = np.zeros(len(indptr) - 1)
    filled = np.flatnonzero(np.diff(indptr))
    if len(filled):
        sums[filled] = np.add.reduceat(data, indptr[filled])
    return sums


def choose_variable_genes(moments: GeneMoments, params: VariableGenesParams | None = None) -> VariableGenes:
    """Choose the genes with the highest normalised dispersion.

    Parameters
    ----------
    moments : of all genes that may be chosen
    params : how many, and the bins; None = defaults

    Returns
    -------
    VariableGenes; more than asked for are chosen only where several have exactly the last one's dispersion, fewer
    only where fewer vary.

    Notes
    -----
    Satija et al. 2015, doi:10.1038/nbt.3192, as scanpy's ``highly_variable_genes(flavor="seurat")``. A gene alone
    in its bin gets a normalised dispersion of 1.
    """
    params = params or VariableGenesParams()
    mean = np.where(moments.mean == 0, 1e-12, moments.mean)
    dispersion = moments.variance / mean
    dispersion[dispersion == 0] = np.nan
    dispersion = np.log(dispersion)
    log_mean = np.log1p(mean)
    bins = _bins(log_mean, params.n_bins)
    varies = ~np.isnan(dispersion)
    count = np.bincount(bins[varies], minlength=params.n_bins).astype(np.float64)
    total = np.bincount(bins[varies], dispersion[varies], params.n_bins)
    average = np.divide(total, count, out=np.full(params.n_bins, np.nan), where=count > 0)
    squares = np.bincount(bins[varies], (dispersion[varies] - average[bins[varies]]) ** 2, params.n_bins)
    spread = np.sqrt(np.divide(squares, count - 1, out=np.full(params.n_bins, np.nan), where=count > 1))
    alone = np.isnan(spread)
    spread[alone], average[alone] = average[alone], 0
    with np.errstate(divide="ignore", invalid="ignore"):  # a bin whose genes all disperse alike gives NaN or infinity
        normalized = (dispersion - average[bins]) / spread[bins]
    ranked = np.sort(normalized[~np.isnan(normalized)])[::-1]
    chosen = np.zeros(len(mean), bool)
    if len(ranked):
        cutoff = ranked[min(params.n_genes, len(ranked)) - 1]
        chosen = np.nan_to_num(normalized, nan=-np.inf) >= cutoff
    return VariableGenes(chosen, log_mean, dispersion, normalized)


def _bins(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Bins of equal width, closed on the right, the first a thousandth wider (as ``pandas.cut``)."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        margin = 0.001 * abs(low) if low != 0 else 0.001
        edges = np.linspace(low - margin, high + margin, n_bins + 1)
    else:
        edges = np.linspace(low, high, n_bins + 1)
        edges[0] -= (high - low) * 0.001
    return np.asarray(np.clip(np.searchsorted(edges, values, side="left") - 1, 0, n_bins - 1))
