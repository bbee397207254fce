from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.clustering import LeidenParams, leiden
from cytosol.analyses.matrix.connectivities import connectivities
from cytosol.analyses.matrix.harmony import HarmonyParams, HarmonyResult, _begin, _cluster, _move, harmony
from cytosol.analyses.matrix.mixing import inverse_simpson
from cytosol.analyses.matrix.neighbors import find_neighbors
from cytosol.analyses.matrix.pca import PcaParams, principal_components
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts, plant, rand_index


@dataclass(frozen=True)
class Batches:
    """Components of cells of three batches; the last kind is in the first batch only."""

    points: np.ndarray
    batches: np.ndarray
    kinds: np.ndarray


def in_batches(counts: Counts, batches: np.ndarray, spread: float) -> np.ndarray:
    """Components of the counts after each batch multiplied each gene by a factor of its own."""
    rng = np.random.default_rng(0)
    factor = rng.lognormal(0, spread, (int(batches.max()) + 1, counts.counts.shape[1]))
    rows = np.repeat(batches, np.diff(counts.counts.indptr))
    rate = counts.counts.data * factor[rows, counts.counts.indices]
    changed = sp.csr_matrix((rng.poisson(rate).astype(np.uint16), counts.counts.indices, counts.counts.indptr))
    changed.resize(counts.counts.shape)
    changed.eliminate_zeros()
    return principal_components(Counts.of(changed, counts.labels).logged, PcaParams(n_components=20)).scores


@pytest.fixture(scope="module")
def split() -> Batches:
    cells = plant(1200, 800, 5, seed=3)
    batches = np.random.default_rng(1).integers(0, 3, 1200)
    batches[cells.labels == 4] = 0
    return Batches(in_batches(cells, batches, 0.5), batches, cells.labels)


@pytest.fixture(scope="module")
def joined(split: Batches) -> HarmonyResult:
    return harmony(split.points, split.batches)


def mixing(points: np.ndarray, batches: np.ndarray) -> float:
    return float(inverse_simpson(find_neighbors(points, 30).index, batches).mean())


def test_batches_mix_and_kinds_do_not(split: Batches, joined: HarmonyResult) -> None:
    shared = split.kinds < 4
    before, after = (mixing(points[shared], split.batches[shared]) for points in (split.points, joined.points))
    kinds = inverse_simpson(find_neighbors(joined.points, 30).index, split.kinds).mean()
    print(
        f"three planted batches: {before:.2f} batches among 30 neighbours before, {after:.2f} after; kinds {kinds:.3f}"
    )
    assert before < 1.5
    assert after > 2.4
    assert kinds < 1.05
    clusters = leiden(connectivities(find_neighbors(joined.points, 14)), LeidenParams((0.3,)))[0].labels
    assert rand_index(clusters, split.kinds) > 0.9


def test_a_kind_of_one_batch_stays_apart(split: Batches, joined: HarmonyResult) -> None:
    near = find_neighbors(joined.points, 15).index[split.kinds == 4]
    assert (split.kinds[near] == 4).mean() > 0.9


def test_the_objective_falls_and_the_rounds_end(joined: HarmonyResult) -> None:
    assert joined.converged
    assert all(later <= sooner * 1.001 for sooner, later in zip(joined.objective, joined.objective[1:], strict=False))


def test_cells_move_as_the_regression_says(split: Batches) -> None:
    state = _begin(split.points, split.batches, 3, HarmonyParams(n_clusters=7, ridge=2.0))
    _cluster(state, np.random.default_rng(0))
    _move(state)
    design = np.concatenate([np.ones((1200, 1)), np.eye(3)[split.batches]], axis=1)
    wanted = split.points.astype(np.float64)
    for cluster in range(7):
        weighted = design * state.shares[:, [cluster]]
        normal = weighted.T @ design + np.diag([0.0, 2, 2, 2])
        effect = np.linalg.solve(normal, weighted.T @ split.points.astype(np.float64))
        effect[0] = 0
        wanted -= weighted @ effect
    np.testing.assert_allclose(state.moved, wanted, atol=2e-3)
    np.testing.assert_allclose(state.shares.sum(axis=1), 1, rtol=1e-5)


def test_batches_planted_on_blood(pbmc: Counts, pbmc_kinds: np.ndarray) -> None:
    busy = np.asarray(pbmc.counts.sum(axis=0)).ravel().argsort()[-1000:]
    some = Counts.of(pbmc.counts[::2, busy], pbmc_kinds[::2])
    batches = np.random.default_rng(2).integers(0, 2, len(some.labels))
    points = in_batches(some, batches, 0.6)
    moved = harmony(points, batches).points
    before, after = mixing(points, batches), mixing(moved, batches)
    kinds = inverse_simpson(find_neighbors(moved, 30).index, some.labels)
    apart = inverse_simpson(find_neighbors(points, 30).index, some.labels)
    print(f"blood in two batches: {before:.2f} batches among 30 neighbours before, {after:.2f} after")
    assert before < 1.3
    assert after > 1.8
    assert kinds.mean() < apart.mean() + 0.1


def test_the_same_seed_gives_the_same_points(split: Batches, joined: HarmonyResult) -> None:
    assert (harmony(split.points, split.batches).points == joined.points).all()


def test_one_batch_or_missing_places_are_refused(split: Batches) -> None:
    with pytest.raises(InvalidInputError, match="at least two batches"):
        harmony(split.points, np.zeros(1200, np.int64))
    missing = split.points.copy()
    missing[0, 0] = np.nan
    with pytest.raises(InvalidInputError, match="missing"):
        harmony(missing, split.batches)


def test_mixing_counts_labels() -> None:
    index = np.array([[1, 2], [0, 2], [0, 1]])
    np.testing.assert_allclose(inverse_simpson(index, np.array([0, 0, 1])), [2, 2, 1])
    with pytest.raises(InvalidInputError):
        inverse_simpson(index, np.array([0]))
