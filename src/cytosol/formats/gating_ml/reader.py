"""Reads Gating-ML 2.0 (Spidlen et al. 2015, doi:10.1002/cyto.a.22690)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from cytosol.base.errors import UnreadableFileError
from cytosol.base.gating import FROM_FILE, UNCOMPENSATED, Axis, Gating, Matrix, Ratio, Region
from cytosol.formats.markup import Element, attribute, child, children, local, number, parse_xml, to_number

GATES = "RectangleGate", "PolygonGate", "EllipsoidGate", "QuadrantGate", "BooleanGate"
_PARAMETERS = {"flin": "TA", "flog": "TM", "fasinh": "TMA", "logicle": "TWMA", "hyperlog": "TWMA"}
_TYPES = {"flin": "gml-linear", "flog": "gml-log", "fasinh": "gml-asinh", "logicle": "logicle", "hyperlog": "hyperlog"}


def is_gating_ml(head: bytes) -> bool:
    """Tell by the first bytes of a file."""
    return b"Gating-ML" in head[:4096] and b"<Workspace" not in head[:4096]


def read_gating_ml(data: bytes, *, where: str = "Gating-ML") -> Gating:
    """Read a Gating-ML 2.0 document.

    Returns
    -------
    regions, the cells of quadrant gates as boxes; what a gate is named comes from the blocks of Cytobank and
    FlowRepository where they are, else it is the id

    Raises
    ------
    UnreadableFileError
        For another or a broken document, naming gate and place.
    """
    return gating_of(parse_gating_ml(data, where=where), where=where)


def parse_gating_ml(data: bytes, *, where: str) -> Element:
    """Parse a document, and refuse another."""
    root = parse_xml(data, where=where)
    if local(root.tag) != "Gating-ML":
        raise UnreadableFileError(
            f"The file holds {local(root.tag)!r} and no Gating-ML 2.0", where=where, do="Export it as Gating-ML 2.0"
        )
    return root


def gating_of(root: Element, *, where: str) -> Gating:
    """Read a parsed document; see `read_gating_ml`."""
    return _Reader(root, where).gating()


@dataclass(frozen=True, slots=True)
class _Transformation:
    scale: dict[str, Any] | None
    ratio: Ratio | None
    low: float | None
    high: float | None


class _Reader:
    """One document."""

    def __init__(self, root: Element, where: str) -> None:
        self._root, self._where = root, where
        self._transformations = {
            self._id(element): self._transformation(element) for element in children(root, "transformation")
        }
        self._matrices = {self._id(element): self._matrix(element) for element in children(root, "spectrumMatrix")}

    def gating(self) -> Gating:
        regions: dict[str, Region] = {}
        # some programs put the gates into elements of their own, one a sample
        for element in (one for one in self._root.iter() if local(one.tag) in GATES):
            for region in self._regions(element):
                if region.id in regions:
                    raise self._fault(f"The id {region.id!r} stands twice", element)
                regions[region.id] = region
        for region in regions.values():
            named = [region.parent, *(ref for ref, _ in region.geometry.get("refs", ()))]
            for ref in named:
                if ref and ref not in regions:
                    raise UnreadableFileError(
                        f"The gate {region.id!r} refers to {ref!r}, which the file does not hold", where=self._where
                    )
        quadrants = {self._id(one): _custom_name(one) for one in self._root.iter() if local(one.tag) == "QuadrantGate"}
        return Gating(regions, self._matrices, family_names={id: name for id, name in quadrants.items() if name})

    def _regions(self, element: Element) -> list[Region]:
        kind = local(element.tag)
        if kind == "QuadrantGate":
            return self._quadrants(element)
        region = Region(
            id=self._id(element),
            name=_custom_name(element) or self._id(element),
            kind="box",
            geometry={},
            axes=tuple(self._axis(one) for one in children(element, "dimension")),
            parent=attribute(element, "parent_id") or "",
        )
        if kind == "BooleanGate":
            return [replace(region, kind="boolean", geometry=self._boolean(element))]
        wanted = {"RectangleGate": 1, "PolygonGate": 2, "EllipsoidGate": 2}[kind]
        if len(region.axes) < wanted or (kind == "PolygonGate" and len(region.axes) != 2):
            raise self._fault(f"A {kind} cannot have {len(region.axes)} dimensions", element)
        if kind == "RectangleGate":
            limits = [[self._number(one, "min"), self._number(one, "max")] for one in children(element, "dimension")]
            return [replace(region, geometry={"limits": limits})]
        if kind == "PolygonGate":
            vertices = [self._coordinates(one, 2) for one in children(element, "vertex")]
            if len(vertices) < 3:
                raise self._fault("A polygon needs at least three vertices", element)
            return [replace(region, kind="polygon", geometry={"vertices": vertices})]
        return [replace(region, kind="ellipsoid", geometry=self._ellipsoid(element, len(region.axes)))]

    def _ellipsoid(self, element: Element, n: int) -> dict[str, Any]:
        mean, covariance = child(element, "mean"), child(element, "covarianceMatrix")
        distance = child(element, "distanceSquare")
        if mean is None or covariance is None or distance is None:
            raise self._fault("An ellipsoid needs a mean, a covariance matrix and a distance", element)
        rows = [
            [self._needed(entry, "value") for entry in children(row, "entry")] for row in children(covariance, "row")
        ]
        if len(rows) != n or any(len(row) != n for row in rows):
            raise self._fault(f"The covariance matrix is not {n} × {n}", element)
        return {
            "mean": self._coordinates(mean, n),
            "covariance": rows,
            "distance_square": self._needed(distance, "value"),
        }

    def _boolean(self, element: Element) -> dict[str, Any]:
        operation = child(element, "and", "or", "not")
        if operation is None:
            raise self._fault("A boolean gate needs and, or, or not", element)
        op: Literal["and", "or", "not"] = local(operation.tag)  # type: ignore[assignment]
        refs = [
            [attribute(one, "ref") or "", attribute(one, "use-as-complement") in ("true", "1")]
            for one in children(operation, "gateReference")
        ]
        if not refs or not all(ref for ref, _ in refs):
            raise self._fault("A boolean gate refers to no gate", element)
        return {"op": op, "refs": refs}

    def _quadrants(self, element: Element) -> list[Region]:
        dividers = {
            self._id(one): (
                self._axis(one),
                sorted(to_number(value.text, where=self._where) for value in children(one, "value")),
            )
            for one in children(element, "divider")
        }
        found = []
        names = _quadrant_names(element)
        for quadrant in children(element, "Quadrant"):
            axes, limits = [], []
            for position in children(quadrant, "position"):
                divider = attribute(position, "divider_ref") or ""
                if divider not in dividers:
                    raise self._fault(f"A quadrant refers to the divider {divider!r}, which is not there", element)
                axis, values = dividers[divider]
                location = self._needed(position, "location")
                axes.append(axis)
                limits.append(
                    [
                        max((value for value in values if value <= location), default=None),
                        min((value for value in values if value > location), default=None),
                    ]
                )
            found.append(
                Region(
                    id=self._id(quadrant),
                    name=names.get(self._id(quadrant)) or _custom_name(quadrant) or self._id(quadrant),
                    kind="box",
                    geometry={"limits": limits},
                    axes=tuple(axes),
                    parent=attribute(element, "parent_id") or "",
                    family=self._id(element),
                )
            )
        return found

    def _axis(self, element: Element) -> Axis:
        said = attribute(element, "compensation-ref") or "uncompensated"
        compensation = {"uncompensated": UNCOMPENSATED, "FCS": FROM_FILE}.get(said, said)
        if compensation not in (UNCOMPENSATED, FROM_FILE) and compensation not in self._matrices:
            raise self._fault(f"There is no compensation {compensation!r}", element)
        reference = attribute(element, "transformation-ref")
        scaled = self._referred(reference, element) if reference else _Transformation(None, None, None, None)
        if scaled.ratio is not None:
            raise self._fault(f"{reference!r} is a ratio, not a scale", element)
        named, made = child(element, "fcs-dimension"), child(element, "new-dimension")
        if named is not None:
            channel, ratio = attribute(named, "name") or "", None
        elif made is not None:
            channel, ratio = "", self._referred(attribute(made, "transformation-ref") or "", element).ratio
        else:
            raise self._fault("A dimension names no channel", element)
        if not channel and ratio is None:
            raise self._fault("A dimension names no channel", element)
        return Axis(channel, compensation, scaled.scale, scaled.low, scaled.high, ratio)

    def _referred(self, reference: str, element: Element) -> _Transformation:
        if reference not in self._transformations:
            raise self._fault(f"There is no transformation {reference!r}", element)
        return self._transformations[reference]

    def _transformation(self, element: Element) -> _Transformation:
        low, high = self._number(element, "boundMin"), self._number(element, "boundMax")
        function = child(element, "fratio", *_PARAMETERS)
        if function is None:
            raise self._fault("A transformation is of a kind that Gating-ML 2.0 does not have", element)
        kind = local(function.tag)
        if kind == "fratio":
            names = [attribute(one, "name") or "" for one in children(function, "fcs-dimension")]
            if len(names) != 2:
                raise self._fault("A ratio needs two dimensions", element)
            a, b, c = (self._needed(function, letter) for letter in "ABC")
            return _Transformation(None, Ratio(names[0], names[1], a, b, c, low, high), None, None)
        parameters = {letter.lower(): self._needed(function, letter) for letter in _PARAMETERS[kind]}
        return _Transformation({"type": _TYPES[kind], **parameters}, None, low, high)

    def _matrix(self, element: Element) -> Matrix:
        names = []
        for part in ("fluorochromes", "detectors"):
            listed = child(element, part)
            names.append(
                ()
                if listed is None
                else tuple(attribute(one, "name") or "" for one in children(listed, "fcs-dimension"))
            )
        dyes, detectors = names
        rows = tuple(
            tuple(self._needed(one, "value") for one in children(spectrum, "coefficient"))
            for spectrum in children(element, "spectrum")
        )
        if len(rows) != len(dyes) or any(len(row) != len(detectors) for row in rows) or not rows:
            raise self._fault(f"The matrix is not {len(dyes)} × {len(detectors)}", element)
        return Matrix(dyes, detectors, rows)

    def _coordinates(self, element: Element, n: int) -> list[float]:
        found = [self._needed(one, "value") for one in children(element, "coordinate")]
        if len(found) != n:
            raise self._fault(f"{len(found)} coordinates stand where {n} are needed", element)
        return found

    def _number(self, element: Element, name: str) -> float | None:
        return number(element, name, where=self._where)

    def _needed(self, element: Element, name: str) -> float:
        found = self._number(element, name)
        if found is None:
            raise self._fault(f"{name} is missing", element)
        return found

    def _id(self, element: Element) -> str:
        found = attribute(element, "id")
        if not found:
            raise self._fault("An id is missing", element)
        return found

    def _fault(self, what: str, element: Element) -> UnreadableFileError:
        named = attribute(element, "id")
        place = f"{self._where}, {local(element.tag)}" + (f" {named}" if named else "")
        return UnreadableFileError(what, where=place, do="Correct the file or export it again")


def _custom_name(element: Element) -> str:
    """The name in a block of Cytobank (``cytobank/name``), FlowRepository (``FlowRepository/name``) or ours."""
    block = child(element, "custom_info")
    if block is None:
        return ""
    for maker in children(block, "cytobank", "FlowRepository", "cytosol"):
        named = child(maker, "name")
        if named is not None and named.text:
            return named.text.strip()
    return ""


def _quadrant_names(element: Element) -> dict[str, str]:
    """Id → name, from our own block."""
    blocks = [ours for block in children(element, "custom_info") for ours in children(block, "cytosol")]
    return {one.get("id", ""): (one.text or "").strip() for block in blocks for one in children(block, "quadrant")}
