"""The lookup table behind FlowJo's biexponential axis."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from cytosol.analyses.cytometry.logicle import solve_d

CHANNELS = 4096
"""Scaled values run from 0 to this."""


@lru_cache(maxsize=256)
def lookup_table(top: float, positive: float, negative: float, width: float) -> np.ndarray:
    """Give the data value of each channel of the axis.

    Parameters
    ----------
    top : largest data value
    positive : decades above zero
    negative : further decades below zero
    width : width basis, below zero

    Returns
    -------
    shape (4097,), float64, increasing, data units; read only

    Notes
    -----
    The logicle in whole channels, as cytolib and FlowKit give it after FlowJo's own code: the channel of zero is a
    whole number, decades are shared out anew round it, and the negative side mirrors the positive one.
    """
    basis, extra, decades, zero = _shared_out(positive, negative, width)
    w = basis / (2 * decades)
    b = math.log(10) * decades
    d = solve_d(b, w)
    channels = np.arange(CHANNELS + 1) / (CHANNELS + 1)
    rising = np.exp(channels * b)
    falling = np.exp(-channels * d) * math.exp((b + d) * (w + extra / decades))
    points: np.ndarray = top / math.exp(b) * (rising - falling - (rising[zero] - falling[zero]))
    points[:zero] = -points[2 * zero - np.arange(zero)]
    points.setflags(write=False)
    return points


def _shared_out(positive: float, negative: float, width: float) -> tuple[float, float, float, int]:
    """Decades of the width and below the linear part, decades in all, and the channel of zero."""
    basis = math.log10(-width)
    decades = positive - basis / 2
    extra = max(negative, 0.0) + basis / 2
    zero = min(int(extra * CHANNELS / (extra + decades)), CHANNELS // 2)
    if zero > 0:
        decades = extra * CHANNELS / zero
    return basis, extra, decades, zero


def as_logicle(positive: float, negative: float, width: float) -> tuple[float, float, float]:
    """The parameters w, m and a of the logicle that the table spells in whole channels; t is its top."""
    basis, extra, decades, _ = _shared_out(positive, negative, width)
    a = extra - basis / 2
    return basis / 2, decades - a, a
