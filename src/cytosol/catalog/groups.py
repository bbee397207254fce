"""Groups of people."""

from __future__ import annotations

from dataclasses import dataclass

from cytosol.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import audit
from cytosol.catalog.context import Context
from cytosol.catalog.records import to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.people import Group
from cytosol.model.rights import Actor, require_admin, require_scope, require_user

ROLES = ("owner", "member")


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group as an actor sees it.

    Attributes
    ----------
    role : the actor's own: owner, member, or "" for an administrator from outside
    """

    group: Group
    role: str
    n_members: int


@dataclass(frozen=True, slots=True)
class MemberView:
    """Somebody in a group."""

    user_id: Key
    email: str
    name: str
    role: str
    created_at: int


GroupViews = list[GroupView]
MemberViews = list[MemberView]


class Groups:
    """Makes groups and says who is in them; owners of a group and administrators change it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor) -> GroupViews:
        """The groups of the actor; all for administrators."""
        if actor.kind != "system":
            require_user(actor)
        where = {} if actor.is_admin else {"id": actor.group_ids}
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.groups, where, order=("name",))
            return [await self._view(conn, actor, row["id"]) for row in found]

    async def get(self, actor: Actor, *, group_id: Key) -> GroupView:
        """One group that the actor belongs to; any for administrators."""
        async with self._context.db.read() as conn:
            await self._require(conn, actor, group_id, owner=False)
            return await self._view(conn, actor, group_id)

    async def create(self, actor: Actor, *, name: str) -> GroupView:
        """Make a group and be its owner."""
        user_id = None if actor.kind == "system" else require_user(actor, "share")
        async with self._context.db.write() as conn:
            name = await self._free_name(conn, name)
            id = await rows.insert(conn, tables.groups, name=name)
            if user_id is not None:
                await rows.put(conn, tables.memberships, group_id=id, user_id=user_id, role="owner")
            await audit.note(conn, actor, "group.create", subject_kind="group", subject_id=id, detail={"name": name})
            return await self._view(conn, actor, id)

    async def change(self, actor: Actor, *, group_id: Key, name: str, expected: int | None = None) -> GroupView:
        """Rename a group."""
        async with self._context.db.write() as conn:
            await self._require(conn, actor, group_id, owner=True)
            name = await self._free_name(conn, name, apart_from=group_id)
            await rows.change(conn, tables.groups, group_id, {"name": name}, expected=expected)
            return await self._view(conn, actor, group_id)

    async def delete(self, actor: Actor, *, group_id: Key, expected: int | None = None) -> None:
        """Dissolve a group; what was shared with it is shared with it no more.

        Raises
        ------
        ConflictError
            Where it has storages.
        """
        async with self._context.db.write() as conn:
            await self._require(conn, actor, group_id, owner=True)
            await rows.change(conn, tables.groups, group_id, {}, expected=expected)
            if await rows.count(conn, tables.storages, {"group_id": group_id, "deleted_at": None}):
                raise ConflictError("The group has storages", do="Remove these storages first")
            for table in (tables.storages, tables.studies, tables.gene_set_lists):
                await rows.update(conn, table, {"group_id": group_id}, {"group_id": None})
            await rows.delete(conn, tables.grants, {"principal_kind": "group", "principal_id": group_id})
            await rows.delete(conn, tables.memberships, {"group_id": group_id})
            await rows.delete(conn, tables.groups, {"id": group_id})
            await audit.note(conn, actor, "group.delete", subject_kind="group", subject_id=group_id)

    async def members(self, actor: Actor, *, group_id: Key) -> MemberViews:
        """Who is in the group; for its members and administrators."""
        async with self._context.db.read() as conn:
            await self._require(conn, actor, group_id, owner=False)
            found = await rows.find(conn, tables.memberships, {"group_id": group_id}, order=("created_at", "user_id"))
            ids = [row["user_id"] for row in found]
            people = {row["id"]: row for row in await rows.find(conn, tables.users, {"id": ids})}
        return [
            MemberView(
                row["user_id"],
                people[row["user_id"]]["email"],
                people[row["user_id"]]["name"],
                row["role"],
                row["created_at"],
            )
            for row in found
        ]

    async def put_member(self, actor: Actor, *, group_id: Key, user_id: Key, role: str = "member") -> None:
        """Take somebody into the group, or give another role."""
        if role not in ROLES:
            raise InvalidInputError(f"'{role}' is not a role in a group", where="role", do="Choose owner or member")
        async with self._context.db.write() as conn:
            await self._require(conn, actor, group_id, owner=True)
            user = await rows.get(conn, tables.users, user_id)
            if user is None or user["deleted_at"] is not None:
                raise NotFoundError("There is no such user")
            await rows.put(conn, tables.memberships, group_id=group_id, user_id=user_id, role=role)
            await self._require_an_owner(conn, group_id)
            await self._note_member(conn, actor, group_id, user_id, role=role)

    async def remove_member(self, actor: Actor, *, group_id: Key, user_id: Key) -> None:
        """Take somebody out of the group; everybody may leave."""
        async with self._context.db.write() as conn:
            await self._require(conn, actor, group_id, owner=actor.user_id != user_id)
            if not await rows.delete(conn, tables.memberships, {"group_id": group_id, "user_id": user_id}):
                raise NotFoundError("There is no such member in this group")
            await self._require_an_owner(conn, group_id)
            await self._note_member(conn, actor, group_id, user_id, role="")

    async def _note_member(self, conn: Connection, actor: Actor, group_id: Key, user_id: Key, *, role: str) -> None:
        detail = {"user_id": user_id.hex24, "role": role}
        await audit.note(conn, actor, "group.member", subject_kind="group", subject_id=group_id, detail=detail)

    async def _require_an_owner(self, conn: Connection, group_id: Key) -> None:
        there = await rows.find(conn, tables.memberships, {"group_id": group_id}, order=("user_id",))
        if there and not any(row["role"] == "owner" for row in there):
            raise ConflictError("A group with members needs an owner", do="Make another member an owner first")

    async def _require(self, conn: Connection, actor: Actor, group_id: Key, *, owner: bool) -> None:
        row = await rows.get(conn, tables.groups, group_id)
        role = await self._role(conn, actor, group_id)
        if row is None or not (actor.is_admin or role):
            raise NotFoundError("There is no such group, or you do not belong to it")
        if not owner:
            return
        if role == "owner":
            require_scope(actor, "share")
        elif actor.is_admin:
            require_admin(actor)
        else:
            raise ForbiddenError("Only owners of the group can do this", do="Ask an owner of the group")

    async def _role(self, conn: Connection, actor: Actor, group_id: Key) -> str:
        if actor.user_id is None:
            return ""
        key = {"group_id": group_id, "user_id": actor.user_id}
        row = await rows.first(conn, tables.memberships, key, order=("user_id",))
        return row["role"] if row else ""

    async def _free_name(self, conn: Connection, name: str, *, apart_from: Key | None = None) -> str:
        name = clean_name(name)
        row = await rows.first(conn, tables.groups, {"name": name})
        if row is not None and row["id"] != apart_from:
            raise ConflictError(f"There is a group '{name}' already", where="name", do="Choose another name")
        return name

    async def _view(self, conn: Connection, actor: Actor, group_id: Key) -> GroupView:
        group = to(Group, await rows.need(conn, tables.groups, group_id))
        n_members = await rows.count(conn, tables.memberships, {"group_id": group_id})
        return GroupView(group, await self._role(conn, actor, group_id), n_members)
