"""Reads workspaces of FlowJo 10 (.wsp): samples, groups, compensations, axes and gate trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cytosol.base.errors import UnreadableFileError
from cytosol.base.gating import UNCOMPENSATED, Axis, Gating, Matrix, Region, SampleGating, without_dangling
from cytosol.formats.markup import Element, attribute, child, children, local, number, parse_xml

SLASH = "\N{DIVISION SLASH}"
"""Stands for a slash in a name, since slashes part the names of a path."""
_NODES = {"AndNode": "and", "OrNode": "or", "NotNode": "not"}
_BOXES = "RectangleGate", "CurlyQuad"
_SHAPES = *_BOXES, "PolygonGate", "EllipsoidGate"


def is_workspace(head: bytes) -> bool:
    """Tell by the first bytes of a file."""
    return b"<Workspace" in head[:4096]


def read_workspace(data: bytes, *, where: str = "workspace") -> list[SampleGating]:
    """Read the samples of a workspace, in its order.

    Returns
    -------
    one gating a sample; its regions are named by their path, such as "Lymphocytes/Singlets", and stand in the unit of
    the data as FlowJo writes them (``unit="data"``): `cytosol.analyses.cytometry.exchange_units.to_scaled` turns them

    Raises
    ------
    UnreadableFileError
        For another or a broken file.
    """
    root = parse_xml(data, where=where)
    if local(root.tag) != "Workspace":
        raise UnreadableFileError(
            f"The file holds {local(root.tag)!r} and no workspace of FlowJo 10", where=where, do="Save it as .wsp"
        )
    groups = _groups(root)
    listed = child(root, "SampleList")
    samples = [] if listed is None else list(children(listed, "Sample"))
    shared = child(root, "Matrices")
    matrices = [] if shared is None else list(children(shared, "spilloverMatrix"))
    return [_sample(sample, groups, matrices, where) for sample in samples]


def _groups(root: Element) -> dict[str, list[str]]:
    """Sample id → names of its groups."""
    found: dict[str, list[str]] = {}
    for group in (one for one in root.iter() if local(one.tag) == "GroupNode"):
        for reference in (one for one in group.iter() if local(one.tag) == "SampleRef"):
            found.setdefault(reference.get("sampleID", ""), []).append(group.get("name", ""))
    return found


def _sample(element: Element, groups: dict[str, list[str]], matrices: list[Element], where: str) -> SampleGating:
    node, data_set = child(element, "SampleNode"), child(element, "DataSet")
    if node is None:
        raise UnreadableFileError("A sample has no SampleNode", where=where, do="Save the workspace again")
    keywords = child(element, "Keywords")
    name = node.get("name", "")
    return SampleGating(
        name=name,
        gating=_Sample(element, matrices, f"{where}, {name}").gating(node),
        uri="" if data_set is None else data_set.get("uri", ""),
        groups=tuple(dict.fromkeys(groups.get(node.get("sampleID", ""), ()))),
        keywords={one.get("name", ""): one.get("value", "") for one in (keywords if keywords is not None else ())},
        n_events=_count(node),
    )


class _Sample:
    """The gates of one sample."""

    def __init__(self, element: Element, matrices: list[Element], where: str) -> None:
        self._where = where
        self._matrix_name, self._matrix = "", Matrix((), (), ())
        self._prefix = self._suffix = ""
        matrix = child(element, "spilloverMatrix")
        if matrix is None:  # as FlowKit writes it
            names = {attribute(one, "name") or "" for one in element.iter() if local(one.tag) == "fcs-dimension"}
            matrix = next((one for one in matrices if _compensates(one, names, where)), None)
        if matrix is not None:
            self._matrix_name = matrix.get("name") or "Compensation"
            self._matrix = _matrix(matrix, where)
            self._prefix, self._suffix = matrix.get("prefix", ""), matrix.get("suffix", "")
        listed = child(element, "Transformations")
        self._scales: dict[str, tuple[dict[str, Any] | None, float | None]] = {}
        self._unknown: dict[str, str] = {}
        for one in listed if listed is not None else ():
            parameter = child(one, "parameter")
            if parameter is not None:
                self._scales[attribute(parameter, "name") or ""] = self._scale(one)
        self._notes: list[str] = []

    def gating(self, node: Element) -> Gating:
        """Walk the tree of populations."""
        regions = {}
        for place, element, parent in self._populations(node, ""):
            region = self._region(element, place, parent)
            if region is not None:
                regions[place] = region
        kept, notes = without_dangling(regions)
        matrices = {self._matrix_name: self._matrix} if self._matrix.dyes else {}
        return Gating(kept, matrices, (*self._notes, *notes), unit="data")

    def _populations(self, node: Element, parent: str) -> Iterator[tuple[str, Element, str]]:
        inner = child(node, "Subpopulations")
        taken: set[str] = set()
        for element in children(inner, "Population", *_NODES) if inner is not None else ():
            path = f"{parent}/" * bool(parent) + element.get("name", "")
            number_ = 2
            while path in taken:
                path = f"{path} ({number_})"
                number_ += 1
            taken.add(path)
            yield path, element, parent
            yield from self._populations(element, path)

    def _region(self, element: Element, place: str, parent: str) -> Region | None:
        name = element.get("name", "").replace(SLASH, "/")
        region = Region(place, name, "boolean", {}, parent=parent, n_events=_count(element))
        if local(element.tag) in _NODES:
            listed = child(element, "Dependents")
            refs = [[one.get("name", ""), False] for one in (listed if listed is not None else ())]
            return replace(region, geometry={"op": _NODES[local(element.tag)], "refs": refs}) if refs else None
        gate = child(element, "Gate")
        shape = None if gate is None else child(gate, *_SHAPES)
        if shape is None:
            kind = "none" if gate is None or not len(gate) else local(gate[0].tag)
            self._notes.append(f"The population {place!r} was left out: its gate is of the kind {kind!r}")
            return None
        dimensions = list(children(shape, "dimension"))
        axes = tuple(axis for axis in map(self._axis, dimensions) if axis is not None)
        if len(axes) < len(dimensions):
            self._notes.append(
                f"The population {place!r} was left out: an axis of it has a scale that is not documented"
            )
            return None
        region = replace(region, axes=axes, outside=attribute(shape, "eventsInside") == "0")
        if local(shape.tag) in _BOXES:
            limits = [[number(one, side, where=self._where) for side in ("min", "max")] for one in dimensions]
            region = replace(region, kind="box", geometry={"limits": limits})
            return self._curly(region) if local(shape.tag) == "CurlyQuad" else region
        if local(shape.tag) == "PolygonGate":
            return replace(region, kind="polygon", geometry={"vertices": self._vertices(shape)})
        foci, edge = child(shape, "foci"), child(shape, "edge")
        if foci is None or edge is None:
            raise UnreadableFileError(f"The ellipse {place!r} has no foci or edge", where=self._where)
        return replace(region, kind="ellipsoid", geometry={"foci": self._vertices(foci), "edge": self._vertices(edge)})

    def _curly(self, region: Region) -> Region:
        limits = region.geometry["limits"]
        if len(limits) != 2 or any((low is None) == (high is None) for low, high in limits):
            raise UnreadableFileError(f"The curly quadrant {region.id!r} has no centre", where=self._where)
        if any(axis.scale is None for axis in region.axes):
            self._notes.append(f"The lines of {region.name!r} do not bend: its axes are not in the file")
            return region
        return replace(region, kind="curly")

    def _vertices(self, element: Element) -> list[list[float]]:
        found = [
            [number(one, "value", where=self._where) for one in children(vertex, "coordinate")]
            for vertex in children(element, "vertex")
        ]
        if len(found) < 2 or any(len(pair) != 2 or None in pair for pair in found):
            raise UnreadableFileError("A gate has vertices that are no pairs of numbers", where=self._where)
        return found  # type: ignore[return-value]

    def _axis(self, element: Element) -> Axis | None:
        named = child(element, "fcs-dimension")
        name = "" if named is None else attribute(named, "name") or ""
        if not name:
            raise UnreadableFileError("A gate has a dimension without a channel", where=self._where)
        channel = name.removeprefix(self._prefix).removesuffix(self._suffix)
        compensated = channel in self._matrix.dyes and (channel != name or not (self._prefix or self._suffix))
        for key in (name, channel):
            if key in self._unknown:
                return None
            if key in self._scales:
                scale, low = self._scales[key]
                break
        else:
            scale, low = None, None
        if not compensated:
            return Axis(name, UNCOMPENSATED, scale, low)
        return Axis(channel, self._matrix_name, scale, low)

    def _scale(self, element: Element) -> tuple[dict[str, Any] | None, float | None]:
        """The scale as ours are spelled, and what its scaled values are limited to from below."""

        def of(name: str) -> float:
            value = number(element, name, where=self._where)
            if value is None:
                raise UnreadableFileError(f"The scale {local(element.tag)!r} lacks {name}", where=self._where)
            return value

        kind = local(element.tag)
        if kind == "linear":
            return {"type": "linear", "minimum": of("minRange"), "maximum": of("maxRange")}, None
        if kind == "log":
            offset, decades = of("offset"), of("decades")
            return {"type": "gml-log", "t": offset * 10**decades, "m": decades}, 0.0
        if kind in ("logicle", "hyperlog"):
            return {"type": kind, **{letter.lower(): of(letter) for letter in "TWMA"}}, None
        if kind == "fasinh":
            return {"type": "gml-asinh", **{letter.lower(): of(letter) for letter in "TMA"}}, None
        if kind == "biex":
            names = {"top": "maxRange", "positive": "pos", "negative": "neg", "width": "width"}
            return {"type": "biexponential", **{ours: of(theirs) for ours, theirs in names.items()}}, None
        parameter = child(element, "parameter")
        self._unknown[(attribute(parameter, "name") if parameter is not None else None) or ""] = kind
        return None, None


def _count(element: Element) -> int | None:
    text = element.get("count", "")
    return int(text) if re.fullmatch(r"\d+", text) else None


def _compensates(element: Element, names: set[str], where: str) -> bool:
    """Whether a matrix of the workspace makes a channel that has one of these names."""
    prefix, suffix = element.get("prefix", ""), element.get("suffix", "")
    return bool(prefix or suffix) and any(f"{prefix}{dye}{suffix}" in names for dye in _matrix(element, where).dyes)


def _matrix(element: Element, where: str) -> Matrix:
    rows: list[tuple[float, ...]] = []
    dyes: list[str] = []
    detectors: list[str] = []
    for row in children(element, "spillover"):
        dyes.append(attribute(row, "parameter") or "")
        coefficients = list(children(row, "coefficient"))
        detectors = detectors or [attribute(one, "parameter") or "" for one in coefficients]
        rows.append(tuple(number(one, "value", where=where) or 0.0 for one in coefficients))
    if any(len(row) != len(detectors) for row in rows):
        raise UnreadableFileError("A compensation has rows of different lengths", where=where, do="Save it again")
    return Matrix(tuple(dyes), tuple(detectors), tuple(rows))
