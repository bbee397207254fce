"""What a figure shows and how it looks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from cytosol.analyses.cytometry.scales import Scale
from cytosol.base.errors import InvalidInputError, LimitExceededError

Format = Literal["png", "svg", "pdf"]
Kind = Literal["density", "dot", "contour", "histogram"]
LabelItem = Literal["name", "percent", "eventcount", "mean", "median", "mad", "cv", "stddev", "geometricmean", "none"]
LABEL_ITEMS: tuple[LabelItem, ...] = (
    "name", "percent", "eventcount", "mean", "median", "mad", "cv", "stddev", "geometricmean", "none",
)  # fmt: skip
MAX_PIXELS = 40_000_000
VECTOR_DPI = 300.0
_COLOR = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_BOTH = (True, True)


@dataclass(frozen=True, slots=True)
class PlotStyle:
    """How a figure looks.

    Attributes
    ----------
    width, height : pixels of a PNG, exactly; an SVG or PDF is as large as they are at ``dpi``
    dpi : pixels per inch; text and lines keep their size in mm
    axes, axis_labels, ticks, tick_labels : whether those of x and of y are drawn
    color : ``#rgb``, ``#rgba``, ``#rrggbb`` or ``#rrggbbaa``, of dots, contours, the histogram, and the hue of a
        density; "" = chosen
    smoothing : 0 = none, 1 = as usual, up to 10
    percentile_start, percentile_step : percent; the outermost contour has so many of the events outside, and the
        next so many more
    gate_label : what stands beside a gate, in this order
    gate_label_size, stroke : pixels at 96 dpi, of gate labels and of lines, dots and gates
    normalise : whether the highest bin of every histogram is 100 %
    offset : 0 to 1, by how much of its height each further histogram stands higher
    dark : whether the sheet is dark, for a page in its dark theme
    """

    format: Format = "png"
    width: int = 480
    height: int = 480
    dpi: float = 96.0
    axes: tuple[bool, bool] = _BOTH
    axis_labels: tuple[bool, bool] = _BOTH
    ticks: tuple[bool, bool] = _BOTH
    tick_labels: tuple[bool, bool] = _BOTH
    color: str = ""
    smoothing: float = 0.0
    percentile_start: float = 5.0
    percentile_step: float = 10.0
    render_gates: bool = True
    gate_label: tuple[LabelItem, ...] = ("name", "percent")
    gate_label_size: float = 11.0
    stroke: float = 1.0
    normalise: bool = False
    offset: float = 0.0
    dark: bool = False

    def __post_init__(self) -> None:
        bounds = {
            "width": (16, 20_000), "height": (16, 20_000), "dpi": (10, 2400), "smoothing": (0, 10),
            "percentile_start": (0, 99.9), "percentile_step": (0.5, 100), "gate_label_size": (1, 200),
            "stroke": (0.1, 20), "offset": (0, 1),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidInputError(
                    f"{name} = {value!r} cannot be used", where=name, do=f"Give a number from {low:g} to {high:g}"
                )
        if self.width * self.height > MAX_PIXELS:
            raise LimitExceededError(
                f"A figure of {self.width} × {self.height} pixels is too large",
                do=f"Ask for at most {MAX_PIXELS:,} pixels",
                setting="figure-pixels",
            )
        if self.color and not _COLOR.fullmatch(self.color):
            raise InvalidInputError(
                f"'{self.color[:32]}' is no colour", where="color", do="Write #rgb, #rgba, #rrggbb or #rrggbbaa"
            )
        wrong = [item for item in self.gate_label if item not in LABEL_ITEMS]
        if wrong:
            raise InvalidInputError(
                f"'{str(wrong[0])[:32]}' cannot stand beside a gate", where="gate_label",
                do=f"Use {', '.join(LABEL_ITEMS)}",
            )  # fmt: skip

    @property
    def unit(self) -> float:
        """Pixels of the figure for one pixel at 96 dpi."""
        return self.dpi / 96


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis.

    Attributes
    ----------
    label : what stands beside it
    scale : how values are scaled; None = as they are, from their lowest to their highest
    """

    label: str
    scale: Scale | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """The events of one file or population.

    Attributes
    ----------
    name : for the legend
    x, y : shape (n_events,), float32, unit of the data; NaN = not drawn; y is None for a histogram
    shade : shape (n_events,), float32, the value that colours the dots; NaN = grey; None = all alike
    """

    name: str
    x: np.ndarray
    y: np.ndarray | None = None
    shade: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class GateMark:
    """A gate to be drawn, in the scaled space of the two axes.

    Attributes
    ----------
    kind, geometry : as in ``model.gating.Gate``
    names : of the gate; of a quadrant or split those of its sectors, in their order
    at : where the names are drawn, scaled; empty = chosen
    """

    kind: str
    geometry: dict[str, Any]
    names: tuple[str, ...]
    at: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything a figure is made of.

    Attributes
    ----------
    layers : one; several are laid over each other by a histogram
    shade : of what colours the dots
    title : above; "" = none
    message : what stands in the empty frame of a figure that has no layers
    """

    kind: Kind
    x: Axis
    layers: tuple[Layer, ...]
    y: Axis | None = None
    shade: Axis | None = None
    gates: tuple[GateMark, ...] = ()
    title: str = ""
    style: PlotStyle = field(default_factory=PlotStyle)
    message: str = ""


def finer(style: PlotStyle) -> PlotStyle:
    """The style of a sheet as large, with pictures within an SVG or PDF of at least 300 pixels per inch."""
    if style.format == "png" or style.dpi >= VECTOR_DPI:
        return style
    factor = VECTOR_DPI / style.dpi
    width, height = round(style.width * factor), round(style.height * factor)
    if width * height > MAX_PIXELS:
        return style
    return replace(style, dpi=VECTOR_DPI, width=width, height=height)
