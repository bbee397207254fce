"""What keeps gates from being made or changed: locks, files that are not there, and how many a study may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cytosol.base.errors import ConflictError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.records import all_to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Gate

MAX_GATES = 100_000
"""Those of the study, and the own ones of all its datasets."""


async def require_room(conn: Connection, study_id: Key, n_more: int) -> None:
    """Refuse more gates than a study may have."""
    if await rows.count(conn, tables.gates, {"study_id": study_id, "deleted_at": None}) + n_more > MAX_GATES:
        raise ConflictError(f"A study has at most {MAX_GATES:,} gates", do="Delete some that you do not need")


def require_unlocked(gates: Iterable[Gate]) -> None:
    """Refuse gates that are locked."""
    for gate in gates:
        if gate.locked:
            raise ConflictError(
                f"The gate '{gate.name}' is locked", where=f"gate {gate.id.hex24}", do="Unlock it first"
            )


async def require_free(conn: Connection, study_id: Key, said: Iterable[Mapping[str, Any]]) -> None:
    """Refuse to take changes back where these are of gates that are locked now.

    A change of the lock itself can be taken back, and one of a scale, which gates follow also where they are locked.

    Parameters
    ----------
    said : fields of revisions, as ``gating_history`` spells them
    """
    ids: set[Key] = set()
    for values in said:
        if not any(field.startswith("scale_set:") for field in values):
            names = [field.split(":") for field in values if field.startswith("gate:")]
            ids |= {
                Key.parse(id) for _, id, name in names if name != "locked" and values.get(f"gate:{id}:locked", True)
            }
    gates = all_to(Gate, (await rows.find_many(conn, tables.gates, ids)).values())
    require_unlocked(gates)
    await require_open(conn, study_id, [gate.dataset_id for gate in gates])


async def require_open(
    conn: Connection, study_id: Key, ids: Iterable[Key | None], *, known: Iterable[Key | None] = ()
) -> None:
    """Refuse datasets whose gates are locked, and of `known` those that the study does not have."""
    wanted = {id for id in ids if id is not None}
    if not wanted:
        return
    of_study = {"id": wanted, "study_id": study_id}
    found = {row["id"]: row for row in await rows.find(conn, tables.datasets, of_study)}
    live = {id for id, row in found.items() if row["deleted_at"] is None}
    for id in sorted(wanted & set(known) - live):
        raise NotFoundError("There is no such dataset in this study", where=id.hex24)
    for id, row in sorted(found.items()):
        if row["gates_locked"]:
            raise ConflictError(
                f"The gates of '{row['name']}' are locked", where=f"dataset {id.hex24}", do="Unlock them first"
            )
