"""Statistics of populations: cells, percent, and of axes mean, median and so on; over many datasets.

Values are compensated where that is asked for, never scaled or limited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from cytosol.analyses.cytometry.statistics import CHANNEL_STATISTICS, summarize
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
from cytosol.catalog.tables import Pinned
from cytosol.db import rows, studies, tables
from cytosol.model.gating_rules import parse_reference
from cytosol.model.rights import Actor, Permission

COUNTS = ("event_count", "percent")
STATISTICS = (*CHANNEL_STATISTICS, *COUNTS)
MAX_VALUES = 20_000_000
_ENTRY_BYTES = 1000
UNGATED = "Ungated"
PARENT, GRANDPARENT, TOTAL = "parent", "grandparent", "total"


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
    """

    axes: Sequence[str] = ()
    statistics: Sequence[str] = COUNTS
    q: float | None = None
    percent_of: Sequence[str | Key] = (PARENT,)
    compensation: str = "own"
    table: str = ""

    def checked(self) -> Asked:
        """The same, if it can be computed.

        Raises
        ------
        InvalidInputError
            Where a statistic or axis is none, or ``q`` is missing.
        """
        for name in self.statistics:
            if name not in STATISTICS:
                raise InvalidInputError(
                    f"'{name[:64]}' is no statistic", where="statistics", do=f"Choose {', '.join(STATISTICS)}"
                )
        if not self.statistics:
            raise InvalidInputError("No statistic is named", where="statistics", do=f"Choose {', '.join(STATISTICS)}")
        for axis in self.axes:
            parse_reference(axis, where="axes")
        if "quantile" in self.statistics and (self.q is None or not 0 <= self.q <= 1):
            raise InvalidInputError("A quantile needs q, from 0 to 1", where="q", do="Give q, such as 0.9")
        return self

    @property
    def of_axes(self) -> list[str]:
        """The statistics of axes."""
        return [name for name in dict.fromkeys(self.statistics) if name in CHANNEL_STATISTICS]


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
    """

    dataset_id: Key
    population_id: Key | None
    n_events: int | None
    shares: list[Share]
    values: dict[str, dict[str, float | None]]


@dataclass(frozen=True, slots=True)
class StatisticsTable:
    """Rows, dataset by dataset, and what tells them apart.

    Attributes
    ----------
    datasets : id → name
    reagents : dataset → channel → reagent, of event tables
    names, unique_names : of populations
    parents : population → its parent
    """

    asked: Asked
    rows: list[StatisticsRow]
    datasets: dict[Key, str]
    reagents: dict[Key, dict[str, str]]
    names: dict[Key | None, str]
    unique_names: dict[Key | None, str]
    parents: dict[Key, Key | None] = field(default_factory=dict)


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
            Also where a population names a gate that does not exist.
        NotFoundError
            Where no dataset has an axis, or what a population is gated on; where some have it, others have no value.
        """
        asked = asked.checked()
        pinned = await self._gating.pin(actor, study_id=study_id, dataset_ids=dataset_ids, table=asked.table)
        state = await self._gating.state(study_id)
        ids = [None] if population_ids is None else list(dict.fromkeys(population_ids))
        for id in [*ids, *(of for of in asked.percent_of if isinstance(of, Key))]:
            state.population(id)
        n_values = len(pinned) * len(ids) * max(1, len(asked.axes)) * len(asked.statistics)
        if n_values > MAX_VALUES:
            raise LimitExceededError(
                f"{n_values:,} values are too many for one table", do="Ask for fewer files, populations or channels",
                setting="statistics",
            )  # fmt: skip
        found = await self._gating.each(pinned, lambda one: self._rows_of(one, ids, state, asked))
        for missing in set.intersection(*(set(lacks) for _, lacks in found)) if found else ():
            raise found[0][1][missing]
        return _table(asked, pinned, [row for part, _ in found for row in part], state)

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
        self, pinned: Pinned, ids: Sequence[Key | None], state: GatingState, asked: Asked
    ) -> tuple[list[StatisticsRow], dict[Key | str, NotFoundError]]:
        """The rows of a dataset, and which populations and axes it has nothing for, and why."""
        spill = await self._compensations.resolve(pinned, asked.compensation)
        references = {id: [_reference(of, id, state) for of in asked.percent_of] for id in ids}
        order: dict[Key | None, None] = dict.fromkeys(ids)
        if "percent" in asked.statistics:
            order |= dict.fromkeys(of for several in references.values() for of in several)
        axes = dict.fromkeys(asked.axes) if asked.of_axes else {}
        lacks: dict[Key | str, NotFoundError] = {}
        prepare = partial(self._gating.prepare, pinned, state=state, compensation=spill)
        try:
            prepared = await prepare([state.population(id) for id in order], axes=axes)
        except NotFoundError:
            for id in filter(None, order):
                with _noted(lacks, id):
                    await prepare([state.populations[id]])
            for axis in axes:
                with _noted(lacks, axis):
                    await prepare([], axes=[axis])
            order = {id: None for id in order if id not in lacks}
            axes = {axis: None for axis in axes if axis not in lacks}
            prepared = await prepare([state.population(id) for id in order], axes=axes)

        def work() -> list[StatisticsRow]:
            places = {id: place for place, id in enumerate(order)}
            sizes = {id: prepared.size(place) for id, place in places.items()}
            made = []
            for id in ids:
                shares = [Share(of, percent(sizes.get(id), sizes.get(of))) for of in references[id]]
                values: dict[str, dict[str, float | None]] = {
                    axis: dict.fromkeys(asked.of_axes) for axis in (asked.axes if asked.of_axes else ())
                }
                if id in places:
                    values |= _values(self._context.compute, prepared, places[id], asked=asked, axes=axes)
                made.append(StatisticsRow(pinned.dataset.id, id, sizes.get(id), shares, values))
            return made

        return await self._context.compute.run(work), lacks


@contextmanager
def _noted(lacks: dict[Key | str, NotFoundError], what: Key | str) -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        lacks[what] = error


def _values(
    compute: Compute, prepared: Prepared, place: int, *, asked: Asked, axes: Iterable[str]
) -> dict[str, dict[str, float | None]]:
    """Statistics of axes of one population; those computed before are kept."""
    reading, names = prepared.reading, asked.of_axes
    found: dict[str, dict[str, float | None]] = {}
    mask = None
    for axis in axes:
        token = orjson.dumps([reading.sources[axis].token, names, asked.q])
        key = ("statistics", reading.pinned.key, prepared.tokens[place], token)
        held = compute.held(key)
        if held is None:
            mask = prepared.mask(place) if mask is None else mask
            held = summarize(names, reading.values(axis)[mask], asked.q)
            compute.hold(key, held, _ENTRY_BYTES)
        found[axis] = held
    return found


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
    for _ in range({TOTAL: 0, PARENT: 1, GRANDPARENT: 2}[of]):
        population = None if id is None else state.populations.get(id)
        id = None if population is None else population.parent_id
    return None if of == TOTAL else id


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
