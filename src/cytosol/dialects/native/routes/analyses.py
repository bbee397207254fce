"""Analyses of tables that are ready."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.comparisons import csv_bytes, xlsx_bytes
from cytosol.catalog.jobs import JobView
from cytosol.dialects.native.answers import answer, list_answer, no_answer
from cytosol.dialects.native.arrow import MEDIA_TYPE, arrow_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.analyses import attachment, comparison_json, marker_columns
from cytosol.dialects.native.translate.datasets import new_dataset_json
from cytosol.dialects.native.translate.work import job_json
from cytosol.dialects.native.wire.analyses import AnalysisRequest, ComparisonRecord, SubsetRequest
from cytosol.dialects.native.wire.common import Id, Page
from cytosol.dialects.native.wire.datasets import SubmissionRecord
from cytosol.dialects.native.wire.work import JobAnswer

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_TABLE = "/datasets/{dataset_id}/tables/{table}"


class AnalysisRoutes(Routes):
    """Annotations, embeddings and results that are computed of a table."""

    tag = "Analyses"

    @endpoint("POST", f"{_TABLE}/analyses", gives=JobAnswer, status=202)
    async def create_analysis(self, request: Request, dataset_id: Id, table: str, body: AnalysisRequest) -> Response:
        """Compute something new of a table.

        Answers at once with the job; its result names the elements that it made. Where parameters are selections of
        cells, each is one of ``{"column": name, "groups": [level, …]}``, ``{"column": name, "range": [low, high]}``,
        ``{"cells": [row, …]}``, ``{"attribute": name, "values": […]}`` of the samples, ``{"not": S}``, ``{"and":
        [S, …]}``, ``{"or": [S, …]}``, and as the second of two ``{"rest": true}``.
        """
        job = await self.catalog.analyses.submit(
            actor_of(request),
            dataset_id=dataset_id,
            table=table,
            analysis=body.analysis,
            parameters=body.parameters,
            name=body.name,
        )
        return answer({"job": job_json(JobView(job, None))}, status=202)

    @endpoint("POST", f"{_TABLE}/subsets", gives=SubmissionRecord, status=202)
    async def create_subset(self, request: Request, dataset_id: Id, table: str, body: SubsetRequest) -> Response:
        """Make a dataset of some cells, in the same study.

        All tables of the dataset, annotations and embeddings come along; with ``parameters`` embeddings and clusters
        are computed anew, and those of the parent that have the same name get ' (parent)'. Answers at once with the
        job; ``lineage`` of the new dataset tells where it comes from.
        """
        job, dataset = await self.catalog.subsets.submit(
            actor_of(request),
            dataset_id=dataset_id,
            table=table,
            selection=body.selection,
            name=body.name,
            parameters=body.parameters,
        )
        made = {"job": job_json(JobView(job, None)), "dataset": new_dataset_json(dataset, job.id)}
        return answer(made, status=202)

    @endpoint("GET", f"{_TABLE}/markers.arrow", media=MEDIA_TYPE)
    async def get_markers(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        dataset_id: Id,
        table: str,
        column: str = "",
        limit: Annotated[int, Query(ge=1, le=100_000, description="At most so many features a group")] = 50,
    ) -> Response:
        """Markers of the groups of an annotation: each against all other cells that have a group, best first.

        Columns: group, feature, feature_id, z (Wilcoxon rank-sum, tie-corrected), p, p_adjusted (Benjamini-Hochberg),
        log2_fold_change, share_in, share_out, mean_in, mean_out (of log-normalised values). Without ``column``: of
        the first annotation that has markers. The analysis ``markers`` computes them for others.
        """
        pinned = await self.catalog.tables.pin(actor_of(request), dataset_id=dataset_id, table=table)
        held = await self.catalog.tables.markers(pinned, column=column)
        features = (await self.catalog.tables.feature_table(pinned)).frame
        columns = await asyncio.to_thread(marker_columns, held, features, limit=limit)
        return await arrow_answer(columns, metadata={"group": {"column": held.column}})

    @endpoint("GET", f"{_TABLE}/comparisons", gives=Page[ComparisonRecord])
    async def list_comparisons(self, request: Request, dataset_id: Id, table: str) -> Response:
        """The comparisons of a table, newest first; the analysis ``compare`` makes them."""
        found = await self.catalog.comparisons.list(actor_of(request), dataset_id=dataset_id, table=table)
        return list_answer(found, comparison_json)

    @endpoint("GET", f"{_TABLE}/comparisons/{{comparison_id}}.arrow", media=MEDIA_TYPE)
    async def get_comparison(self, request: Request, dataset_id: Id, table: str, comparison_id: Id) -> Response:
        """A comparison: one row a feature, the surest first.

        Columns: feature, feature_id, log2_fold_change, statistic (z, t or Wald's z), p, p_adjusted (Benjamini and
        Hochberg), mean_first, mean_second (of log-normalised values), share_first, share_second. NaN = not tested.
        """
        _, columns = await self.catalog.comparisons.read(
            actor_of(request), dataset_id=dataset_id, id=comparison_id, table=table
        )
        return await arrow_answer(columns)

    @endpoint("GET", f"{_TABLE}/comparisons/{{comparison_id}}/table.csv", media="text/csv")
    async def get_comparison_csv(self, request: Request, dataset_id: Id, table: str, comparison_id: Id) -> Response:
        """A comparison as a CSV file."""
        view, columns = await self.catalog.comparisons.read(
            actor_of(request), dataset_id=dataset_id, id=comparison_id, table=table
        )
        body = await asyncio.to_thread(csv_bytes, columns)
        return Response(body, media_type="text/csv; charset=utf-8", headers=attachment(view.name, "csv"))

    @endpoint("GET", f"{_TABLE}/comparisons/{{comparison_id}}/table.xlsx", media=_XLSX)
    async def get_comparison_xlsx(self, request: Request, dataset_id: Id, table: str, comparison_id: Id) -> Response:
        """A comparison as an Excel workbook."""
        view, columns = await self.catalog.comparisons.read(
            actor_of(request), dataset_id=dataset_id, id=comparison_id, table=table
        )
        body = await asyncio.to_thread(xlsx_bytes, columns, sheet=view.name)
        return Response(body, media_type=_XLSX, headers=attachment(view.name, "xlsx"))

    @endpoint("DELETE", f"{_TABLE}/comparisons/{{comparison_id}}", status=204)
    async def delete_comparison(self, request: Request, dataset_id: Id, table: str, comparison_id: Id) -> Response:
        """Remove a comparison; its revision can be undone."""
        await self.catalog.comparisons.delete(actor_of(request), dataset_id=dataset_id, id=comparison_id, table=table)
        return no_answer()
