"""Files become a dataset: checked, written down as a job, and at last published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cytosol.analyses.matrix.filtering import FilterParams
from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.catalog import audit, events
from cytosol.catalog.access import dataset_access, folder_access, study_access
from cytosol.catalog.context import Context
from cytosol.catalog.jobs import check_job_limit, insert_job
from cytosol.catalog.pipeline import PipelineParams
from cytosol.catalog.records import to
from cytosol.catalog.storages import Storages, listing_stamp
from cytosol.catalog.studies import StudyFields
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import ALL_MEMBERS, Actor, Permission, require_user
from cytosol.model.studies import Dataset
from cytosol.model.work import Job, Original, Upload
from cytosol.store.space import check_free

MAX_BATCHES = 1000
_ROOM_FACTOR = 3
BASE_MEMORY = 400 << 20
_QUEUED_DAYS = 30
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that was uploaded, or one on a storage."""

    upload_id: Key | None = None
    storage_id: Key | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The files of one batch by their roles (``matrix``, ``features``, ``barcodes``)."""

    name: str
    files: Mapping[str, FileRef]


@dataclass(frozen=True, slots=True)
class NewStudy:
    """A study that is made together with its first dataset.

    Attributes
    ----------
    share_with : "group" = the members of ``group_id``, "all_members"; they get ``role``
    """

    fields: StudyFields
    group_id: Key | None = None
    folder_id: Key | None = None
    origin: str = "native"
    share_with: Literal["", "group", "all_members"] = ""
    role: str = "editor"


@dataclass(frozen=True, slots=True)
class Submission:
    """What shall become of some files.

    Attributes
    ----------
    format : name in the registry of formats; None = told by the content
    matrix : raw counts, which are normalised here, or values that are normalised already
    filters : fields of FilterParams
    embeddings : compute them, or keep only those of the file
    parameters : fields of PipelineParams
    options : for the reader, by name
    publish : visible as soon as it is made; else after ``publish``
    """

    batches: Sequence[Batch]
    name: str = ""
    sample_id: Key | None = None
    format: str | None = None
    matrix: Literal["raw", "normalized"] = "raw"
    filters: Mapping[str, Any] = field(default_factory=dict)
    embeddings: Literal["compute", "keep"] = "compute"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    technology: str = ""
    publish: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a submission as it was found: what the job is told, its bytes, and the original to be inserted."""

    said: dict[str, str]
    size: int
    name: str
    original: dict[str, Any] | None = None


class Submissions:
    """The verbs that begin and publish a dataset."""

    def __init__(self, context: Context, storages: Storages) -> None:
        self._context = context
        self._storages = storages

    async def submit(self, actor: Actor, *, study: Key | NewStudy, what: Submission) -> tuple[Job, Dataset]:
        """Write down a dataset to be made and the job that makes it, in one transaction.

        Parameters
        ----------
        study : one that the actor may upload to, or one to be made

        Raises
        ------
        InvalidInputError, UnsupportedFormatError, NotFoundError
            Where something in the submission cannot be used.
        TooManyError, OutOfSpaceError
            Above a limit; nothing is written down.
        """
        user_id = require_user(actor, "write")
        params = self.checked(what)
        found = [await self.find_files(actor, batch) for batch in what.batches]
        n_bytes = sum(file.size for files in found for file in files.values())
        await check_free(self._context.blobs, self._context.settings, _ROOM_FACTOR * n_bytes)
        dataset_id = new_key()
        async with self._context.db.write() as conn:
            await check_job_limit(conn, actor, self._context.settings)
            if isinstance(study, NewStudy):
                study_id = await self._new_study(conn, actor, study)
                params["new_study"] = True
            else:
                study_id = study
                await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            await self._insert_dataset(conn, what, found, id=dataset_id, study_id=study_id)
            params["batches"] = [
                {
                    "name": clean_name(batch.name, field="batch name"),
                    "files": {role: await self._hold(conn, user_id, dataset_id, file) for role, file in files.items()},
                }
                for batch, files in zip(what.batches, found, strict=True)
            ]
            job = await insert_job(
                conn,
                actor,
                "ingest",
                study_id=study_id,
                dataset_id=dataset_id,
                params=params,
                memory_bytes=min(self._context.settings.job_memory_bytes, BASE_MEMORY + 6 * n_bytes),
            )
            await audit.note(
                conn,
                actor,
                "dataset.submit",
                subject_kind="dataset",
                subject_id=dataset_id,
                detail={"job": job.id.hex24},
            )
            dataset = to(Dataset, await rows.need(conn, tables.datasets, dataset_id))
        self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return job, dataset

    async def begin(self, actor: Actor, *, study: NewStudy) -> Key:
        """Make a study for datasets that will be submitted later, shared as it says; its id."""
        require_user(actor, "write")
        async with self._context.db.write() as conn:
            id = await self._new_study(conn, actor, study)
        self._context.notifier.events_stored()
        return id

    async def publish(self, actor: Actor, *, job_id: Key) -> Dataset:
        """Make the dataset of a finished submission visible; may be called again.

        Raises
        ------
        ConflictError
            Where the job has not succeeded.
        """
        async with self._context.db.write() as conn:
            row = await rows.get(conn, tables.jobs, job_id)
            if row is None or row["dataset_id"] is None or row["kind"] != "ingest":
                raise NotFoundError("There is no such submission, or it is not yours")
            job = to(Job, row)
            dataset, _ = await dataset_access(conn, actor, row["dataset_id"], Permission.FILE_UPLOAD)
            if job.state != "succeeded":
                raise ConflictError(
                    f"The submission is {job.state}",
                    do="Wait until it has succeeded" if job.state in ("queued", "running") else "Submit it again",
                    state=job.state,
                )
            if dataset.state == "published" and job.committed_at is not None:
                return dataset
            await rows.change(conn, tables.jobs, job.id, {"committed_at": now_us()}, expected=None)
            await rows.change(conn, tables.datasets, dataset.id, {"state": "published"}, expected=None)
            await events.append(
                conn,
                "dataset.changed",
                subject_kind="dataset",
                subject_id=dataset.id,
                study_id=dataset.study_id,
                data={"state": "published"},
            )
            dataset = to(Dataset, await rows.need(conn, tables.datasets, dataset.id))
        self._context.notifier.events_stored()
        return dataset

    def checked(self, what: Submission) -> dict[str, Any]:
        """What a job is told about a submission, but for its files; refuses what cannot be used."""
        if not 1 <= len(what.batches) <= MAX_BATCHES:
            raise InvalidInputError(f"A submission has 1 to {MAX_BATCHES} batches, not {len(what.batches)}")
        if what.format is not None:
            entry = self._context.formats.get(what.format)
            if not entry.reads:
                raise entry.refuse(what.name or "submission")
        if what.matrix not in ("raw", "normalized") or what.embeddings not in ("compute", "keep"):
            raise InvalidInputError(
                "matrix is raw or normalized, embeddings is compute or keep",
                where=f"matrix={what.matrix}, embeddings={what.embeddings}",
            )
        for batch in what.batches:
            if "matrix" not in batch.files:
                raise InvalidInputError(
                    "A batch has no matrix file", where=batch.name[:255], do="Give the role 'matrix'"
                )
        return {
            "format": what.format,
            "matrix": what.matrix,
            "filters": FilterParams.from_json(what.filters).to_json(),
            "embeddings": what.embeddings,
            "parameters": PipelineParams.from_json(what.parameters).to_json(),
            "options": dict(what.options),
            "technology": clean_name(what.technology, field="technology", empty=True, max_letters=64),
            "publish": what.publish,
        }

    async def find_files(self, actor: Actor, batch: Batch) -> dict[str, FoundFile]:
        """The files of a batch as they lie there, by their roles."""
        return {role: await self._find_file(actor, ref, batch.name) for role, ref in batch.files.items()}

    async def _find_file(self, actor: Actor, ref: FileRef, batch: str) -> FoundFile:
        if (ref.upload_id is None) == (ref.storage_id is None):
            raise InvalidInputError("A file is an upload, or lies on a storage", where=f"batch '{batch[:255]}'")
        if ref.upload_id is not None:
            return await self._find_upload(actor, ref.upload_id)
        storage_id = ref.storage_id or Key(bytes(12))
        path = ref.path.strip("/")
        entry = await self._storages.stat(actor, storage_id=storage_id, path=path)
        size, stamp = entry.size, entry.etag or str(entry.modified_us)
        if entry.is_folder:
            files = await self._storages.files(actor, storage_id=storage_id, path=path)
            if not files:
                raise NotFoundError("There is no file in this folder", where=path[:300], do="Check the path")
            size, stamp = sum(file.size for _, file in files), listing_stamp(files)
        id = new_key()
        original = {
            "id": id,
            "path": path,
            "size": size,
            "storage_id": storage_id,
            "source_path": path,
            "source_stamp": stamp,
        }
        return FoundFile({"original": id.hex24}, size, path.rsplit("/", 1)[-1], original)

    async def _find_upload(self, actor: Actor, upload_id: Key) -> FoundFile:
        async with self._context.db.read() as conn:
            row = await rows.get(conn, tables.uploads, upload_id)
            if row is None or row["owner_id"] != actor.user_id:
                raise NotFoundError("There is no such upload, or it is not yours", where=upload_id.hex24)
            upload = to(Upload, row)
            chunks = await rows.find(conn, tables.upload_chunks, {"upload_id": upload.id}, order=("n",))
        size = upload.size or sum(chunk["size"] for chunk in chunks)
        if upload.original_id is None and (upload.n_chunks is None or len(chunks) < upload.n_chunks):
            raise ConflictError(
                "The upload is not complete", where=upload.name, do="Send the rest, then complete it and submit again"
            )
        return FoundFile({"upload": upload.id.hex24}, size, upload.name.rsplit("/", 1)[-1])

    async def _hold(self, conn: Connection, user_id: Key, dataset_id: Key, file: FoundFile) -> dict[str, str]:
        """Bind a file to the dataset, so that the collector leaves it alone; what the job is told."""
        if file.original is not None:
            await rows.insert(conn, tables.originals, owner_id=user_id, dataset_id=dataset_id, **file.original)
            return file.said
        upload = to(Upload, await rows.lock(conn, tables.uploads, Key.parse(file.said["upload"])))
        await rows.update(conn, tables.uploads, {"id": upload.id}, {"expires_at": now_us() + _QUEUED_DAYS * DAY_US})
        if upload.original_id is None:
            return file.said
        return {"original": (await bind_original(conn, upload.original_id, dataset_id)).hex24}

    async def _insert_dataset(
        self, conn: Connection, what: Submission, found: list[dict[str, FoundFile]], *, id: Key, study_id: Key
    ) -> None:
        if what.sample_id is not None:
            sample = await rows.get(conn, tables.samples, what.sample_id)
            if sample is None or sample["study_id"] != study_id or sample["deleted_at"] is not None:
                raise NotFoundError("There is no such sample in this study", where=what.sample_id.hex24)
        name = what.name.strip() or (what.batches[0].name if len(what.batches) == 1 else found[0]["matrix"].name)
        await rows.insert(
            conn,
            tables.datasets,
            id=id,
            study_id=study_id,
            sample_id=what.sample_id,
            name=clean_name(name),
            bytes_id=id,
            technology="",
            position=await rows.count(conn, tables.datasets, {"study_id": study_id}),
            extra=dict(what.extra),
        )

    async def _new_study(self, conn: Connection, actor: Actor, new: NewStudy) -> Key:
        values = new.fields.checked()
        if "name" not in values:
            raise InvalidInputError("A study needs a name", where="name", field="name")
        if new.folder_id is not None:
            await folder_access(conn, actor, new.folder_id, Permission.STUDY_EDIT)
        if new.share_with == "group" and (new.group_id is None or new.group_id not in actor.group_ids):
            raise NotFoundError("There is no such group, or you are not in it")
        id = await rows.insert(
            conn,
            tables.studies,
            owner_id=actor.user_id,
            folder_id=new.folder_id,
            group_id=new.group_id,
            origin=new.origin,
            **values,
        )
        if new.share_with:
            await rows.insert(
                conn,
                tables.grants,
                subject_kind="study",
                subject_id=id,
                principal_kind="group" if new.share_with == "group" else "builtin",
                principal_id=new.group_id if new.share_with == "group" else None,
                principal_name=ALL_MEMBERS if new.share_with == "all_members" else "",
                role=new.role,
            )
        await audit.note(conn, actor, "study.create", subject_kind="study", subject_id=id)
        await events.append(conn, "study.changed", subject_kind="study", subject_id=id, study_id=id)
        return id


async def bind_original(conn: Connection, original_id: Key, dataset_id: Key) -> Key:
    """Bind an original to a dataset; one that has a dataset already is referenced a second time. Its id."""
    original = to(Original, await rows.lock(conn, tables.originals, original_id))
    if original.dataset_id in (None, dataset_id):
        await rows.update(conn, tables.originals, {"id": original.id}, {"dataset_id": dataset_id})
        return original.id
    return await rows.insert(
        conn,
        tables.originals,
        owner_id=original.owner_id,
        dataset_id=dataset_id,
        path=original.path,
        size=original.size,
        sha256=original.sha256,
        md5=original.md5,
        crc32c=original.crc32c,
        bytes_id=original.bytes_id,
        storage_id=original.storage_id,
        source_path=original.source_path,
        source_stamp=original.source_stamp,
    )
