"""Statistics of one channel in one population, on compensated values without scale and limits.

NaN values are left out. What cannot be computed is None: of no values, of one value where two are needed, a geometric
mean of values that are not all above zero, and whatever is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from cytosol.base.errors import InvalidInputError

CHANNEL_STATISTICS = "mean", "median", "quantile", "mad", "geometric_mean", "cv", "stddev"
"""Statistics of the values of a channel; ``event_count`` and ``percent`` are of the population alone."""


def statistic(name: str, values: np.ndarray, q: float | None = None) -> float | None:
    """Compute one statistic; see `summarize`."""
    return summarize([name], values, q)[name]


def summarize(
    names: Iterable[str], values: np.ndarray, q: float | None = None, *, is_rising: bool = False
) -> dict[str, float | None]:
    """Compute statistics of one channel.

    Parameters
    ----------
    names : of `CHANNEL_STATISTICS`: ``mean``; ``median``; ``quantile`` (Hyndman and Fan's type 8, the median is the one
        of 0.5); ``mad``, the median absolute deviation from the median, without a factor; ``geometric_mean``;
        ``stddev`` with n - 1; ``cv``, 100 × stddev / mean
    values : shape (n,), float, data units; NaN is left out
    q : 0 to 1, needed for ``quantile``
    is_rising : whether the values are float32, sorted and without NaN

    Returns
    -------
    name → value in data units, ``cv`` in percent; None where it cannot be computed

    Notes
    -----
    Hyndman and Fan 1996, doi:10.2307/2684934. Sums are of 64 bits.
    """
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in CHANNEL_STATISTICS:
            raise InvalidInputError(f"There is no statistic {name!r}", do="Use one of " + ", ".join(CHANNEL_STATISTICS))
    if "quantile" in names and (q is None or not 0 <= q <= 1):
        raise InvalidInputError(f"A quantile needs q from 0 to 1, not {q}", do="Give q")
    from cytosol.analyses.cytometry import kernels  # numba

    if not is_rising:
        values = values[~holes] if (holes := np.isnan(values)).any() else values
    if not len(values):
        return dict.fromkeys(names)
    found: dict[str, float | None] = {}
    mean, squares = kernels.moments(values)
    if len(values) > 1:
        found["stddev"] = spread = math.sqrt(squares / (len(values) - 1))
        found["cv"] = 100 * spread / mean if mean else None
    if {"median", "mad"} & set(names):
        found["median"] = median = quantile(values, 0.5, is_rising=is_rising)
        if "mad" in names:
            found["mad"] = _median_deviation(values, median, is_rising=is_rising)
    if "quantile" in names and q is not None:
        found["quantile"] = quantile(values, q, is_rising=is_rising)
    if "geometric_mean" in names and values.min() > 0:
        found["geometric_mean"] = math.exp(float(np.log(values, dtype=np.float64).mean()))
    found["mean"] = mean
    return {name: _finite(found.get(name)) for name in names}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def quantile(values: np.ndarray, q: float, *, is_rising: bool = False) -> float:
    """Compute the type 8 quantile of Hyndman and Fan.

    Parameters
    ----------
    values : shape (n,), n ≥ 1, float without NaN
    q : 0 to 1
    is_rising : whether the values are sorted
    """

    def pair(rank: int) -> tuple[float, float]:
        parted = values if is_rising else np.partition(values, (rank, rank + 1))
        return float(parted[rank]), float(parted[rank + 1])

    return _between_ranks(len(values), q, pair) if len(values) > 1 else float(values[0])


def _between_ranks(n: int, q: float, pair: Callable[[int], tuple[float, float]]) -> float:
    """The quantile of n ≥ 2 values; ``pair`` gives the value of a rank from 0, and the next one."""
    place = min(max((n + 1 / 3) * q + 1 / 3, 1.0), float(n))
    low = min(int(place), n - 1)
    share = place - low
    below, above = pair(low - 1)
    if share < 1e-9:
        return below
    return above if share > 1 - 1e-9 else below + share * (above - below)


def _median_deviation(values: np.ndarray, median: float, *, is_rising: bool) -> float:
    if not is_rising or len(values) < 2:
        with np.errstate(invalid="ignore"):  # infinite values
            return quantile(np.abs(values - median), 0.5)
    from cytosol.analyses.cytometry import kernels  # numba

    return _between_ranks(len(values), 0.5, lambda rank: kernels.deviations_in_order(values, np.float32(median), rank))


def rising(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort values once for many populations: the values that are not NaN, float32, and the row of each, int32."""
    from cytosol.analyses.cytometry import kernels  # numba

    return kernels.in_order(np.ascontiguousarray(values, np.float32))


def members(ordered: tuple[np.ndarray, np.ndarray], mask: np.ndarray) -> np.ndarray:
    """The rising values of the rows of a mask, from what `rising` gave: shape (n_members,), float32, no NaN."""
    from cytosol.analyses.cytometry import kernels  # numba

    return kernels.members_in_order(*ordered, mask)
