"""Compensations."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cytosol.base.errors import NotFoundError
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.model.gating import Compensation


def compensation_document(compensation: Compensation) -> dict[str, Any]:
    """A compensation; its matrix is flat, row by row."""
    return {
        "_id": compensation.id.hex24,
        "__v": 0,
        "experimentId": compensation.study_id.hex24,
        "name": compensation.name,
        "channels": compensation.channels,
        "spillMatrix": compensation.matrix,
    }


async def _compensation(asked: Asked) -> Compensation:
    """The compensation in the path, of the experiment in the path."""
    view = await experiment(asked)
    found = await asked.catalog.compensations.get(asked.actor, compensation_id=asked.id("compensation"))
    if found.study_id != view.study.id:
        raise NotFoundError("There is no such compensation in this experiment")
    return found


async def list_compensations(asked: Asked) -> list[Any]:
    """The compensations of an experiment."""
    view = await experiment(asked)
    found = await asked.catalog.compensations.list(asked.actor, study_id=view.study.id)
    return asked.listed([compensation_document(one) for one in found])


async def create_compensation(asked: Asked) -> dict[str, Any]:
    """Make a compensation; its channels need not be in any file."""
    view = await experiment(asked)
    said = await asked.said(wire.NewCompensation)
    made = await asked.catalog.compensations.create(
        asked.actor, study_id=view.study.id, name=said.name, channels=said.channels, matrix=said.spillMatrix
    )
    return compensation_document(made)


async def get_compensation(asked: Asked) -> dict[str, Any]:
    """One compensation."""
    return compensation_document(await _compensation(asked))


async def change_compensation(asked: Asked) -> dict[str, Any]:
    """Change a compensation."""
    found = await _compensation(asked)
    said = await asked.change(wire.CompensationChange, compensation_document(found))
    changed = await asked.catalog.compensations.change(
        asked.actor, compensation_id=found.id, name=said.name, channels=said.channels, matrix=said.spillMatrix
    )
    return compensation_document(changed)


async def delete_compensation(asked: Asked) -> Response:
    """Delete a compensation, also one that files are read with."""
    found = await _compensation(asked)
    await asked.catalog.compensations.delete(asked.actor, compensation_id=found.id, in_use=True)
    return Response(status_code=204)


COMPENSATION_CALLS = (
    Call("GET", f"{E}/compensations", list_compensations),
    Call("POST", f"{E}/compensations", create_compensation, status=201),
    Call("GET", f"{E}/compensations/{{compensation}}", get_compensation),
    Call("PATCH", f"{E}/compensations/{{compensation}}", change_compensation),
    Call("DELETE", f"{E}/compensations/{{compensation}}", delete_compensation),
)
