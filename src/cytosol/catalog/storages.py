"""Mounted folders and buckets that people browse and submit from."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, cast

from cytosol.base.errors import ConflictError, ForbiddenError, InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit
from cytosol.catalog.context import Context
from cytosol.catalog.records import to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, require_admin, require_user
from cytosol.model.work import Storage
from cytosol.store.mounts import Entry as Entry
from cytosol.store.mounts import Storage as Mount
from cytosol.store.storages import StorageKind, open_storage

_SECRET = ("secret_key",)
_ADMIN_ONLY = ("machine_keys",)
MAX_ENTRIES = 100_000
Entries = list[Entry]
FolderFiles = list[tuple[str, Entry]]
"""Files below a folder, each with its path in it."""


@dataclass(frozen=True, slots=True)
class StorageView:
    """A storage as an actor sees it.

    Attributes
    ----------
    location : without secrets
    reach : whose it is: "user", "group" or "all"
    """

    storage: Storage
    location: dict[str, Any]
    reach: Literal["user", "group", "all"]


Views = list[StorageView]


class Storages:
    """The verbs of storages. Each belongs to a user, to a group, or to all members."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mounts: dict[tuple[Key, int], Mount] = {}

    async def add(
        self,
        actor: Actor,
        *,
        name: str,
        kind: str,
        location: Mapping[str, Any],
        owner_id: Key | None = None,
        group_id: Key | None = None,
    ) -> StorageView:
        """Mount a folder of the server or a bucket; it is looked into first.

        Parameters
        ----------
        location : ``path`` of a folder, or ``url`` / ``bucket`` … of a bucket
        owner_id, group_id : whose it is; neither = all members. Only administrators mount folders, or for others.
        """
        name = clean_name(name)
        if actor.kind != "system":
            self._may_add(actor, kind, location, owner_id=owner_id, group_id=group_id)
        if kind not in ("folder", "s3"):
            raise InvalidInputError(f"A storage of kind '{kind[:32]}' is not known", do="Use 'folder' or 's3'")
        if owner_id is not None and group_id is not None:
            raise InvalidInputError("A storage belongs to a user or to a group, not to both")
        plain = {key: value for key, value in location.items() if value not in (None, "")}
        mount = open_storage(cast(StorageKind, kind), plain, self._context.settings)
        await mount.list("")
        async with self._context.db.write() as conn:
            if await rows.first(conn, tables.storages, {"name": name}) is not None:
                raise ConflictError(
                    f"There is a storage called '{name}' already", where="name", do="Choose another name"
                )
            id = await rows.insert(
                conn, tables.storages, name=name, kind=kind, location=plain, owner_id=owner_id, group_id=group_id
            )
            await audit.note(conn, actor, "storage.add", subject_kind="storage", subject_id=id, detail={"name": name})
            return _view(to(Storage, await rows.need(conn, tables.storages, id)))

    async def list(self, actor: Actor, *, kind: str | None = None) -> Views:
        """The storages that the actor may read from, by name."""
        if actor.kind != "system":
            require_user(actor)
        where: dict[str, Any] = {"deleted_at": None} | ({"kind": kind} if kind else {})
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.storages, where, order=("name",))
        return [_view(storage) for storage in (to(Storage, row) for row in found) if _may_read(actor, storage)]

    async def get(self, actor: Actor, *, storage_id: Key) -> StorageView:
        """One storage."""
        async with self._context.db.read() as conn:
            return _view(await self._readable(conn, actor, storage_id))

    async def delete(self, actor: Actor, *, storage_id: Key, expected: int | None = None) -> None:
        """Unmount a storage; the files stay where they are, and jobs that wait for them will fail."""
        async with self._context.db.write() as conn:
            storage = await self._readable(conn, actor, storage_id)
            if actor.kind != "system":
                require_user(actor, "write")
                if storage.owner_id is None or storage.owner_id != actor.user_id:
                    require_admin(actor)
            values = {"deleted_at": now_us(), "name": f"{storage.name[:225]} ({storage.id.hex24})"}
            await rows.change(conn, tables.storages, storage.id, values, expected=expected)
            await audit.note(
                conn,
                actor,
                "storage.delete",
                subject_kind="storage",
                subject_id=storage.id,
                detail={"name": storage.name},
            )

    async def entries(self, actor: Actor, *, storage_id: Key, path: str = "") -> Entries:
        """What a folder of a storage holds, folders first."""
        mount = await self.mount(actor, storage_id=storage_id)
        return (await mount.list(path.strip("/")))[:MAX_ENTRIES]

    async def stat(self, actor: Actor, *, storage_id: Key, path: str) -> Entry:
        """One file or folder of a storage."""
        mount = await self.mount(actor, storage_id=storage_id)
        entry = await mount.stat(path.strip("/"))
        if entry is None:
            raise NotFoundError("There is no such file in the storage", where=path[:300], do="Check the path")
        return entry

    async def files(self, actor: Actor, *, storage_id: Key, path: str) -> FolderFiles:
        """The files below a folder, at any depth, with their paths in it, in order.

        Raises
        ------
        LimitExceededError
            More than ``max_archive_paths``.
        """
        mount = await self.mount(actor, storage_id=storage_id)
        most = self._context.settings.max_archive_paths
        return await walk(mount, path.strip("/"), most=most)

    async def locate(self, actor: Actor, *, path: str) -> tuple[Key, str]:
        """The folder storage that holds a path of the server, and the path in it.

        Raises
        ------
        NotFoundError
            Where no storage that the actor may read covers the path.
        """
        wanted = PurePosixPath(path)
        if wanted.is_absolute() and ".." not in wanted.parts:
            for view in await self.list(actor, kind="folder"):
                root = PurePosixPath(str(view.storage.location.get("path", "")))
                if wanted == root or root in wanted.parents:
                    inside = wanted.relative_to(root).as_posix()
                    return view.storage.id, "" if inside == "." else inside
        raise NotFoundError(
            "No mounted storage covers this folder of the server",
            where=path[:300],
            do="Ask an administrator to mount it: cytosol storage add NAME FOLDER",
        )

    async def mount(self, actor: Actor, *, storage_id: Key) -> Mount:
        """A storage, open for reading."""
        async with self._context.db.read() as conn:
            storage = await self._readable(conn, actor, storage_id)
        key = (storage.id, storage.version)
        if key not in self._mounts:
            kind = cast(StorageKind, storage.kind)
            self._mounts[key] = await asyncio.to_thread(open_storage, kind, storage.location, self._context.settings)
        return self._mounts[key]

    async def _readable(self, conn: Connection, actor: Actor, storage_id: Key) -> Storage:
        row = await rows.get(conn, tables.storages, storage_id)
        storage = to(Storage, row) if row is not None and row["deleted_at"] is None else None
        if actor.kind != "system":
            require_user(actor)
        if storage is None or not _may_read(actor, storage):
            raise NotFoundError("There is no such storage, or it is not shared with you")
        return storage

    @staticmethod
    def _may_add(
        actor: Actor, kind: str, location: Mapping[str, Any], *, owner_id: Key | None, group_id: Key | None
    ) -> None:
        user_id = require_user(actor, "write")
        if kind == "folder" or any(location.get(name) for name in _ADMIN_ONLY):
            require_admin(actor)
        elif owner_id != user_id and (group_id is None or group_id not in actor.group_ids):
            if not actor.is_admin:
                raise ForbiddenError(
                    "Only an administrator mounts a storage for others", do="Mount it for yourself or for your group"
                )
            require_admin(actor)


async def walk(mount: Mount, path: str, *, most: int) -> FolderFiles:
    """The files below a folder of a storage; see ``Storages.files``."""
    found: FolderFiles = []
    waiting = [""]
    n_folders = 0
    while waiting:
        inner = waiting.pop()
        n_folders += 1
        for entry in await mount.list("/".join(part for part in (path, inner) if part)):
            below = f"{inner}/{entry.name}" if inner else entry.name
            if entry.is_folder:
                waiting.append(below)
            else:
                found.append((below, entry))
        if len(found) > most or n_folders > most:
            raise LimitExceededError(
                f"The folder holds more than {most:,} files",
                where=path[:300],
                do="Pack it as a zip, or ask whoever runs this server to raise max_archive_paths",
                setting="max_archive_paths",
            )
    return sorted(found)


def listing_stamp(files: FolderFiles) -> str:
    """Changes when a file of a folder changes, comes or goes."""
    lines = (f"{path}\0{entry.size}\0{entry.etag or entry.modified_us}\n" for path, entry in files)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _may_read(actor: Actor, storage: Storage) -> bool:
    if actor.kind == "system" or actor.is_admin:
        return True
    if storage.owner_id is not None:
        return storage.owner_id == actor.user_id
    return storage.group_id is None or storage.group_id in actor.group_ids


def _view(storage: Storage) -> StorageView:
    shown = {key: value for key, value in storage.location.items() if key not in _SECRET}
    reach: Literal["user", "group", "all"] = "all"
    if storage.owner_id is not None:
        reach = "user"
    elif storage.group_id is not None:
        reach = "group"
    return StorageView(storage, shown, reach)
