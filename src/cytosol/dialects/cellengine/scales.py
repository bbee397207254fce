"""Scale sets: one an experiment, present from the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.gate_documents import channel_of, gate_document
from cytosol.dialects.cellengine.translate import time_of
from cytosol.model.gating import ScaleSet

TYPES = {
    "LinearScale": "linear",
    "LogScale": "log",
    "ArcSinhScale": "arcsinh",
    "LogicleScale": "logicle",
    "BiexponentialScale": "biexponential",
    "HyperlogScale": "hyperlog",
    "GatingMLLinearScale": "gml-linear",
    "GatingMLLogScale": "gml-log",
    "GatingMLArcSinhScale": "gml-asinh",
}
"""The clients know the first three; the others are ours, and come back as they went out."""
_SPELLED = {ours: theirs for theirs, ours in TYPES.items()}


def scale_document(scale: Mapping[str, Any]) -> dict[str, Any]:
    """A scale."""
    return {**scale, "type": _SPELLED[scale["type"]]}


def scale_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """A scale as it is stored."""
    type = document.get("type")
    if not isinstance(type, str) or type not in TYPES:
        raise InvalidInputError(f'"scale.type" must be one of {", ".join(TYPES)}')
    known = {name: value for name, value in document.items() if value is not None}
    if type in ("LinearScale", "LogScale"):
        known.pop("cofactor", None)
    return {**known, "type": TYPES[type]}


def scale_set_document(scale_set: ScaleSet) -> dict[str, Any]:
    """A scale set; scales of axes that are no channels stay out."""
    return {
        "_id": scale_set.id.hex24,
        "__v": 0,
        "experimentId": scale_set.study_id.hex24,
        "name": scale_set.name,
        "updated": time_of(scale_set.updated_at),
        "scales": [
            {"channelName": channel_of(reference), "scale": scale_document(scale)}
            for reference, scale in scale_set.scales.items()
            if reference.startswith("var:")
        ],
    }


async def list_scale_sets(asked: Asked) -> list[Any]:
    """The one scale set of an experiment."""
    view = await experiment(asked)
    found = await asked.catalog.scales.get(asked.actor, study_id=view.study.id)
    return asked.listed([scale_set_document(found)])


async def change_scale_set(asked: Asked) -> dict[str, Any]:
    """Set all scales; gates on channels whose scale changed are re-fitted and come along."""
    view = await experiment(asked)
    said = await asked.said(wire.ScaleSetChange)
    known = await asked.catalog.scales.get(asked.actor, study_id=view.study.id)
    if known.id != asked.id("scale_set"):
        raise NotFoundError("There is no such scale set in this experiment")
    others = {reference: scale for reference, scale in known.scales.items() if not reference.startswith("var:")}
    fresh = {f"var:{one.channelName}": scale_of(one.scale) for one in said.scales}
    scale_set, gates = await asked.catalog.scales.put(asked.actor, study_id=view.study.id, scales=others | fresh)
    return {"scaleSet": scale_set_document(scale_set), "gates": [gate_document(gate) for gate in gates]}


SCALE_CALLS = (
    Call("GET", f"{E}/scalesets", list_scale_sets),
    Call("PATCH", f"{E}/scalesets/{{scale_set}}", change_scale_set),
)
