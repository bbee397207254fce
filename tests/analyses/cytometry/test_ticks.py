from __future__ import annotations

import numpy as np
import pytest

from cytosol.analyses.cytometry.default_scales import ChannelFacts, default_scale
from cytosol.analyses.cytometry.scales import (
    ArcSinhScale,
    BiexponentialScale,
    GmlArcSinhScale,
    GmlLogScale,
    HyperlogScale,
    LinearScale,
    LogicleScale,
    LogScale,
    Scale,
)
from cytosol.analyses.cytometry.ticks import ticks

MANY: list[Scale] = [
    LinearScale(1, 262144),
    LinearScale(-0.37, 0.0021),
    LogScale(1, 1e5),
    LogScale(0, 50),
    ArcSinhScale(-200, 262144, 150),
    ArcSinhScale(0, 1e4, 5),
    LogicleScale(262144, 0.5, 4.5, 0),
    HyperlogScale(10000, 1, 4, 1),
    BiexponentialScale(),
    GmlLogScale(10000, 5),
    GmlArcSinhScale(1000, 4, 1),
]


@pytest.mark.parametrize("scale", MANY, ids=lambda scale: scale.type)
def test_ticks_lie_on_the_axis_in_order(scale: Scale) -> None:
    positions, labels = ticks(scale)
    low, high = scale.limits
    assert len(positions) == len(labels)
    assert positions.min() >= low
    assert positions.max() <= high
    assert (np.diff(positions) > 0).all()
    assert 2 <= sum(map(bool, labels)) <= 12


def labelled(scale: Scale) -> list[str]:
    return [label for label in ticks(scale)[1] if label]


def test_labels() -> None:
    assert labelled(LinearScale(1, 262144)) == ["50K", "100K", "150K", "200K", "250K"]
    assert labelled(LinearScale(-1, 1)) == ["−1", "−0.5", "0", "0.5", "1"]
    assert labelled(LogScale(1, 1e4)) == ["10⁰", "10¹", "10²", "10³", "10⁴"]
    assert labelled(ArcSinhScale(-2000, 262144, 150)) == ["−10³", "0", "10³", "10⁴", "10⁵"]
    assert labelled(ArcSinhScale(1500, 8000, 150)) == ["2K", "4K", "6K", "8K"]
    assert labelled(LogScale(20, 80)) == ["20", "30", "40", "50", "60", "70", "80"]
    assert sum(label == "" for label in ticks(LogScale(1, 100))[1]) == 16


def chosen(name: str, **facts: object) -> Scale:
    return default_scale(ChannelFacts(name, 262144, **facts))  # type: ignore[arg-type]


def test_default_scales_of_the_wire_reference() -> None:
    bent, linear = ArcSinhScale(-200, 262144, 150), LinearScale(1, 262144)
    for name in ("FSC-A", "SSC-W", "Time", "FS INT LIN", "SS-H", "TIME", "Event_length", "FSC", "EventNumber"):
        assert chosen(name) == linear, name
    for name in ("PE-A", "FL1-H", "FITC", "Blue530-A", "SSEA4-A", "V450 Timer"):
        assert chosen(name) == bent, name
    assert chosen("SSC-A", display="LOG") == bent
    assert chosen("SSC-A", display="LIN") == linear
    assert chosen("PE-A", hint="Linear,0,1000") == LinearScale(0, 1000)
    assert chosen("FSC-A", hint="Logarithmic,4,0.1") == LogScale(0.1, 1000)
    assert chosen("PE-A", hint="nonsense") == bent
    assert chosen("FL1-H", decades=4.0, start=1.0) == LogScale(1, 10000)
    assert chosen("Ir191Di", mass=True) == ArcSinhScale(0, 262144, 5)
    assert default_scale(ChannelFacts("PE-A", 0)) == bent
