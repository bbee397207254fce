"""Bead normalisation takes out a planted loss of signal, and finds the beads that were planted."""

from __future__ import annotations

import numpy as np
import pytest

from cytosol.analyses.cytometry.beads import KINDS, BeadParams, find_beads, follow_beads
from cytosol.base.errors import InvalidInputError

LEVELS = np.array([900.0, 1100.0, 1000.0, 1500.0, 1300.0])
N, N_BEADS, N_DOUBLETS = 40_000, 1500, 60


def drift(time: np.ndarray) -> np.ndarray:
    """The share of the signal that is left: falls to a half, with a step back."""
    return 1.0 - 0.5 * time / 3600 + 0.15 * (time > 2400)


def run(seed: int = 3) -> dict[str, np.ndarray]:
    """A run of an hour: time, bead channels, DNA and one marker, and what each event is."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 3600, N))
    truth = np.zeros(N, np.int32)
    chosen = rng.choice(N, N_BEADS + N_DOUBLETS, replace=False)
    truth[chosen], truth[chosen[:N_DOUBLETS]] = 1, 2
    beads = rng.exponential(3, (N, 5)) * (rng.random((N, 5)) < 0.4)
    beads[rng.random(N) < 0.1, 1] += 400  # cells with a marker on a metal that the beads have, too
    bright = LEVELS * rng.lognormal(0, 0.08, (N, 5))
    beads = np.where(truth[:, None] > 0, bright, beads)
    dna = np.where((truth == 1)[:, None], rng.exponential(2, (N, 2)), rng.lognormal(6, 0.3, (N, 2)))
    marker = np.where(truth != 1, rng.lognormal(5, 0.4, N), 0)
    left = drift(time)
    return {
        "time": time,
        "truth": truth,
        "beads": beads * left[:, None],
        "dna": dna * left[:, None],
        "marker": marker * left,
    }


def test_beads_are_found() -> None:
    made = run()
    found = find_beads(made["beads"], made["dna"])
    assert KINDS[2] == "bead and cell"
    assert (found == made["truth"]).mean() > 0.9999
    without_dna = find_beads(made["beads"], None)
    assert np.array_equal(without_dna > 0, made["truth"] > 0)


@pytest.mark.parametrize("order", ["of time", "shuffled"])
def test_a_planted_drift_is_taken_out(order: str) -> None:
    made = run()
    if order == "shuffled":
        mixed = np.random.default_rng(1).permutation(N)
        made = {name: values[mixed] for name, values in made.items()}
    course = follow_beads(made["time"], made["beads"], made["truth"] == 1, BeadParams(window=100))
    told = course.factors * drift(made["time"])
    off = np.abs(told / np.median(told) - 1)
    assert off[np.abs(made["time"] - 2400) > 130].max() < 0.03  # a running median smears a step
    assert off.max() < 0.15
    # the marker is as bright at the end as at the beginning
    marker = made["marker"] * course.factors
    cells = made["truth"] == 0
    medians = [
        np.median(marker[cells & (made["time"] >= start) & (made["time"] < start + 360)])
        for start in range(0, 3600, 360)
    ]
    raw = [
        np.median(made["marker"][cells & (made["time"] >= start) & (made["time"] < start + 360)])
        for start in range(0, 3600, 360)
    ]
    assert max(raw) / min(raw) > 1.4
    assert max(medians) / min(medians) < 1.06
    assert np.all(np.diff(course.time) >= 0)
    assert np.abs(course.after / course.baseline - 1).max() < 0.05
    assert (course.before.max(axis=0) / course.before.min(axis=0)).min() > 1.4


def test_beads_are_led_to_a_given_baseline() -> None:
    made = run()
    goal = 2 * LEVELS
    course = follow_beads(made["time"], made["beads"], made["truth"] == 1, BeadParams(window=100), baseline=goal)
    off = np.abs(course.factors * drift(made["time"]) / 2 - 1)
    assert off[np.abs(made["time"] - 2400) > 130].max() < 0.05
    assert np.array_equal(course.baseline, goal)


def test_a_run_without_beads_is_refused() -> None:
    made = run()
    cells = made["truth"] == 0
    assert find_beads(made["beads"][cells] * 0.1, made["dna"][cells]).sum() == 0
    with pytest.raises(InvalidInputError, match="0 beads were found"):
        follow_beads(made["time"], made["beads"], np.zeros(N, bool))
