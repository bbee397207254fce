"""Wire models of gates from other programs, and of compensations computed from controls."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cytosol.dialects.native.wire.common import Id, Wire
from cytosol.dialects.native.wire.gating import CompensationRecord, GateRecord, PopulationRecord, ScaleSetRecord
from cytosol.dialects.native.wire.plots import FigureSize

Range = Annotated[list[float], Field(min_length=2, max_length=2, examples=[[300, 5000]])]


class BroughtRecord(Wire):
    """What came out of a file."""

    gates: list[GateRecord]
    populations: list[PopulationRecord]
    compensations: list[CompensationRecord]
    scale_set: ScaleSetRecord
    compensation: str = Field(examples=["internal"])
    """Which the gates were drawn on: ``none``, ``internal``, or the id of one that came; count with it."""
    notes: list[str]
    """What could not come, or not as it was; a sentence each."""


class ControlSource(Wire):
    """Events of a control."""

    dataset_id: Id
    population_id: Id | None = None
    """The events that are taken; null = all."""


class ControlRequest(ControlSource):
    """A single-stained control."""

    channel: str = Field(examples=["FITC-A"])
    """Which is stained."""
    positive: Range | None = None
    """Values of the channel whose events are taken as bright; null = they are found."""
    negative: Range | None = None
    """Values whose events are taken as dim; null = the unstained control, else they are found."""


class ComputeRequest(Wire):
    """A compensation to be computed from single-stained controls."""

    controls: list[ControlRequest] = Field(min_length=1, max_length=200)
    unstained: ControlSource | None = None
    channels: list[str] = Field(default_factory=list, max_length=200)
    """Of the matrix; empty = those of the controls."""
    name: str = Field("", examples=["From controls"])
    """Under which it is kept; empty = it is only computed."""
    insist: bool = False
    """Whether it is kept also where a control looks like one of another channel; else that is refused."""


class DyeRequest(ControlRequest):
    """A reference control of a dye; ``channel`` is its brightest detector."""

    dye: str = Field("", examples=["BV421"])
    """Name of the new channel; empty = that of the detector."""


class ReferencesRequest(Wire):
    """Reference controls, which give spectra."""

    controls: list[DyeRequest] = Field(min_length=1, max_length=200)
    unstained: ControlSource | None = None
    detectors: list[str] = Field(default_factory=list, max_length=1000)
    """Channels that are unmixed; empty = all but scatter and time."""


class SpectraRequest(ReferencesRequest, FigureSize):
    """The spectra of reference controls as a figure."""

    dark: bool = False
    """Whether the sheet is dark, for a page in its dark theme."""


class UnmixRequest(ReferencesRequest):
    """Files to be unmixed by the spectra of reference controls."""

    dataset_ids: list[Id] = Field(min_length=1, max_length=1000)
    weighted: bool = False
    """Whether detectors count by one over their signal, as of counted photons; else all alike."""


class PartsRecord(Wire):
    """What was taken of a control."""

    channel: str
    positive: list[float]
    negative: list[float] | None
    """Null where the unstained control was taken."""
    n_positive: int
    n_negative: int


class ComputedRecord(Wire):
    """A computed compensation."""

    compensation: CompensationRecord | None
    """As it was kept."""
    channels: list[str]
    matrix: list[list[float]]
    """A row a dye, a column a detector."""
    spread: list[list[float | None]]
    """How much each dye (row) widens populations in each detector (column), root of data units; null = unknown."""
    parts: list[PartsRecord]
    warnings: list[str]
    """A sentence for each control that is brighter in another channel than in its own."""
