"""Counts, statistics and events of populations."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.responses import attachment
from cytosol.base.keys import Key
from cytosol.catalog.comparisons import csv_bytes, xlsx_bytes
from cytosol.catalog.event_views import Wanted
from cytosol.catalog.gating import CountRow
from cytosol.catalog.statistics_layouts import LAYOUTS, Annotations, Columns, typed
from cytosol.catalog.statistics_records import Asked, Beads, StatisticsTable
from cytosol.dialects.native.answers import answer, list_answer, record_answer
from cytosol.dialects.native.arrow import MEDIA_TYPE, arrow_answer, parquet_bytes
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.routes.attachments import STATISTICS, attachment_json
from cytosol.dialects.native.routes.tables import Names, Version
from cytosol.dialects.native.translate.common import hex_of
from cytosol.dialects.native.translate.features import names_of
from cytosol.dialects.native.wire import statistics as wire
from cytosol.dialects.native.wire.attachments import AttachmentRecord
from cytosol.dialects.native.wire.common import Id, Page
from cytosol.model.rights import Actor

_FILES = {
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
_SAMPLED = Annotated[int | None, Query(ge=0, description="At most so many cells, drawn with the seed; none = all")]
_Population = Annotated[Id | None, Query(description="Whose cells; none = all")]
_Compensation = Annotated[str, Query(max_length=64, description="none, internal, own, or the id of one")]
_Scaled = Annotated[bool, Query(description="Whether values are limited and scaled by the study's scales")]
_Rows = Annotated[bool, Query(description="Whether the row number of each cell is wanted, too")]


class StatisticsRoutes(Routes):
    """Who is in which population, and what they measure."""

    tag = "Populations"

    @endpoint("POST", "/studies/{study_id}/population-counts", gives=wire.Counts)
    async def count_populations(self, request: Request, study_id: Id, body: wire.CountsRequest) -> Response:
        """Count the cells of populations in datasets, with percent of parent and total.

        Only what changed since is computed anew. It changes nothing: it needs the right to read.
        """
        found = await self.catalog.gating.counts(
            actor_of(request),
            study_id=study_id,
            dataset_ids=body.dataset_ids,
            population_ids=body.population_ids,
            compensation=body.compensation,
            table=body.table,
        )
        return answer({"items": [_count_json(row) for row in found]})

    @endpoint("POST", "/studies/{study_id}/statistics", gives=wire.StatisticsTable)
    async def compute_statistics(self, request: Request, study_id: Id, body: wire.StatisticsRequest) -> Response:
        """Statistics of populations of datasets, as JSON or as a file.

        ``format``: json, csv, tsv, xlsx, parquet, or arrow (a stream). What has no value, such as the mean of nobody,
        is null, or empty; where a file lacks a channel, reagent or what a population is gated on, a note says why. It
        changes nothing: it needs the right to read.
        """
        actor = actor_of(request)
        columns, table = await self._columns(actor, study_id, body)
        if body.format == "json":
            return await asyncio.to_thread(_json_answer, columns, table)
        arrays = await asyncio.to_thread(typed, columns)
        if body.format == "arrow":
            return await arrow_answer(arrays, headers={"cache-control": "no-store"})
        name = f"{(await self.catalog.studies.get(actor, study_id=study_id)).study.name} - Statistics"
        content = await asyncio.to_thread(_file, arrays, body.format)
        headers = {"content-disposition": attachment(f"{name}.{body.format}"), "cache-control": "no-store"}
        return Response(content, media_type=_FILES[body.format], headers=headers)

    @endpoint("POST", "/studies/{study_id}/statistics-exports", gives=AttachmentRecord, status=201)
    async def save_statistics(self, request: Request, study_id: Id, body: wire.SavedStatisticsRequest) -> Response:
        """Compute a table of statistics and keep it as a file of the study, with what was asked for.

        Its numbers stay as they are now. It is an attachment: read it at ``/attachments/{id}/data``, rename and delete
        it at ``/attachments/{id}``.
        """
        actor = actor_of(request)
        columns, _ = await self._columns(actor, study_id, body)
        arrays = await asyncio.to_thread(typed, columns)
        content = await asyncio.to_thread(_file, arrays, body.format)
        said = body.model_dump(exclude={"name"}, exclude_unset=True) | {"format": body.format}
        view = await self.catalog.attachments.keep(
            actor,
            study_id=study_id,
            name=f"{body.name.strip() or 'Statistics'}.{body.format}",
            data=content,
            made={STATISTICS: orjson.loads(orjson.dumps(said, default=str))},
        )
        return record_answer(attachment_json(view), status=201)

    @endpoint("GET", "/studies/{study_id}/statistics-exports", gives=Page[AttachmentRecord])
    async def list_saved_statistics(self, request: Request, study_id: Id) -> Response:
        """The tables of statistics that were kept, newest first."""
        found = await self.catalog.attachments.list(actor_of(request), study_id=study_id)
        return list_answer([one for one in reversed(found) if STATISTICS in one.attachment.extra], attachment_json)

    async def _columns(
        self, actor: Actor, study_id: Key, body: wire.StatisticsRequest
    ) -> tuple[Columns, StatisticsTable]:
        beads = body.beads
        asked = Asked(
            axes=body.axes,
            statistics=body.statistics,
            q=body.q,
            percent_of=body.percent_of or ["parent"],
            compensation=body.compensation,
            table=body.table,
            formulas=body.formulas,
            beads=None if beads is None else Beads(beads.population_id, beads.n_added, beads.volume_ul),
        )
        table = await self.catalog.statistics.table(
            actor, study_id=study_id, asked=asked, dataset_ids=body.dataset_ids, population_ids=body.population_ids
        )
        annotations: Annotations = {}
        if body.annotations:
            ids = list(table.datasets)
            annotations = await self.catalog.statistics.annotations(actor, study_id=study_id, dataset_ids=ids)
        return await asyncio.to_thread(LAYOUTS[body.layout], table, annotations), table

    @endpoint("GET", "/datasets/{dataset_id}/tables/{table}/events", media=MEDIA_TYPE)
    async def get_events(  # noqa: PLR0913, PLR0917 (a query's parameters)
        self,
        request: Request,
        dataset_id: Id,
        table: str,
        axes: Names = None,
        population: _Population = None,
        compensation: _Compensation = "own",
        n: _SAMPLED = None,
        seed: float = 0,
        scaled: _Scaled = False,
        rows: _Rows = True,
        version: Version = None,
    ) -> Response:
        """Axes of the cells of a population: row (int32), then one float32 column an axis, named as asked for.

        ``rows=false`` leaves the row numbers out. Axes are feature references, as in ``axes=var:CD4,obsm:X_umap:0``.
        The header ``X-Total-Events`` tells how many cells the population has before the sample.
        """
        wanted = Wanted(
            axes=names_of(axes or (), field="axes"),
            population_id=population,
            compensation=compensation,
            count=n,
            seed=seed,
            scaled=scaled,
        )
        view = await self.catalog.event_views.read(
            actor_of(request), dataset_id=dataset_id, wanted=wanted, table=table, version=version
        )
        headers = {"x-total-events": str(view.n_total), "cache-control": "no-store"}
        numbers = {"row": view.rows.astype(np.int32)} if rows else {}
        return await arrow_answer({**numbers, **view.columns}, headers=headers)


def _count_json(row: CountRow) -> dict[str, Any]:
    return {
        "dataset_id": row.dataset_id.hex(),
        "population_id": hex_of(row.population_id),
        "n_events": row.n_events,
        "percent_of_parent": row.of_parent,
        "percent_of_total": row.of_total,
        "problem": row.problem,
    }


def _json_answer(columns: Columns, table: StatisticsTable) -> Response:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    notes = [
        {
            "dataset_id": dataset_id.hex24,
            "axis": note.about if isinstance(note.about, str) else None,
            "population_id": note.about.hex24 if isinstance(note.about, Key) else None,
            "note": note.text,
        }
        for dataset_id, several in table.notes.items()
        for note in several
    ]
    return answer({"columns": list(columns), "items": rows, "notes": notes})


def _file(columns: dict[str, np.ndarray], format: str) -> bytes:
    if format == "xlsx":
        return xlsx_bytes(columns, sheet="Statistics")
    if format == "parquet":
        return parquet_bytes(columns)
    return csv_bytes(columns, delimiter="\t" if format == "tsv" else ",")
