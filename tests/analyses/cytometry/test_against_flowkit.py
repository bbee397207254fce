"""FlowKit and flowutils judge the scales, masks and compensation."""

from __future__ import annotations

import numpy as np
import pytest

from cytosol.analyses.cytometry.compensation import compensate
from cytosol.analyses.cytometry.geometry import inside
from cytosol.analyses.cytometry.scales import (
    BiexponentialScale,
    GmlArcSinhScale,
    GmlLogScale,
    HyperlogScale,
    LogicleScale,
    Scale,
)

flowutils = pytest.importorskip("flowutils", reason="flowutils, of the extra oracles, is not here")


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
    flowkit = pytest.importorskip("flowkit", reason="FlowKit, of the extra oracles, is not here")
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
