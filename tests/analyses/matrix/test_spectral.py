from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.connectivities import fuzzy_set
from cytosol.analyses.matrix.neighbors import find_neighbors
from cytosol.analyses.matrix.spectral import SpectralParams, spectral_embedding
from cytosol.base.errors import InvalidInputError


def slow(graph: sp.csr_matrix, k: int) -> np.ndarray:
    """Eigenvectors of the whole Laplacian."""
    dense = graph.toarray().astype(np.float64)
    root = 1 / np.sqrt(dense.sum(axis=1))
    return np.linalg.eigh(np.eye(len(dense)) - root[:, None] * dense * root)[1][:, 1 : k + 1]


@pytest.mark.parametrize("n", [60, 700])
def test_as_the_whole_laplacian(n: int) -> None:
    rng = np.random.default_rng(3)
    angle = rng.uniform(0, 5, n)
    points = np.c_[np.cos(angle), np.sin(angle)] + rng.normal(scale=0.02, size=(n, 2))
    graph = fuzzy_set(find_neighbors(points, 14))
    found = spectral_embedding(graph, SpectralParams(n_components=3))
    assert np.abs((found * slow(graph, 3)).sum(axis=0)).min() > 1 - 1e-4
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, rtol=1e-5)
    assert (found[np.abs(found).argmax(axis=0), np.arange(3)] > 0).all()
    other = spectral_embedding(graph, SpectralParams(n_components=3, seed=5))
    np.testing.assert_allclose(other, found, atol=1e-3)


def test_pieces_come_apart_and_few_cells_work() -> None:
    rng = np.random.default_rng(0)
    points = np.r_[rng.normal(size=(150, 3)), rng.normal(size=(250, 3)) + 1000]
    found = spectral_embedding(fuzzy_set(find_neighbors(points, 10)))
    assert found.shape == (400, 10)
    assert np.isfinite(found).all()
    assert spectral_embedding(fuzzy_set(find_neighbors(points[:3], 2))).shape == (3, 2)
    with pytest.raises(InvalidInputError, match="three cells"):
        spectral_embedding(sp.csr_matrix((2, 2)))
