from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.matrix.connectivities import connectivities, fuzzy_set, shared_neighbors
from cytosol.analyses.matrix.neighbors import NeighborParams, Neighbors, find_neighbors


def slow_fuzzy_set(found: Neighbors) -> np.ndarray:
    """One cell after the other."""
    n_cells, k = found.index.shape
    directed = np.zeros((n_cells, n_cells))
    for cell in range(n_cells):
        distance = found.distance[cell].astype(np.float64)
        positive = distance[distance > 0]
        rho = positive.min() if len(positive) else 0.0
        low, high, sigma = 0.0, np.inf, 1.0
        for _ in range(64):
            total = np.exp(-np.maximum(distance - rho, 0) / sigma).sum()
            if abs(total - np.log2(k + 1)) < 1e-5:
                break
            if total > np.log2(k + 1):
                high = sigma
            else:
                low = sigma
            sigma = (low + high) / 2 if np.isfinite(high) else sigma * 2
        directed[cell, found.index[cell]] = np.exp(-np.maximum(distance - rho, 0) / sigma)
    return directed + directed.T - directed * directed.T


def test_the_fuzzy_set_is_the_slow_one() -> None:
    found = find_neighbors(np.random.default_rng(0).normal(size=(150, 6)), 9)
    graph = fuzzy_set(found)
    np.testing.assert_allclose(graph.toarray(), slow_fuzzy_set(found), atol=2e-6)
    assert graph.dtype == np.float32
    assert graph.has_sorted_indices
    assert abs(graph - graph.T).max() < 1e-7
    assert not graph.diagonal().any()
    assert graph.data.min() > 0
    assert graph.data.max() <= 1


def test_shared_neighbours_weigh_by_rank() -> None:
    # On a line, cells 0 and 1 are neighbours of rank 1 of each other: r = 1, weight k - 0.5.
    found = find_neighbors(np.array([[0.0], [1.0], [2.1], [3.3], [90.0]]), 2)
    graph = shared_neighbors(found).toarray()
    assert graph[0, 1] == graph[1, 0] == 1.5
    assert (graph == graph.T).all()
    assert not graph.diagonal().any()


def test_only_the_wanted_neighbours_are_used() -> None:
    found = find_neighbors(np.random.default_rng(1).normal(size=(200, 4)), 40)
    for kind in ("umap", "snn"):
        params = NeighborParams(n_neighbors=10, graph=kind)
        one, other = connectivities(found, params), connectivities(found.first(9), params)
        assert abs(one - other).max() == 0


def test_the_neighbours_stay_as_they_are() -> None:
    found = find_neighbors(np.random.default_rng(1).normal(size=(200, 4)), 9)
    before = found.index.tobytes(), found.distance.tobytes()
    for kind in ("umap", "snn"):
        connectivities(found, NeighborParams(n_neighbors=10, graph=kind))
    assert (found.index.tobytes(), found.distance.tobytes()) == before


def test_cells_that_coincide() -> None:
    graph = fuzzy_set(find_neighbors(np.zeros((6, 2)), 3))
    assert isinstance(graph, sp.csr_matrix)
    assert np.isfinite(graph.data).all()
    assert graph.data.max() == 1
