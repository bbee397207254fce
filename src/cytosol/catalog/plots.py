"""Figures of any table: density, dots, contours, histograms of populations, and heatmaps of their medians."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.plots.figures import draw, draw_grid
from cytosol.analyses.cytometry.plots.heatmap import Heatmap, draw_heatmap, of_axes
from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.scales import Scale
from cytosol.base.errors import InvalidInputError, LimitExceededError
from cytosol.base.keys import Key
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.context import Context
from cytosol.catalog.file_groups import FileGroup, Files, group_files
from cytosol.catalog.gating import Gating
from cytosol.catalog.gating_lacks import Lacks, prepare_known, refuse_unknown
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.plot_marks import axis_label, gate_marks, words_of
from cytosol.catalog.plot_sources import Plan, Pool, Source, in_table, median, scale_of
from cytosol.catalog.plot_specs import Overlay, PlotSpec
from cytosol.catalog.tables import Pinned, Tables
from cytosol.model.panels import REAGENT, Panel, same_reagent
from cytosol.model.rights import Actor

MAX_HEATMAP_CELLS = 10_000
Annotations = Callable[..., Awaitable[Mapping[Key, Mapping[str, Any]]]]


class Plots:
    """The verbs that draw. All need the permission to read data."""

    def __init__(
        self,
        context: Context,
        reader: Tables,
        gating: Gating,
        compensations: Compensations,
        *,
        annotations: Annotations,
    ) -> None:
        self._annotations = annotations
        self._context = context
        self._reader = reader
        self._gating = gating
        self._compensations = compensations

    async def draw(self, actor: Actor, *, dataset_id: Key, table: str = "", spec: PlotSpec) -> bytes:
        """A figure of events or cells: the bytes of a PNG, SVG or PDF.

        Raises
        ------
        NotFoundError
            Where a dataset, population, axis or compensation does not exist.
        InvalidInputError
            Where the axes do not fit the kind of plot, or something cannot be one.
        """
        spec = spec.checked()
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        shown = [dataset_id, *(one.dataset_id for one in spec.overlays if one.dataset_id is not None)]
        state = await self._gating.state(pinned.dataset.study_id, shown)
        sources = [await self._source(pinned, spec, state, spec.population_id)]
        place = (pinned, table, pinned.dataset.panel or ())
        for overlay in spec.overlays:
            sources.append(await self._overlay(actor, place, spec, overlay, state=state))
        for error in (error for source in sources for error in source.lacks.values()):
            raise error
        drawing = Plan(spec, pinned, state)
        axes = drawing.own(spec.x), drawing.own(spec.y)
        drawing = replace(drawing, marks=gate_marks(state, dataset_id, spec.population_id, axes))
        key = hashlib.blake2b(repr([drawing.token, *(source.token for source in sources)]).encode(), digest_size=16)
        return await self._context.compute.cached(("plot", key.digest()), lambda: draw(drawing.of(sources)))

    async def grid(
        self,
        actor: Actor,
        *,
        study_id: Key,
        specs: Sequence[PlotSpec],
        files: Files | None = None,
        style: PlotStyle | None = None,
    ) -> bytes:
        """The same plots of several datasets on one sheet: a row for each dataset or group, a column for each plot.

        A plot of a group has the events of all its datasets that have its axes, and the gates of the study. Where
        none of a row has them, words stand in place of the plot.

        Parameters
        ----------
        style : format, dpi, and width and height of one plot

        Raises
        ------
        InvalidInputError, NotFoundError
            Also where no dataset at all has the axes of a plot.
        """
        look = style or PlotStyle(width=260, height=260)
        files = files or Files()
        groups = await self._groups(actor, study_id, files)
        if not groups or not specs:
            raise InvalidInputError("There is nothing to draw", do="Name plots, and datasets that are ready")
        sheet = replace(look, width=look.width * len(specs), height=look.height * len(groups))
        state = await self._gating.state(study_id)
        columns: list[list[tuple[Plan, list[Pool]]]] = []
        for spec in map(PlotSpec.checked, specs):
            found = [await self._cell(actor, group, spec, state=state, files=files) for group in groups]
            refuse_unknown([lacks for _, _, lacks in found])
            columns.append([(plan, pools) for plan, pools, _ in found])
        drawings = (plan.of(pools) for row in zip(*columns, strict=True) for plan, pools in row)
        size = {"n_rows": len(groups), "n_columns": len(specs)}
        return await self._context.compute.run(lambda: draw_grid(drawings, **size, style=sheet))

    async def _cell(
        self, actor: Actor, group: FileGroup, spec: PlotSpec, *, state: GatingState, files: Files
    ) -> tuple[Plan, list[Pool], Lacks]:
        """One plot of a group: without events, with words in their place and what is lacking, where it cannot be."""
        pools = [await self._pool(group, spec, state, spec.population_id, equal=files.equal)]
        for overlay in spec.overlays:
            pools.append(await self._overlaid(actor, group, spec, overlay, state=state, files=files))
        lacks = next((pool.lacks for pool in pools if pool.lacks), Lacks())
        drawn = pools[0].sources
        first = drawn[0].prepared.reading.pinned if drawn else group.members[0]
        alone = len(group.members) == 1
        title = " · ".join(filter(None, (_title(group, len(pools[0].sources)), spec.title)))
        plan = Plan(replace(spec, title=title), first, state, home=group.home, message=words_of(lacks))
        if not lacks:
            axes = plan.own(spec.x), plan.own(spec.y)
            marks = gate_marks(state, first.dataset.id if alone else None, spec.population_id, axes)
            plan = replace(plan, marks=marks)
        return plan, [] if lacks else pools, lacks

    async def heatmap_of_files(
        self,
        actor: Actor,
        *,
        study_id: Key,
        axes: Sequence[str],
        population_id: Key | None = None,
        files: Files | None = None,
        compensation: str = "own",
        style: PlotStyle | None = None,
    ) -> bytes:
        """A heatmap of the medians of a population in datasets or groups (rows) on axes (columns), scaled.

        A cell is grey where no dataset of its row has the axis, or what the population is gated on.

        Parameters
        ----------
        population_id : None = all events
        """
        files = files or Files()
        groups = await self._groups(actor, study_id, files)
        state = await self._gating.state(study_id)
        if not groups or not axes:
            raise InvalidInputError("There is nothing to draw", do="Name axes, and datasets that are ready")
        _few_cells(len(groups), len(axes))
        medians = np.full((len(groups), len(axes)), np.nan)
        spec = PlotSpec("histogram", axes[0], compensation=compensation)
        lacks = []
        for place, group in enumerate(groups):  # so that one group at a time is in memory
            sources = await self._sources(group, spec, state, population_id, axes=axes)
            lacks += [source.lacks for source in sources]
            known = tuple(source for source in sources if population_id not in source.lacks)
            medians[place] = await self._context.compute.run(Pool(group.name, known, files.equal).medians, axes)
        refuse_unknown(lacks)
        members = [(group.home, one) for group in groups for one in group.members]
        columns = tuple(_column(axis, members) for axis in axes)
        scales = [scale_of(state, _first(axis, members)) for axis in axes]
        names = tuple(_title(group) for group in groups)
        return await self._colours((names, columns), medians, scales, style)

    async def heatmap(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        axes: Sequence[str],
        population_ids: Sequence[Key | None] | None = None,
        table: str = "",
        compensation: str = "own",
        style: PlotStyle | None = None,
    ) -> bytes:
        """A heatmap of the medians of populations (rows) on axes (columns), scaled: bytes of a PNG, SVG or PDF.

        A row is grey where the dataset lacks what its population is gated on.

        Parameters
        ----------
        population_ids : None among them = all events; None = all populations of the study
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        state = await self._gating.state(pinned.dataset.study_id, [dataset_id])
        ids: list[Key | None] = list(dict.fromkeys(state.populations if population_ids is None else population_ids))
        populations = [state.population(id) for id in ids]
        axes = [same_reagent(axis, (), pinned.dataset.panel or ()) for axis in axes]
        if not populations or not axes:
            raise InvalidInputError("There is nothing to draw", do="Name populations and axes")
        _few_cells(len(populations), len(axes))
        spill = await self._compensations.resolve(pinned, compensation)
        prepared, known, lacks = await prepare_known(self._gating, pinned, ids, axes, state=state, compensation=spill)
        for error in (error for axis, error in lacks.items() if axis in axes or len(lacks) == len(ids)):
            raise error

        def work() -> np.ndarray:
            medians = np.full((len(ids), len(axes)), np.nan)
            for place, id in enumerate(known):
                mask = prepared.mask(place)
                medians[ids.index(id)] = [median([prepared.reading.values(axis)[mask]]) for axis in axes]
            return medians

        names = tuple("All events" if one is None else one.name for one in populations)
        columns = tuple(axis_label(pinned, axis) for axis in axes)
        medians = await self._context.compute.run(work)
        return await self._colours((names, columns), medians, [scale_of(state, axis) for axis in axes], style)

    async def _colours(
        self,
        names: tuple[tuple[str, ...], tuple[str, ...]],
        medians: np.ndarray,
        scales: Sequence[Scale | None],
        style: PlotStyle | None,
    ) -> bytes:
        """The heatmap of medians in data units, with the names of its rows and columns."""
        values, label = of_axes(medians, scales)
        made = Heatmap(*names, values, label, style=style or PlotStyle())
        return await self._context.compute.run(draw_heatmap, made)

    async def _groups(self, actor: Actor, study_id: Key, files: Files) -> list[FileGroup]:
        pinned = await self._gating.pin(actor, study_id=study_id, dataset_ids=files.dataset_ids, table=files.table)
        annotations: Mapping[Key, Mapping[str, Any]] = {}
        if files.group_by:
            ids = [one.dataset.id for one in pinned]
            annotations = await self._annotations(actor, study_id=study_id, dataset_ids=ids)
        home: Panel = ()
        if files.reagents_of is not None:
            [meant] = await self._gating.pin(actor, study_id=study_id, dataset_ids=[files.reagents_of])
            home = meant.dataset.panel or ()
        return [replace(one, home=home) for one in group_files(pinned, files.group_by, annotations)] if pinned else []

    async def _sources(
        self, group: FileGroup, spec: PlotSpec, state: GatingState, population_id: Key | None, *, axes: Sequence[str]
    ) -> list[Source]:
        return [
            await self._source(one, spec, state, population_id, axes=in_table(axes, group.home, one))
            for one in group.members
        ]

    async def _pool(
        self, group: FileGroup, spec: PlotSpec, state: GatingState, population_id: Key | None, *, equal: bool
    ) -> Pool:
        """The events of the datasets of a group that have all that is needed."""
        found = await self._sources(group, spec, state, population_id, axes=spec.axes)
        known = tuple(source for source in found if not source.lacks)
        population = state.population(population_id)
        name = f"{group.name}: {population.name}" if population is not None else group.name
        return Pool(found[0].name if len(found) == 1 else name, known, equal, Lacks() if known else found[0].lacks)

    async def _overlaid(
        self, actor: Actor, group: FileGroup, spec: PlotSpec, overlay: Overlay, *, state: GatingState, files: Files
    ) -> Pool:
        if overlay.dataset_id is None:
            population_id = overlay.population_id or spec.population_id
            pool = await self._pool(group, spec, state, population_id, equal=files.equal)
            return replace(pool, name=overlay.name or pool.name)
        first = group.members[0]
        place = (first, files.table, group.home or first.dataset.panel or ())
        source = await self._overlay(actor, place, spec, overlay, state=state)
        return Pool(source.name, (source,), lacks=source.lacks)

    async def _overlay(
        self, actor: Actor, place: tuple[Pinned, str, Panel], spec: PlotSpec, overlay: Overlay, *, state: GatingState
    ) -> Source:
        pinned, table, home = place
        if overlay.dataset_id is not None and overlay.dataset_id != pinned.dataset.id:
            pinned = await self._reader.pin(actor, dataset_id=overlay.dataset_id, table=table)
            if pinned.dataset.study_id != place[0].dataset.study_id:
                raise InvalidInputError(
                    f"'{pinned.dataset.name}' is in another study",
                    where="overlays",
                    do="Lay datasets of one study over each other",
                )
        population_id = spec.population_id if overlay.population_id is None else overlay.population_id
        axes = in_table(spec.axes, home, pinned)
        return await self._source(pinned, spec, state, population_id, name=overlay.name, axes=axes)

    async def _source(
        self,
        pinned: Pinned,
        spec: PlotSpec,
        state: GatingState,
        population_id: Key | None,
        *,
        name: str = "",
        axes: Mapping[str, str] | None = None,
    ) -> Source:
        spill = await self._compensations.resolve(pinned, spec.compensation)
        axes = axes or in_table(spec.axes, (), pinned)
        prepared, _, lacks = await prepare_known(
            self._gating, pinned, [population_id], axes.values(), state=state, compensation=spill
        )
        population = state.population(population_id)
        if not name:
            name = pinned.dataset.name if population is None else f"{pinned.dataset.name}: {population.name}"
        tokens = [prepared.reading.sources[axis].token for axis in axes.values() if axis not in lacks]
        return Source(name, prepared, repr([name, pinned.key, prepared.tokens, tokens]), axes, lacks)


def _few_cells(n_rows: int, n_columns: int) -> None:
    if n_rows * n_columns > MAX_HEATMAP_CELLS:
        raise LimitExceededError(
            f"A heatmap of {n_rows} × {n_columns} cells is too large",
            do=f"Ask for at most {MAX_HEATMAP_CELLS:,} cells",
            setting="heatmap-cells",
        )


def _first(axis: str, members: Sequence[tuple[Panel, Pinned]]) -> str:
    """The axis of the first dataset that has it, whose scale the others are shown on."""
    found = (in_table([axis], home, one)[axis] for home, one in members)
    return next((one for one in found if not one.startswith(REAGENT)), axis)


def _column(axis: str, members: Sequence[tuple[Panel, Pinned]]) -> str:
    """What a column is called: with its channel, where the reagent lies on the same one everywhere."""
    found = ((one, in_table([axis], home, one)[axis]) for home, one in members)
    if not axis.startswith(REAGENT):
        return axis_label(*next(found))
    labels = {axis_label(one, own) for one, own in found if not own.startswith(REAGENT)}
    return labels.pop() if len(labels) == 1 else axis.removeprefix(REAGENT)


def _title(group: FileGroup, n_shown: int = 0) -> str:
    """The name of a group, with how many files it has, and how many of them are shown where some are not."""
    n = len(group.members)
    some = f"{n_shown} of " if 0 < n_shown < n else ""
    return group.name if n == 1 else f"{group.name} ({some}{n} files)"
