"""Bead normalisation of a file of mass cytometry: an annotation of its beads, a new file, and a report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np

from cytosol.analyses.cytometry.beads import KINDS, BeadCourse, find_beads, follow_beads
from cytosol.analyses.cytometry.event_params import BeadRun
from cytosol.analyses.cytometry.plots.courses import Panel, draw_courses
from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.analyses.reports import Cell, Section, Table, report_page
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.event_files import Changed, add_changed, check_may_add
from cytosol.jobs.handlers.event_values import PICTURE_DPI, is_time, report_result

BEADS = ("140Ce", "151Eu", "153Eu", "165Ho", "175Lu")
DNA = ("191Ir", "193Ir")
_METAL = re.compile(r"(\d{2,3})([A-Z][a-z]?)|([A-Z][a-z]?)(\d{2,3})")
_WIDTH_PX = 760
_SHOWN = 300


async def normalise_by_beads(run: TableRun) -> Outcome:
    """Find the beads, follow them in time, and write the file as it would be if nothing had been lost."""
    params = cast(BeadRun, run.params)
    names = [str(entry["channel"]) for entry in run.pinned.dataset.panel]
    metals = {name: metal for name in names if (metal := metal_of(name))}
    beads = list(params.channels) or [name for name, metal in metals.items() if metal in BEADS]
    dna = list(params.dna) or [name for name, metal in metals.items() if metal in DNA]
    time = params.time or next((name for name in names if is_time(name)), "")
    if not beads or not time:
        what = "no channel of time" if beads else f"none of the channels of beads ({', '.join(BEADS)})"
        raise InvalidInputError(f"The file has {what}", do="Name the channels")
    if params.baseline and len(params.baseline) != len(beads):
        raise InvalidInputError(
            f"There are {len(params.baseline)} counts for {len(beads)} channels of beads", where="baseline"
        )
    await check_may_add(run, [run.pinned])
    reading = await run.run.catalog.axes.reading(run.pinned, [f"var:{name}" for name in (*metals, *beads, *dna, time)])
    seen = np.stack([reading.values(f"var:{name}") for name in beads], axis=1)
    content = np.stack([reading.values(f"var:{name}") for name in dna], axis=1) if dna else None
    codes = find_beads(seen, content)
    clock = reading.values(f"var:{time}")
    run.report.progress(0.3, "Following the beads")
    goal = np.array(params.baseline) if params.baseline else None
    course = follow_beads(clock, seen, codes == 1, params, baseline=goal)
    counts = np.bincount(codes, minlength=len(KINDS))
    run.report.log(", ".join(f"{kind} {n:,}" for kind, n in zip(KINDS, counts, strict=True)))
    columns = {name: reading.values(f"var:{name}") * course.factors for name in {*metals, *beads, *dna}}
    rows = np.flatnonzero(codes == 0) if params.remove_beads else None
    name = await add_changed(run, run.pinned, Changed(columns, rows=rows))
    title = run.name or "beads"
    baseline = [round(float(value), 3) for value in course.baseline]
    outcome = Outcome(
        columns={title: ColumnData(codes, categories=list(KINDS))},
        result={"events": dict(zip(KINDS, counts.tolist(), strict=True)), "baseline": baseline, "file": name},
        facts={"channels_used": beads, "dna_used": dna, "time_used": time, "baseline_used": baseline},
    )
    page = _report(run, course, beads, counts)
    outcome.results.append(report_result("bead-normalisation", "Report of bead normalisation", page, file=name))
    return outcome


def metal_of(channel: str) -> str:
    """The metal that a channel measures by its name, such as 140Ce of ``Ce140Di`` and ``(Ce140)Dd``; "" = none."""
    found = _METAL.search(channel)
    if found is None:
        return ""
    return f"{found[1]}{found[2]}" if found[1] else f"{found[4]}{found[3]}"


def _report(run: TableRun, course: BeadCourse, beads: Sequence[str], counts: np.ndarray) -> bytes:
    total = max(1, int(counts.sum()))
    shown = np.unique(np.linspace(0, len(course.time) - 1, _SHOWN).astype(int))
    at, none = course.time[shown], np.zeros(len(shown), bool)
    scale = PICTURE_DPI / 96
    style = PlotStyle(width=round(_WIDTH_PX * scale), dpi=PICTURE_DPI)
    pictures = {}
    for when, values in (("before", course.before), ("after", course.after)):
        panels = [Panel(name, at, values[shown, place], none) for place, name in enumerate(beads)]
        pictures[when] = picture(
            partial(draw_courses, panels, "Time"), style, alt=f"Running medians of the beads {when}", width=_WIDTH_PX
        )
    rows: list[list[Cell]] = []
    for place, name in enumerate(beads):
        ends = (*_ends(course.before[:, place]), *_ends(course.after[:, place]))
        rows.append([name, *(round(value, 1) for value in ends)])
    heads = ("Channel", "Lowest before", "Highest before", "Lowest after", "Highest after")
    kinds = [(kind, int(n), round(100 * n / total, 2)) for kind, n in zip(KINDS, counts, strict=True)]
    low, high = _ends(course.factors)
    sections = [
        Section("Events", [Table(("", "Events", "Percent"), kinds)]),
        Section("Beads", [f"Events were multiplied by {low:.3f} to {high:.3f}.", Table(heads, rows)]),
        Section("Before", [pictures["before"]]),
        Section("After", [pictures["after"]]),
    ]
    return report_page("Bead normalisation", f"Beads of {run.pinned.dataset.name}", sections)


def _ends(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(values.max())
