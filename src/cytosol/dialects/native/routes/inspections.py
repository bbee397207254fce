"""Files looked at before they are submitted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.jobs import JobView
from cytosol.dialects.native.answers import answer
from cytosol.dialects.native.arrow import MEDIA_TYPE, arrow_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.datasets import inspection_of
from cytosol.dialects.native.translate.work import job_json
from cytosol.dialects.native.wire import datasets as wire
from cytosol.dialects.native.wire.common import Id
from cytosol.dialects.native.wire.work import JobAnswer


class InspectionRoutes(Routes):
    """How much was measured in each cell of files that are no dataset yet."""

    tag = "Datasets"

    @endpoint("POST", "/inspections", gives=JobAnswer, status=202)
    async def create_inspection(self, request: Request, body: wire.InspectionRequest) -> Response:
        """Measure every cell of some files, without making a dataset.

        Answers at once with a job; when it has succeeded, its cells can be read, so that filters can be chosen before
        the files are submitted.
        """
        job = await self.catalog.inspections.submit(actor_of(request), study_id=body.study_id, what=inspection_of(body))
        return answer({"job": job_json(JobView(job, None))}, status=202)

    @endpoint("GET", "/inspections/{job_id}/cells.arrow", media=MEDIA_TYPE)
    async def get_inspected_cells(self, request: Request, job_id: Id) -> Response:
        """What was measured in each cell, in the order of the files.

        ``n_counts`` (float64, sum of the counts), ``n_genes`` (int64, features with a count above zero), ``mito_share``
        (float64, share of the counts in mitochondrial genes, from 0 to 1). Kept for about two days; for who asked.
        """
        found = await self.catalog.inspections.cells(actor_of(request), job_id=job_id)
        return await arrow_answer(found.columns, headers={"cache-control": "private, max-age=3600"})
