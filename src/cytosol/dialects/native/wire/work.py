"""Wire models of uploads, storages, jobs, events, registries and the audit."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Id, Record, Time, Wire


class UploadRequest(Wire):
    """A file to be uploaded."""

    name: str = Field(examples=["pbmc.h5ad"])
    size: int | None = Field(None, examples=[5732864])
    """Bytes; null = not known."""


class UploadRecord(Wire):
    """A file on its way in."""

    id: HexId
    created_at: Time
    name: str
    size: int | None
    offset: int
    """Bytes that are here without a gap; go on from there."""
    state: Literal["open", "complete"]
    expires_at: Time
    chunk_bytes: int
    """A good size of the parts to send."""


class OffsetRecord(Wire):
    """How far an upload is."""

    offset: int


class CompleteRequest(Wire):
    """The end of an upload."""

    sha256: str = ""
    """Hex, to be compared; empty = not compared."""


class DigestRecord(Wire):
    """Size and digests of a whole file."""

    size: int
    sha256: str
    md5: str
    crc32c: str


class StorageRequest(Wire):
    """A folder or bucket to be mounted."""

    name: str
    kind: Literal["folder", "s3"]
    location: str | dict[str, Any] = Field(examples=["/data/sequencing", "s3://bucket/prefix"])
    """A path or s3:// address, or an object with endpoint, region and keys."""
    owner_user_id: Id | None = None
    group_id: Id | None = None


class StorageRecord(Record):
    """A mounted folder or bucket."""

    name: str
    kind: Literal["folder", "s3"]
    location: dict[str, Any]
    """Without secrets."""
    reach: Literal["user", "group", "all"]
    owner_user_id: HexId | None
    group_id: HexId | None


class EntryRecord(Wire):
    """A file or folder of a storage."""

    name: str
    is_folder: bool
    size: int | None
    modified_at: Time | None


class JobError(Wire):
    """Why a job failed."""

    code: str
    detail: str


class JobRecord(Record):
    """Background work."""

    serial: int
    kind: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: float
    """From 0 to 1."""
    step: str
    queue_position: int | None
    """1 = next; null unless it waits."""
    study_id: HexId | None
    dataset_id: HexId | None
    parent_id: HexId | None
    owner_id: HexId | None
    started_at: Time | None
    finished_at: Time | None
    expected_s: float | None
    """Seconds that earlier jobs of the kind took."""
    memory_bytes: int
    error: JobError | None
    result: dict[str, Any]
    """What it made; an export has ``download_url``, relative to the server's address."""


class JobAnswer(Wire):
    """A job that was queued."""

    job: JobRecord


class DownloadRecord(Wire):
    """A finished file."""

    filename: str
    size: int
    expires_at: Time
    download_url: str
    """Relative to the server's address; opens the file for whoever has it."""


class LogLine(Wire):
    """A line of a job's log."""

    seq: int
    at: Time
    level: str
    text: str


class EventSubject(Wire):
    """What an event is about."""

    kind: str
    id: HexId


class EventRecord(Wire):
    """Something that happened; the data of a server-sent event."""

    id: str
    type: str
    at: Time
    subject: EventSubject
    study_id: HexId | None
    data: dict[str, Any]


class ParameterRecord(Wire):
    """What a form needs to know about a parameter."""

    name: str
    title: str
    type: str
    default: Any
    unit: str
    minimum: float | None
    maximum: float | None
    choices: list[str]
    names: str
    """What a text stands for: column, attribute, column-or-attribute, embedding, gene-sets, features; "" = itself."""
    required: bool
    help: str


class FormatRecord(Wire):
    """A format of files."""

    name: str
    title: str
    description: str
    suffixes: list[str]
    example: str
    reads: bool
    """Whether this version reads it."""
    instead: str
    """What to convert to, where it is not read."""
    roles: dict[str, str]
    parameters: list[ParameterRecord]
    """Options of the reader."""


class AnalysisRecord(Wire):
    """Something that can be computed."""

    name: str
    title: str
    version: str
    summary: str
    reference: str
    cost: str
    runnable: bool
    """Whether ``POST …/analyses`` runs it on a table; the others are steps of making a dataset."""
    parameters: list[ParameterRecord]


class TypingReferenceRecord(Wire):
    """Something that cells can be typed by."""

    name: str
    """For the parameter ``reference`` of the analysis ``cell-types``."""
    kind: Literal["reference", "model"]
    n_types: int
    """0 = not known before the model is read."""
    tissues: list[str]
    """That the analysis can be narrowed to."""


class AuditRecord(Wire):
    """Who did what."""

    id: HexId
    at: Time
    actor: dict[str, Any]
    verb: str
    subject: dict[str, Any] | None
    request_id: str
    detail: dict[str, Any]
