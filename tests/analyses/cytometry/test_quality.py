"""Planted faults of a run are found, and sound events are left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytosol.analyses.cytometry.quality import QualityParams, check_quality
from cytosol.base.errors import InvalidInputError

NAMES = ["CD3", "CD4", "CD8", "CD19"]


def cells(rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """Channels of two populations, scaled."""
    mix = rng.random((4, n)) < 0.4
    return [np.where(one, rng.normal(2, 0.5, n), rng.normal(6, 0.8, n)).astype(np.float32) for one in mix]


def with_faults(seed: int) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """A run of 100 seconds with a surge, a clog and a drift: time, channels, who was measured in which fault."""
    rng = np.random.default_rng(seed)
    time = rng.uniform(0, 100, 60_000)
    time = time[~((time > 50) & (time < 54) & (rng.random(len(time)) < 0.7))]
    time = np.sort(np.concatenate([time, rng.uniform(20, 23, 4000)]))
    channels = cells(rng, len(time))
    rate = ((time > 20) & (time < 23)) | ((time > 50) & (time < 54))
    drift = (time > 70) & (time < 78)
    channels[2][drift] += 0.6
    return time, channels, rate, drift


def test_planted_faults_are_found_and_little_else(capsys: pytest.CaptureFixture[str]) -> None:
    recalls, wrong = [], []
    for seed in range(5):
        time, channels, rate, drift = with_faults(seed)
        codes = check_quality(time, channels, NAMES).codes
        recalls.append([(codes[rate] == 1).mean(), (codes[drift] == 2).mean()])
        wrong.append((codes[~(rate | drift)] > 0).mean())
    of_rate, of_signal = np.mean(recalls, axis=0)
    with capsys.disabled():
        print(
            f"\nplanted faults, 5 runs: recall of flow rate {of_rate:.3f}, of signal {of_signal:.3f}; "
            f"sound events removed {np.mean(wrong):.4f}"
        )
    assert of_rate > 0.98
    assert of_signal > 0.95
    assert np.mean(wrong) < 0.02


def paused(time: np.ndarray) -> np.ndarray:
    return np.where(time > 40, time + 150, time)


def started_anew(time: np.ndarray) -> np.ndarray:
    return np.asarray(np.mod(time, 60))


def one_late(time: np.ndarray) -> np.ndarray:
    return np.append(time[:-1], 1e6)


def one_unknown(time: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(time)) == 7, np.nan, time)


@pytest.mark.parametrize("change", [np.floor, paused, started_anew, one_late, one_unknown])
@pytest.mark.parametrize("n", [8_000, 90_000])
def test_odd_clocks_are_no_fault_of_the_flow(change: Callable[[np.ndarray], np.ndarray], n: int) -> None:
    rng = np.random.default_rng(n)
    time = change(np.sort(rng.uniform(0, 100, n)))
    sound = check_quality(time, cells(rng, n), NAMES)
    assert (sound.codes > 0).mean() < 0.01
    assert sound.rate is not None
    # and one is found none the less
    spared = np.flatnonzero((np.arange(n) / n < 0.2) | (np.arange(n) / n > 0.3) | (rng.random(n) < 0.2))
    clog = (spared / n > 0.2) & (spared / n < 0.3)
    codes = check_quality(time[spared], cells(rng, len(spared)), NAMES).codes
    assert (codes[clog] == 1).mean() > 0.85
    assert (codes[~clog] > 0).mean() < 0.03


def test_a_sound_run_is_left_alone() -> None:
    shares = []
    for seed in range(5):
        rng = np.random.default_rng(100 + seed)
        found = check_quality(np.sort(rng.uniform(0, 100, 40_000)), cells(rng, 40_000), NAMES)
        shares.append((found.codes > 0).mean())
        assert [course.name for course in found.channels] == NAMES
        assert found.rate is not None
        assert found.rate.values.mean() == pytest.approx(400, rel=0.01)
    assert np.mean(shares) < 0.01


def test_the_course_is_the_median_of_each_bin() -> None:
    rng = np.random.default_rng(4)
    channels = cells(rng, 8000)
    found = check_quality(None, channels, NAMES, QualityParams(bin_events=400))
    expected = [np.median(part) for part in np.split(channels[1], 20)]
    np.testing.assert_allclose(found.channels[1].values, expected, rtol=1e-6)
    assert found.rate is None
    assert "no time channel" in found.notes[0]


def test_events_at_the_end_of_the_detector_are_margins() -> None:
    rng = np.random.default_rng(6)
    channels = cells(rng, 20_000)
    channels[0] = np.minimum(channels[0], np.float32(7.2))
    channels[1][5] = np.nan
    found = check_quality(None, channels, NAMES).codes
    np.testing.assert_array_equal(found == 3, channels[0] == np.float32(7.2))
    off = QualityParams(check_margins=False)
    assert not (check_quality(None, channels, NAMES, off).codes == 3).any()


def test_the_order_of_the_file_does_not_matter_where_there_is_a_time() -> None:
    time, channels, _, _ = with_faults(9)
    mixed = np.random.default_rng(1).permutation(len(time))
    there = check_quality(time, channels, NAMES)
    here = check_quality(time[mixed], [values[mixed] for values in channels], NAMES)
    np.testing.assert_array_equal(here.codes, there.codes[mixed])
    assert any("goes back" in note for note in here.notes)
    still = check_quality(np.zeros(len(time)), channels, NAMES)
    assert any("does not advance" in note for note in still.notes)


def test_too_few_events_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="too few"):
        check_quality(None, [np.zeros(100, np.float32)], ["CD3"])
