"""Populations."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.populations import unique_names
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.gate_documents import population_document, tree_of
from cytosol.dialects.cellengine.translate import given_gid, given_key
from cytosol.model.gating import Population


async def documents(asked: Asked, study_id: Key) -> dict[Key, dict[str, Any]]:
    """The populations of an experiment, by id."""
    found = await asked.catalog.populations.list(asked.actor, study_id=study_id)
    names = unique_names(found)
    return {population.id: population_document(population, names[population.id]) for population in found}


async def _population(asked: Asked) -> Population:
    """The population in the path, of the experiment in the path."""
    view = await experiment(asked)
    found = await asked.catalog.populations.get(asked.actor, population_id=asked.id("population"))
    if found.study_id != view.study.id:
        raise NotFoundError("There is no such population in this experiment")
    return found


async def list_populations(asked: Asked) -> list[Any]:
    """The populations of an experiment."""
    view = await experiment(asked)
    return asked.listed([*(await documents(asked, view.study.id)).values()])


async def create_population(asked: Asked) -> dict[str, Any]:
    """Make a population."""
    view = await experiment(asked)
    said = await asked.said(wire.NewPopulation)
    made = await asked.catalog.populations.create(
        asked.actor,
        study_id=view.study.id,
        name=said.name,
        tree=tree_of(said.gates),
        parent_id=given_key(said.parentId, "parentId"),
        terminal_gid="" if said.terminalGateGid is None else given_gid(said.terminalGateGid, "terminalGateGid"),
    )
    return (await documents(asked, view.study.id))[made.id]


async def get_population(asked: Asked) -> dict[str, Any]:
    """One population."""
    found = await _population(asked)
    return (await documents(asked, found.study_id))[found.id]


async def change_population(asked: Asked) -> dict[str, Any]:
    """Change a population."""
    found = await _population(asked)
    document = (await documents(asked, found.study_id))[found.id]
    said = await asked.change(wire.PopulationChange, document, "uniqueName")
    fields: dict[str, Any] = {}
    if said.name is not None:
        fields["name"] = said.name
    if said.gates is not None:
        fields["tree"] = tree_of(said.gates)
    if "parentId" in said.model_fields_set:
        fields["parent_id"] = given_key(said.parentId, "parentId")
    if "terminalGateGid" in said.model_fields_set:
        gid = said.terminalGateGid
        fields["terminal_gid"] = "" if gid is None else given_gid(gid, "terminalGateGid")
    await asked.catalog.populations.change(asked.actor, population_id=found.id, **fields)
    return (await documents(asked, found.study_id))[found.id]


async def delete_population(asked: Asked) -> Response:
    """Delete a population; with ``deleteBranch=true`` also those below, and the gates of all of them."""
    found = await _population(asked)
    branch = bool(asked.flag("deleteBranch"))
    gone = await asked.catalog.populations.delete(asked.actor, population_id=found.id, branch=branch)
    if branch:
        await asked.catalog.gates.delete_unused(
            asked.actor, study_id=found.study_id, gids=[one.terminal_gid for one in gone if one.terminal_gid]
        )
    return Response(status_code=204)


POPULATION_CALLS = (
    Call("GET", f"{E}/populations", list_populations),
    Call("POST", f"{E}/populations", create_population, status=201),
    Call("GET", f"{E}/populations/{{population}}", get_population),
    Call("PATCH", f"{E}/populations/{{population}}", change_population),
    Call("DELETE", f"{E}/populations/{{population}}", delete_population),
)
