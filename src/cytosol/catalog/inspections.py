"""Files looked at before they become a dataset: how much was measured in each cell, so that filters can be chosen."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.access import study_access
from cytosol.catalog.commit import CommittedResult
from cytosol.catalog.context import Context
from cytosol.catalog.jobs import Jobs, check_job_limit, insert_job
from cytosol.catalog.submissions import BASE_MEMORY, FoundFile, Submission, Submissions
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.work import Job
from cytosol.store.space import check_free

COLUMNS = ("n_counts", "n_genes", "mito_share")
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was measured in each cell of some files.

    Attributes
    ----------
    columns : by name, each of shape (n_cells,) in the order of the files: ``n_counts`` (transcripts), ``n_genes``,
        ``mito_share`` (share of 1, 0 where no gene is mitochondrial)
    """

    columns: Mapping[str, np.ndarray]


class Inspections:
    """The verbs of inspections. Only who asked for one sees its cells."""

    def __init__(self, context: Context, submissions: Submissions, jobs: Jobs) -> None:
        self._context = context
        self._submissions = submissions
        self._jobs = jobs

    async def submit(self, actor: Actor, *, study_id: Key, what: Submission) -> Job:
        """Write down a job that reads the files of a submission and measures every cell; makes no dataset.

        Parameters
        ----------
        study_id : a study that the actor may upload to; its species says which genes are mitochondrial
        what : as it would be submitted; its filters are not applied
        """
        require_user(actor, "write")
        params = self._submissions.checked(what)
        found = [await self._submissions.find_files(actor, batch) for batch in what.batches]
        n_bytes = sum(file.size for files in found for file in files.values())
        await check_free(self._context.blobs, self._context.settings, n_bytes)
        async with self._context.db.write() as conn:
            await check_job_limit(conn, actor, self._context.settings)
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            params["batches"] = [
                {
                    "name": clean_name(batch.name, field="batch name"),
                    "files": {role: await self._keep(conn, file) for role, file in files.items()},
                }
                for batch, files in zip(what.batches, found, strict=True)
            ]
            job = await insert_job(
                conn,
                actor,
                "inspect",
                study_id=study_id,
                dataset_id=None,
                params=params,
                memory_bytes=min(self._context.settings.job_memory_bytes, BASE_MEMORY + 6 * n_bytes),
            )
        self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return job

    async def cells(self, actor: Actor, *, job_id: Key) -> Inspected:
        """What a finished inspection measured.

        Raises
        ------
        ConflictError
            While it is not finished.
        NotFoundError
            Where it is somebody else's, or its result has been cleared away.
        """
        job = (await self._jobs.get(actor, job_id=job_id)).job
        if job.kind != "inspect" or (actor.kind != "system" and actor.user_id != job.owner_id):
            raise NotFoundError("There is no such inspection, or it is not yours")
        if job.state != "succeeded":
            raise ConflictError(f"The inspection is {job.state}", do="Wait until it has succeeded", state=job.state)
        if await self._context.blobs.stat(_path(job.id)) is None:
            raise NotFoundError("What was measured has been cleared away", do="Look at the files again")
        return await asyncio.to_thread(_read, await self._context.blobs.get(_path(job.id)))

    async def keep(self, job: Job, inspected: Inspected, facts: Mapping[str, Any]) -> CommittedResult:
        """Store what was measured until the collector clears it away; what the job commits."""
        await self._context.blobs.put(_path(job.id), await asyncio.to_thread(_write, inspected))
        return CommittedResult(result=facts)

    async def _keep(self, conn: Connection, file: FoundFile) -> dict[str, str]:
        """What the job is told about a file; an upload stays for as long as a fresh one would."""
        if file.original is not None:
            said = file.original
            return {"storage": said["storage_id"].hex24, "path": said["path"], "stamp": said["source_stamp"]}
        upload = await rows.lock(conn, tables.uploads, Key.parse(file.said["upload"]))
        ends = now_us() + int(self._context.settings.upload_expiry_hours * _HOUR_US)
        if upload["expires_at"] < ends:
            await rows.update(conn, tables.uploads, {"id": upload["id"]}, {"expires_at": ends})
        return file.said


def _path(job_id: Key) -> str:
    return f"exports/{job_id.hex24}/cells.npz"


def _write(inspected: Inspected) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, **{name: inspected.columns[name] for name in COLUMNS})
    return sink.getvalue()


def _read(body: bytes) -> Inspected:
    with np.load(io.BytesIO(body), allow_pickle=False) as held:
        missing = [name for name in COLUMNS if name not in held]
        if missing:
            raise InvalidInputError(f"The result has no {missing[0]}", do="Look at the files again")
        return Inspected({name: held[name] for name in COLUMNS})
