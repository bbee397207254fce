"""Folders: nested places for studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit
from cytosol.catalog.access import deleted_folder, folder_access, require_readable_lists, who
from cytosol.catalog.context import Context
from cytosol.catalog.records import UNSET, Unset, to
from cytosol.db import rights, rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, permissions_of, require_user
from cytosol.model.studies import Folder

MAX_DEPTH = 32
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class FolderView:
    """A folder, and what the actor may do in it and below."""

    folder: Folder
    permissions: frozenset[Permission]


FolderViews = list[FolderView]


class Folders:
    """Makes, moves and removes folders."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor) -> FolderViews:
        """All folders that the actor may see; a parent that is missing here is not shared with the actor."""
        require_readable_lists(actor)
        async with self._context.db.read(heavy=True) as conn:
            found = await rights.readable_folders(conn, who(actor))
            roles = await rights.roles_on_folders(conn, [row["id"] for row in found], who(actor))
        return [FolderView(to(Folder, row), permissions_of(actor, roles=roles.get(row["id"], set()))) for row in found]

    async def get(self, actor: Actor, *, folder_id: Key) -> FolderView:
        """One folder."""
        async with self._context.db.read() as conn:
            return FolderView(*await folder_access(conn, actor, folder_id, Permission.STUDY_READ))

    async def create(self, actor: Actor, *, name: str, parent_id: Key | None = None) -> FolderView:
        """Make a folder, at the top or in another one that the actor may edit."""
        user_id = require_user(actor, "write")
        name = clean_name(name)
        async with self._context.db.write() as conn:
            if parent_id is not None:
                await folder_access(conn, actor, parent_id, Permission.STUDY_EDIT)
                await self._require_depth(conn, parent_id)
            id = await rows.insert(conn, tables.folders, name=name, parent_id=parent_id, owner_id=user_id)
            return FolderView(*await folder_access(conn, actor, id, Permission.STUDY_READ))

    async def change(
        self,
        actor: Actor,
        *,
        folder_id: Key,
        expected: int | None = None,
        name: str | None = None,
        position: int | None = None,
        parent_id: Key | Unset | None = UNSET,
    ) -> FolderView:
        """Rename, reorder or move a folder; moving changes who sees what is in it and is for owners."""
        async with self._context.db.write() as conn:
            folder, _ = await folder_access(conn, actor, folder_id, Permission.STUDY_EDIT)
            values: dict[str, Any] = {}
            if name is not None:
                values["name"] = clean_name(name)
            if position is not None:
                values["position"] = position
            if parent_id is not UNSET and parent_id != folder.parent_id:
                await folder_access(conn, actor, folder_id, Permission.MEMBER_MANAGE)
                await self._check_target(conn, actor, folder_id, parent_id)
                values["parent_id"] = parent_id
                detail = {"to": parent_id.hex24 if parent_id else None}
                await audit.note(conn, actor, "folder.move", subject_kind="folder", subject_id=folder_id, detail=detail)
            await rows.change(conn, tables.folders, folder_id, values, expected=expected)
            return FolderView(*await folder_access(conn, actor, folder_id, Permission.STUDY_READ))

    async def _check_target(self, conn: Connection, actor: Actor, folder_id: Key, parent_id: Key | None) -> None:
        if parent_id is None:
            return
        await folder_access(conn, actor, parent_id, Permission.STUDY_EDIT)
        if conn.kind == "postgresql":  # two moves at once could close a circle that neither sees
            await rows.update(conn, tables.folders, {"id": [folder_id, parent_id]}, {"updated_at": now_us()})
        below = await rights.folders_under(conn, folder_id)
        if parent_id in below:
            raise InvalidInputError(
                "A folder cannot be moved into itself", where="parent_id", do="Choose another place"
            )
        await self._require_depth(conn, parent_id)

    async def _require_depth(self, conn: Connection, parent_id: Key) -> None:
        depth = 1
        above: Key | None = parent_id
        while above is not None:
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidInputError(f"Folders can lie at most {MAX_DEPTH} deep", where="parent_id")
            above = (await rows.need(conn, tables.folders, above))["parent_id"]

    async def undelete(self, actor: Actor, *, folder_id: Key) -> FolderView:
        """Bring back a removed folder, within the retention time; at the top, if the folder above is gone."""
        days = self._context.settings.retention_days
        async with self._context.db.write() as conn:
            folder = await deleted_folder(conn, actor, folder_id)
            if (folder.deleted_at or 0) < now_us() - int(days * DAY_US):
                raise ConflictError(
                    f"The folder was deleted more than {days:g} days ago and cannot be brought back",
                    setting="retention_days",
                )
            values: dict[str, Any] = {"deleted_at": None}
            if folder.parent_id is not None:
                above = await rows.need(conn, tables.folders, folder.parent_id)
                if above["deleted_at"] is not None:
                    values["parent_id"] = None
            await rows.change(conn, tables.folders, folder_id, values, expected=None)
            await audit.note(conn, actor, "folder.undelete", subject_kind="folder", subject_id=folder_id)
            return FolderView(*await folder_access(conn, actor, folder_id, Permission.STUDY_READ))

    async def trash(self, actor: Actor) -> FolderViews:
        """The removed folders that the actor may bring back."""
        require_readable_lists(actor)
        async with self._context.db.read(heavy=True) as conn:
            found = await rows.find(conn, tables.folders, {"deleted_at": rows.Not(None)})
            roles = await rights.roles_on_folders(conn, [row["id"] for row in found], who(actor))
        views = [FolderView(to(Folder, row), permissions_of(actor, roles=roles.get(row["id"], set()))) for row in found]
        return [view for view in views if Permission.STUDY_DELETE in view.permissions]

    async def delete(self, actor: Actor, *, folder_id: Key, expected: int | None = None) -> None:
        """Remove an empty folder.

        Raises
        ------
        ConflictError
            Where something lies in it.
        """
        async with self._context.db.write() as conn:
            await folder_access(conn, actor, folder_id, Permission.STUDY_DELETE)
            n_studies = await rows.count(conn, tables.studies, {"folder_id": folder_id, "deleted_at": None})
            n_folders = await rows.count(conn, tables.folders, {"parent_id": folder_id, "deleted_at": None})
            if n_studies or n_folders:
                raise ConflictError(
                    f"The folder is not empty: it holds {n_studies} studies and {n_folders} folders",
                    do="Move or delete them first",
                )
            await rows.change(conn, tables.folders, folder_id, {"deleted_at": now_us()}, expected=expected)
            await audit.note(conn, actor, "folder.delete", subject_kind="folder", subject_id=folder_id)
