"""Says what a study's gates and populations are as an exchange file holds them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.biexponential import as_logicle
from cytosol.analyses.cytometry.exchange_units import stretched
from cytosol.analyses.cytometry.geometry import ELLIPSE_AXES_PER_LENGTH, refit
from cytosol.analyses.cytometry.scales import (
    SMALLEST,
    ArcSinhScale,
    BiexponentialScale,
    LinearScale,
    LogScale,
    Scale,
    scale_from_json,
)
from cytosol.base.errors import InvalidInputError
from cytosol.base.gating import FROM_FILE, UNCOMPENSATED, Axis, Gating, Matrix, Region
from cytosol.model.gating import Gate, Population

_FAR = 1e4
_MOST = 1e30
"""Beyond all data."""
_CORNERS_AN_EDGE = 32
_STRAIGHT = 1e-9
_MARGIN = 1e-3
"""Of an axis; nearer to its end the centre of a skewed quadrant is taken to be on it."""
_LINE = 1e-6
"""An ellipse whose axes have a smaller ratio is written as a polygon: its covariance has no inverse."""


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
        written = scales if self._own_scales else [_for_writing(scale) for scale in scales]
        axes = tuple(self._axis(*pair) for pair in zip(references, written, strict=True))
        name = gate.name if sector < 0 else gate.sectors[sector]["name"]
        kind, geometry = _geometry(gate, sector, _Scales(tuple(scales), tuple(written)))
        # FlowKit reads the lower end of a linear axis with the other sign, by which it places ellipses alone
        shifted = self._own_scales and any(scale is not None and _begins_elsewhere(scale) for scale in scales)
        if shifted and kind == "ellipsoid":
            kind, geometry = "polygon", {"vertices": _outline(gate.geometry).tolist()}
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
        low, high = (
            None if one is None else float(scale.forward(np.array([one]))[0]) for one in (scale.minimum, scale.maximum)
        )
        return Axis(channel, compensation, _for_gating_ml(scale), low, high)


def _begins_elsewhere(scale: Scale) -> bool:
    """Whether a linear axis begins away from zero, compared with its length."""
    low, high = scale.limits
    return scale.type in ("linear", "gml-linear") and abs(low) > 1e-4 * (high - low)


def _for_writing(scale: Scale | None) -> Scale | None:
    """A scale that Gating-ML has: for a biexponential the logicle that its table spells, else the data as it is."""
    if not isinstance(scale, BiexponentialScale):
        return scale
    w, m, a = as_logicle(scale.positive, scale.negative, scale.width)
    low, high = scale.limits
    limits = {"minimum": low, "maximum": high}
    try:
        return scale_from_json({"type": "logicle", "t": scale.top, "w": w, "m": m, "a": a, **limits})
    except InvalidInputError:
        return LinearScale(low, high)


@dataclass(frozen=True, slots=True)
class _Scales:
    """The scales of a gate's axes, and those that it is written on."""

    drawn: tuple[Scale | None, ...]
    written: tuple[Scale | None, ...]

    def moved(self, axis: int, value: float) -> float:
        """A coordinate as it is written."""
        drawn, written = self.drawn[axis], self.written[axis]
        if drawn is None or written is None or drawn == written:
            return value
        return float(written.forward(drawn.inverse(np.array([value])), clamp=False)[0])

    def polygon(self, vertices: np.ndarray) -> list[list[float]]:
        """A polygon that holds of values without limits what this one holds of limited ones.

        Parameters
        ----------
        vertices : shape (n, 2), float64, scaled as it was drawn
        """
        vertices = _cut(vertices, [_limits(scale) for scale in self.drawn])
        if self.drawn != self.written and len(vertices):
            vertices = np.array([[self.moved(*one) for one in enumerate(corner)] for corner in _dense(vertices)])
        if len(vertices):
            vertices = _cut(_reaching(vertices, self.written), [_room(scale) for scale in self.written])
        nowhere = [[_room(scale)[1] for scale in self.written]] * 3
        found: list[list[float]] = vertices.tolist() if len(vertices) else nowhere
        return found


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


def _geometry(gate: Gate, sector: int, scales: _Scales) -> tuple[str, dict[str, Any]]:
    shape, written = gate.geometry, scales.written
    if gate.kind in ("range", "rectangle"):
        pairs = [(shape["x1"], shape["x2"])] + ([(shape["y1"], shape["y2"])] if gate.kind == "rectangle" else [])
        sides = [
            _side(scales.moved(axis, one), scales.moved(axis, other), written[axis])
            for axis, (one, other) in enumerate(pairs)
        ]
        return "box", {"limits": sides}
    if gate.kind == "polygon":
        return "polygon", {"vertices": scales.polygon(np.array(shape["vertices"], np.float64))}
    if gate.kind == "ellipse":
        outline = _outline(shape)
        is_within = all(_is_within(outline[:, axis], _limits(scale)) for axis, scale in enumerate(scales.drawn))
        is_line = min(shape["major"], shape["minor"]) < _LINE * max(shape["major"], shape["minor"])
        if is_within and not is_line and scales.drawn == scales.written:
            return "ellipsoid", _ellipsoid(shape)
        return "polygon", {"vertices": scales.polygon(outline)}
    if gate.kind == "split":
        return "box", {"limits": [_half(scales.moved(0, shape["x"]), written[0], is_upper=sector == 1)]}
    return _quadrant(shape, sector, scales)


def _quadrant(shape: Mapping[str, Any], sector: int, scales: _Scales) -> tuple[str, dict[str, Any]]:
    rays = np.sort(np.mod(np.array(shape["angles"], np.float64), 2 * math.pi))
    x, y = shape["x"], shape["y"]
    if np.abs(np.sort(np.mod(rays + _STRAIGHT, math.pi / 2)) - _STRAIGHT).max() < _STRAIGHT:
        upper = sector in (0, 3), sector in (0, 1)
        places = scales.moved(0, x), scales.moved(1, y)
        sides = [_half(places[axis], scales.written[axis], is_upper=upper[axis]) for axis in (0, 1)]
        return "box", {"limits": sides}
    if not all(_holds(_limits(scale), at) for scale, at in zip(scales.drawn, (x, y), strict=True)):
        raise _LeftOutError(
            "the centre of its skewed quadrant is not within the axes, where limited values lose their direction "
            "from it; move the centre inside, or make the scale longer"
        )
    first = int(np.argmin(np.minimum(rays, 2 * math.pi - rays)))
    begin = rays[(first + sector) % 4]
    width = (rays[(first + sector + 1) % 4] - begin) % (2 * math.pi)
    reach = 10 * max(abs(end) for scale in scales.drawn for end in _room(scale))
    corners = [[x + reach * math.cos(one), y + reach * math.sin(one)] for one in begin + np.linspace(0, width, 9)]
    return "polygon", {"vertices": scales.polygon(np.array([[x, y], *corners]))}


def _holds(ends: tuple[float, float], at: float) -> bool:
    """Whether a place lies well between the ends of an axis."""
    margin = _MARGIN * (ends[1] - ends[0])
    return ends[0] + margin < at < ends[1] - margin


def _half(at: float, scale: Scale | None, *, is_upper: bool) -> list[float | None]:
    """One side of a line; below a line at the lower limit of the scale lies nothing."""
    if scale is not None and scale.minimum is not None and np.float32(at) <= np.float32(_limits(scale)[0]):
        return [None, None] if is_upper else [at, at]
    return [at, None] if is_upper else [None, at]


def _limits(scale: Scale | None) -> tuple[float, float]:
    """Both ends of the values that a scale gives."""
    low, high = _room(scale)
    if scale is None:
        return low, high
    ends = [
        end if limit is None else float(scale.forward(np.array([limit]))[0])
        for limit, end in ((scale.minimum, low), (scale.maximum, high))
    ]
    return ends[0], ends[1]


def _is_within(values: np.ndarray, ends: tuple[float, float]) -> bool:
    return bool(values.min() > ends[0] and values.max() < ends[1])


def _room(scale: Scale | None) -> tuple[float, float]:
    """Between which scaled values all data lies, and every number can be written in data units."""
    if scale is None:
        return -_MOST, _MOST
    least = SMALLEST if scale.type in ("log", "gml-log") else -_MOST
    low, high = scale.forward(np.array([least, _MOST]), clamp=False)
    return float(low), float(high)


def _cut(vertices: np.ndarray, ends: Sequence[tuple[float, float]]) -> np.ndarray:
    """A polygon cut off at both ends of each axis (Sutherland and Hodgman 1974); shape (n, 2), float64, scaled."""
    for axis, pair in enumerate(ends):
        for sign, end in zip((-1, 1), pair, strict=True):
            beyond = sign * (vertices[:, axis] - end)
            if not (beyond > 0).any():
                continue
            kept = []
            for one, other, out, next_out in zip(
                vertices, np.roll(vertices, -1, axis=0), beyond, np.roll(beyond, -1), strict=True
            ):
                if out <= 0:
                    kept.append(one)
                if (out > 0) != (next_out > 0):
                    # from the end that is kept: the other may be too far away for small differences
                    near, far, share = (other, one, next_out) if out > 0 else (one, other, out)
                    crossing = near + share / (share - max(out, next_out)) * (far - near)
                    crossing[axis] = end
                    kept.append(crossing)
            vertices = np.array(kept).reshape(-1, 2)
    return vertices


def _side(one: float, other: float, scale: Scale | None) -> list[float | None]:
    """A closed side as a half-open one; None = open, where it reaches the limit of the scale."""
    low, high = min(one, other), max(one, other)
    ends: list[float | None] = [low, high]
    for place, limit in enumerate((None, None) if scale is None else (scale.minimum, scale.maximum)):
        if limit is not None and scale is not None:
            end = np.float32(scale.forward(np.array([limit]))[0])
            reached = np.float32(low) <= end if place == 0 else np.float32(high) >= end
            ends[place] = None if reached else ends[place]
    least, most = _room(scale)
    if low <= least:
        ends[0] = None
    if high >= most:
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


def _ellipsoid(ellipse: Mapping[str, Any]) -> dict[str, Any]:
    """An ellipse by its covariance."""
    cosine, sine = math.cos(ellipse["angle"]), math.sin(ellipse["angle"])
    turn = np.array([[cosine, -sine], [sine, cosine]])
    halves = np.diag([(ellipse[name] / ELLIPSE_AXES_PER_LENGTH) ** 2 for name in ("major", "minor")])
    covariance = (turn @ halves @ turn.T).tolist()
    return {"mean": list(ellipse["center"]), "covariance": covariance, "distance_square": 1.0}


def _outline(ellipse: Mapping[str, Any]) -> np.ndarray:
    """An ellipse as a polygon of many corners; shape (256, 2), float64, scaled units."""
    turns = np.linspace(0, 2 * math.pi, 256, endpoint=False)
    lengths = np.array([ellipse["major"], ellipse["minor"]]) / ELLIPSE_AXES_PER_LENGTH
    along, across = lengths[:, np.newaxis] * np.array([np.cos(turns), np.sin(turns)])
    cosine, sine = math.cos(ellipse["angle"]), math.sin(ellipse["angle"])
    (x, y) = ellipse["center"]
    return np.column_stack([x + cosine * along - sine * across, y + sine * along + cosine * across])


def _dense(vertices: np.ndarray) -> np.ndarray:
    """More corners along the edges of a polygon; shape (n, 2) to (32 n, 2), float64, scaled units."""
    share = np.arange(_CORNERS_AN_EDGE)[:, np.newaxis] / _CORNERS_AN_EDGE
    edges = zip(vertices, np.roll(vertices, -1, axis=0), strict=True)
    return np.concatenate([one + share * (other - one) for one, other in edges])
