"""Gates and the scales of their axes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.base.errors import NotFoundError
from cytosol.catalog.gates import NewGate
from cytosol.catalog.imports import Wanted
from cytosol.catalog.populations import unique_names
from cytosol.catalog.records import UNSET
from cytosol.dialects.native.answers import answer, list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.gating import (
    gate_fields,
    gate_json,
    new_gate,
    population_json,
    scale_set_json,
    tailored_json,
)
from cytosol.dialects.native.wire import gating as wire
from cytosol.dialects.native.wire.common import Id, Page


class GateRoutes(Routes):
    """Regions of one or two axes of a table; every change can be undone."""

    tag = "Gates"

    @endpoint("GET", "/studies/{study_id}/gates", gives=Page[wire.GateRecord])
    async def list_gates(
        self, request: Request, study_id: Id, dataset_id: Id | None = None, gid: wire.Gid | None = None
    ) -> Response:
        """The gates of a study.

        Of a family, the gate of a dataset is in force for it; where it has none, that without a dataset.
        """
        found = await self.catalog.gates.list(
            actor_of(request), study_id=study_id, dataset_id=UNSET if dataset_id is None else dataset_id, gid=gid
        )
        return list_answer(found, gate_json)

    @endpoint("POST", "/studies/{study_id}/gates", gives=wire.GatesMade, status=201)
    async def create_gates(self, request: Request, study_id: Id, body: wire.GatesRequest) -> Response:
        """Make gates, with their populations where these are asked for, in one change."""
        actor, gates = actor_of(request), [new_gate(gate) for gate in body.gates]
        if not body.populations:
            made = await self.catalog.gates.create(actor, study_id=study_id, gates=gates)
            return answer({"gates": [gate_json(gate) for gate in made], "populations": []}, status=201)
        made, populations = await self.catalog.gates.create_with_populations(
            actor, study_id=study_id, gates=gates, parent_id=body.parent_id
        )
        names = unique_names(await self.catalog.populations.list(actor, study_id=study_id))
        shown = [population_json(population, names) for population in populations]
        return answer({"gates": [gate_json(gate) for gate in made], "populations": shown}, status=201)

    @endpoint("GET", "/gates/{gate_id}", gives=wire.GateRecord)
    async def get_gate(self, request: Request, gate_id: Id) -> Response:
        """One gate."""
        return record_answer(gate_json(await self.catalog.gates.get(actor_of(request), gate_id=gate_id)))

    @endpoint("PATCH", "/gates/{gate_id}", gives=wire.GateRecord, versioned=True)
    async def change_gate(self, request: Request, gate_id: Id, body: wire.GateChange) -> Response:
        """Change a gate."""
        gate = await self.catalog.gates.change(
            actor_of(request), gate_id=gate_id, expected=expected_version(request), **gate_fields(body)
        )
        return record_answer(gate_json(gate))

    @endpoint("DELETE", "/gates/{gate_id}", status=204, versioned=True)
    async def delete_gate(self, request: Request, gate_id: Id) -> Response:
        """Delete one gate; populations that name it stay."""
        await self.catalog.gates.delete(actor_of(request), gate_id=gate_id, expected=expected_version(request))
        return no_answer()

    @endpoint("POST", "/studies/{study_id}/gate-families/{gid}", gives=wire.FamilyChanged)
    async def change_gate_family(
        self, request: Request, study_id: Id, gid: wire.Gid, body: wire.GateChange
    ) -> Response:
        """Change all gates of a family."""
        n_gates = await self.catalog.gates.change_family(
            actor_of(request), study_id=study_id, gid=gid, **gate_fields(body)
        )
        return answer({"n_gates": n_gates})

    @endpoint("DELETE", "/studies/{study_id}/gate-families/{gid}", gives=wire.FamilyChanged)
    async def delete_gate_family(self, request: Request, study_id: Id, gid: wire.Gid) -> Response:
        """Delete all gates of a family."""
        n_gates = await self.catalog.gates.delete_family(actor_of(request), study_id=study_id, gid=gid)
        return answer({"n_gates": n_gates})

    @endpoint("POST", "/studies/{study_id}/gates/tailor", gives=wire.TailoredRecord)
    async def tailor_gate(self, request: Request, study_id: Id, body: wire.TailorRequest) -> Response:
        """Give datasets gates of their own, or take these away.

        A gate with a dataset is copied to each dataset named, or its geometry taken over by the own gate there; a gate
        without one deletes their own gates.
        """
        actor = actor_of(request)
        family = await self.catalog.gates.list(actor, study_id=study_id, gid=body.gid)
        if not family:
            raise NotFoundError(f"This study has no gate of the family {body.gid}", where="gid")
        model = next((one for one in family if one.dataset_id is None), family[0])
        gate = NewGate(
            kind=model.kind,
            name=body.gate.name or model.name,
            x=model.x,
            y=model.y,
            geometry=body.gate.geometry,
            sectors=model.sectors,
            dataset_id=body.gate.dataset_id,
            extra=body.gate.extra,
        )
        done = await self.catalog.gates.tailor(
            actor, study_id=study_id, gid=body.gid, gate=gate, dataset_ids=body.dataset_ids
        )
        return answer(tailored_json(done))

    @endpoint("POST", "/studies/{study_id}/gates/reset", status=204)
    async def reset_gates(self, request: Request, study_id: Id) -> Response:
        """Delete all gates and populations of a study."""
        await self.catalog.gates.reset(actor_of(request), study_id=study_id)
        return no_answer()

    @endpoint("POST", "/studies/{study_id}/gates/copy", gives=wire.GatesMade, status=201)
    async def copy_gates(self, request: Request, study_id: Id, body: wire.CopyRequest) -> Response:
        """Copy gates and populations to another study, in one change there.

        They get fresh ids, and coordinates that fit the scales there. Gates of single datasets stay behind.
        """
        actor = actor_of(request)
        channels = await self.catalog.imports.channels.between(
            actor,
            from_study=study_id,
            to_study=body.to_study_id,
            said=body.channels,
            by_reagent=body.by_reagent,
            population_ids=body.population_ids,
        )
        brought = await self.catalog.imports.bring(
            actor,
            from_study=study_id,
            to_study=body.to_study_id,
            wanted=Wanted(population_ids=body.population_ids),
            channels=channels,
            parent_id=body.parent_id,
        )
        names = unique_names(await self.catalog.populations.list(actor, study_id=body.to_study_id))
        shown = [population_json(population, names) for population in brought.populations]
        return answer({"gates": [gate_json(gate) for gate in brought.gates], "populations": shown}, status=201)

    @endpoint("GET", "/studies/{study_id}/scales", gives=wire.ScaleSetRecord)
    async def get_scales(self, request: Request, study_id: Id) -> Response:
        """How the axes of a study are scaled."""
        return record_answer(scale_set_json(await self.catalog.scales.get(actor_of(request), study_id=study_id)))

    @endpoint("PUT", "/studies/{study_id}/scales", gives=wire.ScalesChanged, versioned=True)
    async def put_scales(self, request: Request, study_id: Id, body: wire.ScalesRequest) -> Response:
        """Set all scales of a study; gates move with them unless ``refit`` is false."""
        scale_set, gates = await self.catalog.scales.put(
            actor_of(request),
            study_id=study_id,
            scales=body.scales,
            expected=expected_version(request),
            refit_gates=body.refit,
        )
        changed = {"scale_set": scale_set_json(scale_set), "gates": [gate_json(gate) for gate in gates]}
        return answer(changed, version=scale_set.version)
