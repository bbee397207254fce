"""Files to take away: asked for, made by a job, fetched by a link that expires."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit
from cytosol.catalog.access import dataset_access
from cytosol.catalog.commit import CommittedResult
from cytosol.catalog.context import Context
from cytosol.catalog.jobs import Jobs, check_job_limit, insert_job
from cytosol.catalog.layouts import TableLayout
from cytosol.catalog.records import to
from cytosol.catalog.secrets import hash_secret, new_secret
from cytosol.catalog.tables import Tables
from cytosol.db import rows, tables
from cytosol.formats.seurat_writer import check_seurat_size
from cytosol.model.people import Link
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.work import Job
from cytosol.store.space import check_free

SUFFIXES = {"h5ad": ".h5ad", "zarr": ".zarr.zip", "rds": ".rds"}
"""The formats that are written, and how their files are called."""
_BYTES_PER_VALUE = {"h5ad": 8, "zarr": 4, "rds": 12}
_BASE_MEMORY = 300 << 20


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A finished export.

    Attributes
    ----------
    secret : opens the file until ``expires_at`` (µs since 1970 UTC), whoever has it
    """

    filename: str
    size: int
    secret: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a link opens."""

    filename: str
    size: int
    path: str
    body: AsyncIterator[bytes]


def _memory_of(part: TableLayout) -> int:
    """Names, annotations and embeddings are held; the matrix passes in blocks."""
    n_dims = sum(int(embedding.meta.get("n_dims", 2)) for embedding in part.embeddings)
    return _BASE_MEMORY + part.n_cells * (150 + 24 * len(part.columns) + 8 * n_dims)


class Exports:
    """The verbs of exports."""

    def __init__(self, context: Context, reader: Tables, jobs: Jobs) -> None:
        self._context = context
        self._reader = reader
        self._jobs = jobs

    async def submit(self, actor: Actor, *, dataset_id: Key, format: str = "h5ad", table: str = "") -> Job:
        """Write down a job that makes a file of one table of a dataset as it is now.

        Parameters
        ----------
        format : h5ad, zarr (AnnData in Zarr 2, zipped) or rds (a Seurat object)
        table : "" = the main one; an rds file then has the others as further assays
        """
        if actor.kind != "system":
            require_user(actor)
        if format not in SUFFIXES:
            raise InvalidInputError(
                f"This version writes no '{format[:32]}' files", where="format", do=f"Use {', '.join(SUFFIXES)}"
            )
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        parts = [pinned.part]
        if format == "rds":
            if not table:
                parts += [p for p in pinned.layout.tables if p is not pinned.part and p.n_cells == pinned.part.n_cells]
            for part in parts:
                check_seurat_size(int(part.table.meta["nnz"]))
        n_bytes = sum(int(part.table.meta["nnz"]) for part in parts) * _BYTES_PER_VALUE[format]
        await check_free(self._context.blobs, self._context.settings, n_bytes)
        async with self._context.db.write() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.EXPORT)
            await check_job_limit(conn, actor, self._context.settings)
            job = await insert_job(
                conn,
                actor,
                "export",
                study_id=dataset.study_id,
                dataset_id=dataset_id,
                params={
                    "format": format,
                    "table": pinned.part.table.name,
                    "version": pinned.version,
                    "assays": [part.table.name for part in parts],
                },
                memory_bytes=min(self._context.settings.job_memory_bytes, _memory_of(pinned.part)),
            )
            await audit.note(
                conn,
                actor,
                "dataset.export",
                subject_kind="dataset",
                subject_id=dataset_id,
                detail={"job": job.id.hex24},
            )
        self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return job

    async def result(self, actor: Actor, *, job_id: Key) -> ExportResult:
        """The finished file of an export; where its link has expired, with a fresh one.

        Raises
        ------
        ConflictError
            While it is not finished.
        NotFoundError
            Where the file has been cleared away.
        """
        view = await self._jobs.get(actor, job_id=job_id)
        job = view.job
        if job.kind != "export" or actor.user_id != job.owner_id:
            raise NotFoundError("There is no such export, or it is not yours")
        if job.state != "succeeded":
            raise ConflictError(f"The export is {job.state}", do="Wait until it has succeeded", state=job.state)
        held = job.result
        if held["expires_at"] > now_us():
            return ExportResult(held["filename"], held["size"], held["secret"], held["expires_at"])
        if await self._context.blobs.stat(held["path"]) is None:
            raise NotFoundError("The file has been cleared away", do="Export it again")
        secret, expires_at = new_secret(), self._expiry()
        async with self._context.db.write() as conn:
            target = {name: held[name] for name in ("path", "filename", "size")} | {"job_id": job.id.hex24}
            await rows.insert(
                conn,
                tables.links,
                kind="download",
                secret_hash=hash_secret(secret),
                expires_at=expires_at,
                target=target,
            )
            fresh = {**held, "secret": secret, "expires_at": expires_at}
            await rows.change(conn, tables.jobs, job.id, {"result": fresh}, expected=None)
        return ExportResult(held["filename"], held["size"], secret, expires_at)

    async def download(self, *, secret: str, start: int = 0, end: int | None = None) -> Download:
        """The file that a link opens, for whoever has the link.

        Parameters
        ----------
        start, end : range of bytes; None = to the end
        """
        async with self._context.db.read() as conn:
            row = await rows.first(conn, tables.links, {"secret_hash": hash_secret(secret), "kind": "download"})
        link = to(Link, row) if row is not None else None
        if link is None or link.expires_at < now_us():
            raise NotFoundError("This download link does not work any more", do="Ask for a fresh one")
        path, filename = link.target["path"], link.target["filename"]
        info = await self._context.blobs.stat(path)
        if info is None:
            raise NotFoundError("The file has been cleared away", do="Export it again")
        return Download(filename, info.size, path, self._context.blobs.stream(path, start, end))

    def finished(self, path: str, filename: str, size: int) -> CommittedResult:
        """What the job commits: the file and a link to it."""
        secret = new_secret()
        facts = {"path": path, "filename": filename, "size": size}
        return CommittedResult(
            result={**facts, "secret": secret, "expires_at": self._expiry()},
            download=(secret, {**facts, "hours": self._context.settings.download_link_hours}),
        )

    def _expiry(self) -> int:
        return now_us() + int(self._context.settings.download_link_hours * 3.6e9)
