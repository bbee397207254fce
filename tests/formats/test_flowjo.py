from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.analyses.cytometry.exchange import evaluate_regions
from cytosol.analyses.cytometry.exchange_units import to_data, to_scaled
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import UnreadableFileError, UnsupportedFormatError
from cytosol.base.gating import Axis, Gating, Matrix, Ratio, Region, SampleGating
from cytosol.formats.flowjo.reader import is_workspace, read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from tests.formats.gating_samples import scale_values

SPILL = Matrix(("A", "B"), ("A", "B"), ((1.0, 0.25), (0.1, 1.0)))
BIEX = {"type": "biexponential", "top": 262144.0, "positive": 4.5, "negative": 0.0, "width": -100.0}
LOGICLE = {"type": "logicle", "t": 262144.0, "w": 0.5, "m": 4.5, "a": 0.0}
LINEAR = {"type": "linear", "minimum": 0.0, "maximum": 262144.0}
A, B, T = Axis("A", "Spill", BIEX), Axis("B", "Spill", LOGICLE), Axis("T", "", LINEAR)


def boolean(op: str, *refs: str) -> dict[str, Any]:
    return {"op": op, "refs": [[ref, False] for ref in refs]}


def gating() -> Gating:
    """A tree of every kind, in scaled units."""
    regions = [
        Region("cells", "cells", "polygon", {"vertices": [[800, 0.2], [3900, 0.3], [3000, 0.95]]}, (A, B), n_events=7),
        Region("cells/bright", "bright", "box", {"limits": [[2000, None], [0.3, 0.9]]}, (A, B), "cells"),
        Region("cells/late", "late", "box", {"limits": [[100000, None]]}, (T,), "cells", outside=True),
        Region(
            "egg",
            "egg",
            "ellipsoid",
            {"mean": [2500, 150000], "covariance": [[250000, 9e6], [9e6, 2.5e9]], "distance_square": 2.0},
            (A, T),
        ),
        Region(
            "cells/either",
            "either",
            "boolean",
            {"op": "or", "refs": [["cells/bright", False], ["egg", False]]},
            (),
            "cells",
        ),
        Region("no egg", "no egg", "boolean", boolean("not", "egg")),
        Region("all", "all", "boolean", boolean("and", "cells/late", "no egg")),
    ]
    return Gating({region.id: region for region in regions}, {"Spill": SPILL})


def events() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    bright = 10 ** generator.uniform(0, 5.3, (2, 4000)) - 50
    return {"A": bright[0], "B": bright[1], "T": generator.uniform(0, 262144, 4000)}


def test_what_is_written_is_read_again() -> None:
    sample = SampleGating("one.fcs", to_data(gating()), keywords={"$FIL": "one.fcs"}, n_events=4000)
    data = write_workspace([sample, replace(sample, name="two.fcs")], group="Mice")
    assert is_workspace(data)
    one, two = read_workspace(data)
    assert (one.name, two.name, one.n_events, one.uri) == ("one.fcs", "two.fcs", 4000, "one.fcs")
    assert one.groups == ("All Samples", "Mice")
    assert one.keywords == {"$FIL": "one.fcs"}
    assert one.gating.matrices == {"Spill": SPILL}
    assert one.gating.notes == ()
    again = to_scaled(one.gating)
    wanted = gating()
    assert set(again.regions) == set(wanted.regions)
    for name, region in wanted.regions.items():
        found = again.regions[name]
        assert (found.kind, found.name, found.parent, found.outside) == (
            region.kind,
            region.name,
            region.parent,
            region.outside,
        )
        assert [(axis.channel, axis.compensation, axis.scale) for axis in found.axes] == [
            (axis.channel, axis.compensation, axis.scale) for axis in region.axes
        ]
    ours, theirs = (evaluate_regions(one, events().__getitem__) for one in (wanted, again))
    for name, mask in ours.items():
        assert (mask != theirs[name]).sum() <= 1, name  # numbers are turned into data units and back
        assert 0 < mask.sum() < 4000, name


def test_a_matrix_of_the_workspace_serves_samples_without_one() -> None:
    """As FlowKit writes them."""
    text = write_workspace([SampleGating("one.fcs", to_data(gating()))]).decode()
    whole = read_workspace(text.encode())[0].gating
    head, sample = text.split("<SampleList>")
    bare = re.sub(r"<transforms:spilloverMatrix.*</transforms:spilloverMatrix>", "", sample, flags=re.DOTALL)
    assert len(bare) < len(sample)
    again = read_workspace(f"{head}<SampleList>{bare}".encode())[0].gating
    assert again == whole
    assert again.matrices == {"Spill": SPILL}


def test_names_with_slashes_and_of_twins_are_told_apart() -> None:
    box = Region("a", "CD4+/CD8-", "box", {"limits": [[0.0, 100.0]]}, (Axis("T"),))
    twin = replace(box, id="b", geometry={"limits": [[200.0, 300.0]]})
    both = Region("c", "both", "boolean", boolean("or", "a", "b"))
    regions = {one.id: one for one in (box, twin, both)}
    again = read_workspace(write_workspace([SampleGating("1", Gating(regions, unit="data"))]))[0].gating
    assert [one.name for one in again.regions.values()] == ["CD4+/CD8-", "CD4+/CD8- (2)", "both"]
    times = np.array([50.0, 250.0, 150.0])
    found = evaluate_regions(to_scaled(again), {"T": times}.__getitem__)
    assert found[list(again.regions)[2]].tolist() == [True, True, False]


def test_counts_of_real_workspaces(shared_data: Path) -> None:
    folder = shared_data / "cytometry" / "flowjo"
    (sample,) = read_workspace((folder / "flowsom" / "gating.wsp").read_bytes())
    assert (sample.name, sample.n_events, sample.gating.notes) == ("68983.fcs", 19225, ())
    found = evaluate_regions(to_scaled(sample.gating), scale_values(folder / "flowsom" / "68983.fcs"))
    counts = {name: (int(found[name].sum()), region.n_events) for name, region in sample.gating.regions.items()}
    assert len(counts) == 15
    for name, (ours, theirs) in counts.items():
        assert theirs is not None
        assert abs(ours - theirs) <= max(0.005 * theirs, 1), name
    for workspace, wanted in (
        ("simple_poly_and_rect.wsp", {"poly1": 0, "rect1": 0}),
        ("simple_poly_and_rect_v2_poly50.wsp", {"poly1": 50, "rect1": 0}),
        ("single_ellipse_51_events.wsp", {"ellipse1": 51}),
    ):
        line = folder / "simple_line"
        (sample,) = read_workspace((line / workspace).read_bytes())
        found = evaluate_regions(to_scaled(sample.gating), scale_values(line / "data_set_simple_line_100.fcs"))
        assert {name: int(mask.sum()) for name, mask in found.items()} == wanted


def test_a_large_workspace(shared_data: Path) -> None:
    samples = read_workspace((shared_data / "cytometry" / "flowjo" / "8_color_ICS.wsp").read_bytes())
    assert [len(sample.gating.regions) for sample in samples] == [14, 14, 14]
    assert samples[0].groups == ("All Samples", "DEN")
    assert samples[0].gating.regions["Time/Singlets"].parent == "Time"
    assert not any(sample.gating.notes for sample in samples)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<Gating-ML/>", "no workspace"),
        (b"<Workspace", "not whole"),
        (b"<Workspace><SampleList><Sample/></SampleList></Workspace>", "no SampleNode"),
    ],
)
def test_broken_workspaces(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        read_workspace(data)


def test_what_is_not_documented_is_left_out_with_a_note() -> None:
    data = write_workspace([SampleGating("one", to_data(gating()))])
    odd = data.replace(b"<gating:EllipsoidGate", b"<gating:Spider").replace(
        b"</gating:EllipsoidGate", b"</gating:Spider"
    )
    (sample,) = read_workspace(odd)
    assert list(sample.gating.regions) == ["cells", "cells/bright", "cells/late"]
    assert sample.gating.notes[0] == "The population 'egg' was left out: its gate is of the kind 'Spider'"
    assert len(sample.gating.notes) == 4
    (sample,) = read_workspace(data.replace(b"transforms:biex", b"transforms:miltenyi"))
    assert "not documented" in sample.gating.notes[0]


def curly_workspace(x: Axis, y: Axis, center: tuple[float, float]) -> bytes:
    """Four quadrants round a point in data units, as FlowJo writes them."""
    sides = {"UR": (1, 1), "UL": (0, 1), "LL": (0, 0), "LR": (1, 0)}
    regions = {}
    for name, highs in sides.items():
        limits = [[at, None] if high else [None, at] for at, high in zip(center, highs, strict=True)]
        regions[name] = Region(name, name, "box", {"limits": limits}, (x, y))
    data = write_workspace([SampleGating("one", Gating(regions, {"Spill": SPILL}, unit="data"))])
    return data.replace(b"gating:RectangleGate", b"gating:CurlyQuad")


@pytest.mark.parametrize("names", ["AB", "TB", "AT"])
def test_curly_quadrants(names: str) -> None:
    axes = {"A": A, "B": B, "T": T}
    x, y = (axes[name] for name in names)
    data = {"A": 900.0, "B": 2000.0, "T": 60000.0}
    (sample,) = read_workspace(curly_workspace(x, y, (data[names[0]], data[names[1]])))
    assert sample.gating.notes == ()
    assert {region.kind for region in sample.gating.regions.values()} == {"curly"}
    found = evaluate_regions(to_scaled(sample.gating), {**events(), "B": np.linspace(-3e3, 2.6e5, 4000)}.__getitem__)
    assert np.array_equal(sum(mask.astype(int) for mask in found.values()), np.ones(4000))
    # in 256ths of the axes, lines to the right and up bend by 0.012 d^1.5
    values = {**events(), "B": np.linspace(-3e3, 2.6e5, 4000)}
    unmixed = dict(zip("AB", np.linalg.solve(np.array(SPILL.values).T, [values["A"], values["B"]]), strict=True))
    shown = []
    for name in names:
        scale = scale_from_json(axes[name].scale or {})
        both = scale.forward(np.concatenate([[data[name], *scale.limits], (values | unmixed)[name]]), clamp=False)
        shown.append(
            ((both[3:] - both[1]) / (both[2] - both[1]) * 256, (both[0] - both[1]) / (both[2] - both[1]) * 256)
        )
    (u, u0), (v, v0) = shown
    right = u - u0 > 0.012 * np.clip(v - v0, 0, None) ** 1.5
    up = v - v0 > 0.012 * np.clip(u - u0, 0, None) ** 1.5
    for name, mask in {"UR": right & up, "UL": ~right & up, "LL": ~right & ~up, "LR": right & ~up}.items():
        assert mask.sum() > 20, name
        assert (mask != found[name]).mean() < 0.002, name  # a few lie between the curve and its 33 corners
    straight = (u > u0) & (v > v0)
    assert (straight != found["UR"]).sum() > 10


def test_curly_quadrants_that_cannot_bend() -> None:
    (sample,) = read_workspace(curly_workspace(replace(A, scale=None), B, (900.0, 2000.0)))
    assert [region.kind for region in sample.gating.regions.values()] == ["box"] * 4
    assert sample.gating.notes[0] == "The lines of 'UR' do not bend: its axes are not in the file"
    data = write_workspace([SampleGating("one", to_data(gating()))])
    with pytest.raises(UnreadableFileError, match="has no centre"):
        read_workspace(data.replace(b"gating:RectangleGate", b"gating:CurlyQuad"))


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (Region("a", "a", "box", {"limits": [[0, 1]] * 3}, (A, B, T)), "has 3 axes"),
        (Region("a", "a", "box", {"limits": [[0, 1]]}, (Axis("", ratio=Ratio("A", "B", 1, 0, 0)),)), "ratio"),
        (Region("a", "a", "box", {"limits": [[0, 1]] * 2}, (A, replace(A, scale=LINEAR))), "two scales"),
        (Region("a", "a", "boolean", {"op": "or", "refs": [["a", True]]}), "complement"),
    ],
)
def test_what_a_workspace_cannot_hold(region: Region, words: str) -> None:
    sample = SampleGating("one", Gating({"a": region}, {"Spill": SPILL}, unit="data"))
    with pytest.raises(UnsupportedFormatError, match=words):
        write_workspace([sample])
