"""Datasets: submitted, changed, put into the trash, exported."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.jobs import JobView
from cytosol.catalog.records import UNSET
from cytosol.dialects.native.answers import answer, list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.datasets import dataset_json, file_changes, new_dataset_json, submission_of
from cytosol.dialects.native.translate.work import job_json
from cytosol.dialects.native.wire import datasets as wire
from cytosol.dialects.native.wire.common import Cursor, Id, Limit, Page
from cytosol.dialects.native.wire.work import JobAnswer


class DatasetRoutes(Routes):
    """Measured things."""

    tag = "Datasets"

    @endpoint("GET", "/studies/{study_id}/datasets", gives=Page[wire.DatasetRecord])
    async def list_datasets(  # noqa: PLR0917 (a query's parameters)
        self, request: Request, study_id: Id, trash: bool = False, limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        """The datasets of a study; ``trash=true`` shows the deleted ones."""
        page = await self.catalog.datasets.list(
            actor_of(request), study_id=study_id, trash=trash, limit=limit, cursor=cursor
        )
        return list_answer(page.items, dataset_json, page.next)

    @endpoint("POST", "/studies/{study_id}/datasets", gives=wire.SubmissionRecord, status=202)
    async def create_dataset(self, request: Request, study_id: Id, body: wire.DatasetRequest) -> Response:
        """Submit files as a dataset.

        The files are uploads or lie on a storage. Answers at once with the job that makes the dataset.
        """
        job, dataset = await self.catalog.submissions.submit(
            actor_of(request), study=study_id, what=submission_of(body)
        )
        made = {"job": job_json(JobView(job, None)), "dataset": new_dataset_json(dataset, job.id)}
        return answer(made, status=202)

    @endpoint("GET", "/datasets/{dataset_id}", gives=wire.DatasetRecord)
    async def get_dataset(self, request: Request, dataset_id: Id) -> Response:
        """One dataset with its tables, annotations and embeddings."""
        view = await self.catalog.datasets.get(actor_of(request), dataset_id=dataset_id)
        return record_answer(dataset_json(view))

    @endpoint("PATCH", "/datasets/{dataset_id}", gives=wire.DatasetRecord, versioned=True)
    async def change_dataset(self, request: Request, dataset_id: Id, body: wire.DatasetChange) -> Response:
        """Change what a dataset is called, its sample or its technology.

        Of a file of cytometry also its panel, whether it is a control, its compensation, and the lock of its gates.
        """
        actor, expected = actor_of(request), expected_version(request)
        files = file_changes(body)
        if files:
            await self.catalog.cytometry.change(actor, dataset_id=dataset_id, expected=expected, **files)
        view = await self.catalog.datasets.change(
            actor,
            dataset_id=dataset_id,
            expected=None if files else expected,
            name=body.name,
            sample_id=body.sample_id if "sample_id" in body.model_fields_set else UNSET,
            technology=body.technology,
        )
        return record_answer(dataset_json(view))

    @endpoint("DELETE", "/datasets/{dataset_id}", status=204, versioned=True)
    async def delete_dataset(self, request: Request, dataset_id: Id) -> Response:
        """Put a dataset into the trash."""
        await self.catalog.datasets.delete(actor_of(request), dataset_id=dataset_id, expected=expected_version(request))
        return no_answer()

    @endpoint("POST", "/datasets/{dataset_id}/undelete", gives=wire.DatasetRecord)
    async def undelete_dataset(self, request: Request, dataset_id: Id) -> Response:
        """Bring a dataset back from the trash."""
        view = await self.catalog.datasets.undelete(actor_of(request), dataset_id=dataset_id)
        return record_answer(dataset_json(view))

    @endpoint("POST", "/datasets/{dataset_id}/exports", gives=JobAnswer, status=202)
    async def create_export(self, request: Request, dataset_id: Id, body: wire.ExportRequest | None = None) -> Response:
        """Make a file of a table.

        When the job has succeeded, its result has ``download_url``.
        """
        wanted = body or wire.ExportRequest()
        job = await self.catalog.exports.submit(
            actor_of(request), dataset_id=dataset_id, format=wanted.format, table=wanted.table
        )
        return answer({"job": job_json(JobView(job, None))}, status=202)
