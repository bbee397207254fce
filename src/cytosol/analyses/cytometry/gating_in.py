"""Makes gates, populations, scales and compensations of a study from what an exchange file holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.exchange_units import stretched, to_scaled
from cytosol.analyses.cytometry.gating_sizes import check_sizes
from cytosol.analyses.cytometry.geometry import refit
from cytosol.analyses.cytometry.scales import GmlLinearScale, LinearScale, Scale, scale_from_json
from cytosol.analyses.cytometry.trees import check_tree
from cytosol.base.gating import FROM_FILE, UNCOMPENSATED, Axis, Gating, Region, without_dangling
from cytosol.base.keys import new_key

OPEN = 1e38
"""Where an open side lies on an axis whose scale has no limit."""
_FAR = 2.0**31
"""What lies so far out on a linear axis stands for an open side."""
_ROOM = 0.05
_CORNERS_AN_EDGE = 32
_LINEAR = "linear", "gml-linear"
_QUADRANTS = ((True, True), (False, True), (False, False), (True, False))
_RIGHT_ANGLES = [0.0, math.pi / 2, math.pi, 3 * math.pi / 2]


@dataclass(frozen=True, slots=True)
class PlannedGate:
    """A gate to be made; fields as of `cytosol.model.gating.Gate`.

    Attributes
    ----------
    key : what tells it in its file, for other samples' gates of the same family
    """

    key: str
    gid: str
    kind: str
    name: str
    x: str
    y: str
    geometry: dict[str, Any]
    sectors: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlannedPopulation:
    """A population to be made; ``key`` and ``parent`` are ids of regions, "" = none."""

    key: str
    name: str
    parent: str
    tree: dict[str, Any]
    terminal_gid: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a study gets.

    Attributes
    ----------
    scales : feature reference → scale that changes
    compensations : name → channels, and matrix row by row
    compensation : which the gates were drawn on: "none", "internal", or a name of ``compensations``
    notes : what could not be brought, or not as it was; a sentence each
    """

    gates: list[PlannedGate]
    populations: list[PlannedPopulation]
    scales: dict[str, dict[str, Any]]
    compensations: dict[str, tuple[list[str], list[float]]]
    compensation: str
    notes: list[str]


def plan_import(
    gating: Gating, scales: Mapping[str, Mapping[str, Any]], factors: Mapping[str, float] | None = None
) -> Plan:
    """Plan what a study gets.

    Parameters
    ----------
    scales : feature reference → scale that the study has
    factors : channel → by what the values of the study are larger than those on the scale of the file: the gain, or
        one over the time step; 1 where nothing is said

    Notes
    -----
    A study has one scale an axis: that which most gates of the file have, and where it is linear and the study's is as
    well, the study's. Gates on another are moved; their edges, which are no straight lines then, get corners. Boxes of
    more than two axes become ranges that a population joins. Upper sides are open in exchange files and closed here:
    they lie one step of 32 bits lower.
    """
    return _Planner(to_scaled(gating), scales, factors or {}).plan()


class _Planner:
    """One file."""

    def __init__(self, gating: Gating, scales: Mapping[str, Mapping[str, Any]], factors: Mapping[str, float]) -> None:
        self._gating, self._factors = gating, {} if gating.as_stored else factors
        self._dyes = {
            name: dict(zip(matrix.dyes, matrix.detectors, strict=True))
            for name, matrix in gating.matrices.items()
            if len(matrix.dyes) == len(matrix.detectors)
        }
        self._notes = list(gating.notes)
        usable = {name: region for name, region in gating.regions.items() if self._is_usable(region)}
        self._usable, dropped = without_dangling(usable)
        self._notes += dropped
        check_sizes(self._usable)
        self._scales = self._chosen(scales)
        self._known = dict(scales)
        self._gates: list[PlannedGate] = []
        self._own: dict[str, list[dict[str, Any]]] = {}

    def plan(self) -> Plan:
        self._quadrants()
        for name in self._usable:
            self._conjunction(name)
        populations: dict[str, PlannedPopulation] = {}
        for name, region in self._usable.items():
            if region.is_population:
                self._add_population(name, populations)
        used = Counter(axis.compensation for region in self._usable.values() for axis in region.axes)
        said = [name for name, _ in used.most_common() if name != UNCOMPENSATED]
        compensations = {name: self._matrix(name) for name in said if name in self._dyes}
        if len(said) > 1:
            self._notes.append("The gates were drawn on several compensations; a study is gated on one at a time")
        chosen = "none" if not said else "internal" if said[0] == FROM_FILE else said[0]
        self._note_uncompensated(said[0] if said else "")
        changed = {name: scale for name, scale in self._scales.items() if self._known.get(name) != scale}
        return Plan(self._gates, list(populations.values()), changed, compensations, chosen, self._notes)

    def _note_uncompensated(self, chosen: str) -> None:
        """Tell which gates lie on values as measured of what is compensated for others."""
        axes = [axis for region in self._usable.values() for axis in region.axes if axis.compensation == chosen]
        compensated = {self._reference(axis) for axis in axes}
        compensated |= {f"var:{detector}" for detector in self._dyes.get(chosen, {}).values()}
        names = [
            repr(region.name)
            for region in self._usable.values()
            if any(one.compensation == UNCOMPENSATED and self._reference(one) in compensated for one in region.axes)
        ]
        if chosen and names:
            shown = ", ".join(names[:5]) + ", …" * (len(names) > 5)
            self._notes.append(
                f"The gates {shown} were drawn on values without compensation; a study is gated on one at a time"
            )

    def _is_usable(self, region: Region) -> bool:
        reason = ""
        if any(axis.ratio is not None for axis in region.axes):
            reason = "it lies on a ratio of channels"
        elif region.kind == "ellipsoid" and len(region.axes) != 2:
            reason = f"it is an ellipsoid of {len(region.axes)} axes"
        elif region.kind == "ellipsoid" and _half_axes(region) is None:
            reason = "its covariance matrix is that of no ellipse"
        elif any(axis.compensation not in (UNCOMPENSATED, FROM_FILE, *self._dyes) for axis in region.axes):
            reason = "its matrix has other numbers of dyes and detectors"
        if reason:
            self._notes.append(f"The gate {region.name!r} was left out: {reason}")
        return not reason

    # ------------------------------------------------------------------------------------------------ axes

    def _reference(self, axis: Axis) -> str:
        return "var:" + self._dyes.get(axis.compensation, {}).get(axis.channel, axis.channel)

    def _factor(self, axis: Axis) -> float:
        return self._factors.get(self._reference(axis).removeprefix("var:"), 1.0)

    def _chosen(self, known: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """The scale of each axis in the study, as it will be."""
        votes: dict[str, Counter[str]] = {}
        axes: dict[tuple[str, str], Axis] = {}
        for region in self._usable.values():
            for axis in region.axes:
                key = self._reference(axis), str(axis.scale)
                axes[key] = _with_common_bounds(axes.get(key, axis), axis)
                votes.setdefault(key[0], Counter())[key[1]] += 1
        chosen = {}
        for reference, counted in votes.items():
            axis = axes[reference, counted.most_common(1)[0][0]]
            old = known.get(reference)
            linear = axis.scale is None or axis.scale["type"] in _LINEAR
            if linear and old is not None and old["type"] in _LINEAR and (axis.low, axis.high) == (None, None):
                chosen[reference] = _widened(old, self._extents(reference))
            else:
                chosen[reference] = self._for_study(axis, old)
        return chosen

    def _extents(self, reference: str) -> list[tuple[float, float]]:
        """From where to where gates lie on a linear axis, in data units of the study; open sides do not count."""
        found = []
        for region in self._usable.values():
            for place, axis in enumerate(region.axes):
                if self._reference(axis) == reference:
                    edges = np.array(_edges(region, place), np.float64)
                    data = edges if axis.scale is None else scale_from_json(axis.scale).inverse(edges)
                    data = data[np.abs(data) < _FAR] * self._factor(axis)
                    if len(data):
                        found.append((float(data.min()), float(data.max())))
        return found

    def _for_study(self, axis: Axis, old: Mapping[str, Any] | None) -> dict[str, Any]:
        """The function of an axis, limited to what the file bounds its values to."""
        scale: Scale
        if axis.scale is None:
            low, high = scale_from_json(old).limits if old is not None else (0.0, 262144.0)
            scale = GmlLinearScale(high, -min(low, 0.0))
        else:
            scale = scale_from_json(stretched(axis.scale, self._factor(axis)))
        if isinstance(scale, LinearScale):
            # FlowJo shows this part of the axis, and leaves the values beyond as they are
            scale = GmlLinearScale(scale.maximum, -scale.minimum)
        said = scale.to_json()
        for end, bound in (("minimum", axis.low), ("maximum", axis.high)):
            if bound is not None:
                said[end] = float(scale.inverse(np.array([bound]))[0])
        if scale.type in _LINEAR and None not in (said["minimum"], said["maximum"]):
            return LinearScale(said["minimum"], said["maximum"]).to_json()
        return said

    def _move(self, axis: Axis) -> Callable[[np.ndarray], np.ndarray]:
        """Scaled coordinates of the file to those of the study; shape (n,) to (n,), float64."""
        old = None if axis.scale is None else scale_from_json(axis.scale)
        new, factor = self._scale(axis), self._factor(axis)

        def moved(values: np.ndarray) -> np.ndarray:
            data = values if old is None else old.inverse(values)
            return new.forward(data * factor, clamp=False)

        return moved

    def _scale(self, axis: Axis) -> Scale:
        return scale_from_json(self._scales[self._reference(axis)])

    def _is_straight(self, axis: Axis) -> bool:
        """Whether straight lines stay straight: both scales are linear, or the same function."""
        new = self._scales[self._reference(axis)]
        if axis.scale is None or axis.scale["type"] in _LINEAR:
            return bool(new["type"] in _LINEAR)
        same = scale_from_json(self._for_study(axis, None)).to_json()
        skipped = {"minimum", "maximum"}
        return {key: new.get(key) for key in same if key not in skipped} == {
            key: value for key, value in same.items() if key not in skipped
        }

    # ----------------------------------------------------------------------------------------------- gates

    def _leaves(self, region: Region) -> list[dict[str, Any]]:
        """What a region adds to its parent, all of which must hold."""
        if region.kind == "boolean":
            op = region.geometry["op"]
            parts = [
                {"not": [self._tree(ref)]} if complement else self._tree(ref)
                for ref, complement in region.geometry["refs"]
            ]
            leaves = list({str(part): part for part in parts}.values()) if op == "and" else [{op: parts}]
        elif region.kind == "box" and len(region.axes) > 2:
            pairs = zip(region.axes, region.geometry["limits"], strict=True)
            leaves = [
                self._gate(region, "range", (axis,), self._range(axis, *pair), suffix=f" {place}")
                for place, (axis, pair) in enumerate(pairs, 1)
            ]
        else:
            leaves = [self._single(region)]
        return [{"not": [{"and": leaves}] if len(leaves) > 1 else leaves}] if region.outside else leaves

    def _single(self, region: Region) -> dict[str, Any]:
        if region.kind == "box":
            sides = [
                self._range(axis, *pair) for axis, pair in zip(region.axes, region.geometry["limits"], strict=True)
            ]
            if len(sides) == 1:
                return self._gate(region, "range", region.axes, sides[0])
            x, y = sides
            box = {"x1": x["x1"], "x2": x["x2"], "y1": y["x1"], "y2": y["x2"]}
            return self._gate(region, "rectangle", region.axes, box)
        if region.kind == "polygon":
            vertices = np.array(region.geometry["vertices"], np.float64)
            if not all(map(self._is_straight, region.axes)):
                vertices = _with_corners(vertices)
            geometry: dict[str, Any] = {"vertices": vertices.tolist()}
        else:
            a, b, angle = _half_axes(region) or (1.0, 1.0, 0.0)
            geometry = {"center": list(region.geometry["mean"]), "angle": angle, "major": 2 * a, "minor": 2 * b}
            if not all(map(self._is_straight, region.axes)):
                self._notes.append(f"The ellipse {region.name!r} moved to another scale, where it is about an ellipse")
        kind = "polygon" if region.kind == "polygon" else "ellipse"
        return self._gate(region, kind, region.axes, refit(kind, geometry, *map(self._move, region.axes)))

    def _range(self, axis: Axis, low: float | None, high: float | None) -> dict[str, float]:
        """One side of a box, with the limits of its axis taken into account."""
        is_empty = (axis.high is not None and low is not None and low > axis.high) or (
            axis.low is not None and high is not None and high <= axis.low
        )
        if is_empty:
            return {"x1": OPEN, "x2": OPEN, "y": 0.5}
        if low is not None and axis.low is not None and low <= axis.low:
            low = None
        if high is not None and axis.high is not None and high > axis.high:
            high = None
        scale, move = self._scale(axis), self._move(axis)
        limits = [
            sign * OPEN if end is None else float(scale.forward(np.array([end]))[0])
            for sign, end in ((-1, scale.minimum), (1, scale.maximum))
        ]
        x1 = limits[0] if low is None else _step(float(move(np.array([low]))[0]), up=True)
        x2 = limits[1] if high is None else _step(float(move(np.array([high]))[0]), up=False)
        return {"x1": x1, "x2": x2, "y": 0.5}

    def _gate(
        self, region: Region, kind: str, axes: tuple[Axis, ...], geometry: Mapping[str, Any], *, suffix: str = ""
    ) -> dict[str, Any]:
        gid = new_key().hex24
        x, y = self._reference(axes[0]), self._reference(axes[1]) if len(axes) > 1 else ""
        self._gates.append(PlannedGate(region.id + suffix, gid, kind, region.name + suffix, x, y, dict(geometry)))
        return {"gate": gid}

    def _quadrants(self) -> None:
        """Four cells round one point become a quadrant gate."""
        families: dict[str, list[Region]] = {}
        for region in self._usable.values():
            if region.family and not region.outside:
                families.setdefault(region.family, []).append(region)
        for family, cells in families.items():
            axes = cells[0].axes
            alike = [cell for cell in cells if cell.axes == axes]
            sides = {tuple(low is not None for low, _ in cell.geometry["limits"]): cell for cell in alike}
            values = [
                {one for cell in cells for one in cell.geometry["limits"][place] if one is not None}
                for place in range(len(axes))
            ]
            if len(axes) != 2 or set(sides) != set(_QUADRANTS) or any(len(one) != 1 for one in values):
                continue
            middles = [one.pop() for one in values]
            if not all(_is_within(axis, one) for axis, one in zip(axes, middles, strict=True)):
                continue
            sectors = [{"gid": new_key().hex24, "name": sides[side].name} for side in _QUADRANTS]
            x, y = (
                _step(float(self._move(axis)(np.array([one]))[0]), up=True)
                for axis, one in zip(axes, middles, strict=True)
            )
            geometry = {"x": x, "y": y, "angles": list(cells[0].geometry.get("angles", _RIGHT_ANGLES))}
            first, second = (self._reference(axis) for axis in axes)
            gid, name = new_key().hex24, self._gating.family_names.get(family, family)
            self._gates.append(PlannedGate(family, gid, "quadrant", name, first, second, geometry, sectors))
            for side, sector in zip(_QUADRANTS, sectors, strict=True):
                self._own[sides[side].id] = [{"gate": sector["gid"]}]

    # ----------------------------------------------------------------------------------------- populations

    def _conjunction(self, name: str) -> list[dict[str, Any]]:
        region = self._usable[name]
        if name not in self._own:
            self._own[name] = self._leaves(region)
        return [*(self._conjunction(region.parent) if region.parent else []), *self._own[name]]

    def _tree(self, name: str) -> dict[str, Any]:
        parts = self._conjunction(name)
        return parts[0] if len(parts) == 1 else {"and": parts}

    def _add_population(self, name: str, found: dict[str, PlannedPopulation]) -> None:
        """Add a population behind its parent."""
        region = self._usable[name]
        if name not in found:
            if region.parent:
                self._add_population(region.parent, found)
            found[name] = self._population(region)

    def _population(self, region: Region) -> PlannedPopulation:
        own = self._own[region.id]
        terminal = str(own[0]["gate"]) if len(own) == 1 and "gate" in own[0] else ""
        tree = {"and": self._conjunction(region.id)}
        check_tree(tree)
        return PlannedPopulation(region.id, region.name, region.parent, tree, terminal)

    def _matrix(self, name: str) -> tuple[list[str], list[float]]:
        matrix = self._gating.matrices[name]
        return list(matrix.detectors), [value for row in matrix.values for value in row]


def _edges(region: Region, place: int) -> list[float]:
    """Where a region ends on one of its axes, scaled."""
    if region.kind == "box":
        return [one for one in region.geometry["limits"][place] if one is not None]
    if region.kind == "polygon":
        return [vertex[place] for vertex in region.geometry["vertices"]]
    middle, spread = region.geometry["mean"][place], region.geometry["covariance"][place][place]
    half = math.sqrt(max(spread * region.geometry["distance_square"], 0.0))
    return [middle - half, middle + half]


def _widened(scale: Mapping[str, Any], extents: list[tuple[float, float]]) -> dict[str, Any]:
    """A linear scale whose limits leave room for gates, so that limited values do not gather on the wrong side of them.

    Below it takes a gate that lies there as a whole: scatter has no events there, and gates that reach below.
    """
    said = dict(scale)
    low, high = said.get("minimum"), said.get("maximum")
    begin = min(first for first, _ in extents) if any(low is not None and last <= low for _, last in extents) else low
    end = max(last for _, last in extents) if any(high is not None and last > high for _, last in extents) else high
    room = 0.0 if begin is None or end is None else _ROOM * (end - begin)
    if begin is not None and begin != low:
        said["minimum"] = begin - room
    if end is not None and end != high:
        said["maximum"] = end + room
    return said


def _half_axes(region: Region) -> tuple[float, float, float] | None:
    """Half axes and angle of an ellipse; None where it is none."""
    try:
        form = np.linalg.inv(np.array(region.geometry["covariance"], np.float64))
    except np.linalg.LinAlgError:
        return None
    weights, vectors = np.linalg.eigh((form + form.T) / 2)
    distance = region.geometry["distance_square"]
    if not (weights > 0).all() or distance <= 0:
        return None
    long = vectors[:, 0]
    a, b = np.sqrt(distance / weights)
    return float(a), float(b), float(math.atan2(long[1], long[0]))


def _with_corners(vertices: np.ndarray) -> np.ndarray:
    """More corners along the edges; shape (n, 2) to (32 n, 2), float64, scaled units."""
    share = np.arange(_CORNERS_AN_EDGE)[:, np.newaxis] / _CORNERS_AN_EDGE
    following = np.roll(vertices, -1, axis=0)
    return np.concatenate([one + share * (other - one) for one, other in zip(vertices, following, strict=True)])


def _step(value: float, *, up: bool) -> float:
    """The least number of 32 bits that is not below a value, or the largest below it."""
    near = np.float32(value)
    if up:
        return float(near if float(near) >= value else np.nextafter(near, np.float32(np.inf)))
    return float(near if float(near) < value else np.nextafter(near, np.float32(-np.inf)))


def _is_within(axis: Axis, value: float) -> bool:
    """Whether limiting an axis leaves on which side of a value events are."""
    return (axis.low is None or axis.low < value) and (axis.high is None or value <= axis.high)


def _with_common_bounds(first: Axis, second: Axis) -> Axis:
    """An axis with the bounds that two have in common."""
    low = first.low if first.low == second.low else None
    high = first.high if first.high == second.high else None
    return replace(first, low=low, high=high)
