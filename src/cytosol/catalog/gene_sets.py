"""Collections of gene sets and of markers: private, or shared with a group."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import ForbiddenError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit
from cytosol.catalog.context import Context
from cytosol.catalog.records import UNSET, Unset, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.gene_sets import read_gene_sets
from cytosol.model.gene_sets import KINDS, GeneSet, GeneSetContent, GeneSetKind, GeneSetList, clean_sets
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, require_admin, require_scope, require_user

_GONE = "There are no such gene sets, or they are not shared with you"
Said = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class GeneSetView:
    """A collection as an actor sees it.

    Attributes
    ----------
    owner_name : of the user whose it is
    may_edit : whether the actor may change it
    sets : its sets; None where only the head was asked for
    """

    gene_sets: GeneSetList
    owner_name: str
    may_edit: bool
    sets: list[GeneSet] | None = None


GeneSetViews = list[GeneSetView]


class GeneSets:
    """The verbs of gene sets. A collection is read by its owner and the members of its group, and changed by its
    owner, the owners of its group, and administrators."""  # noqa: D205, D209

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, *, kind: GeneSetKind | None = None, species: str = "") -> GeneSetViews:
        """The collections that the actor may read, by name, without their sets."""
        if actor.kind != "system":
            require_user(actor)
        where: dict[str, Any] = {"deleted_at": None}
        where |= {"kind": kind} if kind else {}
        where |= {"species": species} if species else {}
        async with self._context.db.read() as conn:
            found = [
                to(GeneSetList, row) for row in await rows.find(conn, tables.gene_set_lists, where, order=("name",))
            ]
            return await self._views(conn, actor, [one for one in found if _may_read(actor, one)])

    async def get(self, actor: Actor, *, gene_sets_id: Key) -> GeneSetView:
        """One collection with its sets."""
        async with self._context.db.read() as conn:
            return await self._whole(conn, actor, await self._readable(conn, actor, gene_sets_id))

    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        sets: Said,
        kind: GeneSetKind = "sets",
        species: str = "human",
        group_id: Key | None = None,
    ) -> GeneSetView:
        """Keep a collection, for oneself or for a group of one's own."""
        user_id = require_user(actor, "write")
        cleaned = await asyncio.to_thread(clean_sets, sets)
        values = {"name": clean_name(name), "kind": _known(kind), "species": _species(species), "group_id": group_id}
        async with self._context.db.write() as conn:
            _require_member(actor, group_id)
            id = await rows.insert(conn, tables.gene_set_lists, owner_id=user_id, n_sets=len(cleaned), **values)
            await rows.put(conn, tables.gene_set_contents, gene_set_list_id=id, sets=[one.to_json() for one in cleaned])
            await self._note(conn, actor, "gene-sets.create", id, name=values["name"], n_sets=len(cleaned))
            return await self._whole(conn, actor, await self._readable(conn, actor, id))

    async def read_file(
        self,
        actor: Actor,
        *,
        text: str,
        filename: str = "",
        name: str = "",
        kind: GeneSetKind = "sets",
        species: str = "human",
        group_id: Key | None = None,
    ) -> GeneSetView:
        """Keep the sets of a GMT, CSV or TSV file; its name is that of the file where none is given."""
        title = name or filename.rpartition("/")[2].rpartition(".")[0] or filename
        sets = await asyncio.to_thread(read_gene_sets, text, filename)
        return await self.create(actor, name=title, sets=sets, kind=kind, species=species, group_id=group_id)

    async def change(
        self,
        actor: Actor,
        *,
        gene_sets_id: Key,
        expected: int | None = None,
        name: str | None = None,
        species: str | None = None,
        group_id: Key | Unset | None = UNSET,
        sets: Said | None = None,
    ) -> GeneSetView:
        """Rename a collection, share it with another group (None = with nobody), or replace its sets."""
        cleaned = None if sets is None else await asyncio.to_thread(clean_sets, sets)
        async with self._context.db.write() as conn:
            await self._editable(conn, actor, gene_sets_id)
            values: dict[str, Any] = {}
            if name is not None:
                values["name"] = clean_name(name)
            if species is not None:
                values["species"] = _species(species)
            if not isinstance(group_id, Unset):
                _require_member(actor, group_id)
                values["group_id"] = group_id
            if cleaned is not None:
                values["n_sets"] = len(cleaned)
                content = [one.to_json() for one in cleaned]
                await rows.put(conn, tables.gene_set_contents, gene_set_list_id=gene_sets_id, sets=content)
            await rows.change(conn, tables.gene_set_lists, gene_sets_id, values, expected=expected)
            told = {key: value.hex24 if isinstance(value, Key) else value for key, value in values.items()}
            await self._note(conn, actor, "gene-sets.change", gene_sets_id, **told)
            return await self._whole(conn, actor, await self._readable(conn, actor, gene_sets_id))

    async def delete(self, actor: Actor, *, gene_sets_id: Key, expected: int | None = None) -> None:
        """Put a collection into the trash, from where it can be taken back until ``retention_days``."""
        async with self._context.db.write() as conn:
            await self._editable(conn, actor, gene_sets_id)
            await rows.change(conn, tables.gene_set_lists, gene_sets_id, {"deleted_at": now_us()}, expected=expected)
            await self._note(conn, actor, "gene-sets.delete", gene_sets_id)

    async def undelete(self, actor: Actor, *, gene_sets_id: Key) -> GeneSetView:
        """Take a collection back out of the trash."""
        async with self._context.db.write() as conn:
            await self._editable(conn, actor, gene_sets_id, deleted=True)
            await rows.change(conn, tables.gene_set_lists, gene_sets_id, {"deleted_at": None}, expected=None)
            await self._note(conn, actor, "gene-sets.undelete", gene_sets_id)
            return await self._whole(conn, actor, await self._readable(conn, actor, gene_sets_id))

    async def _readable(self, conn: Connection, actor: Actor, id: Key, *, deleted: bool = False) -> GeneSetList:
        if actor.kind != "system":
            require_user(actor)
        row = await rows.get(conn, tables.gene_set_lists, id)
        if row is None or (row["deleted_at"] is not None) != deleted:
            raise NotFoundError(_GONE)
        found = to(GeneSetList, row)
        if not _may_read(actor, found):
            raise NotFoundError(_GONE)
        return found

    async def _editable(self, conn: Connection, actor: Actor, id: Key, *, deleted: bool = False) -> GeneSetList:
        found = await self._readable(conn, actor, id, deleted=deleted)
        if actor.kind == "system":
            return found
        require_scope(actor, "write")
        if not (await self._view(conn, actor, found)).may_edit:
            raise ForbiddenError(
                "Only their owner, an owner of their group, or an administrator can change these gene sets",
                do="Import them again as your own",
            )
        if actor.is_admin and found.owner_id != actor.user_id:
            require_admin(actor)
        return found

    async def _views(self, conn: Connection, actor: Actor, found: Sequence[GeneSetList]) -> GeneSetViews:
        """All with two questions to the database, however many they are."""
        owners = await rows.find(conn, tables.users, {"id": {one.owner_id for one in found}}) if found else []
        names = {row["id"]: row["name"] for row in owners}
        groups = {one.group_id for one in found if one.group_id is not None}
        owned: set[Key] = set()
        if groups and actor.user_id is not None:
            key = {"group_id": groups, "user_id": actor.user_id, "role": "owner"}
            owned = {row["group_id"] for row in await rows.find(conn, tables.memberships, key, order=("user_id",))}
        all_mine = actor.kind == "system" or actor.is_admin
        return [
            GeneSetView(
                one,
                names.get(one.owner_id, ""),
                all_mine or one.owner_id == actor.user_id or one.group_id in owned,
            )
            for one in found
        ]

    async def _view(self, conn: Connection, actor: Actor, found: GeneSetList) -> GeneSetView:
        (view,) = await self._views(conn, actor, [found])
        return view

    async def _whole(self, conn: Connection, actor: Actor, found: GeneSetList) -> GeneSetView:
        view = await self._view(conn, actor, found)
        row = await rows.first(conn, tables.gene_set_contents, {"gene_set_list_id": found.id}, order=())
        content = to(GeneSetContent, row).sets if row is not None else []
        sets = [
            GeneSet(one["name"], one["description"], tuple(one["genes"]), tuple(one["negative"])) for one in content
        ]
        return GeneSetView(view.gene_sets, view.owner_name, view.may_edit, sets)

    @staticmethod
    async def _note(conn: Connection, actor: Actor, verb: str, id: Key, **detail: Any) -> None:
        await audit.note(conn, actor, verb, subject_kind="gene_sets", subject_id=id, detail=detail)


def _may_read(actor: Actor, found: GeneSetList) -> bool:
    if actor.kind == "system" or actor.is_admin or found.owner_id == actor.user_id:
        return True
    return found.group_id is not None and found.group_id in actor.group_ids


def _require_member(actor: Actor, group_id: Key | None) -> None:
    if group_id is not None and not actor.is_admin and group_id not in actor.group_ids:
        raise NotFoundError("There is no such group, or you do not belong to it", where="group_id")


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise InvalidInputError(f"'{kind[:32]}' is no kind of gene sets", where="kind", do="Choose sets or markers")
    return kind


def _species(species: str) -> str:
    return clean_name(species, field="species", empty=True, max_letters=64).lower()
