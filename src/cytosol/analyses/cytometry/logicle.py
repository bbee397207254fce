"""Logicle and hyperlog: the roots of their exponential functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.optimize

_LN10 = math.log(10)
_POINTS = 4097


@dataclass(frozen=True, slots=True)
class Root:
    """The function x(y) = a exp(b y) - c exp(-d y) + g y - f above its zero, its mirror image below, and its inverse.

    Attributes
    ----------
    coefficients : a, b, c, d, g, f
    zero : y of x = 0
    points : shape (4097,), float64; x of y evenly from ``zero`` to ``zero`` + 1.5
    """

    coefficients: tuple[float, float, float, float, float, float]
    zero: float
    points: np.ndarray

    def value(self, scaled: np.ndarray) -> np.ndarray:
        """Evaluate x(y); shape (n,), float64 to data units."""
        away = _value(self.coefficients, self.zero + np.abs(scaled - self.zero))
        return np.asarray(np.copysign(np.abs(away), scaled - self.zero))

    def solve(self, values: np.ndarray) -> np.ndarray:
        """Find y with x(y) = value to about 1e-14; shape (n,), float64, NaN stays NaN."""
        from cytosol.analyses.cytometry import kernels  # numba; loaded when the first such axis is used

        scaled = np.empty(values.shape)
        kernels.roots(values, np.array(self.coefficients), self.zero, self.points, scaled)
        return scaled


def _value(coefficients: tuple[float, ...], y: np.ndarray) -> np.ndarray:
    a, b, c, d, g, f = coefficients
    return np.asarray(a * np.exp(b * y) - c * np.exp(-d * y) + g * y - f)


def _root(zero: float, *coefficients: float) -> Root:
    a, b, c, d, g, f = coefficients
    points = _value(coefficients, np.linspace(zero, zero + 1.5, _POINTS))
    points[0] = 0.0
    points.setflags(write=False)
    return Root((a, b, c, d, g, f), zero, points)


def solve_d(b: float, w: float) -> float:
    """Find d in (0, b] with 2 ln(d / b) + w (b + d) = 0: the logicle is then about linear round zero."""
    if w == 0:
        return b
    return float(
        scipy.optimize.brentq(lambda d: 2 * math.log(d / b) + w * (b + d), 1e-12 * b, b, xtol=1e-15, rtol=1e-15)
    )


@lru_cache(maxsize=256)
def logicle_root(t: float, w: float, m: float, a: float) -> Root:
    """Give the function whose root the logicle is; parameters as in Gating-ML 2.0.

    Notes
    -----
    Moore and Parks 2012, doi:10.1002/cyto.a.22030; below zero it is the mirror image, as in their code.
    """
    share = w / (m + a)
    x2 = a / (m + a)
    x1, x0 = x2 + share, x2 + 2 * share
    b = (m + a) * _LN10
    d = solve_d(b, share)
    c_over_a = math.exp(x0 * (b + d))
    f_over_a = math.exp(b * x1) - c_over_a * math.exp(-d * x1)
    first = t / (math.exp(b) - c_over_a * math.exp(-d) - f_over_a)
    return _root(x1, first, b, c_over_a * first, d, 0.0, f_over_a * first)


@lru_cache(maxsize=256)
def hyperlog_root(t: float, w: float, m: float, a: float) -> Root:
    """Give the function whose root the hyperlog is; parameters as in Gating-ML 2.0.

    Notes
    -----
    Bagwell 2005, doi:10.1002/cyto.a.20114, as Gating-ML 2.0 writes it.
    """
    share = w / (m + a)
    x2 = a / (m + a)
    x1, x0 = x2 + share, x2 + 2 * share
    b = (m + a) * _LN10
    g_over_a = math.exp(b * x0) / share
    f_over_a = math.exp(b * x1) + g_over_a * x1
    first = t / (math.exp(b) + g_over_a - f_over_a)
    return _root(x1, first, b, 0.0, 0.0, g_over_a * first, f_over_a * first)
