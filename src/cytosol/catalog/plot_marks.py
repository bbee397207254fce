"""Which gates stand on a plot, and what stands beside its axes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from cytosol.analyses.cytometry.plots.spec import GateMark
from cytosol.base.keys import Key
from cytosol.catalog.gating_lacks import Lacks
from cytosol.catalog.gating_state import GatingState, InForce
from cytosol.catalog.tables import Pinned
from cytosol.model.gating import Gate
from cytosol.model.gating_rules import channel_label, parse_reference

_RIGHT_ANGLE = math.pi / 2


def axis_label(pinned: Pinned, reference: str) -> str:
    """What stands beside an axis: 'CD4 (FITC-A)' with the reagent of a channel, 'UMAP 1' of an embedding."""
    said = parse_reference(reference)
    if said.kind == "obsm":
        name = said.name.removeprefix("X_")
        return f"{name.upper() if name.lower() in ('umap', 'pca') else name} {said.dim + 1}"
    if said.kind == "var":
        for channel in pinned.dataset.panel or ():
            if channel.get("channel") == said.name:
                return channel_label(said.name, channel.get("reagent"))
    return said.name


def words_of(lacks: Lacks) -> str:
    """What stands in place of a plot: 'lacks CD3', 'lacks one CD3 (FITC-A, PE-A have it)'."""
    names = []
    for what, error in lacks.items():
        # a population lacks an axis of one of its gates, which the error names
        reference = what if isinstance(what, str) else error.where
        kind, _, name = reference.partition(":")
        name = name if kind in ("var", "obs", "obsm", "reagent") and name else reference
        among = error.details.get("among", ())
        names.append(f"one {name} ({', '.join(among)} have it)" if among else name)
    return f"lacks {', '.join(dict.fromkeys(names))}" if names else ""


def gate_marks(
    state: GatingState, dataset_id: Key | None, population_id: Key | None, axes: tuple[str, str]
) -> tuple[GateMark, ...]:
    """The gates of a plot of a population: those on its axes that divide it further, or that no population uses.

    Parameters
    ----------
    dataset_id : whose own gates are in force; None = those of the study alone
    axes : references of x and y; y is "" for a histogram, which shows gates of one axis
    """
    regions = state.in_force(dataset_id)
    used, wanted = set(), set()
    for population in state.populations.values():
        region = regions.get(population.terminal_gid)
        if region is not None:
            used.add(region.gate.gid)
            if population.parent_id == population_id:
                wanted.add(region.gate.gid)
    marks = []
    for gid, region in regions.items():
        if gid == region.gate.gid and (gid in wanted or gid not in used):
            mark = _mark(region, axes)
            if mark is not None:
                marks.append(mark)
    return tuple(marks)


def _mark(region: InForce, axes: tuple[str, str]) -> GateMark | None:
    gate = region.gate
    names = tuple(str(part["name"]) for part in gate.sectors) or (gate.name,)
    at = gate.extra.get("labels") or ()
    mark = GateMark(gate.kind, gate.geometry, names, tuple((float(x), float(y)) for x, y in at))
    if (gate.x, gate.y) == axes:
        return mark
    if gate.y and (gate.y, gate.x) == axes and not _is_skewed(gate):
        return turned(mark)
    return None


def _is_skewed(gate: Gate) -> bool:
    return any(abs(math.remainder(angle, _RIGHT_ANGLE)) > 1e-9 for angle in gate.geometry.get("angles", ()))


def turned(mark: GateMark) -> GateMark:
    """The mark on a plot whose axes are exchanged."""
    geometry: dict[str, Any] = dict(mark.geometry)
    names, at = mark.names, tuple((y, x) for x, y in mark.at)
    if mark.kind == "rectangle":
        x1, x2, y1, y2 = (mark.geometry[name] for name in ("x1", "x2", "y1", "y2"))
        geometry = {"x1": y1, "x2": y2, "y1": x1, "y2": x2}
    elif mark.kind == "polygon":
        geometry["vertices"] = [[y, x] for x, y in mark.geometry["vertices"]]
    elif mark.kind == "ellipse":
        x, y = mark.geometry["center"]
        geometry |= {"center": [y, x], "angle": _RIGHT_ANGLE - mark.geometry["angle"]}
    elif mark.kind == "quadrant":  # upper left and lower right change places
        geometry |= {"x": mark.geometry["y"], "y": mark.geometry["x"]}
        if len(names) == 4:
            names = (names[0], names[3], names[2], names[1])
        if len(at) == 4:
            at = (at[0], at[3], at[2], at[1])
    return replace(mark, geometry=geometry, names=names, at=at)
