"""Populations of cells, and the compensations that they are gated with."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.populations import unique_names
from cytosol.dialects.native.answers import list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.gating import compensation_json, population_fields, population_json
from cytosol.dialects.native.wire import gating as wire
from cytosol.dialects.native.wire.common import Id, Page
from cytosol.model.gating import Population
from cytosol.model.rights import Actor


class PopulationRoutes(Routes):
    """Boolean trees of gates and annotations; every change can be undone."""

    tag = "Populations"

    @endpoint("GET", "/studies/{study_id}/populations", gives=Page[wire.PopulationRecord])
    async def list_populations(self, request: Request, study_id: Id) -> Response:
        """The populations of a study."""
        found = await self.catalog.populations.list(actor_of(request), study_id=study_id)
        names = unique_names(found)
        return list_answer(found, lambda population: population_json(population, names))

    @endpoint("POST", "/studies/{study_id}/populations", gives=wire.PopulationRecord, status=201)
    async def create_population(self, request: Request, study_id: Id, body: wire.PopulationRequest) -> Response:
        """Make a population of a tree."""
        actor = actor_of(request)
        made = await self.catalog.populations.create(
            actor,
            study_id=study_id,
            name=body.name,
            tree=body.tree,
            parent_id=body.parent_id,
            terminal_gid=body.terminal_gid,
        )
        return record_answer(await self._json(actor, made), status=201)

    @endpoint("GET", "/populations/{population_id}", gives=wire.PopulationRecord)
    async def get_population(self, request: Request, population_id: Id) -> Response:
        """One population."""
        actor = actor_of(request)
        found = await self.catalog.populations.get(actor, population_id=population_id)
        return record_answer(await self._json(actor, found))

    @endpoint("PATCH", "/populations/{population_id}", gives=wire.PopulationRecord, versioned=True)
    async def change_population(self, request: Request, population_id: Id, body: wire.PopulationChange) -> Response:
        """Rename a population, move it in the hierarchy, or give it another tree."""
        actor = actor_of(request)
        changed = await self.catalog.populations.change(
            actor,
            population_id=population_id,
            expected=expected_version(request),
            **population_fields(body),
        )
        return record_answer(await self._json(actor, changed))

    @endpoint("DELETE", "/populations/{population_id}", status=204, versioned=True)
    async def delete_population(self, request: Request, population_id: Id, branch: bool = False) -> Response:
        """Delete a population; ``branch=true`` with all below it, else these move up."""
        await self.catalog.populations.delete(
            actor_of(request), population_id=population_id, branch=branch, expected=expected_version(request)
        )
        return no_answer()

    async def _json(self, actor: Actor, population: Population) -> dict[str, Any]:
        known = await self.catalog.populations.list(actor, study_id=population.study_id)
        return population_json(population, unique_names(known))


class CompensationRoutes(Routes):
    """Spillover matrices."""

    tag = "Compensations"

    @endpoint("GET", "/studies/{study_id}/compensations", gives=Page[wire.CompensationRecord])
    async def list_compensations(self, request: Request, study_id: Id) -> Response:
        """The compensations of a study."""
        found = await self.catalog.compensations.list(actor_of(request), study_id=study_id)
        return list_answer(found, compensation_json)

    @endpoint("POST", "/studies/{study_id}/compensations", gives=wire.CompensationRecord, status=201)
    async def create_compensation(self, request: Request, study_id: Id, body: wire.CompensationRequest) -> Response:
        """Keep a spillover matrix."""
        made = await self.catalog.compensations.create(actor_of(request), study_id=study_id, **body.model_dump())
        return record_answer(compensation_json(made), status=201)

    @endpoint("GET", "/compensations/{compensation_id}", gives=wire.CompensationRecord)
    async def get_compensation(self, request: Request, compensation_id: Id) -> Response:
        """One compensation."""
        found = await self.catalog.compensations.get(actor_of(request), compensation_id=compensation_id)
        return record_answer(compensation_json(found))

    @endpoint("PATCH", "/compensations/{compensation_id}", gives=wire.CompensationRecord, versioned=True)
    async def change_compensation(
        self, request: Request, compensation_id: Id, body: wire.CompensationChange
    ) -> Response:
        """Rename a compensation, or change its matrix."""
        changed = await self.catalog.compensations.change(
            actor_of(request),
            compensation_id=compensation_id,
            expected=expected_version(request),
            name=body.name,
            channels=body.channels,
            matrix=body.matrix,
        )
        return record_answer(compensation_json(changed))

    @endpoint("DELETE", "/compensations/{compensation_id}", status=204, versioned=True)
    async def delete_compensation(self, request: Request, compensation_id: Id) -> Response:
        """Delete a compensation; one that files or the study are read with stays (409)."""
        await self.catalog.compensations.delete(
            actor_of(request), compensation_id=compensation_id, expected=expected_version(request)
        )
        return no_answer()
