"""Folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.folders import FolderView
from cytosol.catalog.records import UNSET
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.translate import given_key, given_time, time_of


def folder_document(view: FolderView, path: Sequence[Key]) -> dict[str, Any]:
    """A folder; ``path`` has the folders above it."""
    folder = view.folder
    creator = folder.owner_id.hex24
    return {
        "_id": folder.id.hex24,
        "name": folder.name,
        "path": [id.hex24 for id in path[:-1]],
        "creator": creator,
        "created": time_of(folder.created_at),
        "updated": time_of(folder.updated_at),
        "deleted": time_of(folder.deleted_at),
        "permissions": [{"grantee": {"_id": creator}, "roles": ["owner"]}],
    }


async def _documents(asked: Asked, views: Sequence[FolderView]) -> list[dict[str, Any]]:
    paths = await asked.catalog.study_details.paths(asked.actor, folder_ids=[view.folder.id for view in views])
    return [folder_document(view, paths[view.folder.id]) for view in views]


async def list_folders(asked: Asked) -> list[Any]:
    """The folders that the actor may see."""
    found = await asked.catalog.folders.list(asked.actor)
    if asked.listing.shows_deleted:
        found += await asked.catalog.folders.trash(asked.actor)
    return asked.listed(await _documents(asked, found))


async def create_folder(asked: Asked) -> dict[str, Any]:
    """Make a folder."""
    said = await asked.said(wire.FolderRequest)
    if not said.name:
        raise InvalidInputError('"name" is required')
    parent = given_key(said.path[-1], "path") if said.path else None
    view = await asked.catalog.folders.create(asked.actor, name=said.name, parent_id=parent)
    return (await _documents(asked, [view]))[0]


async def get_folder(asked: Asked) -> dict[str, Any]:
    """One live folder."""
    view = await asked.catalog.folders.get(asked.actor, folder_id=asked.id("folder"))
    return (await _documents(asked, [view]))[0]


async def change_folder(asked: Asked) -> dict[str, Any]:
    """Rename or move a folder; ``deleted: null`` brings one back, ``deleted`` set deletes."""
    said = await asked.said(wire.FolderRequest)
    deleted = given_time(said.deleted, "deleted")
    folders, folder_id = asked.catalog.folders, asked.id("folder")
    gone = [view for view in await folders.trash(asked.actor) if view.folder.id == folder_id]
    if gone and "deleted" not in said.model_fields_set:
        deleted = time_of(gone[0].folder.deleted_at)  # it is changed, and stays where it lies
    if gone:
        await folders.undelete(asked.actor, folder_id=folder_id)
    moved = "path" in said.model_fields_set
    parent = given_key(said.path[-1], "path") if said.path else None
    view = await folders.change(asked.actor, folder_id=folder_id, name=said.name, parent_id=parent if moved else UNSET)
    if deleted is not None:
        await folders.delete(asked.actor, folder_id=folder_id)
        view = await _deleted(asked, folder_id)
    return (await _documents(asked, [view]))[0]


async def delete_folder(asked: Asked) -> Response:
    """Put an empty folder into the trash; one that lies there already stays there."""
    folder_id = asked.id("folder")
    try:
        await asked.catalog.folders.delete(asked.actor, folder_id=folder_id)
    except NotFoundError:
        await _deleted(asked, folder_id)
    return Response(status_code=204)


async def _deleted(asked: Asked, folder_id: Key) -> FolderView:
    """A folder in the trash."""
    for view in await asked.catalog.folders.trash(asked.actor):
        if view.folder.id == folder_id:
            return view
    raise NotFoundError("There is no such folder, or it is not shared with you")


FOLDER_CALLS = (
    Call("GET", "folders", list_folders),
    Call("POST", "folders", create_folder, status=201),
    Call("GET", "folders/{folder}", get_folder),
    Call("PATCH", "folders/{folder}", change_folder),
    Call("DELETE", "folders/{folder}", delete_folder),
)
