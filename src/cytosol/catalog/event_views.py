"""Axes of the cells of a population, for plots and analyses: all of them, or a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cytosol.analyses.cytometry.sampling import sample_rows
from cytosol.base.errors import InvalidInputError, LimitExceededError
from cytosol.base.keys import Key
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.context import Context
from cytosol.catalog.gating import Gating
from cytosol.catalog.gating_masks import Prepared
from cytosol.catalog.tables import MAX_DENSE_BYTES, Pinned, Tables
from cytosol.model.panels import same_reagent
from cytosol.model.rights import Actor

MAX_AXES = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a table.

    Attributes
    ----------
    axes : feature references
    population_id : None = all cells
    compensation : none, internal, own, or the id of one
    count : at most so many cells, drawn with ``seed``; None = all
    scaled : whether values are limited and scaled by the study's scales
    """

    axes: Sequence[str]
    population_id: Key | None = None
    compensation: str = "own"
    count: int | None = None
    seed: float = 0
    scaled: bool = False


@dataclass(frozen=True, slots=True)
class EventView:
    """Cells of a population.

    Attributes
    ----------
    version : of the dataset
    rows : shape (n,), int64, rising row numbers of the table
    columns : reference → shape (n,), float32
    n_total : cells of the population before the sample
    """

    version: int
    rows: np.ndarray
    columns: Mapping[str, np.ndarray]
    n_total: int


class EventViews:
    """Reads axes of populations."""

    def __init__(self, context: Context, reader: Tables, gating: Gating, compensations: Compensations) -> None:
        self._context = context
        self._reader = reader
        self._gating = gating
        self._compensations = compensations

    async def read(
        self, actor: Actor, *, dataset_id: Key, wanted: Wanted, table: str = "", version: int | None = None
    ) -> EventView:
        """Values of axes for the cells of a population.

        Raises
        ------
        LimitExceededError
            Where the answer would be too large.
        """
        if not 1 <= len(wanted.axes) <= MAX_AXES:
            raise InvalidInputError(f"1 to {MAX_AXES} axes can be asked for at once", where="axes")
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table, version=version)
        state = await self._gating.state(pinned.dataset.study_id, [dataset_id])
        population = state.population(wanted.population_id)
        spill = await self._compensations.resolve(pinned, wanted.compensation)
        prepared = await self._gating.prepare(pinned, [population], state=state, compensation=spill, axes=wanted.axes)
        panel = pinned.dataset.panel or ()
        named = {axis: state.scales.get(same_reagent(axis, (), panel)) for axis in wanted.axes if wanted.scaled}
        scales = {axis: scale for axis, scale in named.items() if scale is not None}
        return await self._context.compute.run(_read, pinned, prepared, wanted, scales)


def _read(pinned: Pinned, prepared: Prepared, wanted: Wanted, scales: Mapping[str, Mapping[str, object]]) -> EventView:
    mask = prepared.mask(0)
    places = np.flatnonzero(mask)
    n_total = len(places)
    if wanted.count is not None:
        places = places[sample_rows(n_total, count=wanted.count, seed=wanted.seed)]
    if 4 * len(places) * len(wanted.axes) > MAX_DENSE_BYTES:
        raise LimitExceededError(
            f"{len(wanted.axes):,} axes of {len(places):,} cells are too much for one answer",
            do="Ask for fewer axes, or for a sample",
            setting="dense-answer",
        )
    whole = len(places) == pinned.part.n_cells
    columns = {}
    for axis in dict.fromkeys(wanted.axes):
        values = prepared.reading.scaled(axis, scales.get(axis))
        columns[axis] = values if whole else values[places]
    return EventView(pinned.version, places, columns, n_total)
