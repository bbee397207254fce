"""Writes Gating-ML 2.0 (Spidlen et al. 2015, doi:10.1002/cyto.a.22690)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from xml.etree import ElementTree

from cytosol.base.errors import UnsupportedFormatError
from cytosol.base.gating import FROM_FILE, UNCOMPENSATED, Axis, Gating, Matrix, Ratio, Region
from cytosol.formats.markup import Element, put_comment

_NAMESPACES = {
    "gating": "http://www.isac-net.org/std/Gating-ML/v2.0/gating",
    "transforms": "http://www.isac-net.org/std/Gating-ML/v2.0/transformations",
    "data-type": "http://www.isac-net.org/std/Gating-ML/v2.0/datatypes",
}
_FUNCTIONS = {
    "gml-linear": ("flin", "ta"),
    "gml-log": ("flog", "tm"),
    "gml-asinh": ("fasinh", "tma"),
    "logicle": ("logicle", "twma"),
    "hyperlog": ("hyperlog", "twma"),
}


def write_gating_ml(gating: Gating) -> bytes:
    """Write a Gating-ML 2.0 document.

    Returns
    -------
    UTF-8 XML; ids are made fit for XML, names stand in a block ``custom_info/cytosol/name``

    Raises
    ------
    UnsupportedFormatError
        For a scale that Gating-ML 2.0 does not have, or a gate of what lies outside of a shape.
    """
    return _Writer(gating).document()


def _q(name: str) -> str:
    prefix, _, plain = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{plain}"


def _add(parent: Element, name: str, **attributes: object) -> Element:
    """Add an element; an attribute ``gating_min`` is ``gating:min``, None = left out."""
    made = ElementTree.SubElement(parent, _q(name))
    for key, value in attributes.items():
        prefix, _, plain = key.partition("_")
        if value is not None:
            text = repr(float(value)) if isinstance(value, float) else str(value)
            made.set(_q(f"{'data-type' if prefix == 'data' else prefix}:{plain}"), text)
    return made


class _Writer:
    """One document."""

    def __init__(self, gating: Gating) -> None:
        for prefix, address in _NAMESPACES.items():
            ElementTree.register_namespace(prefix, address)
        self._gating = gating
        self._root = ElementTree.Element(_q("gating:Gating-ML"))
        self._ids = _proper_ids(
            [*gating.regions, *{region.family for region in gating.regions.values() if region.family}, *gating.matrices]
        )
        self._known: dict[str, str] = {}

    def document(self) -> bytes:
        for name, matrix in self._gating.matrices.items():
            self._matrix(name, matrix)
        for region in self._gating.regions.values():
            for axis in region.axes:
                self._transformation(axis)
        written: set[str] = set()
        for region in self._gating.regions.values():
            if not region.family:
                self._gate(region)
            elif region.family not in written:
                written.add(region.family)
                self._quadrants([one for one in self._gating.regions.values() if one.family == region.family])
        if self._gating.notes:
            put_comment(self._root, self._gating.notes)
        ElementTree.indent(self._root)
        return bytes(ElementTree.tostring(self._root, "utf-8", xml_declaration=True)) + b"\n"

    def _gate(self, region: Region) -> None:
        if region.outside:
            raise UnsupportedFormatError(
                f"The gate {region.name!r} holds what lies outside of its shape, which Gating-ML cannot say",
                do="Write it as a boolean gate",
            )
        kind = {"box": "Rectangle", "polygon": "Polygon", "ellipsoid": "Ellipsoid", "boolean": "Boolean"}[region.kind]
        element = self._begin(self._root, f"gating:{kind}Gate", region.id, name=region.name, parent_ref=region.parent)
        geometry = region.geometry
        limits = geometry["limits"] if region.kind == "box" else [(None, None)] * len(region.axes)
        for axis, (low, high) in zip(region.axes, limits, strict=True):
            self._axis(element, "gating:dimension", axis, gating_min=low, gating_max=high)
        for vertex in geometry.get("vertices", ()):
            self._coordinates(_add(element, "gating:vertex"), vertex)
        if region.kind == "ellipsoid":
            self._coordinates(_add(element, "gating:mean"), geometry["mean"])
            covariance = _add(element, "gating:covarianceMatrix")
            for row in geometry["covariance"]:
                line = _add(covariance, "gating:row")
                for value in row:
                    _add(line, "gating:entry", data_value=float(value))
            _add(element, "gating:distanceSquare", data_value=float(geometry["distance_square"]))
        if region.kind == "boolean":
            operation = _add(element, f"gating:{geometry['op']}")
            # the schema wants at least two
            twice = 2 if geometry["op"] != "not" and len(geometry["refs"]) == 1 else 1
            for ref, complement in geometry["refs"] * twice:
                reference = _add(operation, "gating:gateReference", gating_ref=self._ids[ref])
                if complement:
                    reference.set(_q("gating:use-as-complement"), "true")

    def _quadrants(self, cells: list[Region]) -> None:
        family = cells[0].family
        element = self._begin(self._root, "gating:QuadrantGate", family, parent_ref=cells[0].parent)
        # the schema has no room for a name in a quadrant
        block = ElementTree.SubElement(_add(element, "data-type:custom_info"), "cytosol")
        for cell in cells:
            ElementTree.SubElement(block, "quadrant", id=self._ids[cell.id]).text = cell.name
        values: dict[str, set[float]] = {}
        axes: dict[str, Axis] = {}
        for cell in cells:
            for axis, pair in zip(cell.axes, cell.geometry["limits"], strict=True):
                axes[str(axis)] = axis
                values.setdefault(str(axis), set()).update(float(limit) for limit in pair if limit is not None)
        names = {key: f"{self._ids[family]}.D{place}" for place, key in enumerate(axes)}
        for key, axis in axes.items():
            divider = self._axis(element, "gating:divider", axis, gating_id=names[key])
            for value in sorted(values[key]):
                _add(divider, "gating:value").text = repr(value)
        for cell in cells:
            quadrant = self._begin(element, "gating:Quadrant", cell.id)
            for axis, (low, high) in zip(cell.axes, cell.geometry["limits"], strict=True):
                location = float(low if low is not None else high - abs(high) - 1)
                divider = _add(quadrant, "gating:position", gating_location=location)
                divider.set(_q("gating:divider_ref"), names[str(axis)])

    def _begin(self, parent: Element, tag: str, ref: str, *, name: str = "", parent_ref: str = "") -> Element:
        made = _add(parent, tag, gating_id=self._ids[ref])
        if parent_ref:
            made.set(_q("gating:parent_id"), self._ids[parent_ref])
        if name and name != self._ids[ref]:
            block = ElementTree.SubElement(_add(made, "data-type:custom_info"), "cytosol")
            ElementTree.SubElement(block, "name").text = name
        return made

    def _axis(self, parent: Element, tag: str, axis: Axis, **attributes: object) -> Element:
        made = _add(parent, tag, **attributes)
        compensation = {UNCOMPENSATED: "uncompensated", FROM_FILE: "FCS"}.get(axis.compensation)
        made.set(_q("gating:compensation-ref"), compensation or self._ids[axis.compensation])
        transformation = self._transformation(axis)
        if transformation:
            made.set(_q("gating:transformation-ref"), transformation)
        if axis.ratio is None:
            _add(made, "data-type:fcs-dimension", data_name=axis.channel)
        else:
            made_of = _add(made, "data-type:new-dimension")
            made_of.set(_q("data-type:transformation-ref"), self._ratio(axis.ratio))
        return made

    def _coordinates(self, parent: Element, values: Iterable[float]) -> None:
        for value in values:
            _add(parent, "gating:coordinate", data_value=float(value))

    def _transformation(self, axis: Axis) -> str:
        if axis.scale is None and axis.low is None and axis.high is None:
            return ""
        # limits of an axis without scale need a transformation that changes nothing
        scale = axis.scale or {"type": "gml-linear", "t": 1.0, "a": 0.0}
        if scale["type"] not in _FUNCTIONS:
            raise UnsupportedFormatError(f"Gating-ML 2.0 has no scale {scale['type']!r}", do="Choose another scale")
        key = json.dumps([scale, axis.low, axis.high], sort_keys=True)
        if key not in self._known:
            element = self._new_transformation(key, axis.low, axis.high)
            function, letters = _FUNCTIONS[scale["type"]]
            parameters = {f"transforms_{letter.upper()}": float(scale[letter]) for letter in letters}
            _add(element, f"transforms:{function}", **parameters)
        return self._known[key]

    def _ratio(self, ratio: Ratio) -> str:
        key = str(ratio)
        if key not in self._known:
            element = self._new_transformation(key, ratio.low, ratio.high)
            made = _add(element, "transforms:fratio", transforms_A=ratio.a, transforms_B=ratio.b, transforms_C=ratio.c)
            for name in (ratio.numerator, ratio.denominator):
                _add(made, "data-type:fcs-dimension", data_name=name)
        return self._known[key]

    def _new_transformation(self, key: str, low: float | None, high: float | None) -> Element:
        self._known[key] = f"Transformation_{len(self._known) + 1}"
        bounds = {"transforms_boundMin": low, "transforms_boundMax": high}
        element = _add(self._root, "transforms:transformation", transforms_id=self._known[key], **bounds)
        # gates refer to what stands before them
        self._root.remove(element)
        self._root.insert(len(self._known) - 1, element)
        return element

    def _matrix(self, name: str, matrix: Matrix) -> None:
        element = _add(self._root, "transforms:spectrumMatrix", transforms_id=self._ids[name])
        for part, names in (("fluorochromes", matrix.dyes), ("detectors", matrix.detectors)):
            listed = _add(element, f"transforms:{part}")
            for one in names:
                _add(listed, "data-type:fcs-dimension", data_name=one)
        for row in matrix.values:
            spectrum = _add(element, "transforms:spectrum")
            for value in row:
                _add(spectrum, "transforms:coefficient", transforms_value=float(value))


def _proper_ids(names: Iterable[str]) -> dict[str, str]:
    """Give each name an id that XML takes: begun with a letter, of letters, digits, dots and lines, no two alike."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._+-]", "_", name).replace("+", "pos") or "gate"
        plain = plain if plain[0].isalpha() or plain[0] == "_" else f"_{plain}"
        found[name] = next(one for one in _numbered(plain) if one not in taken)
        taken.add(found[name])
    return found


def _numbered(name: str) -> Iterable[str]:
    yield name
    number = 2
    while True:
        yield f"{name}.{number}"
        number += 1
