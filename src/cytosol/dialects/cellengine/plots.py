"""Plots."""

from __future__ import annotations

from typing import Any, get_args

from starlette.responses import Response

from cytosol.analyses.cytometry.plots.spec import LABEL_ITEMS, Kind, PlotStyle
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.plot_specs import PlotSpec, Sampling
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.files import file_of
from cytosol.dialects.cellengine.gate_documents import reference_of
from cytosol.dialects.cellengine.translate import compensation_said, given_key, key_of

KINDS: tuple[Kind, ...] = get_args(Kind)
SIZE = 228
"""Pixels, where nothing is said."""
_NUMBERS = {
    "smoothing": "smoothing",
    "percentileStart": "percentile_start",
    "percentileStep": "percentile_step",
    "gateLabelFontSize": "gate_label_size",
    "strokeThickness": "stroke",
}


async def plot(asked: Asked) -> Response:
    """A PNG of events of a file."""
    await experiment(asked)
    id = asked.text("fcsFileId")
    if id is None:
        raise InvalidInputError('"fcsFileId" is required')
    view = await file_of(asked, key_of(id, "FCS file"))
    png = await asked.catalog.plots.draw(asked.actor, dataset_id=view.dataset.id, spec=spec_of(asked))
    return Response(png, media_type="image/png")


def spec_of(asked: Asked) -> PlotSpec:
    """What is to be drawn.

    One client sends ``zChannel`` = ``yChannel`` with every plot and a ``yChannel`` with histograms: both mean nothing.
    """
    kind = (asked.text("plotType") or "").lower()
    if kind not in KINDS:
        raise InvalidInputError(f'"plotType" must be one of {", ".join(KINDS)}')
    x, y, z = (asked.text(name) for name in ("xChannel", "yChannel", "zChannel"))
    if x is None:
        raise InvalidInputError('"xChannel" is required')
    if kind == "histogram":
        y = None
    elif y is None:
        raise InvalidInputError('"yChannel" is required')
    colored = kind == "dot" and z is not None and z != y
    return PlotSpec(
        kind=kind,
        x=reference_of(x),
        y=reference_of(y) if y else "",
        color_by=reference_of(z) if colored and z else "",
        population_id=given_key(asked.text("populationId"), "populationId"),
        compensation=compensation_said(asked.text("compensation"), "compensation"),
        sampling=Sampling(
            pre_n=_whole(asked, "preSubsampleN"),
            pre_p=asked.number("preSubsampleP"),
            post_n=_whole(asked, "postSubsampleN"),
            post_p=asked.number("postSubsampleP"),
            seed=asked.number("seed") or 0,
        ),
        style=style_of(asked),
    )


def style_of(asked: Asked) -> PlotStyle:
    """How it shall look."""
    label = (asked.text("gateLabel") or "none").lower()
    if label not in LABEL_ITEMS:
        raise InvalidInputError(f'"gateLabel" must be one of {", ".join(LABEL_ITEMS)}')
    numbers: dict[str, Any] = {
        ours: value for theirs, ours in _NUMBERS.items() if (value := asked.number(theirs)) is not None
    }
    return PlotStyle(
        width=_size(asked, "width"),
        height=_size(asked, "height"),
        axes=_pair(asked, "axesQ", ("xAxisQ",), ("yAxisQ",)),
        axis_labels=_pair(asked, "axisLabelsQ", ("xAxisLabelQ",), ("yAxisLabelQ", "yAxisLabel")),
        ticks=_pair(asked, "ticksQ", ("xTicksQ",), ("yTicksQ",)),
        tick_labels=_pair(asked, "tickLabelsQ", ("xTickLabelsQ",), ("yTickLabelsQ",), first=False),
        color=asked.text("color") or "",
        render_gates=bool(asked.flag("renderGates")),
        gate_label=(label,),
        **numbers,
    )


def _pair(asked: Asked, both: str, x: tuple[str, ...], y: tuple[str, ...], *, first: bool = True) -> tuple[bool, bool]:
    """A choice for both axes, over which those for one go."""
    common = asked.flag(both)
    common = first if common is None else common
    found = []
    for names in (x, y):
        said = [flag for name in names if (flag := asked.flag(name)) is not None]
        found.append(said[0] if said else common)
    return found[0], found[1]


def _size(asked: Asked, name: str) -> int:
    size = _whole(asked, name)
    return SIZE if size is None else size


def _whole(asked: Asked, name: str) -> int | None:
    value = asked.number(name)
    if value is not None and value != int(value):
        raise InvalidInputError(f'"{name}" must be a whole number')
    return None if value is None else int(value)


PLOT_CALLS = (Call("GET", f"{E}/plot", plot),)
