"""Uploads, storages, jobs, events, registries and the audit as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cytosol.analyses.registry import Analysis, Parameter
from cytosol.base.times import now_us, to_rfc3339
from cytosol.catalog.exports import ExportResult
from cytosol.catalog.jobs import JobView
from cytosol.catalog.registries import FormatEntry, TypingReference
from cytosol.catalog.storages import Entry, StorageView
from cytosol.catalog.uploads import UploadView
from cytosol.dialects.native.translate.common import head, hex_of, time_of
from cytosol.model.work import AuditEntry, Event, Job, LogEntry, Original

PART_BYTES = 32 << 20

_SPELLINGS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return _SPELLINGS.get(words, words[:1].upper() + words[1:])


def upload_json(view: UploadView, *, max_chunk_bytes: int) -> dict[str, Any]:
    """An upload."""
    upload = view.upload
    return {
        "id": upload.id.hex(),
        "created_at": to_rfc3339(upload.created_at),
        "name": upload.name,
        "size": upload.size,
        "offset": view.received,
        "state": upload.state,
        "expires_at": to_rfc3339(upload.expires_at),
        "chunk_bytes": min(max_chunk_bytes, PART_BYTES),
    }


def digest_json(original: Original) -> dict[str, Any]:
    """Size and digests of a whole file."""
    return {
        "size": original.size,
        "sha256": original.sha256,
        "md5": original.md5,
        "crc32c": original.crc32c,
    }


def storage_json(view: StorageView) -> dict[str, Any]:
    """A storage, without secrets."""
    storage = view.storage
    return {
        **head(storage),
        "name": storage.name,
        "kind": storage.kind,
        "location": view.location,
        "reach": view.reach,
        "owner_user_id": hex_of(storage.owner_id),
        "group_id": hex_of(storage.group_id),
    }


def location_of(kind: str, location: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """The location of a storage, as the catalog takes it."""
    if isinstance(location, str):
        return {"path" if kind == "folder" else "url": location}
    return location


def entry_json(entry: Entry) -> dict[str, Any]:
    """A file or folder of a storage."""
    return {
        "name": entry.name,
        "is_folder": entry.is_folder,
        "size": None if entry.is_folder else entry.size,
        "modified_at": time_of(entry.modified_us or None),
    }


def job_json(view: JobView) -> dict[str, Any]:
    """A job."""
    job = view.job
    error = job.error
    return {
        **head(job),
        "serial": job.serial,
        "kind": job.kind,
        "state": job.state,
        "progress": job.progress,
        "step": job.step,
        "queue_position": view.queue_position,
        "study_id": hex_of(job.study_id),
        "dataset_id": hex_of(job.dataset_id),
        "parent_id": hex_of(job.parent_id),
        "owner_id": hex_of(job.owner_id),
        "started_at": time_of(job.started_at),
        "finished_at": time_of(job.finished_at),
        "expected_s": job.expected_s,
        "memory_bytes": job.memory_bytes,
        "error": {"code": error.get("code", "error"), "detail": error.get("detail", "")} if error else None,
        "result": _result_json(job),
    }


def _result_json(job: Job) -> dict[str, Any]:
    if job.kind != "export" or "filename" not in job.result:
        return job.result
    held = job.result
    link = None
    if "secret" in held and held["expires_at"] > now_us():
        link = download_url(held["secret"], held["filename"])
    return {
        "filename": held["filename"],
        "size": held["size"],
        "expires_at": to_rfc3339(held["expires_at"]),
        "download_url": link,
    }


def download_url(secret: str, filename: str) -> str:
    """Where a file is fetched, relative to the address of the server."""
    return f"api/v1/downloads/{secret}/{quote(filename, safe='')}"


def download_json(export: ExportResult) -> dict[str, Any]:
    """A finished file."""
    return {
        "filename": export.filename,
        "size": export.size,
        "expires_at": to_rfc3339(export.expires_at),
        "download_url": download_url(export.secret, export.filename),
    }


def log_json(entry: LogEntry) -> dict[str, Any]:
    """A line of a log."""
    return {"seq": entry.seq, "at": to_rfc3339(entry.at), "level": entry.level, "text": entry.text}


def event_json(event: Event) -> dict[str, Any]:
    """Something that happened."""
    return {
        "id": str(event.serial),
        "type": event.type,
        "at": to_rfc3339(event.at),
        "subject": {"kind": event.subject_kind, "id": event.subject_id.hex()},
        "study_id": hex_of(event.study_id),
        "data": event.data,
    }


def parameter_json(parameter: Parameter) -> dict[str, Any]:
    """What a form needs to know."""
    return {
        "name": parameter.name,
        "title": _title(parameter.name),
        "type": parameter.type,
        "default": parameter.schema()["default"],
        "unit": parameter.unit,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "choices": list(parameter.choices),
        "names": parameter.names,
        "required": parameter.required,
        "help": parameter.sentence,
    }


def format_json(entry: FormatEntry) -> dict[str, Any]:
    """A format of files."""
    parameters = [
        {
            "name": option.name,
            "title": _title(option.name),
            "type": "string",
            "default": None,
            "unit": "",
            "minimum": None,
            "maximum": None,
            "choices": list(option.values),
            "help": option.description,
        }
        for option in entry.options
    ]
    return {
        "name": entry.name,
        "title": entry.title,
        "description": entry.description,
        "suffixes": list(entry.suffixes),
        "example": entry.example,
        "reads": entry.reads,
        "instead": entry.instead,
        "roles": dict(entry.roles),
        "parameters": parameters,
    }


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """Something that can be computed."""
    return {
        "name": analysis.name,
        "title": analysis.title,
        "version": analysis.version,
        "summary": analysis.description,
        "reference": analysis.reference,
        "cost": analysis.cost,
        "runnable": analysis.run is not None,
        "parameters": [parameter_json(parameter) for parameter in analysis.parameters],
    }


def typing_reference_json(entry: TypingReference) -> dict[str, Any]:
    """Something that cells can be typed by."""
    return {"name": entry.name, "kind": entry.kind, "n_types": entry.n_types, "tissues": list(entry.tissues)}


def audit_json(entry: AuditEntry) -> dict[str, Any]:
    """Who did what."""
    subject = {"kind": entry.subject_kind, "id": hex_of(entry.subject_id)} if entry.subject_kind else None
    return {
        "id": entry.id.hex(),
        "at": to_rfc3339(entry.at),
        "actor": entry.actor,
        "verb": entry.verb,
        "subject": subject,
        "request_id": entry.request_id,
        "detail": entry.detail,
    }
