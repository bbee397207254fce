"""Gates as exchange files hold them (Gating-ML 2.0, FlowJo, FACSDiva).

They stand between the formats, which read and write them, and the floors that evaluate them or make gates of a study
of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

UNCOMPENSATED = ""
FROM_FILE = "FCS"
"""The compensation that an FCS file brings along."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A new axis, a × (numerator - b) / (denominator - c), limited to ``low`` … ``high``."""

    numerator: str
    denominator: str
    a: float
    b: float
    c: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a region.

    Attributes
    ----------
    channel : of the file, or a dye of the matrix; "" where a ratio stands instead
    compensation : "" = none, "FCS" = that of the file, else the id of a matrix
    scale : as ``analyses/cytometry/scales.py`` spells it; None = as it is
    low, high : what the scaled value is limited to; None = nothing
    """

    channel: str
    compensation: str = UNCOMPENSATED
    scale: dict[str, Any] | None = None
    low: float | None = None
    high: float | None = None
    ratio: Ratio | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """A spillover or spectrum matrix.

    Attributes
    ----------
    dyes, detectors : names of rows and columns
    values : n_dyes rows of n_detectors numbers, unitless
    """

    dyes: tuple[str, ...]
    detectors: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A gate, or a part of a plane or space that dividers cut out.

    Attributes
    ----------
    id : unique in its gating
    parent : id of the region that its events must lie in too; "" = none
    geometry : box ``{limits: [[low or None, high or None], …]}``, one pair an axis, low ≤ x < high, and ``angles``
        of the quadrant gate that four of a family are, where they are not right ones; polygon
        ``{vertices: [[x, y], …]}``; ellipsoid ``{mean, covariance, distance_square}``; boolean ``{op: "and" | "or" |
        "not", refs: [[id, complement], …]}``; curly as a box that is open on two sides: a quadrant
        whose upper and right lines bend, as FlowJo draws it; in data units only
    outside : whether it holds what lies outside of its shape
    family : what its siblings, cut out by the same dividers, share
    n_events : as its author counted them, None = not said
    is_population : whether its events have a name by themselves, else it is a gate that others refer to
    """

    id: str
    name: str
    kind: Literal["box", "polygon", "ellipsoid", "boolean", "curly"]
    geometry: dict[str, Any]
    axes: tuple[Axis, ...] = ()
    parent: str = ""
    outside: bool = False
    family: str = ""
    n_events: int | None = None
    is_population: bool = True

    @property
    def needs(self) -> list[str]:
        """Ids of the regions that it is made of: its parent, and those that a boolean one names."""
        refs = [ref for ref, _ in self.geometry.get("refs", ())]
        return [self.parent, *refs] if self.parent else refs


@dataclass(frozen=True, slots=True)
class Gating:
    """What an exchange file says about one sample, or all.

    Attributes
    ----------
    regions : in the order of the file, by id
    matrices : by id
    notes : what was left out, a sentence each
    family_names : family of regions → what it is called, where that is another name
    unit : of the coordinates: scaled values, or data values as FlowJo writes them, whose ellipses have ``{foci, edge}``
        in 256ths of the axes
    as_stored : whether coordinates count in the values that the file stores; else gain and time step are taken out
    """

    regions: dict[str, Region]
    matrices: dict[str, Matrix] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    family_names: dict[str, str] = field(default_factory=dict)
    unit: Literal["scaled", "data"] = "scaled"
    as_stored: bool = False


@dataclass(frozen=True, slots=True)
class SampleGating:
    """A sample of a workspace.

    Attributes
    ----------
    uri : where its file was
    groups : that it belongs to
    n_events : as its author counted them, None = not said
    """

    name: str
    gating: Gating
    uri: str = ""
    groups: tuple[str, ...] = ()
    keywords: dict[str, str] = field(default_factory=dict)
    n_events: int | None = None


def without_dangling(regions: Mapping[str, Region]) -> tuple[dict[str, Region], list[str]]:
    """Leave out what needs a region that is not there.

    Returns
    -------
    what is left, and a sentence for each that is not
    """
    kept, notes = dict(regions), []
    users: dict[str, list[str]] = {}
    for name, region in regions.items():
        for needed in region.needs:
            users.setdefault(needed, []).append(name)
    missing = [name for name in users if name not in regions]
    for gone in missing:
        for name in users.get(gone, ()):
            if name in kept:
                notes.append(f"The gate {kept.pop(name).name!r} was left out: it needs {gone!r}")
                missing.append(name)  # and what needs this
    return kept, notes
