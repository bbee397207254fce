"""The scale of a channel that nobody has chosen one for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cytosol.analyses.cytometry.scales import ArcSinhScale, LinearScale, LogScale, Scale
from cytosol.model.gating_rules import is_scatter_or_time

FLOW_COFACTOR = 150.0
MASS_COFACTOR = 5.0
MAX_DECADES = 100
_LOWEST = -200.0


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What a file says about a channel.

    Attributes
    ----------
    name : ``$PnN``
    range : ``$PnR``; for decoded logarithmic data the largest decoded value
    mass : whether the instrument is a mass cytometer
    display : ``PnDISPLAY`` of BD, "" = none
    hint : ``$PnD``, "" = none
    decades, start : of ``$PnE`` for decoded logarithmic data, 0 = the data is linear
    """

    name: str
    range: float
    mass: bool = False
    display: str = ""
    hint: str = ""
    decades: float = 0.0
    start: float = 1.0


def default_scale(channel: ChannelFacts) -> Scale:
    """Choose a scale: what the file says of it, else by kind of channel.

    Notes
    -----
    ``$PnD`` first; then logarithmic data as it was; then BD's display; then linear for scatter and time and an inverse
    hyperbolic sine for all else, with the cofactor 150 in flow and 5 in mass cytometry.
    """
    top = channel.range if channel.range > 1 else 262144.0
    hinted = _hinted(channel.hint)
    if hinted is not None:
        return hinted
    if channel.decades > 0:
        start = channel.start if channel.start > 0 else 1.0
        return LogScale(start, start * 10**channel.decades)
    linear = LinearScale(1.0, top)
    bent = ArcSinhScale(0.0, top, MASS_COFACTOR) if channel.mass else ArcSinhScale(_LOWEST, top, FLOW_COFACTOR)
    if channel.display.strip().upper() == "LOG":
        return bent
    return linear if is_scatter_or_time(channel.name) else bent


def _hinted(text: str) -> Scale | None:
    kind, _, rest = text.strip().partition(",")
    try:
        first, second = (float(value) for value in rest.split(","))
    except ValueError:
        return None
    if not (math.isfinite(first) and math.isfinite(second)):
        return None
    if kind.strip().lower() == "linear" and first < second:
        return LinearScale(first, second)
    if kind.strip().lower() == "logarithmic" and 0 < first <= MAX_DECADES and 0 < second <= 10**MAX_DECADES:
        return LogScale(second, second * 10**first)
    return None
