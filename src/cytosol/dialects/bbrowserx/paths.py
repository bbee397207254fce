"""The paths that this client shows and submits from: one's uploads, mounted folders, buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.storages import StorageView
from cytosol.catalog.submissions import FileRef
from cytosol.model.rights import Actor

UPLOADS, MOUNTS, BUCKETS = "/uploads", "/mounts", "/s3"
_FOLDER = "bbrowserx/"
"""What the folders of this client's uploads are called in ours: this, and the id that it was given."""


def upload_folder(unique_id: str) -> str:
    """Our name for the folder of an upload."""
    return f"{_FOLDER}{unique_id}"


def root_folder(unique_id: str) -> str:
    """The client's path of the folder of an upload."""
    return f"{UPLOADS}/{unique_id}"


def storage_path(view: StorageView) -> str:
    """The client's path of a storage."""
    root = MOUNTS if view.storage.kind == "folder" else BUCKETS
    return f"{root}/{quote(view.storage.name, safe='')}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A path in a storage, or in one's uploads."""

    storage_id: Key | None
    unique_id: str
    inside: str


async def file_at(catalog: Catalog, actor: Actor, path: str) -> FileRef:
    """The file at a path of this client, or at a path of the server below a mounted folder.

    Raises
    ------
    NotFoundError
        Where there is none that the user may read.
    """
    place = await _place(catalog, actor, path)
    if place.storage_id is not None:
        return FileRef(storage_id=place.storage_id, path=place.inside)
    for view in reversed(await catalog.uploads.list(actor, folder=upload_folder(place.unique_id))):
        if view.upload.name == place.inside:
            return FileRef(upload_id=view.upload.id)
    raise NotFoundError("There is no such uploaded file", where=path[:300], do="Upload it, and use the path it gives")


async def entities(catalog: Catalog, actor: Actor, path: str) -> list[dict[str, Any]]:
    """What lies at a path: name, path, whether it is a folder, size in bytes, time in seconds since 1970."""
    wanted = path.rstrip("/")
    if not wanted:
        return [_folder(root.strip("/"), root) for root in (UPLOADS, MOUNTS, BUCKETS)]
    if wanted in (MOUNTS, BUCKETS):
        views = await catalog.storages.list(actor, kind="folder" if wanted == MOUNTS else "s3")
        return [_folder(view.storage.name, storage_path(view)) for view in views]
    if wanted == UPLOADS:
        folders = await catalog.uploads.folders(actor, below=_FOLDER)
        return [_folder(name.removeprefix(_FOLDER), root_folder(name.removeprefix(_FOLDER))) for name in folders]
    place = await _place(catalog, actor, wanted)
    if place.storage_id is None:
        return await _uploaded(catalog, actor, place)
    found = await catalog.storages.entries(actor, storage_id=place.storage_id, path=place.inside)
    return [
        {
            "name": entry.name,
            "path": f"{wanted}/{entry.name}",
            "is_dir": entry.is_folder,
            "size": entry.size,
            "modified_at": entry.modified_us // 1_000_000,
        }
        for entry in found
    ]


async def _uploaded(catalog: Catalog, actor: Actor, place: _Place) -> list[dict[str, Any]]:
    views = await catalog.uploads.list(actor, folder=upload_folder(place.unique_id))
    prefix = f"{place.inside}/" if place.inside else ""
    found: dict[str, dict[str, Any]] = {}
    for view in views:
        name, _, rest = view.upload.name.removeprefix(prefix).partition("/")
        if not view.upload.name.startswith(prefix):
            continue
        at = f"{root_folder(place.unique_id)}/{prefix}{name}"
        size, seconds = view.received, view.upload.created_at // 1_000_000
        found[name] = (
            _folder(name, at)
            if rest
            else {"name": name, "path": at, "is_dir": False, "size": size, "modified_at": seconds}
        )
    if not found:
        raise NotFoundError("There is no such folder", where=root_folder(place.unique_id)[:300])
    return list(found.values())


def _folder(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "path": path, "is_dir": True, "size": 0, "modified_at": 0}


async def _place(catalog: Catalog, actor: Actor, path: str) -> _Place:
    root, _, rest = path.strip().lstrip("/").partition("/")
    first, _, inside = rest.partition("/")
    if f"/{root}" == UPLOADS:
        return _Place(None, first, inside.strip("/"))
    if f"/{root}" in (MOUNTS, BUCKETS):
        kind = "folder" if f"/{root}" == MOUNTS else "s3"
        for view in await catalog.storages.list(actor, kind=kind):
            if view.storage.name == unquote(first):
                return _Place(view.storage.id, "", inside)
        raise NotFoundError("Nothing is mounted under this name, or it is not shared with you", where=path[:300])
    storage_id, inside = await catalog.storages.locate(actor, path=path.strip())
    return _Place(storage_id, "", inside)
