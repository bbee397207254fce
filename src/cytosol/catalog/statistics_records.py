"""What a table of statistics shall hold, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cytosol.analyses.cytometry.formulas import COUNT_STATISTICS, Formula
from cytosol.analyses.cytometry.statistics import CHANNEL_STATISTICS
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.statistics_formulas import PARENT, read_formulas
from cytosol.model.gating_rules import parse_reference
from cytosol.model.panels import Panel, same_reagent

COUNTS = ("event_count", "percent")
STATISTICS = (*CHANNEL_STATISTICS, *COUNT_STATISTICS)


@dataclass(frozen=True, slots=True)
class Beads:
    """Counting beads, which tell in how much of a sample the cells were.

    Attributes
    ----------
    population_id : the beads among the events
    n_added : beads in each tube
    volume_ul : sample in each tube, µL
    """

    population_id: Key
    n_added: float
    volume_ul: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What a table of statistics shall hold.

    Attributes
    ----------
    axes : feature references; ``reagent:<name>`` is the channel of each dataset that carries the reagent
    statistics : of ``STATISTICS``
    q : of the quantile, 0 to 1
    percent_of : parent, grandparent, total, or the id of a population
    compensation : none, internal, own, or the id of one
    table : "" = the main one of each dataset
    formulas : name of the column → formula over statistics, see ``analyses.cytometry.formulas``
    beads : None = events per µL are of the volume that the file says was measured
    """

    axes: Sequence[str] = ()
    statistics: Sequence[str] = COUNTS
    q: float | None = None
    percent_of: Sequence[str | Key] = (PARENT,)
    compensation: str = "own"
    table: str = ""
    formulas: Mapping[str, str] = field(default_factory=dict)
    beads: Beads | None = None

    def checked(self) -> Asked:
        """The same, if it can be computed.

        Raises
        ------
        InvalidInputError
            Where a statistic or axis is none, ``q`` is missing, or beads are none.
        """
        for name in self.statistics:
            if name not in STATISTICS:
                raise InvalidInputError(
                    f"'{name[:64]}' is no statistic", where="statistics", do=f"Choose {', '.join(STATISTICS)}"
                )
        if not self.statistics and not self.formulas:
            raise InvalidInputError("No statistic is named", where="statistics", do=f"Choose {', '.join(STATISTICS)}")
        for axis in self.axes:
            parse_reference(axis, where="axes")
        if "quantile" in self.statistics and (self.q is None or not 0 <= self.q <= 1):
            raise InvalidInputError("A quantile needs q, from 0 to 1", where="q", do="Give q, such as 0.9")
        if self.beads is not None and not (self.beads.n_added > 0 and self.beads.volume_ul > 0):
            raise InvalidInputError("Beads and volume have to be more than 0", where="beads", do="Give both of a tube")
        return self

    @property
    def of_axes(self) -> list[str]:
        """The statistics of axes."""
        return [name for name in dict.fromkeys(self.statistics) if name in CHANNEL_STATISTICS]

    def axes_in(self, panel: Panel) -> dict[str, str]:
        """The axes whose statistics are asked for → those of a dataset; a reagent that has no one channel stays."""
        return {axis: same_reagent(axis, (), panel) for axis in self.axes if self.of_axes}

    def parsed(self) -> dict[str, Formula]:
        """The formulas by name, read."""
        return read_formulas(self.formulas, STATISTICS)


@dataclass(frozen=True, slots=True)
class Share:
    """Percent of one population in another; ``of`` None = all cells, ``value`` None = of nothing."""

    of: Key | None
    value: float | None


@dataclass(frozen=True, slots=True)
class StatisticsRow:
    """One population of one dataset.

    Attributes
    ----------
    population_id : None = all cells
    n_events : cells; None where the dataset lacks what the population is gated on
    shares : in the order of ``percent_of``
    values : axis → statistic → value in data units; None where it cannot be computed, or the dataset lacks the axis
    per_ul : events per µL; None where the volume is not known, or no beads were measured
    formulas : name → value; None where it is not defined
    """

    dataset_id: Key
    population_id: Key | None
    n_events: int | None
    shares: list[Share]
    values: dict[str, dict[str, float | None]]
    per_ul: float | None = None
    formulas: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """Why a dataset has no values, or which of several channels it is of.

    Attributes
    ----------
    about : the axis as it was asked for or stands in a formula, or a population
    text : a sentence without its full stop
    in_formulas : whether the axis stands in a formula
    """

    about: str | Key
    text: str
    in_formulas: bool = False


@dataclass(frozen=True, slots=True)
class StatisticsTable:
    """Rows, dataset by dataset, and what tells them apart.

    Attributes
    ----------
    datasets : id → name
    reagents : dataset → channel → reagent, of event tables
    names, unique_names : of populations
    parents : population → its parent
    of_datasets : names of the formulas that are the same for all populations of a dataset
    axes : dataset → axis that was asked for → axis of the dataset, ``reagent:`` where no one channel carries it
    notes : dataset → why values are missing, and which of several channels were taken; without datasets that have none
    """

    asked: Asked
    rows: list[StatisticsRow]
    datasets: dict[Key, str]
    reagents: dict[Key, dict[str, str]]
    names: dict[Key | None, str]
    unique_names: dict[Key | None, str]
    parents: dict[Key, Key | None] = field(default_factory=dict)
    of_datasets: frozenset[str] = frozenset()
    axes: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)
    notes: Mapping[Key, Sequence[Note]] = field(default_factory=dict)
