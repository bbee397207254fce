from __future__ import annotations

import numpy as np
import pytest

from cytosol.analyses.matrix.neighbors import find_neighbors
from cytosol.analyses.matrix.pca import principal_components
from cytosol.analyses.matrix.tsne import TsneParams, tsne
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts, preserved


def test_planted_clusters_stay_together(planted: Counts) -> None:
    points = principal_components(planted.logged).scores[:, :10]
    found = find_neighbors(points, 90)
    placed = tsne(found)
    assert placed.shape == (600, 2)
    assert placed.dtype == np.float32
    assert preserved(points, placed) > 0.35
    near = find_neighbors(placed, 5).index
    assert (planted.labels[near] == planted.labels[:, None]).mean() > 0.97
    assert tsne(found, TsneParams(threads=2)).tobytes() == placed.tobytes()
    assert tsne(found, TsneParams(seed=1)).tobytes() != placed.tobytes()


def test_few_cells_lower_the_perplexity() -> None:
    points = np.random.default_rng(0).normal(size=(12, 4))
    placed = tsne(find_neighbors(points, 90))
    assert placed.shape == (12, 2)
    assert np.isfinite(placed).all()


def test_what_cannot_be_used_is_refused() -> None:
    points = np.random.default_rng(0).normal(size=(200, 4))
    with pytest.raises(InvalidInputError, match="needs 90 neighbours a cell and got 14"):
        tsne(find_neighbors(points, 14))
    with pytest.raises(InvalidInputError, match="four cells"):
        tsne(find_neighbors(points[:3], 14))
