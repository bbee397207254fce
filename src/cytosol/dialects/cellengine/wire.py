"""The JSON of requests. Keys that are not listed are ignored: the clients send some that mean nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StrictBool, field_validator

Flag = Annotated[bool, Strict(), BeforeValidator(lambda value: False if value is None else value)]
"""A Boolean; null means no."""
Texts = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
"""A list of texts; R spells one of a single text as the text."""


def _flat(value: Any) -> Any:
    rows = isinstance(value, list) and value and all(isinstance(row, list) for row in value)
    return [one for row in value for one in row] if rows else value


SpillMatrix = Annotated[list[float], BeforeValidator(_flat)]
"""Numbers row by row; R sends a matrix as rows."""


class Wire(BaseModel):
    """A JSON object of a request."""

    model_config = ConfigDict(extra="ignore")


class SignIn(Wire):
    """``signin``; a one-time code is not needed here and ignored."""

    username: str
    password: str


class NewExperiment(Wire):
    """``POST experiments``; ``comments`` is a plain text here."""

    name: str | None = None
    comments: Any = None
    primaryResearcher: str | None = None  # noqa: N815 (spelt as on the wire, here and below)
    tags: Texts | None = None
    path: Texts | None = None


class ExperimentChange(NewExperiment):
    """``PATCH experiments/ID``: the changed properties, or the whole document with a person as researcher."""

    primaryResearcher: str | dict[str, Any] | None = None  # type: ignore[assignment]  # noqa: N815
    deleted: str | None = None
    activeCompensation: int | str | None = None  # noqa: N815
    locked: StrictBool | None = None


class Clone(Wire):
    """``clone``."""

    name: str | None = None
    path: Texts | None = None


class RevisionNote(Wire):
    """``revision``."""

    description: str


class Import(Wire):
    """What ``importResources`` shall bring: all, none, or the ids."""

    populations: Flag = False
    illustrations: Flag | list[str] = False
    compensations: Flag | list[str] = False
    savedStatisticExports: Flag | list[str] = False  # noqa: N815
    annotations: Flag | list[str] = False


class ImportRequest(Wire):
    """``importResources``."""

    srcExperiment: str  # noqa: N815
    channelMap: dict[str, str | None] = Field(default_factory=dict)  # noqa: N815
    dstPopulationId: str | None = None  # noqa: N815
    resources: Import = Field(default_factory=Import, alias="import")

    @field_validator("channelMap", mode="before")
    @classmethod
    def _no_map(cls, value: Any) -> Any:
        return {} if value in (None, []) else value


class FolderRequest(Wire):
    """A folder to be made, or a change of one."""

    name: str | None = None
    path: Texts | None = None
    deleted: str | None = None


class AttachmentChange(Wire):
    """A change of an attachment."""

    filename: str


class NewCompensation(Wire):
    """A compensation to be made."""

    name: str
    channels: list[str]
    spillMatrix: SpillMatrix  # noqa: N815


class CompensationChange(Wire):
    """A change of a compensation; what is left out stays."""

    name: str | None = None
    channels: list[str] | None = None
    spillMatrix: SpillMatrix | None = None  # noqa: N815


GateType = Literal["RectangleGate", "PolygonGate", "EllipseGate", "RangeGate", "QuadrantGate", "SplitGate"]


class NewGate(Wire):
    """A gate to be made."""

    type: GateType
    xChannel: str  # noqa: N815
    yChannel: str | None = None  # noqa: N815
    name: str | None = None
    names: list[str] | None = None
    gid: str | None = None
    model: dict[str, Any]
    tailoredPerFile: StrictBool | None = None  # noqa: N815
    fcsFileId: str | None = None  # noqa: N815
    locked: StrictBool | None = None


class GateChange(Wire):
    """A change of a gate or family; what is left out stays."""

    name: str | None = None
    names: list[str] | None = None
    xChannel: str | None = None  # noqa: N815
    yChannel: str | None = None  # noqa: N815
    model: dict[str, Any] | None = None
    tailoredPerFile: StrictBool | None = None  # noqa: N815
    locked: StrictBool | None = None


class Tailoring(Wire):
    """``gates/applyTailored``: the whole gate as last received."""

    gate: dict[str, Any]
    fcsFileIds: list[str] = Field(default_factory=list)  # noqa: N815


class NewPopulation(Wire):
    """A population to be made; ``gates`` is a text that holds JSON."""

    name: str
    gates: str
    parentId: str | None = None  # noqa: N815
    terminalGateGid: str | None = None  # noqa: N815


class PopulationChange(Wire):
    """A change of a population; what is left out stays."""

    name: str | None = None
    gates: str | None = None
    parentId: str | None = None  # noqa: N815
    terminalGateGid: str | None = None  # noqa: N815


class ChannelScale(Wire):
    """A channel and its scale."""

    channelName: str  # noqa: N815
    scale: dict[str, Any]


class ScaleSetChange(Wire):
    """All scales of a set."""

    scales: list[ChannelScale]


class FileChange(Wire):
    """A change of an FCS file; what is left out stays."""

    filename: str | None = None
    panel: list[dict[str, Any]] | None = None
    panelName: str | None = None  # noqa: N815
    isControl: StrictBool | None = None  # noqa: N815
    compensation: int | str | None = None
    deleted: str | None = None
    gatesLocked: StrictBool | None = None  # noqa: N815
    annotations: list[dict[str, Any]] | None = None


class Derive(Wire):
    """An FCS file to be made from others; ``seed`` may be a fraction."""

    fcsFiles: list[str | dict[str, Any]]  # noqa: N815
    filename: str | None = None
    addFileNumber: Flag = False  # noqa: N815
    addEventNumber: Flag = False  # noqa: N815
    preSubsampleN: int | None = None  # noqa: N815
    preSubsampleP: float | None = None  # noqa: N815
    seed: float | None = None


class Zip(Wire):
    """``fcsfiles/zip``."""

    format: str = "fcs"
    fcsFileIds: Texts | None = None  # noqa: N815
    populationIds: list[str | None] | None = None  # noqa: N815
    compensationId: int | str | None = None  # noqa: N815
    compensatedQ: Flag = False  # noqa: N815
    preSubsampleN: int | None = None  # noqa: N815
    preSubsampleP: float | None = None  # noqa: N815
    postSubsampleN: int | None = None  # noqa: N815
    postSubsampleP: float | None = None  # noqa: N815
    seed: float | None = None
    filenameTemplate: str | None = None  # noqa: N815


class StatisticsRequest(Wire):
    """``bulkstatistics``; lists may come as one text."""

    statistics: list[str]
    channels: list[str] = Field(default_factory=list)
    q: float | None = None
    annotations: Flag = False
    compensationId: int | str | None = None  # noqa: N815
    fcsFileIds: list[str] | None = None  # noqa: N815
    populationIds: list[str | None] | None = None  # noqa: N815
    percentOf: str | list[str | None] | None = "PARENT"  # noqa: N815
    format: str = "json"
    layout: str = "medium"

    @field_validator("statistics", "channels", "fcsFileIds", "populationIds", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("channels", mode="before")
    @classmethod
    def _no_channels(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("format", "layout", mode="before")
    @classmethod
    def _by_default(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if value is None else value
