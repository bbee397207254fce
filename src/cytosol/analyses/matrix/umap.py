"""UMAP: the layout of a fuzzy graph of cells by stochastic descent, from a spectral start, one thread, seeded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.sparse as sp

from cytosol.analyses.matrix.spectral import SpectralParams, spectral_embedding
from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class UmapParams(Params):
    """Parameters of the UMAP layout; the neighbourhood size is that of the graph."""

    min_dist: float = parameter(0.5, "Smallest distance of cells in the plane", minimum=0, maximum=10)
    spread: float = parameter(1.0, "Scale of the layout", minimum=0.01, maximum=100)
    n_epochs: int = parameter(
        0, "Rounds of the descent; 0 = 500 up to 10,000 cells, 200 beyond", unit="rounds", minimum=0, maximum=10_000
    )
    negative_samples: int = parameter(
        5, "Random cells that push away for each neighbour that pulls", unit="cells", minimum=1, maximum=100
    )
    seed: int = parameter(0, "Seed of the start and of the random cells", minimum=0, maximum=2**32 - 1)


def umap(graph: sp.csr_matrix, params: UmapParams | None = None, *, start: np.ndarray | None = None) -> np.ndarray:
    """Lay the cells out in the plane so that the edges of the graph become short.

    Parameters
    ----------
    graph : shape (n_cells, n_cells), UMAP's fuzzy set (``connectivities``)
    params : None = defaults
    start : shape (n_cells, at least 2), first coordinates, for example a spectral embedding of the same graph that
        was made anyway; None = it is made here

    Returns
    -------
    shape (n_cells, 2), float32, unitless

    Raises
    ------
    InvalidInputError
        For fewer than three cells.

    Notes
    -----
    McInnes et al. 2018, arXiv:1802.03426; the descent of umap-learn, in single precision.
    """
    from cytosol.analyses.matrix import kernels  # numba; runs in job processes only

    params = params or UmapParams()
    n_cells = graph.shape[0]
    if n_cells < 3:
        raise InvalidInputError("UMAP needs at least three cells", do="Loosen the filter of the cells")
    n_epochs = params.n_epochs or (500 if n_cells <= 10_000 else 200)
    if start is None:
        start = spectral_embedding(graph, SpectralParams(n_components=2, seed=params.seed))
    placed = _first_coordinates(start, params.seed)
    a, b = fit_curve(params.spread, params.min_dist)
    weight = graph.data / graph.data.max() if graph.nnz else graph.data
    head = np.repeat(np.arange(n_cells, dtype=np.int32), np.diff(graph.indptr))
    # The graph is symmetric: an edge is walked from its first cell only and moves both of its cells.
    kept = (weight >= 1 / n_epochs) & (head < graph.indices)
    edges = (head[kept], graph.indices[kept].astype(np.int32))
    pull, push = _forces(a, b, kernels.FORCE_SHIFT)
    period = (1 / weight[kept]).astype(np.float32)
    kernels.lay_out(placed, edges, period, pull, push, (n_epochs, params.negative_samples), np.uint64(params.seed))
    return placed


def _first_coordinates(start: np.ndarray, seed: int) -> np.ndarray:
    """The first two columns, spread over 0 to 10, with a little noise so that equal cells part."""
    plane = np.zeros((len(start), 2))
    plane[:, : min(2, start.shape[1])] = start[:, :2]
    largest = np.abs(plane).max()
    plane *= 10 / largest if largest > 0 else 1
    plane += np.random.default_rng(seed).normal(scale=1e-4, size=plane.shape)
    low, high = plane.min(axis=0), plane.max(axis=0)
    return np.ascontiguousarray(10 * (plane - low) / np.maximum(high - low, 1e-12), np.float32)


def _forces(a: float, b: float, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Pull and push over distance, for every squared distance by the upper bits of its single-precision spelling."""
    bits = (np.arange(1 << (31 - shift), dtype=np.uint32) << np.uint32(shift)) + np.uint32(1 << (shift - 1))
    largest = np.float32(np.finfo(np.float32).max).view(np.uint32)
    squared = np.minimum(bits, largest).view(np.float32).astype(np.float64)
    power = squared**b
    pull = -2 * a * b * power / (squared * (a * power + 1))
    push = 2 * b / ((0.001 + squared) * (a * power + 1))
    pull[0] = push[0] = 0.0  # cells in the same place have no direction
    return np.maximum(pull, -1e30).astype(np.float32), push.astype(np.float32)


def fit_curve(spread: float, min_dist: float) -> tuple[float, float]:
    """The a and b of 1 / (1 + a·d^(2b)) that come closest to the wanted fall of similarity with distance.

    Parameters
    ----------
    spread, min_dist : in the unit of the layout
    """
    x = np.linspace(0, 3 * spread, 300)
    wanted = np.where(x < min_dist, 1.0, np.exp(-(x - min_dist) / spread))
    (a, b), _ = scipy.optimize.curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), x, wanted)
    return float(a), float(b)
