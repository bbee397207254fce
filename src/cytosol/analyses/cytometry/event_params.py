"""Parameters of the jobs that work on channels: which, of which events, and how compensated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cytosol.analyses.cytometry.batches import BatchParams
from cytosol.analyses.cytometry.beads import BeadParams
from cytosol.analyses.cytometry.flowsom import FlowSomParams
from cytosol.analyses.cytometry.quality import QualityParams
from cytosol.analyses.parameters import Params, parameter


def channels_parameter() -> Any:
    """The field that names channels."""
    return parameter(
        (),
        "Channels, or features of a table without channels; those with a reagent where none is named",
        type="strings",
        names="features",
    )


def compensation_parameter() -> Any:
    """The field that names a compensation."""
    return parameter("own", "none, internal (that of the file), own (what the dataset says), or the id of one")


def cells_parameter() -> Any:
    """The field that says which events take part."""
    return parameter({}, "The events that take part, such as those of a population; all where empty")


def time_parameter() -> Any:
    """The field that names the time."""
    return parameter("", "The channel that holds the time; found by its name where empty", names="features")


@dataclass(frozen=True, slots=True)
class FlowSomRun(FlowSomParams):
    """Parameters of a job that runs FlowSOM."""

    channels: tuple[str, ...] = channels_parameter()
    compensation: str = compensation_parameter()
    cells: Mapping[str, Any] = cells_parameter()


@dataclass(frozen=True, slots=True)
class QualityRun(QualityParams):
    """Parameters of a job that looks at the quality of a run."""

    channels: tuple[str, ...] = channels_parameter()
    compensation: str = compensation_parameter()
    time: str = time_parameter()


@dataclass(frozen=True, slots=True)
class EventMapParams(Params):
    """Parameters of a map of events."""

    channels: tuple[str, ...] = channels_parameter()
    compensation: str = compensation_parameter()
    cells: Mapping[str, Any] = cells_parameter()
    n_events: int = parameter(
        50_000, "At most so many events, drawn at random; the others get no place", unit="events", minimum=100
    )
    standardise: bool = parameter(True, "Whether every channel gets mean 0 and standard deviation 1 first")
    umap: bool = parameter(True, "Whether a UMAP is made")
    tsne: bool = parameter(False, "Whether a t-SNE is made")
    spectral: bool = parameter(False, "Whether a spectral embedding is made")
    clusters: bool = parameter(True, "Whether Leiden clusters are made")
    resolution: float = parameter(1.0, "Of the clusters; a higher one gives more", minimum=0.01, maximum=100)
    n_neighbors: int = parameter(
        15, "Size of a neighbourhood, counting the event itself", unit="events", minimum=2, maximum=200
    )
    perplexity: float = parameter(
        30.0, "Effective number of neighbours of the t-SNE", unit="events", minimum=1, maximum=300
    )
    seed: int = parameter(0, "Seed of everything that is drawn at random", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True, slots=True)
class BeadRun(BeadParams):
    """Parameters of a job that normalises a file of mass cytometry by its beads."""

    channels: tuple[str, ...] = parameter(
        (),
        "Channels of the beads; those of Ce140, Eu151, Eu153, Ho165 and Lu175 where none is named",
        type="strings",
        names="features",
    )
    dna: tuple[str, ...] = parameter(
        (), "Channels of DNA; those of Ir191 and Ir193 where none is named", type="strings", names="features"
    )
    time: str = time_parameter()
    baseline: tuple[float, ...] = parameter(
        (),
        "Counts that beads shall have, for each of their channels, such as those of another file; the mean of the run "
        "where none is given",
        type="numbers",
        minimum=0,
    )


@dataclass(frozen=True, slots=True)
class BatchRun(BatchParams):
    """Parameters of a job that normalises files of several runs."""

    batch: str = parameter("", "The annotation of the files that tells their batch", required=True)
    files: tuple[str, ...] = parameter(
        (), "Ids of the files; all of the study that have the annotation where none is named", type="strings"
    )
    controls: tuple[str, ...] = parameter(
        (),
        "Ids of the files that would look alike in one run; the control files where none is named, and all files where "
        "there are none",
        type="strings",
    )
    goal: str = parameter("", "The batch that the others are led to; the mean of all where empty")
    channels: tuple[str, ...] = channels_parameter()
    compensation: str = compensation_parameter()
