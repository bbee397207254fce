"""Statements about gates and what belongs to them: copies, times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.base.keys import Key
from cytosol.db import rows
from cytosol.db.connections import Connection
from cytosol.db.copies import copy_rows
from cytosol.db.tables import attachments, compensations, datasets, gates, originals, populations, scale_sets, studies


async def copy_gating(
    conn: Connection, from_study: Key, to_study: Key, *, copied: Mapping[Key, Key], owner_id: Key
) -> dict[str, int]:
    """Copy gates, populations, compensations, scales and attachments of a study; how many of what.

    Families keep their gids, which are those of a study.

    Parameters
    ----------
    copied : the datasets, old id → new id; gates of datasets that are not in it are left out
    """
    live = {"study_id": from_study, "deleted_at": None}
    values = {"study_id": to_study}
    known = {"dataset_id": copied}
    done = {"gates": len(await copy_rows(conn, gates, live | {"dataset_id": None}, values))}
    done["gates"] += len(await copy_rows(conn, gates, live | {"dataset_id": set(copied)}, values, references=known))
    new_populations = await copy_rows(conn, populations, live, values | {"parent_id": None})
    for row in await rows.find(conn, populations, live | {"parent_id": set(new_populations)}):
        parent = {"parent_id": new_populations[row["parent_id"]]}
        await rows.update(conn, populations, {"id": new_populations[row["id"]]}, parent)
    matrices = await copy_rows(conn, compensations, live, values)
    await _choose_copies(conn, to_study, matrices)
    await copy_rows(conn, scale_sets, live, values)
    files = {row["original_id"] for row in await rows.find(conn, attachments, live)}
    new_files = await copy_rows(conn, originals, {"id": files}, {"owner_id": owner_id})
    made = await copy_rows(conn, attachments, live, values, references={"original_id": new_files})
    done |= {"populations": len(new_populations), "compensations": len(matrices), "attachments": len(made)}
    return done


async def _choose_copies(conn: Connection, study_id: Key, matrices: Mapping[Key, Key]) -> None:
    """Let a study and its datasets name the copies of the compensations that they were copied with."""
    for old, new in matrices.items():
        chosen: dict[str, Any] = {"compensation": old.hex24}
        await rows.update(conn, datasets, chosen | {"study_id": study_id}, {"compensation": new.hex24})
        await rows.update(conn, studies, chosen | {"id": study_id}, {"compensation": new.hex24})


async def purge_gating(conn: Connection, study_id: Key) -> None:
    """Forget gates, populations, compensations, scales and attachments of a study."""
    of_study = {"study_id": study_id}
    await rows.delete(conn, gates, of_study)
    await rows.update(conn, populations, of_study, {"parent_id": None})
    files = [row["original_id"] for row in await rows.find(conn, attachments, of_study)]
    for table in (populations, compensations, scale_sets, attachments):
        await rows.delete(conn, table, of_study)
    if files:
        await rows.delete(conn, originals, {"id": files})
