"""Attributes of datasets and samples as properties of the cells of a table.

What a dataset is annotated with itself holds for all its cells. Else these have what their sample has: that of the
dataset, or where it has none the sample that an annotation of the cells names, the one whose levels are names of
samples of the study for most cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cytosol.base.errors import ConflictError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.context import Context
from cytosol.catalog.selections import spell_group
from cytosol.catalog.tables import Pinned, Tables
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.columns import natural_key
from cytosol.model.sample_values import Value
from cytosol.model.studies import Dataset

SAMPLE = "sample"
"""The name of the sample itself, as an attribute that every study has unless one is called so."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Samples of a study: their names, and the values of one attribute, by id; and that of the dataset itself."""

    names: Mapping[Key, str]
    values: Mapping[Key, Value]
    own: Value | None = None


class CellAttributes:
    """Reads attributes for the cells of a table that is pinned; rights were asked when it was."""

    def __init__(self, context: Context, reader: Tables) -> None:
        self._context = context
        self._reader = reader

    async def column(self, pinned: Pinned, name: str) -> ColumnData:
        """The values of an attribute as categories of the cells, in natural order.

        Parameters
        ----------
        name : of an attribute of the study; "sample" = the sample itself

        Raises
        ------
        NotFoundError
            Where the study has no such attribute; names those that there are.
        ConflictError
            Where nothing says which sample a cell is of.
        """
        known = await self._load(pinned.dataset, name)
        if known.own is not None:
            return ColumnData(np.zeros(pinned.part.n_cells, np.int32), categories=[spell_group(known.own)])
        spelled = {id: spell_group(value) for id, value in known.values.items()}
        levels = sorted(set(spelled.values()), key=natural_key)
        place = {level: number for number, level in enumerate(levels)}
        code = {id: place[text] for id, text in spelled.items()}
        sample_id = pinned.dataset.sample_id
        if sample_id is not None and sample_id in known.names:
            codes = np.full(pinned.part.n_cells, code.get(sample_id, -1), np.int32)
            return ColumnData(codes, categories=levels)
        column = await self._telling(pinned, known.names)
        by_name = {text: code.get(id, -1) for id, text in known.names.items()}
        of_level = np.array([*(by_name.get(level, -1) for level in column.categories or []), -1], np.int32)
        return ColumnData(of_level[column.values], categories=levels)

    async def _telling(self, pinned: Pinned, names: Mapping[Key, str]) -> ColumnData:
        """The annotation whose levels are names of samples, for most cells; the first of equals."""
        wanted = set(names.values())
        best, most = None, 0
        for element in pinned.part.columns:
            if element.meta.get("kind") != "categorical":
                continue
            column = await self._reader.column(pinned, element.name)
            levels = column.categories or []
            if wanted.isdisjoint(levels):
                continue
            named = np.array([*(level in wanted for level in levels), False])
            count = int(named[column.values].sum())
            if count > most:
                best, most = column, count
        if best is None:
            raise ConflictError(
                "Nothing says which sample a cell of this dataset is of",
                where=f"dataset '{pinned.dataset.name}'",
                do="Annotate the dataset, give it a sample, or add an annotation whose categories name the samples",
            )
        return best

    async def _load(self, dataset: Dataset, name: str) -> _Known:
        live = {"study_id": dataset.study_id, "deleted_at": None}
        async with self._context.db.read() as conn:
            samples = await rows.find(conn, tables.samples, live, order=("position", "id"))
            attributes = await rows.find(conn, tables.attributes, live, order=("position", "id"))
            names = {row["id"]: row["name"] for row in samples}
            found = next((row for row in attributes if row["name"] == name), None)
            if found is None and name == SAMPLE:
                return _Known(names, names)
            if found is None:
                there = ", ".join([f"'{row['name']}'" for row in attributes[:20]] + [f"'{SAMPLE}'"])
                raise NotFoundError(
                    f"The samples of this study have no attribute called '{name[:255]}'", do=f"There are: {there}"
                )
            where = {"attribute_id": found["id"], "subject_id": [*names, dataset.id]}
            held = await rows.find(conn, tables.attribute_values, where, order=())
        values = {row["subject_id"]: row["value"] for row in held if row["value"] is not None}
        own = values.pop(dataset.id, None)
        return _Known(names, values, own)
