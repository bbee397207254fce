"""The gating of a study at one moment, and what of it is in force for a dataset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from cytosol.analyses.cytometry.trees import leaves
from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.records import all_to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Gate, Population

Scales = Mapping[str, Mapping[str, Any]]
Leaves = dict[bytes, tuple[Mapping[str, Any], Population]]
"""Leaves of trees, each with the first population that has it."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A gate, or one sector of it, as it is in force for a dataset; sector -1 = the whole gate."""

    gate: Gate
    sector: int = -1


@dataclass(frozen=True, slots=True)
class GatingState:
    """The gating of a study at one moment.

    Attributes
    ----------
    gates : of the study, and own ones of the datasets that it is asked about
    populations : in their order
    kept : what was found out of it already, so that it is not for each of a thousand datasets
    """

    gates: list[Gate]
    populations: dict[Key, Population]
    scales: Scales
    kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def leaves(self, populations: Sequence[Population | None]) -> Leaves:
        """The leaves of the trees of some of its populations, each once under its JSON text; None = all cells."""
        key = ("leaves", *(one and one.id for one in populations))
        found: Leaves | None = self.kept.get(key)
        if found is None:
            found = {}
            for population in populations:
                for leaf in leaves(population.tree) if population is not None else ():
                    found.setdefault(orjson.dumps(leaf), (leaf, population))  # type: ignore[arg-type]
            self.kept[key] = found
        return found

    def in_force(self, dataset_id: Key | None) -> dict[str, InForce]:
        """By gid of gates and sectors: a dataset's own gate of a family, else that of the study (None = only these).

        Datasets without own gates are given the same object; it is not to be changed.
        """
        if dataset_id is not None and all(gate.dataset_id != dataset_id for gate in self.gates):
            return self.in_force(None)
        found: dict[str, InForce] | None = self.kept.get(("in force", dataset_id))
        if found is not None:
            return found
        chosen: dict[str, Gate] = {}
        for gate in self.gates:
            if gate.dataset_id == dataset_id or (gate.dataset_id is None and gate.gid not in chosen):
                chosen[gate.gid] = gate
        found = {gid: InForce(gate) for gid, gate in chosen.items()}
        for gate in chosen.values():
            found |= {part["gid"]: InForce(gate, number) for number, part in enumerate(gate.sectors)}
        self.kept["in force", dataset_id] = found
        return found

    def population(self, id: Key | None) -> Population | None:
        """A population by id; None = all cells.

        Raises
        ------
        NotFoundError
            Where the study has none such.
        """
        if id is None:
            return None
        try:
            return self.populations[id]
        except KeyError:
            raise NotFoundError("There is no such population in this study", where=id.hex24) from None


async def gating_state(conn: Connection, study_id: Key, dataset_ids: Collection[Key] | None = None) -> GatingState:
    """The gating of a study, read in one transaction.

    Parameters
    ----------
    dataset_ids : that it is asked about; None = all. Of a thousand files each may have an own gate of each family
    """
    live: dict[str, Any] = {"study_id": study_id, "deleted_at": None}
    if dataset_ids is None:
        found = await rows.find(conn, tables.gates, live)
    else:
        found = await rows.find(conn, tables.gates, live | {"dataset_id": None})
        found += await rows.find(conn, tables.gates, live | {"dataset_id": list(dataset_ids)})
    gates = all_to(Gate, found)
    populations = all_to(Population, await rows.find(conn, tables.populations, live, order=("position", "id")))
    scales = await rows.first(conn, tables.scale_sets, {"study_id": study_id})
    return GatingState(gates, {one.id: one for one in populations}, {} if scales is None else scales["scales"])
