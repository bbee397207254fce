"""Attachments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from cytosol.asgi.responses import attachment
from cytosol.base.errors import NotFoundError
from cytosol.catalog.attachments import AttachmentView
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.translate import time_of
from cytosol.dialects.cellengine.uploads import file_in


def attachment_document(view: AttachmentView) -> dict[str, Any]:
    """An attachment."""
    return {
        "_id": view.attachment.id.hex24,
        "experimentId": view.attachment.study_id.hex24,
        "filename": view.attachment.name,
        "md5": view.original.md5,
        "crc32c": view.original.crc32c,
        "size": view.original.size,
        "created": time_of(view.attachment.created_at),
    }


async def _attachment(asked: Asked) -> AttachmentView:
    """The attachment in the path, of the experiment in the path."""
    view = await experiment(asked)
    found = await asked.catalog.attachments.get(asked.actor, attachment_id=asked.id("attachment"))
    if found.attachment.study_id != view.study.id:
        raise NotFoundError("There is no such attachment in this experiment")
    return found


async def list_attachments(asked: Asked) -> list[Any]:
    """The attachments of an experiment."""
    view = await experiment(asked)
    found = await asked.catalog.attachments.list(asked.actor, study_id=view.study.id)
    return asked.listed([attachment_document(one) for one in found])


async def upload_attachment(asked: Asked) -> dict[str, Any]:
    """Add a file."""
    view = await experiment(asked)
    filename, body = await file_in(asked)
    added = await asked.catalog.attachments.put(asked.actor, study_id=view.study.id, name=filename, body=body)
    return attachment_document(added)


async def download_attachment(asked: Asked) -> Response:
    """The bytes; there is no address for the document of one attachment."""
    found = await _attachment(asked)
    body: AsyncIterator[bytes] = await asked.catalog.attachments.read(asked.actor, attachment_id=found.attachment.id)
    headers = {"content-disposition": attachment(found.attachment.name), "content-length": str(found.original.size)}
    return StreamingResponse(body, headers=headers, media_type="application/octet-stream")


async def change_attachment(asked: Asked) -> dict[str, Any]:
    """Rename."""
    found = await _attachment(asked)
    said = await asked.change(wire.AttachmentChange, attachment_document(found), "md5", "crc32c", "size", "created")
    fresh = await asked.catalog.attachments.rename(asked.actor, attachment_id=found.attachment.id, name=said.filename)
    return attachment_document(fresh)


async def delete_attachment(asked: Asked) -> Response:
    """Remove for good."""
    found = await _attachment(asked)
    await asked.catalog.attachments.delete(asked.actor, attachment_id=found.attachment.id)
    return Response(status_code=204)


ATTACHMENT_CALLS = (
    Call("GET", f"{E}/attachments", list_attachments),
    Call("POST", f"{E}/attachments", upload_attachment, status=201),
    Call("GET", f"{E}/attachments/{{attachment}}", download_attachment),
    Call("PATCH", f"{E}/attachments/{{attachment}}", change_attachment),
    Call("DELETE", f"{E}/attachments/{{attachment}}", delete_attachment),
)
