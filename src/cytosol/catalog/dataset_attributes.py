"""Annotations of whole datasets: named values in their order, such as the plate and well of a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.sample_values import Value, check_value

Annotation = tuple[str, Value]
MAX_ANNOTATIONS = 1000
_CHUNK = 1000


async def annotations_of(conn: Connection, study_id: Key, dataset_ids: Collection[Key]) -> dict[Key, list[Annotation]]:
    """Name and value of what each dataset of a study is annotated with, in the order of the study's attributes."""
    order = ("position", "id")
    live = {"study_id": study_id, "deleted_at": None}
    known = await rows.find(conn, tables.attributes, live, order=order)
    place = {row["id"]: number for number, row in enumerate(known)}
    found: dict[Key, list[tuple[int, Value]]] = defaultdict(list)
    wanted = list(dataset_ids)
    for start in range(0, len(wanted), _CHUNK):
        part = {"subject_kind": "dataset", "subject_id": wanted[start : start + _CHUNK]}
        for row in await rows.find(conn, tables.attribute_values, part, order=()):
            if row["attribute_id"] in place:
                found[row["subject_id"]].append((place[row["attribute_id"]], row["value"]))
    return {
        id: [(known[number]["name"], value) for number, value in sorted(values, key=lambda one: one[0])]
        for id, values in found.items()
    }


async def set_annotations(
    conn: Connection, study_id: Key, dataset_id: Key, annotations: Sequence[tuple[str, Any]]
) -> None:
    """Replace the annotations of a dataset; attributes that the study does not have yet are added to it.

    Raises
    ------
    InvalidInputError
        Where a name or value cannot be kept.
    """
    values = checked_annotations(annotations)
    live = {"study_id": study_id, "deleted_at": None}
    known = {row["name"]: row["id"] for row in await rows.find(conn, tables.attributes, live)}
    position = await rows.count(conn, tables.attributes, {"study_id": study_id})
    for name, value in values.items():
        if name not in known:
            kind = "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
            known[name] = await rows.insert(
                conn, tables.attributes, study_id=study_id, name=name, kind=kind, unit="", position=position
            )
            position += 1
    await rows.delete(conn, tables.attribute_values, {"subject_kind": "dataset", "subject_id": dataset_id})
    fresh = [
        {"attribute_id": known[name], "subject_kind": "dataset", "subject_id": dataset_id, "value": value}
        for name, value in values.items()
        if value is not None
    ]
    await rows.insert_many(conn, tables.attribute_values, fresh)


def checked_annotations(annotations: Sequence[tuple[str, Any]]) -> Mapping[str, Value]:
    """Annotations as they are stored; of a name that comes twice the last value."""
    if len(annotations) > MAX_ANNOTATIONS:
        raise InvalidInputError(f"A dataset has at most {MAX_ANNOTATIONS:,} annotations", where="annotations")
    values: dict[str, Value] = {}
    for name, value in annotations:
        kind = "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
        clean = clean_name(name, field="annotation")
        values[clean] = check_value(value, kind, where=f"annotation '{clean}'")
    return values
