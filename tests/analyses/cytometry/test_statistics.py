from __future__ import annotations

import math
import statistics as exact

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mstats

from cytosol.analyses.cytometry.sampling import sample_rows
from cytosol.analyses.cytometry.statistics import CHANNEL_STATISTICS, members, rising, statistic, summarize
from cytosol.base.errors import InvalidInputError

VALUES = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40)


@given(VALUES, st.floats(0, 1))
def test_quantiles_are_of_type_8(values: list[float], q: float) -> None:
    events = np.array(values, np.float32)
    wanted = mstats.mquantiles(events.astype(np.float64), [q], alphap=1 / 3, betap=1 / 3)[0]
    assert statistic("quantile", events, q) == pytest.approx(wanted, rel=1e-6, abs=1e-3)


@given(VALUES)
def test_against_the_definitions(values: list[float]) -> None:
    events = np.array(values, np.float32)
    found = summarize(CHANNEL_STATISTICS, events, 0.5)
    middle = exact.median(values)
    assert found["mean"] == pytest.approx(math.fsum(values) / len(values), rel=1e-9, abs=1e-6)
    assert found["median"] == pytest.approx(middle, rel=1e-7)
    assert found["quantile"] == found["median"]
    assert found["mad"] == pytest.approx(exact.median([abs(value - middle) for value in values]), rel=1e-5, abs=0.1)
    if len(values) == 1:
        assert found["stddev"] is None
        assert found["cv"] is None
    else:
        assert found["stddev"] == pytest.approx(exact.stdev(values), rel=1e-6, abs=1e-6)
        if found["cv"] is not None and found["mean"]:
            assert found["cv"] == pytest.approx(100 * found["stddev"] / found["mean"])
    if min(values) > 0:
        assert found["geometric_mean"] == pytest.approx(exact.geometric_mean(values), rel=1e-6)
    else:
        assert found["geometric_mean"] is None


def test_no_events_have_no_statistics() -> None:
    for events in (np.empty(0, np.float32), np.full(3, np.nan, np.float32)):
        assert set(summarize(CHANNEL_STATISTICS, events, 0.5).values()) == {None}


def test_holes_are_left_out_and_what_is_not_finite_is_none() -> None:
    assert statistic("mean", np.array([1, np.nan, 3], np.float32)) == 2
    assert statistic("mean", np.array([1, np.inf], np.float32)) is None
    assert statistic("cv", np.array([-1, 1], np.float32)) is None


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6, width=32) | st.just(math.nan), st.booleans()), min_size=1, max_size=60),
    st.floats(0, 1),
)
def test_members_of_sorted_values_have_the_same_statistics(rows: list[tuple[float, bool]], q: float) -> None:
    values = np.array([value for value, _ in rows], np.float32)
    mask = np.array([is_in for _, is_in in rows])
    plain = summarize(CHANNEL_STATISTICS, values[mask], q)
    found = summarize(CHANNEL_STATISTICS, members(rising(values), mask), q, is_rising=True)
    for name, value in plain.items():
        assert found[name] == (None if value is None else pytest.approx(value, rel=1e-6, abs=1e-6)), name


@given(st.lists(st.floats(width=32), max_size=60))
def test_values_rise_and_equal_ones_stay_in_the_order_of_their_rows(values: list[float]) -> None:
    given_ = np.array(values, np.float32)
    ordered, rows = rising(given_)
    expected = [row for row in np.argsort(given_, kind="stable") if not np.isnan(given_[row])]
    assert rows.tolist() == expected
    assert np.array_equal(ordered, given_[expected])


def test_sums_are_of_64_bits() -> None:
    events = np.full(3_000_001, 16777217, np.float32)
    assert statistic("mean", events) == float(np.float32(16777217))
    assert statistic("stddev", events) == 0


def test_orders_and_names() -> None:
    assert list(summarize(["cv", "mean"], np.arange(3.0))) == ["cv", "mean"]
    with pytest.raises(InvalidInputError, match="'mode'"):
        statistic("mode", np.arange(3.0))
    for q in (None, 1.5, float("nan")):
        with pytest.raises(InvalidInputError, match="needs q"):
            statistic("quantile", np.arange(3.0), q)


@given(st.integers(0, 500), st.floats(0, 1), st.integers(-5, 5) | st.floats(-9, 9))
def test_samples(n: int, fraction: float, seed: float) -> None:
    rows = sample_rows(n, fraction=fraction, seed=seed)
    assert rows.dtype == np.int64
    assert len(rows) == math.floor(n * fraction + 0.5)
    assert (np.diff(rows) > 0).all()
    assert not len(rows) or (rows[0] >= 0 and rows[-1] < n)
    assert np.array_equal(rows, sample_rows(n, count=len(rows), seed=seed))


def test_seeds_differ_and_every_row_has_its_chance() -> None:
    chosen = [tuple(sample_rows(1000, count=10, seed=seed)) for seed in (0, 1, -1, 0.5, 2**40)]
    assert len(set(chosen)) == 5
    often = np.bincount(np.concatenate([sample_rows(20, count=5, seed=seed) for seed in range(2000)]), minlength=20)
    assert often.min() > 400
    assert often.max() < 600


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "either"),
        ({"count": 1, "fraction": 0.5}, "either"),
        ({"fraction": 1.5}, "from 0 to 1"),
        ({"count": -1}, "below zero"),
        ({"count": 1, "seed": float("nan")}, "seed"),
    ],
)
def test_samples_that_cannot_be_taken(asked: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        sample_rows(10, **asked)  # type: ignore[arg-type]
