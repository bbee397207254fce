"""Statistics of populations: cells, percent, and of axes mean, median and so on; over many datasets.

Values are compensated where that is asked for, never scaled or limited.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.formulas import Term
from cytosol.analyses.cytometry.statistics import members, summarize
from cytosol.base.errors import InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.access import study_access
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.compute import Compute
from cytosol.catalog.context import Context
from cytosol.catalog.dataset_attributes import annotations_of
from cytosol.catalog.gating import Gating, percent
from cytosol.catalog.gating_lacks import Lacks, prepare_known, refuse_unknown
from cytosol.catalog.gating_masks import Prepared
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.populations import unique_names
from cytosol.catalog.statistics_formulas import (
    GRANDPARENT,
    PARENT,
    TOTAL,
    UNGATED,
    Formulas,
    reference_of,
)
from cytosol.catalog.statistics_notes import notes_of
from cytosol.catalog.statistics_records import Asked, Share, StatisticsRow, StatisticsTable
from cytosol.catalog.tables import Pinned
from cytosol.db import rows, studies, tables
from cytosol.model.rights import Actor, Permission

MAX_VALUES = 20_000_000
_ENTRY_BYTES = 1000
_MANY = 4
"""Populations from which on it pays to sort the values once."""


class Statistics:
    """Computes statistics. It needs the permission data.read."""

    def __init__(self, context: Context, gating: Gating, compensations: Compensations) -> None:
        self._context = context
        self._gating = gating
        self._compensations = compensations

    async def table(
        self,
        actor: Actor,
        *,
        study_id: Key,
        asked: Asked,
        dataset_ids: Sequence[Key] | None = None,
        population_ids: Sequence[Key | None] | None = None,
    ) -> StatisticsTable:
        """Statistics of populations of datasets.

        Parameters
        ----------
        dataset_ids : None = all that are ready and no controls
        population_ids : None among them = all cells; None = all cells alone

        Raises
        ------
        InvalidInputError
            Also where a population names a gate that does not exist, and where no file has a channel.
        NotFoundError
            Where no dataset has an axis, or what a population is gated on; where some have it, others have no value,
            and the table says why.
        """
        asked = asked.checked()
        parsed = asked.parsed()
        pinned = await self._gating.pin(actor, study_id=study_id, dataset_ids=dataset_ids, table=asked.table)
        state = await self._gating.state(study_id, dataset_ids)
        ids = [None] if population_ids is None else list(dict.fromkeys(population_ids))
        for id in [*ids, *(of for of in asked.percent_of if isinstance(of, Key))]:
            state.population(id)
        if asked.beads is not None:
            state.population(asked.beads.population_id)
        formulas = Formulas(parsed, state)
        n_values = len(pinned) * len(ids) * (max(1, len(asked.axes)) * len(asked.statistics) + len(parsed))
        if n_values > MAX_VALUES:
            raise LimitExceededError(
                f"{n_values:,} values are too many for one table", do="Ask for fewer files, populations or channels",
                setting="statistics",
            )  # fmt: skip
        found = await self._gating.each(pinned, lambda one: self._rows_of(one, ids, formulas, state=state, asked=asked))
        try:
            refuse_unknown([lacks for _, lacks in found])
        except NotFoundError as error:
            if "channels" in error.details:
                raise InvalidInputError(error.what, where=error.where, do=error.do, **error.details) from error
            raise

        def made() -> StatisticsTable:
            each = zip(pinned, found, strict=True)
            notes = {one.dataset.id: list(notes_of(one, asked, formulas, lacks)) for one, (_, lacks) in each}
            return replace(
                _table(asked, pinned, [row for part, _ in found for row in part], state),
                of_datasets=formulas.of_datasets,
                notes={id: several for id, several in notes.items() if several},
            )

        return await asyncio.to_thread(made)

    async def annotations(
        self, actor: Actor, *, study_id: Key, dataset_ids: Sequence[Key]
    ) -> dict[Key, dict[str, Any]]:
        """What datasets, and the samples they belong to, are annotated with: name → value, their own last."""
        live = {"study_id": study_id, "deleted_at": None}
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            found = await rows.find(conn, tables.datasets, live | {"id": list(dataset_ids)})
            own = await annotations_of(conn, study_id, dataset_ids)
            names = {row["id"]: row["name"] for row in await rows.find(conn, tables.attributes, live)}
            values = await studies.sample_values(conn, study_id)
        of_samples: dict[Key, dict[str, Any]] = defaultdict(dict)
        for row in values:
            of_samples[row["subject_id"]][names[row["attribute_id"]]] = row["value"]
        return {row["id"]: of_samples.get(row["sample_id"], {}) | dict(own.get(row["id"], ())) for row in found}

    async def _rows_of(
        self, pinned: Pinned, ids: Sequence[Key | None], formulas: Formulas, *, state: GatingState, asked: Asked
    ) -> tuple[list[StatisticsRow], Lacks]:
        """The rows of a dataset, and which populations and axes it has nothing for, and why."""
        references = {id: [_reference(of, id, state) for of in asked.percent_of] for id in ids}
        order: dict[Key | None, None] = dict.fromkeys(ids)
        with_percent = "percent" in asked.statistics
        if with_percent:
            order |= dict.fromkeys(of for several in references.values() for of in several)
        order |= dict.fromkeys(of for id in ids for of in formulas.needed(id))
        if asked.beads is not None:
            order[asked.beads.population_id] = None
        called = formulas.axes(pinned)
        shown = asked.axes_in(pinned.dataset.panel or ())
        axes = [*shown.values(), *called.values()]
        of_one, lacks = await self._prepared(pinned, order, axes, state=state, asked=asked)

        def row(id: Key | None) -> StatisticsRow:
            size = of_one.size(id)
            shares = [Share(of, percent(size, of_one.size(of)) if with_percent else None) for of in references[id]]
            values = {axis: of_one.values(id, own, asked.of_axes, asked.q) for axis, own in shown.items()}
            found = formulas.compute(partial(of_one.term, formulas, called, id))
            return StatisticsRow(pinned.dataset.id, id, size, shares, values, of_one.per_ul(id), found)

        return await self._context.compute.run(lambda: [row(id) for id in ids]), lacks

    async def _prepared(
        self, pinned: Pinned, ids: Iterable[Key | None], axes: Iterable[str], *, state: GatingState, asked: Asked
    ) -> tuple[_Populations, Lacks]:
        spill = await self._compensations.resolve(pinned, asked.compensation)
        prepared, known, lacks = await prepare_known(self._gating, pinned, ids, axes, state=state, compensation=spill)
        places = {id: place for place, id in enumerate(known)}
        return _Populations(self._context.compute, prepared, places, asked), lacks


@dataclass(frozen=True, slots=True)
class _Populations:
    """The statistics of the populations of one table; reads, so use it on a thread. None = the table lacks it.

    Attributes
    ----------
    places : population → where it stands in what was prepared
    """

    compute: Compute
    prepared: Prepared
    places: Mapping[Key | None, int]
    asked: Asked

    def size(self, id: Key | None) -> int | None:
        """Its events."""
        return self.prepared.size(self.places[id]) if id in self.places else None

    def per_ul(self, id: Key | None) -> float | None:
        """Its events per µL."""
        beads = self.asked.beads
        volume = (self.prepared.reading.pinned.part.table.meta.get("fcs") or {}).get("volume_ul")
        n = self.size(id) if beads is not None or volume else None
        if n is None:
            return None
        if beads is not None:
            n_beads = self.size(beads.population_id)
            return n / n_beads * beads.n_added / beads.volume_ul if n_beads else None
        return n / volume if volume else None

    def values(self, id: Key | None, axis: str, names: Sequence[str], q: float | None) -> dict[str, float | None]:
        """Statistics of an axis; those computed before are kept."""
        reading, place = self.prepared.reading, self.places.get(id)
        if place is None or axis not in reading.sources:
            return dict.fromkeys(names)
        key = (
            "statistics",
            reading.pinned.key,
            self.prepared.tokens[place],
            reading.sources[axis].token,
            *names,
            q,
        )
        held: dict[str, float | None] | None = self.compute.held(key)
        if held is None:
            mask = self.prepared.mask(place)
            if self.prepared.n_populations >= _MANY:
                held = summarize(names, members(reading.rising(axis), mask), q, is_rising=True)
            else:
                held = summarize(names, reading.values(axis)[np.flatnonzero(mask)], q)
            self.compute.hold(key, held, _ENTRY_BYTES)
        return held

    def term(self, formulas: Formulas, called: Mapping[str, str], row: Key | None, term: Term) -> float | None:
        """A statistic in a formula in the row of a population."""
        id = formulas.population(term, row)
        if term.statistic == "event_count":
            return self.size(id)
        if term.statistic == "percent":
            return percent(self.size(id), self.size(formulas.reference(term, row)))
        if term.statistic == "events_per_ul":
            return self.per_ul(id)
        return self.values(id, called[term.axis], [term.statistic], term.q)[term.statistic]


def _reference(of: str | Key, id: Key | None, state: GatingState) -> Key | None:
    """The population that a percentage is of; None = all cells."""
    if isinstance(of, Key):
        return of
    if of not in (PARENT, GRANDPARENT, TOTAL):
        raise InvalidInputError(
            f"'{of[:64]}' is nothing to take percent of",
            where="percent_of",
            do=f"Choose {PARENT}, {GRANDPARENT}, {TOTAL}, or the id of a population",
        )
    return reference_of(of, id, state)


def _table(asked: Asked, pinned: Sequence[Pinned], made: list[StatisticsRow], state: GatingState) -> StatisticsTable:
    known = state.populations
    names: dict[Key | None, str] = {None: UNGATED}
    longer: dict[Key | None, str] = {None: UNGATED}
    for id, unique in unique_names(known.values()).items():
        names[id], longer[id] = known[id].name, unique
    return StatisticsTable(
        asked,
        made,
        {one.dataset.id: one.dataset.name for one in pinned},
        {one.dataset.id: _reagents(one.dataset.panel) for one in pinned},
        names,
        longer,
        {id: one.parent_id for id, one in known.items()},
        axes={one.dataset.id: asked.axes_in(one.dataset.panel or ()) for one in pinned},
    )


def _reagents(panel: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(entry["channel"]): str(entry["reagent"]) for entry in panel if entry.get("reagent")}
