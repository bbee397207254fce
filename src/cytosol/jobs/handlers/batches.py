"""Normalisation of files of several runs: a new file of each, and a report of their controls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np

from cytosol.analyses.cytometry.batches import BatchModel, apply_batches, learn_batches
from cytosol.analyses.cytometry.event_params import BatchRun
from cytosol.analyses.cytometry.plots.figures import draw_grid
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, Layer, PlotStyle
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.analyses.cytometry.scales import Scale, scale_from_json
from cytosol.analyses.reports import Section, Table, report_page
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.axes import Spill
from cytosol.catalog.fcs_records import FileView
from cytosol.catalog.plot_marks import axis_label
from cytosol.catalog.tables import Pinned
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.event_files import Changed, add_changed, check_may_add
from cytosol.jobs.handlers.event_values import PICTURE_DPI, channels_of, report_result
from cytosol.model.sample_values import spell_value

_DRAWN = 5000
_MOST_DRAWN = 16
_SHOWN = 10
_PANEL_PX = (380, 170)


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a batch, and the matrix that it is compensated with."""

    view: FileView
    pinned: Pinned
    spill: Spill | None
    batch: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """All files, the names of the batches in order, and the channels with their scales."""

    files: list[_File]
    controls: list[_File]
    batches: list[str]
    channels: list[str]
    scales: Mapping[str, Scale]


async def normalise_batches(run: TableRun) -> Outcome:
    """Learn from the controls, and write each file as it would be in the goal."""
    params = cast(BatchRun, run.params)
    plan = await _plan(run, params)
    await check_may_add(run, [file.pinned for file in plan.files])
    goal = -1
    if params.goal:
        if params.goal not in plan.batches:
            raise InvalidInputError(
                f"There is no batch '{params.goal[:64]}'", where="goal", do=f"Choose of {', '.join(plan.batches[:20])}"
            )
        goal = plan.batches.index(params.goal)
    run.report.log(f"{len(plan.files)} files of {len(plan.batches)} batches, {len(plan.controls)} controls")
    learnt = [await _scaled(run, plan, file) for file in plan.controls]
    model = learn_batches(learnt, [file.batch for file in plan.controls], params, goal=goal)
    run.report.progress(0.3, "Normalising")
    names = []
    for number, file in enumerate(plan.files):
        names.append(await _normalise(run, plan, model, file))
        run.report.progress(0.3 + 0.6 * (number + 1) / len(plan.files), f"Normalised {file.view.dataset.name}"[:80])
    outcome = Outcome(
        result={"files": names, "batches": plan.batches, "n_controls": len(plan.controls)},
        facts={"channels_used": plan.channels, "files_used": [file.view.dataset.id.hex24 for file in plan.files]},
    )
    if model.n_poor:
        outcome.notes.append(
            f"{model.n_poor} of {params.n_clusters} populations of the controls have too few events in a batch; "
            f"all events of the batch stood in"
        )
    page = _report(run, plan, model, learnt)
    meta = {"files": names, "n_batches": len(plan.batches)}
    title = run.name or "Report of normalisation across runs"
    outcome.results.append(report_result("batch-normalisation", title, page, **meta))
    return outcome


async def _plan(run: TableRun, params: BatchRun) -> _Plan:
    catalog, actor = run.run.catalog, run.run.actor
    study_id = run.pinned.dataset.study_id
    views = {view.dataset.id.hex24: view for view in await catalog.cytometry.files(actor, study_id=study_id)}
    batch_of = {id: batch for id, view in views.items() if (batch := _batch(view, params.batch))}
    wanted = [_key(id) for id in params.files] or list(batch_of)
    named = [_key(id) for id in params.controls]
    _check_annotated(views, [*wanted, *named], batch_of, params.batch)
    controls = named or [id for id in wanted if views[id].dataset.is_control] or wanted
    batches = sorted({batch_of[id] for id in wanted})
    if len(batches) < 2:
        raise InvalidInputError(
            f"All files have the same '{params.batch[:64]}', {batches[0]}, and at least 2 batches are needed",
            where="batch",
            do="Name the annotation that tells the batches apart, or annotate the files",
        )
    if lone := sorted(set(batches) - {batch_of[id] for id in controls}):
        raise InvalidInputError(f"The batch '{lone[0]}' has no control", where="controls", do="Name one for each batch")
    channels = channels_of(run, params.channels)
    files = {}
    for id in dict.fromkeys([*wanted, *(id for id in controls if batch_of[id] in batches)]):
        pinned = await catalog.tables.pin(actor, dataset_id=Key.parse(id))
        spill = await catalog.compensations.resolve(pinned, params.compensation)
        files[id] = _File(views[id], pinned, spill, batches.index(batch_of[id]))
    state = await catalog.gating.state(study_id, [])
    said = {name: state.scales.get(f"var:{name}") for name in channels}
    scales = {name: scale_from_json(scale) for name, scale in said.items() if scale is not None}
    return _Plan([files[id] for id in wanted], [files[id] for id in controls if id in files], batches, channels, scales)


def _check_annotated(
    views: Mapping[str, FileView], ids: Sequence[str], batch_of: Mapping[str, str], annotation: str
) -> None:
    """Refuse files that do not tell their batch; says which."""
    if unknown := next((id for id in ids if id not in views), ""):
        raise InvalidInputError("This file is not in the study", where=f"files, {unknown}", do="Choose among its files")
    missing = [views[id].dataset.name for id in dict.fromkeys(ids) if id not in batch_of]
    if batch_of and not missing:
        return
    known = dict.fromkeys(name for view in views.values() for name, _ in view.annotations)
    who = f"The files {_listed(missing)} have no" if len(missing) > 1 else f"The file {_listed(missing)} has no"
    raise InvalidInputError(
        f"{who if batch_of else 'No file of this study has an'} annotation '{annotation[:64]}'",
        where="batch",
        do=f"Annotate them, or choose of {_listed(list(known))}" if known else "Annotate the files with their batch",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name[:64]}'" for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _batch(view: FileView, annotation: str) -> str:
    return next((spell_value(value) for name, value in view.annotations if name == annotation), "")


def _key(id: str) -> str:
    return Key.parse(id).hex24


async def _scaled(run: TableRun, plan: _Plan, file: _File) -> np.ndarray:
    """Shape (n_events, n_channels), float32, compensated and scaled without limits; NaN = cannot be scaled."""
    references = [f"var:{name}" for name in plan.channels]
    reading = await run.run.catalog.axes.reading(file.pinned, references, file.spill)
    out = np.empty((file.pinned.part.n_cells, len(plan.channels)), np.float32)
    for place, (name, reference) in enumerate(zip(plan.channels, references, strict=True)):
        values = reading.values(reference)
        out[:, place] = plan.scales[name].forward(values, clamp=False) if name in plan.scales else values
    out[~np.isfinite(out)] = np.nan
    return out


async def _normalise(run: TableRun, plan: _Plan, model: BatchModel, file: _File) -> str:
    before = await _scaled(run, plan, file)
    after = apply_batches(model, before, file.batch)
    references = [f"var:{name}" for name in plan.channels]
    reading = await run.run.catalog.axes.reading(file.pinned, references, file.spill)
    columns = {}
    for place, (name, reference) in enumerate(zip(plan.channels, references, strict=True)):
        made = plan.scales[name].inverse(after[:, place]) if name in plan.scales else after[:, place]
        columns[name] = np.where(np.isfinite(made), made, reading.values(reference)).astype(np.float32)
    return await add_changed(run, file.pinned, Changed(columns, file.spill, annotations=file.view.annotations))


def _report(run: TableRun, plan: _Plan, model: BatchModel, learnt: Sequence[np.ndarray]) -> bytes:
    before: dict[int, list[np.ndarray]] = defaultdict(list)
    after: dict[int, list[np.ndarray]] = defaultdict(list)
    for file, values in zip(plan.controls, learnt, strict=True):
        some = values[:: max(1, len(values) // _DRAWN)]
        before[file.batch].append(some)
        after[file.batch].append(apply_batches(model, some, file.batch))
    pooled = [{batch: np.concatenate(parts) for batch, parts in each.items()} for each in (before, after)]
    labels = [axis_label(run.pinned, f"var:{name}") for name in plan.channels]
    rows = []
    for place, label in enumerate(labels):
        apart = [float(np.ptp([np.nanmedian(each[batch][:, place]) for batch in each])) for each in pooled]
        rows.append((label, round(apart[0], 4), round(apart[1], 4)))
    drawings = []
    n_drawn = min(_MOST_DRAWN, len(labels))
    for place, label in enumerate(labels[:n_drawn]):
        for each, when in zip(pooled, ("before", "after"), strict=True):
            layers = tuple(
                Layer(name, np.ascontiguousarray(each[batch][:, place])) for batch, name in enumerate(plan.batches)
            )
            drawings.append(Drawing("histogram", Axis(label), layers, title=when))
    scale = PICTURE_DPI / 96
    wide, high = 2 * _PANEL_PX[0], n_drawn * _PANEL_PX[1]
    style = PlotStyle(width=round(wide * scale), height=round(high * scale), dpi=PICTURE_DPI)
    grid = partial(draw_grid, drawings, n_rows=n_drawn, n_columns=2)
    figure = picture(
        lambda look: grid(style=look), style, alt="Histograms of each channel, before and after", width=wide
    )
    files = [(file.view.dataset.name, plan.batches[file.batch], file.pinned.part.n_cells) for file in plan.files]
    told = f"{len(plan.batches)} batches; {len(plan.controls)} controls; {len(model.goal)} populations."
    heads = ("Channel", "Medians of the batches apart before", "After")
    sections = [
        Section("Controls", [told, Table(heads, rows), "How far medians are apart is scaled."]),
        Section("Distributions of the controls", [figure]),
        Section("Files", [Table(("File", "Batch", "Events"), files)]),
    ]
    return report_page(run.name or "Normalisation across runs", "Controls of all batches", sections)
