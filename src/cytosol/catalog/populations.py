"""Populations: boolean trees of gates and annotations, in their hierarchy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cytosol.analyses.cytometry.trees import check_tree
from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog import gating_history as changes
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.catalog.records import all_to, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Population
from cytosol.model.gating_rules import clean_gid
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission

MAX_POPULATIONS = 10_000
_GONE = "There is no such population, or it is not shared with you"
_SEPARATOR = " > "
PopulationList = list[Population]


class Populations:
    """The verbs of populations. Changing needs the permission gate.edit."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, *, study_id: Key) -> PopulationList:
        """The populations of a study in their order."""
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            return await live_populations(conn, study_id)

    async def get(self, actor: Actor, *, population_id: Key) -> Population:
        """One population."""
        async with self._context.db.read() as conn:
            return await _population(conn, actor, population_id, Permission.STUDY_READ)

    async def create(
        self,
        actor: Actor,
        *,
        study_id: Key,
        name: str,
        tree: Mapping[str, Any],
        parent_id: Key | None = None,
        terminal_gid: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> Population:
        """Make a population.

        Parameters
        ----------
        tree : see ``model/gating.py``; gates that it names may be made later
        """
        check_tree(tree)
        values = {"name": clean_name(name), "tree": dict(tree), "terminal_gid": _terminal(terminal_gid)}
        values["extra"] = dict(extra or {})
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            await parent_of(conn, study_id, parent_id)
            position = await _next_position(conn, study_id, 1)
            id = await rows.insert(
                conn, tables.populations, study_id=study_id, parent_id=parent_id, position=position, **values
            )
            edits = [changes.made("population", id)]
            await changes.record(conn, actor, "population.create", study_id=study_id, edits=edits)
            fresh = to(Population, await rows.need(conn, tables.populations, id))
        self._context.notifier.events_stored()
        return fresh

    async def change(
        self, actor: Actor, *, population_id: Key, expected: int | None = None, **fields: Any
    ) -> Population:
        """Change name, tree, parent_id, terminal_gid or position; who is in it follows from the tree alone."""
        values = _checked_fields(fields)
        async with self._context.db.write() as conn:
            old = await _population(conn, actor, population_id, Permission.GATE_EDIT)
            if "parent_id" in values:
                await parent_of(conn, old.study_id, values["parent_id"])
                if values["parent_id"] in {
                    one.id for one in branch_of(await live_populations(conn, old.study_id), old.id)
                }:
                    raise InvalidInputError("A population cannot lie below itself", where="parent_id")
            row = await rows.need(conn, tables.populations, population_id)
            edits = await changes.apply_changes(conn, "population", row, values, expected=expected)
            await changes.record(conn, actor, "population.change", study_id=old.study_id, edits=edits)
            fresh = to(Population, await rows.need(conn, tables.populations, population_id))
        self._context.notifier.events_stored()
        return fresh

    async def delete(
        self, actor: Actor, *, population_id: Key, branch: bool = False, expected: int | None = None
    ) -> PopulationList:
        """Delete a population; those that went.

        Parameters
        ----------
        branch : with all below it; else these move up to its parent
        """
        async with self._context.db.write() as conn:
            old = await _population(conn, actor, population_id, Permission.GATE_EDIT)
            known = await live_populations(conn, old.study_id)
            edits = await changes.remove(conn, "population", [old.id], expected=expected)
            gone = [old]
            if branch:
                below = [one for one in branch_of(known, old.id) if one.id != old.id]
                edits += await changes.remove(conn, "population", [one.id for one in below])
                gone += below
            else:
                for child in (one for one in known if one.parent_id == old.id):
                    row = await rows.need(conn, tables.populations, child.id)
                    edits += await changes.apply_changes(conn, "population", row, {"parent_id": old.parent_id})
            await changes.record(conn, actor, "population.delete", study_id=old.study_id, edits=edits)
        self._context.notifier.events_stored()
        return gone


async def live_populations(conn: Connection, study_id: Key) -> PopulationList:
    """The populations of a study in their order; rights were asked before."""
    where = {"study_id": study_id, "deleted_at": None}
    return all_to(Population, await rows.find(conn, tables.populations, where, order=("position", "id")))


async def parent_of(conn: Connection, study_id: Key, id: Key | None) -> Population | None:
    """The population under which others are put; None = at the top.

    Raises
    ------
    NotFoundError
        Where the study has none such.
    """
    if id is None:
        return None
    row = await rows.get(conn, tables.populations, id)
    if row is None or row["deleted_at"] is not None or row["study_id"] != study_id:
        raise NotFoundError("There is no such population in this study", where="parent_id")
    return to(Population, row)


async def insert_populations(
    conn: Connection, study_id: Key, parent: Population | None, leaves: Sequence[tuple[str, str]]
) -> PopulationList:
    """One population for each (name, gid): who is in the parent and in the gate."""
    above = [] if parent is None else parent.tree.get("and", [parent.tree])
    position = await _next_position(conn, study_id, len(leaves))
    fresh = [
        {
            "id": new_key(), "study_id": study_id, "parent_id": None if parent is None else parent.id, "name": name,
            "tree": {"and": [*above, {"gate": gid}]}, "terminal_gid": gid, "position": position + number,
        }
        for number, (name, gid) in enumerate(leaves)
    ]  # fmt: skip
    await rows.insert_many(conn, tables.populations, fresh)
    found = await rows.find(conn, tables.populations, {"id": [row["id"] for row in fresh]}, order=("position",))
    return all_to(Population, found)


def branch_of(populations: Iterable[Population], id: Key) -> PopulationList:
    """A population and all below it."""
    known = list(populations)
    ids = {id}
    while fresh := {one.id for one in known if one.parent_id in ids} - ids:
        ids |= fresh
    return [one for one in known if one.id in ids]


def unique_names(populations: Iterable[Population]) -> dict[Key, str]:
    """Names that tell populations apart: names of ancestors are put in front until they do, then (2), (3) behind."""
    known = {one.id: one for one in populations}
    paths = {id: _path(known, id) for id in known}
    depth = dict.fromkeys(known, 1)
    while True:
        names = {id: _SEPARATOR.join(paths[id][-depth[id] :]) for id in known}
        counted = Counter(names.values())
        longer = [id for id in known if counted[names[id]] > 1 and depth[id] < len(paths[id])]
        if not longer:
            break
        for id in longer:
            depth[id] += 1
    taken: set[str] = set()
    for id, name in names.items():
        fresh, number = name, 2
        while fresh in taken:
            fresh, number = f"{name} ({number})", number + 1
        taken.add(fresh)
        names[id] = fresh
    return names


def _path(known: Mapping[Key, Population], id: Key) -> list[str]:
    names: list[str] = []
    seen: set[Key] = set()
    here: Key | None = id
    while here is not None and here in known and here not in seen:
        seen.add(here)
        names.insert(0, known[here].name)
        here = known[here].parent_id
    return names


def _checked_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(fields)
    known = {"name", "tree", "parent_id", "terminal_gid", "position", "extra"}
    if surplus := sorted(set(values) - known):
        raise InvalidInputError(f"A population has no '{surplus[0][:64]}' that can be changed", where=surplus[0][:64])
    if "name" in values:
        values["name"] = clean_name(values["name"])
    if "tree" in values:
        check_tree(values["tree"])
    if "terminal_gid" in values:
        values["terminal_gid"] = _terminal(values["terminal_gid"])
    return values


def _terminal(gid: str) -> str:
    return clean_gid(gid, where="terminal_gid") if gid else ""


async def _next_position(conn: Connection, study_id: Key, n_more: int) -> int:
    where = {"study_id": study_id, "deleted_at": None}
    if await rows.count(conn, tables.populations, where) + n_more > MAX_POPULATIONS:
        raise ConflictError(f"A study has at most {MAX_POPULATIONS:,} populations", do="Delete some first")
    last = await rows.first(conn, tables.populations, where, order=("-position",))
    return 0 if last is None else int(last["position"]) + 1


async def _population(conn: Connection, actor: Actor, id: Key, permission: Permission) -> Population:
    row = await rows.get(conn, tables.populations, id)
    if row is None or row["deleted_at"] is not None:
        raise NotFoundError(_GONE)
    try:
        await study_access(conn, actor, row["study_id"], permission)
    except NotFoundError as error:
        raise NotFoundError(_GONE) from error
    return to(Population, row)
