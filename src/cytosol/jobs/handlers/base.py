"""What an analysis of a table gets, and what it gives; the job commits that with how it was made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cytosol.analyses.parameters import Params
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.catalog.analyses import property_of
from cytosol.catalog.derivations import MadeFile
from cytosol.catalog.tables import Pinned
from cytosol.catalog.writing import Writing
from cytosol.jobs.frames import ChannelReport
from cytosol.jobs.pipeline import Matrix
from cytosol.jobs.registry import JobRun


@dataclass(frozen=True, slots=True)
class NewResult:
    """A result that is neither annotation nor embedding: bytes in the blob store, listed by its meta.

    Attributes
    ----------
    kind : of the element, such as "markers" or "comparison"; also in ``catalog.layouts.RESULT_KINDS``
    suffix : of the file, without the dot
    meta : JSON facts that lists show
    """

    kind: str
    name: str
    data: bytes
    suffix: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What an analysis made, by name; a name that is taken gets ' (1)'.

    Attributes
    ----------
    columns, embeddings : of all cells of the table, in its order
    notes : sentences for the dataset
    result : JSON facts for whoever asks about the job
    facts : what else was found, for made_by
    terms : of a column's categories: name of the column, category → id of an ontology
    """

    columns: dict[str, ColumnData] = field(default_factory=dict)
    embeddings: dict[str, np.ndarray] = field(default_factory=dict)
    results: list[NewResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableRun:
    """A table that is ready, at the version of the submission, and what shall be done with it.

    Attributes
    ----------
    params : the ``run`` record of the analysis
    name : that the user chose; "" = none
    matrix : both orientations; ``feature_blocks(1e4)`` gives log-normalised values
    report : log and progress
    writing : removes files that the analysis wrote and that did not become datasets
    files : that the analysis has made; they become datasets with the commit
    """

    run: JobRun
    pinned: Pinned
    params: Params
    name: str
    matrix: Matrix
    report: ChannelReport
    writing: Writing
    files: list[MadeFile] = field(default_factory=list)

    @property
    def n_cells(self) -> int:
        """Cells of the table."""
        return self.pinned.part.n_cells

    async def column(self, name: str) -> ColumnData:
        """An annotation."""
        return await self.run.catalog.tables.column(self.pinned, name)

    async def attribute(self, name: str) -> ColumnData:
        """An attribute of the samples, as categories of the cells."""
        return await self.run.catalog.analyses.attributes.column(self.pinned, name)

    async def property(self, name: str) -> ColumnData:
        """An annotation, or else an attribute of the samples."""
        catalog = self.run.catalog
        found: ColumnData = await property_of(
            self.pinned, name, reader=catalog.tables, attributes=catalog.analyses.attributes
        )
        return found

    async def embedding(self, name: str) -> np.ndarray:
        """Coordinates: shape (n_cells, n_dims), float32; NaN = this cell has no place."""
        return await self.run.catalog.tables.embedding(self.pinned, name=name)

    async def cells(self, selection: Mapping[str, Any]) -> np.ndarray:
        """The cells of a selection: shape (n,), int64, rising."""
        return await self.run.catalog.analyses.selections.resolve(self.pinned, selection)

    async def groups(self, name: str) -> ColumnData:
        """An annotation or attribute that has groups.

        Raises
        ------
        InvalidInputError
            Where it measures something.
        """
        column = await self.property(name)
        if column.categories is None:
            raise InvalidInputError(
                f"'{name}' has no groups", where=name, do="Choose an annotation with categories, such as clusters"
            )
        return column


@dataclass(frozen=True, slots=True)
class Handler:
    """Runs one analysis on a table; ``analysis`` is its name in the registry of analyses."""

    analysis: str
    function: Callable[[TableRun], Awaitable[Outcome]]
