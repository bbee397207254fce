"""Reads experiments that FACSDiva exports as XML: tubes, compensations, and gate trees of tubes and worksheets."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cytosol.base.errors import UnreadableFileError
from cytosol.base.gating import UNCOMPENSATED, Axis, Gating, Matrix, Region, SampleGating, without_dangling
from cytosol.formats.markup import Element, child, child_text, children, local, number, parse_xml, to_number

ROOT = "All Events"
_TOP = 262144.0
"""Largest value of the instruments, and end of linear and biexponential axes."""
_STEPS = 4096
"""Steps of an axis, in which gates on biexponential axes are written."""
_DECADES = 4.5
_CELLS = 256
"""Cells of an axis: an event is in a rectangle where its cell is one that the rectangle touches."""
_BOOLEAN = {"AND": "and", "OR": "or", "NOT": "not", "RESTOF": "not"}


def is_experiment(head: bytes) -> bool:
    """Tell by the first bytes of a file."""
    return re.search(rb"<bdfacs[\s>]", head[:4096]) is not None


def read_experiment(data: bytes, *, where: str = "experiment") -> list[SampleGating]:
    """Read the tubes of an experiment, in its order.

    Returns
    -------
    one gating a tube, named by its FCS file: the gates of the tube, or where it has none those of the global
    worksheets; an experiment without tubes gives the gates of its worksheets under the name ""

    Raises
    ------
    UnreadableFileError
        For another or a broken file.

    Notes
    -----
    BD documents none of this. A biexponential axis is the logicle with T = 262,144, M = 4.5, A = 0 and W from the
    "scale value" r, the most negative value shown: W = (M - log10(T / r)) / 2, as CytoML has it from BD. What the
    settings of a tube hold is the inverse of the spillover matrix. Gates count in the values of the file.
    """
    root = parse_xml(data, where=where)
    experiment = child(root, "experiment") if local(root.tag) == "bdfacs" else None
    if experiment is None:
        raise UnreadableFileError(
            "The file holds no experiment of FACSDiva", where=where, do="Export the experiment as XML"
        )
    listed = child(experiment, "acquisition_worksheets")
    sheets = [] if listed is None else [one for one in children(listed, "worksheet_template") if _gates(one)]
    matrices = _Matrices(f"{experiment.get('name') or 'Experiment'} (FACSDiva)", where)
    tubes = [tube for specimen in children(experiment, "specimen") for tube in children(specimen, "tube")]
    if not tubes:
        return [SampleGating("", _Tube(experiment, matrices, where).gating([(one, "") for one in sheets]))]
    found = []
    for tube in tubes:
        name = child_text(tube, "data_filename") or tube.get("name", "")
        own = [tube] if _gates(tube) else sheets
        prefixes = [f"{one.get('name', '')}\\" if len(own) > 1 else "" for one in own]
        gating = _Tube(tube, matrices, f"{where}, {name}").gating(list(zip(own, prefixes, strict=True)))
        found.append(SampleGating(name, gating, n_events=_count_of_all(tube)))
    return found


def _gates(owner: Element) -> list[Element]:
    """The gates of a tube or worksheet, but not the one that holds all events and what is left over of it."""
    listed = child(owner, "gates")
    found = [] if listed is None else list(children(listed, "gate"))
    is_drawn = any(child(one, "region") is not None for one in found)
    return [one for one in found if _kind(one) != "EVENTSOURCE"] if is_drawn else []


def _kind(gate: Element) -> str:
    return gate.get("type", "").upper().removesuffix("_CLASSIFIER")


def _count_of_all(owner: Element) -> int | None:
    listed = child(owner, "gates")
    sources = [] if listed is None else [one for one in children(listed, "gate") if _kind(one) == "EVENTSOURCE"]
    return _count(sources[0]) if sources else None


def _count(gate: Element) -> int | None:
    text = child_text(gate, "num_events")
    return int(text) if text.isascii() and text.isdigit() else None


class _Matrices:
    """Compensations of an experiment, alike ones once."""

    def __init__(self, name: str, where: str) -> None:
        self._name, self._where = name, where
        self._names: dict[Matrix, str] = {}

    def of(self, settings: Element | None) -> tuple[str, Matrix] | None:
        """Name and spillover of a tube; None where it is not compensated."""
        if settings is None or child_text(settings, "compensation_enabled") != "true":
            return None
        channels, rows = [], []
        for parameter in children(settings, "parameter"):
            listed = child(parameter, "compensation")
            coefficients = [] if listed is None else list(children(listed, "compensation_coefficient"))
            if coefficients:
                channels.append(parameter.get("name", ""))
                rows.append([to_number(one.text, where=self._where) for one in coefficients])
        if any(len(row) != len(rows) for row in rows):
            raise UnreadableFileError(
                f"The compensation is not {len(rows)} × {len(rows)}", where=self._where, do="Export it again"
            )
        if not rows or np.array_equal(rows, np.eye(len(rows))):
            return None
        try:
            spill = np.linalg.inv(np.array(rows)).T
        except np.linalg.LinAlgError as fault:
            raise UnreadableFileError("The compensation has no inverse", where=self._where) from fault
        # coefficients have eight decimals
        values = np.round(spill / np.diag(spill)[:, np.newaxis], 8) + 0.0
        names = tuple(channels)
        matrix = Matrix(names, names, tuple(map(tuple, values.tolist())))
        number_ = len(self._names) + 1
        name = self._names.setdefault(matrix, self._name if number_ == 1 else f"{self._name} ({number_})")
        return name, matrix


@dataclass(frozen=True, slots=True)
class _Side:
    """An axis of a gate: ``extent`` is its upper end in scaled values, ``unit`` what a stored coordinate counts."""

    axis: Axis
    extent: float
    unit: float

    def share(self, stored: float) -> float:
        """Where a stored coordinate lies on the axis: 0 is its lower end, 1 its upper."""
        return stored * self.unit / self.extent

    def corner(self, stored: float) -> float:
        """A coordinate of a polygon; one in the last step of the axis lies at its end, as the events there do."""
        share = self.share(stored)
        return self.extent if 1 > share >= (_STEPS - 1) / _STEPS else share * self.extent

    def limits(self, low: float, high: float, *, on_cells: bool) -> list[float | None]:
        """The ends of a box, open where they reach those of the axis."""
        first, last = self.share(low), self.share(high)
        if on_cells:
            first, last = math.floor(first * _CELLS) / _CELLS, (math.floor(last * _CELLS) + 1) / _CELLS
        return [
            None if first <= 0 else first * self.extent,
            None if last >= (_STEPS - 1) / _STEPS else last * self.extent,
        ]


class _Tube:
    """The gates of one tube."""

    def __init__(self, element: Element, matrices: _Matrices, where: str) -> None:
        self._where, self._n_events = where, _count_of_all(element)
        settings = child(element, "instrument_settings")
        self._compensation = matrices.of(settings)
        self._parameters = (
            {} if settings is None else {one.get("name", ""): one for one in children(settings, "parameter")}
        )
        is_auto = settings is not None and child_text(settings, "use_auto_biexp_scale") == "true"
        width = "comp_biexp_scale" if self._compensation else "biexp_scale"
        self._width = width if is_auto else "manual_biexp_scale"
        self._notes: list[str] = []
        self._centers: dict[str, tuple[str, list[tuple[float, float]]]] = {}

    def gating(self, owners: Sequence[tuple[Element, str]]) -> Gating:
        """Read the gates of a tube or of worksheets, each with what its ids begin with."""
        regions = {}
        for owner, prefix in owners:
            # a worksheet counts one of the tubes
            is_counted = _count_of_all(owner) == self._n_events
            self._centers = {}
            for gate in _gates(owner):
                bins = [(one.text or "").strip() for one in children(gate, "bin")]
                family = prefix + ", ".join(one.rpartition("\\")[2] for one in bins)
                while any(family == other for other, _ in self._centers.values()):
                    family += "'"
                self._centers.update(dict.fromkeys(bins, (family, self._points(gate))))
            for gate in _gates(owner):
                region = self._region(gate, prefix)
                if region is not None:
                    regions[region.id] = region if is_counted else replace(region, n_events=None)
        kept, notes = without_dangling(regions)
        matrices = dict([self._compensation]) if self._compensation else {}
        return Gating(kept, matrices, (*self._notes, *notes), as_stored=True)

    def _region(self, gate: Element, prefix: str) -> Region | None:
        def known(fullname: str) -> str:
            path = fullname.strip().removeprefix(ROOT).removeprefix("\\")
            return prefix + path if path else ""

        kind, fullname = _kind(gate), gate.get("fullname", "")
        region = Region(
            id=known(fullname),
            name=child_text(gate, "name") or fullname.rpartition("\\")[2],
            kind="boolean",
            geometry={},
            parent=known(child_text(gate, "parent")),
            n_events=_count(gate),
        )
        if kind in _BOOLEAN:
            refs = [[known(one.text or ""), False] for one in children(gate, "input")]
            if kind == "RESTOF" and child_text(gate, "visible") == "false":
                return None
            return replace(region, geometry={"op": _BOOLEAN[kind], "refs": refs}) if refs else None
        shape = child(gate, "region")
        outline = "" if shape is None else shape.get("type", "")
        if outline == "BINNER_REGION":
            return None  # the point that four others share, which stand beside it
        points = self._points(gate)
        wanted = {"RECTANGLE_REGION": 2, "INTERVAL_REGION": 2, "POLYGON_REGION": 3}.get(outline)
        if shape is None or wanted is None or len(points) < wanted:
            self._notes.append(f"The gate {region.name!r} was left out: its region is of the kind {outline!r}")
            return None
        sides = [self._side(gate, shape, letter) for letter in ("x" if outline == "INTERVAL_REGION" else "xy")]
        region = replace(region, kind="box", axes=tuple(side.axis for side in sides))
        if outline == "POLYGON_REGION":
            return self._polygon(region, fullname, points, sides)
        limits = [
            side.limits(min(along), max(along), on_cells=outline == "RECTANGLE_REGION")
            for side, along in zip(sides, zip(*points, strict=True), strict=False)
        ]
        return replace(region, geometry={"limits": limits})

    def _polygon(self, region: Region, fullname: str, points: list[tuple[float, float]], sides: list[_Side]) -> Region:
        """A polygon, or where it is one of four round a point, a box that is open on two sides."""
        family, (center, *_) = self._centers.get(fullname, ("", [(math.nan, math.nan)]))
        others = [set(along) - {middle} for along, middle in zip(zip(*points, strict=True), center, strict=True)]
        if family and all(len(one) == 1 for one in others):
            at = [side.corner(middle) for side, middle in zip(sides, center, strict=True)]
            is_low = [one.pop() < middle for one, middle in zip(others, center, strict=True)]
            limits = [[None, middle] if low else [middle, None] for middle, low in zip(at, is_low, strict=True)]
            return replace(region, geometry={"limits": limits}, family=family)
        vertices = [[side.corner(one) for side, one in zip(sides, point, strict=True)] for point in points]
        return replace(region, kind="polygon", geometry={"vertices": vertices})

    def _points(self, gate: Element) -> list[tuple[float, float]]:
        shape = child(gate, "region")
        listed = None if shape is None else child(shape, "points")
        found = [
            (number(one, "x", where=self._where), number(one, "y", where=self._where))
            for one in (children(listed, "point") if listed is not None else ())
        ]
        if any(x is None or y is None for x, y in found):
            raise UnreadableFileError("A gate has a point that lacks a coordinate", where=self._where)
        return found  # type: ignore[return-value]

    def _side(self, gate: Element, shape: Element, letter: str) -> _Side:
        channel = shape.get(f"{letter}parm", "")
        if not channel:
            raise UnreadableFileError(f"The gate {gate.get('fullname')!r} names no parameter", where=self._where)
        compensation = UNCOMPENSATED
        if self._compensation and channel in self._compensation[1].dyes:
            compensation = self._compensation[0]
        axis = Axis(channel, compensation)
        is_scaled = child_text(gate, f"is_{letter}_parameter_scaled") == "true"
        if child_text(gate, f"is_{letter}_parameter_log") != "true":
            return _Side(axis, _TOP, _TOP / _STEPS if is_scaled else 1.0)
        if is_scaled:
            scale = {
                "type": "logicle",
                "t": _TOP,
                "w": self._linear_width(gate, letter, channel),
                "m": _DECADES,
                "a": 0.0,
            }
            return _Side(replace(axis, scale=scale, low=0.0, high=1.0), 1.0, 1.0 / _STEPS)
        decades = self._setting(channel, "max")
        if not 0 < decades < 20:
            decades = math.log10(_TOP)
        return _Side(
            replace(axis, scale={"type": "gml-log", "t": 10**decades, "m": decades}, low=0.0), 1.0, 1 / decades
        )

    def _linear_width(self, gate: Element, letter: str, channel: str) -> float:
        """W of the logicle: from what the gate says, else from the settings of the tube."""
        said = _number_in(gate, f"{letter}_parameter_scale_value", self._where)
        shown = said if said > 0 else self._setting(channel, self._width)
        return 0.0 if shown <= 0 else min(max(0.0, (_DECADES - math.log10(_TOP / shown)) / 2), _DECADES / 2)

    def _setting(self, channel: str, name: str) -> float:
        parameter = self._parameters.get(channel)
        return 0.0 if parameter is None else _number_in(parameter, name, self._where)


def _number_in(element: Element, name: str, where: str) -> float:
    """Give a child as a number, 0 where it is absent or empty."""
    text = child_text(element, name)
    return to_number(text, where=f"{where}, {name}") if text else 0.0
