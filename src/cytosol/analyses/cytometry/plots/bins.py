"""Events counted on a raster, smoothed, and coloured."""

from __future__ import annotations

import numpy as np

from cytosol.analyses.cytometry.scales import Scale

Range = tuple[float, float]
_MARGIN = 0.03
_KERNEL_BINS = 1.2
"""Standard deviation of the usual smoothing, in bins of a raster of 128 across."""
_DENSE_QUANTILE = 0.995
_COARSE_PX, _FINE_PX = 8, 2
"""Pixels of the rasters that tell how near few events lie, and around which their density is taken."""
_SHARPEST_PX, _SOFTEST_PX = 2.5, 14.0
"""Standard deviations of their smoothing."""


def scaled(values: np.ndarray, scale: Scale | None) -> np.ndarray:
    """Values as they lie on their axis: shape as given, float32; NaN stays NaN."""
    return np.asarray(values if scale is None else scale.forward(values), np.float32)


def scaled_range(scale: Scale | None, values: list[np.ndarray]) -> Range:
    """Both ends of an axis in scaled units.

    Parameters
    ----------
    values : of its layers, scaled; an axis without a scale runs from the lowest to the highest, and 3 % further
    """
    if scale is not None:
        ends = np.asarray(scale.forward(np.array(scale.limits, np.float64)), np.float64)
        low, high = float(ends[0]), float(ends[1])
    else:
        finite = [part[np.isfinite(part)] for part in values]
        lows, highs = [float(part.min()) for part in finite if len(part)], [float(p.max()) for p in finite if len(p)]
        low, high = (min(lows), max(highs)) if lows else (0.0, 1.0)
        margin = _MARGIN * (high - low)
        low, high = low - margin, high + margin
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def count_1d(values: np.ndarray, ends: Range, n_bins: int) -> np.ndarray:
    """Events in each bin: shape (n_bins,), float64; what lies outside counts in the first and the last bin."""
    from cytosol.analyses.cytometry.plots.kernels import bin_1d  # loads numba

    out = np.zeros(n_bins, np.float64)
    bin_1d(np.ascontiguousarray(values, np.float32), ends[0], n_bins / (ends[1] - ends[0]), out)
    return out


def count_2d(x: np.ndarray, y: np.ndarray, ends: tuple[Range, Range], shape: tuple[int, int]) -> np.ndarray:
    """Events in each cell of a raster: shape (n_y, n_x), float32, y upwards; what lies outside piles up at the edges.

    Parameters
    ----------
    x, y : shape (n_events,), scaled; NaN is left out
    ends : of x and of y
    shape : (n_y, n_x)
    """
    from cytosol.analyses.cytometry.plots.kernels import bin_2d  # loads numba

    out = np.zeros(shape, np.float32)
    (x_low, x_high), (y_low, y_high) = ends
    bin_2d(
        np.ascontiguousarray(x, np.float32),
        np.ascontiguousarray(y, np.float32),
        np.array([x_low, shape[1] / (x_high - x_low), y_low, shape[0] / (y_high - y_low)]),
        out,
    )
    return out


def smooth(counts: np.ndarray, amount: float) -> np.ndarray:
    """Counts spread by a Gaussian kernel; the sum stays.

    Parameters
    ----------
    counts : shape (n,) or (n_y, n_x)
    amount : 0 = none, 1 = a kernel of about 1 % of the axis
    """
    if amount <= 0:
        return counts
    from scipy.ndimage import gaussian_filter  # a tenth of a second to import

    sigma = [amount * _KERNEL_BINS * n / 128 for n in counts.shape]
    return np.asarray(gaussian_filter(counts, sigma, mode="reflect", truncate=3.0), counts.dtype)


def looked_up(raster: np.ndarray, x: np.ndarray, y: np.ndarray, ends: tuple[Range, Range]) -> np.ndarray:
    """What a raster holds at each event: shape (n_events,), float64; NaN where the event has no place.

    Parameters
    ----------
    raster, x, y, ends : as `count_2d` gives and takes them
    """
    rows, columns = (
        np.clip((values - low) / (high - low) * n, 0, n - 1)
        for values, (low, high), n in ((y, ends[1], raster.shape[0]), (x, ends[0], raster.shape[1]))
    )
    there = ~(np.isnan(rows) | np.isnan(columns))
    found = np.full(len(x), np.nan)
    found[there] = raster[rows[there].astype(int), columns[there].astype(int)]
    return found


def density_at(x: np.ndarray, y: np.ndarray, ends: tuple[Range, Range], size: tuple[float, float]) -> np.ndarray:
    """How densely events lie around each of a few: shape (n_events,), float64, in no unit; NaN = it has no place.

    The kernel is a Gaussian as Scott's rule has it (s × n^(−1/6)) for one heap of deviation s in which as many
    pairs of events are neighbours: 1 / (4 π s²) of them lie within a unit of area.

    Parameters
    ----------
    x, y, ends : as `count_2d` takes them
    size : width and height of the plot in pixels of 96 to an inch
    """
    from scipy.ndimage import gaussian_filter  # a tenth of a second to import

    coarse, fine = (
        count_2d(x, y, ends, (max(8, round(size[1] / step)), max(8, round(size[0] / step))))
        for step in (_COARSE_PX, _FINE_PX)
    )
    n, pairs = float(coarse.sum()), float((coarse * (coarse - 1)).sum())
    suited = _COARSE_PX * np.sqrt(n * (n - 1) / pairs / (4 * np.pi)) * n ** (-1 / 6) if pairs else _SOFTEST_PX
    sigma = min(max(float(suited), _SHARPEST_PX), _SOFTEST_PX) / _FINE_PX
    return looked_up(gaussian_filter(fine, sigma, mode="reflect", truncate=3.0), x, y, ends)


def color_density(density: np.ndarray, ramp: np.ndarray) -> np.ndarray:
    """A colour for each event: shape (n_events, 4), uint8.

    It follows the square root of the density, up to that of the densest half percent.

    Parameters
    ----------
    density : shape (n_events,), > 0
    """
    top = float(np.quantile(density, _DENSE_QUANTILE)) if len(density) else 1.0
    return ramp[(np.sqrt(np.minimum(density / top, 1)) * (len(ramp) - 1)).astype(np.intp)]


def color_counts(counts: np.ndarray, ramp: np.ndarray) -> np.ndarray:
    """A picture of counts: shape (n_y, n_x, 4), uint8; where there is nothing it is clear.

    The colour follows the logarithm of the count, up to that of the densest half percent of what is not empty.
    """
    there = counts > max(0.02, 1e-4 * float(counts.max(initial=0.0)))
    shades = np.zeros(counts.shape, np.intp)
    if there.any():
        found = counts[there]
        top = max(float(np.quantile(found, _DENSE_QUANTILE)), 1.5)
        low = min(1.0, float(found.min()))
        place = np.log(found / low) / np.log(top / low)
        shades[there] = np.minimum(len(ramp) - 1, place * (len(ramp) - 1)).astype(np.intp)
    picture = ramp[shades]
    picture[~there, 3] = 0
    return picture


def levels_of(density: np.ndarray, start: float, step: float) -> np.ndarray:
    """Heights of contours: rising, float64.

    Parameters
    ----------
    density : shape (n_y, n_x), >= 0
    start, step : percent of the events outside the first contour, and outside each next one in addition
    """
    flat = np.sort(density.ravel().astype(np.float64))
    below = np.cumsum(flat)
    if not below[-1] > 0:
        return np.empty(0)
    shares = np.arange(start, 100, step) / 100 * below[-1]
    heights = flat[np.minimum(np.searchsorted(below, shares, side="right"), len(flat) - 1)]
    return np.unique(heights[heights > 0])
