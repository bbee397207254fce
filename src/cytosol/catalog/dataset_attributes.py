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
from cytosol.model.sample_values import Value, check_value, parse_value, spell_value

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
    conn: Connection,
    study_id: Key,
    dataset_id: Key,
    annotations: Sequence[tuple[str, Any]],
    *,
    widens: bool = False,
) -> None:
    """Replace the annotations of a dataset; attributes that the study does not have yet are added to it.

    A value becomes one of its attribute's kind where it can: a number text, a text that spells a number a number.

    Parameters
    ----------
    widens : an attribute becomes text, with all its values, for a value that is not of its kind; else that is refused

    Raises
    ------
    InvalidInputError
        Where a name or value cannot be kept, or a value is not of the kind of its attribute.
    """
    values = dict(checked_annotations(annotations))
    live = {"study_id": study_id, "deleted_at": None}
    found = await rows.find(conn, tables.attributes, live)
    known = {row["name"]: row["id"] for row in found}
    for row in found:
        if row["name"] in values:
            values[row["name"]] = await _fitting(conn, row, values[row["name"]], widens=widens)
    position = await rows.count(conn, tables.attributes, {"study_id": study_id})
    for name, value in values.items():
        if name not in known:
            kind = kind_of(value)
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


async def _fitting(conn: Connection, attribute: Any, value: Value, *, widens: bool) -> Value:
    try:
        return fitting_value(value, attribute["kind"], name=attribute["name"])
    except InvalidInputError:
        if not widens:
            raise
    of_it = {"attribute_id": attribute["id"]}
    for row in await rows.find(conn, tables.attribute_values, of_it, order=()):
        key = {name: row[name] for name in ("attribute_id", "subject_kind", "subject_id")}
        await rows.update(conn, tables.attribute_values, key, {"value": spell_value(row["value"])})
    await rows.change(conn, tables.attributes, attribute["id"], {"kind": "text"}, expected=None)
    return spell_value(value)


def kind_of(value: Any) -> str:
    """The kind of attribute that a value is of; text where it is none."""
    return "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"


def fitting_value(value: Value, kind: str, *, name: str) -> Value:
    """A value as one of the kind of an attribute.

    Raises
    ------
    InvalidInputError
        Where it is none.
    """
    if value is None or kind_of(value) == kind:
        return value
    text = spell_value(value)
    try:
        return text if kind == "text" else parse_value(text, kind, where=f"annotation '{name}'")
    except InvalidInputError as error:
        holds = "numbers" if kind == "number" else "true and false"
        raise InvalidInputError(
            f"{error.what}, and '{name}' holds {holds} in this study",
            where=error.where,
            do="Give such a value, another name, or make it an attribute of the kind text first",
        ) from error


def checked_annotations(annotations: Sequence[tuple[str, Any]]) -> Mapping[str, Value]:
    """Annotations as they are stored; of a name that comes twice the last value."""
    if len(annotations) > MAX_ANNOTATIONS:
        raise InvalidInputError(f"A dataset has at most {MAX_ANNOTATIONS:,} annotations", where="annotations")
    values: dict[str, Value] = {}
    for name, value in annotations:
        clean = clean_name(name, field="annotation")
        values[clean] = check_value(value, kind_of(value), where=f"annotation '{clean}'")
    return values
