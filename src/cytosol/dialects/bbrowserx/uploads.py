"""Files and folders that the client uploads, whole or in chunks; each upload has a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.datastructures import UploadFile

from cytosol.asgi.dialect import Services
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import new_key
from cytosol.catalog.uploads import UploadView, clean_path
from cytosol.dialects.bbrowserx import wire
from cytosol.dialects.bbrowserx.calls import Call, FileCall
from cytosol.dialects.bbrowserx.paths import root_folder, upload_folder
from cytosol.dialects.bbrowserx.translate import key_of
from cytosol.model.rights import Actor

_PIECE = 1 << 20


async def upload_simple(services: Services, actor: Actor, body: wire.UploadedFile, file: UploadFile) -> dict[str, Any]:
    """A whole file; without the id of an upload it opens one."""
    uploads = services.catalog.uploads
    unique_id = _checked(body.unique_id) if body.unique_id else new_key().hex32
    name = _path(body.folder_name, file.filename or "")
    view = await uploads.create(actor, name=name, size=file.size or 0, folder=upload_folder(unique_id))
    if file.size:
        await uploads.write_at(actor, upload_id=view.upload.id, offset=0, body=_pieces(file))
    await uploads.complete(actor, upload_id=view.upload.id)
    return _told(unique_id, name, file.size or 0)


async def start_chunks(services: Services, actor: Actor, body: wire.ChunkStart) -> dict[str, Any]:
    """Open an upload."""
    await services.catalog.accounts.me(actor)
    unique_id = new_key().hex32
    return {"unique_id": unique_id, "root_folder": root_folder(unique_id)}


async def take_chunk(services: Services, actor: Actor, body: wire.Chunk, file: UploadFile) -> dict[str, Any]:
    """One chunk; it may come twice, also after all were merged. ``offset`` is where it ends."""
    uploads = services.catalog.uploads
    unique_id, name = _checked(body.unique_id), _path(body.folder_name, body.name)
    start = body.offset - (file.size or 0)
    if start < 0:
        raise InvalidInputError("The chunk is longer than its offset", where="offset", do="Send the end of the chunk")
    folder = upload_folder(unique_id)
    found = await uploads.find_or_create(actor, name=name, size=body.file_size, folder=folder)
    if found.original is not None:
        return {"unique_id": unique_id, "received": found.original.size}
    received = await uploads.write_at(actor, upload_id=found.upload.id, offset=start, body=_pieces(file))
    return {"unique_id": unique_id, "received": received}


async def merge_chunks(services: Services, actor: Actor, body: wire.ChunkMerge) -> dict[str, Any]:
    """All chunks have been sent."""
    unique_id, name = _checked(body.unique_id), _path(body.folder_name, body.name)
    found = await _find(services, actor, unique_id, name)
    if found is None:
        raise NotFoundError("Nothing of this file has arrived", where=name[:300], do="Upload it again")
    original = await services.catalog.uploads.complete(actor, upload_id=found.upload.id)
    return _told(unique_id, name, original.size)


async def finish_folder(services: Services, actor: Actor, body: wire.FolderFinish) -> dict[str, Any]:
    """All files of a folder have been sent; folders in it finish, too, without a name."""
    unique_id = _checked(body.unique_id)
    found = await services.catalog.uploads.list(actor, folder=upload_folder(unique_id))
    folder = root_folder(unique_id)
    path = f"{folder}/{clean_path(body.folder_name)}" if body.folder_name.strip() else folder
    return {"unique_id": unique_id, "root_folder": folder, "path": path, "total": len(found)}


def _told(unique_id: str, name: str, size: int) -> dict[str, Any]:
    """What is known of a file; ``path`` is what submissions name."""
    folder = root_folder(unique_id)
    return {"unique_id": unique_id, "root_folder": folder, "path": f"{folder}/{name}", "name": name, "size": size}


async def _find(services: Services, actor: Actor, unique_id: str, name: str) -> UploadView | None:
    """The newest upload of a file."""
    found = await services.catalog.uploads.list(actor, folder=upload_folder(unique_id))
    return next((view for view in reversed(found) if view.upload.name == name), None)


def _checked(unique_id: str) -> str:
    return key_of(unique_id, "upload").hex32


def _path(folder: str, name: str) -> str:
    return clean_path(f"{folder}/{name.replace('/', '_')}")


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece


UPLOAD_CALLS = (
    FileCall("openapi/upload/simple", wire.UploadedFile, upload_simple),
    Call("openapi/upload/chunk/start", wire.ChunkStart, start_chunks),
    FileCall("openapi/upload/chunk/process", wire.Chunk, take_chunk),
    Call("openapi/upload/chunk/merge", wire.ChunkMerge, merge_chunks),
    Call("openapi/upload/folder_finish", wire.FolderFinish, finish_folder),
)
