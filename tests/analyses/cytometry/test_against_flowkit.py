"""FlowKit and flowutils judge the scales, masks, compensation and what is written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cytosol.analyses.cytometry.compensation import compensate
from cytosol.analyses.cytometry.exchange import evaluate_regions
from cytosol.analyses.cytometry.exchange_units import to_data, to_scaled
from cytosol.analyses.cytometry.geometry import inside
from cytosol.analyses.cytometry.scales import (
    BiexponentialScale,
    GmlArcSinhScale,
    GmlLogScale,
    HyperlogScale,
    LogicleScale,
    Scale,
)
from cytosol.base.gating import SampleGating
from cytosol.formats.flowjo.reader import read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.reader import read_gating_ml
from cytosol.formats.gating_ml.writer import write_gating_ml
from tests.formats.gating_samples import EVERY_KIND
from tests.formats.test_flowjo import events, gating
from tests.services import library

flowutils = library("flowutils")


@pytest.mark.parametrize("parameters", [(262144, 0.5, 4.5, 0), (10000, 1, 4, 1), (1000, 1, 4, 0.5), (4096, 0.3, 4, 0)])
@pytest.mark.parametrize("kind", [LogicleScale, HyperlogScale, GmlArcSinhScale, GmlLogScale])
def test_scales_of_gating_ml(kind: type[Scale], parameters: tuple[float, ...]) -> None:
    t, w, m, a = parameters
    name = {LogicleScale: "logicle", HyperlogScale: "hyperlog", GmlArcSinhScale: "asinh", GmlLogScale: "log"}[kind]
    given = {"logicle": "twma", "hyperlog": "twma", "asinh": "tma", "log": "tm"}[name]
    chosen = {letter: value for letter, value in zip("twma", (t, w, m, a), strict=True) if letter in given}
    scale = kind(**chosen)
    values = np.linspace(max(scale.limits[0], -t), t, 5000)
    wanted = getattr(flowutils.transforms, name)(values, None, **chosen)
    assert scale.forward(values) == pytest.approx(wanted, abs=1e-9)
    places = np.linspace(-0.2, 1.1, 1000)
    wanted = getattr(flowutils.transforms, f"{name}_inverse")(places, None, **chosen)
    assert scale.inverse(places) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert scale.forward(wanted) == pytest.approx(places, abs=1e-9)


@pytest.mark.parametrize("n_vertices", [3, 4, 7, 30])
def test_polygons(n_vertices: int) -> None:
    generator = np.random.default_rng(n_vertices)
    points = generator.normal(size=(50_000, 2)).astype(np.float32)
    vertices = generator.normal(size=(n_vertices, 2)).astype(np.float32).astype(np.float64)
    wanted = flowutils.gating.points_in_polygon(vertices, points.astype(np.float64))
    ours = inside("polygon", {"vertices": vertices.tolist()}, points[:, 0], points[:, 1])
    assert np.array_equal(ours, wanted)


def test_compensation() -> None:
    generator = np.random.default_rng(1)
    matrix = np.eye(6) + generator.uniform(0, 0.2, (6, 6)) * (1 - np.eye(6))
    events = generator.uniform(-100, 1e5, (1000, 6)).astype(np.float32)
    wanted = flowutils.compensate.compensate(events.astype(np.float64), matrix, list(range(6)))
    ours = compensate(list(events.T), matrix)
    assert np.column_stack(ours) == pytest.approx(wanted, rel=1e-6, abs=1e-2)


def test_the_biexponential_of_flowjo() -> None:
    flowkit = library("flowkit")
    values = np.concatenate([np.linspace(-20000, 270000, 30000), np.linspace(-500, 500, 2001)])
    for top, positive, negative, width in (
        (262144.000029, 4.41854, 0.0, -10.0),
        (262144.0, 4.5, 1.0, -100.0),
        (10000.0, 4.0, 0.0, -1.0),
        (4194304.0, 5.62, 0.0, -1000.0),
    ):
        theirs = flowkit.transforms.WSPBiexTransform(
            negative=negative, width=width, positive=positive, max_value=top
        ).apply(values)
        ours = BiexponentialScale(top, positive, negative, width).forward(values)
        assert ours == pytest.approx(theirs, abs=1e-3)  # channels, of 4096


def test_flowkit_reads_our_gating_ml_with_equal_counts(tmp_path: Path) -> None:
    flowkit = library("flowkit")
    events = np.random.default_rng(3).uniform(0, 9000, (5000, 2)).astype(np.float32)
    sample = flowkit.Sample(events, sample_id="one", channel_labels=["A", "B"])
    text = re.sub(r' transforms:bound\w+="[^"]*"', "", EVERY_KIND)  # FlowKit leaves bounds out
    # nor can it take a ratio without an upper limit, a sample's missing compensation, or two compensations in a gate
    text = text.replace('compensation-ref="spill"', 'compensation-ref="uncompensated"', 1).replace(
        '"FITC" /></g', '"A" /></g'
    )
    text = text.replace('gating:min="1">', 'gating:min="1" gating:max="1e9">').replace('"FCS"', '"uncompensated"')
    gating = read_gating_ml(text.encode())
    path = tmp_path / "gates.xml"
    path.write_bytes(write_gating_ml(gating))
    session = flowkit.Session(flowkit.parse_gating_xml(path), sample)
    session.analyze_samples(use_mp=False)
    report = session.get_analysis_report()
    counted = dict(zip(report["gate_name"], report["count"], strict=True))
    ours = evaluate_regions(read_gating_ml(path.read_bytes()), lambda name: events[:, "AB".index(name)])
    assert {name: int(mask.sum()) for name, mask in ours.items()} == {name: counted[name] for name in ours}
    assert len(set(counted.values())) > 5


def test_flowkit_opens_our_workspace_with_equal_counts(tmp_path: Path) -> None:
    flowkit = library("flowkit")
    values = events()
    columns = np.column_stack([values[name] for name in "ABT"]).astype(np.float32)
    sample = flowkit.Sample(columns, sample_id="one.fcs", channel_labels=list("ABT"))
    wanted = gating()
    path = tmp_path / "one.wsp"
    path.write_bytes(write_workspace([SampleGating("one.fcs", to_data(wanted))], group="Mice"))
    workspace = flowkit.Workspace(path, fcs_samples=[sample])
    assert "Mice" in workspace.get_sample_groups()
    workspace.analyze_samples("Mice", use_mp=False)
    report = workspace.get_analysis_report("Mice")
    counted = {
        "/".join([*where[1:], name]): count
        for name, where, count in zip(report["gate_name"], report["gate_path"], report["count"], strict=True)
    }
    read = to_scaled(read_workspace(path.read_bytes())[0].gating)
    ours = evaluate_regions(read, lambda name: columns[:, "ABT".index(name)])
    assert set(counted) == set(ours)
    for name, mask in ours.items():
        # FlowKit draws an ellipse as a polygon of 128 corners
        slack = 5 if {"egg", "either", "all"} & set(name.replace("/", " ").split()) else 0
        assert abs(int(mask.sum()) - counted[name]) <= slack, name
