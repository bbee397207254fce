"""Where a run was unsteady: an annotation of every event, and a report."""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np

from cytosol.analyses.cytometry.event_params import QualityRun
from cytosol.analyses.cytometry.plots.courses import Panel, draw_courses
from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.analyses.cytometry.quality import CATEGORIES, Quality, check_quality
from cytosol.analyses.reports import Section, Table, report_page
from cytosol.base.tables import ColumnData
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.event_values import PICTURE_DPI, channels_of, is_time, read_values, report_result

_WIDTH_PX = 760


async def check_run(run: TableRun) -> Outcome:
    """Look at flow rate, signal and the ends of the detectors."""
    params = cast(QualityRun, run.params)
    channels = channels_of(run, params.channels, fewest=1)
    time = params.time or next((str(e["channel"]) for e in run.pinned.dataset.panel or [] if is_time(e["channel"])), "")
    found = await read_values(run, channels, compensation=params.compensation)
    clock = None
    if time:
        clock = await run.run.catalog.axes.axis(run.pinned, f"var:{time}")
    run.report.progress(0.3, "Following the run")
    made = check_quality(clock, list(found.values.T), found.labels, params)
    title = run.name or "Flow quality"
    outcome = Outcome(notes=[*made.notes])
    outcome.columns[title] = ColumnData(made.codes, categories=list(CATEGORIES))
    counts = np.bincount(made.codes, minlength=len(CATEGORIES))
    run.report.log(", ".join(f"{name} {n:,}" for name, n in zip(CATEGORIES, counts, strict=True)))
    outcome.result = {"events": dict(zip(CATEGORIES, counts.tolist(), strict=True))}
    outcome.facts = {"channels_used": channels, "time_used": time}
    page = _report(run, title, made, counts)
    meta = {"share_good": round(float(counts[0]) / max(1, run.n_cells), 4)}
    outcome.results.append(report_result("flow-quality", f"Report of {title}", page, **meta))
    return outcome


def _report(run: TableRun, title: str, made: Quality, counts: np.ndarray) -> bytes:
    total = max(1, int(counts.sum()))
    rows = [(name, int(n), round(100 * n / total, 2)) for name, n in zip(CATEGORIES, counts, strict=True)]
    courses = [made.rate] if made.rate is not None else []
    panels = [Panel(each.name, each.time, each.values, each.bad) for each in (*courses, *made.channels)]
    scale = PICTURE_DPI / 96
    style = PlotStyle(width=round(_WIDTH_PX * scale), dpi=PICTURE_DPI)
    course = partial(draw_courses, panels, "Time" if made.rate is not None else "Event")
    sections = [
        Section("Events", [*made.notes, Table(("", "Events", "Percent"), rows)]),
        Section(
            "Course of the run",
            [
                "Events per unit of time, and the median of every channel, scaled. What is marked was taken out.",
                picture(course, style, alt="The flow rate and the medians of all channels in time", width=_WIDTH_PX),
            ],
        ),
    ]
    return report_page(title, f"Quality of {run.pinned.dataset.name}", sections)
