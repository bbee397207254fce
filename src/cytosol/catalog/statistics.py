"""Statistics of populations: cells, percent, and of axes mean, median and so on; over many datasets.

Values are compensated where that is asked for, never scaled or limited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import orjson

from cytosol.analyses.cytometry.formulas import COUNT_STATISTICS, Formula, Term
from cytosol.analyses.cytometry.statistics import CHANNEL_STATISTICS, members, summarize
from cytosol.base.errors import InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.access import study_access
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.compute import Compute
from cytosol.catalog.context import Context
from cytosol.catalog.dataset_attributes import annotations_of
from cytosol.catalog.gating import Gating, percent
from cytosol.catalog.gating_masks import Prepared
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.populations import unique_names
from cytosol.catalog.statistics_formulas import (
    GRANDPARENT,
    PARENT,
    TOTAL,
    UNGATED,
    Formulas,
    read_formulas,
    reference_of,
)
from cytosol.catalog.tables import Pinned
from cytosol.db import rows, studies, tables
from cytosol.model.gating_rules import parse_reference
from cytosol.model.rights import Actor, Permission

COUNTS = ("event_count", "percent")
STATISTICS = (*CHANNEL_STATISTICS, *COUNT_STATISTICS)
MAX_VALUES = 20_000_000
_ENTRY_BYTES = 1000
_MANY = 4
"""Populations from which on it pays to sort the values once."""


@dataclass(frozen=True, slots=True)
class Beads:
    """Counting beads, which tell in how much of a sample the cells were.

    Attributes
    ----------
    population_id : the beads among the events
    n_added : beads in each tube
    volume_ul : sample in each tube, µL
    """

    population_id: Key
    n_added: float
    volume_ul: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What a table of statistics shall hold.

    Attributes
    ----------
    axes : feature references
    statistics : of ``STATISTICS``
    q : of the quantile, 0 to 1
    percent_of : parent, grandparent, total, or the id of a population
    compensation : none, internal, own, or the id of one
    table : "" = the main one of each dataset
    formulas : name of the column → formula over statistics, see ``analyses.cytometry.formulas``
    beads : None = events per µL are of the volume that the file says was measured
    """

    axes: Sequence[str] = ()
    statistics: Sequence[str] = COUNTS
    q: float | None = None
    percent_of: Sequence[str | Key] = (PARENT,)
    compensation: str = "own"
    table: str = ""
    formulas: Mapping[str, str] = field(default_factory=dict)
    beads: Beads | None = None

    def checked(self) -> Asked:
        """The same, if it can be computed.

        Raises
        ------
        InvalidInputError
            Where a statistic or axis is none, ``q`` is missing, or beads are none.
        """
        for name in self.statistics:
            if name not in STATISTICS:
                raise InvalidInputError(
                    f"'{name[:64]}' is no statistic", where="statistics", do=f"Choose {', '.join(STATISTICS)}"
                )
        if not self.statistics and not self.formulas:
            raise InvalidInputError("No statistic is named", where="statistics", do=f"Choose {', '.join(STATISTICS)}")
        for axis in self.axes:
            parse_reference(axis, where="axes")
        if "quantile" in self.statistics and (self.q is None or not 0 <= self.q <= 1):
            raise InvalidInputError("A quantile needs q, from 0 to 1", where="q", do="Give q, such as 0.9")
        if self.beads is not None and not (self.beads.n_added > 0 and self.beads.volume_ul > 0):
            raise InvalidInputError("Beads and volume have to be more than 0", where="beads", do="Give both of a tube")
        return self

    @property
    def of_axes(self) -> list[str]:
        """The statistics of axes."""
        return [name for name in dict.fromkeys(self.statistics) if name in CHANNEL_STATISTICS]

    def parsed(self) -> dict[str, Formula]:
        """The formulas by name, read."""
        return read_formulas(self.formulas, STATISTICS)


@dataclass(frozen=True, slots=True)
class Share:
    """Percent of one population in another; ``of`` None = all cells, ``value`` None = of nothing."""

    of: Key | None
    value: float | None


@dataclass(frozen=True, slots=True)
class StatisticsRow:
    """One population of one dataset.

    Attributes
    ----------
    population_id : None = all cells
    n_events : cells; None where the dataset lacks what the population is gated on
    shares : in the order of ``percent_of``
    values : axis → statistic → value in data units; None where it cannot be computed, or the dataset lacks the axis
    per_ul : events per µL; None where the volume is not known, or no beads were measured
    formulas : name → value; None where it is not defined
    """

    dataset_id: Key
    population_id: Key | None
    n_events: int | None
    shares: list[Share]
    values: dict[str, dict[str, float | None]]
    per_ul: float | None = None
    formulas: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatisticsTable:
    """Rows, dataset by dataset, and what tells them apart.

    Attributes
    ----------
    datasets : id → name
    reagents : dataset → channel → reagent, of event tables
    names, unique_names : of populations
    parents : population → its parent
    of_datasets : names of the formulas that are the same for all populations of a dataset
    """

    asked: Asked
    rows: list[StatisticsRow]
    datasets: dict[Key, str]
    reagents: dict[Key, dict[str, str]]
    names: dict[Key | None, str]
    unique_names: dict[Key | None, str]
    parents: dict[Key, Key | None] = field(default_factory=dict)
    of_datasets: frozenset[str] = frozenset()


class Lacks(dict[Key | str, NotFoundError]):
    """Populations and axes that a dataset has nothing for, and why."""


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
            Where no dataset has an axis, or what a population is gated on; where some have it, others have no value.
        """
        asked = asked.checked()
        parsed = asked.parsed()
        pinned = await self._gating.pin(actor, study_id=study_id, dataset_ids=dataset_ids, table=asked.table)
        state = await self._gating.state(study_id)
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
        for missing in set.intersection(*(set(lacks) for _, lacks in found)) if found else ():
            error = found[0][1][missing]
            if "channels" in error.details:
                raise InvalidInputError(error.what, where=error.where, do=error.do, **error.details) from error
            raise error
        made = _table(asked, pinned, [row for part, _ in found for row in part], state)
        return replace(made, of_datasets=formulas.of_datasets)

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
        shown = list(dict.fromkeys(asked.axes)) if asked.of_axes else []
        of_one, lacks = await self._prepared(pinned, order, [*shown, *called.values()], state=state, asked=asked)

        def row(id: Key | None) -> StatisticsRow:
            size = of_one.size(id)
            shares = [Share(of, percent(size, of_one.size(of)) if with_percent else None) for of in references[id]]
            values = {axis: of_one.values(id, axis, asked.of_axes, asked.q) for axis in shown}
            found = formulas.compute(partial(of_one.term, formulas, called, id))
            return StatisticsRow(pinned.dataset.id, id, size, shares, values, of_one.per_ul(id), found)

        return await self._context.compute.run(lambda: [row(id) for id in ids]), lacks

    async def _prepared(
        self, pinned: Pinned, ids: Iterable[Key | None], axes: Iterable[str], *, state: GatingState, asked: Asked
    ) -> tuple[_Populations, Lacks]:
        spill = await self._compensations.resolve(pinned, asked.compensation)
        prepare = partial(self._gating.prepare, pinned, state=state, compensation=spill)
        ids, axes, lacks = list(ids), list(dict.fromkeys(axes)), Lacks()
        try:
            prepared = await prepare([state.population(id) for id in ids], axes=axes)
        except NotFoundError:
            for id in filter(None, ids):
                with _noted(lacks, id):
                    await prepare([state.populations[id]])
            for axis in axes:
                with _noted(lacks, axis):
                    await prepare([], axes=[axis])
            ids = [id for id in ids if id not in lacks]
            prepared = await prepare(
                [state.population(id) for id in ids], axes=[one for one in axes if one not in lacks]
            )
        places = {id: place for place, id in enumerate(ids)}
        return _Populations(self._context.compute, prepared, places, asked), lacks


@contextmanager
def _noted(lacks: Lacks, what: Key | str) -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        lacks[what] = error


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
        n, beads = self.size(id), self.asked.beads
        if n is None:
            return None
        if beads is not None:
            n_beads = self.size(beads.population_id)
            return n / n_beads * beads.n_added / beads.volume_ul if n_beads else None
        volume = (self.prepared.reading.pinned.part.table.meta.get("fcs") or {}).get("volume_ul")
        return n / volume if volume else None

    def values(self, id: Key | None, axis: str, names: Sequence[str], q: float | None) -> dict[str, float | None]:
        """Statistics of an axis; those computed before are kept."""
        reading, place = self.prepared.reading, self.places.get(id)
        if place is None or axis not in reading.sources:
            return dict.fromkeys(names)
        token = orjson.dumps([reading.sources[axis].token, list(names), q])
        key = ("statistics", reading.pinned.key, self.prepared.tokens[place], token)
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
    )


def _reagents(panel: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(entry["channel"]): str(entry["reagent"]) for entry in panel if entry.get("reagent")}
