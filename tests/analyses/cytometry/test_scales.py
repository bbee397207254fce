from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytosol.analyses.cytometry.biexponential import lookup_table
from cytosol.analyses.cytometry.scales import (
    SCALES,
    ArcSinhScale,
    BiexponentialScale,
    GmlArcSinhScale,
    GmlLinearScale,
    GmlLogScale,
    HyperlogScale,
    LinearScale,
    LogicleScale,
    LogScale,
    Scale,
    scale_from_json,
)
from cytosol.base.errors import InvalidInputError

ALL: list[Scale] = [
    LinearScale(-100, 262144),
    LogScale(1, 1e5),
    ArcSinhScale(-200, 262144, 150),
    LogicleScale(262144, 0.5, 4.5, 0),
    LogicleScale(10000, 1, 4, 1, minimum=-50, maximum=9000),
    LogicleScale(1000, 0, 4, 0),
    HyperlogScale(262144, 0.5, 4.5, 0),
    HyperlogScale(10000, 1, 4, 1),
    BiexponentialScale(),
    BiexponentialScale(262144, 4.5, 1, -100),
    GmlLinearScale(1000, 100),
    GmlLogScale(10000, 5),
    GmlArcSinhScale(1000, 4, 1),
]


def test_the_vectors_of_the_wire_reference() -> None:
    values = np.array([-250, 10, 50000], np.float32)
    scale = ArcSinhScale(-200, 262144, 5)
    assert scale.forward(values, clamp=False) == pytest.approx([-4.60527, 1.44364, 9.90349], abs=1e-5)
    assert scale.forward(values)[0] == pytest.approx(-4.38218, abs=1e-5)


@pytest.mark.parametrize(
    ("scale", "pairs"),
    [
        (GmlLinearScale(1000, 0), {-10: -0.01, 0: 0, 10: 0.01, 500: 0.5, 1000: 1}),
        (GmlLinearScale(1000, 100), {-10: 0.081818, 0: 0.090909, 1000: 1}),
        (GmlLogScale(10000, 5), {0.5: 0.139794, 1: 0.2, 10: 0.4, 100: 0.6, 1000: 0.8, 1023: 0.801975, 10000: 1}),
        (GmlArcSinhScale(1000, 4, 1), {-10: -0.200009, 0: 0.2, 10: 0.600009, 1000: 1}),
        (LogicleScale(1000, 1, 4, 0), {0: 0.25, 1000: 1}),
        (LogicleScale(10000, 0.5, 4.5, 0), {0: 1 / 9, 10000: 1}),
        (LogicleScale(10000, 1, 4, 1), {0: 0.4, 10000: 1}),
        (HyperlogScale(1000, 1, 4, 0), {0: 0.25, 1000: 1}),
    ],
)
def test_values_that_follow_from_the_definitions(scale: Scale, pairs: dict[float, float]) -> None:
    scaled = scale.forward(np.array(list(pairs), np.float64))
    assert scaled == pytest.approx(list(pairs.values()), abs=2e-6)


def slow_root(value: float, *, logicle: bool, t: float, w: float, m: float, a: float) -> float:
    """The definition of Gating-ML 2.0, the mirror image below zero, solved by halving."""
    b = (m + a) * math.log(10)
    share = w / (m + a)
    x2 = a / (m + a)
    x1, x0 = x2 + share, x2 + 2 * share
    if logicle:
        low, high = 1e-9, b
        for _ in range(200):
            d = (low + high) / 2
            low, high = (low, d) if 2 * math.log(d / b) + share * (b + d) > 0 else (d, high)
        ca = math.exp(x0 * (b + d))
        fa = math.exp(b * x1) - ca / math.exp(d * x1)
        first = t / (math.exp(b) - fa - ca / math.exp(d))
    else:
        ca = math.exp(b * x0) / share
        fa = math.exp(b * x1) + ca * x1
        first = t / (math.exp(b) + ca - fa)

    def x(y: float) -> float:
        second = -ca * math.exp(-d * y) if logicle else ca * y
        return first * (math.exp(b * y) + second - fa)

    low, high = x1, 3.0
    for _ in range(100):
        y = (low + high) / 2
        low, high = (y, high) if x(y) < abs(value) else (low, y)
    return y if value > 0 else 2 * x1 - y


@pytest.mark.parametrize("parameters", [(262144.0, 0.5, 4.5, 0.0), (10000.0, 1.0, 4.0, 1.0), (1000.0, 1.0, 4.0, -0.5)])
def test_logicle_and_hyperlog_against_halving(parameters: tuple[float, float, float, float]) -> None:
    t, w, m, a = parameters
    logicle, hyperlog = LogicleScale(t, w, m, a), HyperlogScale(t, w, m, a)
    values = np.concatenate([np.linspace(-t / 200, t * 1.2, 40), [0.0, 1e-3, -1e-3, t]])
    for scale, is_logicle in ((logicle, True), (hyperlog, False)):
        wanted = [slow_root(value, logicle=is_logicle, t=t, w=w, m=m, a=a) for value in values]
        assert scale.forward(values) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("scale", ALL, ids=lambda scale: scale.type)
def test_there_and_back(scale: Scale) -> None:
    low, high = scale.limits
    assert low < high
    values = np.linspace(low, high, 2001)
    scaled = scale.forward(values, clamp=False)
    assert scaled.dtype == np.float64
    assert (np.diff(scaled) >= 0).all()
    assert scale.inverse(scaled) == pytest.approx(values, rel=1e-9, abs=1e-6 * high)
    assert scale_from_json(scale.to_json()) == scale


@pytest.mark.parametrize("scale", ALL, ids=lambda scale: scale.type)
def test_limits_types_and_holes(scale: Scale) -> None:
    values = np.array([-1e9, np.nan, 1e9], np.float32)
    scaled = scale.forward(values)
    assert scaled.dtype == np.float32
    assert scale.inverse(scaled[:0]).dtype == np.float32
    assert np.isnan(scaled[1])
    assert np.isfinite(scaled[[0, 2]]).all() or (scale.minimum is None and scale.type == "gml-log")
    for place, limit in ((0, scale.minimum), (2, scale.maximum)):
        if limit is not None:
            assert scaled[place] == scale.forward(np.array([limit], np.float32))[0]
    assert scale.forward(np.zeros((2, 3), np.float32)).shape == (2, 3)


@settings(max_examples=30)
@given(st.lists(st.floats(-1e6, 1e6, width=32), max_size=50), st.booleans())
def test_blocks_do_not_matter(values: list[float], clamp: bool) -> None:
    scale = ArcSinhScale(-200, 262144, 150)
    once = np.array(values, np.float32)
    many = np.resize(once, 150_000) if values else once
    scaled = scale.forward(many, clamp)
    exact = once.astype(np.float64)
    wanted = np.arcsinh((np.clip(exact, -200, 262144) if clamp else exact) / 150)
    assert np.array_equal(scaled, np.resize(wanted.astype(np.float32), many.shape))


def test_what_lies_far_outside_is_solved_as_well() -> None:
    for scale in (LogicleScale(1000, 1, 4, -0.5), HyperlogScale(10000, 0.5, 4.5, 0)):
        values = np.array([-1e7, -9000, 1e7])
        assert scale.inverse(scale.forward(values)) == pytest.approx(values, rel=1e-9)


def test_a_logarithm_takes_nothing_below_the_smallest_number() -> None:
    scale = LogScale(-5, 1000)
    assert scale.forward(np.array([-1.0, 0.0, 1e-50]), clamp=False) == pytest.approx([math.log10(1.1754944e-38)] * 3)
    assert GmlLogScale(1000, 4).forward(np.array([-1.0, 0.0]))[0] == -np.inf
    assert GmlLogScale(1000, 4, minimum=0.1).forward(np.array([-1.0]))[0] == 0


def test_the_table_of_the_biexponential() -> None:
    table = lookup_table(262144.000029, 4.418540, 0.0, -10.0)
    assert table.shape == (4097,)
    assert (np.diff(table) > 0).all()
    zero = int(np.flatnonzero(table == 0)[0])
    assert table[zero - 50] == -table[zero + 50]
    assert table[-1] == pytest.approx(262144, rel=0.01)
    assert BiexponentialScale().forward(np.array([1e9, -1e9])).tolist() == [4096, 0]


@pytest.mark.parametrize(
    ("json", "words"),
    [
        ({"type": "sine"}, "'sine' is not known"),
        ({}, "None is not known"),
        ({"type": "linear", "minimum": 0}, "lacks maximum"),
        ({"type": "linear", "minimum": 0, "maximum": 1, "cofactor": 5}, "no parameter cofactor"),
        ({"type": "linear", "minimum": 5, "maximum": 1}, "not below"),
        ({"type": "linear", "minimum": None, "maximum": 1}, "not a finite number"),
        ({"type": "linear", "minimum": True, "maximum": 2}, "not a finite number"),
        ({"type": "linear", "minimum": [0], "maximum": 2}, "minimum holds a list or an object"),
        ({"type": {}}, "type holds a list or an object"),
        ({"type": "arcsinh", "minimum": 0, "maximum": 1, "cofactor": 0}, "not above zero"),
        ({"type": "logicle", "t": 1000, "w": 3, "m": 4, "a": 0}, "half of m"),
        ({"type": "logicle", "t": 1000, "w": 1, "m": 4, "a": 3}, "m - 2 w"),
        ({"type": "hyperlog", "t": 1000, "w": 0, "m": 4, "a": 0}, "not be 0"),
        ({"type": "gml-log", "t": 0, "m": 4}, "t is 0"),
        ({"type": "gml-log", "t": 1, "m": float("nan")}, "not a finite number"),
        ({"type": "gml-asinh", "t": 1, "m": 2, "a": 3}, "from 0 to m"),
        ({"type": "gml-linear", "t": 1, "a": 3}, "from 0 to t"),
        ({"type": "biexponential", "top": 1, "positive": 4, "negative": 0, "width": 1}, "-1 or less"),
        ({"type": "biexponential", "top": 1, "positive": 4, "negative": 0, "width": -0.5}, "-1 or less"),
        ({"type": "log", "minimum": -5, "maximum": 0}, "maximum 0 is not above zero"),
        ({"type": "log", "minimum": 0, "maximum": 1e5}, "minimum 0 is not above zero"),
        ({"type": "gml-log", "t": 1, "m": 4, "maximum": -1}, "maximum -1 is not above zero"),
    ],
)
def test_scales_that_cannot_be_used(json: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        scale_from_json(json)


def test_every_type_is_tried() -> None:
    assert {scale.type for scale in ALL} == set(SCALES)


@pytest.mark.parametrize("maximum", [3e4, 0.5])
@pytest.mark.parametrize("minimum", [None, -500.0, 0.0, 0.25])
def test_an_axis_of_logarithms_begins_above_zero_and_below_its_end(minimum: float | None, maximum: float) -> None:
    scale = GmlLogScale(1e4, 4, minimum, maximum)
    low, high = scale.limits
    assert 0 < low < high == maximum
    assert np.isfinite(scale.forward(np.array([low, high]))).all()
