"""Attributes of datasets and samples as properties of the cells of a table.

What a dataset is annotated with itself holds for all its cells. Else these have what their sample has: that of the
dataset, or where it has none the sample that an annotation of the cells names, the one whose levels are names of
samples of the study for most cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cytosol.base.errors import ConflictError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.context import Context
from cytosol.catalog.selections import spell_group
from cytosol.catalog.tables import Pinned, Tables
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.columns import natural_key
from cytosol.model.sample_values import Value

SAMPLE = "sample"
"""The name of the sample itself, as an attribute that every study has unless one is called so."""


@dataclass(frozen=True, slots=True)
class Known:
    """One attribute of a study at one moment.

    Attributes
    ----------
    names : sample → its name
    levels : the values of samples, in natural order
    codes : sample → the place of its value in ``levels``; without those that have none
    own : dataset → its own value
    """

    names: Mapping[Key, str]
    levels: Sequence[str]
    codes: Mapping[Key, int]
    own: Mapping[Key, str] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Mapping[Key, str], values: Mapping[Key, Value]) -> Known:
        """What samples, by their ids in ``names``, and datasets, by all others, have."""
        spelled = {id: spell_group(value) for id, value in values.items()}
        of_samples = {id: text for id, text in spelled.items() if id in names}
        levels = sorted(set(of_samples.values()), key=natural_key)
        place = {level: number for number, level in enumerate(levels)}
        own = {id: text for id, text in spelled.items() if id not in names}
        return cls(names, levels, {id: place[text] for id, text in of_samples.items()}, own)


class CellAttributes:
    """Reads attributes for the cells of a table that is pinned; rights were asked when it was."""

    def __init__(self, context: Context, reader: Tables) -> None:
        self._context = context
        self._reader = reader

    async def column(self, pinned: Pinned, name: str, known: Known | None = None) -> ColumnData:
        """The values of an attribute as categories of the cells, in natural order.

        Parameters
        ----------
        name : of an attribute of the study; "sample" = the sample itself
        known : the attribute, where it is read for many datasets; None = it is looked up

        Raises
        ------
        NotFoundError
            Where the study has no such attribute; names those that there are.
        ConflictError
            Where nothing says which sample a cell is of.
        """
        known = known or await self.known(pinned.dataset.study_id, name)
        own = known.own.get(pinned.dataset.id)
        if own is not None:
            return ColumnData(np.zeros(pinned.part.n_cells, np.int32), categories=[own])
        levels, sample_id = list(known.levels), pinned.dataset.sample_id
        if sample_id is not None and sample_id in known.names:
            codes = np.full(pinned.part.n_cells, known.codes.get(sample_id, -1), np.int32)
            return ColumnData(codes, categories=levels)
        column = await self._telling(pinned, known.names)
        by_name = {text: known.codes.get(id, -1) for id, text in known.names.items()}
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

    async def known(self, study_id: Key, name: str) -> Known:
        """An attribute with the values of all samples and datasets of a study; see `known_attribute`."""
        async with self._context.db.read() as conn:
            return await known_attribute(conn, study_id, name)


async def known_attribute(conn: Connection, study_id: Key, name: str) -> Known:
    """An attribute with the values of all samples and datasets of a study.

    Raises
    ------
    NotFoundError
        Where the study has no such attribute; names those that there are.
    """
    live = {"study_id": study_id, "deleted_at": None}
    names = {row["id"]: row["name"] for row in await rows.find(conn, tables.samples, live, order=("position", "id"))}
    attributes = await rows.find(conn, tables.attributes, live, order=("position", "id"))
    found = next((row for row in attributes if row["name"] == name), None)
    if found is None and name == SAMPLE:
        return Known.of(names, names)
    if found is None:
        there = ", ".join([f"'{row['name']}'" for row in attributes[:20]] + [f"'{SAMPLE}'"])
        raise NotFoundError(
            f"The samples of this study have no attribute called '{name[:255]}'", do=f"There are: {there}"
        )
    held = await rows.find(conn, tables.attribute_values, {"attribute_id": found["id"]}, order=())
    return Known.of(names, {row["subject_id"]: row["value"] for row in held if row["value"] is not None})
