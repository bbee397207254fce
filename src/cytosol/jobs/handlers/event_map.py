"""Maps and clusters of events in their channels, by what single-cell tables use."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from cytosol.analyses.cytometry.event_params import EventMapParams
from cytosol.analyses.cytometry.plots.figures import draw
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, Layer, PlotStyle
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.analyses.cytometry.sampling import sample_rows
from cytosol.analyses.matrix.clustering import Clustering, LeidenParams, leiden
from cytosol.analyses.matrix.connectivities import connectivities
from cytosol.analyses.matrix.neighbors import NeighborParams, find_neighbors
from cytosol.analyses.matrix.spectral import SpectralParams, spectral_embedding
from cytosol.analyses.matrix.tsne import TsneParams, tsne
from cytosol.analyses.matrix.umap import UmapParams, umap
from cytosol.analyses.reports import Section, report_page
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.event_values import (
    PICTURE_DPI,
    EventValues,
    channels_of,
    groups_parts,
    read_values,
    report_result,
)

_FEWEST = 10
_PICTURE_PX = 480


async def map_events(run: TableRun) -> Outcome:
    """Draw events, find their neighbours in the channels once, and make of these what is asked for."""
    params = cast(EventMapParams, run.params)
    if not (params.umap or params.tsne or params.spectral or params.clusters):
        raise InvalidInputError("Nothing is asked for", do="Choose umap, tsne, spectral or clusters")
    channels = channels_of(run, params.channels)
    found = await read_values(run, channels, compensation=params.compensation, cells=params.cells)
    found = _drawn(found, params)
    run.report.log(f"{len(found.rows):,} events in {', '.join(found.labels)}")
    run.report.progress(0.1, "Running kNN")
    points = found.values
    if params.standardise:
        spread = points.std(axis=0)
        points = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)
    settings = NeighborParams(n_neighbors=min(params.n_neighbors, len(points)))
    wanted = TsneParams(perplexity=params.perplexity, seed=params.seed)
    n_others = max(settings.n_neighbors - 1, wanted.n_others if params.tsne else 0)
    neighbors = find_neighbors(points, min(n_others, len(points) - 1), settings)
    graph = connectivities(neighbors.first(settings.n_neighbors - 1), settings)
    title = f"{run.name} " if run.name else ""
    outcome = Outcome(facts={"channels_used": channels, "neighbors": {"recall": neighbors.recall}})
    pictures: list[tuple[str, np.ndarray]] = []
    if params.umap:
        run.report.progress(0.4, "UMAP")
        pictures.append((f"{title}UMAP", umap(graph, UmapParams(seed=params.seed))))
    if params.tsne:
        run.report.progress(0.6, "t-SNE")
        pictures.append((f"{title}t-SNE", tsne(neighbors, wanted)))
    if params.spectral:
        run.report.progress(0.7, "Spectral embedding")
        pictures.append((f"{title}Spectral", spectral_embedding(graph, SpectralParams(seed=params.seed))))
    for name, places in pictures:
        whole = np.full((run.n_cells, places.shape[1]), np.nan, np.float32)
        whole[found.rows] = places
        outcome.embeddings[name] = whole
    clustering = None
    if params.clusters:
        run.report.progress(0.8, "Leiden clustering")
        (clustering,) = leiden(graph, LeidenParams(resolutions=(params.resolution,), seed=params.seed))
        codes = np.full(run.n_cells, -1, np.int32)
        codes[found.rows] = clustering.labels
        outcome.columns[f"{title}Leiden"] = ColumnData(codes, categories=clustering.names)
    name = f"Report of {run.name}" if run.name else "Report of the map"
    outcome.results.append(report_result("event-map", name, _report(run, found, pictures, clustering)))
    outcome.result = {"n_events": len(found.rows), "n_clusters": clustering.n_clusters if clustering else None}
    return outcome


def _drawn(found: EventValues, params: EventMapParams) -> EventValues:
    """Events with a value in every channel, at most so many."""
    complete = np.flatnonzero(np.isfinite(found.values).all(axis=1))
    if len(complete) < _FEWEST:
        raise InvalidInputError(f"{len(complete)} events have a value in every channel; {_FEWEST} are needed")
    complete = complete[sample_rows(len(complete), count=params.n_events, seed=params.seed)]
    return EventValues(found.labels, found.rows[complete], found.values[complete], found.scales)


def _report(
    run: TableRun, found: EventValues, pictures: list[tuple[str, np.ndarray]], clustering: Clustering | None
) -> bytes:
    sections = []
    names = clustering.names if clustering else ["All events"]
    labels = clustering.labels if clustering else np.zeros(len(found.rows), np.int32)
    scale = PICTURE_DPI / 96
    size = round(_PICTURE_PX * scale)
    look = PlotStyle(width=size, height=size, dpi=PICTURE_DPI, tick_labels=(False, False), ticks=(False, False))
    for name, places in pictures:
        layers = tuple(Layer(each, *places[labels == number, :2].T) for number, each in enumerate(names))
        drawing = Drawing("dot", Axis(f"{name} 1"), layers, y=Axis(f"{name} 2"))

        def drawn(style: PlotStyle, drawing: Drawing = drawing) -> bytes:
            return draw(replace(drawing, style=style))

        alt = f"{name} of the events, by cluster"
        sections.append(Section(name, [picture(drawn, look, alt=alt, width=_PICTURE_PX)]))
    told = f"{len(found.rows):,} events of {run.pinned.dataset.name}."
    sections.append(Section("Clusters" if clustering else "Events", [told, *groups_parts(found, labels, names)]))
    return report_page(run.name or "Map of events", f"Map of {run.pinned.dataset.name}", sections)
