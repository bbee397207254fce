"""Figures that the server draws."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.analyses import attachment
from cytosol.dialects.native.translate.features import names_of
from cytosol.dialects.native.translate.plots import MEDIA, files_of, plot_spec, population_ids, sheet_style
from cytosol.dialects.native.wire.common import Id
from cytosol.dialects.native.wire.plots import (
    FigureQuery,
    HeatmapQuery,
    PlotGridRequest,
    PlotQuery,
    StudyHeatmapRequest,
)

_TABLE = "/datasets/{dataset_id}/tables/{table}"


class PlotRoutes(Routes):
    """Figures of populations."""

    tag = "Plots"

    @endpoint("GET", f"{_TABLE}/plot", media="image/png")
    async def get_plot(
        self, request: Request, dataset_id: Id, table: str, query: Annotated[PlotQuery, Query()]
    ) -> Response:
        """A density, dot or contour plot of two axes, or a histogram of one, as PNG, SVG or PDF.

        Axes are scaled and ticked as the study's scales say; what lies beyond a scale piles up at its ends. The gates
        on these axes that divide the population further are drawn, with what ``gate_label`` names. Texts of SVG and PDF
        are texts. The same request gives the same bytes as long as the data and gates are the same.
        """
        data = await self.catalog.plots.draw(
            actor_of(request), dataset_id=dataset_id, table=table, spec=plot_spec(query)
        )
        return _figure(data, query, query.kind)

    @endpoint("GET", f"{_TABLE}/heatmap", media="image/png")
    async def get_heatmap(
        self, request: Request, dataset_id: Id, table: str, query: Annotated[HeatmapQuery, Query()]
    ) -> Response:
        """A heatmap of the scaled medians of populations (rows) on axes (columns), as PNG, SVG or PDF."""
        data = await self.catalog.plots.heatmap(
            actor_of(request),
            dataset_id=dataset_id,
            table=table,
            axes=names_of([query.axes], field="axes"),
            population_ids=population_ids(query.populations),
            compensation=query.compensation,
            style=sheet_style(query),
        )
        return _figure(data, query, "heatmap")

    @endpoint("POST", "/studies/{study_id}/plot-grid", media="image/png")
    async def draw_plot_grid(self, request: Request, study_id: Id, body: PlotGridRequest) -> Response:
        """The same plots of several datasets on one sheet, as PNG, SVG or PDF.

        A row for each dataset, or for each value of the annotation ``group_by``; a column for each plot. What the row
        is stands above each. A group shows the events of all its datasets and the gates of the study.
        """
        data = await self.catalog.plots.grid(
            actor_of(request),
            study_id=study_id,
            specs=[plot_spec(plot) for plot in body.plots],
            files=files_of(body),
            style=sheet_style(body),
        )
        return Response(data, media_type=MEDIA[body.format], headers={"cache-control": "private, no-cache"})

    @endpoint("POST", "/studies/{study_id}/heatmap", media="image/png")
    async def draw_study_heatmap(self, request: Request, study_id: Id, body: StudyHeatmapRequest) -> Response:
        """A heatmap of the scaled medians of a population in datasets, as PNG, SVG or PDF.

        A row for each dataset, or for each value of the annotation ``group_by``; a column for each axis. Where nobody
        is in the population the cell is grey.
        """
        data = await self.catalog.plots.heatmap_of_files(
            actor_of(request),
            study_id=study_id,
            axes=body.axes,
            population_id=body.population_id,
            files=files_of(body),
            compensation=body.compensation,
            style=sheet_style(body),
        )
        return Response(data, media_type=MEDIA[body.format], headers={"cache-control": "private, no-cache"})


def _figure(data: bytes, query: FigureQuery, name: str) -> Response:
    headers = {"cache-control": "private, no-cache"}
    headers |= attachment(name, query.format) if query.attachment else {}
    return Response(data, media_type=MEDIA[query.format], headers=headers)
