"""Figures: from an address to what is drawn."""

from __future__ import annotations

from typing import cast

from cytosol.analyses.cytometry.plots.spec import LabelItem, PlotStyle
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.file_groups import Files
from cytosol.catalog.plot_specs import Overlay, PlotSpec, Sampling
from cytosol.dialects.native.wire.plots import (
    FigureSize,
    FilesRequest,
    PlotGridRequest,
    PlotQuery,
    StudyHeatmapRequest,
)

MEDIA = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
ALL = "all"
_MM_PER_INCH = 25.4


def sheet_style(query: FigureSize | PlotGridRequest | StudyHeatmapRequest) -> PlotStyle:
    """Format and size."""
    factor = query.dpi / _MM_PER_INCH if query.unit == "mm" else 1.0
    size = max(1, round(query.width * factor)), max(1, round(query.height * factor))
    return PlotStyle(format=query.format, width=size[0], height=size[1], dpi=query.dpi)


def files_of(said: FilesRequest) -> Files:
    """Which datasets, and how they are put together."""
    return Files(said.dataset_ids, said.table, said.group_by, said.equal, said.reagents_of)


def plot_spec(query: PlotQuery) -> PlotSpec:
    """What a plot shows and how it looks."""
    sheet = sheet_style(query)
    items = tuple(cast(LabelItem, item.strip()) for item in query.gate_label.split(",") if item.strip())
    style = PlotStyle(
        format=sheet.format,
        width=sheet.width,
        height=sheet.height,
        dpi=sheet.dpi,
        axes=(query.axes, query.axes),
        axis_labels=(query.axis_labels, query.axis_labels),
        ticks=(query.ticks, query.ticks),
        tick_labels=(query.tick_labels, query.tick_labels),
        color=query.color,
        smoothing=query.smoothing,
        percentile_start=query.percentile_start,
        percentile_step=query.percentile_step,
        render_gates=query.gates,
        gate_label=items,
        gate_label_size=query.gate_label_size,
        stroke=query.stroke,
        normalise=query.normalise,
        offset=query.offset,
    )
    return PlotSpec(
        query.kind,
        query.x,
        query.y,
        query.color_by,
        population_id=query.population,
        compensation=query.compensation,
        sampling=Sampling(query.pre_n, query.pre_p, query.post_n, query.post_p, query.seed),
        overlays=tuple(_overlay(text) for text in query.overlays.split(",") if text.strip()),
        title=query.title,
        style=style,
    )


def _overlay(text: str) -> Overlay:
    dataset, _, population = text.strip().partition("/")
    return Overlay(_id(dataset), _id(population))


def _id(text: str) -> Key | None:
    return Key.parse(text) if text else None


def population_ids(text: str) -> list[Key | None] | None:
    """Ids of populations; None among them = all events, None instead of them = all populations."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        return None
    try:
        return [None if name == ALL else Key.parse(name) for name in names]
    except InvalidInputError as error:
        raise InvalidInputError(error.what, where="populations", do="Give ids, or 'all' for all events") from error
