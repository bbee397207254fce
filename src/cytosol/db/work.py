"""The statements that hand out jobs, keep their logs in order and tell what happened."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.db.connections import Connection
from cytosol.db.rows import insert_many, lock
from cytosol.db.tables import events, jobs, log_entries

_EVENTS_LOCK = 0x6379746F  # the advisory lock that puts the writers of events in a row
_EARLIER_RUNS = 21


async def lease_job(
    conn: Connection, owner: str, until_us: int, kinds: Collection[str] | None = None
) -> RowMapping | None:
    """Take the oldest queued job whose parent is not waiting itself; its row as leased, or None.

    Parameters
    ----------
    owner : who takes it
    until_us : when the lease ends unless renewed, µs since 1970 UTC
    kinds : the kinds that the owner can run; None = all
    """
    parent = jobs.alias("parent")
    waiting = sa.select(parent.c.id).where(parent.c.id == jobs.c.parent_id, parent.c.state == "queued")
    oldest = (
        sa.select(jobs.c.id)
        .where(jobs.c.state == "queued", jobs.c.deleted_at.is_(None), ~waiting.exists())
        .order_by(jobs.c.serial)
        .limit(1)
        .with_for_update(skip_locked=True, of=jobs)
    )
    if kinds is not None:
        oldest = oldest.where(jobs.c.kind.in_(list(kinds)))
    found = (await conn.execute(oldest)).scalar
    if found is None:
        return None
    at = now_us()
    statement = (
        sa.update(jobs)
        .where(jobs.c.id == found)
        .values(
            state="running",
            lease_owner=owner,
            lease_until=until_us,
            attempt=jobs.c.attempt + 1,
            epoch=jobs.c.epoch + 1,
            version=jobs.c.version + 1,
            started_at=sa.func.coalesce(jobs.c.started_at, at),
            updated_at=at,
        )
        .returning(jobs)
    )
    return (await conn.execute(statement)).first


async def renew(
    conn: Connection,
    job_id: Key,
    *,
    epoch: int,
    until_us: int,
    progress: float | None = None,
    step: str | None = None,
) -> bool:
    """Prolong a lease, and note how far the job is; False where it is held no more."""
    values: dict[str, Any] = {"lease_until": until_us, "updated_at": now_us()}
    if progress is not None:
        values["progress"] = progress
    if step is not None:
        values["step"] = step
    return await _change_held(conn, job_id, epoch, values)


async def release(conn: Connection, job_id: Key, *, epoch: int) -> bool:
    """Put a leased job back into the queue; False where it is held no more."""
    values = {"state": "queued", "lease_owner": "", "lease_until": None, "progress": 0.0, "step": ""}
    return await _change_held(conn, job_id, epoch, values | {"updated_at": now_us(), "version": jobs.c.version + 1})


async def finish(
    conn: Connection,
    job_id: Key,
    *,
    epoch: int,
    state: str,
    error: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
) -> bool:
    """End a leased job as succeeded, failed or cancelled; False where it is held no more."""
    at = now_us()
    values: dict[str, Any] = {
        "state": state,
        "error": dict(error) if error is not None else None,
        "finished_at": at,
        "updated_at": at,
        "lease_owner": "",
        "lease_until": None,
        "version": jobs.c.version + 1,
    }
    if result is not None:
        values["result"] = dict(result)
    if state == "succeeded":
        values["progress"] = 1.0
    return await _change_held(conn, job_id, epoch, values)


async def _change_held(conn: Connection, job_id: Key, epoch: int, values: Mapping[str, Any]) -> bool:
    held = sa.and_(jobs.c.id == job_id, jobs.c.epoch == epoch, jobs.c.state == "running")
    return (await conn.execute(sa.update(jobs).where(held).values(values))).rowcount == 1


async def expired_leases(conn: Connection, now: int) -> list[RowMapping]:
    """The running jobs whose lease has ended."""
    ended = sa.or_(jobs.c.lease_until < now, jobs.c.lease_until.is_(None))
    return (await conn.execute(sa.select(jobs).where(jobs.c.state == "running", ended).order_by(jobs.c.serial))).rows


async def queue_positions(conn: Connection, job_ids: Collection[Key]) -> dict[Key, int]:
    """How many jobs are served up to and including each, 1 = next; only for those that are queued."""
    if not job_ids:
        return {}
    ahead = jobs.alias("ahead")
    before = (
        sa.select(sa.func.count())
        .select_from(ahead)
        .where(ahead.c.state == "queued", ahead.c.deleted_at.is_(None), ahead.c.serial <= jobs.c.serial)
        .scalar_subquery()
    )
    statement = sa.select(jobs.c.id, before.label("position")).where(
        jobs.c.id.in_(list(job_ids)), jobs.c.state == "queued", jobs.c.deleted_at.is_(None)
    )
    return {row["id"]: int(row["position"]) for row in (await conn.execute(statement)).rows}


async def queue_position(conn: Connection, job_id: Key) -> int | None:
    """How many jobs are served up to and including this one, 1 = next; None where it is not queued."""
    return (await queue_positions(conn, [job_id])).get(job_id)


async def expected_seconds(conn: Connection, kind: str) -> float | None:
    """The median duration of the last runs of this kind that succeeded, seconds; None before the first."""
    statement = (
        sa.select(jobs.c.started_at, jobs.c.finished_at)
        .where(jobs.c.kind == kind, jobs.c.state == "succeeded", jobs.c.started_at.is_not(None))
        .where(jobs.c.finished_at.is_not(None))
        .order_by(jobs.c.serial.desc())
        .limit(_EARLIER_RUNS)
    )
    runs = (await conn.execute(statement)).rows
    return statistics.median((row["finished_at"] - row["started_at"]) / 1e6 for row in runs) if runs else None


async def append_log(conn: Connection, job_id: Key, entries: Sequence[Mapping[str, Any]]) -> int:
    """Add lines to the log of a job; they are numbered on without a gap. The number of the last line.

    Parameters
    ----------
    entries : each with ``text``, and ``at`` (µs since 1970 UTC), ``stream`` and ``level`` where they differ from now,
        log and info
    """
    await lock(conn, jobs, job_id)
    top = sa.select(sa.func.coalesce(sa.func.max(log_entries.c.seq), 0)).where(log_entries.c.job_id == job_id)
    last = int((await conn.execute(top)).scalar)
    rows = [
        {
            "job_id": job_id,
            "seq": last + n,
            "at": entry.get("at") or now_us(),
            "stream": entry.get("stream", "log"),
            "level": entry.get("level", "info"),
            "text": entry["text"],
        }
        for n, entry in enumerate(entries, 1)
    ]
    await insert_many(conn, log_entries, rows)
    return last + len(rows)


async def append_event(
    conn: Connection,
    type: str,
    *,
    subject_kind: str,
    subject_id: Key,
    study_id: Key | None = None,
    owner_id: Key | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Tell that something happened; its serial.

    Serials grow in the order of the commits, so that no watcher misses one.
    """
    if conn.kind == "postgresql":
        await conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_EVENTS_LOCK)))
    statement = sa.insert(events).values(
        type=type,
        at=now_us(),
        subject_kind=subject_kind,
        subject_id=subject_id,
        study_id=study_id,
        owner_id=owner_id,
        data=dict(data or {}),
    )
    return int((await conn.execute(statement.returning(events.c.serial))).scalar)
