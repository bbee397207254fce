"""Populations that name categories of an annotation: they follow when these are renamed or merged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from cytosol.analyses.cytometry.trees import leaves
from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import gating_history
from cytosol.catalog.annotation_edits import ColumnEdit
from cytosol.catalog.cell_attributes import known_attribute
from cytosol.catalog.context import Context
from cytosol.catalog.layouts import Layouts, dataset_path, is_private, lasting_id
from cytosol.catalog.populations import live_populations
from cytosol.catalog.records import all_to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.columns import read_categories
from cytosol.model.gating import Population
from cytosol.model.names import clean_name
from cytosol.model.studies import Dataset, Element

Renames = Mapping[str, tuple[str, ...]]
"""Category → the names that stand for it from now on."""


def renamed_by(edit: ColumnEdit) -> dict[str, str]:
    """Category → its new name, of those that an edit renames or merges."""
    fresh = {old: clean_name(new, field="category") for old, new in edit.rename.items()}
    found: dict[str, str] = {}
    for target, members in edit.merge.items():
        name = clean_name(target, field="category")
        found |= dict.fromkeys(members, fresh.get(name, name))
    return {old: new for old, new in {**fresh, **found}.items() if old != new}


async def renames_of(
    context: Context, layouts: Layouts, dataset: Dataset, column: Element, *, edit: ColumnEdit
) -> Renames:
    """What populations of the study have to say in place of categories that an edit renames; {} where none names one.

    A name stays beside the new one where it is still that of the same annotation in another dataset or table of the
    study, or of an attribute of this name, which datasets without the annotation have in its place.
    """
    names = renamed_by(edit)
    if not names or is_private(column):
        return {}
    async with context.db.read() as conn:
        if not any(_is_named(one, column.name, names) for one in await live_populations(conn, dataset.study_id)):
            return {}
        where: dict[str, Any] = {"study_id": dataset.study_id, "deleted_at": None, "data_version": rows.Above(0)}
        datasets = all_to(Dataset, await rows.find(conn, tables.datasets, where))
        found = await layouts.get_many(conn, datasets)
        kept = await _attribute_values(conn, dataset.study_id, column.name)
    places = [
        (one.bytes_id, part.table.path, other.path)
        for one, layout in zip(datasets, found, strict=True)
        for part in layout.tables
        for other in part.columns
        if other.name == column.name and lasting_id(other) != lasting_id(column) and not is_private(other)
    ]
    for bytes_id, table, path in places:
        root = context.blobs.zarr(dataset_path(bytes_id), read_only=True)
        kept.update(await asyncio.to_thread(read_categories, root, table, path))
    return {old: (old, new) if old in kept else (new,) for old, new in names.items()}


async def _attribute_values(conn: Connection, study_id: Key, name: str) -> set[str]:
    """What samples and datasets have of an attribute; nothing where the study has none of this name."""
    try:
        known = await known_attribute(conn, study_id, name)
    except NotFoundError:
        return set()
    return {*known.levels, *known.own.values()}


async def follow(conn: Connection, study_id: Key, column: str, renames: Renames) -> gating_history.Edits:
    """Change the populations that name renamed categories; what happened to them."""
    edits: gating_history.Edits = []
    for one in await live_populations(conn, study_id) if renames else ():
        if _is_named(one, column, renames):
            row = await rows.need(conn, tables.populations, one.id)
            tree = _followed(one.tree, column, renames)
            edits += await gating_history.apply_changes(conn, "population", row, {"tree": tree})
    return edits


def _is_named(population: Population, column: str, names: Iterable[str]) -> bool:
    wanted = set(names)
    return any(leaf.get("column") == column and wanted & set(leaf["groups"]) for leaf in leaves(population.tree))


def _followed(tree: Mapping[str, Any], column: str, renames: Renames) -> dict[str, Any]:
    if "gate" in tree:
        return dict(tree)
    if "column" in tree:
        groups = dict.fromkeys(new for old in tree["groups"] for new in renames.get(old, (old,)))
        return {**tree, "groups": list(groups)} if tree["column"] == column else dict(tree)
    ((node, parts),) = tree.items()
    return {node: [_followed(part, column, renames) for part in parts]}
