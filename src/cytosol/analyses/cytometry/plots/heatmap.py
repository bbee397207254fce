"""A heatmap, such as of the medians of populations in channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cytosol.analyses.cytometry.plots.bins import scaled_range
from cytosol.analyses.cytometry.plots.colors import INK, MISSING, SOFT, as_rgba, rgba, viridis
from cytosol.analyses.cytometry.plots.frame import TICK_PX, nice_ticks
from cytosol.analyses.cytometry.plots.spec import PlotStyle, finer
from cytosol.analyses.cytometry.scales import Scale
from cytosol.base.errors import InvalidInputError

if TYPE_CHECKING:
    from cytosol.analyses.cytometry.plots.canvas import Canvas

_GAP_PX = 1.0


@dataclass(frozen=True, slots=True)
class Heatmap:
    """A table of numbers as colours.

    Attributes
    ----------
    rows, columns : names
    values : shape (n_rows, n_columns), float, unit of the label; NaN = grey
    label : what the colours mean
    texts : shape (n_rows, n_columns), str, in the cells; None = none
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    label: str
    texts: np.ndarray | None = None
    style: PlotStyle = field(default_factory=PlotStyle)


def of_axes(medians: np.ndarray, scales: Sequence[Scale | None]) -> tuple[np.ndarray, str]:
    """Medians as colours can compare them, and what they are then called.

    Parameters
    ----------
    medians : shape (n_rows, n_axes), data units; NaN = none
    scales : of the axes

    Returns
    -------
    shape (n_rows, n_axes), float64: scaled where all axes have one scale, else how far along its own axis each median
    lies, in percent; an axis without a scale runs from the lowest median to the highest
    """
    scaled = np.array(medians, np.float64)
    for column, scale in enumerate(scales):
        if scale is not None:
            scaled[:, column] = scale.forward(scaled[:, column])
    return compared(scaled, scales)


def compared(medians: np.ndarray, scales: Sequence[Scale | None]) -> tuple[np.ndarray, str]:
    """The same of medians that are scaled already; shape (n_rows, n_axes), NaN = none."""
    scaled = np.array(medians, np.float64)
    if all(scale == scales[0] for scale in scales):
        return scaled, "Median, scaled"
    for column, scale in enumerate(scales):
        known = scaled[np.isfinite(scaled[:, column]), column]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
        if scale is not None:
            low, high = scaled_range(scale, [])
        scaled[:, column] = 100 * (scaled[:, column] - low) / (high - low if high > low else 1.0)
    return scaled, "Median, % of its axis"


def draw_heatmap(heatmap: Heatmap) -> bytes:
    """Draw a heatmap: the bytes of a PNG, SVG or PDF, the same for the same input.

    Raises
    ------
    InvalidInputError
        Where there are no rows or no columns.
    """
    from cytosol.analyses.cytometry.plots.canvas import Canvas, text_width  # loads matplotlib

    values = np.asarray(heatmap.values, np.float64)
    if not values.size:
        raise InvalidInputError("There is nothing to draw", do="Name populations and channels")
    style = finer(heatmap.style)
    unit = style.unit
    canvas = Canvas(style.width, style.height, style.dpi, dark=style.dark)
    left = min(0.4 * style.width, (10 + max(text_width(name, TICK_PX) for name in heatmap.rows)) * unit)
    bottom = min(0.4 * style.height, (10 + max(text_width(name, TICK_PX) for name in heatmap.columns)) * unit)
    right, top = style.width - 70 * unit, style.height - 8 * unit
    n_rows, n_columns = values.shape
    cell = (right - left) / n_columns, (top - bottom) / n_rows
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    high = high if high > low else low + 1.0
    ramp = viridis() / 255
    gap = min(_GAP_PX * unit, 0.1 * min(cell))
    for row in range(n_rows):
        for column in range(n_columns):
            value = values[row, column]
            place = round(255 * (value - low) / (high - low)) if np.isfinite(value) else -1
            color = rgba(MISSING) if place < 0 else as_rgba(ramp[place])
            x, y = left + column * cell[0], top - (row + 1) * cell[1]
            corners = np.array([[0, 0], [cell[0] - gap, 0], [cell[0] - gap, cell[1] - gap], [0, cell[1] - gap]])
            canvas.shape([corners + np.array([x, y])], fill=color)
            if heatmap.texts is not None:
                size = min(TICK_PX * unit, 0.5 * cell[1], 0.24 * cell[0])
                ink = "white" if place < 140 else "black"
                middle = (x + (cell[0] - gap) / 2, y + (cell[1] - gap) / 2)
                canvas.text(middle, str(heatmap.texts[row, column]), size, color=ink, across="center")
    size = min(TICK_PX * unit, 0.9 * cell[1])
    for row, name in enumerate(heatmap.rows):
        canvas.text((left - 4 * unit, top - (row + 0.5) * cell[1]), name, size, color=INK, across="right")
    size = min(TICK_PX * unit, 0.9 * cell[0])
    for column, name in enumerate(heatmap.columns):
        at = (left + (column + 0.5) * cell[0], bottom - 4 * unit)
        canvas.text(at, name, size, color=INK, across="right", up="center", upright=True)
    _draw_bar(canvas, style, (right + 10 * unit, bottom, right + 18 * unit, top), (low, high, heatmap.label))
    return canvas.encode(style.format)


def _draw_bar(
    canvas: Canvas, style: PlotStyle, box: tuple[float, float, float, float], of: tuple[float, float, str]
) -> None:
    left, bottom, right, top = box
    low, high, label = of
    unit = style.unit
    tall, wide = max(2, int(top - bottom)), max(1, int(right - left))
    steps = viridis()[np.linspace(0, 255, tall).astype(int)]
    canvas.image((left, bottom), np.repeat(steps[:, None], wide, axis=1))
    for tick in nice_ticks(low, high, 5):
        y = bottom + (tick.at - low) / (high - low) * (top - bottom)
        canvas.text((right + 3 * unit, y), tick.label, 0.9 * TICK_PX * unit, color=SOFT)
    canvas.text(
        (right + 40 * unit, (top + bottom) / 2), label, TICK_PX * unit, color=INK, across="center", upright=True
    )
