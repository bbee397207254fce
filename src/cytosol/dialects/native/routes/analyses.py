"""Analyses of tables that are ready."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.jobs import JobView
from cytosol.dialects.native.answers import answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.work import job_json
from cytosol.dialects.native.wire.analyses import AnalysisRequest
from cytosol.dialects.native.wire.common import Id
from cytosol.dialects.native.wire.work import JobAnswer

_TABLE = "/datasets/{dataset_id}/tables/{table}"


class AnalysisRoutes(Routes):
    """Annotations, embeddings and results that are computed of a table."""

    tag = "Analyses"

    @endpoint("POST", f"{_TABLE}/analyses", gives=JobAnswer, status=202)
    async def create_analysis(self, request: Request, dataset_id: Id, table: str, body: AnalysisRequest) -> Response:
        """Compute something new of a table.

        Answers at once with the job; its result names the elements that it made. Where parameters are selections of
        cells, each is one of ``{"column": name, "groups": [level, …]}``, ``{"cells": [row, …]}``, ``{"attribute":
        name, "values": […]}`` of the samples, ``{"not": S}``, ``{"and": [S, …]}``, ``{"or": [S, …]}``, and as the
        second of two ``{"rest": true}``.
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
