"""From nearest neighbours to a weighted, symmetric graph of cells: UMAP's fuzzy set, or shared neighbours."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.matrix.neighbors import NeighborParams, Neighbors


def connectivities(neighbors: Neighbors, params: NeighborParams | None = None) -> sp.csr_matrix:
    """Make the graph that ``params.graph`` names.

    Parameters
    ----------
    neighbors : of at least ``params.n_neighbors - 1`` others a cell; only so many are used
    params : None = defaults

    Returns
    -------
    shape (n_cells, n_cells), CSR, float32, symmetric, no diagonal; weights above 0, of UMAP's graph at most 1
    """
    params = params or NeighborParams()
    used = neighbors.first(params.n_neighbors - 1)
    return shared_neighbors(used) if params.graph == "snn" else fuzzy_set(used)


def fuzzy_set(neighbors: Neighbors) -> sp.csr_matrix:
    """UMAP's fuzzy simplicial set over all given neighbours.

    Parameters
    ----------
    neighbors : the nearest other cells

    Returns
    -------
    shape (n_cells, n_cells), CSR, float32, symmetric; weights in (0, 1]

    Notes
    -----
    McInnes et al. 2018, arXiv:1802.03426: weight exp(-(d - rho) / sigma), rho the smallest distance above zero,
    sigma such that the weights sum to log2(neighbourhood with the cell itself); union a + b - a·b of both directions.
    """
    distance = neighbors.distance.astype(np.float64)
    n_cells, k = distance.shape
    rho = np.where(distance > 0, distance, np.inf).min(axis=1)
    rho[np.isinf(rho)] = 0
    excess = np.maximum(distance - rho[:, None], 0)
    sigma = _bandwidth(excess, float(np.log2(k + 1)))
    row_mean = distance.sum(axis=1) / (k + 1)
    overall = float(distance.sum() / (n_cells * (k + 1)))
    sigma = np.maximum(sigma, 1e-3 * np.where(rho > 0, row_mean, overall))
    with np.errstate(invalid="ignore"):  # 0 / 0 where all cells coincide: weight 1
        weight = np.where(excess > 0, np.exp(-excess / sigma[:, None]), 1.0)
    directed = _matrix(neighbors.index, weight)
    both = directed.multiply(directed.T)
    return _clean(directed + directed.T - both)


def _bandwidth(excess: np.ndarray, target: float) -> np.ndarray:
    """Sigma of each row by bisection: shape (n_cells,), float64."""
    n_cells = len(excess)
    low, high, middle = np.zeros(n_cells), np.full(n_cells, np.inf), np.ones(n_cells)
    active = np.arange(n_cells)
    for _ in range(64):
        total = np.exp(-excess[active] / middle[active, None]).sum(axis=1)
        going = np.abs(total - target) >= 1e-5
        active, total = active[going], total[going]
        if not len(active):
            break
        above = total > target
        here = middle[active]
        high[active[above]] = here[above]
        low[active[~above]] = here[~above]
        open_end = np.isinf(high[active])
        middle[active] = np.where(open_end, here * 2, (low[active] + high[active]) / 2)
    return middle


def shared_neighbors(neighbors: Neighbors) -> sp.csr_matrix:
    """Shared-neighbour graph, weighted by rank.

    Parameters
    ----------
    neighbors : the nearest other cells

    Returns
    -------
    shape (n_cells, n_cells), CSR, float32, symmetric; weights above 0

    Notes
    -----
    Xu and Su 2015, doi:10.1093/bioinformatics/btv088: weight max(k - r / 2, 1e-6), r the smallest sum of ranks of a
    shared neighbour; a cell is its own neighbour of rank 0.
    """
    import scranpy  # heavy library; runs in job processes only
    from knncolle import FindKnnResults

    found = FindKnnResults(
        index=np.ascontiguousarray(neighbors.index, np.uint32),
        distance=np.ascontiguousarray(neighbors.distance, np.float64),
    )
    graph = scranpy.build_snn_graph(found, weight_scheme="ranked")
    ends = np.asarray(graph["edges"], np.int64).reshape(-1, 2)
    n_cells = len(neighbors.index)
    half = sp.csr_matrix((np.asarray(graph["weights"]), (ends[:, 0], ends[:, 1])), shape=(n_cells, n_cells))
    return _clean(half + half.T)


def _matrix(index: np.ndarray, weight: np.ndarray) -> sp.csr_matrix:
    n_cells, k = index.shape
    # Sorting works in place, so that the matrix must not share the neighbours' memory.
    made = sp.csr_matrix((weight.ravel(), index.flatten(), np.arange(n_cells + 1) * k), shape=(n_cells, n_cells))
    made.sort_indices()
    return made


def _clean(graph: sp.spmatrix) -> sp.csr_matrix:
    made = sp.csr_matrix(graph, dtype=np.float32)
    made.eliminate_zeros()
    made.sort_indices()
    return made
