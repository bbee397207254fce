"""Principal components of the chosen genes by their covariance matrix: exact, block by block, with fixed signs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

RowBlocks = Callable[[], Iterable[sp.csr_matrix]]
"""Gives the rows of a matrix in order, in blocks, as often as it is called."""


@dataclass(frozen=True, slots=True)
class PcaParams(Params):
    """Parameters of the principal component analysis."""

    n_components: int = parameter(50, "How many components are kept", unit="components", minimum=1, maximum=1000)
    scale: bool = parameter(False, "Whether every gene is scaled to unit variance first")
    block_bytes: int = parameter(
        32 << 20, "Memory of one block of cells as a dense matrix", unit="bytes", minimum=1 << 16
    )


@dataclass(frozen=True, slots=True)
class PcaResult:
    """Components in order of decreasing variance.

    Attributes
    ----------
    scores : shape (n_cells, n_components), float32; the embedding, in the unit of the values
    loadings : shape (n_features, n_components), float64, orthonormal columns; the largest absolute one is positive
    variance : shape (n_components,), float64; variance of each column of the scores
    variance_ratio : shape (n_components,), float64; share of 1 of the total variance
    mean : shape (n_features,), float64; subtracted before
    deviation : shape (n_features,), float64; divided by before; ones if not scaled
    """

    scores: np.ndarray
    loadings: np.ndarray
    variance: np.ndarray
    variance_ratio: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


def principal_components(matrix: sp.csr_matrix | RowBlocks, params: PcaParams | None = None) -> PcaResult:
    """Find the principal components of a cells × features matrix.

    Parameters
    ----------
    matrix : shape (n_cells, n_features), CSR, log-normalised values of the chosen genes (some thousands at most); or
        a function that gives its rows in blocks, called twice, for a matrix larger than memory
    params : None = defaults; at most min(n_cells - 1, n_features) components are found

    Raises
    ------
    InvalidInputError
        For fewer than two cells, no feature, or values that are not finite.

    Notes
    -----
    The products of genes are summed from single-precision blocks in double precision, after a shift close to the
    mean; the covariance is then decomposed in double precision. Memory: 3 × 8 × n_features² bytes and a block.
    """
    params = params or PcaParams()
    blocks = _once(matrix) if callable(matrix) else lambda: iter((matrix,))
    n_cells, mean, gram = _gram(blocks, params.block_bytes)
    if n_cells < 2 or not len(mean):
        raise InvalidInputError(
            f"Principal components need two cells and one gene, and there are {n_cells} and {len(mean)}",
            do="Loosen the filter of the cells or choose more genes",
        )
    covariance = gram / (n_cells - 1)
    if not np.isfinite(covariance.trace()):
        raise InvalidInputError("The matrix holds values that are missing or infinite", do="Remove or replace them")
    deviation = np.ones(len(mean))
    if params.scale:
        spread = np.sqrt(np.maximum(covariance.diagonal(), 0))
        deviation = np.where(spread > 0, spread, 1.0)
        covariance /= np.outer(deviation, deviation)
    total = float(covariance.trace())
    n_components = min(params.n_components, len(mean), n_cells - 1)
    values, vectors = scipy.linalg.eigh(
        covariance, subset_by_index=[len(mean) - n_components, len(mean) - 1], overwrite_a=True, check_finite=False
    )
    variance = np.maximum(values[::-1], 0)
    loadings = fix_signs(vectors[:, ::-1])
    scores = _project(blocks, loadings / deviation[:, None], mean, n_cells)
    ratio = variance / total if total > 0 else np.zeros(n_components)
    return PcaResult(scores, loadings, variance, ratio, mean, deviation)


def fix_signs(vectors: np.ndarray) -> np.ndarray:
    """Turn each column so that its entry of largest absolute value, the first of equals, is positive.

    Parameters
    ----------
    vectors : shape (n, n_vectors), float64

    Returns
    -------
    shape (n, n_vectors), float64, C order
    """
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    return np.ascontiguousarray(vectors * np.where(largest < 0, -1.0, 1.0))


def _once(blocks: RowBlocks) -> Callable[[], Iterator[sp.csr_matrix]]:
    return lambda: iter(blocks())


def _gram(blocks: Callable[[], Iterator[sp.csr_matrix]], block_bytes: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Number of rows, mean of the columns, and the sum of products of the centred columns."""
    n_cells, shift, total, gram = 0, np.zeros(0), np.zeros(0), np.zeros((0, 0))
    for block in blocks():
        step = max(1, block_bytes // (4 * max(1, block.shape[1])))
        for start in range(0, block.shape[0], step):
            dense = block[start : start + step].toarray().astype(np.float32, copy=False)
            if not n_cells:
                shift = dense.mean(axis=0)
                total, gram = np.zeros(dense.shape[1]), np.zeros((dense.shape[1],) * 2)
            dense -= shift
            total += dense.sum(axis=0, dtype=np.float64)
            gram += dense.T @ dense
            n_cells += len(dense)
    if n_cells:
        gram -= np.outer(total, total) / n_cells
        total = total / n_cells + shift
    return n_cells, total, gram


def _project(
    blocks: Callable[[], Iterator[sp.csr_matrix]], axes: np.ndarray, mean: np.ndarray, n_cells: int
) -> np.ndarray:
    scores = np.empty((n_cells, axes.shape[1]), np.float32)
    offset = mean @ axes
    single = axes.astype(np.float32)
    start = 0
    for block in blocks():
        stop = start + block.shape[0]
        scores[start:stop] = block.astype(np.float32, copy=False) @ single - offset
        start = stop
    return scores
