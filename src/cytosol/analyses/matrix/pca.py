"""Principal components of the chosen genes by their covariance matrix: exact, block by block, with fixed signs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_LANCZOS_FROM = 500
"""Features from which on the leading eigenvectors are found by iteration."""
_SPARSE_BELOW = 0.1
"""Share of values other than zero below which products are made value by value."""

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
    threads: int = parameter(
        1, "Threads of the matrix products; another number may change the last bits", minimum=1, maximum=256
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
    Halko et al. 2011, doi:10.1137/090771806, names the ways; here products of genes are summed from single-precision
    blocks in double precision, and the leading eigenvectors of the covariance are found by Lanczos iteration and
    made orthonormal in double precision (few genes: decomposed whole). Memory: 3 × 8 × n_features² bytes and a block.
    """
    # Opens every loaded library, which the server process never needs.
    from threadpoolctl import threadpool_limits

    with threadpool_limits((params or PcaParams()).threads, user_api="blas"):
        return _components(matrix, params or PcaParams())


def _components(matrix: sp.csr_matrix | RowBlocks, params: PcaParams) -> PcaResult:
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
    values, vectors = _leading(covariance, n_components)
    variance = np.maximum(values, 0)
    loadings = fix_signs(vectors)
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


def _leading(covariance: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest eigenvalues, shape (k,), decreasing, and their vectors, shape (n_features, k); both float64."""
    n_features = len(covariance)
    scale = float(np.abs(covariance.diagonal()).max())
    if n_features >= _LANCZOS_FROM and k <= n_features // 8 and scale > 0:
        try:
            start = np.random.default_rng(0).standard_normal(n_features).astype(np.float32)
            _, rough = scipy.sparse.linalg.eigsh((covariance / scale).astype(np.float32), k, v0=start, ncv=3 * k + 20)
        except scipy.sparse.linalg.ArpackError:  # no convergence: decomposed whole below
            pass
        else:
            basis = np.linalg.qr(rough.astype(np.float64))[0]
            values, turn = scipy.linalg.eigh(basis.T @ covariance @ basis)
            return values[::-1], (basis @ turn)[:, ::-1]
    values, vectors = scipy.linalg.eigh(covariance, subset_by_index=[n_features - k, n_features - 1])
    return values[::-1], vectors[:, ::-1]


def _gram(blocks: Callable[[], Iterator[sp.csr_matrix]], block_bytes: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Number of rows, mean of the columns, and the sum of products of the centred columns."""
    sums: _Sums | None = None
    for block in blocks():
        if block.shape[0] and sums is None:
            sums = _Sums(block)
        step = max(1, block_bytes // (4 * max(1, block.shape[1])))
        for start in range(0, block.shape[0], step):
            if sums is not None:
                sums.add(block[start : start + step])
    if sums is None:
        return 0, np.zeros(0), np.zeros((0, 0))
    return sums.centred()


class _Sums:
    """Sums of values and of products of columns, row block by row block.

    Sparse rows are multiplied value by value, dense ones as matrices, after a shift near the mean so that single
    precision suffices; the first block decides. In sparse data the mean is small beside the spread.
    """

    def __init__(self, first: sp.csr_matrix) -> None:
        n_features = first.shape[1]
        self.n_cells = 0
        self.sparse = first.nnz < _SPARSE_BELOW * first.shape[0] * n_features
        self.shift = np.zeros(n_features, np.float32)
        if not self.sparse:
            self.shift = np.asarray(first[:1000].mean(axis=0)).ravel().astype(np.float32)
        self.total = np.zeros(n_features)
        self.upper = np.zeros((n_features, n_features))

    def add(self, rows: sp.csr_matrix) -> None:
        self.n_cells += rows.shape[0]
        if not self.sparse:
            dense = rows.toarray().astype(np.float32, copy=False)
            dense -= self.shift
            self.total += dense.sum(axis=0, dtype=np.float64)
            self.upper += dense.T @ dense
            return
        from cytosol.analyses.matrix import kernels  # numba; runs in job processes only

        rows = rows if rows.has_sorted_indices else rows.sorted_indices()
        data = rows.data.astype(np.float32, copy=False)
        self.total += np.bincount(rows.indices, data, len(self.total))
        products = np.zeros(self.upper.shape, np.float32)
        kernels.add_products(data, rows.indices, rows.indptr, products)
        self.upper += products

    def centred(self) -> tuple[int, np.ndarray, np.ndarray]:
        """Number of rows, mean, and the sum of products of the centred columns, whole."""
        mean = self.total / self.n_cells
        upper = np.triu(self.upper - np.outer(self.total, mean))
        return self.n_cells, mean + self.shift, upper + np.triu(upper, 1).T


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
