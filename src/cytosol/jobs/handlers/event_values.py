"""The scaled values of channels, as the analyses of events take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.plots.heatmap import Heatmap, compared, draw_heatmap
from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.analyses.cytometry.scales import Scale, scale_from_json
from cytosol.analyses.reports import Picture, Table
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.axes import is_events
from cytosol.catalog.layouts import REPORT
from cytosol.catalog.plot_marks import axis_label
from cytosol.jobs.handlers.base import NewResult, TableRun
from cytosol.model.gating_rules import has_reagent

_SCATTER = ("FSC", "SSC")
_TIME = ("time", "hdr-t")
_NO_MARKER = (*_TIME, "event_length", "event #", "width", "offset", "center", "residual", "cell_length")
PICTURE_DPI = 192.0


@dataclass(frozen=True, slots=True)
class EventValues:
    """Values of some channels of some events.

    Attributes
    ----------
    labels : of the channels, with their reagents
    rows : shape (n,), int64, rising
    values : shape (n, n_channels), float32, compensated and scaled as the study says
    scales : of the channels; None = as they are
    """

    labels: list[str]
    rows: np.ndarray
    values: np.ndarray
    scales: list[Scale | None]


def is_time(name: str) -> bool:
    """Whether a channel tells the time, by its name."""
    return name.strip().lower() in _TIME


def channels_of(run: TableRun, named: Sequence[str], *, fewest: int = 2) -> list[str]:
    """The channels that are named, else those with a reagent, else all that measure light or metal.

    Raises
    ------
    InvalidInputError
        Where the table has no channels and no features are named, or fewer than ``fewest`` are left.
    """
    found = list(named)
    if not found and not is_events(run.pinned):
        raise InvalidInputError(
            f"'{run.pinned.part.table.name}' has no channels", where="channels", do="Name the features to be used"
        )
    if not found:
        panel = run.pinned.dataset.panel or []
        markers = [
            each for each in panel
            if str(each["channel"]).lower() not in _NO_MARKER and not str(each["channel"]).upper().startswith(_SCATTER)
        ]  # fmt: skip
        with_reagent = [each for each in markers if has_reagent(str(each["channel"]), each.get("reagent"))]
        found = [str(each["channel"]) for each in with_reagent or markers or panel]
    if len(found) < fewest:
        what = "two channels are" if fewest > 1 else "one channel is"
        raise InvalidInputError(f"At least {what} needed", where="channels", do="Name more of them")
    return found


async def read_values(
    run: TableRun, channels: Sequence[str], *, compensation: str, cells: Mapping[str, Any] | None = None
) -> EventValues:
    """Read channels, compensated and scaled; values that are missing stay NaN.

    Parameters
    ----------
    cells : selection; empty = all
    """
    catalog = run.run.catalog
    spill = await catalog.compensations.resolve(run.pinned, compensation)
    state = await catalog.gating.state(run.pinned.dataset.study_id, [])
    references = [f"var:{name}" for name in channels]
    reading = await catalog.axes.reading(run.pinned, references, spill)
    rows = await run.cells(cells) if cells else np.arange(run.n_cells)
    values = np.empty((len(rows), len(channels)), np.float32)
    for place, reference in enumerate(references):
        values[:, place] = reading.scaled(reference, state.scales.get(reference))[rows]
    labels = [axis_label(run.pinned, reference) for reference in references]
    said = [state.scales.get(reference) for reference in references]
    scales = [None if one is None else scale_from_json(one) for one in said]
    return EventValues(labels, rows, values, scales)


def medians(found: EventValues, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Median of each group in each channel: shape (n_groups, n_channels), float64, scaled; NaN of no events."""
    out = np.full((n_groups, found.values.shape[1]), np.nan)
    for group in range(n_groups):
        part = found.values[codes == group]
        if len(part):
            out[group] = np.nanmedian(part, axis=0)
    return out


def groups_parts(found: EventValues, codes: np.ndarray, names: Sequence[str]) -> list[str | Table | Picture]:
    """Of a report: a heatmap of the medians of groups, and a table of their sizes."""
    table = medians(found, codes, len(names))
    width, height = 260 + 46 * len(found.labels), 150 + 24 * len(names)
    scale = PICTURE_DPI / 96
    style = PlotStyle(width=round(width * scale), height=round(height * scale), dpi=PICTURE_DPI)
    heatmap = Heatmap(tuple(names), tuple(found.labels), *compared(table, found.scales))
    alt = "Heatmap of the medians of each population in each channel"
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    total = max(1, int(counts.sum()))
    rows = [(name, int(n), round(100 * n / total, 2)) for name, n in zip(names, counts, strict=True)]
    return [
        picture(lambda look: draw_heatmap(replace(heatmap, style=look)), style, alt=alt, width=width),
        Table(("Population", "Events", "Percent"), rows),
    ]


def report_result(analysis: str, name: str, page: bytes, **meta: Any) -> NewResult:
    """A report as a result of a job."""
    return NewResult(REPORT, name, page, "html", {"analysis": analysis, **meta})
