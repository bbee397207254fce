"""Gates, populations, compensations and scales: the records of ISAC's Gating-ML, for any table.

A *feature reference* names an axis: ``var:<channel or feature>``, ``obs:<column>`` or ``obsm:<name>:<dimension>``,
counted from 0.
Fields equal the columns of the table of the same name; times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cytosol.base.keys import Key

GateKind = Literal["rectangle", "polygon", "ellipse", "range", "quadrant", "split"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A region of one or two axes, in their scaled space.

    Attributes
    ----------
    dataset_id : whose own gate this is, which may be a dataset that there is not; None = the gate of the study
    gid : 24 hex digits; the gates of one family share it: that of the study and those of single datasets
    x, y : feature references; ``y`` is "" for range and split
    geometry : rectangle ``{x1, x2, y1, y2}``; polygon ``{vertices: [[x, y], …]}``; ellipse ``{center: [x, y], angle,
        major, minor}``, angle in radians from x towards y, major and minor the full lengths of the axes; range
        ``{x1, x2, y}`` and split ``{x, y}``, where y is the height of the drawn bar from 0 to 1;
        quadrant ``{x, y, angles: [4]}``
    sectors : of a quadrant upper right, upper left, lower left, lower right, of a split left, right:
        ``{"gid", "name"}`` each; else empty
    tailored : whether datasets may have their own gate of this family
    extra : under ``labels`` where the names are drawn, [[x, y], …]
    """

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    dataset_id: Key | None
    gid: str
    kind: str
    name: str
    x: str
    y: str
    geometry: dict[str, Any]
    sectors: list[dict[str, Any]]
    tailored: bool
    locked: bool


@dataclass(frozen=True, slots=True)
class Population:
    """Cells that a boolean tree of gates and annotations describes.

    Attributes
    ----------
    parent_id : its place in the hierarchy, and what "percent of parent" means; who is in it follows from the tree
    tree : ``{"gate": gid}`` (of a gate or a sector), ``{"column": name, "groups": [level, …]}``, or ``{"and": […]}``,
        ``{"or": […]}``, ``{"xor": […]}`` (an odd number of them), ``{"not": […]}`` (none of them); "and" of
        nothing is all
    terminal_gid : the gate or sector that it adds to its parent; "" where it adds none or several
    """

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    parent_id: Key | None
    name: str
    tree: dict[str, Any]
    terminal_gid: str
    position: int


@dataclass(frozen=True, slots=True)
class Compensation:
    """A spillover matrix.

    Attributes
    ----------
    channels : names of the channels, of rows and columns alike
    matrix : n × n numbers row by row; row = dye, column = detector
    made_by : how it was computed, where it was
    """

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    name: str
    channels: list[str]
    matrix: list[float]
    made_by: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScaleSet:
    """How the axes of a study are scaled for gating and display.

    Attributes
    ----------
    scales : feature reference → ``{"type", …}``, as ``analyses/cytometry/scales.py`` spells it; an axis that is not
        named is taken as it is
    """

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    name: str
    scales: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a study and is no data."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    study_id: Key
    original_id: Key
    name: str
