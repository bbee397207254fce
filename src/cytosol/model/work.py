"""Bytes on their way in, work, and what happened.

Times are microseconds since 1970 UTC. Fields equal the columns of the table of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cytosol.base.keys import Key


@dataclass(frozen=True, slots=True)
class Original:
    """A file as the user gave it, byte for byte, or a reference to one on a storage."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    owner_id: Key
    dataset_id: Key | None
    path: str
    size: int
    sha256: str
    md5: str
    crc32c: str
    bytes_id: Key | None
    storage_id: Key | None
    source_path: str
    source_stamp: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A mounted folder or bucket that users browse and submit from."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    name: str
    kind: str
    location: dict[str, Any]
    owner_id: Key | None
    group_id: Key | None


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes on their way in."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    owner_id: Key
    folder: str
    name: str
    size: int | None
    n_chunks: int | None
    state: str
    expires_at: int
    original_id: Key | None


@dataclass(frozen=True, slots=True)
class UploadChunk:
    """A chunk of an upload that has arrived."""

    upload_id: Key
    n: int
    size: int
    crc32c: str


@dataclass(frozen=True, slots=True)
class Job:
    """Background work with a log, a progress and an outcome."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    serial: int
    parent_id: Key | None
    kind: str
    state: str
    actor: dict[str, Any]
    owner_id: Key | None
    study_id: Key | None
    dataset_id: Key | None
    params: dict[str, Any]
    attempt: int
    max_attempts: int
    epoch: int
    lease_owner: str
    lease_until: int | None
    progress: float
    step: str
    memory_bytes: int
    expected_s: float | None
    started_at: int | None
    finished_at: int | None
    committed_at: int | None
    cancel_asked_at: int | None
    error: dict[str, Any] | None
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a job's log."""

    job_id: Key
    seq: int
    at: int
    stream: str
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for who watches."""

    serial: int
    type: str
    at: int
    subject_kind: str
    subject_id: Key
    study_id: Key | None
    owner_id: Key | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, for the administrator."""

    id: Key
    at: int
    actor: dict[str, Any]
    verb: str
    subject_kind: str
    subject_id: Key | None
    request_id: str
    detail: dict[str, Any]
