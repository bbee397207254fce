"""Wire models of figures: what stands in the address."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import Id, Wire


class FigureSize(Wire):
    """The format of a figure and how large it is."""

    format: Literal["png", "svg", "pdf"] = "png"
    width: float = Field(480, gt=0)
    """In ``unit``; of a PNG exact to the pixel."""
    height: float = Field(480, gt=0)
    unit: Literal["px", "mm"] = "px"
    dpi: float = Field(96, ge=10, le=2400)
    """Pixels per inch; text and lines keep their size in mm."""


class FigureQuery(FigureSize):
    """How a figure looks."""

    compensation: str = "own"
    """none, internal (the file's), own (what the dataset says), or the id of one."""
    attachment: bool = False
    """Whether the answer names a file to be saved."""


class PlotQuery(FigureQuery):
    """What a plot shows and how it looks."""

    kind: Literal["density", "dot", "contour", "histogram"] = "density"
    x: str = Field(min_length=1)
    """Feature reference: ``var:<channel or gene>``, ``obs:<annotation>`` or ``obsm:<embedding>:<dimension from 0>``."""
    y: str = ""
    """Feature reference; a histogram has none."""
    color_by: str = ""
    """Feature reference of what colours dots."""
    population: Id | None = None
    overlays: str = ""
    """What is laid over it: ``DATASET/POPULATION``, separated by commas; either id left out = that of the plot."""
    title: str = Field("", max_length=300)
    axes: bool = True
    axis_labels: bool = True
    ticks: bool = True
    tick_labels: bool = True
    color: str = ""
    """``#rgb``, ``#rgba``, ``#rrggbb`` or ``#rrggbbaa``."""
    smoothing: float = Field(0, ge=0, le=10)
    """0 = none, 1 = as usual."""
    percentile_start: float = Field(5, ge=0, le=99.9)
    """Percent of the events outside the first contour."""
    percentile_step: float = Field(10, ge=0.5, le=100)
    """Percent of the events outside each next contour in addition."""
    gates: bool = True
    gate_label: str = "name,percent"
    """What stands beside gates: name, percent, eventcount, mean, median, mad, cv, stddev, geometricmean or none."""
    gate_label_size: float = Field(11, ge=1, le=200)
    """Pixels at 96 dpi."""
    stroke: float = Field(1, ge=0.1, le=20)
    """Pixels at 96 dpi, of lines, dots and gates."""
    normalise: bool = False
    """Whether the highest bin of every histogram is 100 %."""
    offset: float = Field(0, ge=0, le=1)
    """By how much of its height each further histogram stands higher."""
    pre_n: int | None = Field(None, ge=0)
    """At most so many of all events, before the population is taken."""
    pre_p: float | None = Field(None, ge=0, le=1)
    """A share of all events."""
    post_n: int | None = Field(None, ge=0)
    """At most so many events of the population."""
    post_p: float | None = Field(None, ge=0, le=1)
    """A share of the events of the population."""
    seed: float = 0
    """The same seed draws the same events."""


class HeatmapQuery(FigureQuery):
    """A heatmap of medians."""

    axes: str = Field(min_length=1)
    """Feature references, separated by commas, with a backslash before a comma that belongs to a name."""
    populations: str = ""
    """Ids, separated by commas; ``all`` among them = all events; none = all populations of the study."""


class FilesRequest(Wire):
    """Which datasets, how they are put together, and how the figure looks."""

    dataset_ids: list[Id] | None = Field(None, max_length=500)
    """null = all of the study that are ready and no controls."""
    table: str = ""
    """Empty = the main one of each dataset."""
    group_by: str = ""
    """An annotation of the datasets or their samples: each value is one row with the events of all its datasets;
    numbers first, those without a value last. Empty = a row for each dataset."""
    equal: bool = False
    """Whether a group has as many events of each dataset as of the one with the fewest, drawn at random; those with
    none are left out."""
    reagents_of: Id | None = None
    """A dataset of the study whose channels are meant: in the others, those with the same reagents stand for them."""
    format: Literal["png", "svg", "pdf"] = "png"
    unit: Literal["px", "mm"] = "px"
    dpi: float = Field(96, ge=10, le=2400)


class StudyHeatmapRequest(FilesRequest):
    """A heatmap of medians of one population: a row for each dataset or group, a column for each axis."""

    axes: list[str] = Field(min_length=1, max_length=200, examples=[["var:FITC-A", "reagent:CD3"]])
    """Feature references; ``reagent:CD3`` is, in each file, the channel with this reagent."""
    population_id: Id | None = None
    """null = all events."""
    compensation: str = "own"
    """none, internal (the file's), own (what each dataset says), or the id of one."""
    width: float = Field(480, gt=0)
    """In ``unit``."""
    height: float = Field(480, gt=0)


class PlotGridRequest(FilesRequest):
    """The same plots of several datasets on one sheet: a row for each dataset or group, a column for each plot."""

    plots: list[PlotQuery] = Field(min_length=1, max_length=20)
    """As in the address of one plot; format and size are those of the sheet."""
    width: float = Field(260, gt=0)
    """Of one plot, in ``unit``."""
    height: float = Field(260, gt=0)
