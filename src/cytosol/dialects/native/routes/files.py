"""Uploads, and the storages that people browse."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.requests import limited_stream
from cytosol.base.errors import InvalidInputError
from cytosol.dialects.native.answers import answer, list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.work import digest_json, entry_json, location_of, storage_json, upload_json
from cytosol.dialects.native.wire import work as wire
from cytosol.dialects.native.wire.common import Id, Page

_RAW = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "X-CRC32C",
            "in": "header",
            "required": False,
            "description": "CRC-32C of this body, 8 hex digits; compared when it has arrived",
            "schema": {"type": "string", "pattern": "^[0-9a-fA-F]{1,8}$"},
        }
    ],
}


class UploadRoutes(Routes):
    """Files on their way in; resumable."""

    tag = "Files"

    @endpoint("POST", "/uploads", gives=wire.UploadRecord, status=201)
    async def create_upload(self, request: Request, body: wire.UploadRequest) -> Response:
        """Announce a file.

        Then PUT its bytes to ``data`` in parts, at the offset that each answer gives, and complete it.
        """
        view = await self.catalog.uploads.create(actor_of(request), name=body.name, size=body.size)
        return answer(upload_json(view, max_chunk_bytes=self.settings.max_chunk_bytes), status=201)

    @endpoint("GET", "/uploads/{upload_id}", gives=wire.UploadRecord)
    async def get_upload(self, request: Request, upload_id: Id) -> Response:
        """How far an upload is; go on from its offset."""
        view = await self.catalog.uploads.get(actor_of(request), upload_id=upload_id)
        return answer(upload_json(view, max_chunk_bytes=self.settings.max_chunk_bytes))

    @endpoint("PUT", "/uploads/{upload_id}/data", gives=wire.OffsetRecord, extra=_RAW)
    async def put_upload_data(
        self, request: Request, upload_id: Id, offset: Annotated[int, Query(ge=0)] = 0
    ) -> Response:
        """Send bytes from an offset on; what arrived of a broken request stays."""
        limit = self.settings.max_chunk_bytes
        received = await self.catalog.uploads.write_at(
            actor_of(request),
            upload_id=upload_id,
            offset=offset,
            body=limited_stream(request, max_bytes=limit, setting="max_chunk_bytes"),
            crc32c=_crc32c(request),
        )
        return answer({"offset": received})

    @endpoint("POST", "/uploads/{upload_id}/complete", gives=wire.DigestRecord)
    async def complete_upload(
        self, request: Request, upload_id: Id, body: wire.CompleteRequest | None = None
    ) -> Response:
        """Say that everything was sent; gives the digests of the file."""
        original = await self.catalog.uploads.complete(
            actor_of(request), upload_id=upload_id, sha256=body.sha256 if body else ""
        )
        return answer(digest_json(original))

    @endpoint("DELETE", "/uploads/{upload_id}", status=204)
    async def delete_upload(self, request: Request, upload_id: Id) -> Response:
        """Drop an upload."""
        await self.catalog.uploads.drop(actor_of(request), upload_id=upload_id)
        return no_answer()


class StorageRoutes(Routes):
    """Mounted folders and buckets."""

    tag = "Files"

    @endpoint("GET", "/storages", gives=Page[wire.StorageRecord])
    async def list_storages(self, request: Request) -> Response:
        """The storages that one may browse."""
        return list_answer(await self.catalog.storages.list(actor_of(request)), storage_json)

    @endpoint("POST", "/storages", gives=wire.StorageRecord, status=201)
    async def create_storage(self, request: Request, body: wire.StorageRequest) -> Response:
        """Mount a folder of the server (administrators only) or a bucket.

        Without an owner it is one's own; that of an administrator is for all members.
        """
        actor = actor_of(request)
        is_own = body.owner_user_id is None and body.group_id is None and not actor.is_admin
        view = await self.catalog.storages.add(
            actor,
            name=body.name,
            kind=body.kind,
            location=location_of(body.kind, body.location),
            owner_id=actor.user_id if is_own else body.owner_user_id,
            group_id=body.group_id,
        )
        return record_answer(storage_json(view), status=201)

    @endpoint("DELETE", "/storages/{storage_id}", status=204, versioned=True)
    async def delete_storage(self, request: Request, storage_id: Id) -> Response:
        """Unmount a storage; its files stay where they are."""
        await self.catalog.storages.delete(actor_of(request), storage_id=storage_id, expected=expected_version(request))
        return no_answer()

    @endpoint("GET", "/storages/{storage_id}/entries", gives=Page[wire.EntryRecord])
    async def list_entries(self, request: Request, storage_id: Id, path: str = "") -> Response:
        """What a folder of a storage holds."""
        found = await self.catalog.storages.entries(actor_of(request), storage_id=storage_id, path=path)
        return list_answer(found, entry_json)


def _crc32c(request: Request) -> int | None:
    text = request.headers.get("x-crc32c", "").strip()
    if not text:
        return None
    try:
        value = int(text, 16)
    except ValueError as error:
        raise InvalidInputError(f"'{text[:32]}' is no CRC-32C", where="X-CRC32C", do="Send 8 hex digits") from error
    if len(text) > 8:
        raise InvalidInputError("A CRC-32C has 8 hex digits", where="X-CRC32C")
    return value
