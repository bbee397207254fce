"""What reports say about groups of events."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cytosol.analyses.cytometry.scales import ArcSinhScale, LinearScale
from cytosol.analyses.reports import Picture
from cytosol.jobs.handlers.event_values import EventValues, groups_parts


def test_channels_of_different_scales_are_compared_along_their_own_axes() -> None:
    linear, arcsinh = LinearScale(0, 400), ArcSinhScale(-150, 262_144, 150)
    ends = np.array([linear.forward(np.array([0.0, 400.0])), arcsinh.forward(np.array([-150.0, 262_144.0]))]).T
    groups = np.repeat([0, 1], 5)
    found = EventValues(["A", "B"], np.arange(10), ends[groups].astype(np.float32), [linear, arcsinh])
    figure = groups_parts(found, groups, ["dim", "bright"])[0]
    assert isinstance(figure, Picture)
    pixels = np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB")).astype(int)
    least, most = (int((np.abs(pixels - color).max(axis=2) < 4).sum()) for color in ([68, 1, 84], [253, 231, 37]))
    assert most > 1000
    assert most == pytest.approx(least, rel=0.05)  # one row each
