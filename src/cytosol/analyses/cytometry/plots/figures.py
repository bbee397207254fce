"""Figures of events: density, dots, and contours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cytosol.analyses.cytometry.plots import bins
from cytosol.analyses.cytometry.plots.colors import (
    INK,
    MISSING,
    SOFT,
    Rgba,
    as_rgba,
    category,
    density_ramp,
    rgba,
    viridis,
)
from cytosol.analyses.cytometry.plots.frame import TICK_PX, Frame, Sheet, draw_message, lay_out, sides_of
from cytosol.analyses.cytometry.plots.gate_marks import Scaled, finish
from cytosol.analyses.cytometry.plots.histograms import draw_histogram
from cytosol.analyses.cytometry.plots.spec import Drawing, PlotStyle, finer
from cytosol.base.errors import InvalidInputError

if TYPE_CHECKING:
    from cytosol.analyses.cytometry.plots.canvas import Canvas

_DENSITY_BINS = 256
_CONTOUR_BINS = 128
_FEW = 5000
"""So many events are dots in the colour of the density around them: a cell of the raster each would hardly be seen."""
_ALWAYS_SMOOTH = 1.0
"""Contours of plain counts would be noise."""
_DOTS, _DOTS_ON_DARK = "#1f5c9c", "#6ea3d3"
_MOST_LEVELS = 24


def draw(drawing: Drawing) -> bytes:
    """Draw a figure of events.

    Returns
    -------
    The bytes of a PNG, SVG or PDF, the same for the same drawing. Texts of an SVG or PDF are texts.

    Raises
    ------
    InvalidInputError
        Where there is nothing to draw, or a y axis is missing.
    """
    from cytosol.analyses.cytometry.plots.canvas import Canvas  # loads matplotlib

    drawing = replace(drawing, style=finer(drawing.style))
    style = drawing.style
    canvas = Canvas(style.width, style.height, style.dpi, dark=style.dark)
    _paint(canvas, drawing)
    return canvas.encode(style.format)


def draw_grid(drawings: Iterable[Drawing], *, n_rows: int, n_columns: int, style: PlotStyle) -> bytes:
    """Draw figures in rows and columns on one sheet, row by row.

    Parameters
    ----------
    drawings : taken one after the other, so that the events of one at a time are in memory; each is as large as the
        sheet divided by rows and columns
    style : format, dpi, and width and height of the whole sheet
    """
    from cytosol.analyses.cytometry.plots.canvas import Canvas  # loads matplotlib

    sheet = finer(style)
    canvas = Canvas(sheet.width, sheet.height, sheet.dpi, dark=sheet.dark)
    wide, high = sheet.width // n_columns, sheet.height // n_rows
    for number, drawing in enumerate(drawings):
        row, column = divmod(number, n_columns)
        look = replace(drawing.style, format=sheet.format, dpi=sheet.dpi, width=wide, height=high, dark=sheet.dark)
        at = (float(column * wide), float(sheet.height - (row + 1) * high))
        _paint(canvas.part(at, wide, high), replace(drawing, style=look))
    return canvas.encode(sheet.format)


def _paint(canvas: Canvas, drawing: Drawing) -> None:
    if drawing.message and not drawing.layers:
        draw_message(canvas, drawing)
        return
    if not drawing.layers:
        raise InvalidInputError("There is nothing to draw", do="Name a file or a population")
    if drawing.kind == "histogram":
        draw_histogram(canvas, drawing)
        return
    style, y_axis = drawing.style, drawing.y
    if y_axis is None or any(layer.y is None for layer in drawing.layers):
        raise InvalidInputError(f"A {drawing.kind} plot has two axes", where="y", do="Name what is on the y axis")
    layers = [
        Scaled(each, bins.scaled(each.x, drawing.x.scale), bins.scaled(np.asarray(each.y), y_axis.scale))
        for each in drawing.layers
    ]
    x = sides_of(drawing.x, bins.scaled_range(drawing.x.scale, [each.x for each in layers]))
    y = sides_of(y_axis, bins.scaled_range(y_axis.scale, [np.asarray(each.y) for each in layers]))
    right = 62.0 if drawing.shade is not None else 0.0
    frame = lay_out(style, x, y, title=drawing.title, right=right)
    sheet = Sheet(canvas, frame, style)
    if drawing.kind == "density":
        _draw_density(sheet, layers[0])
    elif drawing.kind == "contour":
        for number, layer in enumerate(layers):
            _draw_contours(sheet, layer, style.color if len(layers) == 1 else category(number, len(layers)))
    else:
        _draw_dots(sheet, drawing, layers)
    finish(sheet, drawing, (x, y), layers[0])


def _raster(frame: Frame, layer: Scaled, most: int) -> tuple[np.ndarray, int]:
    """Counts of at most so many cells across, and how many pixels wide one is."""
    wide, high = frame.size
    step = max(1, round(max(wide, high) / most))
    shape = -(-high // step), -(-wide // step)
    ends = tuple(
        (low, low + (top - low) * step * n / size)
        for (low, top), n, size in ((frame.x, shape[1], wide), (frame.y, shape[0], high))
    )
    x, y = layer.x, np.asarray(layer.y)
    if step > 1:  # the last cells reach beyond the axis; what piles up at its end has to lie before that
        x, y = np.clip(x, *frame.x), np.clip(y, *frame.y)
    return bins.count_2d(x, y, (ends[0], ends[1]), shape), step


def _draw_density(sheet: Sheet, layer: Scaled) -> None:
    style = sheet.style
    if len(layer.x) <= _FEW and not style.smoothing:
        _draw_shaded_dots(sheet, layer)
        return
    counts, step = _raster(sheet.frame, layer, _DENSITY_BINS)
    picture = bins.color_counts(bins.smooth(counts, style.smoothing), density_ramp(style.color))
    wide, high = sheet.frame.size
    if step > 1:
        picture = np.repeat(np.repeat(picture, step, axis=0), step, axis=1)
    sheet.canvas.image(sheet.frame.box[:2], picture[:high, :wide])


def _draw_shaded_dots(sheet: Sheet, layer: Scaled) -> None:
    """Few events at their places, the densest above the others."""
    style, y = sheet.style, np.asarray(layer.y)
    wide, high = (side / style.unit for side in sheet.frame.size)
    density = bins.density_at(layer.x, y, (sheet.frame.x, sheet.frame.y), (wide, high))
    order = np.argsort(density, kind="stable")
    order = order[: np.count_nonzero(~np.isnan(density))]
    colors = bins.color_density(density[order], density_ramp(style.color))
    diameter = max(1.6, min(3.0, wide / 60, 150 / max(1, len(order)) ** 0.5))
    _stamp(sheet, (layer.x[order], y[order], colors), diameter * style.stroke * style.unit)


def _draw_contours(sheet: Sheet, layer: Scaled, color: str) -> None:
    from contourpy import contour_generator

    style = sheet.style
    wide, high = sheet.frame.size
    shape = (_CONTOUR_BINS, max(8, round(_CONTOUR_BINS * wide / high)))
    counts = bins.count_2d(layer.x, np.asarray(layer.y), (sheet.frame.x, sheet.frame.y), shape)
    density = bins.smooth(counts, _ALWAYS_SMOOTH + style.smoothing).astype(np.float64)
    heights = bins.levels_of(density, style.percentile_start, style.percentile_step)
    if not len(heights):
        return
    heights = heights[np.unique(np.linspace(0, len(heights) - 1, _MOST_LEVELS).round().astype(int))]
    _draw_outliers(sheet, (layer, density, float(heights[0])), color)
    left, bottom, _, _ = sheet.frame.box
    at_x = left + (np.arange(shape[1] + 2) - 0.5) * wide / shape[1]
    at_y = bottom + (np.arange(shape[0] + 2) - 0.5) * high / shape[0]
    lines_at = contour_generator(at_x, at_y, np.pad(density, 1))  # with an edge of zeros all lines close
    ramp = density_ramp(color)
    for number, height in enumerate(heights):
        shade = ramp[round((0.35 + 0.6 * number / max(1, len(heights) - 1)) * (len(ramp) - 1))] / 255
        lines = [np.asarray(line) for line in lines_at.lines(height)]
        width = 1.1 * style.stroke * style.unit
        sheet.canvas.shape(lines, stroke=as_rgba(shade), width=width, closed=False, clip=sheet.frame.box)


def _draw_outliers(sheet: Sheet, of: tuple[Scaled, np.ndarray, float], color: str) -> None:
    """Dots for the events outside the outermost contour."""
    layer, density, height = of
    style = sheet.style
    y = np.asarray(layer.y)
    outside = bins.looked_up(density, layer.x, y, (sheet.frame.x, sheet.frame.y)) < height
    shade = _bytes(rgba(color or "#6ea3d3"))[None]
    _stamp(sheet, (layer.x[outside], y[outside], shade), 1.6 * style.stroke * style.unit)


def _draw_dots(sheet: Sheet, drawing: Drawing, layers: list[Scaled]) -> None:
    style = drawing.style
    diameter = 2.0 * style.stroke * style.unit
    own = _DOTS_ON_DARK if style.dark else _DOTS
    for number, layer in enumerate(layers):
        shade = layer.layer.shade
        if shade is not None and drawing.shade is not None:
            colors = _shades(sheet, drawing, shade)
            order = np.argsort(np.nan_to_num(shade, nan=-np.inf), kind="stable")
            _stamp(sheet, (layer.x[order], np.asarray(layer.y)[order], colors[order]), diameter)
            continue
        color = category(number, len(layers)) if len(layers) > 1 else style.color or own
        _stamp(sheet, (layer.x, np.asarray(layer.y), _bytes(rgba(color))[None]), diameter)


def _shades(sheet: Sheet, drawing: Drawing, shade: np.ndarray) -> np.ndarray:
    """Colours of the dots: shape (n, 4), uint8; and the bar that explains them."""
    axis = drawing.shade
    if axis is None:
        raise InvalidInputError("Nothing says what colours the dots")
    values = bins.scaled(shade, axis.scale)
    low, high = bins.scaled_range(axis.scale, [values])
    ramp = viridis()
    place = np.clip((values - low) / (high - low), 0, 1)
    colors = ramp[np.nan_to_num(place * 255).astype(np.intp)]
    colors[np.isnan(values)] = _bytes(rgba(MISSING))
    unit, (_, bottom, right, top) = drawing.style.unit, sheet.frame.box
    bar = Frame((right + 10 * unit, bottom, right + 18 * unit, top), (0, 1), (low, high))
    tall = int(top - bottom)
    steps = ramp[np.linspace(0, 255, tall).astype(int)]
    sheet.canvas.image(bar.box[:2], np.repeat(steps[:, None], max(1, int(8 * unit)), axis=1))
    for tick in sides_of(axis, (low, high)).ticks:
        y = float(bar.place(np.array([[1.0, tick.at]]))[0, 1])
        if tick.label:
            sheet.canvas.text((bar.box[2] + 3 * unit, y), tick.label, 0.9 * TICK_PX * unit, color=SOFT)
    middle = (bar.box[2] + 40 * unit, (bottom + top) / 2)
    sheet.canvas.text(middle, axis.label, TICK_PX * unit, color=INK, across="center", upright=True)
    return colors


def _stamp(sheet: Sheet, dots: tuple[np.ndarray, np.ndarray, np.ndarray], diameter: float) -> None:
    """Lay dots down as one picture: x, y scaled, and colours of shape (n, 4) or (1, 4)."""
    from cytosol.analyses.cytometry.plots.kernels import stamp_dots  # loads numba

    x, y, colors = dots
    wide, high = sheet.frame.size
    left, bottom, _, _ = sheet.frame.box
    points = sheet.frame.place(np.column_stack([x, y]).astype(np.float64)) - [left, bottom]
    picture = np.full((high, wide, 4), colors.mean(axis=0) if len(colors) else 0.0, np.float32)
    picture[..., 3] = 0  # clear, of like colour: readers of PDF blur the edge
    stamp_dots(points.astype(np.float32), np.ascontiguousarray(colors), _disc(diameter), picture)
    sheet.canvas.image((left, bottom), np.round(picture).astype(np.uint8))


def _disc(diameter: float) -> np.ndarray:
    """Cover of the pixels of a dot: odd shape, float32, 0 to 1."""
    half = int(np.ceil(diameter / 2 - 0.5))
    at = np.arange(-half, half + 1)
    far = np.hypot(at[:, None], at[None])
    return np.clip(diameter / 2 + 0.5 - far, 0, 1).astype(np.float32)


def _bytes(color: Rgba) -> np.ndarray:
    return np.round(255 * np.asarray(color)).astype(np.uint8)
