"""Statements about what a study holds: counts, the sample table, copies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from cytosol.base.keys import Key
from cytosol.db import rows
from cytosol.db.connections import Connection
from cytosol.db.copies import copy_rows
from cytosol.db.gating import copy_gating
from cytosol.db.tables import (
    attribute_values,
    attributes,
    datasets,
    elements,
    events,
    grants,
    originals,
    revisions,
    samples,
    studies,
    users,
)
from cytosol.db.types import KeyType

_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What a study holds.

    Attributes
    ----------
    n_cells : cells of all live datasets; tables of one dataset share their cells
    technologies : those that are told, by name
    all_told : whether each dataset tells its technology
    """

    n_datasets: int = 0
    n_cells: int = 0
    technologies: tuple[str, ...] = ()
    all_told: bool = True


_COUNTED = (
    sa.select(datasets.c.study_id, datasets.c.id, datasets.c.technology, elements.c.meta)
    .select_from(
        datasets.outerjoin(
            elements,
            sa.and_(
                elements.c.dataset_id == datasets.c.id,
                elements.c.kind == "table",
                elements.c.until_version.is_(None),
                elements.c.deleted_at.is_(None),
            ),
        )
    )
    .where(
        datasets.c.study_id.in_(sa.bindparam("ids", expanding=True, type_=KeyType())),
        datasets.c.deleted_at.is_(None),
        datasets.c.state.in_(("ready", "published")),
    )
)


async def counts(conn: Connection, study_ids: Collection[Key]) -> dict[Key, Counts]:
    """What each of the studies holds, without what is still being made or in the trash."""
    cells: dict[Key, dict[Key, int]] = defaultdict(dict)
    kinds: dict[Key, set[str]] = defaultdict(set)
    for row in (await conn.execute(_COUNTED, {"ids": list(study_ids)})).rows:
        known = cells[row["study_id"]]
        known[row["id"]] = max(known.get(row["id"], 0), int((row["meta"] or {}).get("n_cells", 0)))
        kinds[row["study_id"]].add(row["technology"])
    return {
        study: Counts(
            len(known), sum(known.values()), tuple(sorted(kinds[study] - {""})), all_told="" not in kinds[study]
        )
        for study, known in cells.items()
    }


async def changed_at(conn: Connection, study_ids: Collection[Key]) -> dict[Key, int]:
    """When each of the studies, or anything that it holds, last changed."""
    ids = list(study_ids)
    found = {row["id"]: row["updated_at"] for row in await rows.find(conn, studies, {"id": ids})}
    for column, at in (
        (datasets.c.study_id, datasets.c.updated_at),
        (revisions.c.study_id, revisions.c.created_at),
        (events.c.study_id, events.c.at),
    ):
        newest = sa.select(column.label("study"), sa.func.max(at).label("at")).where(column.in_(ids)).group_by(column)
        for row in (await conn.execute(newest)).rows:
            found[row["study"]] = max(found.get(row["study"], 0), int(row["at"]))
    return found


async def sample_values(conn: Connection, study_id: Key) -> list[RowMapping]:
    """All values of the sample table of a study, those of deleted samples and attributes left out."""
    statement = (
        sa.select(attribute_values.c.subject_id, attribute_values.c.attribute_id, attribute_values.c.value)
        .join(samples, samples.c.id == attribute_values.c.subject_id)
        .join(attributes, attributes.c.id == attribute_values.c.attribute_id)
        .where(
            attribute_values.c.subject_kind == "sample",
            samples.c.study_id == study_id,
            samples.c.deleted_at.is_(None),
            attributes.c.deleted_at.is_(None),
        )
    )
    return (await conn.execute(statement)).rows


async def set_sample_values(conn: Connection, values: Mapping[tuple[Key, Key], Any]) -> None:
    """Set values of samples, by (sample, attribute); None takes a value away."""
    for part in _chunks(list(values)):
        by_attribute: dict[Key, list[Key]] = defaultdict(list)
        for sample, attribute in part:
            by_attribute[attribute].append(sample)
        for attribute, ids in by_attribute.items():
            await rows.delete(
                conn, attribute_values, {"attribute_id": attribute, "subject_kind": "sample", "subject_id": ids}
            )
        fresh = [
            {
                "attribute_id": attribute,
                "subject_kind": "sample",
                "subject_id": sample,
                "value": values[sample, attribute],
            }
            for sample, attribute in part
            if values[sample, attribute] is not None
        ]
        await rows.insert_many(conn, attribute_values, fresh)


def _chunks(items: list[tuple[Key, Key]]) -> Iterable[list[tuple[Key, Key]]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


async def grants_on(conn: Connection, subject_kind: str, subject_id: Key) -> list[RowMapping]:
    """The grants given directly on a folder or study, with ``email`` and ``user_name`` of users."""
    statement = (
        sa.select(grants, users.c.email, users.c.name.label("user_name"))
        .outerjoin(users, sa.and_(grants.c.principal_kind == "user", users.c.id == grants.c.principal_id))
        .where(grants.c.subject_kind == subject_kind, grants.c.subject_id == subject_id)
        .order_by(grants.c.id)
    )
    return (await conn.execute(statement)).rows


async def copy_contents(conn: Connection, from_study: Key, to_study: Key, *, owner_id: Key) -> dict[str, int]:
    """Copy samples, attributes, values, finished datasets and gates; the bytes are shared. How many of what."""
    done: dict[str, int] = {}
    new_samples = await copy_rows(conn, samples, {"study_id": from_study, "deleted_at": None}, {"study_id": to_study})
    new_attributes = await copy_rows(
        conn, attributes, {"study_id": from_study, "deleted_at": None}, {"study_id": to_study}
    )
    values = {
        (new_samples[row["subject_id"]], new_attributes[row["attribute_id"]]): row["value"]
        for row in await sample_values(conn, from_study)
    }
    await set_sample_values(conn, values)
    ready = {"study_id": from_study, "deleted_at": None, "state": ["ready", "published"]}
    values_of = {"study_id": to_study}
    new_datasets = await copy_datasets(conn, ready, values_of, owner_id=owner_id, samples=new_samples)
    await _copy_dataset_values(conn, new_datasets, new_attributes)
    done |= await copy_gating(conn, from_study, to_study, copied=new_datasets, owner_id=owner_id)
    done["samples"], done["attributes"], done["datasets"] = len(new_samples), len(new_attributes), len(new_datasets)
    return done


async def _copy_dataset_values(
    conn: Connection, new_datasets: Mapping[Key, Key], new_attributes: Mapping[Key, Key]
) -> None:
    """Give copies of datasets the values of their sources."""
    where = {"subject_kind": "dataset", "attribute_id": set(new_attributes)}
    fresh = [
        {
            "attribute_id": new_attributes[row["attribute_id"]],
            "subject_kind": "dataset",
            "subject_id": new_datasets[row["subject_id"]],
            "value": row["value"],
        }
        for row in await rows.find(conn, attribute_values, where, order=("attribute_id",))
        if row["subject_id"] in new_datasets
    ]
    await rows.insert_many(conn, attribute_values, fresh)


async def copy_datasets(
    conn: Connection,
    where: rows.Where,
    values: Mapping[str, Any],
    *,
    owner_id: Key,
    samples: Mapping[Key, Key] | None = None,
) -> dict[Key, Key]:
    """Copy datasets with their live elements and originals, some columns set; the bytes are shared. Old id → new id.

    Parameters
    ----------
    samples : old id → new id; samples that are not in it are left out
    """
    new_datasets = await copy_rows(conn, datasets, where, values, references={"sample_id": samples or {}})
    inside = {"dataset_id": new_datasets}
    for old in new_datasets:
        live = {"deleted_at": None, "dataset_id": old}
        current = live | {"until_version": None}
        sources = await rows.find(conn, elements, current)
        await _begin_anew(conn, sources, await copy_rows(conn, elements, current, {"job_id": None}, references=inside))
        await copy_rows(conn, originals, live, {"owner_id": owner_id}, references=inside)
    return new_datasets


async def _begin_anew(conn: Connection, sources: Iterable[RowMapping], copies: Mapping[Key, Key]) -> None:
    """Let copied elements be the first of their versions: the first ones of their sources are the other dataset's."""
    known = {row["extra"].get("first", row["id"].hex24): copies[row["id"]].hex24 for row in sources}
    for row in sources:
        values = {}
        if "first" in row["extra"]:
            values["extra"] = {name: value for name, value in row["extra"].items() if name != "first"}
        if row["meta"].get("column_id") in known:
            values["meta"] = {**row["meta"], "column_id": known[row["meta"]["column_id"]]}
        if values:
            await rows.update(conn, elements, {"id": copies[row["id"]]}, values)
