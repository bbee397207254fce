"""Gates of exchange files become those of a study, and back; counted at every step."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.analyses.cytometry.compensation import compensate
from cytosol.analyses.cytometry.exchange import evaluate_regions
from cytosol.analyses.cytometry.exchange_units import to_data, to_scaled
from cytosol.analyses.cytometry.gating_in import Plan, plan_import
from cytosol.analyses.cytometry.gating_out import Compensated, describe
from cytosol.analyses.cytometry.gating_samples import plan_samples
from cytosol.analyses.cytometry.geometry import check_geometry, inside, sectors
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.analyses.cytometry.trees import check_tree, evaluate
from cytosol.base.errors import InvalidInputError
from cytosol.base.gating import Axis, Gating, Matrix, Region, SampleGating
from cytosol.base.keys import Key, new_key
from cytosol.formats.flowjo.reader import read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.reader import read_gating_ml
from cytosol.formats.gating_ml.writer import write_gating_ml
from cytosol.model.gating import Gate, Population
from tests.formats.gating_samples import EVERY_KIND, scale_values
from tests.formats.test_flowjo import SPILL, events, gating

Channel = Callable[[str], np.ndarray]
DEFAULT = {"type": "arcsinh", "minimum": -200.0, "maximum": 262144.0, "cofactor": 150.0}


def masks_of(plan: Plan, scales: Mapping[str, Any], channel: Channel) -> dict[str, np.ndarray]:
    """Evaluates as a study does: 32 bits, limited, scaled."""
    known = {**scales, **plan.scales}
    by_gid: dict[str, tuple[Any, int]] = {}
    for gate in plan.gates:
        check_geometry(gate.kind, gate.geometry)
        by_gid[gate.gid] = gate, -1
        by_gid |= {sector["gid"]: (gate, place) for place, sector in enumerate(gate.sectors)}

    def leaf(said: Mapping[str, Any]) -> np.ndarray:
        gate, place = by_gid[said["gate"]]
        axes = []
        for reference in (gate.x, gate.y):
            if reference:
                values = channel(reference.removeprefix("var:")).astype(np.float32)
                scale = known.get(reference)
                axes.append(values if scale is None else scale_from_json(scale).forward(values))
        return (
            inside(gate.kind, gate.geometry, *axes) if place < 0 else sectors(gate.kind, gate.geometry, *axes) == place
        )

    found = {}
    for population in plan.populations:
        check_tree(population.tree)
        n = len(channel(plan.gates[0].x.removeprefix("var:")))
        found[population.key] = evaluate(population.tree, leaf, np.ones(n, np.bool_))
    return found


def records(plan: Plan) -> tuple[dict[str, tuple[Gate, int]], list[Population]]:
    """The records that a study would hold."""
    stamps: dict[str, Any] = {"created_at": 0, "updated_at": 0, "deleted_at": None, "version": 1, "extra": {}}
    study = new_key()
    gates: dict[str, tuple[Gate, int]] = {}
    for one in plan.gates:
        gate = Gate(
            id=new_key(), study_id=study, dataset_id=None, gid=one.gid, kind=one.kind, name=one.name, x=one.x, y=one.y,
            geometry=one.geometry, sectors=list(one.sectors), tailored=False, locked=False, **stamps,
        )  # fmt: skip
        gates[one.gid] = gate, -1
        gates |= {sector["gid"]: (gate, place) for place, sector in enumerate(one.sectors)}
    keys: dict[str, Key] = {one.key: new_key() for one in plan.populations}
    populations = [
        Population(
            id=keys[one.key], study_id=study, parent_id=keys[one.parent] if one.parent else None, name=one.name,
            tree=one.tree, terminal_gid=one.terminal_gid, position=place, **stamps,
        )
        for place, one in enumerate(plan.populations)
    ]  # fmt: skip
    return gates, populations


def flowjo_channel(values: Mapping[str, np.ndarray]) -> Channel:
    a, b = compensate([values["A"].astype(np.float32), values["B"].astype(np.float32)], np.array(SPILL.values))
    return {"A": a, "B": b, "T": values["T"].astype(np.float32)}.__getitem__


def test_a_workspace_becomes_gates_that_hold_the_same_events() -> None:
    wanted = evaluate_regions(gating(), lambda name: events()[name].astype(np.float32))
    plan = plan_import(to_data(gating()), {"var:A": DEFAULT})
    assert plan.notes == []
    assert plan.compensation == "Spill"
    assert plan.compensations == {"Spill": (["A", "B"], [1.0, 0.25, 0.1, 1.0])}
    assert plan.scales["var:A"]["type"] == "biexponential"
    found = masks_of(plan, {}, flowjo_channel(events()))
    for name, mask in wanted.items():
        assert (mask != found[name]).sum() <= 1, name
    late = next(one for one in plan.populations if one.name == "late")
    assert late.parent == "cells"
    assert next(one for one in plan.populations if one.name == "bright").terminal_gid


@pytest.mark.parametrize("form", ["gating-ml", "flowjo"])
def test_there_and_back(form: str) -> None:
    plan = plan_import(to_data(gating()), {})
    gates, populations = records(plan)
    compensated = Compensated("Spill", SPILL)
    out = describe(gates, populations, plan.scales, compensated, own_scales=form == "flowjo")
    assert out.notes == ()
    if form == "gating-ml":
        read = read_gating_ml(write_gating_ml(out))
    else:
        read = to_scaled(read_workspace(write_workspace([SampleGating("one", to_data(out))]))[0].gating)
    values = events()
    found = evaluate_regions(read, lambda name: values[name].astype(np.float32))
    named = {region.name: found[name] for name, region in read.regions.items()}
    for name, mask in masks_of(plan, {}, flowjo_channel(values)).items():
        shown = name.rpartition("/")[2]
        assert (mask != named[shown]).sum() <= (8 if form == "gating-ml" else 1), name
        assert 0 < mask.sum() < len(mask)


def test_the_compliance_set_becomes_gates_of_a_study(shared_data: Path) -> None:
    folder = shared_data / "cytometry" / "gatingml2" / "set_1"
    document = read_gating_ml((folder / "gates1.xml").read_bytes())
    channel = scale_values(folder / "data1.fcs")
    with zipfile.ZipFile(folder / "expected_results.zip") as results:
        wanted = {
            Path(name).stem.removeprefix("Results_"): np.array(results.read(name).split(), int) == 1
            for name in results.namelist()
        }
    matrix = document.matrices["MySpill"]
    columns = [channel(name).astype(np.float32) for name in matrix.detectors]
    spilled = dict(zip(matrix.detectors, compensate(columns, np.array(matrix.values)), strict=True))
    left = {"Ellipsoid3D", "RatRange1", "RatRange1Bound", "RatRange2", "RatRange1a", "RatRange1aBound"}
    counted = 0
    for name, region in document.regions.items():
        # a study has one scale an axis and one compensation at a time, so gates that go together are brought together
        family = _needed(document, name)
        compensations = {axis.compensation for one in family.values() for axis in one.axes}
        plan = plan_import(Gating(family, document.matrices), {})
        if name in left:
            assert plan.notes, name
            continue
        if name not in wanted or ("MySpill" in compensations and _mixed(family)):
            continue
        known = spilled if "MySpill" in compensations else {}
        found = masks_of(plan, {}, lambda one, known=known: known[one] if one in known else channel(one))
        assert np.array_equal(found[region.id], wanted[name]), name
        counted += 1
    assert counted == 54


def _needed(document: Gating, name: str) -> dict[str, Region]:
    region = document.regions[name]
    needed = {name: region}
    for ref in (region.parent, *(one for one, _ in region.geometry.get("refs", ()))):
        needed = (_needed(document, ref) if ref else {}) | needed
    if region.family:
        needed = {one.id: one for one in document.regions.values() if one.family == region.family} | needed
    return needed


def _mixed(family: Mapping[str, Region]) -> bool:
    """Whether a channel stands there with the matrix and without."""
    return any(
        axis.compensation != "MySpill" and axis.channel.startswith("FL") for one in family.values() for axis in one.axes
    )


def test_four_cells_become_a_quadrant_and_others_boxes() -> None:
    document = read_gating_ml(EVERY_KIND.encode())
    plan = plan_import(document, {})
    kinds = {gate.key: gate.kind for gate in plan.gates}
    assert kinds == {"egg": "ellipse", "four": "quadrant"}
    assert [sector["name"] for sector in plan.gates[0].sectors or plan.gates[1].sectors] == ["++", "-+", "--", "+-"]
    assert any("'Big box' was left out: it lies on a ratio" in note for note in plan.notes)
    assert any("'triangle' was left out: it needs 'box'" in note for note in plan.notes)
    axes = Axis("A"), Axis("B"), Axis("C")
    box = Region("box", "box", "box", {"limits": [[1, 2], [3, None], [None, 6]]}, axes, outside=True)
    plan = plan_import(Gating({"box": box}), {})
    assert [(gate.kind, gate.name) for gate in plan.gates] == [
        ("range", "box 1"),
        ("range", "box 2"),
        ("range", "box 3"),
    ]
    values = {name: np.random.default_rng(place).uniform(0, 8, 1000) for place, name in enumerate("ABC")}
    wanted = evaluate_regions(Gating({"box": box}), values.__getitem__)["box"]
    assert np.array_equal(masks_of(plan, {}, values.__getitem__)["box"], wanted)


@pytest.mark.parametrize("scale", [
    {"type": "gml-linear", "t": 1.0, "a": 0.0},
    {"type": "gml-linear", "t": 4000.0, "a": 100.0},
    {"type": "gml-asinh", "t": 4000.0, "m": 4.0, "a": 0.5},
    {"type": "logicle", "t": 4000.0, "w": 0.5, "m": 4.5, "a": 0.0},
    None,
])  # fmt: skip
@pytest.mark.parametrize("bounds", [(None, None), (800.0, 3000.0), (None, 2500.0)])
def test_bounds_limit_polygons_and_ellipses_as_in_the_file(
    scale: dict[str, Any] | None, bounds: tuple[float | None, float | None]
) -> None:
    if scale is None:
        bounds = None, None
    function = scale_from_json(scale or {"type": "gml-linear", "t": 1.0, "a": 0.0})

    def scaled(value: float | None) -> float | None:
        return None if value is None else float(function.forward(np.array([value]))[0])

    axes = tuple(Axis(name, "", scale, scaled(bounds[0]), scaled(bounds[1])) for name in "AB")
    corners = [[700, 700], [9000, 700], [9000, 2000], [5000, 4500], [700, 2000]]  # beyond the bounds, and beyond t
    vertices = [[scaled(one) for one in corner] for corner in corners]
    middle, width = function.forward(np.array([2900.0, 2900.0])), function.forward(np.array([1500.0, 4200.0]))
    radius = float(np.diff(width)[0]) / 2
    round_ = {"mean": middle.tolist(), "covariance": (np.eye(2) * radius**2).tolist(), "distance_square": 1.0}
    regions = {
        "shape": Region("shape", "shape", "polygon", {"vertices": vertices}, axes),
        "round": Region("round", "round", "ellipsoid", round_, axes),
        "box": Region(
            "box", "box", "box", {"limits": [[scaled(900), scaled(8000)], [scaled(-50), scaled(2000)]]}, axes
        ),
    }
    values = {name: np.random.default_rng(place).uniform(-500, 10_000, 4000) for place, name in enumerate("AB")}
    wanted = evaluate_regions(Gating(regions), lambda name: values[name].astype(np.float32))
    found = masks_of(plan_import(Gating(regions), {"var:A": DEFAULT, "var:B": DEFAULT}), {}, values.__getitem__)
    for name, mask in wanted.items():
        assert (found[name] != mask).sum() <= 1, name
        assert 0 < mask.sum() < len(mask), name


@pytest.mark.parametrize("kind", ["box", "polygon", "ellipsoid"])
def test_a_narrow_linear_scale_of_the_study_is_widened(kind: str) -> None:
    axes = (Axis("A"), Axis("T", "", {"type": "linear", "minimum": 0.0, "maximum": 262144.0}))
    geometry: dict[str, Any] = {
        "box": {"limits": [[2e4, 1e5], [5e4, None]]},
        "polygon": {"vertices": [[2e4, 5e4], [1e5, 5e4], [6e4, 2e5]]},
        "ellipsoid": {"mean": [6e4, 1e5], "covariance": [[1.6e9, 0], [0, 2.5e9]], "distance_square": 1.0},
    }[kind]
    below = Region("below", "below", "box", {"limits": [[-900.0, -20.0]]}, axes[:1])
    of = Gating({"one": Region("one", "one", kind, geometry, axes), "below": below})  # type: ignore[arg-type]
    narrow = {f"var:{name}": {"type": "linear", "minimum": 1.0, "maximum": 1024.0} for name in "AT"}
    generator = np.random.default_rng(3)
    values = {name: generator.uniform(-1e3 if name == "A" else 0, 2.6e5, 5000) for name in "AT"}
    plan = plan_import(of, narrow)
    found = masks_of(plan, narrow, values.__getitem__)
    wanted = evaluate_regions(of, values.__getitem__)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        name: int(mask.sum()) for name, mask in wanted.items()
    }
    assert min(mask.sum() for mask in wanted.values()) > 5
    assert plan.scales["var:A"] == {"type": "linear", "minimum": -900 - 0.05 * 100_900, "maximum": 1e5 + 0.05 * 100_900}
    # a scale that has room stays
    wide = {name: {"type": "linear", "minimum": -1000.0, "maximum": 262144.0} for name in narrow}
    assert plan_import(of, wide).scales == {}


def test_gain_and_time_step() -> None:
    document = read_gating_ml(EVERY_KIND.encode())
    regions = {name: region for name, region in document.regions.items() if name in ("egg", "++", "-+", "--", "+-")}
    values = {name: np.random.default_rng(place).uniform(0, 9000, 2000) for place, name in enumerate("AB")}
    wanted = evaluate_regions(Gating(regions), values.__getitem__)
    bent = Region(
        "bent",
        "bent",
        "box",
        {"limits": [[0.4, 0.8]]},
        (Axis("B", "", {"type": "logicle", "t": 10000, "w": 0.5, "m": 4.5, "a": 0}),),
    )
    wanted |= evaluate_regions(Gating({"bent": bent}), values.__getitem__)
    raw = {"A": values["A"] * 4, "B": values["B"] / 0.5}
    plan = plan_import(Gating(regions), {}, {"A": 4.0, "B": 2.0})
    found = masks_of(plan, {}, raw.__getitem__)
    found |= masks_of(plan_import(Gating({"bent": bent}), {}, {"B": 2.0}), {}, raw.__getitem__)
    for name, mask in wanted.items():
        assert (found[name] != mask).sum() <= 1, name


def test_skewed_quadrants_splits_limits_and_odd_trees_are_written() -> None:
    stamps: dict[str, Any] = {"created_at": 0, "updated_at": 0, "deleted_at": None, "version": 1, "extra": {}}
    scales = {"var:A": DEFAULT, "var:B": {"type": "linear", "minimum": 0.0, "maximum": 1000.0}}
    common: dict[str, Any] = {"study_id": new_key(), "dataset_id": None, "tailored": False, "locked": False, **stamps}

    def gate(gid: str, kind: str, geometry: dict[str, Any], *names: str, y: str = "var:B", x: str = "var:A") -> Gate:
        parts = [{"gid": name, "name": name} for name in names]
        return Gate(id=new_key(), gid=gid, kind=kind, name=gid, x=x, y=y, geometry=geometry, sectors=parts, **common)

    top = float(scale_from_json(DEFAULT).forward(np.array([1e6]))[0])
    made = [
        gate("q", "quadrant", {"x": 3.0, "y": 400.0, "angles": [0.004, 1.6, 3.0, 4.7]}, "ur", "ul", "ll", "lr"),
        gate("s", "split", {"x": 2.0, "y": 0.5}, "l", "r", y=""),
        gate("e", "ellipse", {"center": [3.0, 500.0], "angle": 1.5, "major": 800.0, "minor": 4.0}),
        gate("edge", "rectangle", {"x1": 1.0, "x2": top, "y1": 0.0, "y2": 600.0}),
        gate("poly", "polygon", {"vertices": [[1.0, 100.0], [top, 300.0], [top, 900.0], [2.0, 1000.0]]}),
        gate("on genes", "range", {"x1": 0.0, "x2": 1.0, "y": 0.5}, x="obs:score", y=""),
    ]
    by_gid = {one.gid: (one, -1) for one in made}
    by_gid |= {part["gid"]: (one, place) for one in made for place, part in enumerate(one.sectors)}
    trees: dict[str, dict[str, Any]] = {
        **{gid: {"and": [{"gate": gid}]} for gid in ("ur", "ul", "ll", "lr", "l", "r", "e", "edge", "poly")},
        "odd": {"xor": [{"gate": "e"}, {"gate": "r"}, {"gate": "edge"}]},
        "none of": {"and": [{"gate": "poly"}, {"not": [{"gate": "e"}, {"gate": "l"}]}]},
        "of a column": {"and": [{"gate": "e"}, {"column": "batch", "groups": ["1"]}]},
        "gone": {"gate": "nobody"},
        "on genes": {"gate": "on genes"},
        "all": {"and": []},
    }
    place: dict[str, Any] = {"study_id": new_key(), "parent_id": None, "terminal_gid": "", "position": 0, **stamps}
    populations = [Population(id=new_key(), name=name, tree=tree, **place) for name, tree in trees.items()]
    out = describe(by_gid, populations, scales, Compensated())
    assert len(out.notes) == 4
    generator = np.random.default_rng(0)
    values = {"A": np.sinh(generator.uniform(-3, 9, 6000)) * 150, "B": generator.uniform(-200, 1300, 6000)}
    values = {name: column.astype(np.float32) for name, column in values.items()}
    read = read_gating_ml(write_gating_ml(out))
    found = {
        region.name: mask
        for region, mask in zip(read.regions.values(), evaluate_regions(read, values.__getitem__).values(), strict=True)
    }
    scaled = [scale_from_json(scales[f"var:{name}"]).forward(values[name]) for name in "AB"]

    def leaf(said: Mapping[str, Any]) -> np.ndarray:
        one, place = by_gid[said["gate"]]
        axes = scaled if one.y else scaled[:1]
        return inside(one.kind, one.geometry, *axes) if place < 0 else sectors(one.kind, one.geometry, *axes) == place

    for name in [one for one in trees if one in found]:
        mask = evaluate(trees[name], leaf, np.ones(6000, np.bool_))
        assert (mask != found[name]).sum() <= 1, name
        assert 0 < mask.sum() < 6000, name
    assert set(trees) - set(found) == {"of a column", "gone", "on genes", "all"}


def test_gates_on_values_as_measured_are_named_where_others_are_compensated() -> None:
    spill = Matrix(("Dye A", "Dye B"), ("A", "B"), ((1.0, 0.1), (0.2, 1.0)))
    regions = [
        Region("a", "a", "box", {"limits": [[0.0, 5.0]]}, (Axis("Dye A", "Spill"),)),
        Region("b", "b", "box", {"limits": [[0.0, 5.0], [1.0, 2.0]]}, (Axis("T"), Axis("B"))),
        Region("t", "t", "box", {"limits": [[0.0, 5.0]]}, (Axis("T"),)),
    ]
    plan = plan_import(Gating({one.id: one for one in regions}, {"Spill": spill}), {})
    assert plan.compensation == "Spill"
    [note] = plan.notes
    assert note.startswith("The gates 'b' were drawn on values without compensation")


def test_a_file_whose_gates_contain_themselves_is_refused() -> None:
    regions = {
        "a": Region("a", "a", "boolean", {"op": "and", "refs": [["b", False]]}),
        "b": Region("b", "b", "boolean", {"op": "not", "refs": [["a", False]]}),
    }
    with pytest.raises(InvalidInputError, match="contains itself"):
        plan_import(Gating(regions), {})


@pytest.mark.parametrize("is_reversed", [False, True])
def test_gates_that_lie_too_deep_are_refused(is_reversed: bool) -> None:
    box = {"limits": [[1.0, None]]}
    chain = [Region(f"{n}", f"{n}", "box", box, (Axis("A"),), f"{n - 1}" if n else "") for n in range(4000)]
    if is_reversed:
        chain.reverse()
    began = time.process_time()
    with pytest.raises(InvalidInputError, match="'100' lies more than 100 levels below others"):
        plan_samples([SampleGating("one", Gating({one.id: one for one in chain}))], {}, {}, {})
    fits = {one.id: one for one in chain if int(one.id) < 100}
    plan = plan_samples([SampleGating("one", Gating(fits))], {}, {}, {}).plan
    assert sorted(len(one.tree["and"]) for one in plan.populations) == list(range(1, 101))
    # without their first one they all fall, one after the other
    with pytest.raises(InvalidInputError, match="no gate that a study can have"):
        plan_samples([SampleGating("one", Gating({one.id: one for one in chain if one.id != "0"}))], {}, {}, {})
    assert time.process_time() - began < 8


@pytest.mark.parametrize("op", ["and", "or"])
def test_gates_that_name_others_twice_again_and_again_are_refused(op: str) -> None:
    regions = [Region("0", "0", "box", {"limits": [[1.0, None]]}, (Axis("A"),))]
    for n in range(1, 90):
        regions.append(Region(f"{n}", f"{n}", "boolean", {"op": op, "refs": [[f"{n - 1}", False], [f"{n - 1}", True]]}))
    for most, message in ((90, "more than 500,000 gates together"), (14, "too deep or too large")):
        with pytest.raises(InvalidInputError, match=message):
            plan_import(Gating({one.id: one for one in regions[:most]}), {})


def test_a_matrix_that_is_not_square_is_left_out() -> None:
    matrix = Matrix(("x",), ("A", "B"), ((1.0, 0.5),))
    region = Region("a", "a", "box", {"limits": [[0, 1]]}, (Axis("x", "m"),))
    assert "other numbers of dyes" in plan_import(Gating({"a": region}, {"m": matrix}), {}).notes[0]
