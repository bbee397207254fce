"""Copies of rows under fresh ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from cytosol.base.keys import Key, new_key
from cytosol.db import rows
from cytosol.db.connections import Connection


async def copy_rows(
    conn: Connection,
    table: sa.Table,
    where: rows.Where,
    values: Mapping[str, Any],
    *,
    references: Mapping[str, Mapping[Key, Key]] | None = None,
) -> dict[Key, Key]:
    """Copy rows under fresh ids, some columns set, some translated; old id → new id."""
    found = await rows.find(conn, table, where)
    ids: dict[Key, Key] = {row["id"]: new_key() for row in found}
    fresh = []
    for row in found:
        copy = dict(row) | dict(values) | {"id": ids[row["id"]], "version": 1}
        for name in ("created_at", "updated_at"):
            copy.pop(name)
        for column, known in (references or {}).items():
            copy[column] = known.get(row[column]) if row[column] is not None else None
        fresh.append(copy)
    await rows.insert_many(conn, table, fresh)
    return ids
