"""Gates and populations as these clients spell them, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from cytosol.base.errors import InvalidInputError
from cytosol.catalog.gates import NewGate
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.translate import NAME, given_gid, given_key, id_of, own_extra
from cytosol.model.gating import Gate, Population

TYPES = {
    "RectangleGate": "rectangle",
    "PolygonGate": "polygon",
    "EllipseGate": "ellipse",
    "RangeGate": "range",
    "QuadrantGate": "quadrant",
    "SplitGate": "split",
}
_SPELLED = {kind: type for type, kind in TYPES.items()}
_SHAPES: Mapping[str, tuple[str, ...]] = {
    "rectangle": ("x1", "x2", "y1", "y2"),
    "polygon": ("vertices",),
    "ellipse": ("center", "angle", "major", "minor"),
    "range": ("x1", "x2", "y"),
    "quadrant": ("x", "y", "angles"),
    "split": ("x", "y"),
}
SECTORS = {"quadrant": (" (UR)", " (UL)", " (LL)", " (LR)"), "split": (" (L)", " (R)")}
"""What is put behind the name of a compound gate, in the order of its sectors."""
_ANGLES = [0, math.pi / 2, math.pi, 3 * math.pi / 2]
_BAR = 0.5
_FAR = 1e38
_OTHER_AXES = ("obs:", "obsm:")
_NODES = ("and", "or", "not", "xor")


def reference_of(channel: str) -> str:
    """The feature reference behind a channel; axes that are no channels go by their reference."""
    return channel if channel.startswith(_OTHER_AXES) else f"var:{channel}"


def channel_of(reference: str) -> str:
    """The channel of a feature reference."""
    return reference.removeprefix("var:")


def gate_document(gate: Gate) -> dict[str, Any]:
    """A gate."""
    own = own_extra(gate.extra)
    labels = gate.extra.get("labels") or default_labels(gate.kind, gate.geometry)
    model: dict[str, Any] = {**own.get("model", {}), "locked": gate.locked, gate.kind: gate.geometry}
    if gate.sectors:
        model |= {"labels": labels, "gids": [sector["gid"] for sector in gate.sectors]}
        model.setdefault("skewable", False) if gate.kind == "quadrant" else None
    else:
        model["label"] = labels[0]
    return {
        "_id": gate.id.hex24,
        "__v": 0,
        "experimentId": gate.study_id.hex24,
        "fcsFileId": id_of(gate.dataset_id),
        "gid": gate.gid,
        "type": _SPELLED[gate.kind],
        "name": gate.name,
        "names": [sector["name"] for sector in gate.sectors],
        "xChannel": channel_of(gate.x),
        "yChannel": channel_of(gate.y) or None,
        "model": model,
        "tailoredPerFile": gate.tailored,
        "locked": gate.locked,
    }


def new_gate(said: wire.NewGate) -> NewGate:
    """A gate to be made."""
    kind = TYPES[said.type]
    names = sector_names(kind, said.name, said.names)
    gids = said.model.get("gids")
    sectors = None
    if kind in SECTORS:
        made = given_gids(gids, len(names)) if gids is not None else [None] * len(names)
        sectors = [{"name": name} | ({"gid": gid} if gid else {}) for name, gid in zip(names, made, strict=True)]
    y = "" if kind in ("range", "split") or not said.yChannel else reference_of(said.yChannel)
    if not y and kind not in ("range", "split"):
        raise InvalidInputError('"yChannel" is required')
    return NewGate(
        kind=kind,
        name=said.name or stem(kind, names) or said.type,
        x=reference_of(said.xChannel),
        y=y,
        geometry=geometry_of(kind, said.model),
        gid=None if said.gid is None else given_gid(said.gid),
        sectors=sectors,
        dataset_id=given_key(said.fcsFileId, "fcsFileId"),
        tailored=bool(said.tailoredPerFile),
        locked=is_locked(said.locked, said.model),
        extra=extra_of(kind, said.model, {}),
    )


def is_locked(said: bool | None, model: Mapping[str, Any]) -> bool:
    """Whether a gate shall be locked: said at the top, else in the model."""
    if said is not None:
        return said
    locked = model.get("locked")
    if locked is not None and not isinstance(locked, bool):
        raise InvalidInputError('"model.locked" must be a Boolean')
    return bool(locked)


def geometry_of(kind: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """The geometry in a model; heights of bars and angles have defaults."""
    shape = model.get(kind)
    if not isinstance(shape, Mapping):
        raise InvalidInputError(f'"model.{kind}" is required')
    found = {name: shape[name] for name in _SHAPES[kind] if shape.get(name) is not None}
    if kind == "polygon" and _is_wrapped(found.get("vertices")):
        (found["vertices"],) = found["vertices"]
    if kind in ("range", "split"):
        found.setdefault("y", _BAR)
    if kind == "quadrant":
        found.setdefault("angles", _ANGLES)
    return found


def _is_wrapped(vertices: Any) -> bool:
    """Whether the vertices are one matrix in a list, as R sends those of flowCore beside a label."""
    return isinstance(vertices, list) and len(vertices) == 1 and isinstance(vertices[0], list) and len(vertices[0]) > 2


def extra_of(kind: str, model: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The extra of a gate with its labels, and what else of a model comes back as it was."""
    said = model.get("labels") if kind in SECTORS else [model.get("label")]
    n_labels = len(SECTORS.get(kind, ("",)))
    labels = said if isinstance(said, list) and len(said) == n_labels and all(_is_point(one) for one in said) else None
    known = ("locked", "label", "labels", "gids", kind)
    rest = {name: value for name, value in model.items() if name not in known}
    own = {**own_extra(extra), "model": rest}
    fresh = {name: value for name, value in extra.items() if name != "labels"}
    return fresh | {NAME: own} | ({"labels": labels} if labels else {})


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, int | float) for one in value)


def default_labels(kind: str, geometry: Mapping[str, Any]) -> list[list[float]]:
    """Where names are drawn, where nobody said."""
    if kind == "rectangle":
        return [[(geometry["x1"] + geometry["x2"]) / 2, (geometry["y1"] + geometry["y2"]) / 2]]
    if kind == "polygon":
        return [[sum(axis) / len(axis) for axis in zip(*geometry["vertices"], strict=True)]]
    if kind == "ellipse":
        return [list(geometry["center"])]
    if kind == "range":
        return [[(geometry["x1"] + geometry["x2"]) / 2, geometry["y"]]]
    if kind == "split":
        return [[-_FAR, geometry["y"]], [_FAR, geometry["y"]]]
    return [[_FAR, _FAR], [-_FAR, _FAR], [-_FAR, -_FAR], [_FAR, -_FAR]]


def given_gids(value: Any, n: int) -> list[str]:
    """The gids of sectors."""
    if not isinstance(value, list) or len(value) != n:
        raise InvalidInputError(f'"model.gids" must hold {n} ids')
    return [given_gid(gid, "model.gids") for gid in value]


def sector_names(kind: str, name: str | None, names: list[str] | None) -> list[str]:
    """The names of the sectors; [] for a gate without sectors."""
    behind = SECTORS.get(kind, ())
    if not behind:
        return []
    if names:
        if len(names) != len(behind):
            raise InvalidInputError(f'"names" must hold {len(behind)} names')
        return names
    if not name:
        raise InvalidInputError('"names" is required')
    return [name + text for text in behind]


def stem(kind: str, names: list[str]) -> str:
    """What the names of sectors have in common: "X" of "X (UR)" and so on; else the first."""
    for name, behind in zip(names, SECTORS.get(kind, ()), strict=True):
        if not name.endswith(behind) or name.removesuffix(behind) != names[0].removesuffix(SECTORS[kind][0]):
            return names[0]
    return names[0].removesuffix(SECTORS[kind][0]) if names else ""


def gate_changes(gate: Gate, said: wire.GateChange) -> dict[str, Any]:
    """The fields of a change of a gate."""
    given = said.model_fields_set
    fields: dict[str, Any] = {}
    if said.name is not None:
        fields["name"] = said.name
    if said.model is not None:
        fields["extra"] = extra_of(gate.kind, said.model, gate.extra)
        if gate.kind in said.model:
            fields["geometry"] = geometry_of(gate.kind, said.model)
    if gate.sectors and (said.names or (said.model and "gids" in said.model)):
        names = sector_names(gate.kind, None, said.names or [sector["name"] for sector in gate.sectors])
        known = [sector["gid"] for sector in gate.sectors]
        gids = given_gids(said.model["gids"], len(names)) if said.model and "gids" in said.model else known
        fields["sectors"] = [{"gid": gid, "name": name} for gid, name in zip(gids, names, strict=True)]
        if said.name is None:
            fields["name"] = stem(gate.kind, names)
    if said.xChannel is not None:
        fields["x"] = reference_of(said.xChannel)
    if said.yChannel is not None:
        fields["y"] = reference_of(said.yChannel)
    if said.tailoredPerFile is not None:
        fields["tailored"] = said.tailoredPerFile
    if "locked" in given or (said.model is not None and "locked" in said.model):
        fields["locked"] = is_locked(said.locked, said.model or {})
    return fields


# -- populations -------------------------------------------------------------------------------------------------------


def population_document(population: Population, unique_name: str) -> dict[str, Any]:
    """A population; its tree is a text that holds JSON."""
    return {
        "_id": population.id.hex24,
        "__v": 0,
        "experimentId": population.study_id.hex24,
        "name": population.name,
        "uniqueName": unique_name,
        "gates": json.dumps(spelled_tree(population.tree), ensure_ascii=False),
        "parentId": id_of(population.parent_id),
        "terminalGateGid": population.terminal_gid or None,
    }


def spelled_tree(tree: Mapping[str, Any]) -> Any:
    """A tree as these clients spell it; leaves that they do not know are objects with ``$column``."""
    if "gate" in tree:
        return tree["gate"]
    if "column" in tree:
        return {"$column": tree}
    ((node, parts),) = tree.items()
    return {f"${node}": [spelled_tree(part) for part in parts]}


def tree_of(text: str) -> dict[str, Any]:
    """The tree in a text."""
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidInputError('"gates" must be a text that holds JSON') from error
    return _tree(found, 0)


def _tree(spelled: Any, depth: int) -> dict[str, Any]:
    if isinstance(spelled, str):
        return {"gate": given_gid(spelled, "gates")}
    if isinstance(spelled, Mapping) and len(spelled) == 1 and depth < 64:
        ((node, parts),) = spelled.items()
        if node == "$column" and isinstance(parts, Mapping):
            return dict(parts)
        if node.removeprefix("$") in _NODES and node.startswith("$"):
            listed = parts if isinstance(parts, list) else [parts]
            return {node[1:]: [_tree(part, depth + 1) for part in listed]}
    raise InvalidInputError('"gates" must be a tree of $and, $or, $not, $xor and gids')
