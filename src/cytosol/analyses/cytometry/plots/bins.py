"""Events counted on a raster, smoothed, and coloured."""

from __future__ import annotations

import numpy as np

from cytosol.analyses.cytometry.scales import Scale

Range = tuple[float, float]
_MARGIN = 0.03
_KERNEL_BINS = 1.2
"""Standard deviation of the usual smoothing, in bins of a raster of 128 across."""
_DENSE_QUANTILE = 0.995


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
