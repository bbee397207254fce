"""Jobs, what happened, and finished files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.responses import ranged_response
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.secrets import hash_secret
from cytosol.dialects.native.answers import answer, list_answer, record_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.work import download_json, job_json, log_json
from cytosol.dialects.native.wire import work as wire
from cytosol.dialects.native.wire.common import Cursor, Id, Limit, Page

JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
_LOG_LINES = 5000


class JobRoutes(Routes):
    """Background work."""

    tag = "Jobs"

    @endpoint("GET", "/jobs/{job_id}", gives=wire.JobRecord)
    async def get_job(self, request: Request, job_id: Id) -> Response:
        """One job."""
        return record_answer(job_json(await self.catalog.jobs.get(actor_of(request), job_id=job_id)))

    @endpoint("GET", "/jobs", gives=Page[wire.JobRecord])
    async def list_jobs(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        study_id: Id | None = None,
        state: Annotated[list[str] | None, Query(description=f"Any of {', '.join(JOB_STATES)}")] = None,
        mine: bool = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """Jobs, newest first: of a study, or one's own; an administrator sees all unless ``mine``."""
        if unknown := sorted(set(state or ()) - set(JOB_STATES)):
            raise InvalidInputError(
                f"'{unknown[0][:32]}' is no state of a job", where="state", do=f"Choose of {', '.join(JOB_STATES)}"
            )
        page = await self.catalog.jobs.list(
            actor_of(request), study_id=study_id, state=state, mine=mine, limit=limit, cursor=cursor
        )
        return list_answer(page.items, job_json, page.next)

    @endpoint("GET", "/jobs/{job_id}/log", gives=Page[wire.LogLine])
    async def get_job_log(
        self, request: Request, job_id: Id, after: Annotated[int, Query(ge=0)] = 0, cursor: Cursor = None
    ) -> Response:
        """The lines of a job's log after a number, in order."""
        start = int(cursor) if cursor and cursor.isdecimal() else after
        lines = await self.catalog.jobs.log(actor_of(request), job_id=job_id, after=start, limit=_LOG_LINES)
        next = str(lines[-1].seq) if len(lines) == _LOG_LINES else None
        return list_answer(lines, log_json, next)

    @endpoint("POST", "/jobs/{job_id}/cancel", gives=wire.JobRecord)
    async def cancel_job(self, request: Request, job_id: Id) -> Response:
        """Stop a job."""
        return record_answer(job_json(await self.catalog.jobs.cancel(actor_of(request), job_id=job_id)))

    @endpoint("POST", "/jobs/{job_id}/retry", gives=wire.JobRecord)
    async def retry_job(self, request: Request, job_id: Id) -> Response:
        """Put a job that failed or was cancelled into the queue again."""
        return record_answer(job_json(await self.catalog.jobs.retry(actor_of(request), job_id=job_id)))

    @endpoint("GET", "/jobs/{job_id}/download", gives=wire.DownloadRecord)
    async def get_download(self, request: Request, job_id: Id) -> Response:
        """The file of a finished export; with a fresh link where the first has expired."""
        return answer(download_json(await self.catalog.exports.result(actor_of(request), job_id=job_id)))


class DownloadRoutes(Routes):
    """Files behind links."""

    tag = "Jobs"

    @endpoint("GET", "/downloads/{secret}/{filename}", media="application/octet-stream")
    async def download(self, request: Request, secret: str, filename: str) -> Response:
        """A finished file, for whoever has the link; byte ranges are answered."""
        return await self._file(request, secret)

    @endpoint("HEAD", "/downloads/{secret}/{filename}", media="application/octet-stream")
    async def check_download(self, request: Request, secret: str, filename: str) -> Response:
        """How large a finished file is."""
        return await self._file(request, secret)

    async def _file(self, request: Request, secret: str) -> Response:
        exports = self.catalog.exports
        found = await exports.download(secret=secret)

        async def read(start: int, end: int) -> AsyncIterator[bytes]:
            part = await exports.download(secret=secret, start=start, end=end)
            async for piece in part.body:
                yield piece

        tag = hash_secret(f"{found.path} {found.size}").hex()[:32]
        return ranged_response(request, size=found.size, read=read, etag=tag, filename=found.filename)
