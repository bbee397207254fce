from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.connectivities import fuzzy_set
from cytosol.analyses.matrix.neighbors import find_neighbors
from cytosol.analyses.matrix.pca import principal_components
from cytosol.analyses.matrix.spectral import spectral_embedding
from cytosol.analyses.matrix.umap import UmapParams, _forces, fit_curve, umap
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts, preserved


def test_planted_clusters_stay_together(planted: Counts) -> None:
    points = principal_components(planted.logged).scores[:, :10]
    graph = fuzzy_set(find_neighbors(points, 14))
    placed = umap(graph)
    assert placed.shape == (600, 2)
    assert placed.dtype == np.float32
    assert preserved(points, placed) > 0.2
    near = find_neighbors(placed, 5).index
    assert (planted.labels[near] == planted.labels[:, None]).mean() > 0.97
    assert umap(graph).tobytes() == placed.tobytes()
    assert umap(graph, UmapParams(seed=1)).tobytes() != placed.tobytes()
    assert preserved(points, umap(graph, start=spectral_embedding(graph))) > 0.2


def test_the_curve_is_that_of_umap() -> None:
    a, b = fit_curve(1.0, 0.1)
    assert (round(a, 4), round(b, 4)) == (1.5769, 0.8951)


def test_the_tabled_forces_are_the_formulas() -> None:
    a, b = fit_curve(1.0, 0.5)
    pull, push = _forces(a, b, 14)
    squared = np.geomspace(1e-7, 1e5, 1000).astype(np.float32)
    at = squared.view(np.int32) >> 14
    wide = squared.astype(np.float64)
    np.testing.assert_allclose(pull[at], -2 * a * b * wide ** (b - 1) / (a * wide**b + 1), rtol=3e-3)
    np.testing.assert_allclose(push[at], 2 * b / ((0.001 + wide) * (a * wide**b + 1)), rtol=3e-3)
    assert pull[0] == push[0] == 0


def test_cells_without_edges_and_in_one_place() -> None:
    edges = sp.csr_matrix(([1.0, 1.0], ([0, 1], [1, 0])), shape=(5, 5), dtype=np.float32)
    assert np.isfinite(umap(edges, UmapParams(n_epochs=20))).all()
    assert np.isfinite(umap(sp.csr_matrix((4, 4), dtype=np.float32), UmapParams(n_epochs=5))).all()
    assert np.isfinite(umap(fuzzy_set(find_neighbors(np.zeros((8, 2)), 3)))).all()
    with pytest.raises(InvalidInputError, match="three cells"):
        umap(sp.csr_matrix((2, 2)))
