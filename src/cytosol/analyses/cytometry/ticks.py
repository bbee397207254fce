"""Ticks of an axis in its scale's own manner: even steps where it is linear, decades elsewhere."""

from __future__ import annotations

import math

import numpy as np

from cytosol.analyses.cytometry.scales import GmlLinearScale, LinearScale, Scale

_STEPS = 6
_LABEL_FROM_ZERO = 1 / 12
_TICK_FROM_ZERO = 1 / 60
_MOST_DECADES = 9
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ticks(scale: Scale) -> tuple[np.ndarray, list[str]]:
    """Give the ticks of an axis.

    Returns
    -------
    positions : shape (n,), float64, ascending, data units, within the limits of the scale
    labels : one for each; "" for the small ticks between decades
    """
    low, high = scale.limits
    if isinstance(scale, LinearScale | GmlLinearScale):
        return _even(low, high)
    return _decades(scale, low, high)


def _even(low: float, high: float) -> tuple[np.ndarray, list[str]]:
    rough = (high - low) / _STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))
    positions = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    return positions, [_plain(value, step) for value in positions]


def _plain(value: float, step: float) -> str:
    if value and step >= 1000:
        for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
            if abs(value) >= size:
                return f"{value / size:.6g}{letter}".replace("-", "−")
    return f"{value + 0.0:.6g}".replace("-", "−")


def _decades(scale: Scale, low: float, high: float) -> tuple[np.ndarray, list[str]]:
    """Decades that stand far enough from zero to be told from it get labels, their ninths small ticks.

    An axis without any decade has even steps.
    """
    top = math.floor(math.log10(max(abs(low), abs(high))))
    powers = np.arange(top - _MOST_DECADES, top + 1)
    ninths = np.multiply.outer(10.0**powers, np.arange(1, 10)).reshape(-1)
    places = scale.forward(np.array([low, high, 0.0]))
    length, has_zero = places[1] - places[0], low <= 0 <= high
    found: dict[float, str] = {0.0: "0"} if has_zero else {}
    for sign in (1, -1):
        away = np.abs(scale.forward(sign * ninths) - places[2]) / length if has_zero else np.ones(len(ninths))
        for i, value in enumerate(ninths.tolist()):
            if low <= sign * value <= high and away[i] >= _TICK_FROM_ZERO:
                labelled = i % 9 == 0 and away[i] >= _LABEL_FROM_ZERO
                found[sign * value] = _power(sign, int(powers[i // 9])) if labelled else ""
    if not any(found.values()):  # less than a decade
        return _even(low, high)
    positions = np.array(sorted(found))
    return positions, [found[value] for value in positions]


def _power(sign: int, power: int) -> str:
    return ("−" if sign < 0 else "") + "10" + str(power).translate(_SUPERSCRIPTS)
