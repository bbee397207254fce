"""Spectra of reference controls: a line for each dye over the detectors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cytosol.analyses.cytometry.plots.colors import INK, SOFT, category
from cytosol.analyses.cytometry.plots.frame import TICK_PX, Frame, Sheet, Sides, draw_frame, nice_ticks
from cytosol.analyses.cytometry.plots.spec import PlotStyle, finer
from cytosol.base.errors import InvalidInputError

_ROW_PX, _TOP_PX, _LEFT_PX, _DOT_PX = 16.0, 10.0, 52.0, 2.2
_LABEL = "Share of the brightest detector"


@dataclass(frozen=True, slots=True)
class Spectra:
    """How each dye shines into the detectors.

    Attributes
    ----------
    dyes, detectors : names
    values : shape (n_dyes, n_detectors), float, unitless; 1 = the brightest detector of the dye
    """

    dyes: tuple[str, ...]
    detectors: tuple[str, ...]
    values: np.ndarray
    style: PlotStyle = field(default_factory=PlotStyle)


def draw_spectra(spectra: Spectra) -> bytes:
    """Draw them over each other: the bytes of a PNG, SVG or PDF, the same for the same input.

    The legend names the brightest detector of each dye, and stands in the order of the detectors.

    Raises
    ------
    InvalidInputError
        Where there are no dyes or no detectors.
    """
    from cytosol.analyses.cytometry.plots.canvas import Canvas, text_width  # loads matplotlib

    values = np.asarray(spectra.values, np.float64)
    if not values.size:
        raise InvalidInputError("There is no spectrum to draw", do="Name controls and detectors")
    style = finer(spectra.style)
    unit = style.unit
    canvas = Canvas(style.width, style.height, style.dpi, dark=style.dark)
    peaks = values.argmax(axis=1)
    names = [f"{dye} ({spectra.detectors[at]})" for dye, at in zip(spectra.dyes, peaks, strict=True)]
    room = min(0.4 * style.width, (30 + max(text_width(name, TICK_PX) for name in names)) * unit)
    foot = min(0.4 * style.height, (12 + max(text_width(name, TICK_PX) for name in spectra.detectors)) * unit)
    box = (round(_LEFT_PX * unit), round(foot), round(style.width - room), round(style.height - _TOP_PX * unit))
    low = min(0.0, float(values.min()))
    ends = (low, 1.04)
    frame = Frame(box, (-0.5, values.shape[1] - 0.5), ends)
    sheet = Sheet(canvas, frame, style)
    draw_frame(sheet, (Sides(frame.x, [], ""), Sides(ends, nice_ticks(*ends), _LABEL)))
    _name_detectors(sheet, spectra.detectors)
    for row, line in enumerate(values):
        _draw_line(sheet, line, category(row, len(values)))
    for place, row in enumerate(np.argsort(peaks, kind="stable")):
        at = box[2] + 10 * unit, box[3] - (8 + place * _ROW_PX) * unit
        line = np.array([at, (at[0] + 12 * unit, at[1])])
        canvas.shape([line], stroke=category(int(row), len(values)), width=2 * unit, closed=False)
        canvas.text((at[0] + 16 * unit, at[1]), names[row], TICK_PX * unit, color=INK)
    return canvas.encode(style.format)


def _draw_line(sheet: Sheet, values: np.ndarray, color: str) -> None:
    unit = sheet.style.unit
    points = sheet.frame.place(np.column_stack([np.arange(len(values)), values]))
    sheet.canvas.shape([points], stroke=color, width=1.4 * unit, closed=False)
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    dot = _DOT_PX * unit * np.column_stack([np.cos(turn), np.sin(turn)])
    sheet.canvas.shape([dot + point for point in points], fill=color)


def _name_detectors(sheet: Sheet, names: tuple[str, ...]) -> None:
    """Upright below the axis; where there are too many for the room, only some."""
    unit, frame = sheet.style.unit, sheet.frame
    step = max(1, int(np.ceil(1.2 * TICK_PX * unit * len(names) / frame.size[0])))
    for place in range(0, len(names), step):
        x = float(frame.place(np.array([[place, frame.y[0]]]))[0, 0])
        at = (x, frame.box[1] - 5 * unit)
        sheet.canvas.text(at, names[place], TICK_PX * unit, color=SOFT, across="right", upright=True)
