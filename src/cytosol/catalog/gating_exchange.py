"""Gates of a study from Gating-ML 2.0, FlowJo workspaces and FACSDiva experiments, and to the first two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.exchange import miscounted, with_exchanged
from cytosol.analyses.cytometry.exchange_units import to_data
from cytosol.analyses.cytometry.gating_in import PlannedGate
from cytosol.analyses.cytometry.gating_out import Compensated, describe
from cytosol.analyses.cytometry.gating_samples import (
    DrawnOn,
    PlannedSamples,
    Scales,
    dataset_of,
    drawn_on_of,
    plan_samples,
)
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.gating import UNCOMPENSATED, Gating, Matrix, SampleGating
from cytosol.base.keys import Key, new_key
from cytosol.catalog import gating_history as changes
from cytosol.catalog.access import study_access
from cytosol.catalog.axes import Axes, Reading, Spill
from cytosol.catalog.compensations import Compensations, check_said
from cytosol.catalog.context import Context
from cytosol.catalog.cytometry import Cytometry
from cytosol.catalog.gate_limits import require_open, require_room
from cytosol.catalog.gates import NewGate
from cytosol.catalog.gating import Gating as GatingVerbs
from cytosol.catalog.gating_refit import moved
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.records import all_to, to
from cytosol.catalog.scales import checked, need_scales
from cytosol.catalog.tables import Pinned
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.facsdiva.reader import is_experiment, read_experiment
from cytosol.formats.flowjo.reader import is_workspace, read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.cytobank import read_samples
from cytosol.formats.gating_ml.writer import write_gating_ml
from cytosol.model.gating import Compensation, Gate, Population, ScaleSet
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission

_INTERNAL: DrawnOn = ("internal", (), ())
_Drawn = tuple[Pinned, Matrix | None, dict[str, float]]
"""A table, the matrix that its gates are evaluated on, and the factors of its channels."""


@dataclass(frozen=True, slots=True)
class BroughtGating:
    """What came into a study.

    Attributes
    ----------
    compensation : which the gates were drawn on: none, internal, the id of one that came, or own where samples have
        different ones, which their datasets then say
    notes : what could not come, or not as it was; a sentence each
    """

    gates: list[Gate]
    populations: list[Population]
    compensations: list[Compensation]
    scale_set: ScaleSet
    compensation: str
    notes: list[str]


class GatingExchange:
    """The verbs that bring and write gates. Bringing needs the permission gate.edit, writing data.read."""

    def __init__(
        self, context: Context, cytometry: Cytometry, *, axes: Axes, gating: GatingVerbs, compensations: Compensations
    ) -> None:
        self._context = context
        self._cytometry = cytometry
        self._axes = axes
        self._gating = gating
        self._compensations = compensations

    async def bring(self, actor: Actor, *, study_id: Key, data: bytes, name: str = "") -> BroughtGating:
        """Make gates, populations, scales and compensations of a file of another program.

        That is a Gating-ML 2.0 document, a FlowJo workspace or a FACSDiva experiment, told by its content. Axes get
        the scales of the file; gates that the study has on them move along. Datasets that are called like a sample or
        tube get gates of their own where those of it differ. One undo step.

        Parameters
        ----------
        name : of the file, for messages

        Raises
        ------
        UnreadableFileError
            Where the file is none of these, or broken.
        InvalidInputError
            Where it holds no gate that a study can have.
        """
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            row = await rows.first(conn, tables.scale_sets, {"study_id": study_id})
        samples = await self._context.compute.run(_read, data, name or "file")
        files = await self._cytometry.files(actor, study_id=study_id)
        datasets = {view.dataset.name: view.dataset.id for view in files}
        samples = await self._as_counted(actor, study_id, samples, datasets)
        factors = await self._factors(actor, files[0].dataset.id) if files else {}
        scales = {} if row is None else row["scales"]
        planned = await self._context.compute.run(plan_samples, samples, datasets, scales, factors)
        for id, said in planned.drawn_on.items():
            [pinned] = await self._gating.pin(actor, study_id=study_id, dataset_ids=[id])
            with suppress(InvalidInputError):  # the file has none
                if _is_that_of_file(said, await self._compensations.resolve(pinned, "internal")):
                    planned.drawn_on[id] = _INTERNAL
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
        if form not in ("gating-ml", "flowjo"):
            raise InvalidInputError(f"{form!r} is no form of gates", do="Use gating-ml or flowjo")
        check_said(compensation)
        pinned = await self._gating.pin(actor, study_id=study_id, dataset_ids=dataset_ids)
        state = await self._gating.state(study_id)
        found: list[_Drawn] = []
        for one in pinned if form == "flowjo" else pinned[:1]:
            spill = await self._compensations.resolve(one, compensation)
            matrix = None if spill is None else _matrix(spill.channels, spill.matrix)
            factors = await self._factors(actor, one.dataset.id) if one.dataset.panel else {}
            found.append((one, matrix, factors))
        if form == "flowjo":
            return await self._context.compute.run(_workspace, state, found)
        if not found:
            raise NotFoundError("The study has no data yet, so its gates cannot be written", do="Add a file first")
        one, matrix, factors = found[0]
        owner = one.dataset.id if dataset_ids is not None else None
        return await self._context.compute.run(
            lambda: write_gating_ml(_described(state, owner, matrix, factors, own_scales=False))
        )

    async def _as_counted(
        self, actor: Actor, study_id: Key, samples: list[SampleGating], datasets: Mapping[str, Key]
    ) -> list[SampleGating]:
        """The tubes of FACSDiva, their heights as widths and the other way round where its own counts say so.

        Of some experiments it exports files whose heights and widths have each other's names.
        """
        for sample in samples:
            dataset_id = dataset_of(sample, datasets)
            if not sample.gating.as_stored or dataset_id is None or with_exchanged(sample.gating) == sample.gating:
                continue
            (pinned,) = await self._gating.pin(actor, study_id=study_id, dataset_ids=[dataset_id])
            if pinned.part.n_cells != sample.n_events:
                continue
            readings = [sample.gating, with_exchanged(sample.gating)]
            channels = {channel for one in sample.gating.matrices.values() for channel in one.detectors}
            channels |= {axis.channel for one in readings for region in one.regions.values() for axis in region.axes}
            try:
                reading = await self._axes.reading(pinned, [f"var:{channel}" for channel in sorted(channels)])
            except NotFoundError:
                continue
            as_named, as_exchanged = [await self._context.compute.run(_missed, one, reading) for one in readings]
            if as_exchanged == as_named:
                continue
            if as_exchanged > as_named:
                return samples
            note = "FACSDiva exchanged heights and widths (-H, -W) in this experiment, as its counts tell"
            return [
                replace(one, gating=replace(with_exchanged(one.gating), notes=(*one.gating.notes, note)))
                for one in samples
            ]
        return samples

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


def _missed(gating: Gating, reading: Reading) -> int:
    return miscounted(gating, lambda channel: reading.values(f"var:{channel}"))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _read(data: bytes, name: str) -> list[SampleGating]:
    if is_workspace(data):
        return read_workspace(data, where=name)
    if is_experiment(data):
        return read_experiment(data, where=name)
    return read_samples(data, where=name)


def _matrix(channels: Sequence[str], values: np.ndarray) -> Matrix:
    names = tuple(channels)
    return Matrix(names, names, tuple(tuple(row) for row in np.asarray(values, np.float64).tolist()))


def _workspace(state: GatingState, drawn: Sequence[_Drawn]) -> bytes:
    samples = [
        SampleGating(
            name=one.dataset.name,
            gating=to_data(_described(state, one.dataset.id, matrix, factors, own_scales=True)),
            n_events=one.part.n_cells,
        )
        for one, matrix, factors in drawn
    ]
    return write_workspace(samples)


def _described(
    state: GatingState, owner: Key | None, matrix: Matrix | None, factors: Mapping[str, float], *, own_scales: bool
) -> Gating:
    """The populations as an exchange file holds them, with the gates in force for a dataset, None = of the study."""
    gates = {gid: (one.gate, one.sector) for gid, one in state.in_force(owner).items()}
    compensated = Compensated(UNCOMPENSATED) if matrix is None else Compensated("Compensation", matrix)
    populations = list(state.populations.values())
    return describe(gates, populations, state.scales, compensated, own_scales=own_scales, factors=factors)


def _is_that_of_file(said: DrawnOn, of_file: Spill | None) -> bool:
    """Whether a compensation is the one that the file brought, about."""
    _, channels, matrix = said
    if of_file is None or sorted(of_file.channels) != sorted(channels):
        return False
    order = [of_file.channels.index(name) for name in channels]
    return bool(np.allclose(of_file.matrix[np.ix_(order, order)].ravel(), matrix, rtol=1e-5, atol=1e-7))


async def _store(conn: Connection, actor: Actor, study_id: Key, planned: PlannedSamples) -> BroughtGating:
    plan = planned.plan
    edits = await _store_scales(conn, study_id, plan.scales)
    of_datasets = {gate.gid for _, gate in planned.tailored}
    fresh = [_row(study_id, gate, None, tailored=gate.gid in of_datasets) for gate in plan.gates]
    fresh += [_row(study_id, gate, dataset_id, tailored=True) for dataset_id, gate in planned.tailored]
    await require_room(conn, study_id, len(fresh))
    await require_open(conn, study_id, [dataset_id for dataset_id, _ in planned.tailored])
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
    drawn_on = planned.drawn_on
    ids: dict[DrawnOn, Key] = {}
    for said in dict.fromkeys(
        drawn_on.values() or [(name, tuple(c), tuple(m)) for name, (c, m) in plan.compensations.items()]
    ):
        name, channels, matrix = said
        if channels:
            shown = clean_name(f"{name} ({len(ids) + 1})" if ids and drawn_on else name)
            values = {"name": shown, "channels": list(channels), "matrix": list(matrix), "made_by": {}}
            ids[said] = await rows.insert(conn, tables.compensations, study_id=study_id, **values)
    chosen = {said: ids[said].hex24 if said in ids else said[0] for said in [drawn_on_of(plan), *drawn_on.values()]}
    in_common = len({chosen[said] for said in drawn_on.values()}) == 1
    for id, said in drawn_on.items() if not in_common else ():
        row = await rows.need(conn, tables.datasets, id)
        edits += await changes.apply_changes(conn, "dataset", row, {"compensation": chosen[said]})
    edits += [changes.made("gate", row["id"]) for row in fresh]
    edits += [changes.made("population", id) for id in keys.values()]
    edits += [changes.made("compensation", id) for id in ids.values()]
    await changes.require_unique_gates(conn, study_id)
    await changes.record(conn, actor, "gate.import", study_id=study_id, edits=edits)
    return BroughtGating(
        all_to(Gate, await rows.find(conn, tables.gates, {"id": [row["id"] for row in fresh]})),
        all_to(Population, await rows.find(conn, tables.populations, {"id": list(keys.values())}, order=("position",))),
        all_to(Compensation, await rows.find(conn, tables.compensations, {"id": list(ids.values())})),
        await need_scales(conn, study_id),
        chosen[next(iter(drawn_on.values()), drawn_on_of(plan))] if in_common or not drawn_on else "own",
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
