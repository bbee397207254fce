"""Who is in which population: masks and counts on any table, computed anew only where something changed.

A mask is kept as packed bits under a digest of all it depends on: the table, the compensation, the scales of the axes,
the geometry that is in force for the dataset, the tree. So a change needs no invalidation.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from cytosol.base.errors import ConflictError, CytosolError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.access import study_access
from cytosol.catalog.axes import Axes, Reading, Spill
from cytosol.catalog.cell_attributes import CellAttributes
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.context import Context
from cytosol.catalog.gating_masks import Leaf, Prepared, Tree, digest, region_mask, tree_tokens
from cytosol.catalog.gating_state import GatingState, InForce, gating_state
from cytosol.catalog.layouts import Layouts, is_private
from cytosol.catalog.populations import unique_names
from cytosol.catalog.records import all_to
from cytosol.catalog.selections import groups_mask
from cytosol.catalog.tables import Pinned, Tables
from cytosol.db import rows, tables
from cytosol.model.gating import Population
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Dataset

T = TypeVar("T")
_LARGE = 1 << 17
"""Cells from which on threads work beside each other; with fewer they mostly wait for the interpreter."""


@dataclass(frozen=True, slots=True)
class CountRow:
    """Cells of a population in a dataset.

    Attributes
    ----------
    population_id : None = all cells
    n_events : None where it cannot be told; ``problem`` says why
    of_parent, of_total : percent; None of nothing
    """

    dataset_id: Key
    population_id: Key | None
    n_events: int | None
    of_parent: float | None
    of_total: float | None
    problem: str = ""


class Gating:
    """Evaluates populations. Reading data needs the permission data.read."""

    def __init__(
        self,
        context: Context,
        layouts: Layouts,
        reader: Tables,
        *,
        axes: Axes,
        attributes: CellAttributes,
        compensations: Compensations,
    ) -> None:
        self._context = context
        self._layouts = layouts
        self._reader = reader
        self._axes = axes
        self._attributes = attributes
        self._compensations = compensations

    async def state(self, study_id: Key, dataset_ids: Collection[Key] | None = None) -> GatingState:
        """The gating of a study now; rights were asked before.

        Parameters
        ----------
        dataset_ids : that it is asked about; None = all
        """
        async with self._context.db.read() as conn:
            return await gating_state(conn, study_id, dataset_ids)

    async def mask(
        self, pinned: Pinned, *, population: Population | None, compensation: Spill | None = None
    ) -> np.ndarray:
        """Who is in a population of the table's study: shape (n_cells,), bool; None = all."""
        if population is None:
            return np.ones(pinned.part.n_cells, bool)
        state = await self.state(pinned.dataset.study_id, [pinned.dataset.id])
        prepared = await self.prepare(pinned, [population], state=state, compensation=compensation)
        return await self._context.compute.run(prepared.mask, 0)

    async def members(self, pinned: Pinned, population_id: Key) -> np.ndarray:
        """Who is in a population by id, read with the dataset's own compensation: shape (n_cells,), bool."""
        state = await self.state(pinned.dataset.study_id, [pinned.dataset.id])
        spill = await self._compensations.resolve(pinned, "own")
        prepared = await self.prepare(pinned, [state.population(population_id)], state=state, compensation=spill)
        return await self._context.compute.run(prepared.mask, 0)

    async def names(self, pinned: Pinned) -> dict[Key, str]:
        """The unique names of the populations of a table's study."""
        return unique_names((await self.state(pinned.dataset.study_id, [])).populations.values())

    async def prepare(
        self,
        pinned: Pinned,
        populations: Sequence[Population | None],
        *,
        state: GatingState,
        compensation: Spill | None,
        axes: Iterable[str] = (),
    ) -> Prepared:
        """Find all that some populations of a table need.

        Parameters
        ----------
        axes : further axes that shall be readable

        Raises
        ------
        InvalidInputError
            Where a tree names a gate that does not exist, or an axis that cannot be one.
        NotFoundError
            Where the table lacks an axis or annotation.
        """
        regions = state.in_force(pinned.dataset.id)
        found = state.leaves(populations)
        named = list(axes)
        for leaf, population in found.values():
            if "gate" in leaf:
                region = regions.get(leaf["gate"])
                if region is None:
                    raise InvalidInputError(
                        f"The population '{population.name}' names the gate {leaf['gate'][:64]}, which does not exist",
                        where=f"population {population.id.hex24}",
                        do="Draw the gate again, or change the population",
                    )
                named += [axis for axis in (region.gate.x, region.gate.y) if axis]
        _refuse_private(pinned, [leaf for leaf, _ in found.values()], regions)
        reading = await self._axes.reading(pinned, named, compensation)
        known: dict[bytes, Leaf] = {}
        for key, (leaf, _) in found.items():
            if "gate" in leaf:
                known[key] = _gate_leaf(regions[leaf["gate"]], reading, state)
            else:
                known[key] = await self._column_leaf(pinned, leaf, state)
        trees = [{"and": []} if population is None else population.tree for population in populations]
        said = ("tokens", id(found), *(leaf.token for leaf in known.values()))
        if said not in state.kept:
            state.kept[said] = tree_tokens(trees, known)
        return Prepared(self._context.compute, reading, trees, known, tokens=state.kept[said])

    async def _column_leaf(self, pinned: Pinned, leaf: Tree, state: GatingState) -> Leaf:
        column, token = await self._column(pinned, leaf["column"], state)
        where = f"annotation '{leaf['column'][:255]}'"
        # a dataset without cells of a group does not know its name
        read = partial(groups_mask, what=where, where=where, must_exist=False)
        mask = await asyncio.to_thread(read, column, leaf["groups"])
        return Leaf(digest([token, leaf["groups"]]), lambda _reading: mask, is_cheap=True)

    async def _column(self, pinned: Pinned, name: str, state: GatingState) -> tuple[ColumnData, Any]:
        """An annotation of the cells, the dataset or its samples; and what tells its values from others."""
        home = await self._axes.with_column(pinned, name)
        if home is not None:
            return await self._reader.column(home, name), ["column", home.part.table.path, home.part.column(name).path]
        try:
            known = state.kept.get(("attribute", name)) or await self._attributes.known(pinned.dataset.study_id, name)
            state.kept["attribute", name] = known
            column = await self._attributes.column(pinned, name, known)
        except NotFoundError as error:
            raise NotFoundError(
                f"'{pinned.dataset.name}' has no annotation, and its samples have no attribute, called '{name[:255]}'",
                where=f"annotation '{name[:255]}'",
                do="Annotate it, or change the population that names it",
            ) from error
        except ConflictError as error:  # nothing says which sample its cells are of
            raise NotFoundError(error.what, where=f"annotation '{name[:255]}'", do=error.do) from error
        content = hashlib.blake2b(np.ascontiguousarray(column.values).tobytes(), digest_size=16).hexdigest()
        return column, ["attribute", name, column.categories, content]

    async def counts(
        self,
        actor: Actor,
        *,
        study_id: Key,
        dataset_ids: Sequence[Key] | None = None,
        population_ids: Sequence[Key | None] | None = None,
        compensation: str = "own",
        table: str = "",
    ) -> list[CountRow]:
        """Count the cells of populations in datasets, dataset by dataset.

        Parameters
        ----------
        dataset_ids : None = all that are ready and no controls
        population_ids : None among them = all cells; None = all populations, and all cells first
        compensation : none, internal, own (each dataset's), or the id of one
        table : "" = the main one of each dataset
        """
        pinned = await self.pin(actor, study_id=study_id, dataset_ids=dataset_ids, table=table)
        state = await self.state(study_id, dataset_ids)
        ids = [None, *state.populations] if population_ids is None else list(dict.fromkeys(population_ids))
        for id in ids:
            state.population(id)
        found = await self.each(pinned, lambda one: self._counts_of(one, ids, state, compensation))
        return [row for part in found for row in part]

    async def _counts_of(
        self, pinned: Pinned, ids: Sequence[Key | None], state: GatingState, compensation: str
    ) -> list[CountRow]:
        sizes: dict[Key | None, int | None] = {None: pinned.part.n_cells}
        problems: dict[Key | None, str] = {}
        needed = _with_parents(ids, state)
        try:
            spill = await self._compensations.resolve(pinned, compensation)
            sizes |= await self._sizes(pinned, needed, state, spill)
        except CytosolError:
            # one that cannot be told must not hide the others
            for one in needed:
                try:
                    spill = await self._compensations.resolve(pinned, compensation)
                    sizes |= await self._sizes(pinned, [one], state, spill)
                except (InvalidInputError, NotFoundError) as error:
                    sizes[one], problems[one] = None, error.sentence
        made = []
        for id in ids:
            population = state.population(id)
            parent = None if population is None else population.parent_id
            of_parent = 100.0 if id is None else percent(sizes[id], sizes.get(parent))
            row = (pinned.dataset.id, id, sizes[id], of_parent, percent(sizes[id], sizes[None]))
            made.append(CountRow(*row, problem=problems.get(id, "")))
        return made

    async def _sizes(
        self, pinned: Pinned, ids: Sequence[Key], state: GatingState, spill: Spill | None
    ) -> dict[Key | None, int | None]:
        populations = [state.populations[id] for id in ids]
        prepared = await self.prepare(pinned, populations, state=state, compensation=spill)

        def work() -> dict[Key | None, int | None]:
            return {id: prepared.size(place) for place, id in enumerate(ids)}

        return await self._context.compute.run(work)

    async def each(self, pinned: Sequence[Pinned], work: Callable[[Pinned], Awaitable[T]]) -> list[T]:
        """Do something for each table, large ones as many at a time as there are threads for it; answers in order."""
        is_large = any(part.part.n_cells >= _LARGE for part in pinned)
        room = asyncio.Semaphore(self._context.settings.compute_threads if is_large else 1)

        async def one(part: Pinned) -> T:
            async with room:
                return await work(part)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(part)) for part in pinned]
        except* CytosolError as several:
            raise several.exceptions[0] from None
        return [task.result() for task in tasks]

    async def pin(
        self, actor: Actor, *, study_id: Key, dataset_ids: Sequence[Key] | None = None, table: str = ""
    ) -> list[Pinned]:
        """The tables of some datasets of a study at their newest versions; None = all that are ready and no controls.

        Raises
        ------
        NotFoundError
            Where a dataset is not in the study, or has no such table.
        """
        where: dict[str, Any] = {"study_id": study_id, "deleted_at": None}
        if dataset_ids is None:
            where |= {"data_version": rows.Above(0), "is_control": False}
        else:
            where["id"] = list(dict.fromkeys(dataset_ids))
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.DATA_READ)
            found = all_to(Dataset, await rows.find(conn, tables.datasets, where, order=("position", "id")))
            layouts = await self._layouts.get_many(conn, found, viewer=actor.user_id)
        by_id = {dataset.id: (dataset, layout) for dataset, layout in zip(found, layouts, strict=True)}
        made = []
        for id in by_id if dataset_ids is None else where["id"]:
            if id not in by_id or not by_id[id][0].data_version:
                raise NotFoundError("There is no such dataset in this study, or it is not ready", where=id.hex24)
            dataset, layout = by_id[id]
            made.append(Pinned(dataset, layout, layout.table(table)))
        return made


def percent(part: int | None, whole: int | None) -> float | None:
    """100 × part / whole; None of nothing, or where one is not known."""
    return 100 * part / whole if part is not None and whole else None


def _gate_leaf(region: InForce, reading: Reading, state: GatingState) -> Leaf:
    """A leaf that is a gate; one for all tables whose axes come from the same places."""
    gate = region.gate
    sources = [reading.sources[axis].token for axis in (gate.x, gate.y) if axis]
    said = ("leaf", gate.id, region.sector, *sources)
    found: Leaf | None = state.kept.get(said)
    if found is None:
        scales = [state.scales.get(axis) for axis in (gate.x, gate.y) if axis]
        token = digest([gate.kind, gate.geometry, region.sector, list(zip(sources, scales, strict=True))])
        state.kept[said] = found = Leaf(token, partial(region_mask, region, state.scales))
    return found


def _refuse_private(pinned: Pinned, found: Iterable[Tree], regions: Mapping[str, InForce]) -> None:
    """Populations are everybody's, so they do not read what only one person sees."""
    private = {element.name for part in pinned.layout.tables for element in part.columns if is_private(element)}
    for leaf in found if private else ():
        gate = regions[leaf["gate"]].gate if "gate" in leaf else None
        named = {leaf["column"]} if gate is None else {axis.removeprefix("obs:") for axis in (gate.x, gate.y)}
        if hidden := sorted(named & private):
            raise InvalidInputError(
                f"The annotation '{hidden[0]}' is private, so no population can use it",
                do="Publish it first, or choose another one",
            )


def _with_parents(ids: Sequence[Key | None], state: GatingState) -> list[Key]:
    wanted: dict[Key, None] = {}
    for id in ids:
        population = state.population(id)
        if population is not None:
            wanted[population.id] = None
            if population.parent_id is not None and population.parent_id in state.populations:
                wanted[population.parent_id] = None
    return list(wanted)
