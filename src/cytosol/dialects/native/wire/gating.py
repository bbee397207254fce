"""Wire models of gates, populations, compensations and scales."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from cytosol.dialects.native.wire.common import HexId, Id, Record, Wire

Kind = Literal["rectangle", "polygon", "ellipse", "range", "quadrant", "split"]
Gid = Annotated[str, StringConstraints(pattern="^[0-9a-f]{24}$")]
Geometry = dict[str, Any]
_TREE = {"and": [{"gate": "0199c8a2f3b04c5d6e7f8091"}, {"column": "type", "groups": ["T cell"]}]}


class Sector(Wire):
    """A part of a quadrant or split."""

    gid: Gid | None = None
    name: str | None = None


class SectorRecord(Wire):
    """A part of a quadrant (upper right, upper left, lower left, lower right) or split (left, right)."""

    gid: HexId
    name: str


class GateRequest(Wire):
    """A gate to be made."""

    kind: Kind
    name: str = Field(examples=["Lymphocytes"])
    x: str = Field(examples=["var:FSC-A"])
    """Feature reference: ``var:<channel or gene>``, ``obs:<annotation>`` or ``obsm:<embedding>:<dimension from 0>``."""
    y: str = Field("", examples=["var:SSC-A"])
    """Empty for range and split."""
    geometry: Geometry = Field(examples=[{"x1": 30000, "x2": 120000, "y1": 5000, "y2": 60000}])
    """In scaled space. rectangle: x1, x2, y1, y2; polygon: vertices; ellipse: center, angle (radians), major, minor
    (full lengths); range: x1, x2, y; quadrant: x, y, angles; split: x, y."""
    gid: Gid | None = None
    """Of a family that there is; a fresh one where none is given."""
    sectors: list[Sector] | None = None
    dataset_id: Id | None = None
    """Whose own gate this is; null = the gate of the study."""
    tailored: bool = False
    locked: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)


class GatesRequest(Wire):
    """Gates to be made, all or none."""

    gates: list[GateRequest] = Field(min_length=1, max_length=2000)
    populations: bool = False
    """Whether each gate, of a quadrant or split each sector, becomes a population too."""
    parent_id: Id | None = None
    """The population that these are gated of; null = all."""


class GateChange(Wire):
    """A change of a gate; what is left out stays."""

    name: str | None = None
    x: str | None = None
    y: str | None = None
    geometry: Geometry | None = None
    sectors: list[Sector] | None = None
    tailored: bool | None = None
    locked: bool | None = None
    """A locked gate takes no other change."""
    extra: dict[str, Any] | None = None


class GateRecord(Record):
    """A region of one or two axes, in their scaled space."""

    study_id: HexId
    dataset_id: HexId | None
    """Whose own gate this is; null = the gate of the study."""
    gid: HexId
    """The family: the gate of the study and those of single datasets."""
    kind: Kind
    name: str
    x: str
    y: str
    geometry: Geometry
    sectors: list[SectorRecord]
    tailored: bool
    locked: bool
    extra: dict[str, Any]


class PopulationRequest(Wire):
    """A population to be made."""

    name: str = Field(examples=["CD4 T cells"])
    tree: dict[str, Any] = Field(examples=[_TREE])
    """``{"gate": gid}``, ``{"column": name, "groups": […]}``, or and, or, xor, not of a list of these."""
    parent_id: Id | None = None
    terminal_gid: Gid | Literal[""] = ""
    """The gate that it adds to its parent; empty where it adds none or several."""


class PopulationChange(Wire):
    """A change of a population; what is left out stays."""

    name: str | None = None
    tree: dict[str, Any] | None = None
    parent_id: Id | None = None
    """null = at the top."""
    terminal_gid: Gid | Literal[""] | None = None
    position: int | None = None


class PopulationRecord(Record):
    """Cells that a boolean tree of gates and annotations describes."""

    study_id: HexId
    parent_id: HexId | None
    name: str
    unique_name: str
    """With as many ancestors in front as tell it apart."""
    tree: dict[str, Any]
    terminal_gid: str
    position: int


class GatesMade(Wire):
    """The gates that were made, and their populations where these were asked for."""

    gates: list[GateRecord]
    populations: list[PopulationRecord]


class FamilyChanged(Wire):
    """How many gates a change of a family touched."""

    n_gates: int


class TailoredGate(Wire):
    """The gate that datasets shall have; the rest of a whole gate may be sent along."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    geometry: Geometry
    dataset_id: Id | None = None
    """Whose gate it is; null = the gate of the study is in force again."""
    name: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class TailorRequest(Wire):
    """Give datasets gates of their own, or take these away."""

    gid: Gid
    gate: TailoredGate
    dataset_ids: list[Id] = Field(max_length=10000)


class TailoredRecord(Wire):
    """What a tailoring did."""

    inserted: list[GateRecord]
    updated: list[GateRecord]
    deleted: list[GateRecord]


class CopyRequest(Wire):
    """Gates and populations to be copied to another study."""

    to_study_id: Id
    population_ids: list[Id] | None = None
    """With the gates that they name; null = all."""
    parent_id: Id | None = None
    """The population there below which they come; null = at the top."""
    channels: dict[str, str] = Field(default_factory=dict, examples=[{"FITC-A": "BB515-A"}])
    """Channel or gene here → there; others keep their name. Gates on one that goes to "" stay behind."""
    by_reagent: bool = False
    """Whether channels go to those with the same reagent. Where files do not agree on it, or one has it on several
    channels, nothing is copied and the answer names them: say in ``channels`` which is meant."""


class CompensationRequest(Wire):
    """A spillover matrix to be kept."""

    name: str
    channels: list[str] = Field(examples=[["FITC-A", "PE-A"]])
    matrix: list[float] = Field(examples=[[1, 0.2, 0.01, 1]])
    """n × n numbers row by row; row = dye, column = detector."""
    made_by: dict[str, Any] = Field(default_factory=dict)


class CompensationChange(Wire):
    """A change of a compensation; what is left out stays."""

    name: str | None = None
    channels: list[str] | None = None
    matrix: list[float] | None = None


class CompensationRecord(Record):
    """A spillover matrix."""

    study_id: HexId
    name: str
    channels: list[str]
    matrix: list[float]
    made_by: dict[str, Any]


class ScalesRequest(Wire):
    """All scales of a study."""

    scales: dict[str, dict[str, Any]] = Field(
        examples=[{"var:FITC-A": {"type": "arcsinh", "minimum": -200, "maximum": 262144, "cofactor": 150}}]
    )
    """Feature reference → scale; an axis that is not named is taken as it is."""
    refit: bool = True
    """Whether gates move with their scales."""


class ScaleSetRecord(Record):
    """How the axes of a study are scaled for gating and display."""

    study_id: HexId
    name: str
    scales: dict[str, dict[str, Any]]


class ScalesChanged(Wire):
    """The scales, and the gates that moved with them."""

    scale_set: ScaleSetRecord
    gates: list[GateRecord]
