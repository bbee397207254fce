"""Values in time, one panel above the other, with what is wrong marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cytosol.analyses.cytometry.plots.colors import CATEGORIES, INK, SOFT, rgba
from cytosol.analyses.cytometry.plots.frame import LABEL_PX, TICK_PX, Frame, nice_ticks
from cytosol.analyses.cytometry.plots.spec import PlotStyle, finer
from cytosol.base.errors import InvalidInputError

if TYPE_CHECKING:
    from cytosol.analyses.cytometry.plots.canvas import Box, Canvas

_PANEL_PX, _GAP_PX, _LEFT_PX, _BOTTOM_PX = 58, 14, 132, 40
_BAD, _LINE_ON_DARK = "#d55e00", CATEGORIES[4]


@dataclass(frozen=True, slots=True)
class Panel:
    """One course: arrays of shape (n_bins,); ``time`` rises, NaN in ``values`` leaves a gap, ``bad`` is marked."""

    label: str
    time: np.ndarray
    values: np.ndarray
    bad: np.ndarray


def draw_courses(panels: Sequence[Panel], time_label: str, style: PlotStyle | None = None) -> bytes:
    """Draw courses below each other; the height follows from their number.

    Raises
    ------
    InvalidInputError
        Where there is none.
    """
    from cytosol.analyses.cytometry.plots.canvas import Canvas  # loads matplotlib

    if not panels:
        raise InvalidInputError("There is no course to draw")
    look = style or PlotStyle(width=760)
    high = len(panels) * (_PANEL_PX + _GAP_PX) + _GAP_PX + _BOTTOM_PX
    look = finer(replace(look, height=round(high * look.unit)))
    unit = look.unit
    canvas = Canvas(look.width, look.height, look.dpi, dark=look.dark)
    low, top = min(float(p.time[0]) for p in panels), max(float(p.time[-1]) for p in panels)
    ends = (low, top) if top > low else (low - 0.5, low + 0.5)
    left, right = round(_LEFT_PX * unit), look.width - round(12 * unit)
    for number, panel in enumerate(panels):
        up = look.height - (number + 1) * (_PANEL_PX + _GAP_PX) * unit
        _draw_panel(canvas, panel, (left, up, right, up + _PANEL_PX * unit), (ends, unit))
    floor = look.height - len(panels) * (_PANEL_PX + _GAP_PX) * unit
    for tick in nice_ticks(*ends, 8):
        x = left + (tick.at - ends[0]) / (ends[1] - ends[0]) * (right - left)
        canvas.text((x, floor - 6 * unit), tick.label, TICK_PX * unit, color=SOFT, across="center", up="top")
    middle = ((left + right) / 2, floor - 20 * unit)
    canvas.text(middle, time_label, LABEL_PX * unit, color=INK, across="center", up="top")
    return canvas.encode(look.format)


def _draw_panel(canvas: Canvas, panel: Panel, box: Box, of: tuple[tuple[float, float], float]) -> None:
    ends, unit = of
    left, bottom, right, top = box
    finite = panel.values[np.isfinite(panel.values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5
    frame = Frame(box, ends, (low - margin, high + margin))
    step = (right - left) / max(1, len(panel.time))
    marks = []
    for x in frame.place(np.column_stack([panel.time, np.zeros(len(panel.time))]))[panel.bad, 0]:
        marks.append(np.array([[x - step, bottom], [x + step, bottom], [x + step, top], [x - step, top]]))
    canvas.shape(marks, fill=(*rgba(_BAD)[:3], 0.25), clip=box)
    points = frame.place(np.column_stack([panel.time, panel.values]))
    there = np.isfinite(points[:, 1])
    color = _LINE_ON_DARK if canvas.dark else CATEGORIES[0]
    canvas.shape([points[there]], stroke=color, width=1.1 * unit, closed=False, clip=box)
    corner = np.array([[left, top], [left, bottom], [right, bottom]])
    canvas.shape([corner], stroke=SOFT, width=0.8 * unit, closed=False)
    for tick in nice_ticks(low - margin, high + margin, 3):
        y = float(frame.place(np.array([[ends[0], tick.at]]))[0, 1])
        canvas.text((left - 4 * unit, y), tick.label, 0.9 * TICK_PX * unit, color=SOFT, across="right")
    name = panel.label if len(panel.label) < 16 else panel.label[:15] + "…"
    canvas.text((6 * unit, (top + bottom) / 2), name, TICK_PX * unit, color=INK)
