"""What a study writes holds the same events where nobody limits values to an axis, and comes back as it went."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cytosol.analyses.cytometry.exchange import evaluate_regions
from cytosol.analyses.cytometry.exchange_units import to_data, to_scaled
from cytosol.analyses.cytometry.gating_out import Compensated, describe
from cytosol.analyses.cytometry.geometry import inside, refit, sectors
from cytosol.analyses.cytometry.scales import ArcSinhScale, BiexponentialScale, LinearScale, LogScale, Scale
from cytosol.base.gating import Gating, SampleGating
from cytosol.base.keys import new_key
from cytosol.formats.flowjo.reader import read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.reader import read_gating_ml
from cytosol.formats.gating_ml.writer import write_gating_ml
from cytosol.model.gating import Gate, Population

N = 5000
STAMPS: dict[str, Any] = {"created_at": 0, "updated_at": 0, "deleted_at": None, "version": 1, "extra": {}}
SCALES: dict[str, Scale] = {
    "A": ArcSinhScale(-100, 5e3, 150),
    "B": LinearScale(-500, 2e4),
    "C": BiexponentialScale(),
    "D": ArcSinhScale(-1e4, 5e3, 5),
}


def values() -> dict[str, np.ndarray]:
    """Many lie beyond the limits of their axes."""
    generator = np.random.default_rng(3)
    bent = {name: np.sinh(generator.normal(2, 2, N)) * 150 for name in "ACD"}
    return {name: column.astype(np.float32) for name, column in (bent | {"B": generator.normal(8e3, 8e3, N)}).items()}


def shape(kind: str, x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> dict[str, Any]:
    """A geometry that reaches across the limits of its axes; x, y: what is there, scaled."""
    (x0, x1), (y0, y1) = np.quantile(x, [0.2, 0.7]), np.quantile(y, [0.2, 0.7])
    wide, high = x1 - x0, y1 - y0
    if kind == "polygon":
        turns = np.sort(generator.uniform(0, 2 * math.pi, 6))
        corners = [x0 + 3 * wide * np.cos(turns), y0 + 3 * high * np.sin(turns)]
        return {"vertices": np.column_stack(corners).tolist()}
    if kind == "ellipse":
        return {"center": [float(x0), float(y0)], "angle": 0.0, "major": float(3 * wide), "minor": float(3 * high)}
    angles = [angle + float(generator.uniform(-0.3, 0.3)) for angle in (0, math.pi / 2, math.pi, 1.5 * math.pi)]
    return {"x": float(x1), "y": float(y1), "angles": angles}


def drawn() -> list[Gate]:
    generator = np.random.default_rng(5)
    channels = values()
    made = []
    for kind in ("polygon", "ellipse", "quadrant"):
        for one, other in ("AB", "CA", "DB", "CB"):
            points = [SCALES[name].forward(channels[name]) for name in (one, other)]
            name = f"{kind}/{one}{other}"
            parts = [{"gid": f"{name} {i}", "name": f"{name} {i}"} for i in range(4)] if kind == "quadrant" else []
            made.append(
                Gate(
                    id=new_key(),
                    study_id=new_key(),
                    dataset_id=None,
                    gid=name,
                    kind=kind,
                    name=name,
                    x=f"var:{one}",
                    y=f"var:{other}",
                    geometry=shape(kind, *points, generator),
                    sectors=parts,
                    tailored=False,
                    locked=False,
                    **STAMPS,
                )
            )
    return made


def test_gates_that_hold_nothing_and_lines_are_written() -> None:
    gate = drawn()[0]
    shapes = {
        "outside": ("polygon", {"vertices": [[50.0, 50.0], [60.0, 50.0], [60.0, 60.0]]}),
        "thin": ("ellipse", {"center": [1.0, 2.0], "angle": 0.3, "major": 3.0, "minor": 1e-12}),
        "endless": ("ellipse", {"center": [1.0, 2.0], "angle": 0.3, "major": 1e6, "minor": 1.0}),
    }
    by_gid = {
        name: (replace(gate, gid=name, kind=kind, geometry=geometry, y="var:D"), -1)
        for name, (kind, geometry) in shapes.items()
    }
    place: dict[str, Any] = {"study_id": new_key(), "parent_id": None, "terminal_gid": "", "position": 0, **STAMPS}
    populations = [Population(id=new_key(), name=gid, tree={"gate": gid}, **place) for gid in by_gid]
    scales = {f"var:{name}": scale.to_json() for name, scale in SCALES.items()}
    for own_scales in (True, False):
        out = describe(by_gid, populations, scales, Compensated(), own_scales=own_scales)
        found = evaluate_regions(out, values().__getitem__)
        counts = {region.name: int(found[region.id].sum()) for region in out.regions.values()}
        assert (counts["outside"], counts["thin"]) == (0, 0)
        assert counts["endless"] > 0


@pytest.mark.parametrize("form", ["flowjo", "gating-ml"])
def test_without_limits_the_same_events_are_inside(form: str) -> None:
    channels = values()
    wanted, by_gid = {}, {}
    for gate in drawn():
        points = [
            SCALES[axis.removeprefix("var:")].forward(channels[axis.removeprefix("var:")]) for axis in (gate.x, gate.y)
        ]
        if gate.sectors:
            codes = sectors(gate.kind, gate.geometry, *points)
            for place, part in enumerate(gate.sectors):
                by_gid[part["gid"]], wanted[part["gid"]] = (gate, place), codes == place
        else:
            by_gid[gate.gid], wanted[gate.gid] = (gate, -1), inside(gate.kind, gate.geometry, *points)
    place: dict[str, Any] = {"study_id": new_key(), "parent_id": None, "terminal_gid": "", "position": 0, **STAMPS}
    populations = [Population(id=new_key(), name=gid, tree={"and": [{"gate": gid}]}, **place) for gid in by_gid]
    scales = {f"var:{name}": scale.to_json() for name, scale in SCALES.items()}
    out = describe(by_gid, populations, scales, Compensated(), own_scales=form == "flowjo")
    assert out.notes == ()
    read = to_scaled(read_workspace(write_workspace([SampleGating("one", to_data(out))]))[0].gating)
    if form == "gating-ml":
        text = write_gating_ml(out).decode()
        read = read_gating_ml(re.sub(r' transforms:bound\w+="[^"]*"', "", text).encode())
    found = evaluate_regions(Gating(read.regions), channels.__getitem__)
    counts = {region.name: found[region.id] for region in read.regions.values()}
    assert set(counts) == set(wanted)
    for name, mask in wanted.items():
        # an outline of 256 corners stands for an ellipse that reaches a limit, whole channels for a biexponential
        assert (mask != counts[name]).sum() <= max(2, 0.004 * mask.sum()), name
    assert sum(0 < mask.sum() < N for mask in wanted.values()) > 20


@pytest.mark.parametrize("own_scales", [True, False])
@pytest.mark.parametrize(
    ("share", "is_written"), [(0.0, False), (-0.2, False), (1.0, False), (1.2, False), (0.01, True)]
)
def test_skewed_quadrants_are_written_where_their_centre_is_within_the_axes(
    share: float, is_written: bool, own_scales: bool
) -> None:
    channels = values()
    gate = next(gate for gate in drawn() if gate.name == "quadrant/AB")
    low, high = (float(end) for end in SCALES["A"].forward(np.array(SCALES["A"].limits)))
    gate = replace(gate, geometry={**gate.geometry, "x": low + share * (high - low)})
    by_gid = {part["gid"]: (gate, place) for place, part in enumerate(gate.sectors)}
    place: dict[str, Any] = {"study_id": new_key(), "parent_id": None, "terminal_gid": "", "position": 0, **STAMPS}
    populations = [Population(id=new_key(), name=gid, tree={"and": [{"gate": gid}]}, **place) for gid in by_gid]
    scales = {f"var:{name}": scale.to_json() for name, scale in SCALES.items()}
    out = describe(by_gid, populations, scales, Compensated(), own_scales=own_scales)
    assert len(out.regions) == (4 if is_written else 0)
    assert len(out.notes) == (0 if is_written else 4)
    assert all("centre of its skewed quadrant is not within the axes" in note for note in out.notes)
    codes = sectors("quadrant", gate.geometry, *(SCALES[name].forward(channels[name]) for name in "AB"))
    found = evaluate_regions(out, channels.__getitem__)
    for region in out.regions.values():
        wanted = codes == by_gid[region.name][1]
        assert (found[region.id] != wanted).sum() <= max(2, 0.004 * wanted.sum())


@pytest.mark.parametrize("to", [LinearScale(0, 1000), LogScale(1, 1e5), BiexponentialScale()], ids=lambda one: one.type)
def test_gates_that_reach_beyond_all_numbers_stay_gates(to: Scale) -> None:
    """As of a client that gives an ellipse on a linear and a bent axis an angle."""
    old = ArcSinhScale(-200, 262144, 150)
    moved = refit(
        "ellipse",
        {"center": [5e4, 4.0], "angle": 0.5, "major": 4e4, "minor": 2.0},
        lambda x: x,
        lambda y: to.forward(old.inverse(y), clamp=False),
    )
    numbers = [*moved["center"], moved["angle"], moved["major"], moved["minor"]]
    assert np.isfinite(numbers).all()
    assert min(moved["major"], moved["minor"]) > 0
    points = np.linspace(-1, 1, 9, dtype=np.float32)
    assert inside("ellipse", moved, points, points).shape == (9,)
    line = refit(
        "ellipse", {"center": [0.0, 0.0], "angle": 0.0, "major": 2.0, "minor": 1.0}, lambda x: x, np.zeros_like
    )
    assert inside("ellipse", line, points, np.zeros(9, np.float32)).all()
