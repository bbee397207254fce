"""One plan of what a study gets from the gates of several samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.gating_in import Plan, PlannedGate, plan_import
from cytosol.analyses.cytometry.gating_sizes import MAX_LEVELS
from cytosol.analyses.cytometry.geometry import refit
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import InvalidInputError
from cytosol.base.gating import Gating, Region, SampleGating, without_dangling
from cytosol.base.keys import Key

Scales = Mapping[str, Mapping[str, Any]]
DrawnOn = tuple[str, tuple[str, ...], tuple[float, ...]]
"""none or internal, or a name with channels, and n × n numbers row by row."""


@dataclass(frozen=True, slots=True)
class PlannedSamples:
    """A plan, and what single datasets have of their own.

    Attributes
    ----------
    tailored : (dataset, gate)
    drawn_on : dataset → compensation of its sample, where these differ
    """

    plan: Plan
    tailored: list[tuple[Key, PlannedGate]]
    drawn_on: dict[Key, DrawnOn] = field(default_factory=dict)


def plan_samples(
    samples: Sequence[SampleGating], datasets: Mapping[str, Key], scales: Scales, factors: Mapping[str, float]
) -> PlannedSamples:
    """Plan what a study gets: that of the first sample whose data is here, what others add, what differs in them.

    Parameters
    ----------
    datasets : name → id, of the study
    scales, factors : as of `plan_import`

    Raises
    ------
    InvalidInputError
        Where there is no gate, or none that a study can have.
    """
    usable = [sample for sample in samples if sample.gating.regions]
    if not usable:
        raise InvalidInputError("The file holds no gates", do="Choose a file with gates")
    # what stands for all files comes first, and what nobody counted last
    usable.sort(key=lambda one: (bool(one.name) and dataset_of(one, datasets) is None, not one.n_events))
    usable = _told_apart(usable, datasets)
    plan = plan_import(usable[0].gating, scales, factors)
    tailored = []
    drawn_on = {id: drawn_on_of(plan) for id in [dataset_of(usable[0], datasets)] if id is not None}
    known = {gate.key: gate for gate in plan.gates}
    populations = {one.key for one in plan.populations}
    for sample in usable[1:]:
        other = plan_import(sample.gating, scales, factors)
        dataset_id = dataset_of(sample, datasets)
        if dataset_id is not None:
            drawn_on[dataset_id] = drawn_on_of(other)
        gids = {}
        for gate in other.gates:
            geometry = _on_scales(gate, {**scales, **other.scales}, {**scales, **plan.scales})
            first = known.get(gate.key)
            if first is None:
                known[gate.key] = first = replace(gate, geometry=geometry)
                plan.gates.append(first)
                plan.scales.update({axis: other.scales[axis] for axis in (gate.x, gate.y) if axis in other.scales})
            if dataset_id is not None and not _alike(first.geometry, geometry):
                tailored.append((dataset_id, replace(first, geometry=geometry)))
            gids[gate.gid] = first.gid
            gids.update({ours["gid"]: theirs["gid"] for ours, theirs in zip(gate.sectors, first.sectors, strict=True)})
        for population in other.populations:
            if population.key not in populations:
                populations.add(population.key)
                terminal = gids.get(population.terminal_gid, "")
                renamed = _with_gids(population.tree, gids)
                plan.populations.append(replace(population, tree=renamed, terminal_gid=terminal))
        plan.notes.extend(note for note in other.notes if note not in plan.notes)
    if not plan.gates:
        raise InvalidInputError(
            "The file holds no gate that a study can have: " + " ".join(f"{note}." for note in plan.notes[:5]),
            do="Choose a file with gates of one or two axes",
        )
    return PlannedSamples(plan, tailored, drawn_on if len(set(drawn_on.values())) > 1 else {})


def drawn_on_of(plan: Plan) -> DrawnOn:
    """Give the compensation that the gates of a plan were drawn on."""
    channels, matrix = plan.compensations.get(plan.compensation, ([], []))
    return plan.compensation, tuple(channels), tuple(matrix)


def dataset_of(sample: SampleGating, datasets: Mapping[str, Key]) -> Key | None:
    """Give the dataset that is called like a sample, or like its file."""
    return datasets.get(sample.name) or datasets.get(sample.uri.replace("\\", "/").rpartition("/")[2])


def _told_apart(samples: Sequence[SampleGating], datasets: Mapping[str, Key]) -> list[SampleGating]:
    """Give regions that only share their id, but neither shape nor axes nor place, ids of their own.

    Samples whose data is not here, where that of others is, keep what they share with these; where that of none is, so
    do samples that nobody counted, such as compensation controls of FACSDiva.
    """
    kinds: dict[str, list[tuple[Any, ...]]] = {}
    here = [sample for sample in samples if dataset_of(sample, datasets) is not None]
    leading = here or [sample for sample in samples if sample.n_events] or samples
    found = []
    for sample in samples:
        regions = sample.gating.regions
        is_here = any(sample is one for one in leading)
        renamed: dict[str, str] = {}
        others = []
        for name, region in regions.items():
            kind, known = _lineage(region, regions), kinds.setdefault(name, [])
            if known and kind not in known:
                if not is_here:
                    continue
                others.append(region.name)
            if kind not in known:
                known.append(kind)
            place = known.index(kind) + 1
            renamed[name] = name if place == 1 else f"{name} ({place})"
        kept, _ = without_dangling({name: region for name, region in regions.items() if name in renamed})
        gating = _with_ids(replace(sample.gating, regions=kept), renamed)
        if others:
            listed = ", ".join(dict.fromkeys(others))
            note = f"In {sample.name!r} other gates are called so, and came beside the first ones: {listed}"
            gating = replace(gating, notes=(*gating.notes, note))
        found.append(replace(sample, gating=gating))
    return found


def _lineage(region: Region, regions: Mapping[str, Region]) -> tuple[Any, ...]:
    """What tells a region from another of its id: its shape and axes, and those of all above it, as far as may be."""
    found = [_kind(region)]
    while region.parent in regions and len(found) <= MAX_LEVELS:
        region = regions[region.parent]
        found.append(_kind(region))
    return tuple(found)


def _kind(region: Region) -> tuple[Any, ...]:
    return region.kind, region.outside, bool(region.family), *(axis.channel for axis in region.axes)


def _with_ids(gating: Gating, renamed: Mapping[str, str]) -> Gating:
    regions = {}
    for name, region in gating.regions.items():
        id, geometry = renamed[name], dict(region.geometry)
        if "refs" in geometry:
            geometry["refs"] = [[renamed.get(ref, ref), complement] for ref, complement in geometry["refs"]]
        suffix = id.removeprefix(name)
        regions[id] = replace(
            region,
            id=id,
            parent=renamed.get(region.parent, region.parent),
            geometry=geometry,
            family=region.family and region.family + suffix,
        )
    return replace(gating, regions=regions)


def _on_scales(gate: PlannedGate, old: Scales, new: Scales) -> dict[str, Any]:
    """The geometry of a gate of one sample on the scales that the first sample brought."""

    def mover(axis: str) -> Any:
        if axis not in old or old[axis] == new.get(axis, old[axis]):
            return lambda values: values
        source, target = scale_from_json(old[axis]), scale_from_json(new[axis])
        return lambda values: target.forward(source.inverse(values), clamp=False)

    return refit(gate.kind, gate.geometry, mover(gate.x), mover(gate.y))


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(
        np.shape(one[name]) == np.shape(other[name]) and np.allclose(one[name], other[name], rtol=1e-9, atol=1e-9)
        for name in one
    )


def _with_gids(tree: Mapping[str, Any], gids: Mapping[str, str]) -> dict[str, Any]:
    if "gate" in tree:
        return {"gate": gids.get(tree["gate"], tree["gate"])}
    ((node, parts),) = tree.items()
    return {node: [_with_gids(part, gids) for part in parts]}
