"""The frame of a figure: where the data lies, its axes, ticks and their labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cytosol.analyses.cytometry.plots.bins import Range
from cytosol.analyses.cytometry.plots.colors import INK, SOFT
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, PlotStyle
from cytosol.analyses.cytometry.scales import Scale
from cytosol.analyses.cytometry.ticks import ticks

if TYPE_CHECKING:
    from cytosol.analyses.cytometry.plots.canvas import Box, Canvas

LABEL_PX, TICK_PX, TITLE_PX = 12.0, 10.0, 13.0
_TICK_LONG, _TICK_SHORT, _GAP = 4.0, 2.5, 3.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick: ``at`` in scaled units; a label of "" is a short one."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the data lies on the sheet.

    Attributes
    ----------
    box : left, bottom, right, top, whole pixels
    x, y : both ends of the axes, scaled
    """

    box: Box
    x: Range
    y: Range

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.box[2] - self.box[0]), int(self.box[3] - self.box[1])

    def place(self, points: np.ndarray) -> np.ndarray:
        """Pixels of scaled points: shape (n, 2), float64 both."""
        left, bottom, right, top = self.box
        x = left + (points[:, 0] - self.x[0]) / (self.x[1] - self.x[0]) * (right - left)
        y = bottom + (points[:, 1] - self.y[0]) / (self.y[1] - self.y[0]) * (top - bottom)
        return np.column_stack([x, y])


def nice_ticks(low: float, high: float, most: int = 6) -> list[Tick]:
    """Round numbers between two, with labels."""
    span = high - low
    raw = span / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [Tick(number * step, short_number(number * step)) for number in range(first, last + 1)]


def short_number(value: float) -> str:
    """A number for an axis: 50K, 1.5M, 0.25, −3."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size * (1 - 1e-9):
            return f"{value / size:.6g}{letter}".replace("-", "−")
    return ("0" if abs(value) < 1e-12 else f"{value:.6g}").replace("-", "−")


def ticks_of(scale: Scale | None, ends: Range) -> list[Tick]:
    """The ticks of an axis that lie on it."""
    if scale is None:
        return nice_ticks(*ends)
    positions, labels = ticks(scale)
    at = np.asarray(scale.forward(np.asarray(positions, np.float64)), np.float64)
    slack = 1e-6 * (ends[1] - ends[0])
    return [
        Tick(float(place), label)
        for place, label in zip(at, labels, strict=True)
        if ends[0] - slack <= place <= ends[1] + slack
    ]


def labels_that_fit(ticks: list[Tick], ends: Range, length: float, sizes: list[float]) -> list[Tick]:
    """Ticks whose labels do not touch: 0 first, then from the ends of the axis to its middle.

    Parameters
    ----------
    length : of the axis, pixels
    sizes : of each label along the axis, pixels
    """
    named = [place for place, tick in enumerate(ticks) if tick.label]
    per_unit = length / (ends[1] - ends[0])
    order = sorted(named, key=lambda p: (ticks[p].label != "0", -abs(ticks[p].at - (ends[0] + ends[1]) / 2)))
    taken: list[tuple[float, float]] = []
    kept: list[int] = []
    for place in order:
        centre, half = (ticks[place].at - ends[0]) * per_unit, sizes[place] / 2 + 2
        if all(centre + half <= low or centre - half >= high for low, high in taken):
            taken.append((centre - half, centre + half))
            kept.append(place)
    return [ticks[place] for place in sorted(kept)]


@dataclass(frozen=True, slots=True)
class Sides:
    """What stands beside an axis.

    Attributes
    ----------
    ticks : all of them
    label : "" = none
    """

    ends: Range
    ticks: list[Tick]
    label: str


def sides_of(axis: Axis, ends: Range) -> Sides:
    """What stands beside an axis of the data."""
    return Sides(ends, ticks_of(axis.scale, ends), axis.label)


def lay_out(style: PlotStyle, x: Sides, y: Sides, *, title: str = "", right: float = 0.0) -> Frame:
    """Find the place of the data.

    Parameters
    ----------
    right : pixels at 96 dpi that a legend needs
    """
    from cytosol.analyses.cytometry.plots.canvas import text_width  # loads matplotlib

    unit = style.unit
    widest = max((text_width(tick.label, TICK_PX) for tick in y.ticks), default=0.0)
    left = 6.0 + (_TICK_LONG if style.ticks[1] else 0) + (widest + _GAP if style.tick_labels[1] else 0)
    left += LABEL_PX + _GAP if style.axis_labels[1] and y.label else 0
    bottom = 6.0 + (_TICK_LONG if style.ticks[0] else 0) + (TICK_PX + _GAP if style.tick_labels[0] else 0)
    bottom += LABEL_PX + _GAP if style.axis_labels[0] and x.label else 0
    edge = 10.0 if any(style.tick_labels) else 6.0
    top = edge + (TITLE_PX + _GAP if title else 0)
    left, bottom = min(left, 0.45 * style.width / unit), min(bottom, 0.45 * style.height / unit)
    wide = max(8, round(style.width - (left + edge + right) * unit))
    high = max(8, round(style.height - (bottom + top) * unit))
    at = round(left * unit), round(bottom * unit)
    return Frame((at[0], at[1], at[0] + wide, at[1] + high), x.ends, y.ends)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn on: the canvas, where the data lies on it, and how things look."""

    canvas: Canvas
    frame: Frame
    style: PlotStyle


def draw_frame(sheet: Sheet, sides: tuple[Sides, Sides], title: str = "") -> None:
    """Axis lines, ticks, labels and title."""
    canvas, frame, style = sheet.canvas, sheet.frame, sheet.style
    left, bottom, right, top = frame.box
    unit = style.unit
    _draw_x(sheet, sides[0])
    _draw_y(sheet, sides[1])
    corner = 0.5 * unit
    x_axis = np.array([[left - corner, bottom - corner], [right, bottom - corner]])
    y_axis = np.array([[left - corner, bottom - corner], [left - corner, top]])
    shown = [line for line, is_on in zip((x_axis, y_axis), style.axes, strict=True) if is_on]
    canvas.shape(shown, stroke=SOFT, width=unit, closed=False)
    if title:
        size = _fitting(title, TITLE_PX, style.width / unit - 12)
        canvas.text((left, top + 4 * unit), title, size * unit, color=INK, up="bottom")


def draw_message(canvas: Canvas, drawing: Drawing) -> None:
    """The empty frame of a figure without events, and words in it."""
    style, unit = drawing.style, drawing.style.unit
    x, y = (Sides((0.0, 1.0), [], axis.label if axis is not None else "") for axis in (drawing.x, drawing.y))
    frame = lay_out(style, x, y, title=drawing.title)
    draw_frame(Sheet(canvas, frame, style), (x, y), drawing.title)
    left, bottom, right, top = frame.box
    size = _fitting(drawing.message, LABEL_PX, (right - left) / unit)
    canvas.text(((left + right) / 2, (bottom + top) / 2), drawing.message, size * unit, color=SOFT, across="center")


def _draw_x(sheet: Sheet, side: Sides) -> None:
    from cytosol.analyses.cytometry.plots.canvas import text_width  # loads matplotlib

    canvas, frame, style = sheet.canvas, sheet.frame, sheet.style
    left, bottom, right, _ = frame.box
    unit = style.unit
    points = frame.place(np.array([[tick.at, frame.y[0]] for tick in side.ticks]).reshape(-1, 2))
    at = bottom
    if style.ticks[0]:
        marks = [
            np.array([[x, bottom], [x, bottom - (_TICK_LONG if tick.label else _TICK_SHORT) * unit]])
            for (x, _), tick in zip(points, side.ticks, strict=True)
        ]
        canvas.shape(marks, stroke=SOFT, width=0.8 * unit, closed=False)
        at -= _TICK_LONG * unit
    if style.tick_labels[0]:
        sizes = [text_width(tick.label, TICK_PX * unit) for tick in side.ticks]
        for tick in labels_that_fit(side.ticks, side.ends, right - left, sizes):
            x = float(frame.place(np.array([[tick.at, frame.y[0]]]))[0, 0])
            half = text_width(tick.label, TICK_PX * unit) / 2
            x = min(max(x, half + unit), canvas.width - half - unit)
            canvas.text((x, at - _GAP * unit), tick.label, TICK_PX * unit, color=SOFT, across="center", up="top")
        at -= (TICK_PX + _GAP) * unit
    if style.axis_labels[0] and side.label:
        size = _fitting(side.label, LABEL_PX, (right - left) / unit)
        canvas.text(
            ((left + right) / 2, at - 1.5 * unit), side.label, size * unit, color=INK, across="center", up="top"
        )


def _draw_y(sheet: Sheet, side: Sides) -> None:
    canvas, frame, style = sheet.canvas, sheet.frame, sheet.style
    left, bottom, _, top = frame.box
    unit = style.unit
    points = frame.place(np.array([[frame.x[0], tick.at] for tick in side.ticks]).reshape(-1, 2))
    at = left
    if style.ticks[1]:
        marks = [
            np.array([[left, y], [left - (_TICK_LONG if tick.label else _TICK_SHORT) * unit, y]])
            for (_, y), tick in zip(points, side.ticks, strict=True)
        ]
        canvas.shape(marks, stroke=SOFT, width=0.8 * unit, closed=False)
        at -= _TICK_LONG * unit
    if style.tick_labels[1]:
        sizes = [1.1 * TICK_PX * unit] * len(side.ticks)
        for tick in labels_that_fit(side.ticks, side.ends, top - bottom, sizes):
            y = float(frame.place(np.array([[frame.x[0], tick.at]]))[0, 1])
            canvas.text((at - _GAP * unit, y), tick.label, TICK_PX * unit, color=SOFT, across="right")
    if style.axis_labels[1] and side.label:
        size = _fitting(side.label, LABEL_PX, (top - bottom) / unit)
        where = ((5 + LABEL_PX / 2) * unit, (bottom + top) / 2)
        canvas.text(where, side.label, size * unit, color=INK, across="center", up="center", upright=True)


def _fitting(text: str, size: float, room: float) -> float:
    """The size at which a text has room, not below two thirds."""
    from cytosol.analyses.cytometry.plots.canvas import text_width  # loads matplotlib

    wide = text_width(text, size)
    return size if wide <= room else max(size * 2 / 3, size * room / wide)
