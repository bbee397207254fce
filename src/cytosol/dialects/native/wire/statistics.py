"""Wire models of counts and statistics of populations."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Id, Wire

Statistic = Literal[
    "mean", "median", "quantile", "mad", "geometric_mean", "cv", "stddev", "event_count", "percent", "events_per_ul"
]  # fmt: skip
Reference = Literal["parent", "grandparent", "total"] | Id
Layout = Literal["medium", "tall", "wide", "prism"]
Format = Literal["json", "csv", "tsv", "xlsx", "parquet", "arrow"]
_COMPENSATION = "none, internal (that of the file), own (what each dataset says), or the id of one"


class CountsRequest(Wire):
    """Which populations of which datasets are to be counted."""

    dataset_ids: list[Id] | None = None
    """null = all that are ready and no controls."""
    population_ids: list[Id | None] | None = None
    """null among them = all cells; null instead of a list = all populations, and all cells."""
    compensation: str = Field("own", description=_COMPENSATION)
    table: str = ""
    """Empty = the main one of each dataset."""


class CountRow(Wire):
    """Cells of a population in a dataset."""

    dataset_id: HexId
    population_id: HexId | None
    """null = all cells."""
    n_events: int | None
    """null where it cannot be told; ``problem`` says why."""
    percent_of_parent: float | None
    percent_of_total: float | None
    problem: str


class Counts(Wire):
    """Counts, dataset by dataset."""

    items: list[CountRow]


class Beads(Wire):
    """Counting beads."""

    population_id: Id
    """The beads among the events."""
    n_added: float = Field(gt=0)
    """Beads in each tube."""
    volume_ul: float = Field(gt=0)
    """Sample in each tube, µL."""


class StatisticsRequest(Wire):
    """Which statistics of which populations of which datasets."""

    dataset_ids: list[Id] | None = None
    """null = all that are ready and no controls."""
    population_ids: list[Id | None] | None = None
    """null among them = all cells; null instead of a list = all cells alone."""
    axes: list[str] = Field(default_factory=list, examples=[["var:FITC-A", "reagent:CD3", "obs:n_genes"]])
    """Feature references; values are compensated, never scaled. ``reagent:CD3`` is, in each file, the channel with this
    reagent; a file that has none, or several of which nobody can tell one, has no value, and a note says so."""
    statistics: list[Statistic] = Field(default_factory=list)
    """``quantile`` is type 8 of Hyndman and Fan, ``mad`` has no factor, ``stddev`` divides by n - 1, ``cv`` is in
    percent, ``events_per_ul`` is of the volume in the file (``$VOL``) or of ``beads``. May be empty where there are
    formulas."""
    formulas: dict[str, str] = Field(
        default_factory=dict, examples=[{"CD4 to CD8": "median(CD4) / median(CD8)", "share": "percent(A) / percent(B)"}]
    )
    """Name of a column → formula: numbers, ``+ - * /``, parentheses, ``log10``, ``log2``, ``abs``, ``min``, ``max``,
    and statistics of a channel, as in ``median(CD4)``, ``quantile(CD4, 0.9)``, or of the population alone, as in
    ``event_count``. A population comes last, ``median(CD4, T cells)``, ``percent(T cells, total)``; left out it is
    that of the row."""
    beads: Beads | None = None
    """null = events per µL are of the volume that the file says was measured."""
    q: float | None = Field(None, ge=0, le=1)
    """Of the quantile."""
    percent_of: list[Reference] | None = None
    """What ``percent`` is of: parent, grandparent, total, or ids of populations; null = parent."""
    compensation: str = Field("own", description=_COMPENSATION)
    table: str = ""
    """Empty = the main one of each dataset."""
    annotations: bool = False
    """Whether what the datasets and their samples are annotated with comes along."""
    layout: Layout = "medium"
    """medium: one row a dataset, population and axis; tall: one row a value; wide: one row a dataset; prism: one column
    a dataset."""
    format: Format = "json"


class SavedStatisticsRequest(StatisticsRequest):
    """A table of statistics to be kept in the study."""

    name: str = Field("", max_length=200, examples=["Medians of T cells"])
    """Without the ending; empty = Statistics."""
    format: Literal["csv", "tsv", "xlsx", "parquet"] = "csv"


class StatisticsNote(Wire):
    """Why a file has no values, or which of several channels with a reagent was taken."""

    dataset_id: HexId
    axis: str | None
    """As it was asked for, or stands in a formula; null = it is about a population."""
    population_id: HexId | None
    note: str


class StatisticsTable(Wire):
    """Statistics as rows."""

    columns: list[str]
    """In their order; the rows are objects with these keys."""
    items: list[dict[str, Any]]
    notes: list[StatisticsNote]
    """The rows that they are about have them too, in the column ``note``, which is there where there are any."""
