"""What the runner of jobs does with their rows: take, note, end, take over."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cytosol.base.errors import CytosolError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import events
from cytosol.catalog.commit import tell_job
from cytosol.catalog.context import Context
from cytosol.catalog.layouts import dataset_path
from cytosol.catalog.records import all_to, to
from cytosol.db import rows, tables, work
from cytosol.db.connections import Connection
from cytosol.model.work import Job

LEASE_US = 30_000_000
Jobs = list[Job]


def error_json(error: CytosolError) -> dict[str, Any]:
    """An error as it is stored with a job."""
    return {"code": error.code, "detail": error.sentence, "details": error.details}


class Leases:
    """For the runner only: no rights are asked, the runner is the system."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def take(self, owner: str, kinds: Collection[str]) -> Job | None:
        """Lease the next job of these kinds, if any waits."""
        async with self._context.db.read() as conn:
            if not await rows.count(conn, tables.jobs, {"state": "queued", "deleted_at": None}):
                return None
        async with self._context.db.write() as conn:
            row = await work.lease_job(conn, owner, now_us() + LEASE_US, kinds)
            if row is None:
                return None
            job = to(Job, row)
            await tell_job(conn, job, "running")
        self._context.notifier.events_stored()
        return job

    async def note(
        self,
        job: Job,
        *,
        lines: Sequence[Mapping[str, Any]] = (),
        progress: float | None = None,
        step: str | None = None,
    ) -> bool:
        """Renew the lease, and write down what the worker said; False where the job is held no more."""
        async with self._context.db.write() as conn:
            held = await work.renew(
                conn, job.id, epoch=job.epoch, until_us=now_us() + LEASE_US, progress=progress, step=step
            )
            if not held:
                return False
            data: dict[str, Any] = {}
            if lines:
                data["seq"] = await work.append_log(conn, job.id, lines)
            if progress is not None:
                data |= {"progress": progress, "step": step}
            if data:
                await events.append(
                    conn,
                    "job.log",
                    subject_kind="job",
                    subject_id=job.id,
                    study_id=job.study_id,
                    owner_id=job.owner_id,
                    data=data,
                )
        if data:
            self._context.notifier.events_stored()
        return True

    async def to_cancel(self, owner: str) -> set[Key]:
        """Jobs that the owner runs and that somebody wants to have stopped."""
        asked = {"state": "running", "lease_owner": owner, "cancel_asked_at": rows.Not(None)}
        async with self._context.db.read() as conn:
            return {row["id"] for row in await rows.find(conn, tables.jobs, asked)}

    async def state(self, job_id: Key) -> Job | None:
        """The job as it is now."""
        async with self._context.db.read() as conn:
            row = await rows.get(conn, tables.jobs, job_id)
        return to(Job, row) if row is not None else None

    async def end(self, job: Job, *, error: Mapping[str, Any], again: bool) -> str:
        """End a run that brought no result; the state that the job has now.

        Parameters
        ----------
        error : ``code``, ``detail`` and ``details``
        again : whether another attempt may help; it is made while attempts are left
        """
        now = await self.state(job.id)
        if now is not None and now.state == "running" and now.epoch == job.epoch:
            await self.discard(job)  # before the next attempt can begin
        async with self._context.db.write() as conn:
            state = await end_run(conn, job.id, epoch=job.epoch, error=error, again=again)
        if state == "queued":
            self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return state

    async def give_back(self, job: Job) -> None:
        """Put a job back into the queue because the server stops; that run does not count as an attempt."""
        await self.discard(job)
        async with self._context.db.write() as conn:
            if await work.release(conn, job.id, epoch=job.epoch):
                await rows.update(conn, tables.jobs, {"id": job.id}, {"attempt": job.attempt - 1})
                await work.append_log(
                    conn, job.id, [{"text": "The server was stopped; starting again later", "level": "warning"}]
                )
                await tell_job(conn, job, "queued")
        self._context.notifier.events_stored()

    async def recover(self, owner: str) -> Jobs:
        """Take over what dead runners left: their jobs are queued again or fail with the reason; which ones.

        Parameters
        ----------
        owner : this runner, as ``HOST:PID:START``; on SQLite nobody else can run jobs of this folder
        """
        async with self._context.db.read() as conn:
            running = all_to(Job, await rows.find(conn, tables.jobs, {"state": "running"}, order=("serial",)))
        alone = self._context.db.kind == "sqlite"
        dead = [job for job in running if _is_dead(job, owner, alone)]
        for job in dead:
            await self.end(
                job,
                error={"code": "worker-lost", "detail": "The server stopped while this job ran.", "details": {}},
                again=True,
            )
        return dead

    async def live(self) -> set[tuple[Key, int]]:
        """Job and epoch of everything that runs."""
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.jobs, {"state": "running"})
        return {(row["id"], row["epoch"]) for row in found}

    async def discard(self, job: Job) -> None:
        """Remove the bytes that a run without result left, unless something committed lies beside them."""
        if job.kind in ("export", "inspect"):
            await self._context.blobs.delete_prefix(f"exports/{job.id.hex24}")
        if job.dataset_id is None:
            return
        async with self._context.db.read() as conn:
            dataset = await rows.get(conn, tables.datasets, job.dataset_id)
            if dataset is None or dataset["data_version"] > 0:
                return
            sharing = await rows.count(
                conn, tables.datasets, {"bytes_id": dataset["bytes_id"], "data_version": rows.Above(0)}
            )
        if not sharing:
            await self._context.blobs.delete_prefix(dataset_path(dataset["bytes_id"]))
            await self._context.blobs.delete_prefix(f"index/{dataset['bytes_id'].hex24}")


async def end_run(conn: Connection, job_id: Key, *, epoch: int, error: Mapping[str, Any], again: bool) -> str:
    """End a run without result, in the caller's transaction; the state that the job has now."""
    job = to(Job, await rows.lock(conn, tables.jobs, job_id))
    if job.state != "running" or job.epoch != epoch:
        return job.state
    if job.cancel_asked_at is not None:
        await close_job(conn, job, "cancelled", None)
        return "cancelled"
    if again and job.attempt < job.max_attempts:
        await work.append_log(conn, job.id, [{"text": f"{error['detail']} Starting again", "level": "warning"}])
        await work.release(conn, job.id, epoch=epoch)
        await tell_job(conn, job, "queued")
        return "queued"
    await close_job(conn, job, "failed", error)
    return "failed"


async def close_job(conn: Connection, job: Job, state: str, error: Mapping[str, Any] | None) -> None:
    """End a job that brought no result: its last line, its state, and what it was to make is hidden."""
    line = error["detail"] if error is not None else "Cancelled"
    await work.append_log(conn, job.id, [{"text": line, "level": "error" if error is not None else "warning"}])
    values = {
        "state": state,
        "error": dict(error) if error is not None else None,
        "finished_at": now_us(),
        "lease_owner": "",
        "lease_until": None,
    }
    await rows.change(conn, tables.jobs, job.id, values, expected=None)
    await tell_job(conn, job, state)
    await hide_unmade(conn, job, hidden=True)


async def hide_unmade(conn: Connection, job: Job, *, hidden: bool) -> None:
    """Hide the dataset that a job did not make, and the study that it was submitted with; or show them again."""
    if job.dataset_id is None:
        return
    dataset = await rows.lock(conn, tables.datasets, job.dataset_id)
    if dataset["state"] != "staging":
        return
    deleted_at = now_us() if hidden else None
    await rows.change(conn, tables.datasets, dataset["id"], {"deleted_at": deleted_at}, expected=None)
    if job.params.get("new_study"):
        others = {"study_id": dataset["study_id"], "deleted_at": None, "id": rows.Not(dataset["id"])}
        if not await rows.count(conn, tables.datasets, others):
            await rows.change(conn, tables.studies, dataset["study_id"], {"deleted_at": deleted_at}, expected=None)
    await events.append(
        conn,
        "dataset.changed",
        subject_kind="dataset",
        subject_id=dataset["id"],
        study_id=dataset["study_id"],
        data={"state": "deleted" if hidden else "staging"},
    )


def _is_dead(job: Job, owner: str, alone: bool) -> bool:
    """Whether the one who runs a job is gone."""
    if job.lease_owner == owner:
        return False
    if alone or job.lease_until is None or job.lease_until < now_us():
        return True
    host, _, rest = job.lease_owner.partition(":")
    pid = rest.partition(":")[0]
    if host != owner.partition(":")[0] or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
