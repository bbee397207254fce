"""Gates: drawn, changed, tailored to single datasets, deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cytosol.analyses.cytometry.geometry import check_geometry
from cytosol.analyses.cytometry.trees import gids_of
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog import gating_history as changes
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.catalog.gate_limits import require_open, require_room, require_unlocked
from cytosol.catalog.gating_history import Edits
from cytosol.catalog.populations import PopulationList, insert_populations, parent_of
from cytosol.catalog.records import UNSET, Unset, all_to, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Gate
from cytosol.model.gating_rules import clean_axes, clean_gid, clean_sectors, known_kind
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission

MAX_VERTICES = 10_000
_GONE = "There is no such gate, or it is not shared with you"
GateList = list[Gate]


@dataclass(frozen=True, slots=True)
class NewGate:
    """A gate to be made; see ``model/gating.py`` for its parts.

    Attributes
    ----------
    gid : of a family that there is, or a fresh one where None
    sectors : gids and names of the sectors; what is left out is made
    """

    kind: str
    name: str
    x: str
    y: str = ""
    geometry: Mapping[str, Any] = field(default_factory=dict)
    gid: str | None = None
    sectors: Sequence[Mapping[str, Any]] | None = None
    dataset_id: Key | None = None
    tailored: bool = False
    locked: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def checked(self) -> dict[str, Any]:
        """The gate as a row, without its study.

        Raises
        ------
        InvalidInputError
            Where something of it cannot be.
        """
        kind = known_kind(self.kind)
        name = clean_name(self.name)
        x, y = clean_axes(kind, self.x, self.y)
        return {
            "id": new_key(), "kind": kind, "name": name, "x": x, "y": y, "gid": clean_gid(self.gid),
            "geometry": checked_geometry(kind, self.geometry), "sectors": clean_sectors(kind, name, self.sectors),
            "dataset_id": self.dataset_id, "tailored": self.tailored, "locked": self.locked, "extra": dict(self.extra),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tailored:
    """What a tailoring did to the gates of single datasets."""

    inserted: list[Gate]
    updated: list[Gate]
    deleted: list[Gate]


class Gates:
    """The verbs of gates. Changing needs the permission gate.edit."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(
        self, actor: Actor, *, study_id: Key, dataset_id: Key | Unset | None = UNSET, gid: str | None = None
    ) -> GateList:
        """The gates of a study in the order they were made.

        Parameters
        ----------
        dataset_id : only those of one dataset; None = only those of the whole study
        gid : only those of one family
        """
        where: dict[str, Any] = {"study_id": study_id, "deleted_at": None}
        where |= {} if isinstance(dataset_id, Unset) else {"dataset_id": dataset_id}
        where |= {} if gid is None else {"gid": gid}
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            return all_to(Gate, await rows.find(conn, tables.gates, where))

    async def get(self, actor: Actor, *, gate_id: Key) -> Gate:
        """One gate."""
        async with self._context.db.read() as conn:
            return await _gate(conn, actor, gate_id, Permission.STUDY_READ)

    async def create(self, actor: Actor, *, study_id: Key, gates: Sequence[NewGate], known: bool = True) -> GateList:
        """Make gates, all or none.

        Parameters
        ----------
        known : refuse gates of datasets that the study does not have; else they are kept and hold for nothing

        Raises
        ------
        ConflictError
            Where the study or dataset has a gate of that family already, or the gate of the study that one of a
            dataset would take the place of is locked.
        """
        return (await self._create(actor, study_id, gates, populations=False, known=known))[0]

    async def create_with_populations(
        self,
        actor: Actor,
        *,
        study_id: Key,
        gates: Sequence[NewGate],
        parent_id: Key | None = None,
        known: bool = True,
    ) -> tuple[GateList, PopulationList]:
        """Make gates, and of each a population (of a compound one for each sector), in one change.

        Parameters
        ----------
        parent_id : the population that they are gated of; None = all
        known : as of `create`
        """
        return await self._create(actor, study_id, gates, populations=True, parent_id=parent_id, known=known)

    async def _create(
        self,
        actor: Actor,
        study_id: Key,
        gates: Sequence[NewGate],
        *,
        populations: bool,
        known: bool,
        parent_id: Key | None = None,
    ) -> tuple[GateList, PopulationList]:
        fresh = [{**gate.checked(), "study_id": study_id} for gate in gates]
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            await require_room(conn, study_id, len(fresh))
            ids = [row["dataset_id"] for row in fresh]
            await require_open(conn, study_id, ids, known=ids if known else ())
            replaced = {row["gid"] for row in fresh if row["dataset_id"] is not None}
            where = {"study_id": study_id, "deleted_at": None, "dataset_id": None, "gid": replaced}
            require_unlocked(all_to(Gate, await rows.find(conn, tables.gates, where)) if replaced else ())
            await rows.insert_many(conn, tables.gates, fresh)
            await changes.require_unique_gates(conn, study_id)
            edits = [changes.made("gate", row["id"]) for row in fresh]
            made: PopulationList = []
            if populations:
                parent = await parent_of(conn, study_id, parent_id)
                made = await insert_populations(conn, study_id, parent, [leaf for row in fresh for leaf in leaves(row)])
                edits += [changes.made("population", population.id) for population in made]
            await changes.record(conn, actor, "gate.create", study_id=study_id, edits=edits)
            found = {row["id"]: row for row in await rows.find(conn, tables.gates, {"id": [r["id"] for r in fresh]})}
        self._context.notifier.events_stored()
        return [to(Gate, found[row["id"]]) for row in fresh], made

    async def change(self, actor: Actor, *, gate_id: Key, expected: int | None = None, **fields: Any) -> Gate:
        """Change a gate: name, x, y, geometry, sectors, tailored, locked or extra.

        Raises
        ------
        ConflictError
            Where it is locked, and anything but the lock is to be changed.
        """
        async with self._context.db.write() as conn:
            gate = await _gate(conn, actor, gate_id, Permission.GATE_EDIT)
            edits = await self._change(conn, gate, fields, expected=expected)
            if "sectors" in fields:
                await changes.require_unique_gates(conn, gate.study_id)
            await changes.record(conn, actor, "gate.change", study_id=gate.study_id, edits=edits)
            fresh = to(Gate, await rows.need(conn, tables.gates, gate_id))
        self._context.notifier.events_stored()
        return fresh

    async def change_family(self, actor: Actor, *, study_id: Key, gid: str, **fields: Any) -> int:
        """Change all gates of a family; how many there are."""
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            family = await _family(conn, study_id, gid)
            edits: Edits = []
            for gate in family:
                edits += await self._change(conn, gate, fields)
            if "sectors" in fields:
                await changes.require_unique_gates(conn, study_id)
            await changes.record(conn, actor, "gate.change", study_id=study_id, edits=edits)
        self._context.notifier.events_stored()
        return len(family)

    async def _change(
        self, conn: Connection, gate: Gate, fields: Mapping[str, Any], *, expected: int | None = None
    ) -> Edits:
        values = checked_fields(gate, fields)
        if values.get("locked") is not False and set(values) - {"locked"}:
            require_unlocked([gate])
        await require_open(conn, gate.study_id, [gate.dataset_id])
        row = await rows.need(conn, tables.gates, gate.id)
        return await changes.apply_changes(conn, "gate", row, values, expected=expected)

    async def delete(self, actor: Actor, *, gate_id: Key, expected: int | None = None) -> None:
        """Delete one gate; populations that name it stay."""
        async with self._context.db.write() as conn:
            gate = await _gate(conn, actor, gate_id, Permission.GATE_EDIT)
            await self._delete(conn, actor, gate.study_id, [gate], expected=expected)
        self._context.notifier.events_stored()

    async def delete_family(self, actor: Actor, *, study_id: Key, gid: str) -> int:
        """Delete all gates of a family; how many. The gid of a sector names no family."""
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            family = await _family(conn, study_id, gid)
            await self._delete(conn, actor, study_id, family)
        self._context.notifier.events_stored()
        return len(family)

    async def delete_unused(self, actor: Actor, *, study_id: Key, gids: Iterable[str]) -> int:
        """Delete those families that no population names any more; how many gates.

        Parameters
        ----------
        gids : of families or of sectors
        """
        wanted, live = set(gids), {"study_id": study_id, "deleted_at": None}
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            named: set[str] = set()
            for row in await rows.find(conn, tables.populations, live):
                named |= gids_of(row["tree"])
            found = all_to(Gate, await rows.find(conn, tables.gates, live))
            own = {gate.id: {gate.gid, *(sector["gid"] for sector in gate.sectors)} for gate in found}
            unused = [gate for gate in found if own[gate.id] & wanted and not own[gate.id] & named]
            await self._delete(conn, actor, study_id, unused)
        self._context.notifier.events_stored()
        return len(unused)

    async def _delete(
        self, conn: Connection, actor: Actor, study_id: Key, gates: GateList, *, expected: int | None = None
    ) -> None:
        require_unlocked(gates)
        await require_open(conn, study_id, [gate.dataset_id for gate in gates])
        edits = await changes.remove(conn, "gate", [gate.id for gate in gates], expected=expected)
        await changes.record(conn, actor, "gate.delete", study_id=study_id, edits=edits)

    async def tailor(
        self, actor: Actor, *, study_id: Key, gid: str, gate: NewGate, dataset_ids: Sequence[Key]
    ) -> Tailored:
        """Give datasets gates of their own, or take these away.

        Parameters
        ----------
        gate : with a dataset_id, each dataset gets a copy as its own gate, or its own gate takes over the geometry;
            without one, the own gates are deleted, so that the gate of the study is in force again

        Raises
        ------
        ConflictError
            Where a gate is locked that is in force for one of the datasets, its own or that of the study.
        """
        values = gate.checked()
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            family = await _family(conn, study_id, gid)
            if not family:
                raise NotFoundError(f"This study has no gate of the family {gid[:64]}", where="gid")
            own = {one.dataset_id: one for one in family if one.dataset_id in set(dataset_ids)}
            await require_open(conn, study_id, dataset_ids, known=set(dataset_ids) - own.keys())
            require_unlocked(own.values())
            if gate.dataset_id is not None and set(dataset_ids) - set(own):
                require_unlocked(one for one in family if one.dataset_id is None)
            if gate.dataset_id is None:
                edits = await changes.remove(conn, "gate", [one.id for one in own.values()])
                done = Tailored([], [], [one for id in dataset_ids if (one := own.get(id)) is not None])
            else:
                await require_room(conn, study_id, len(set(dataset_ids) - own.keys()))
                done, edits = await _put_own(conn, family, values, dataset_ids)
            await changes.record(conn, actor, "gate.tailor", study_id=study_id, edits=edits)
        self._context.notifier.events_stored()
        return done

    async def reset(self, actor: Actor, *, study_id: Key) -> None:
        """Delete all gates and populations of a study, in one change."""
        where = {"study_id": study_id, "deleted_at": None}
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            found = all_to(Gate, await rows.find(conn, tables.gates, where))
            require_unlocked(found)
            await require_open(conn, study_id, [gate.dataset_id for gate in found])
            edits = await changes.remove(conn, "gate", [gate.id for gate in found])
            below = [row["id"] for row in await rows.find(conn, tables.populations, where)]
            edits += await changes.remove(conn, "population", below)
            await changes.record(conn, actor, "gate.reset", study_id=study_id, edits=edits)
        self._context.notifier.events_stored()


def checked_geometry(kind: str, geometry: Mapping[str, Any]) -> dict[str, Any]:
    """A geometry as it is stored: the numbers stay as they were given."""
    check_geometry(kind, geometry)
    if len(geometry.get("vertices", ())) > MAX_VERTICES:
        raise InvalidInputError(f"A polygon has at most {MAX_VERTICES:,} vertices", where="geometry.vertices")
    return dict(geometry)


def leaves(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and gid of what a gate cuts out: itself, or its sectors."""
    return [(sector["name"], sector["gid"]) for sector in row["sectors"]] or [(row["name"], row["gid"])]


def checked_fields(gate: Gate, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a change as they are stored."""
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "name":
            values[name] = clean_name(value)
        elif name == "geometry":
            values[name] = checked_geometry(gate.kind, value)
        elif name == "sectors":
            values[name] = clean_sectors(gate.kind, gate.name, value)
        elif name in ("tailored", "locked"):
            values[name] = bool(value)
        elif name == "extra":
            values[name] = dict(value)
        elif name not in ("x", "y"):
            raise InvalidInputError(f"A gate has no '{name[:64]}' that can be changed", where=name[:64])
    if "x" in fields or "y" in fields:
        values["x"], values["y"] = clean_axes(gate.kind, fields.get("x", gate.x), fields.get("y", gate.y))
    return values


async def _put_own(
    conn: Connection, family: GateList, values: Mapping[str, Any], dataset_ids: Sequence[Key]
) -> tuple[Tailored, Edits]:
    own = {gate.dataset_id: gate for gate in family}
    model = next((gate for gate in family if gate.dataset_id is None), family[0])
    if values["kind"] != model.kind:
        raise InvalidInputError(
            f"'{model.name}' is a {model.kind} gate, not a {values['kind']}",
            where="gate.kind",
            do="Give its own gates the same kind, or draw a gate of its own family",
        )
    edits: Edits = []
    inserted, updated = [], []
    for dataset_id in dict.fromkeys(dataset_ids):
        gate = own.get(dataset_id)
        if gate is not None:
            geometry = checked_geometry(gate.kind, values["geometry"])
            row = await rows.need(conn, tables.gates, gate.id)
            change = {"geometry": geometry, "extra": {**gate.extra, **values["extra"]}}
            edits += await changes.apply_changes(conn, "gate", row, change)
            updated.append(gate.id)
            continue
        copy = {**values, "id": new_key(), "study_id": model.study_id, "gid": model.gid, "sectors": model.sectors}
        id = await rows.insert(conn, tables.gates, **{**copy, "dataset_id": dataset_id, "tailored": True})
        edits.append(changes.made("gate", id))
        inserted.append(id)
    for gate in family:
        if not gate.tailored and inserted:
            row = await rows.need(conn, tables.gates, gate.id)
            edits += await changes.apply_changes(conn, "gate", row, {"tailored": True})
    found = {row["id"]: to(Gate, row) for row in await rows.find(conn, tables.gates, {"id": inserted + updated})}
    return Tailored([found[id] for id in inserted], [found[id] for id in updated], []), edits


async def _gate(conn: Connection, actor: Actor, id: Key, permission: Permission) -> Gate:
    row = await rows.get(conn, tables.gates, id)
    if row is None or row["deleted_at"] is not None:
        raise NotFoundError(_GONE)
    try:
        await study_access(conn, actor, row["study_id"], permission)
    except NotFoundError as error:
        raise NotFoundError(_GONE) from error
    return to(Gate, row)


async def _family(conn: Connection, study_id: Key, gid: str) -> GateList:
    return all_to(Gate, await rows.find(conn, tables.gates, {"study_id": study_id, "gid": gid, "deleted_at": None}))
