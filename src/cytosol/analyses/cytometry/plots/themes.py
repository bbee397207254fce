"""Figures of reports, which are read in the light and in the dark theme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.reports import Picture


def picture(draw: Callable[[PlotStyle], bytes], style: PlotStyle, *, alt: str, width: int) -> Picture:
    """Draw a figure for both themes.

    Parameters
    ----------
    draw : gives a PNG
    width : pixels at which it is shown
    """
    return Picture(draw(style), draw(replace(style, dark=True)), alt, width)
