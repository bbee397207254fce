"""Writes workspaces that FlowJo 10 and FlowKit open (.wsp)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from cytosol.base.errors import UnsupportedFormatError
from cytosol.base.gating import UNCOMPENSATED, Axis, Gating, Matrix, Region, SampleGating
from cytosol.formats.flowjo.reader import SLASH
from cytosol.formats.markup import Element, put_comment

_NAMESPACES = {
    "gating": "http://www.isac-net.org/std/Gating-ML/v2.0/gating",
    "transforms": "http://www.isac-net.org/std/Gating-ML/v2.0/transformations",
    "data-type": "http://www.isac-net.org/std/Gating-ML/v2.0/datatypes",
}
_PREFIX = "Comp-"
_NODES = {"and": "AndNode", "or": "OrNode", "not": "NotNode"}
_LN10 = math.log(10)


def write_workspace(samples: Sequence[SampleGating], *, group: str = "Cytosol") -> bytes:
    """Write a workspace.

    Parameters
    ----------
    samples : their gatings in data units (``unit="data"``); a compensation at most each, one scale a channel
    group : name of the group that holds them all

    Returns
    -------
    UTF-8 XML

    Raises
    ------
    UnsupportedFormatError
        For what FlowJo does not have, such as a gate of three axes or a ratio; names the gate.
    """
    for prefix, address in _NAMESPACES.items():
        ElementTree.register_namespace(prefix, address)
    root = ElementTree.Element("Workspace", version="20.0", flowJoVersion="10.7.1", curGroup="All Samples")
    matrices = ElementTree.SubElement(root, "Matrices")
    groups = ElementTree.SubElement(root, "Groups")
    listed = ElementTree.SubElement(root, "SampleList")
    for name in dict.fromkeys(["All Samples", group]):
        node = ElementTree.SubElement(groups, "GroupNode", name=name, annotation="", owningGroup=name)
        references = ElementTree.SubElement(ElementTree.SubElement(node, "Group", name=name), "SampleRefs")
        for place in range(len(samples)):
            ElementTree.SubElement(references, "SampleRef", sampleID=str(place + 1))
    written: set[str] = set()
    for place, sample in enumerate(samples, 1):
        for name, matrix in sample.gating.matrices.items():
            if name not in written:
                written.add(name)
                _matrix(matrices, name, matrix)
        _sample(listed, sample, place)
    notes = dict.fromkeys(note for sample in samples for note in sample.gating.notes)
    if notes:
        put_comment(root, notes)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, "utf-8", xml_declaration=True)) + b"\n"


def _q(name: str) -> str:
    prefix, _, plain = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{plain}"


def _add(parent: Element, tag: str, /, **attributes: object) -> Element:
    """Add an element; numbers are written in full."""
    texts = {key: repr(float(value)) if isinstance(value, float) else str(value) for key, value in attributes.items()}
    return ElementTree.SubElement(parent, _q(tag) if ":" in tag else tag, texts)


def _matrix(parent: Element, name: str, matrix: Matrix) -> None:
    if len(matrix.dyes) != len(matrix.detectors):
        raise UnsupportedFormatError(
            f"The compensation {name!r} has other numbers of dyes and detectors, which a workspace cannot hold"
        )
    element = _add(parent, "transforms:spilloverMatrix", spectral=0, prefix=_PREFIX, name=name, suffix="")
    element.set("version", "FlowJo-10.7.1")
    parameters = _add(element, "data-type:parameters")
    for detector in matrix.detectors:
        _named(_add(parameters, "data-type:parameter", userProvidedCompInfix=_PREFIX + detector), detector)
    for detector, row in zip(matrix.detectors, matrix.values, strict=True):
        line = _add(element, "transforms:spillover", userProvidedCompInfix=_PREFIX + detector)
        line.set(_q("data-type:parameter"), detector)
        for other, value in zip(matrix.detectors, row, strict=True):
            coefficient = _add(line, "transforms:coefficient")
            coefficient.set(_q("data-type:parameter"), other)
            coefficient.set(_q("transforms:value"), repr(float(value)))


def _named(element: Element, name: str) -> None:
    element.set(_q("data-type:name"), name)


def _sample(parent: Element, sample: SampleGating, place: int) -> None:
    element = _add(parent, "Sample")
    _add(element, "DataSet", uri=sample.uri or sample.name, sampleID=place)
    for name, matrix in sample.gating.matrices.items():
        _matrix(element, name, matrix)
    transformations = _add(element, "Transformations")
    axes = _axes(sample.gating)
    # FlowJo lists a channel before and after compensation
    for name, axis in ({axis.channel: axis for axis in axes.values()} | axes).items():
        if axis.scale is not None:
            _named(_add(_scale(transformations, axis.scale), "data-type:parameter"), name)
    keywords = _add(element, "Keywords")
    for key, value in sample.keywords.items():
        _add(keywords, "Keyword", name=key, value=value)
    count = -1 if sample.n_events is None else sample.n_events
    node = _add(element, "SampleNode", name=sample.name, annotation="", owningGroup="", count=count, sampleID=place)
    _Tree(sample.gating, place).write(node)


def _axes(gating: Gating) -> dict[str, Axis]:
    """Name as FlowJo shows it → axis; each has one scale."""
    found: dict[str, Axis] = {}
    for region in gating.regions.values():
        for axis in region.axes:
            name = _shown(axis)
            if found.setdefault(name, axis).scale != axis.scale:
                raise UnsupportedFormatError(
                    f"The channel {axis.channel!r} has two scales, but a workspace holds one for each",
                    where=region.name,
                )
    return found


def _shown(axis: Axis) -> str:
    if axis.ratio is not None:
        raise UnsupportedFormatError("A workspace cannot hold a gate on a ratio of channels")
    return axis.channel if axis.compensation == UNCOMPENSATED else _PREFIX + axis.channel


def _scale(parent: Element, scale: dict[str, Any]) -> Element:
    kind = scale["type"]
    if kind in ("linear", "gml-linear"):
        low, high = (scale["minimum"], scale["maximum"]) if kind == "linear" else (-scale["a"], scale["t"])
        return _transformation(parent, "linear", minRange=low, maxRange=high)
    if kind in ("log", "gml-log"):
        bottom = max(float(scale["minimum"]), 1e-3) if kind == "log" else scale["t"] * 10 ** -scale["m"]
        decades = math.log10(scale["maximum"] / bottom) if kind == "log" else scale["m"]
        return _transformation(parent, "log", offset=bottom, decades=decades)
    if kind == "arcsinh":
        top = max(scale["maximum"], -scale["minimum"])  # more negative decades than positive ones there cannot be
        m = math.asinh(top / scale["cofactor"]) / _LN10
        a = math.asinh(max(-scale["minimum"], 0.0) / scale["cofactor"]) / _LN10
        return _transformation(parent, "fasinh", length=256, T=top, M=m, A=a, W=0.0)
    if kind == "gml-asinh":
        return _transformation(parent, "fasinh", length=256, T=scale["t"], M=scale["m"], A=scale["a"], W=0.0)
    if kind in ("logicle", "hyperlog"):
        return _transformation(parent, kind, length=256, **{letter.upper(): scale[letter] for letter in "twma"})
    if kind == "biexponential":
        names = {"maxRange": "top", "pos": "positive", "neg": "negative", "width": "width"}
        return _transformation(parent, "biex", length=256, **{theirs: scale[ours] for theirs, ours in names.items()})
    raise UnsupportedFormatError(f"FlowJo has no scale {kind!r}", do="Choose another scale")


def _transformation(parent: Element, kind: str, **parameters: float) -> Element:
    made = _add(parent, f"transforms:{kind}")
    for name, value in parameters.items():
        made.set(_q(f"transforms:{name}"), str(value) if name == "length" else repr(float(value)))
    return made


class _Tree:
    """The populations of one sample."""

    def __init__(self, gating: Gating, place: int) -> None:
        self._gating = gating
        self._ids = {name: f"ID{place}{number:04d}" for number, name in enumerate(gating.regions, 1)}
        self._children: dict[str, list[Region]] = {}
        for region in gating.regions.values():
            self._children.setdefault(region.parent, []).append(region)
        self._names: dict[str, str] = {}
        for siblings in self._children.values():
            taken: set[str] = set()
            for region in siblings:
                plain = shown = region.name.replace("/", SLASH)
                number = 2
                while shown in taken:
                    shown, number = f"{plain} ({number})", number + 1
                taken.add(shown)
                self._names[region.id] = shown

    def write(self, parent: Element, of: str = "") -> None:
        """Write the populations below one, "" = those at the top."""
        below = self._children.get(of, [])
        if not below:
            return
        inner = _add(parent, "Subpopulations")
        for region in below:
            count = -1 if region.n_events is None else region.n_events
            tag = _NODES[region.geometry["op"]] if region.kind == "boolean" else "Population"
            name = self._names[region.id]
            element = _add(inner, tag, name=name, annotation="", owningGroup="", expanded=1, count=count)
            if region.kind == "boolean":
                listed = _add(element, "Dependents")
                for ref, complement in region.geometry["refs"]:
                    if complement:
                        raise UnsupportedFormatError(
                            f"The population {region.name!r} needs the complement of another, which FlowJo cannot say",
                            do="Make the complement a population of its own",
                        )
                    _add(listed, "Dependent", name=self._path(ref))
            else:
                self._gate(element, region)
            self.write(element, region.id)

    def _path(self, name: str) -> str:
        parent = self._gating.regions[name].parent
        return f"{self._path(parent)}/{self._names[name]}" if parent else self._names[name]

    def _gate(self, parent: Element, region: Region) -> None:
        if len(region.axes) > 2:
            raise UnsupportedFormatError(
                f"The gate {region.name!r} has {len(region.axes)} axes; a workspace holds gates of one or two"
            )
        gate = _add(parent, "Gate")
        kind = {"box": "Rectangle", "polygon": "Polygon", "ellipsoid": "Ellipsoid"}[region.kind]
        shape = _add(gate, f"gating:{kind}Gate", eventsInside=int(not region.outside))
        for element in (gate, shape):
            element.set(_q("gating:id"), self._ids[region.id])
            if region.parent:
                element.set(_q("gating:parent_id"), self._ids[region.parent])
        limits = region.geometry.get("limits") or [(None, None)] * len(region.axes)
        for axis, pair in zip(region.axes, limits, strict=True):
            dimension = _add(shape, "gating:dimension")
            for side, value in zip(("min", "max"), pair, strict=True):
                if value is not None:
                    dimension.set(_q(f"gating:{side}"), repr(float(value)))
            _named(_add(dimension, "data-type:fcs-dimension"), _shown(axis))
        if region.kind == "ellipsoid":
            for part in ("foci", "edge"):
                self._vertices(_add(shape, f"gating:{part}"), region.geometry[part])
        else:
            self._vertices(shape, region.geometry.get("vertices", ()))

    def _vertices(self, parent: Element, vertices: Sequence[Sequence[float]]) -> None:
        for vertex in vertices:
            element = _add(parent, "gating:vertex")
            for value in vertex:
                _add(element, "gating:coordinate").set(_q("data-type:value"), repr(float(value)))
