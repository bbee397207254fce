"""Says what a study's gates and populations are as an exchange file holds them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.exchange_units import stretched
from cytosol.analyses.cytometry.geometry import ELLIPSE_AXES_PER_LENGTH, refit
from cytosol.analyses.cytometry.scales import ArcSinhScale, BiexponentialScale, LogScale, Scale, scale_from_json
from cytosol.base.gating import FROM_FILE, UNCOMPENSATED, Axis, Gating, Matrix, Region
from cytosol.model.gating import Gate, Population

_FAR = 1e4
_CORNERS_AN_EDGE = 32
_STRAIGHT = 1e-9


@dataclass(frozen=True, slots=True)
class Compensated:
    """What gates are evaluated on: ``name`` "" = no compensation, "FCS" = that of the file, else of ``matrix``."""

    name: str = UNCOMPENSATED
    matrix: Matrix | None = None


class _LeftOutError(Exception):
    """A gate or population that an exchange file cannot hold; the text says why."""


def describe(
    gates: Mapping[str, tuple[Gate, int]],
    populations: Sequence[Population],
    scales: Mapping[str, Mapping[str, Any]],
    compensated: Compensated,
    *,
    own_scales: bool = False,
    factors: Mapping[str, float] | None = None,
) -> Gating:
    """Describe the populations of a study.

    Parameters
    ----------
    gates : gid of a gate or sector → the gate in force, and the place of the sector, -1 = the whole gate
    populations : of the study
    scales : feature reference → scale
    own_scales : spell them as ours, as the writer for FlowJo wants them; else as Gating-ML 2.0 has them
    factors : channel → by what the values of the study are larger than those on the scale of the file

    Returns
    -------
    a region each population, and further ones where its tree needs them; what cannot be said is in the notes.
    Coordinates are scaled. Closed upper sides are written one step of 32 bits higher, since they are open there; sides
    at a limit of the scale are left away, since everything beyond is inside
    """
    return _Describer(gates, populations, scales, compensated, own_scales=own_scales, factors=factors or {}).gating()


class _Describer:
    """One study."""

    def __init__(
        self,
        gates: Mapping[str, tuple[Gate, int]],
        populations: Sequence[Population],
        scales: Mapping[str, Mapping[str, Any]],
        compensated: Compensated,
        *,
        own_scales: bool,
        factors: Mapping[str, float],
    ) -> None:
        self._factors = factors
        self._own_scales = own_scales
        self._gates, self._scales, self._compensated = gates, scales, compensated
        self._populations = {one.id: one for one in populations}
        self._regions: dict[str, Region] = {}
        self._ids: dict[Any, str] = {}
        self._notes: list[str] = []

    def gating(self) -> Gating:
        for population in self._populations.values():
            self._write(population)
        matrix = self._compensated.matrix
        matrices = {self._compensated.name: matrix} if matrix is not None else {}
        return Gating(self._regions, matrices, tuple(self._notes))

    def _write(self, population: Population) -> str:
        """Write a population and what it lies in; its id, "" where it was left out."""
        if population.id in self._ids:
            return self._ids[population.id]
        self._ids[population.id] = ""
        parent = self._populations.get(population.parent_id) if population.parent_id is not None else None
        above = self._write(parent) if parent is not None else ""
        known = set(self._regions)
        try:
            added = _added(population.tree, parent.tree if parent is not None and above else {"and": []})
            if len(added) == 1 and "gate" in added[0]:
                region = self._shape(str(added[0]["gate"]))
                region = replace(region, id=self._fresh(above, population.name), name=population.name, parent=above)
            else:
                tree = population.tree if len(added) != 1 else added[0]
                region = self._boolean(tree, self._fresh(above, population.name), population.name)
                region = replace(region, parent=above if len(added) == 1 else "")
        except _LeftOutError as fault:
            self._notes.append(f"The population {population.name!r} was left out: {fault}")
            for name in set(self._regions) - known:
                del self._regions[name]
            return ""
        self._regions[region.id] = region
        self._ids[population.id] = region.id
        return region.id

    def _fresh(self, above: str, name: str) -> str:
        path = f"{above}/{name}" if above else name
        number, found = 2, path
        while found in self._regions:
            found, number = f"{path} ({number})", number + 1
        return found

    # ---------------------------------------------------------------------------------------------- trees

    def _boolean(self, tree: Mapping[str, Any], name: str, shown: str) -> Region:
        """A node as a region; what it combines becomes regions of its own."""
        key = next(iter(tree))
        if key in ("gate", "column"):
            tree, key = {"and": [tree]}, "and"
        children = tree[key]
        if not children:
            raise _LeftOutError("a tree of nothing cannot be said in an exchange file")
        if key == "xor":
            return self._boolean(_parity(children), name, shown)
        refs = [[self._part(child, f"{name}.{place}"), False] for place, child in enumerate(children, 1)]
        return Region(name, shown, "boolean", {"op": key, "refs": refs})

    def _part(self, tree: Mapping[str, Any], name: str) -> str:
        if "column" in tree:
            raise _LeftOutError(f"it takes the annotation {tree['column']!r}")
        if "gate" in tree:
            region = self._shape(str(tree["gate"]))
            region = replace(region, name=f"{region.name} (gate)")
        else:
            region = self._boolean(tree, name, name)
        self._regions.setdefault(region.id, region)
        return region.id

    # --------------------------------------------------------------------------------------------- shapes

    def _shape(self, gid: str) -> Region:
        if gid not in self._gates:
            raise _LeftOutError(f"there is no gate {gid}")
        gate, sector = self._gates[gid]
        references = [gate.x, gate.y] if gate.y else [gate.x]
        for reference in references:
            if not reference.startswith("var:"):
                raise _LeftOutError(f"its gate {gate.name!r} lies on {reference}, which is no channel")
        scales = [self._scale(reference) for reference in references]
        gate, scales = self._on_file_scale(gate, scales)
        axes = tuple(self._axis(*pair) for pair in zip(references, scales, strict=True))
        name = gate.name if sector < 0 else gate.sectors[sector]["name"]
        kind, geometry = _geometry(gate, sector, scales)
        # Gating-ML has no biexponential: such axes are written in data units
        bent = [scale if isinstance(scale, BiexponentialScale) and not self._own_scales else None for scale in scales]
        if any(bent) and kind == "ellipsoid":
            kind, geometry = "polygon", {"vertices": _outline(geometry)}
        if any(bent):
            geometry = _in_data(kind, geometry, bent)
        return Region(gid, name, kind, geometry, axes)  # type: ignore[arg-type]

    def _on_file_scale(self, gate: Gate, scales: list[Scale | None]) -> tuple[Gate, list[Scale | None]]:
        """The gate and its scales with gain and time step taken out of the values."""
        factors = [self._factors.get(axis.removeprefix("var:"), 1.0) for axis in (gate.x, gate.y) if axis]
        if all(factor == 1 for factor in factors):
            return gate, scales
        fresh = [
            None if scale is None else scale_from_json(stretched(scale.to_json(), 1 / factor))
            for scale, factor in zip(scales, factors, strict=True)
        ]

        def mover(place: int) -> Callable[[np.ndarray], np.ndarray]:
            old, new, factor = scales[place], fresh[place], factors[place]
            if old is None or new is None:
                return lambda values: values / factor
            return lambda values: new.forward(old.inverse(values) / factor, clamp=False)

        moves = [mover(place) for place in range(len(factors))]
        return replace(gate, geometry=refit(gate.kind, gate.geometry, moves[0], moves[-1])), fresh

    def _scale(self, reference: str) -> Scale | None:
        said = self._scales.get(reference)
        return None if said is None else scale_from_json(said)

    def _axis(self, reference: str, scale: Scale | None) -> Axis:
        channel = reference.removeprefix("var:")
        matrix = self._compensated.matrix
        compensation = self._compensated.name
        if compensation not in (UNCOMPENSATED, FROM_FILE) and (matrix is None or channel not in matrix.dyes):
            compensation = UNCOMPENSATED
        if scale is None:
            return Axis(channel, compensation)
        if self._own_scales:
            return Axis(channel, compensation, scale.to_json())
        if isinstance(scale, BiexponentialScale):
            return Axis(channel, compensation)
        low, high = (
            None if one is None else float(scale.forward(np.array([one]))[0]) for one in (scale.minimum, scale.maximum)
        )
        return Axis(channel, compensation, _for_gating_ml(scale), low, high)


def _for_gating_ml(scale: Scale) -> dict[str, Any] | None:
    """The same function as Gating-ML spells it."""
    if isinstance(scale, ArcSinhScale):
        return {"type": "gml-asinh", "t": scale.cofactor * math.sinh(1), "m": 1 / math.log(10), "a": 0.0}
    if isinstance(scale, LogScale):
        return {"type": "gml-log", "t": 10.0, "m": 1.0}
    if scale.type == "linear":
        return None
    return {key: value for key, value in scale.to_json().items() if key not in ("minimum", "maximum")}


def _added(tree: Mapping[str, Any], above: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a population joins to its parent; the whole tree where it is not joined to it."""
    parts, parent = _joined(tree), _joined(above)
    if all(part in parts for part in parent):
        return [part for part in parts if part not in parent]
    return [tree, tree]


def _joined(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for child in tree["and"] for part in _joined(child)] if "and" in tree else [tree]


def _parity(children: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """An odd number of them, said with and, or, not."""
    found = dict(children[0])
    for other in children[1:]:
        found = {"or": [{"and": [found, {"not": [other]}]}, {"and": [{"not": [found]}, other]}]}
    return {"and": [found]}


def _geometry(gate: Gate, sector: int, scales: Sequence[Scale | None]) -> tuple[str, dict[str, Any]]:
    shape = gate.geometry
    if gate.kind == "range":
        return "box", {"limits": [_side(shape["x1"], shape["x2"], scales[0])]}
    if gate.kind == "rectangle":
        pairs = (shape["x1"], shape["x2"]), (shape["y1"], shape["y2"])
        return "box", {"limits": [_side(*pair, scale) for pair, scale in zip(pairs, scales, strict=True)]}
    if gate.kind == "polygon":
        return "polygon", {"vertices": _reaching(np.array(shape["vertices"], np.float64), scales).tolist()}
    if gate.kind == "ellipse":
        cosine, sine = math.cos(shape["angle"]), math.sin(shape["angle"])
        turn = np.array([[cosine, -sine], [sine, cosine]])
        halves = np.diag([(shape[name] / ELLIPSE_AXES_PER_LENGTH) ** 2 for name in ("major", "minor")])
        covariance = (turn @ halves @ turn.T).tolist()
        return "ellipsoid", {"mean": list(shape["center"]), "covariance": covariance, "distance_square": 1.0}
    if gate.kind == "split":
        return "box", {"limits": [[None, shape["x"]] if sector == 0 else [shape["x"], None]]}
    return _quadrant(shape, sector)


def _quadrant(shape: Mapping[str, Any], sector: int) -> tuple[str, dict[str, Any]]:
    rays = np.sort(np.mod(np.array(shape["angles"], np.float64), 2 * math.pi))
    x, y = shape["x"], shape["y"]
    if np.abs(np.sort(np.mod(rays + _STRAIGHT, math.pi / 2)) - _STRAIGHT).max() < _STRAIGHT:
        right, up = sector in (0, 3), sector in (0, 1)
        return "box", {"limits": [[x, None] if right else [None, x], [y, None] if up else [None, y]]}
    first = int(np.argmin(np.minimum(rays, 2 * math.pi - rays)))
    begin = rays[(first + sector) % 4]
    width = (rays[(first + sector + 1) % 4] - begin) % (2 * math.pi)
    reach = _FAR * (abs(x) + abs(y) + 1)
    corners = [[x + reach * math.cos(one), y + reach * math.sin(one)] for one in begin + np.linspace(0, width, 9)]
    return "polygon", {"vertices": [[x, y], *corners]}


def _side(one: float, other: float, scale: Scale | None) -> list[float | None]:
    """A closed side as a half-open one; None = open, where it reaches the limit of the scale."""
    low, high = min(one, other), max(one, other)
    ends: list[float | None] = [low, high]
    for place, limit in enumerate((None, None) if scale is None else (scale.minimum, scale.maximum)):
        if limit is not None and scale is not None:
            end = np.float32(scale.forward(np.array([limit]))[0])
            reached = np.float32(low) <= end if place == 0 else np.float32(high) >= end
            ends[place] = None if reached else ends[place]
    if abs(low) >= 1e37:
        ends[0] = None
    if abs(high) >= 1e37:
        ends[1] = None
    elif ends[1] is not None:
        ends[1] = float(np.nextafter(np.float32(high), np.float32(np.inf)))
    return ends


def _reaching(vertices: np.ndarray, scales: Sequence[Scale | None]) -> np.ndarray:
    """A polygon whose edges along a limit of the scale reach far beyond it; shape (n, 2), float64, scaled units."""
    for axis, scale in enumerate(scales):
        for limit, sign in () if scale is None else ((scale.minimum, -1), (scale.maximum, 1)):
            if limit is None or scale is None:
                continue
            end = float(scale.forward(np.array([limit]))[0])
            low, high = scale.forward(np.array(scale.limits))
            at = np.abs(vertices[:, axis] - end) <= 1e-6 * abs(high - low)
            found = []
            for place, vertex in enumerate(vertices):
                found.append(vertex)
                following = (place + 1) % len(vertices)
                if at[place] and at[following]:
                    for corner in (vertex, vertices[following]):
                        far = corner.copy()
                        far[axis] = end + sign * _FAR * abs(high - low)
                        found.append(far)
            vertices = np.array(found)
            # what was at the limit stays there; the new corners lie beyond
    return vertices


def _outline(ellipse: Mapping[str, Any]) -> list[list[float]]:
    """An ellipse as a polygon of many corners."""
    root = np.linalg.cholesky(np.array(ellipse["covariance"]) * ellipse["distance_square"])
    turns = np.linspace(0, 2 * math.pi, 256, endpoint=False)
    circle = np.array([np.cos(turns), np.sin(turns)])
    corners: list[list[float]] = (np.array(ellipse["mean"])[:, np.newaxis] + root @ circle).T.tolist()
    return corners


def _in_data(kind: str, geometry: Mapping[str, Any], scales: Sequence[Scale | None]) -> dict[str, Any]:
    """Coordinates on some axes taken back into data units, edges with more corners."""

    def back(scale: Scale | None, value: float | None) -> float | None:
        return value if scale is None or value is None else float(scale.inverse(np.array([value]))[0])

    if kind == "box":
        pairs = zip(scales, geometry["limits"], strict=True)
        return {"limits": [[back(scale, one) for one in pair] for scale, pair in pairs]}
    vertices = np.array(geometry["vertices"])
    share = np.arange(_CORNERS_AN_EDGE)[:, np.newaxis] / _CORNERS_AN_EDGE
    dense = [one + share * (other - one) for one, other in zip(vertices, np.roll(vertices, -1, axis=0), strict=True)]
    corners = np.concatenate(dense)
    return {"vertices": [[back(*pair) for pair in zip(scales, corner, strict=True)] for corner in corners]}
