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
"""Steps of FlowJo's axes, in which it writes ellipses and bends quadrants."""
_BEND, _POWER = 0.012, 1.5
_CORNERS_AN_ARM = 33


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
    """Give a gating in scaled units; its vertices are those of FlowJo's display, where its edges are straight.

    Curly quadrants become polygons.
    """
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
        elif region.kind == "curly":
            region, geometry = _curly_to_polygon(region)
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


def _curly_to_polygon(region: Region) -> tuple[Region, dict[str, Any]]:
    """A quadrant whose lines right of and above its centre bend away from it; the one at the lower left is a box.

    FlowJo does not write how. At the distance d from the centre it is 0.012 · d^1.5, both in 256ths of the axis: the
    curve that fits FlowJo's own counts of 44 populations of three public workspaces (david-priest/GateLab,
    ``FLOWJO_CURLY_QUAD_CURL``), each within 0.6 % of its parent.
    """
    limits = region.geometry["limits"]
    is_low = [low is None for low, _ in limits]
    center = [
        _forward(axis, high if low is None else low) for axis, (low, high) in zip(region.axes, limits, strict=True)
    ]
    if all(is_low):
        return replace(region, kind="box"), {"limits": [[None, one] for one in center]}
    ends = np.array([_ends(axis) for axis in region.axes])
    step = (ends[:, 1] - ends[:, 0]) / _DISPLAY
    # beyond its ends an axis is as long again, and longer where that is an exact number
    far = [16 if axis.scale is None or axis.scale["type"] == "linear" else 1 for axis in region.axes]
    lowest, highest = (ends[:, side] + sign * np.array(far) * step * _DISPLAY for side, sign in ((0, -1), (1, 1)))

    def arm(along: int) -> list[list[float]]:
        """From the centre along an axis to its end, and straight on."""
        across = 1 - along
        length = max((ends[along, 1] - center[along]) / step[along], 0.0)
        points = np.empty((_CORNERS_AN_ARM + 1, 2))
        distance = np.linspace(0, length, _CORNERS_AN_ARM)
        points[:-1, along] = center[along] + distance * step[along]
        points[:-1, across] = center[across] + _BEND * distance**_POWER * step[across]
        points[-1, along], points[-1, across] = highest[along], points[-2, across]
        return points.tolist()

    if not any(is_low):
        vertices = [*arm(0), highest.tolist(), *arm(1)[:0:-1]]
    elif is_low[0]:
        vertices = [*arm(1), [lowest[0], highest[1]], [lowest[0], center[1]]]
    else:
        vertices = [*arm(0), [highest[0], lowest[1]], [center[0], lowest[1]]]
    return replace(region, kind="polygon"), {"vertices": vertices}


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
