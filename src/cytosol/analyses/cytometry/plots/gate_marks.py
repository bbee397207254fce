"""Gates on a figure: outlines, and what is told of the events inside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.geometry import inside, sectors
from cytosol.analyses.cytometry.plots.colors import INK, PAPER, rgba
from cytosol.analyses.cytometry.plots.frame import Frame, Sheet, Sides, draw_frame
from cytosol.analyses.cytometry.plots.spec import Drawing, GateMark, LabelItem, Layer, PlotStyle
from cytosol.analyses.cytometry.statistics import statistic

_STATISTICS: dict[LabelItem, str] = {
    "mean": "mean", "median": "median", "mad": "mad", "cv": "cv", "stddev": "stddev", "geometricmean": "geometric_mean",
}  # fmt: skip
_ELLIPSE_POINTS = 96
_LINES_APART = 1.25


@dataclass(frozen=True, slots=True)
class GateLabel:
    """A text at a place in the scaled space of the axes."""

    text: str
    at: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scaled:
    """A layer as it lies on the axes: x and y of shape (n_events,), float32; y None for a histogram."""

    layer: Layer
    x: np.ndarray
    y: np.ndarray | None


def finish(sheet: Sheet, drawing: Drawing, sides: tuple[Sides, Sides], first: Scaled) -> None:
    """Draw what stands around and above the data: the frame, and gates with what is told of the first layer."""
    draw_frame(sheet, sides, drawing.title)
    for gate in drawing.gates if sheet.style.render_gates else ():
        draw_gate(sheet, gate, label_gate(gate, first, sheet))


def outline(kind: str, geometry: dict[str, Any], ends: tuple[tuple[float, float], tuple[float, float]]) -> list[Any]:
    """The lines of a gate: arrays of shape (n, 2), scaled; closed for areas.

    Parameters
    ----------
    ends : of x and y; how far lines without an end are drawn
    """
    (x_low, x_high), (y_low, y_high) = ends
    if kind == "rectangle":
        x1, x2, y1, y2 = (geometry[name] for name in ("x1", "x2", "y1", "y2"))
        return [np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)]
    if kind == "polygon":
        return [np.asarray(geometry["vertices"], float)]
    if kind == "ellipse":
        turn = np.linspace(0, 2 * math.pi, _ELLIPSE_POINTS, endpoint=False)
        u, v = geometry["major"] / 2 * np.cos(turn), geometry["minor"] / 2 * np.sin(turn)
        cos, sin = math.cos(geometry["angle"]), math.sin(geometry["angle"])
        x, y = geometry["center"]
        return [np.column_stack([x + u * cos - v * sin, y + u * sin + v * cos])]
    height = y_low + float(geometry.get("y", 0.5)) * (y_high - y_low)
    tip = 0.02 * (y_high - y_low)
    if kind == "range":
        x1, x2 = float(geometry["x1"]), float(geometry["x2"])
        bars = [np.array([[x, height - tip], [x, height + tip]]) for x in (x1, x2)]
        return [np.array([[x1, height], [x2, height]]), *bars]
    if kind == "split":
        x = float(geometry["x"])
        return [np.array([[x_low, height], [x_high, height]]), np.array([[x, height - tip], [x, height + tip]])]
    x, y = float(geometry["x"]), float(geometry["y"])
    far = 2 * math.hypot(x_high - x_low, y_high - y_low) + abs(x - x_low) + abs(y - y_low)
    rays = geometry["angles"]
    return [np.array([[x, y], [x + far * math.cos(ray), y + far * math.sin(ray)]]) for ray in rays]


def label_gate(gate: GateMark, events: Scaled, sheet: Sheet) -> list[GateLabel]:
    """What stands beside a gate, and where; statistics are of values in the unit of the data."""
    style = sheet.style
    if not style.gate_label or style.gate_label == ("none",):
        return []
    layer, x, y = events.layer, events.x, events.y
    if gate.kind in ("quadrant", "split"):
        places = sectors(gate.kind, gate.geometry, x, y)
        masks = [places == number for number in range(4 if gate.kind == "quadrant" else 2)]
    else:
        masks = [inside(gate.kind, gate.geometry, x, y)]
    names = [*gate.names, *([""] * len(masks))][: len(masks)]
    spots = _spots(gate, sheet.frame)
    texts = [_text(name, mask, layer, style) for name, mask in zip(names, masks, strict=True)]
    return [GateLabel(text, spot) for text, spot in zip(texts, spots, strict=True) if text]


def _text(name: str, mask: np.ndarray, layer: Layer, style: PlotStyle) -> str:
    parts = []
    n_all = int((~np.isnan(layer.x)).sum()) if layer.y is None else int((~np.isnan(layer.x + layer.y)).sum())
    for item in style.gate_label:
        if item == "name":
            parts.append(name)
        elif item == "percent":
            parts.append(f"{100 * mask.sum() / n_all:.1f} %" if n_all else "–")
        elif item == "eventcount":
            parts.append(f"{int(mask.sum()):,}")
        elif item != "none":
            axes = [layer.x] if layer.y is None else [layer.x, layer.y]
            found = [statistic(_STATISTICS[item], axis[mask]) for axis in axes]
            parts.append(", ".join("–" if value is None else f"{value:,.4g}" for value in found))
    return "\n".join(part for part in parts if part)


def _spots(gate: GateMark, frame: Frame) -> list[tuple[float, float]]:
    (x_low, x_high), (y_low, y_high) = frame.x, frame.y
    wide, high = x_high - x_low, y_high - y_low
    n_names = {"quadrant": 4, "split": 2}.get(gate.kind, 1)
    if len(gate.at) == n_names:
        return [(float(x), float(y)) for x, y in gate.at]
    if gate.kind == "quadrant":
        right, left = x_low + 0.99 * wide, x_low + 0.01 * wide
        upper, lower = y_low + 0.99 * high, y_low + 0.01 * high
        return [(right, upper), (left, upper), (left, lower), (right, lower)]
    if gate.kind == "split":
        x, y = float(gate.geometry["x"]), y_low + float(gate.geometry.get("y", 0.5)) * high + 0.03 * high
        return [((x_low + x) / 2, y), ((x + x_high) / 2, y)]
    if gate.kind == "range":
        y = y_low + float(gate.geometry.get("y", 0.5)) * high + 0.03 * high
        return [((gate.geometry["x1"] + gate.geometry["x2"]) / 2, y)]
    points = outline(gate.kind, gate.geometry, (frame.x, frame.y))[0]
    inner = np.clip(points, [x_low, y_low], [x_high, y_high])
    return [(float((inner[:, 0].min() + inner[:, 0].max()) / 2), float(inner[:, 1].max()))]


def draw_gate(sheet: Sheet, gate: GateMark, labels: list[GateLabel]) -> None:
    """Draw the lines of a gate, a light edge under them, and its labels."""
    canvas, frame, style = sheet.canvas, sheet.frame, sheet.style
    lines = [frame.place(line) for line in outline(gate.kind, gate.geometry, (frame.x, frame.y))]
    closed = gate.kind in ("rectangle", "polygon", "ellipse")
    width = 1.5 * style.stroke * style.unit
    left, bottom, right, top = frame.box
    if gate.kind == "rectangle":  # a side at the end of an axis is drawn just within
        lines = [np.clip(line, [left + 1, bottom + 1], [right - 1, top - 1]) for line in lines]
    canvas.shape(lines, stroke=(*rgba(PAPER)[:3], 0.8), width=width + 2 * style.unit, closed=closed, clip=frame.box)
    canvas.shape(lines, stroke=INK, width=width, closed=closed, clip=frame.box)
    for label in labels:
        _draw_label(sheet, label)


def _draw_label(sheet: Sheet, label: GateLabel) -> None:
    from cytosol.analyses.cytometry.plots.canvas import text_width  # loads matplotlib

    canvas, frame, style = sheet.canvas, sheet.frame, sheet.style
    size = style.gate_label_size * style.unit
    lines = label.text.split("\n")
    wide = max(text_width(line, size) for line in lines) + 0.6 * size
    high = _LINES_APART * size * len(lines) + 0.3 * size
    x, y = (float(part) for part in frame.place(np.array([label.at]))[0])
    left, bottom, right, top = frame.box
    x = min(max(x, left + wide / 2 + 2), max(left + wide / 2 + 2, right - wide / 2 - 2))
    y = min(max(y, bottom + high / 2 + 2), max(bottom + high / 2 + 2, top - high / 2 - 2))
    corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]]) / 2 + np.array([x, y])
    canvas.shape([corners], fill=(*rgba(PAPER)[:3], 0.78))
    at = y + high / 2 - 0.15 * size - _LINES_APART * size / 2
    for line in lines:
        canvas.text((x, at), line, size, color=INK, across="center")
        at -= _LINES_APART * size
