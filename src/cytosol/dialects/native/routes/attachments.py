"""Attachments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.responses import ranged_response
from cytosol.catalog.attachments import AttachmentView
from cytosol.dialects.native.answers import list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.common import head, hex_of
from cytosol.dialects.native.wire import attachments as wire
from cytosol.dialects.native.wire.common import Id, Page

STATISTICS = "statistics"
"""What the request of a saved table of statistics is kept as."""


def attachment_json(view: AttachmentView) -> dict[str, Any]:
    """An attachment."""
    return {
        **head(view.attachment),
        "study_id": hex_of(view.attachment.study_id),
        "name": view.attachment.name,
        "size": view.original.size,
        "sha256": view.original.sha256,
        "md5": view.original.md5,
        "crc32c": view.original.crc32c,
        "statistics": view.attachment.extra.get(STATISTICS),
    }


class AttachmentRoutes(Routes):
    """Files that belong to a study and are no data."""

    tag = "Attachments"

    @endpoint("GET", "/studies/{study_id}/attachments", gives=Page[wire.AttachmentRecord])
    async def list_attachments(self, request: Request, study_id: Id) -> Response:
        """The attachments of a study, in the order they were added."""
        found = await self.catalog.attachments.list(actor_of(request), study_id=study_id)
        return list_answer(found, attachment_json)

    @endpoint("POST", "/studies/{study_id}/attachments", gives=wire.AttachmentRecord, status=201)
    async def add_attachment(self, request: Request, study_id: Id, body: wire.AttachmentRequest) -> Response:
        """Make a complete upload an attachment."""
        view = await self.catalog.attachments.add(
            actor_of(request), study_id=study_id, upload_id=body.upload_id, name=body.name
        )
        return record_answer(attachment_json(view), status=201)

    @endpoint("GET", "/attachments/{attachment_id}/data", media="application/octet-stream")
    async def get_attachment_data(self, request: Request, attachment_id: Id) -> Response:
        """The bytes; a range of them on request."""
        actor, attachments = actor_of(request), self.catalog.attachments
        view = await attachments.get(actor, attachment_id=attachment_id)
        await attachments.read(actor, attachment_id=attachment_id)

        async def read(start: int, end: int) -> AsyncIterator[bytes]:
            async for piece in await attachments.read(actor, attachment_id=attachment_id, start=start, end=end):
                yield piece

        return ranged_response(
            request,
            size=view.original.size,
            read=read,
            etag=view.original.sha256,
            filename=view.attachment.name,
        )

    @endpoint("PATCH", "/attachments/{attachment_id}", gives=wire.AttachmentRecord, versioned=True)
    async def change_attachment(self, request: Request, attachment_id: Id, body: wire.AttachmentChange) -> Response:
        """Rename an attachment."""
        view = await self.catalog.attachments.rename(
            actor_of(request), attachment_id=attachment_id, name=body.name, expected=expected_version(request)
        )
        return record_answer(attachment_json(view))

    @endpoint("DELETE", "/attachments/{attachment_id}", status=204, versioned=True)
    async def delete_attachment(self, request: Request, attachment_id: Id) -> Response:
        """Remove an attachment for good."""
        await self.catalog.attachments.delete(
            actor_of(request), attachment_id=attachment_id, expected=expected_version(request)
        )
        return no_answer()
