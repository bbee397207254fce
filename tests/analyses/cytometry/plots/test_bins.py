"""Counting, smoothing and contour levels, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde, spearmanr

from cytosol.analyses.cytometry.plots import bins
from cytosol.analyses.cytometry.plots.colors import density_ramp, rgba
from cytosol.analyses.cytometry.scales import ArcSinhScale


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1.5, (20_000, 2)).astype(np.float32)


def test_counts_equal_those_of_numpy_and_the_rest_piles_up_at_the_edges(points: np.ndarray) -> None:
    points[:5, 0] = np.nan
    ends = ((-2.0, 3.0), (-1.0, 2.5))
    found = bins.count_2d(points[:, 0], points[:, 1], ends, (35, 50))
    inner = np.clip(points[5:].astype(np.float64), [-2, -1], [3, 2.5])
    expected, _, _ = np.histogram2d(inner[:, 1], inner[:, 0], bins=(35, 50), range=(ends[1], ends[0]))
    # a point on a line between two cells may fall to either
    assert found.sum() == expected.sum() == len(points) - 5
    assert np.abs(found - expected).sum() <= 4
    one = bins.count_1d(points[:, 1], ends[1], 35)
    expected_1d, _ = np.histogram(np.clip(points[:, 1].astype(np.float64), -1, 2.5), bins=35, range=ends[1])
    assert one.sum() == len(points)
    assert np.abs(one - expected_1d).sum() <= 4
    assert one[0] > 10 * one[1]


def test_smoothing_keeps_the_sum_and_spreads(points: np.ndarray) -> None:
    counts = bins.count_2d(points[:, 0], points[:, 1], ((-6, 6), (-6, 6)), (128, 128))
    for amount in (0, 1, 10):
        smooth = bins.smooth(counts, amount)
        assert smooth.sum() == pytest.approx(counts.sum(), rel=1e-3)
    assert bins.smooth(counts, 0) is counts
    assert bins.smooth(counts, 10).max() < bins.smooth(counts, 1).max() < counts.max()


@pytest.mark.parametrize(("start", "step"), [(5, 10), (2, 25), (50, 20)])
def test_a_contour_has_its_percent_of_the_events_outside(points: np.ndarray, start: float, step: float) -> None:
    counts = bins.count_2d(points[:, 0], points[:, 1], ((-6, 6), (-6, 6)), (128, 128))
    density = bins.smooth(counts, 1.5).astype(np.float64)
    levels = bins.levels_of(density, start, step)
    shares = [density[density < level].sum() / density.sum() for level in levels]
    expected = np.arange(start, 100, step) / 100
    assert len(levels) == len(expected)
    np.testing.assert_allclose(shares, expected, atol=0.003)


def test_nothing_has_no_contours_and_no_colour() -> None:
    empty = np.zeros((8, 8), np.float32)
    assert len(bins.levels_of(empty, 5, 10)) == 0
    assert not bins.color_counts(empty, density_ramp(""))[..., 3].any()


def test_denser_is_darker() -> None:
    counts = np.array([[0, 1, 4, 16, 64, 256]], np.float32)
    picture = bins.color_counts(counts, density_ramp(""))[0].astype(int)
    assert picture[:, 3].tolist() == [0, 255, 255, 255, 255, 255]
    light = picture[1:, :3].sum(axis=1)
    assert (np.diff(light) < 0).all()


@pytest.mark.parametrize("heap_px", [5, 12, 30])
def test_few_events_are_as_dense_as_a_kernel_estimate_of_scipy_says(heap_px: float) -> None:
    x, y = np.random.default_rng(5).normal(160, heap_px, (2, 300)).astype(np.float32)
    found = bins.density_at(x, y, ((0, 320), (0, 320)), (320, 320))
    exact = gaussian_kde(np.stack([x, y]))(np.stack([x, y]))
    assert spearmanr(found, exact).statistic > 0.95
    # a heap of a few pixels is not washed out: far from its middle it is thin
    far = np.hypot(x - 160, y - 160) > 2 * heap_px
    assert found[far].mean() / found.max() == pytest.approx(exact[far].mean() / exact.max(), abs=0.12)


def test_what_has_no_place_has_no_density() -> None:
    x, y = np.array([[1, np.nan, 2, 99], [1, 1, np.nan, 99]], np.float32)
    found = bins.density_at(x, y, ((0, 10), (0, 10)), (100, 100))
    assert np.isnan(found).tolist() == [False, True, True, False]
    assert (found[[0, 3]] > 0).all()
    assert len(bins.density_at(x[:0], y[:0], ((0, 10), (0, 10)), (100, 100))) == 0
    assert len(bins.color_density(found[:0], density_ramp(""))) == 0


def test_an_axis_ends_where_its_scale_does_or_its_values() -> None:
    scale = ArcSinhScale(-200, 262_144, 150)
    assert bins.scaled_range(scale, []) == pytest.approx((np.arcsinh(-200 / 150), np.arcsinh(262_144 / 150)))
    low, high = bins.scaled_range(None, [np.array([1.0, np.nan, 11.0], np.float32)])
    assert (low, high) == pytest.approx((0.7, 11.3))
    assert bins.scaled_range(None, [np.array([4.0, 4.0])]) == (3.5, 4.5)
    assert bins.scaled_range(None, [np.array([np.nan])]) == pytest.approx((-0.03, 1.03))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#f00", (1, 0, 0, 1)),
        ("#0F08", (0, 1, 0, 8 / 15)),
        ("#0000FF", (0, 0, 1, 1)),
        ("#00ff0080", (0, 1, 0, 128 / 255)),
    ],
)
def test_colours(text: str, expected: tuple[float, ...]) -> None:
    assert rgba(text) == pytest.approx(expected)
