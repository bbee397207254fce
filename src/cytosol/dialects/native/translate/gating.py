"""Gates, populations, compensations and scales as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cytosol.base.keys import Key
from cytosol.catalog.gates import NewGate, Tailored
from cytosol.dialects.native.translate.common import head, hex_of
from cytosol.dialects.native.wire import gating as wire
from cytosol.model.gating import Compensation, Gate, Population, ScaleSet


def gate_json(gate: Gate) -> dict[str, Any]:
    """A gate."""
    return {
        **head(gate),
        "study_id": gate.study_id.hex(),
        "dataset_id": hex_of(gate.dataset_id),
        "gid": gate.gid,
        "kind": gate.kind,
        "name": gate.name,
        "x": gate.x,
        "y": gate.y,
        "geometry": gate.geometry,
        "sectors": gate.sectors,
        "tailored": gate.tailored,
        "locked": gate.locked,
        "extra": gate.extra,
    }


def new_gate(said: wire.GateRequest) -> NewGate:
    """A gate to be made."""
    sectors = None if said.sectors is None else sectors_of(said.sectors)
    return NewGate(**(said.model_dump(exclude={"sectors"})), sectors=sectors)


def sectors_of(said: Iterable[wire.Sector]) -> list[dict[str, Any]]:
    """Sectors with what was said of them."""
    return [sector.model_dump(exclude_none=True) for sector in said]


def gate_fields(said: wire.GateChange) -> dict[str, Any]:
    """The fields of a change that were given."""
    fields = {name: getattr(said, name) for name in said.model_fields_set}
    if said.sectors is not None:
        fields["sectors"] = sectors_of(said.sectors)
    return {name: value for name, value in fields.items() if value is not None}


def tailored_json(done: Tailored) -> dict[str, Any]:
    """What a tailoring did."""
    return {name: [gate_json(gate) for gate in getattr(done, name)] for name in ("inserted", "updated", "deleted")}


def population_json(population: Population, names: Mapping[Key, str]) -> dict[str, Any]:
    """A population; ``names`` are the unique ones of its study."""
    return {
        **head(population),
        "study_id": population.study_id.hex(),
        "parent_id": hex_of(population.parent_id),
        "name": population.name,
        "unique_name": names[population.id],
        "tree": population.tree,
        "terminal_gid": population.terminal_gid,
        "position": population.position,
    }


def population_fields(said: wire.PopulationChange) -> dict[str, Any]:
    """The fields of a change that were given; only the parent may be null."""
    fields = {name: getattr(said, name) for name in said.model_fields_set}
    return {name: value for name, value in fields.items() if value is not None or name == "parent_id"}


def compensation_json(compensation: Compensation) -> dict[str, Any]:
    """A spillover matrix."""
    return {
        **head(compensation),
        "study_id": compensation.study_id.hex(),
        "name": compensation.name,
        "channels": compensation.channels,
        "matrix": compensation.matrix,
        "made_by": compensation.made_by,
    }


def scale_set_json(scales: ScaleSet) -> dict[str, Any]:
    """The scales of a study."""
    return {**head(scales), "study_id": scales.study_id.hex(), "name": scales.name, "scales": scales.scales}
