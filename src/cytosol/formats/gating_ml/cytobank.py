"""What Cytobank and FlowRepository add to Gating-ML 2.0: populations, scales, names, and gates of single files."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from cytosol.base.gating import Axis, Gating, Region, SampleGating
from cytosol.formats.gating_ml.reader import GATES, gating_of, parse_gating_ml
from cytosol.formats.markup import Element, attribute, child, child_text, children, local

Ref = tuple[str, bool]
_ARCSINH = 4
"""The flag of an inverse hyperbolic sine in the scales of Cytobank."""


def read_samples(data: bytes, *, where: str = "Gating-ML") -> list[SampleGating]:
    """Read a Gating-ML 2.0 document with what Cytobank and FlowRepository add.

    Returns
    -------
    the gating of all files under the name "", then those of files with gates of their own, named by their FCS file

    Raises
    ------
    UnreadableFileError
        For another or a broken document.

    Notes
    -----
    These programs write gates without parents, and each population ("gate set") as the ``and`` of all its gates. A
    population is below that whose gates are the most of its own. Gates are no populations by themselves then.
    """
    root = parse_gating_ml(data, where=where)
    gating = gating_of(root, where=where)
    notes = _Notes.of(root)
    sets = {id: region for id, region in gating.regions.items() if notes.is_set(region)}
    if not sets:
        return [SampleGating("", gating)]
    gating = _with_matrix_names(root, gating)
    gates = {
        id: replace(notes.shown(region), is_population=False) for id, region in gating.regions.items() if id not in sets
    }
    base_of = notes.bases(gates)
    populations = _tree(sets, base_of)
    named = _names(gates, populations)
    common = {id: replace(region, name=named[id]) for id, region in gates.items() if base_of.get(id, id) == id}
    found = [SampleGating("", replace(gating, regions={**common, **populations}))]
    for file in notes.files(gates):
        own = dict(common)
        for id, base in base_of.items():
            if notes.file_of(gates[id]) == file:
                own[base] = replace(common[base], geometry=gates[id].geometry, axes=gates[id].axes)
        found.append(SampleGating(file, replace(gating, regions={**own, **populations})))
    return found


@dataclass(frozen=True, slots=True)
class _Notes:
    """The blocks of gates: id of an element → block, and what is defined in it."""

    blocks: Mapping[str, Element]
    definitions: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, root: Element) -> _Notes:
        blocks = {}
        for element in (one for one in root.iter() if local(one.tag) in GATES):
            info = child(element, "custom_info")
            block = None if info is None else child(info, "cytobank", "FlowRepository")
            if block is not None:
                blocks[attribute(element, "id") or ""] = block
        return cls(blocks, {id: _definition(block) for id, block in blocks.items()})

    def is_set(self, region: Region) -> bool:
        """Whether a region is a population, and no gate."""
        block = self.blocks.get(region.id)
        is_said = block is not None and (child(block, "gate_set_id") is not None or region.id.startswith("GateSet_"))
        return is_said and region.geometry.get("op") == "and"

    def file_of(self, region: Region) -> str:
        """Name of the file that a gate is for; "" = all."""
        block = self.blocks.get(region.family or region.id)
        return "" if block is None else child_text(block, "fcs_file_filename")

    def files(self, gates: Mapping[str, Region]) -> list[str]:
        """The files that have gates of their own."""
        return [file for file in dict.fromkeys(map(self.file_of, gates.values())) if file]

    def bases(self, gates: Mapping[str, Region]) -> dict[str, str]:
        """Id of a gate for a single file → that of the gate it stands for, which has the same number."""
        numbered: dict[str, list[str]] = {}
        for id, region in gates.items():
            key = region.family or id
            block = self.blocks.get(key)
            number = child_text(block, "gate_id") if block is not None else ""
            # four cells of a quadrant share a block
            place = [one for one, other in gates.items() if (other.family or one) == key].index(id)
            if number:
                numbered.setdefault(f"{number} {place}", []).append(id)
        found = {}
        for ids in numbered.values():
            base = next((id for id in ids if not self.file_of(gates[id])), ids[0])
            found.update(dict.fromkeys(ids, base) if len(ids) > 1 else {})
        return found

    def shown(self, region: Region) -> Region:
        """A gate on the axes that its author saw, with their limits; a quadrant with its angles."""
        said = self.definitions.get(region.family or region.id, {})
        scales = said.get("scale", {})
        axes = tuple(
            _limited(axis, scales.get(letter, scales) if isinstance(scales, Mapping) else {})
            for axis, letter in zip(region.axes, "xyz", strict=False)
        )
        if len(axes) < len(region.axes):
            return region
        quadrant = said.get("quadrant", {})
        angles = quadrant.get("angles") if isinstance(quadrant, Mapping) else None
        if region.family and isinstance(angles, list) and len(angles) == 4 and all(map(_is_number, angles)):
            region = replace(region, geometry={**region.geometry, "angles": [float(one) for one in angles]})
        return replace(region, axes=axes)


def _definition(block: Element) -> Mapping[str, Any]:
    try:
        said = json.loads(child_text(block, "definition") or "{}")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _limited(axis: Axis, said: object) -> Axis:
    """An axis with its limits, where the scale of the block is that of the document."""
    if axis.scale is None or axis.scale["type"] != "gml-asinh" or not isinstance(said, Mapping):
        return axis
    low, high = said.get("min"), said.get("max")
    t, m, a = (axis.scale[letter] for letter in "tma")
    cofactor = t / math.sinh(1)
    is_same = said.get("flag") == _ARCSINH and a == 0 and math.isclose(m * math.log(10), 1, rel_tol=1e-6)
    if not (is_same and _is_number(low) and _is_number(high) and low < high):
        return axis
    return replace(
        axis,
        scale={"type": "arcsinh", "minimum": float(low), "maximum": float(high), "cofactor": round(cofactor, 9)},
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tree(sets: Mapping[str, Region], base_of: Mapping[str, str]) -> dict[str, Region]:
    """Populations, each below that whose gates are the most of its own."""
    parts: dict[str, dict[Ref, None]] = {
        id: {(base_of.get(ref, ref), complement): None for ref, complement in region.geometry["refs"]}
        for id, region in sets.items()
    }
    found = {}
    for id, region in sets.items():
        above = [other for other, refs in parts.items() if refs.keys() < parts[id].keys()]
        parent = max(above, key=lambda other: len(parts[other]), default="")
        rest = [[ref, complement] for ref, complement in parts[id] if (ref, complement) not in parts.get(parent, {})]
        found[id] = replace(region, parent=parent, geometry={"op": "and", "refs": rest})
    return found


def _names(gates: Mapping[str, Region], populations: Mapping[str, Region]) -> dict[str, str]:
    """The names of gates; one that has none is called like the population that it makes."""
    made = {
        region.geometry["refs"][0][0]: region.name
        for region in populations.values()
        if len(region.geometry["refs"]) == 1 and not region.geometry["refs"][0][1]
    }
    return {id: made.get(id, id) if region.name == id else region.name for id, region in gates.items()}


def _with_matrix_names(root: Element, gating: Gating) -> Gating:
    """Call compensations as Cytobank does, where that tells them apart."""
    said = {}
    for element in children(root, "spectrumMatrix"):
        info = child(element, "custom_info")
        block = None if info is None else child(info, "cytobank")
        name = "" if block is None else child_text(block, "cytobank_compensation_name")
        said[attribute(element, "id") or ""] = name
    often = Counter(said.values())
    names = {id: name for id, name in said.items() if name and often[name] == 1 and name not in said}
    regions = {
        id: replace(
            region,
            axes=tuple(replace(one, compensation=names.get(one.compensation, one.compensation)) for one in region.axes),
        )
        for id, region in gating.regions.items()
    }
    return replace(
        gating, regions=regions, matrices={names.get(id, id): matrix for id, matrix in gating.matrices.items()}
    )
