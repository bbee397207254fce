"""Gates of a study from Gating-ML 2.0 and FlowJo workspaces, and to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.exchange_units import to_data
from cytosol.analyses.cytometry.gating_in import Plan, PlannedGate, plan_import
from cytosol.analyses.cytometry.gating_out import Compensated, describe
from cytosol.analyses.cytometry.geometry import refit
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.gating import FROM_FILE, UNCOMPENSATED, Gating, Matrix, SampleGating
from cytosol.base.keys import Key, new_key
from cytosol.catalog import gating_history as changes
from cytosol.catalog.access import study_access
from cytosol.catalog.compensations import Compensations, check_said
from cytosol.catalog.context import Context
from cytosol.catalog.cytometry import Cytometry
from cytosol.catalog.gates import MAX_GATES, NewGate
from cytosol.catalog.gating import Gating as GatingVerbs
from cytosol.catalog.gating_refit import moved
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.records import all_to, to
from cytosol.catalog.scales import checked, need_scales
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.flowjo.reader import is_workspace, read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.reader import read_gating_ml
from cytosol.formats.gating_ml.writer import write_gating_ml
from cytosol.model.gating import Compensation, Gate, Population, ScaleSet
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission

Scales = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class BroughtGating:
    """What came into a study.

    Attributes
    ----------
    compensation : which the gates were drawn on: none, internal, or the id of one that came
    notes : what could not come, or not as it was; a sentence each
    """

    gates: list[Gate]
    populations: list[Population]
    compensations: list[Compensation]
    scale_set: ScaleSet
    compensation: str
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan, and gates of single datasets: (dataset, gate)."""

    plan: Plan
    tailored: list[tuple[Key, PlannedGate]]


class GatingExchange:
    """The verbs that bring and write gates. Bringing needs the permission gate.edit, writing data.read."""

    def __init__(
        self, context: Context, cytometry: Cytometry, *, gating: GatingVerbs, compensations: Compensations
    ) -> None:
        self._context = context
        self._cytometry = cytometry
        self._gating = gating
        self._compensations = compensations

    async def bring(self, actor: Actor, *, study_id: Key, data: bytes, name: str = "") -> BroughtGating:
        """Make gates, populations, scales and compensations of a Gating-ML 2.0 document or FlowJo workspace.

        Axes get the scales of the file; gates that the study has on them move along. Samples of a workspace whose
        names are those of datasets get gates of their own where theirs differ. One undo step.

        Parameters
        ----------
        name : of the file, for messages

        Raises
        ------
        UnreadableFileError
            Where the file is neither, or broken.
        InvalidInputError
            Where it holds no gate that a study can have.
        """
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            row = await rows.first(conn, tables.scale_sets, {"study_id": study_id})
        samples = await self._context.compute.run(_read, data, name or "file")
        files = await self._cytometry.files(actor, study_id=study_id)
        datasets = {view.dataset.name: view.dataset.id for view in files}
        factors = await self._factors(actor, files[0].dataset.id) if files else {}
        scales = {} if row is None else row["scales"]
        planned = await self._context.compute.run(_plan, samples, datasets, scales, factors)
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            brought = await _store(conn, actor, study_id, planned)
        self._context.notifier.events_stored()
        return brought

    async def write(
        self,
        actor: Actor,
        *,
        study_id: Key,
        form: str,
        dataset_ids: Sequence[Key] | None = None,
        compensation: str = "own",
    ) -> bytes:
        """Write the populations of a study as Gating-ML 2.0 or as a workspace of FlowJo 10.

        Parameters
        ----------
        form : "gating-ml" or "flowjo"
        dataset_ids : whose gates are in force; None = of a workspace all files, of Gating-ML the gates of the study
        compensation : that the gates are evaluated on: none, internal, own (what each dataset says), or the id of one

        Returns
        -------
        The file; what it cannot hold is named in a comment at its top.
        """
        check_said(compensation)
        pinned = await self._gating.pin(actor, study_id=study_id, dataset_ids=dataset_ids)
        state = await self._gating.state(study_id)
        found = []
        for one in pinned:
            spill = await self._compensations.resolve(one, compensation)
            matrix = None if spill is None else _matrix(spill.channels, spill.matrix)
            factors = await self._factors(actor, one.dataset.id) if one.dataset.panel else {}
            found.append((one, matrix, factors))
            if form == "gating-ml" and found:
                break
        if form == "flowjo":
            samples = [
                SampleGating(
                    name=one.dataset.name,
                    gating=to_data(_described(state, one.dataset.id, matrix, factors, own_scales=True)),
                    n_events=one.part.n_cells,
                )
                for one, matrix, factors in found
            ]
            return await self._context.compute.run(write_workspace, samples)
        if form != "gating-ml":
            raise InvalidInputError(f"{form!r} is no form of gates", do="Use gating-ml or flowjo")
        if not found:
            raise NotFoundError("The study has no data yet, so its gates cannot be written", do="Add a file first")
        one, matrix, factors = found[0]
        # no dataset has the id of the study: the gates of the study are in force
        owner = one.dataset.id if dataset_ids is not None else study_id
        gating = _described(state, owner, matrix, factors, own_scales=False)
        return await self._context.compute.run(write_gating_ml, gating)

    async def _factors(self, actor: Actor, dataset_id: Key) -> dict[str, float]:
        """Channel → by what values as stored are larger than those on the scale of the file: gain and time step."""
        try:
            view = await self._cytometry.file(actor, dataset_id=dataset_id)
        except NotFoundError:
            return {}
        keywords = {
            key.upper(): value.strip()
            for key, value in (await self._cytometry.keywords(actor, dataset_id=dataset_id)).items()
        }
        found = {}
        for entry in view.dataset.panel:
            number, name = entry["index"], str(entry["channel"])
            is_log = _number(keywords.get(f"$P{number}E", "0").partition(",")[0]) > 0
            gain = _number(keywords.get(f"$P{number}G", ""))
            step = _number(keywords.get("$TIMESTEP", ""))
            if name.lower() == "time" and step > 0:
                found[name] = 1 / step
            elif gain > 0 and not is_log:
                found[name] = gain
        return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _read(data: bytes, name: str) -> list[SampleGating]:
    if is_workspace(data):
        return read_workspace(data, where=name)
    return [SampleGating("", read_gating_ml(data, where=name))]


def _plan(
    samples: Sequence[SampleGating], datasets: Mapping[str, Key], scales: Scales, factors: Mapping[str, float]
) -> _Planned:
    """One plan of all samples: that of the first whose data is here, what others add to it, what differs in them."""
    usable = [sample for sample in samples if sample.gating.regions]
    if not usable:
        raise InvalidInputError("The file holds no gates", do="Choose a file with gates")
    usable.sort(key=lambda sample: _dataset_of(sample, datasets) is None)
    plan = plan_import(usable[0].gating, scales, factors)
    tailored = []
    known = {gate.key: gate for gate in plan.gates}
    populations = {one.key for one in plan.populations}
    for sample in usable[1:]:
        other = plan_import(sample.gating, scales, factors)
        gids = {}
        for gate in other.gates:
            geometry = _on_scales(gate, {**scales, **other.scales}, {**scales, **plan.scales})
            first = known.get(gate.key)
            if first is None:
                known[gate.key] = first = replace(gate, geometry=geometry)
                plan.gates.append(first)
                plan.scales.update({axis: other.scales[axis] for axis in (gate.x, gate.y) if axis in other.scales})
            dataset_id = _dataset_of(sample, datasets)
            if dataset_id is not None and first.kind == gate.kind and not _alike(first.geometry, geometry):
                tailored.append((dataset_id, replace(first, geometry=geometry)))
            gids[gate.gid] = first.gid
        for population in other.populations:
            if population.key not in populations:
                populations.add(population.key)
                tree = _renamed(population.tree, gids)
                terminal = gids.get(population.terminal_gid, "")
                plan.populations.append(replace(population, tree=tree, terminal_gid=terminal))
        plan.notes.extend(note for note in other.notes if note not in plan.notes)
    if not plan.gates:
        raise InvalidInputError(
            "The file holds no gate that a study can have: " + " ".join(f"{note}." for note in plan.notes[:5]),
            do="Choose a file with gates of one or two axes",
        )
    return _Planned(plan, tailored)


def _dataset_of(sample: SampleGating, datasets: Mapping[str, Key]) -> Key | None:
    return datasets.get(sample.name) or datasets.get(sample.uri.replace("\\", "/").rpartition("/")[2])


def _on_scales(gate: PlannedGate, old: Scales, new: Scales) -> dict[str, Any]:
    """The geometry of a gate of one sample on the scales that the first sample brought."""

    def mover(axis: str) -> Any:
        if axis not in old or old[axis] == new.get(axis, old[axis]):
            return lambda values: values
        source, target = scale_from_json(old[axis]), scale_from_json(new[axis])
        return lambda values: target.forward(source.inverse(values), clamp=False)

    return refit(gate.kind, gate.geometry, mover(gate.x), mover(gate.y))


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(
        np.shape(one[name]) == np.shape(other[name]) and np.allclose(one[name], other[name], rtol=1e-9, atol=1e-9)
        for name in one
    )


def _renamed(tree: Mapping[str, Any], gids: Mapping[str, str]) -> dict[str, Any]:
    if "gate" in tree:
        return {"gate": gids.get(tree["gate"], tree["gate"])}
    ((node, parts),) = tree.items()
    return {node: [_renamed(part, gids) for part in parts]}


def _matrix(channels: Sequence[str], values: np.ndarray) -> Matrix:
    names = tuple(channels)
    return Matrix(names, names, tuple(tuple(row) for row in np.asarray(values, np.float64).tolist()))


def _described(
    state: GatingState, owner: Key, matrix: Matrix | None, factors: Mapping[str, float], *, own_scales: bool
) -> Gating:
    """The populations as an exchange file holds them, with the gates that are in force for a dataset."""
    gates = {gid: (one.gate, one.sector) for gid, one in state.in_force(owner).items()}
    compensated = Compensated(UNCOMPENSATED) if matrix is None else Compensated("Compensation", matrix)
    populations = list(state.populations.values())
    return describe(gates, populations, state.scales, compensated, own_scales=own_scales, factors=factors)


async def _store(conn: Connection, actor: Actor, study_id: Key, planned: _Planned) -> BroughtGating:
    plan = planned.plan
    edits = await _store_scales(conn, study_id, plan.scales)
    of_datasets = {gate.gid for _, gate in planned.tailored}
    fresh = [_row(study_id, gate, None, tailored=gate.gid in of_datasets) for gate in plan.gates]
    fresh += [_row(study_id, gate, dataset_id, tailored=True) for dataset_id, gate in planned.tailored]
    held = await rows.count(conn, tables.gates, {"study_id": study_id, "deleted_at": None})
    if held + len(fresh) > MAX_GATES:
        raise ConflictError(f"A study has at most {MAX_GATES:,} gates", do="Delete some that you do not need")
    await rows.insert_many(conn, tables.gates, fresh)
    keys: dict[str, Key] = {one.key: new_key() for one in plan.populations}
    position = await rows.count(conn, tables.populations, {"study_id": study_id})
    made = [
        {
            "id": keys[one.key],
            "study_id": study_id,
            "parent_id": keys[one.parent] if one.parent else None,
            "name": clean_name(one.name),
            "tree": one.tree,
            "terminal_gid": one.terminal_gid,
            "position": position + place,
            "extra": {},
        }
        for place, one in enumerate(plan.populations)
    ]
    await rows.insert_many(conn, tables.populations, made)
    ids = {}
    for name, (channels, matrix) in plan.compensations.items():
        values = {"name": clean_name(name), "channels": channels, "matrix": matrix, "made_by": {}}
        ids[name] = await rows.insert(conn, tables.compensations, study_id=study_id, **values)
    edits += [changes.made("gate", row["id"]) for row in fresh]
    edits += [changes.made("population", id) for id in keys.values()]
    edits += [changes.made("compensation", id) for id in ids.values()]
    await changes.require_unique_gates(conn, study_id)
    await changes.record(conn, actor, "gate.import", study_id=study_id, edits=edits)
    chosen = plan.compensation
    return BroughtGating(
        all_to(Gate, await rows.find(conn, tables.gates, {"id": [row["id"] for row in fresh]})),
        all_to(Population, await rows.find(conn, tables.populations, {"id": list(keys.values())}, order=("position",))),
        all_to(Compensation, await rows.find(conn, tables.compensations, {"id": list(ids.values())})),
        await need_scales(conn, study_id),
        "internal" if chosen == FROM_FILE else ids[chosen].hex24 if chosen in ids else chosen,
        plan.notes,
    )


async def _store_scales(conn: Connection, study_id: Key, fresh: Scales) -> changes.Edits:
    """Set scales of axes; gates that the study has on them move along."""
    old = await need_scales(conn, study_id)
    new = {**old.scales, **checked(fresh)}
    row = await rows.need(conn, tables.scale_sets, old.id)
    edits = await changes.apply_changes(conn, "scale_set", row, {"scales": new})
    for found in await rows.find(conn, tables.gates, {"study_id": study_id, "deleted_at": None}):
        geometry = moved(to(Gate, found), old.scales, new)
        if geometry is not None:
            edits += await changes.apply_changes(conn, "gate", found, {"geometry": geometry})
    return edits


def _row(study_id: Key, gate: PlannedGate, dataset_id: Key | None, *, tailored: bool) -> dict[str, Any]:
    said = NewGate(
        kind=gate.kind,
        name=gate.name,
        x=gate.x,
        y=gate.y,
        geometry=gate.geometry,
        gid=gate.gid,
        sectors=gate.sectors or None,
        dataset_id=dataset_id,
        tailored=tailored,
    )
    return {**said.checked(), "study_id": study_id}
