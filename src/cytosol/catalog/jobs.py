"""Jobs as people see them: queue position, log, cancel, retry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cytosol.base.errors import ConflictError, CytosolError, ForbiddenError, NotFoundError, TooManyError
from cytosol.base.keys import Key
from cytosol.base.settings import Settings
from cytosol.base.times import now_us
from cytosol.catalog.access import study_access
from cytosol.catalog.commit import PERMISSIONS, tell_job
from cytosol.catalog.context import Context
from cytosol.catalog.leases import close_job, error_json, hide_unmade
from cytosol.catalog.records import Page, all_to, check_limit, decode_key_cursor, page_of, to
from cytosol.db import rows, tables, work
from cytosol.db.connections import Connection
from cytosol.model.rights import Actor, Permission, require_scope, require_user
from cytosol.model.work import Job, LogEntry

MAX_ATTEMPTS = {"ingest": 2, "subset": 2, "inspect": 2, "export": 2}
"""How often a job is begun where its worker is lost; once unless said here."""
ENDED = ("succeeded", "failed", "cancelled")
Log = list[LogEntry]


@dataclass(frozen=True, slots=True)
class JobView:
    """A job, and how many are served up to and including it (1 = next; None where it does not wait)."""

    job: Job
    queue_position: int | None


async def insert_job(
    conn: Connection,
    actor: Actor,
    kind: str,
    *,
    study_id: Key | None,
    dataset_id: Key | None,
    params: dict[str, Any],
    memory_bytes: int,
) -> Job:
    """Put a job into the queue in the transaction of the verb that wants it, with its first line."""
    id = await rows.insert(
        conn,
        tables.jobs,
        serial=await rows.next_number(conn, tables.jobs, "serial"),
        kind=kind,
        actor=actor.as_json(),
        owner_id=actor.user_id,
        study_id=study_id,
        dataset_id=dataset_id,
        params=params,
        max_attempts=MAX_ATTEMPTS.get(kind, 1),
        memory_bytes=memory_bytes,
        expected_s=await work.expected_seconds(conn, kind),
    )
    await work.append_log(conn, id, [{"text": "Waiting in queue"}])
    job = to(Job, await rows.lock(conn, tables.jobs, id))
    await tell_job(conn, job, "queued")
    return job


async def check_job_limit(conn: Connection, actor: Actor, settings: Settings) -> None:
    """Refuse one more job where the user has as many as are allowed."""
    if actor.user_id is None:
        return
    open_jobs = await rows.count(
        conn, tables.jobs, {"owner_id": actor.user_id, "state": ["queued", "running"], "deleted_at": None}
    )
    if open_jobs >= settings.max_user_jobs:
        raise TooManyError(
            f"You have {open_jobs} jobs that wait or run; {settings.max_user_jobs} are allowed",
            do="Wait until some have ended, or cancel them",
            setting="max_user_jobs",
        )


class Jobs:
    """The verbs of jobs. Who submitted a job sees it, and who may read its study."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, actor: Actor, *, job_id: Key) -> JobView:
        """One job."""
        async with self._context.db.read() as conn:
            job = await self._visible(conn, actor, job_id)
            return await self._view(conn, actor, job)

    async def list(
        self,
        actor: Actor,
        *,
        study_id: Key | None = None,
        state: str | Sequence[str] | None = None,
        mine: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[JobView]:
        """Jobs, newest first: of a study, or one's own; an administrator sees all unless ``mine``."""
        where: dict[str, Any] = {"deleted_at": None}
        if state is not None:
            where["state"] = state if isinstance(state, str) else list(state)
        async with self._context.db.read() as conn:
            if study_id is not None:
                await study_access(conn, actor, study_id, Permission.STUDY_READ)
                where["study_id"] = study_id
            elif actor.kind != "system":
                user_id = require_user(actor)
                if mine or not actor.is_admin:
                    where["owner_id"] = user_id
            if mine and actor.user_id is not None:
                where["owner_id"] = actor.user_id
            found = await rows.find(
                conn,
                tables.jobs,
                where,
                order=("-id",),
                limit=check_limit(limit) + 1,
                after=decode_key_cursor(cursor),
            )
            jobs = all_to(Job, found)
            places = await work.queue_positions(conn, [job.id for job in jobs if job.state == "queued"])
        views = [JobView(_without_secrets(actor, job), places.get(job.id)) for job in jobs]
        return page_of(views, limit, [(job.id,) for job in jobs])

    async def find_serial(self, actor: Actor, *, serial: int) -> JobView:
        """The job with this number."""
        async with self._context.db.read() as conn:
            row = await rows.first(conn, tables.jobs, {"serial": serial})
            if row is None:
                raise NotFoundError("There is no such job, or it is not shared with you")
            return await self._view(conn, actor, await self._visible(conn, actor, row["id"]))

    async def log(self, actor: Actor, *, job_id: Key, after: int = 0, limit: int = 5000) -> Log:
        """The lines of a job's log after a number, in order."""
        async with self._context.db.read() as conn:
            job = await self._visible(conn, actor, job_id)
            if job.params.get("private") and actor.kind != "system" and actor.user_id != job.owner_id:
                return []
            found = await rows.find(
                conn, tables.log_entries, {"job_id": job_id, "seq": rows.Above(after)}, order=("seq",), limit=limit
            )
        return all_to(LogEntry, found)

    async def refuse(self, actor: Actor, *, kind: str, error: CytosolError) -> Job:
        """Write down a job that cannot be done, with its reason; for clients that learn of reasons from a log only."""
        require_user(actor)
        params = {"refused": True}
        async with self._context.db.write() as conn:
            job = await insert_job(conn, actor, kind, study_id=None, dataset_id=None, params=params, memory_bytes=0)
            await close_job(conn, job, "failed", error_json(error))
            job = to(Job, await rows.need(conn, tables.jobs, job.id))
        self._context.notifier.events_stored()
        return job

    async def cancel(self, actor: Actor, *, job_id: Key) -> JobView:
        """Stop a job: at once if it waits, in a moment if it runs. A job that has ended stays as it is."""
        async with self._context.db.write() as conn:
            job = await self._changeable(conn, actor, job_id)
            if job.state == "queued":
                await close_job(conn, job, "cancelled", None)
            elif job.state == "running" and job.cancel_asked_at is None:
                await rows.change(conn, tables.jobs, job.id, {"cancel_asked_at": now_us()}, expected=None)
            view = await self._view(conn, actor, to(Job, await rows.lock(conn, tables.jobs, job.id)))
        self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return view

    async def retry(self, actor: Actor, *, job_id: Key) -> JobView:
        """Put a job that failed or was cancelled into the queue again.

        Raises
        ------
        ConflictError
            Where it did not fail, or what it worked on is gone.
        """
        async with self._context.db.write() as conn:
            job = await self._changeable(conn, actor, job_id, deleted=True)
            if job.state not in ("failed", "cancelled"):
                raise ConflictError(
                    f"The job is {job.state}", do="Only a job that failed or was cancelled can be retried"
                )
            if job.params.get("refused"):
                raise ConflictError("This job cannot be done, however often it is tried", do="See its log for why")
            await check_job_limit(conn, actor, self._context.settings)
            await hide_unmade(conn, job, hidden=False)
            values = {
                "state": "queued",
                "attempt": 0,
                "progress": 0.0,
                "step": "",
                "error": None,
                "finished_at": None,
                "started_at": None,
                "cancel_asked_at": None,
                "actor": actor.as_json(),
            }
            await rows.change(conn, tables.jobs, job.id, values, expected=None)
            await work.append_log(conn, job.id, [{"text": "Waiting in queue"}])
            await tell_job(conn, job, "queued")
            view = await self._view(conn, actor, to(Job, await rows.lock(conn, tables.jobs, job.id)))
        self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return view

    async def _view(self, conn: Connection, actor: Actor, job: Job) -> JobView:
        place = await work.queue_position(conn, job.id) if job.state == "queued" else None
        return JobView(_without_secrets(actor, job), place)

    async def _visible(self, conn: Connection, actor: Actor, job_id: Key) -> Job:
        row = await rows.get(conn, tables.jobs, job_id)
        if row is None or row["deleted_at"] is not None:
            raise NotFoundError("There is no such job, or it is not shared with you")
        job = to(Job, row)
        if actor.kind == "system" or (actor.user_id is not None and actor.user_id == job.owner_id):
            require_scope(actor, "read")
            return job
        try:
            if job.study_id is None:
                raise NotFoundError("a job of nobody's study")
            await study_access(conn, actor, job.study_id, Permission.STUDY_READ)
        except NotFoundError as error:
            raise NotFoundError("There is no such job, or it is not shared with you") from error
        return job

    async def _changeable(self, conn: Connection, actor: Actor, job_id: Key, *, deleted: bool = False) -> Job:
        """The job, if the actor submitted it or may edit its study; ``deleted`` = its study may be in the trash."""
        job = await self._visible(conn, actor, job_id)
        job = to(Job, await rows.lock(conn, tables.jobs, job.id))
        if actor.kind == "system":
            return job
        require_scope(actor, "write")
        if job.study_id is None:
            if actor.user_id != job.owner_id:
                raise ForbiddenError("Only who submitted this job can do this")
            return job
        if actor.user_id != job.owner_id:
            await study_access(conn, actor, job.study_id, Permission.STUDY_EDIT)
        elif deleted:
            permission = PERMISSIONS.get(job.kind, Permission.ANALYSIS_RUN)
            await study_access(conn, actor, job.study_id, permission, deleted=None)
        return job


def _without_secrets(actor: Actor, job: Job) -> Job:
    """The job without what is for who asked for it alone: the link to its file, and all about private annotations."""
    if actor.kind == "system" or actor.user_id == job.owner_id:
        return job
    if job.params.get("private"):
        said = {**job.error, "detail": "It is about an annotation of its owner's own"} if job.error else None
        return replace(job, result={}, step="", error=said)
    if "secret" not in job.result:
        return job
    return replace(job, result={name: value for name, value in job.result.items() if name != "secret"})
