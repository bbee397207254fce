"""Gates in data units, as FlowJo writes them, from and to scaled units."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.scales import Scale, scale_from_json
from cytosol.base.gating import Axis, Gating, Region

_DISPLAY = 256.0
"""Steps of FlowJo's axes, in which it writes ellipses."""


_DATA_UNITS = "minimum", "maximum", "cofactor", "t", "top"


def stretched(scale: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Give the scale of values ``factor`` times as large; with all but linear and log scaled values stay the same."""
    return {
        key: value * factor
        if value is not None and (key in _DATA_UNITS or (key == "a" and scale["type"] == "gml-linear"))
        else value
        for key, value in scale.items()
    }


def to_scaled(gating: Gating) -> Gating:
    """Give a gating in scaled units; its vertices are those of FlowJo's display, where its edges are straight."""
    if gating.unit == "scaled":
        return gating
    return _moved(gating, _forward, _display_to_ellipsoid, "scaled")


def to_data(gating: Gating) -> Gating:
    """Give a gating in data units."""
    if gating.unit == "data":
        return gating
    return _moved(gating, _inverse, _ellipsoid_to_display, "data")


Move = Callable[[Axis, float], float]


def _moved(gating: Gating, move: Move, ellipsoid: Callable[[Region], dict[str, Any]], unit: Any) -> Gating:
    regions = {}
    for name, region in gating.regions.items():
        geometry = region.geometry
        if region.kind == "box":
            limits = zip(region.axes, geometry["limits"], strict=True)
            geometry = {"limits": [[None if one is None else move(axis, one) for one in pair] for axis, pair in limits]}
        elif region.kind == "polygon":
            geometry = {
                "vertices": [
                    [move(axis, one) for axis, one in zip(region.axes, vertex, strict=True)]
                    for vertex in geometry["vertices"]
                ]
            }
        elif region.kind == "ellipsoid":
            geometry = ellipsoid(region)
        regions[name] = replace(region, geometry=geometry)
    return replace(gating, regions=regions, unit=unit)


def _scale(axis: Axis) -> Scale | None:
    return None if axis.scale is None else scale_from_json(axis.scale)


def _forward(axis: Axis, value: float) -> float:
    scale = _scale(axis)
    if scale is None:
        return value
    scaled = float(scale.forward(np.array([value]), clamp=False)[0])
    return scaled if axis.low is None else max(scaled, axis.low)


def _inverse(axis: Axis, value: float) -> float:
    scale = _scale(axis)
    return value if scale is None else float(scale.inverse(np.array([value]))[0])


def _ends(axis: Axis) -> tuple[float, float]:
    """Scaled values of the ends of FlowJo's axis."""
    scale = _scale(axis)
    if scale is None:
        return 0.0, _DISPLAY
    low, high = scale.forward(np.array(scale.limits), clamp=False)
    return float(low), float(high)


def _display_to_ellipsoid(region: Region) -> dict[str, Any]:
    """The ellipse by its foci, and the end of its long axis, which the first two points of the edge give."""
    foci = np.array(region.geometry["foci"])
    edge = np.array(region.geometry["edge"])
    center = foci.mean(axis=0)
    focal = float(np.linalg.norm(foci[0] - foci[1])) / 2
    # the points of the edge that are farthest from the centre end the long axis
    a = float(np.linalg.norm(edge - center, axis=1).max())
    b = math.sqrt(max(a * a - focal * focal, 1e-12))
    along = (foci[1] - foci[0]) / (2 * focal) if focal > 0 else np.array([1.0, 0.0])
    axes = np.column_stack([along, [-along[1], along[0]]])
    covariance = axes @ np.diag([a * a, b * b]) @ axes.T
    ends = np.array([_ends(axis) for axis in region.axes])
    stretch = np.diag((ends[:, 1] - ends[:, 0]) / _DISPLAY)
    return {
        "mean": (stretch @ center + ends[:, 0]).tolist(),
        "covariance": (stretch @ covariance @ stretch).tolist(),
        "distance_square": 1.0,
    }


def _ellipsoid_to_display(region: Region) -> dict[str, Any]:
    ends = np.array([_ends(axis) for axis in region.axes])
    shrink = np.diag(_DISPLAY / (ends[:, 1] - ends[:, 0]))
    center = shrink @ (np.array(region.geometry["mean"]) - ends[:, 0])
    covariance = np.array(region.geometry["covariance"]) * region.geometry["distance_square"]
    squares, axes = np.linalg.eigh(shrink @ covariance @ shrink)
    a, b = math.sqrt(squares[1]), math.sqrt(squares[0])
    long, short = axes[:, 1] * a, axes[:, 0] * b
    focus = axes[:, 1] * math.sqrt(max(a * a - b * b, 0.0))
    return {
        "foci": [(center + focus).tolist(), (center - focus).tolist()],
        "edge": [(center + arm).tolist() for arm in (long, -long, short, -short)],
    }
