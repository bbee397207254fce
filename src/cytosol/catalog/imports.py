"""Gates, populations and compensations of one study brought into another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cytosol.analyses.cytometry.trees import gids_of
from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog import gating_history as changes
from cytosol.catalog.access import study_access
from cytosol.catalog.channel_maps import ChannelMaps
from cytosol.catalog.context import Context
from cytosol.catalog.gating_refit import moved
from cytosol.catalog.populations import live_populations, parent_of
from cytosol.catalog.records import all_to
from cytosol.catalog.scales import extend_scales, need_scales
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Compensation, Gate, Population
from cytosol.model.rights import Actor, Permission

Scales = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Brought:
    """What came into a study, under fresh ids."""

    gates: list[Gate]
    populations: list[Population]
    compensations: list[Compensation]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall come.

    Attributes
    ----------
    populations : whether gates and populations do
    population_ids : only these, with the gates that they name; None = all
    compensation_ids : only these; None = all
    """

    populations: bool = True
    population_ids: Collection[Key] | None = None
    compensation_ids: Collection[Key] | None = ()


class Imports:
    """Brings things from study to study.

    Attributes
    ----------
    channels : matches those of two studies
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.channels = ChannelMaps(context)

    async def bring(
        self,
        actor: Actor,
        *,
        from_study: Key,
        to_study: Key,
        wanted: Wanted,
        channels: Mapping[str, str] | None = None,
        parent_id: Key | None = None,
    ) -> Brought:
        """Copy gates, populations and compensations of a readable study into one whose gates the actor may edit.

        Gates of single datasets stay behind. Families and sectors get fresh ids. Coordinates follow where the target
        scales an axis differently; an axis that it does not scale is scaled as in the source from then on.

        Parameters
        ----------
        channels : channel or feature in the source → in the target; None = the same names. Gates on one that is missing
            here, or goes to "", do not come, nor populations that name such a gate
        parent_id : the population in the target below which they come, and with whose tree they are joined
        """
        async with self._context.db.write() as conn:
            await study_access(conn, actor, from_study, Permission.DATA_READ)
            await study_access(conn, actor, to_study, Permission.GATE_EDIT)
            parent = await parent_of(conn, to_study, parent_id)
            edits: changes.Edits = []
            gate_ids, population_ids = [], []
            if wanted.populations:
                found = await _gates(conn, from_study, to_study, channels)
                kept = [
                    one
                    for one in await live_populations(conn, from_study)
                    if (wanted.population_ids is None or one.id in wanted.population_ids)
                    and gids_of(one.tree) <= found.gids.keys()
                ]
                if wanted.population_ids is not None:
                    found = found.only({gid for one in kept for gid in gids_of(one.tree)})
                await rows.insert_many(conn, tables.gates, found.rows)
                gate_ids = [row["id"] for row in found.rows]
                fresh = _populations(kept, found.gids, to_study, parent)
                position = len(await live_populations(conn, to_study))
                numbered = [{**row, "position": position + number} for number, row in enumerate(fresh)]
                await rows.insert_many(conn, tables.populations, numbered)
                population_ids = [row["id"] for row in fresh]
                await extend_scales(conn, to_study, found.scales)
            compensation_ids = await _compensations(conn, from_study, to_study, wanted.compensation_ids)
            edits += [changes.made("gate", id) for id in gate_ids]
            edits += [changes.made("population", id) for id in population_ids]
            edits += [changes.made("compensation", id) for id in compensation_ids]
            await changes.require_unique_gates(conn, to_study)
            await changes.record(conn, actor, "study.import", study_id=to_study, edits=edits)
            brought = Brought(
                all_to(Gate, await rows.find(conn, tables.gates, {"id": gate_ids})),
                all_to(Population, await rows.find(conn, tables.populations, {"id": population_ids})),
                all_to(Compensation, await rows.find(conn, tables.compensations, {"id": compensation_ids})),
            )
        self._context.notifier.events_stored()
        return brought


@dataclass(frozen=True, slots=True)
class _Gates:
    """Gates of the target, not yet stored.

    Attributes
    ----------
    gids : of families and sectors, old → new
    scales : of their axes, which the target may lack
    """

    rows: list[dict[str, Any]]
    gids: dict[str, str]
    scales: Scales

    def only(self, gids: Collection[str]) -> _Gates:
        """Those that have one of the old gids, or a sector that has."""
        new = {self.gids[gid] for gid in gids}
        kept = [row for row in self.rows if new & {row["gid"], *(one["gid"] for one in row["sectors"])}]
        axes = {axis for row in kept for axis in (row["x"], row["y"])}
        return replace(self, rows=kept, scales={axis: scale for axis, scale in self.scales.items() if axis in axes})


async def _gates(conn: Connection, from_study: Key, to_study: Key, channels: Mapping[str, str] | None) -> _Gates:
    where = {"study_id": from_study, "dataset_id": None, "deleted_at": None}
    source, target = await need_scales(conn, from_study), await need_scales(conn, to_study)
    scales: dict[str, Mapping[str, Any]] = {}
    made = _Gates([], {}, scales)
    for gate in all_to(Gate, await rows.find(conn, tables.gates, where)):
        axes = [_axis(axis, channels) for axis in (gate.x, gate.y)]
        if axes[0] is None or axes[1] is None:
            continue
        for old, new in zip((gate.x, gate.y), axes, strict=True):
            if old in source.scales and new:
                scales.setdefault(str(new), source.scales[old])
        there = replace(gate, x=axes[0], y=axes[1])
        geometry = moved(there, scales, {**scales, **target.scales}) or gate.geometry
        gids = {gid: new_key().hex24 for gid in (gate.gid, *(sector["gid"] for sector in gate.sectors))}
        made.gids.update(gids)
        made.rows.append(
            {
                "id": new_key(), "study_id": to_study, "dataset_id": None, "gid": gids[gate.gid], "kind": gate.kind,
                "name": gate.name, "x": there.x, "y": there.y, "geometry": geometry, "tailored": gate.tailored,
                "sectors": [{**sector, "gid": gids[sector["gid"]]} for sector in gate.sectors],
                "locked": False, "extra": gate.extra,
            }
        )  # fmt: skip
    return made


def _axis(reference: str, channels: Mapping[str, str] | None) -> str | None:
    """An axis in the target; None where it does not come along."""
    if channels is None or not reference.startswith("var:"):
        return reference
    new = channels.get(reference.removeprefix("var:"))
    return f"var:{new}" if new else None


def _populations(
    found: list[Population], gids: Mapping[str, str], study_id: Key, parent: Population | None
) -> list[dict[str, Any]]:
    above = [] if parent is None else parent.tree.get("and", [parent.tree])
    ids = {one.id: new_key() for one in found}
    fresh = []
    for one in found:
        tree = _renamed(one.tree, gids)
        if parent is not None:
            tree = {"and": [*above, *tree.get("and", [tree])]}
        below = ids.get(one.parent_id) if one.parent_id is not None else None
        fresh.append(
            {
                "id": ids[one.id], "study_id": study_id, "name": one.name, "tree": tree, "extra": one.extra,
                "parent_id": below or (None if parent is None else parent.id),
                "terminal_gid": gids.get(one.terminal_gid, ""),
            }
        )  # fmt: skip
    return _parents_first(fresh)


def _parents_first(fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In an order in which each parent is stored before what is below it."""
    waiting = {row["id"]: row for row in fresh}
    ordered: list[dict[str, Any]] = []
    while waiting:
        ready = [row for row in waiting.values() if row["parent_id"] not in waiting]
        ordered += ready
        for row in ready:
            del waiting[row["id"]]
    return ordered


def _renamed(tree: Mapping[str, Any], gids: Mapping[str, str]) -> dict[str, Any]:
    if "gate" in tree:
        return {"gate": gids[tree["gate"]]}
    if "column" in tree:
        return dict(tree)
    ((node, parts),) = tree.items()
    return {node: [_renamed(part, gids) for part in parts]}


async def _compensations(conn: Connection, from_study: Key, to_study: Key, chosen: Collection[Key] | None) -> list[Key]:
    where: dict[str, Any] = {"study_id": from_study, "deleted_at": None}
    where |= {} if chosen is None else {"id": set(chosen)}
    found = await rows.find(conn, tables.compensations, where)
    if unknown := set(chosen or ()) - {row["id"] for row in found}:
        said = ", ".join(sorted(id.hex24 for id in unknown)[:10])
        raise NotFoundError(f"The other study has no compensation {said}", do="Name those that it has, or all")
    ids = []
    for row in found:
        values = {name: row[name] for name in ("name", "channels", "matrix", "made_by", "extra")}
        ids.append(await rows.insert(conn, tables.compensations, study_id=to_study, **values))
    return ids
