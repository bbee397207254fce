"""Histograms of one or several layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cytosol.analyses.cytometry.plots import bins
from cytosol.analyses.cytometry.plots.colors import INK, PAPER, Rgba, category, rgba
from cytosol.analyses.cytometry.plots.frame import TICK_PX, Sheet, Sides, lay_out, nice_ticks, sides_of
from cytosol.analyses.cytometry.plots.gate_marks import Scaled, finish
from cytosol.analyses.cytometry.plots.spec import Drawing

if TYPE_CHECKING:
    from cytosol.analyses.cytometry.plots.canvas import Canvas

_BINS = 256


def draw_histogram(canvas: Canvas, drawing: Drawing) -> None:
    """Draw the layers of a drawing as histograms over each other; see `draw`."""
    from cytosol.analyses.cytometry.plots.canvas import text_width  # loads matplotlib

    style = drawing.style
    layers = [Scaled(each, bins.scaled(each.x, drawing.x.scale), None) for each in drawing.layers]
    ends = bins.scaled_range(drawing.x.scale, [each.x for each in layers])
    heights = [bins.smooth(bins.count_1d(each.x, ends, _BINS), 0.5 * style.smoothing) for each in layers]
    if style.normalise:
        heights = [100 * each / (_mode(each) or 1.0) for each in heights]
    highest = max(_mode(each) for each in heights) or 1.0
    top = highest * (1 + style.offset * (len(layers) - 1))
    x = sides_of(drawing.x, ends)
    label = "% of mode" if style.normalise else "Events"
    y = Sides((0.0, 1.05 * top), [t for t in nice_ticks(0, 1.05 * top) if t.at <= highest or not style.offset], label)
    several = len(layers) > 1
    room = min(160.0, 24 + max(text_width(each.layer.name, TICK_PX) for each in layers)) if several else 0.0
    frame = lay_out(style, x, y, title=drawing.title, right=room)
    sheet = Sheet(canvas, frame, style)
    for number in reversed(range(len(layers))):
        color = rgba(style.color if style.color and not several else category(number, len(layers)))
        _draw_steps(sheet, (heights[number], number * style.offset * highest, color))
    if several:
        _legend(sheet, [each.layer.name for each in layers])
    finish(sheet, drawing, (x, y), layers[0])


def _mode(heights: np.ndarray) -> float:
    """The highest bin, without those at both ends, where the rest piles up, unless all lies there."""
    return float(heights[1:-1].max()) or float(heights.max())


def _draw_steps(sheet: Sheet, of: tuple[np.ndarray, float, Rgba]) -> None:
    heights, base, color = of
    style, (low, high) = sheet.style, sheet.frame.x
    at = low + (np.arange(len(heights)) + 0.5) * (high - low) / len(heights)
    curve = np.column_stack([at, heights + base])
    area = np.concatenate([[[low, base]], curve, [[high, base]]])
    clip = sheet.frame.box
    if style.offset > 0:  # hides those behind
        sheet.canvas.shape([sheet.frame.place(area)], fill=PAPER, clip=clip)
    sheet.canvas.shape([sheet.frame.place(area)], fill=(*color[:3], 0.28 * color[3]), clip=clip)
    sheet.canvas.shape(
        [sheet.frame.place(curve)], stroke=color, width=1.3 * style.stroke * style.unit, closed=False, clip=clip
    )


def _legend(sheet: Sheet, names: list[str]) -> None:
    unit, style = sheet.style.unit, sheet.style
    _, _, right, top = sheet.frame.box
    for number, name in enumerate(names):
        y = top - (8 + 16 * (len(names) - 1 - number if style.offset else number)) * unit
        x = right + 10 * unit
        swatch = np.array(
            [[x, y - 4 * unit], [x + 8 * unit, y - 4 * unit], [x + 8 * unit, y + 4 * unit], [x, y + 4 * unit]]
        )
        sheet.canvas.shape([swatch], fill=category(number, len(names)))
        sheet.canvas.text((x + 12 * unit, y), name, TICK_PX * unit, color=INK)
