"""Normalisation across runs takes planted shifts out and leaves the differences between populations."""

from __future__ import annotations

import numpy as np
import pytest

from cytosol.analyses.cytometry.batches import BatchParams, apply_batches, clusters_of, learn_batches
from cytosol.base.errors import InvalidInputError

CENTRES = np.array([[1.0, 4.0, 1.0], [4.5, 1.0, 1.5], [1.5, 1.5, 5.0]])
SHIFTS = np.array([[0.0, 0.0, 0.0], [0.5, -0.3, 0.2], [-0.4, 0.3, -0.3]])


def measured(shares: tuple[float, ...], batch: int, seed: int, n: int = 6000) -> tuple[np.ndarray, np.ndarray]:
    """Events of three populations, shape (n, 3), scaled, as a batch shows them, and the population of each."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=shares)
    values = CENTRES[truth] + rng.normal(0, 0.3, (n, 3))
    return (values + SHIFTS[batch] * values / 4).astype(np.float32), truth


def medians(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.array([np.median(values[truth == population], axis=0) for population in range(3)])


EVEN = (0.5, 0.3, 0.2)


@pytest.mark.parametrize("n_clusters", [1, 3])
def test_planted_shifts_are_taken_out(n_clusters: int) -> None:
    controls = [measured(EVEN, batch, 10 + batch)[0] for batch in range(3)]
    model = learn_batches(controls, [0, 1, 2], BatchParams(n_clusters=n_clusters))
    assert model.n_poor == 0
    before, after = [], []
    for batch in range(3):
        values, truth = measured(EVEN, batch, 20 + batch)
        before.append(medians(values, truth))
        after.append(medians(apply_batches(model, values, batch), truth))
    assert np.ptp(before, axis=0).max() > 0.9
    assert np.ptp(after, axis=0).max() < 0.08
    # populations lie apart as they did
    np.testing.assert_allclose(after[0] - after[0][0], CENTRES - CENTRES[0], atol=0.25)


def test_samples_of_another_make_up_keep_it() -> None:
    controls = [measured(EVEN, batch, 10 + batch)[0] for batch in range(3)]
    model = learn_batches(controls, [0, 1, 2], BatchParams(n_clusters=3))
    first, truth_of_first = measured((0.1, 0.8, 0.1), 0, 1)
    other, truth_of_other = measured((0.8, 0.1, 0.1), 1, 2)
    first, other = apply_batches(model, first, 0), apply_batches(model, other, 1)
    apart = medians(first, truth_of_first) - medians(other, truth_of_other)
    assert np.abs(apart).max() < 0.1
    nearest = np.argmin(((other[:, None] - CENTRES) ** 2).sum(axis=2), axis=1)
    assert np.abs(np.bincount(nearest) - np.bincount(truth_of_other)).max() <= 6


def test_one_batch_may_be_the_goal() -> None:
    controls = [measured(EVEN, batch, 10 + batch)[0] for batch in range(2)]
    model = learn_batches(controls, [0, 1], BatchParams(n_clusters=1), goal=0)
    inside = np.quantile(controls[0], [0.02, 0.98], axis=0)
    same = apply_batches(model, controls[0], 0)
    np.testing.assert_allclose(same, controls[0], atol=1e-5)
    led = apply_batches(model, controls[1], 1)
    assert np.abs(np.quantile(led, [0.02, 0.98], axis=0) - inside).max() < 0.02


def test_the_order_of_values_stays_and_what_is_missing_stays_missing() -> None:
    controls = [measured(EVEN, batch, 10 + batch)[0] for batch in range(2)]
    model = learn_batches(controls, [0, 1], BatchParams(n_clusters=1))
    ladder = np.repeat(np.linspace(-3, 9, 400, dtype=np.float32)[:, None], 3, axis=1)
    ladder[7, 1] = np.nan
    led = apply_batches(model, ladder, 1)
    assert np.isnan(led[7]).tolist() == [False, True, False]
    assert (np.diff(led[:, [0, 2]], axis=0) >= 0).all()
    # beyond the quantiles everything moves alike
    assert np.allclose(led[:5, 0] - ladder[:5, 0], led[0, 0] - ladder[0, 0], atol=1e-5)


def test_a_population_that_a_batch_lacks_is_normalised_by_all_events() -> None:
    whole = measured(EVEN, 0, 1)[0]
    without, _ = measured((0.6, 0.4, 0.0), 1, 2)
    model = learn_batches([whole, without], [0, 1], BatchParams(n_clusters=3))
    assert model.n_poor >= 1
    assert np.isfinite(apply_batches(model, without, 1)).all()
    assert set(np.unique(clusters_of(model, whole))) == {0, 1, 2}


def test_many_equal_values_stay_equal() -> None:
    zeros = []
    for batch in range(2):
        none = np.random.default_rng(batch).random((4000, 2)) < 0.6
        zeros.append(np.where(none, 0, measured(EVEN, batch, 5)[0][:4000, :2]).astype(np.float32))
    model = learn_batches(zeros, [0, 1], BatchParams(n_clusters=1))
    led = apply_batches(model, zeros[1], 1)
    assert len(np.unique(led[zeros[1][:, 0] == 0, 0])) == 1


def test_a_batch_without_events_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="A batch has 10 events"):
        learn_batches([measured(EVEN, 0, 1)[0], measured(EVEN, 1, 1)[0][:10]], [0, 1])
