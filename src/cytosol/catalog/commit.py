"""The one verb with which workers write: all of a result, or nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cytosol.base.errors import ConflictError, LeaseLostError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.catalog import events
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.context import Context
from cytosol.catalog.credentials import actor_again
from cytosol.catalog.layouts import dataset_path, is_private, live_at, rewrite_metadata
from cytosol.catalog.records import all_to, to
from cytosol.catalog.secrets import hash_secret
from cytosol.db import rows, tables, work
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.layout import free_name
from cytosol.model.rights import Permission
from cytosol.model.studies import Element
from cytosol.model.work import Job

PERMISSIONS = {
    "ingest": Permission.FILE_UPLOAD,
    "subset": Permission.FILE_UPLOAD,
    "inspect": Permission.FILE_UPLOAD,
    "export": Permission.EXPORT,
}
"""What the actor of a job needs on its study, when it is submitted and again when it commits."""


@dataclass(frozen=True, slots=True)
class NewElement:
    """An element that a worker or a verb has written.

    Attributes
    ----------
    path : of a table, column or embedding: the path part in the dataset's store; else the path in the blob store
    meta : JSON facts that lists show
    made_by : function, parameters, versions of libraries, ids of inputs
    """

    kind: str
    table_name: str
    name: str
    path: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    made_by: Mapping[str, Any] = field(default_factory=dict)
    id: Key = field(default_factory=new_key)


@dataclass(frozen=True, slots=True)
class CommittedResult:
    """What a job made.

    Attributes
    ----------
    elements : what is added to the job's dataset
    notes : sentences for the dataset: what was detected or mended
    technology : of the dataset; "" = unchanged
    result : JSON facts for whoever asks about the job
    download : a secret, and what it opens: ``path`` in the blob store, ``filename``, ``size``, ``hours``
    closing : the last lines of the log
    also : writes further records in the same transaction
    """

    elements: tuple[NewElement, ...] = ()
    notes: tuple[str, ...] = ()
    technology: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    download: tuple[str, Mapping[str, Any]] | None = None
    closing: tuple[str, ...] = ("DONE !!!",)
    also: Callable[[Connection], Awaitable[None]] | None = None


async def commit_result(context: Context, job_id: Key, epoch: int, result: CommittedResult) -> int:
    """Make the result of a job visible and the job succeeded, in one transaction; the dataset's new version.

    What the result names has to be written before. The group metadata on disk follow after the commit; if that is
    cut off, ``check`` does it again.

    Raises
    ------
    LeaseLostError
        Where the job was given to another worker, cancelled or ended.
    NotFoundError, ForbiddenError, NotSignedInError
        Where the one who submitted it may not do so any more, or the dataset was deleted meanwhile.
    """
    async with context.db.read() as conn:
        job = to(Job, await _held(conn, job_id, epoch))
        dataset = await rows.get(conn, tables.datasets, job.dataset_id) if job.dataset_id else None
    if result.elements and dataset is not None:
        await context.blobs.flush(dataset_path(dataset["bytes_id"]))
        await context.blobs.flush(f"index/{dataset['bytes_id'].hex24}")
    async with context.db.write() as conn:
        version = await _commit(conn, job_id, epoch, result)
    context.notifier.events_stored()
    if result.elements and job.dataset_id is not None:
        await rewrite_metadata(context, job.dataset_id)
    return version


async def _commit(conn: Connection, job_id: Key, epoch: int, result: CommittedResult) -> int:
    held = await _held(conn, job_id, epoch)
    version = 0
    if held["dataset_id"] is not None:
        dataset = await rows.lock(conn, tables.datasets, held["dataset_id"])
        version = dataset["data_version"]
    job = to(Job, await _held(conn, job_id, epoch, lock=True))
    await _check_rights(conn, job)
    if result.elements and job.dataset_id is not None:
        version = await insert_elements(conn, job.dataset_id, result.elements, job_id=job.id, owner_id=job.owner_id)
        await _make_ready(conn, job, result)
    if result.also is not None:
        await result.also(conn)
    if result.download is not None:
        await _insert_link(conn, job, *result.download)
    await work.append_log(conn, job.id, [{"text": line} for line in result.closing])
    if not await work.finish(conn, job.id, epoch=epoch, state="succeeded", result=result.result):
        raise _lost()
    await tell_job(conn, job, "succeeded")
    return int(version)


async def _held(conn: Connection, job_id: Key, epoch: int, *, lock: bool = False) -> Any:
    row = await (rows.lock if lock else rows.get)(conn, tables.jobs, job_id)
    if row is None or row["epoch"] != epoch or row["state"] != "running":
        raise _lost()
    if row["cancel_asked_at"] is not None:
        raise LeaseLostError("The job was cancelled; its result is thrown away")
    return row


def _lost() -> LeaseLostError:
    return LeaseLostError("The job was given to another worker or has ended; this result is thrown away")


async def _check_rights(conn: Connection, job: Job) -> None:
    actor = await actor_again(conn, job.actor)
    permission = PERMISSIONS.get(job.kind, Permission.ANALYSIS_RUN)
    try:
        if job.dataset_id is not None:
            await dataset_access(conn, actor, job.dataset_id, permission)
        elif job.study_id is not None:
            await study_access(conn, actor, job.study_id, permission)
    except NotFoundError as error:
        raise ConflictError("The dataset was deleted, or is no longer shared with you, while this job ran") from error


async def insert_elements(
    conn: Connection,
    dataset_id: Key,
    elements: Sequence[NewElement],
    *,
    job_id: Key | None = None,
    owner_id: Key | None = None,
) -> int:
    """Add elements to a dataset that is locked, as its next version; a taken name gets ' (1)'. The version."""
    dataset = await rows.lock(conn, tables.datasets, dataset_id)
    version = dataset["data_version"] + 1
    found = all_to(Element, await rows.find(conn, tables.elements, {"dataset_id": dataset_id}))
    position = max((known.position for known in found), default=0)
    taken: dict[tuple[str, str], set[str]] = {}
    for known in live_at(found, dataset["data_version"]):
        if not is_private(known) or known.owner_id == owner_id:
            taken.setdefault((known.kind, known.table_name), set()).add(known.name)
    new_rows = []
    for number, element in enumerate(elements, 1):
        names = taken.setdefault((element.kind, element.table_name), set())
        name = free_name(element.name, names)
        names.add(name)
        new_rows.append(
            {
                "id": element.id,
                "dataset_id": dataset_id,
                "kind": element.kind,
                "table_name": element.table_name,
                "name": name,
                "path": element.path,
                "since_version": version,
                "position": position + number,
                "meta": dict(element.meta),
                "made_by": dict(element.made_by),
                "job_id": job_id,
                "owner_id": owner_id,
            }
        )
    await rows.insert_many(conn, tables.elements, new_rows)
    await rows.update(conn, tables.datasets, {"id": dataset_id}, {"data_version": version})
    return int(version)


async def _make_ready(conn: Connection, job: Job, result: CommittedResult) -> None:
    dataset = await rows.lock(conn, tables.datasets, job.dataset_id or Key(bytes(12)))
    values: dict[str, Any] = {"notes": [*dataset["notes"], *result.notes]}
    if result.technology:
        values["technology"] = result.technology
    if dataset["state"] == "staging":
        publish = job.params.get("publish", True)
        values["state"] = "published" if publish else "ready"
        if publish:
            await rows.update(conn, tables.jobs, {"id": job.id}, {"committed_at": now_us()})
    await rows.change(conn, tables.datasets, dataset["id"], values, expected=None)
    await events.append(
        conn,
        "dataset.changed",
        subject_kind="dataset",
        subject_id=dataset["id"],
        study_id=dataset["study_id"],
        data={"state": values.get("state", dataset["state"]), "verb": job.kind},
    )


async def _insert_link(conn: Connection, job: Job, secret: str, target: Mapping[str, Any]) -> None:
    await rows.insert(
        conn,
        tables.links,
        kind="download",
        secret_hash=hash_secret(secret),
        expires_at=now_us() + int(target["hours"] * 3.6e9),
        target={"path": target["path"], "filename": target["filename"], "size": target["size"], "job_id": job.id.hex24},
    )


async def tell_job(conn: Connection, job: Job, state: str, **data: Any) -> None:
    """Store the event that a job changed its state."""
    await events.append(
        conn,
        "job.changed",
        subject_kind="job",
        subject_id=job.id,
        study_id=job.study_id,
        owner_id=job.owner_id,
        data={"state": state, "kind": job.kind, **data},
    )
