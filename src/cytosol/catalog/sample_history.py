"""Changes of the sample table as fields of revisions, and their undo.

A field is ``sample:<id>:name``, ``…:position``, ``…:deleted``, ``attribute:<id>:name`` and so on, or
``value:<sample id>:<attribute id>``; one revision may hold fields of many samples.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from cytosol.base.errors import ConflictError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.history import Values
from cytosol.db import rows, studies, tables
from cytosol.db.connections import Connection
from cytosol.model.rights import Actor, Permission

_TABLES = {"sample": tables.samples, "attribute": tables.attributes}


def row_field(kind: str, id: Key, name: str) -> str:
    """The name of a field of a sample or attribute."""
    return f"{kind}:{id.hex24}:{name}"


def value_field(sample: Key, attribute: Key) -> str:
    """The name of the field of a value."""
    return f"value:{sample.hex24}:{attribute.hex24}"


class SampleSubject:
    """Samples, attributes and their values, for undo.

    Parameters
    ----------
    kind : sample, attribute, or sample_table for changes of many at once
    """

    permission = Permission.STUDY_EDIT

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def current(self, conn: Connection, subject_id: Key, like: Values) -> Values:
        found: dict[str, Any] = {}
        ids: dict[str, set[Key]] = defaultdict(set)
        for field in like:
            kind, first, _ = field.split(":")
            ids[kind].add(Key.parse(first))
        known = {
            kind: {row["id"]: row for row in await rows.find(conn, table, {"id": ids[kind]})}
            for kind, table in _TABLES.items()
            if ids[kind]
        }
        where = {"subject_kind": "sample", "subject_id": ids["value"]}
        values = {
            (row["subject_id"], row["attribute_id"]): row["value"]
            for row in (await rows.find(conn, tables.attribute_values, where, order=()) if ids["value"] else [])
        }
        for field in like:
            kind, first, second = field.split(":")
            if kind == "value":
                found[field] = values.get((Key.parse(first), Key.parse(second)))
            elif (row := known[kind].get(Key.parse(first))) is not None:
                found[field] = row["deleted_at"] is not None if second == "deleted" else row[second]
        return found

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: Values) -> None:
        cells: dict[tuple[Key, Key], Any] = {}
        changes: dict[tuple[str, Key], dict[str, Any]] = defaultdict(dict)
        for field, value in values.items():
            kind, first, second = field.split(":")
            if kind == "value":
                cells[Key.parse(first), Key.parse(second)] = value
                changes["sample", Key.parse(first)].update({})
            elif second == "deleted":
                changes[kind, Key.parse(first)]["deleted_at"] = now_us() if value else None
            else:
                changes[kind, Key.parse(first)][second] = value
        await studies.set_sample_values(conn, cells)
        touched: set[Key] = set()
        for (kind, id), change in changes.items():
            await rows.change(conn, _TABLES[kind], id, change, expected=None)
            touched.add((await rows.need(conn, _TABLES[kind], id))["study_id"])
        for study_id in touched:
            await require_unique_names(conn, study_id)

    async def restored(self, subject_id: Key) -> None:
        """Nothing lies outside the database."""


async def require_unique_names(conn: Connection, study_id: Key) -> None:
    """Refuse where two live samples, or two live attributes, of a study have the same name."""
    for kind, table in _TABLES.items():
        seen: set[str] = set()
        for row in await rows.find(conn, table, {"study_id": study_id, "deleted_at": None}):
            if row["name"] in seen:
                raise ConflictError(
                    f"There is {'an' if kind == 'attribute' else 'a'} {kind} '{row['name']}' in this study already",
                    where="name",
                    do="Choose another name",
                    field="name",
                )
            seen.add(row["name"])
