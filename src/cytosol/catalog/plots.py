"""Figures of any table: density, dots, contours, histograms of populations, and heatmaps of their medians."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.plots.figures import draw, draw_grid
from cytosol.analyses.cytometry.plots.heatmap import Heatmap, draw_heatmap, of_axes
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, GateMark, PlotStyle
from cytosol.analyses.cytometry.scales import Scale, scale_from_json
from cytosol.analyses.cytometry.statistics import statistic
from cytosol.base.errors import InvalidInputError, LimitExceededError
from cytosol.base.keys import Key
from cytosol.catalog.channel_maps import Panel, same_reagent
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.context import Context
from cytosol.catalog.file_groups import FileGroup, Files, group_files
from cytosol.catalog.gating import Gating
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.plot_marks import axis_label, gate_marks
from cytosol.catalog.plot_sources import Overlay, PlotSpec, Pool, Source, axes_of, in_table
from cytosol.catalog.tables import Pinned, Tables
from cytosol.model.rights import Actor

MAX_OVERLAYS = 32
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
        spec = _checked(spec)
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        state = await self._gating.state(pinned.dataset.study_id)
        sources = [await self._source(pinned, spec, state, spec.population_id)]
        place = (pinned, table, pinned.dataset.panel or ())
        for overlay in spec.overlays:
            sources.append(await self._overlay(actor, place, spec, overlay, state=state))
        marks = gate_marks(state, dataset_id, spec.population_id, (spec.x, spec.y))
        drawing = _Plan(spec, pinned, state, marks=marks)
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

        A plot of a group has the events of all its datasets, and the gates of the study.

        Parameters
        ----------
        style : format, dpi, and width and height of one plot
        """
        look = style or PlotStyle(width=260, height=260)
        files = files or Files()
        groups = await self._groups(actor, study_id, files)
        if not groups or not specs:
            raise InvalidInputError("There is nothing to draw", do="Name plots, and datasets that are ready")
        sheet = replace(look, width=look.width * len(specs), height=look.height * len(groups))
        state = await self._gating.state(study_id)
        cells: list[tuple[_Plan, list[Pool]]] = []
        for group in groups:
            for spec in specs:
                checked = _checked(replace(spec, title=" · ".join(filter(None, (_title(group), spec.title)))))
                pools = [await self._pool(group, checked, state, checked.population_id, equal=files.equal)]
                for overlay in checked.overlays:
                    pools.append(await self._overlaid(actor, group, checked, overlay, state=state, files=files))
                first, alone = group.members[0], len(group.members) == 1
                owner = first.dataset.id if alone else None
                plan = _Plan(checked, first, state, home=group.home)
                marks = gate_marks(state, owner, checked.population_id, (plan.own(checked.x), plan.own(checked.y)))
                cells.append((replace(plan, marks=marks), pools))
        drawings = (plan.of(pools) for plan, pools in cells)
        size = {"n_rows": len(groups), "n_columns": len(specs)}
        return await self._context.compute.run(lambda: draw_grid(drawings, **size, style=sheet))

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
        for place, group in enumerate(groups):  # so that one group at a time is in memory
            pool = await self._pool(group, spec, state, population_id, equal=files.equal, axes=axes)
            found = await self._context.compute.run(pool.medians, axes)
            medians[place] = [np.nan if value is None else value for value in found]
        values, label = of_axes(medians, [_scale(state, axis) for axis in axes])
        named = in_table(axes, groups[0].home, groups[0].members[0])
        columns = tuple(axis_label(groups[0].members[0], axis) for axis in named.values())
        names = tuple(_title(group) for group in groups)
        made = Heatmap(names, columns, values, label, style=style or PlotStyle())
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

    async def _pool(
        self,
        group: FileGroup,
        spec: PlotSpec,
        state: GatingState,
        population_id: Key | None,
        *,
        equal: bool,
        axes: Sequence[str] = (),
    ) -> Pool:
        axes = axes or axes_of(spec)
        sources = [
            await self._source(one, spec, state, population_id, axes=in_table(axes, group.home, one))
            for one in group.members
        ]
        population = state.population(population_id)
        name = f"{group.name}: {population.name}" if population is not None else group.name
        return Pool(sources[0].name if len(sources) == 1 else name, tuple(sources), equal)

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
        return Pool(source.name, (source,))

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
        axes = in_table(axes_of(spec), home, pinned)
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
        population = state.population(population_id)
        axes = axes or in_table(axes_of(spec), (), pinned)
        own = tuple(dict.fromkeys(axes.values()))
        prepared = await self._gating.prepare(pinned, [population], state=state, compensation=spill, axes=own)
        if not name:
            name = pinned.dataset.name if population is None else f"{pinned.dataset.name}: {population.name}"
        tokens = [prepared.reading.sources[axis].token for axis in axes.values()]
        return Source(name, prepared, repr([name, pinned.key, prepared.tokens, tokens]), axes)

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

        Parameters
        ----------
        population_ids : None among them = all events; None = all populations of the study
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        state = await self._gating.state(pinned.dataset.study_id)
        ids = list(state.populations) if population_ids is None else list(dict.fromkeys(population_ids))
        populations = [state.population(id) for id in ids]
        if not populations or not axes:
            raise InvalidInputError("There is nothing to draw", do="Name populations and axes")
        _few_cells(len(populations), len(axes))
        spill = await self._compensations.resolve(pinned, compensation)
        prepared = await self._gating.prepare(pinned, populations, state=state, compensation=spill, axes=axes)
        names = tuple("All events" if one is None else one.name for one in populations)
        columns = tuple(axis_label(pinned, axis) for axis in axes)
        scales = [_scale(state, axis) for axis in axes]

        def work() -> bytes:
            masks = [prepared.mask(place) for place in range(len(populations))]
            values = [[prepared.reading.values(axis)[mask] for axis in axes] for mask in masks]
            shown, label = of_axes(_medians(values), scales)
            return draw_heatmap(Heatmap(names, columns, shown, label, style=style or PlotStyle()))

        return await self._context.compute.run(work)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A figure without its events.

    Attributes
    ----------
    home : the panel whose channels the spec means
    """

    spec: PlotSpec
    pinned: Pinned
    state: GatingState
    marks: tuple[GateMark, ...] = ()
    home: Panel = ()

    def own(self, reference: str) -> str:
        """The axis of this table."""
        return same_reagent(reference, self.home, self.pinned.dataset.panel or ())

    def axis(self, reference: str) -> Axis:
        """One axis with its label and scale."""
        return Axis(axis_label(self.pinned, self.own(reference)), _scale(self.state, self.own(reference)))

    @property
    def token(self) -> str:
        """Tells it from every other plan."""
        return repr([self.spec, *(self.axis(name) for name in axes_of(self.spec)), self.marks])

    def of(self, sources: Sequence[Source | Pool]) -> Drawing:
        """The figure with its events; reads, so call it on a thread."""
        spec = self.spec
        return Drawing(
            spec.kind,
            self.axis(spec.x),
            tuple(source.layer(spec) for source in sources),
            y=self.axis(spec.y) if spec.y else None,
            shade=self.axis(spec.color_by) if spec.color_by else None,
            gates=self.marks,
            title=spec.title,
            style=spec.style,
        )


def _few_cells(n_rows: int, n_columns: int) -> None:
    if n_rows * n_columns > MAX_HEATMAP_CELLS:
        raise LimitExceededError(
            f"A heatmap of {n_rows} × {n_columns} cells is too large",
            do=f"Ask for at most {MAX_HEATMAP_CELLS:,} cells",
            setting="heatmap-cells",
        )


def _title(group: FileGroup) -> str:
    n = len(group.members)
    return group.name if n == 1 else f"{group.name} ({n} files)"


def _checked(spec: PlotSpec) -> PlotSpec:
    """The spec with what its kind of plot does not show left out."""
    if spec.kind == "histogram":
        return _few(replace(spec, y="", color_by=""))
    if not spec.y:
        raise InvalidInputError(f"A {spec.kind} plot has two axes", where="y", do="Name what is on the y axis")
    if spec.kind == "density" and spec.overlays:
        raise InvalidInputError(
            "Densities cannot be laid over each other", where="overlays", do="Ask for contours, dots or a histogram"
        )
    color_by = spec.color_by if spec.kind == "dot" and not spec.overlays else ""
    return _few(replace(spec, color_by=color_by))


def _few(spec: PlotSpec) -> PlotSpec:
    if len(spec.overlays) > MAX_OVERLAYS:
        raise LimitExceededError(
            f"{len(spec.overlays)} overlays are too many",
            where="overlays",
            do=f"Lay at most {MAX_OVERLAYS} over a plot",
            setting="overlays",
        )
    return spec


def _scale(state: GatingState, reference: str) -> Scale | None:
    said = state.scales.get(reference)
    return None if said is None else scale_from_json(said)


def _medians(values: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Shape (n_populations, n_axes), float64, data units; NaN of no events."""
    found = [[statistic("median", events) for events in axes] for axes in values]
    return np.array([[np.nan if value is None else value for value in row] for row in found], np.float64)
