"""Gates."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.catalog.populations import unique_names
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call, parse
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.gate_documents import (
    gate_changes,
    gate_document,
    new_gate,
    population_document,
    sector_names,
)
from cytosol.dialects.cellengine.translate import given_key
from cytosol.model.gating import Gate


async def _gate(asked: Asked) -> Gate:
    """The gate in the path, of the experiment in the path."""
    view = await experiment(asked)
    gate = await asked.catalog.gates.get(asked.actor, gate_id=asked.id("gate"))
    if gate.study_id != view.study.id:
        raise NotFoundError("There is no such gate in this experiment")
    return gate


def _gid(asked: Asked) -> str:
    """The family in the query; what is glued behind it names none."""
    gid = asked.text("gid")
    if gid is None:
        raise InvalidInputError('"gid" is required')
    return gid.lower()


async def list_gates(asked: Asked) -> list[Any]:
    """All gates of an experiment: those of the experiment and those of single files."""
    view = await experiment(asked)
    found = await asked.catalog.gates.list(asked.actor, study_id=view.study.id)
    return asked.listed([gate_document(gate) for gate in found])


async def create_gates(asked: Asked) -> Any:
    """One gate, with populations where asked for, or many without; one client misspells the parent.

    The file that a gate names need not be there.
    """
    view = await experiment(asked)
    body = await asked.body()
    gates, study_id = asked.catalog.gates, view.study.id
    if isinstance(body, list):
        fresh = [new_gate(parse(wire.NewGate, one)) for one in body]
        made = await gates.create(asked.actor, study_id=study_id, gates=fresh, known=False)
        return [gate_document(gate) for gate in made]
    gate = new_gate(parse(wire.NewGate, body))
    if not asked.flag("createPopulation"):
        (single,) = await gates.create(asked.actor, study_id=study_id, gates=[gate], known=False)
        return gate_document(single)
    parent = asked.text("parentPopulationId") or asked.text("parentPopulationid")
    parent_id = given_key(parent, "parentPopulationId")
    (single,), populations = await gates.create_with_populations(
        asked.actor, study_id=study_id, gates=[gate], parent_id=parent_id, known=False
    )
    names = unique_names(await asked.catalog.populations.list(asked.actor, study_id=study_id))
    spelled = [population_document(population, names[population.id]) for population in populations]
    told: dict[str, Any] = {"populations": spelled} if single.sectors else {"population": spelled[0]}
    return {"gate": gate_document(single), **told}


async def get_gate(asked: Asked) -> dict[str, Any]:
    """One gate."""
    return gate_document(await _gate(asked))


async def change_gate(asked: Asked) -> dict[str, Any]:
    """Change one gate."""
    gate = await _gate(asked)
    said = await asked.change(wire.GateChange, gate_document(gate), "gid", "type", "fcsFileId")
    fields = gate_changes(gate, said)
    return gate_document(await asked.catalog.gates.change(asked.actor, gate_id=gate.id, **fields))


async def change_family(asked: Asked) -> dict[str, int]:
    """Change all gates of a family."""
    view = await experiment(asked)
    gid, said = _gid(asked), await asked.said(wire.GateChange)
    family = await asked.catalog.gates.list(asked.actor, study_id=view.study.id, gid=gid)
    if not family:
        return {"nModified": 0}
    if said.names:
        sector_names(family[0].kind, None, said.names)
    fields = gate_changes(family[0], said)
    n = await asked.catalog.gates.change_family(asked.actor, study_id=view.study.id, gid=gid, **fields)
    return {"nModified": n}


async def delete_gate(asked: Asked) -> Response:
    """Delete one gate; its populations stay."""
    gate = await _gate(asked)
    await asked.catalog.gates.delete(asked.actor, gate_id=gate.id)
    return Response(status_code=204)


async def delete_family(asked: Asked) -> dict[str, int]:
    """Delete a family; the gid of a sector names none."""
    view = await experiment(asked)
    n = await asked.catalog.gates.delete_family(asked.actor, study_id=view.study.id, gid=_gid(asked))
    return {"nDeleted": n}


async def apply_tailored(asked: Asked) -> dict[str, Any]:
    """Give files gates of their own after one of them, or take these away where the gate is that of the experiment."""
    view = await experiment(asked)
    said = await asked.said(wire.Tailoring)
    ids = [key for text in said.fcsFileIds if (key := given_key(text, "fcsFileIds")) is not None]
    gate = new_gate(parse(wire.NewGate, said.gate))
    done = await asked.catalog.gates.tailor(
        asked.actor, study_id=view.study.id, gid=_gid(asked), gate=gate, dataset_ids=ids
    )
    spelled = {"inserted": done.inserted, "updated": done.updated, "deleted": done.deleted}
    return {
        name: [{"_id": one.id.hex24, "fcsFileId": one.dataset_id and one.dataset_id.hex24} for one in gates]
        for name, gates in spelled.items()
    }


async def reset_gates(asked: Asked) -> dict[str, Any]:
    """Delete all gates and populations."""
    view = await experiment(asked)
    await asked.catalog.gates.reset(asked.actor, study_id=view.study.id)
    return {}


GATE_CALLS = (
    Call("GET", f"{E}/gates", list_gates),
    Call("POST", f"{E}/gates", create_gates, status=201),
    Call("PATCH", f"{E}/gates", change_family),
    Call("DELETE", f"{E}/gates", delete_family),
    Call("POST", f"{E}/gates/applyTailored", apply_tailored),
    Call("POST", f"{E}/gates/reset", reset_gates),
    Call("GET", f"{E}/gates/{{gate}}", get_gate),
    Call("PATCH", f"{E}/gates/{{gate}}", change_gate),
    Call("DELETE", f"{E}/gates/{{gate}}", delete_gate),
)
