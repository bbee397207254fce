"""Quality of a run in time: where the flow was unsteady, the signal drifted, or the detector was at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

CATEGORIES = ("good", "flow rate", "signal", "margin")
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_MAD = 1.4826
_EVENTS_PER_BIN = 400
_FEWEST_BINS, _MOST_BINS = 20, 600
_GOOD_STRETCH = 5
"""Good bins between bad ones that are fewer than these are not trusted."""
_PILED, _TIMES_NEXT = 10, 5
_RESTART, _MOST_RESTARTS = 0.1, 100
"""A step back by this share of the run is a new start, unless there are more than so many."""
_BREAK = 20
"""Times the 99th percentile of the time between events, from which on it is a break."""
_FEW_TICKS = 20


@dataclass(frozen=True, slots=True)
class QualityParams(Params):
    """Parameters of the quality of a run."""

    rate_limit: float = parameter(
        5.0,
        "How far the flow rate of a time bin may lie from the median of all",
        unit="robust standard deviations",
        minimum=1,
        maximum=100,
    )
    signal_limit: float = parameter(
        5.0,
        "How far the share of a time bin below a quantile of a channel may lie from that of all bins",
        unit="robust standard deviations",
        minimum=1,
        maximum=100,
    )
    bin_events: int = parameter(
        0,
        "Events in a bin on average; 0 = about 400, and from 20 to 600 bins",
        unit="events",
        minimum=0,
        maximum=1_000_000,
    )
    check_margins: bool = parameter(True, "Whether events at the highest value of a channel, where they pile up, count")


@dataclass(frozen=True, slots=True)
class Course:
    """Something in time.

    Attributes
    ----------
    name : of the channel, or "Flow rate"
    time : shape (n_bins,), float64, the middle of each bin, in the unit of time or, without a time, in events
    values : shape (n_bins,), float64: events per unit of time, or the median of the channel, in its unit
    bad : shape (n_bins,), bool
    """

    name: str
    time: np.ndarray
    values: np.ndarray
    bad: np.ndarray


@dataclass(frozen=True, slots=True)
class Quality:
    """What was found.

    Attributes
    ----------
    codes : shape (n_events,), int32, place in ``CATEGORIES``; the first that is true of flow rate, signal, margin
    rate : None where there is no time
    channels : the course of each channel, in their order
    notes : sentences
    """

    codes: np.ndarray
    rate: Course | None
    channels: list[Course]
    notes: list[str] = field(default_factory=list)


def check_quality(
    time: np.ndarray | None, channels: Sequence[np.ndarray], names: Sequence[str], params: QualityParams | None = None
) -> Quality:
    """Find the events that were measured while something was wrong.

    Parameters
    ----------
    time : shape (n_events,), any unit, in the order of the file; None = not recorded
    channels : of shape (n_events,) each, scaled as they are looked at; NaN is left out
    names : of the channels
    params : None = defaults

    Raises
    ------
    InvalidInputError
        Where there are fewer than 20 bins of 20 events.

    Notes
    -----
    The checks of flowAI (Monaco et al. 2016, doi:10.1093/bioinformatics/btw191) with limits in median absolute
    deviations as in PeacoQC (Emmaneel et al. 2022, doi:10.1002/cyto.a.24501). Rates are counted in bins of equal
    time; the signal in bins of equally many events, as the share of them below the 10th, 25th, 50th, 75th and 90th
    percentile of the whole run. A deviation is never taken to be smaller than what counting makes by chance (Poisson,
    binomial).
    """
    given = params or QualityParams()
    n = len(channels[0]) if channels else len(time) if time is not None else 0
    n_bins = int(np.clip(n // (given.bin_events or _EVENTS_PER_BIN), _FEWEST_BINS, _MOST_BINS))
    if n < 20 * n_bins:
        raise InvalidInputError(
            f"{n:,} events are too few to be followed in time", do=f"At least {20 * _FEWEST_BINS} are needed"
        )
    notes: list[str] = []
    codes = np.zeros(n, np.int32)
    rate, order, clock = None, np.arange(n), None
    if time is None:
        notes.append("There is no time channel, so the flow rate was not looked at.")
    else:
        clock = _clock(time, notes)
        if clock is not None:
            order = np.argsort(clock, kind="stable")
            rate, codes = _check_rate(clock, order, (n_bins, given.rate_limit), notes)
    place = np.empty(n, np.int64)
    place[order] = np.arange(n) * n_bins // n
    middle = (np.arange(n_bins) + 0.5) * n / n_bins
    at = middle if clock is None else clock[order][middle.astype(int)]
    courses, bad = _check_signal(channels, names, place, (at, given.signal_limit))
    codes[(codes == 0) & bad[place]] = 2
    if given.check_margins:
        codes[(codes == 0) & _at_margin(channels)] = 3
    return Quality(codes, rate, courses, notes)


def _clock(time: np.ndarray, notes: list[str]) -> np.ndarray | None:
    """The time, going on where it starts anew as in joined files: shape (n,), float64; None = it stands still."""
    clock = np.array(time, np.float64)
    known = np.flatnonzero(np.isfinite(clock))
    if not len(known) or np.ptp(clock[known]) == 0:
        notes.append("The time channel does not advance, so the flow rate was not looked at.")
        return None
    if len(known) < len(clock):
        clock = np.interp(np.arange(len(clock)), known, clock[known])
        notes.append("Events without a time were put between their neighbours.")
    steps = np.diff(clock)
    restarts = np.flatnonzero(steps < -_RESTART * np.ptp(clock))
    if 0 < len(restarts) <= _MOST_RESTARTS:
        notes.append(f"The time starts anew ({len(restarts)} ×); it was taken to go on.")
        steps[restarts] = 0.0
        clock = clock[0] + np.concatenate([[0.0], np.cumsum(steps)])
    if (steps < 0).any():
        notes.append("The time goes back somewhere; events were put in the order of their time.")
    return clock


def _check_rate(
    clock: np.ndarray, order: np.ndarray, of: tuple[int, float], notes: list[str]
) -> tuple[Course, np.ndarray]:
    """The flow rate, and 1 for each event of a bad bin: shape (n,), int32.

    Breaks of the run are left out. Bins hold whole ticks of the clock. What is usual is the rate that half of the
    events were measured at or below, so that a long time with hardly an event does not count.
    """
    n_bins, limit = of
    rising = clock[order]
    gaps = np.diff(rising)
    usual = float(np.quantile(gaps[gaps > 0], 0.99))
    breaks = gaps > _BREAK * usual
    if breaks.any():
        notes.append(f"The run has breaks ({int(breaks.sum())} ×); they were left out.")
    active = np.concatenate([[0.0], np.cumsum(np.where(breaks, usual, gaps))])
    tick = float(gaps[gaps > 0].min())
    n_ticks = max(round(float(active[-1]) / tick) + 1, 1)
    per_bin = n_ticks / n_bins
    is_coarse = per_bin < _FEW_TICKS
    if is_coarse:
        per_bin = max(round(per_bin), 1)
        n_bins = max(n_ticks // per_bin, 1)
    width = per_bin * tick
    place = np.clip(((active + tick / 2) / width).astype(np.int64), 0, n_bins - 1)
    counts = np.bincount(place, minlength=n_bins).astype(np.float64)
    counts[-1] *= per_bin / (n_ticks - per_bin * (n_bins - 1))
    held = np.sort(counts[counts > 0])
    typical = float(held[np.searchsorted(held.cumsum(), held.sum() / 2)])
    spread = max(_MAD * float(np.median(np.abs(held - typical))), float(np.sqrt(max(typical, 1.0))))
    far = np.abs(counts - typical) > limit * spread
    if is_coarse:
        far[[0, -1]] = False  # the run may begin and end within a tick
    bad = _steady(far & (counts > 0))
    middles = np.interp((np.arange(n_bins) + 0.5) * width, active, rising)
    codes = np.zeros(len(clock), np.int32)
    codes[order] = bad[place]
    return Course("Flow rate", middles, counts / width, bad), codes


def _check_signal(
    channels: Sequence[np.ndarray], names: Sequence[str], place: np.ndarray, of: tuple[np.ndarray, float]
) -> tuple[list[Course], np.ndarray]:
    """The course of each channel, and whether each bin is bad in any: shape (n_bins,), bool."""
    at, limit = of
    n_bins = len(at)
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(n_bins + 1))
    sizes = np.diff(ends).astype(np.float64)
    far = []
    medians = []
    for values in channels:
        sorted_values = np.asarray(values, np.float64)[order]
        course = np.full(n_bins, np.nan)
        for number in range(n_bins):
            part = sorted_values[ends[number] : ends[number + 1]]
            part = part[np.isfinite(part)]
            if len(part):
                course[number] = np.median(part)
        medians.append(course)
        far.append(_far_off(sorted_values, place[order], sizes) > limit)
    bad = _steady(np.any(far, axis=0)) if far else np.zeros(n_bins, bool)
    return [Course(name, at, values, off) for name, values, off in zip(names, medians, far, strict=True)], bad


def _far_off(values: np.ndarray, place: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """How far each bin lies from the others, in robust standard deviations: shape (n_bins,), float64.

    Looked at is which share of a bin lies below each of some quantiles of the whole run: unlike a quantile of the bin,
    it does not jump where two populations are equally large.
    """
    finite = values[np.isfinite(values)]
    worst = np.zeros(len(sizes))
    if not len(finite):
        return worst
    n_bins = len(sizes)
    counted = np.bincount(place[np.isfinite(values)], minlength=n_bins).astype(np.float64)
    for border in np.unique(np.quantile(finite, _QUANTILES)):
        share = float((finite <= border).mean())
        below = np.bincount(place[values <= border], minlength=n_bins)
        shares = np.divide(below, counted, out=np.full(n_bins, share), where=counted > 0)
        by_chance = np.sqrt(max(share * (1 - share), 1e-9) / np.maximum(counted, 1))
        typical = float(np.median(shares))
        spread = np.maximum(by_chance, _MAD * float(np.median(np.abs(shares - typical))))
        worst = np.maximum(worst, np.abs(shares - typical) / spread)
    return worst


def _steady(bad: np.ndarray) -> np.ndarray:
    """Bad bins, with the short stretches of good ones between them."""
    out = bad.copy()
    places = np.flatnonzero(bad)
    for first, following in pairwise(places.tolist()):
        if 1 < following - first <= _GOOD_STRETCH:
            out[first:following] = True
    return out


def _at_margin(channels: Sequence[np.ndarray]) -> np.ndarray:
    """Events at the highest value of a channel, where many more are than at the next lower one: shape (n,), bool."""
    found = np.zeros(len(channels[0]) if channels else 0, bool)
    for values in channels:
        highest = np.nanmax(values) if np.isfinite(values).any() else np.nan
        at_top = values == highest
        below = values[values < highest]
        if not at_top.sum() >= _PILED or not len(below):
            continue
        if at_top.sum() >= _TIMES_NEXT * (below == below.max()).sum():
            found |= at_top
    return found
