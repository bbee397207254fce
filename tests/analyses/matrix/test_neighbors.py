from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cytosol.analyses.matrix.neighbors import NeighborParams, find_neighbors
from cytosol.base.errors import InvalidInputError


def slow(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """By all distances in double precision; equal ones by number."""
    wide = points.astype(np.float64)
    distance = np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distance, np.inf)
    index = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(distance, index, axis=1)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(2, 40), st.integers(1, 4)), elements=st.integers(-3, 3)),
    st.integers(1, 45),
)
def test_ties_and_copies_as_the_slow_way(points: np.ndarray, k: int) -> None:
    found = find_neighbors(points, k)
    k = min(k, len(points) - 1)
    _, distance = slow(points, k)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-6)
    assert found.index.shape == (len(points), k)
    assert (found.index != np.arange(len(points))[:, None]).all()
    assert all(len(set(row)) == k for row in found.index.tolist())
    assert found.method == "exact"
    assert found.recall == 1


@pytest.mark.parametrize(("n", "dims", "k"), [(300, 2, 5), (1500, 50, 14), (2100, 10, 90), (1030, 3, 400)])
@pytest.mark.parametrize("far", [0.0, 1e5])
def test_exact_search_across_blocks_and_tiles(n: int, dims: int, k: int, far: float) -> None:
    rng = np.random.default_rng(n)
    points = (rng.normal(size=(n, dims)) * rng.choice([0.1, 1, 30], (n, 1)) + far).astype(np.float32)
    index, distance = slow(points, k)
    found = find_neighbors(points, k)
    assert (found.index == index).mean() > 0.9999
    np.testing.assert_allclose(found.distance, distance, rtol=1e-5)
    threaded = find_neighbors(points, k, NeighborParams(threads=2))
    assert threaded.index.tobytes() == found.index.tobytes()
    assert threaded.distance.tobytes() == found.distance.tobytes()


def test_the_first_of_many_are_the_few() -> None:
    points = np.random.default_rng(1).normal(size=(400, 5))
    many, few = find_neighbors(points, 60), find_neighbors(points, 12)
    assert (many.first(12).index == few.index).all()


def test_the_approximate_search_states_its_recall() -> None:
    points = np.random.default_rng(2).normal(size=(3000, 20)).astype(np.float32)
    found = find_neighbors(points, 14, NeighborParams(exact_below=1000))
    assert found.method == "hnsw"
    truth = find_neighbors(points, 14)
    hits = np.mean([len(np.intersect1d(a, b)) for a, b in zip(found.index, truth.index, strict=True)]) / 14
    assert hits > 0.95
    assert abs(found.recall - hits) < 0.02
    again = find_neighbors(points, 14, NeighborParams(exact_below=1000))
    assert again.index.tobytes() == found.index.tobytes()
    assert (np.diff(found.distance, axis=1) >= 0).all()


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="two cells"):
        find_neighbors(np.ones((1, 3)), 5)
    with pytest.raises(InvalidInputError, match="missing"):
        find_neighbors(np.array([[1.0, np.nan], [1.0, 2.0]]), 1)
