"""Which points lie inside a gate. Points are scaled and limited by the scale before.

Edges: rectangle, range and ellipse are closed; the boundary of a polygon is inside; self-crossing polygons are filled
even-odd; a point on the line of a split or quadrant goes right or up. A point with a NaN is in no gate. Because
values are limited to the range of the scale first, a closed gate that reaches a limit takes everything beyond.

A gate's coordinates are rounded to the precision of the points: 32 bits where they have 32, so that an edge drawn at
a limit of the scale is the limit that the points have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cytosol.base.errors import InvalidInputError

ELLIPSE_AXES_PER_LENGTH = 2.0
"""Half axes in ``major`` and ``minor``: they are the full lengths of the axes. With 1 they would be radii."""
NO_SECTOR = 255
"""The sector of a point with a NaN."""
_GRID_FROM = 4000
_GRIDS = 128, 256
_GRIDS_KEPT = 64
_STRAIGHT = 1e-9
_FAR = 1e38
_THIN = 1e-9
"""The half axis of an ellipse that became a line."""


def inside(kind: str, geometry: Mapping[str, Any], x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """Tell which points lie in a gate of one region.

    Parameters
    ----------
    kind : "rectangle", "polygon", "ellipse" or "range"
    geometry : as `cytosol.model.gating.Gate` describes it
    x, y : shape (n,), float32 or float64, scaled; y is not read for a range

    Returns
    -------
    shape (n,), bool
    """
    if kind == "range":
        return _between(x, geometry["x1"], geometry["x2"])
    if y is None:
        raise InvalidInputError(f"A gate of the kind {kind!r} needs two axes", do="Give y as well")
    if kind == "rectangle":
        return _in_rectangle(geometry, x, y)
    if kind == "polygon":
        return _in_polygon(geometry["vertices"], x, y)
    if kind == "ellipse":
        return _in_ellipse(geometry, x, y)
    raise InvalidInputError(f"A gate of the kind {kind!r} has no single inside", do="Ask for its sectors")


def sectors(kind: str, geometry: Mapping[str, Any], x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """Tell in which sector of a quadrant or split each point lies.

    Parameters
    ----------
    kind : "quadrant" or "split"
    geometry : as `cytosol.model.gating.Gate` describes it
    x, y : shape (n,), float32 or float64, scaled; y is not read for a split

    Returns
    -------
    shape (n,), uint8: place in the gate's ``sectors``, for a quadrant upper right, upper left, lower left, lower right,
    for a split left, right; 255 for a point with a NaN

    Notes
    -----
    A skewed quadrant has rays at its ``angles``, in radians from right towards up, in scaled coordinates; their order
    does not matter. Upper right is the sector that begins at the ray nearest 0; the others follow counter-clockwise.
    """
    if kind == "split":
        right = x >= _rounded(geometry["x"], x)
        return np.where(np.isnan(x), NO_SECTOR, right).astype(np.uint8)
    if kind != "quadrant" or y is None:
        raise InvalidInputError(f"A gate of the kind {kind!r} has no sectors here", do="Give a quadrant with x and y")
    rays = np.sort(np.mod(np.asarray(geometry["angles"], np.float64), 2 * math.pi))
    known = ~(np.isnan(x) | np.isnan(y))
    if _unskewed(rays):
        right, up = x >= _rounded(geometry["x"], x), y >= _rounded(geometry["y"], y)
        codes = np.where(up, np.where(right, 0, 1), np.where(right, 3, 2))
    else:
        codes = _skewed(rays, x - np.float64(_rounded(geometry["x"], x)), y - np.float64(_rounded(geometry["y"], y)))
    return np.where(known, codes, NO_SECTOR).astype(np.uint8)


def _unskewed(rays: np.ndarray) -> bool:
    straight = np.arange(4) * (math.pi / 2)
    # a ray just below a whole turn is the one at 0
    return bool(np.abs(np.sort(np.mod(rays + _STRAIGHT, 2 * math.pi)) - _STRAIGHT - straight).max() < _STRAIGHT)


def _skewed(rays: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    angles = np.arctan2(dy, dx)
    angles[angles < 0] += 2 * math.pi
    passed = np.zeros(dx.shape, np.int64)
    for ray in rays:
        # a point on a ray goes to the sector above it, and to the right of an upright one
        upright = abs(math.cos(ray)) < _STRAIGHT
        begins = math.sin(ray) < 0 if upright else math.cos(ray) > 0
        passed += angles >= ray if begins else angles > ray
    first = int(np.argmin(np.minimum(rays, 2 * math.pi - rays)))
    codes = np.asarray((passed - 1 - first) % len(rays))
    codes[(dx == 0) & (dy == 0)] = 0
    return codes


def _rounded(values: ArrayLike, points: np.ndarray) -> Any:
    """Coordinates in the precision of the points: of that dtype, one number or an array."""
    with np.errstate(over="ignore"):  # what has no place in 32 bits is infinite
        return np.asarray(values, np.float64).astype(np.float32 if points.dtype == np.float32 else np.float64)[()]


def _between(points: np.ndarray, one: float, other: float) -> np.ndarray:
    low, high = _rounded([min(one, other), max(one, other)], points)
    return np.asarray((points >= low) & (points <= high))


def _in_rectangle(geometry: Mapping[str, Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from cytosol.analyses.cytometry import kernels  # numba; loaded when the first gate needs it

    xs, ys = [(geometry[f"{axis}1"], geometry[f"{axis}2"]) for axis in "xy"]
    low, high = _rounded([[min(xs), min(ys)], [max(xs), max(ys)]], x)
    mask = np.empty(x.shape, np.bool_)
    kernels.box_mask(x, y, low, high, mask)
    return mask


def _in_polygon(vertices: ArrayLike, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from cytosol.analyses.cytometry import kernels  # numba; loaded when the first gate needs it

    corners = np.array(_rounded(vertices, x).T, np.float64, order="C")
    mask = np.empty(x.shape, np.bool_)
    if len(x) < _GRID_FROM:
        kernels.polygon_mask(x, y, corners[0], corners[1], mask)
    else:
        # a finer grid leaves fewer points to look at one by one, and costs more to make once
        size = _GRIDS[min(int(math.log10(len(x) / _GRID_FROM)), len(_GRIDS) - 1)]
        kernels.polygon_mask_by_grid(x, y, corners, *_grid(corners.tobytes(), size), mask)
    return mask


@lru_cache(_GRIDS_KEPT)
def _grid(corners: bytes, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The grid of a polygon, kept for the next file; of the bytes of its x and y, float64."""
    from cytosol.analyses.cytometry import kernels  # numba; loaded when the first gate needs it

    xs, ys = np.frombuffer(corners).reshape(2, -1).copy()
    return kernels.polygon_grid(xs, ys, size)


def _in_ellipse(geometry: Mapping[str, Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from cytosol.analyses.cytometry import kernels  # numba; loaded when the first gate needs it

    cosine, sine = math.cos(geometry["angle"]), math.sin(geometry["angle"])
    a = geometry["major"] / ELLIPSE_AXES_PER_LENGTH
    b = geometry["minor"] / ELLIPSE_AXES_PER_LENGTH
    axes = np.array([[cosine / a, sine / a], [-sine / b, cosine / b]])
    mask = np.empty(x.shape, np.bool_)
    kernels.ellipse_mask(x, y, float(geometry["center"][0]), float(geometry["center"][1]), axes, mask)
    return mask


def check_geometry(kind: str, geometry: Mapping[str, Any]) -> None:
    """Refuse a geometry that cannot be evaluated.

    Raises
    ------
    InvalidInputError
        Naming the key that is missing, further, or not a finite number.
    """
    fault = _fault(kind, geometry)
    if fault:
        raise InvalidInputError(f"The {kind} gate cannot be used: {fault}", do="Correct its geometry")


_NUMBERS = {
    "rectangle": ("x1", "x2", "y1", "y2"),
    "polygon": (),
    "ellipse": ("angle", "major", "minor"),
    "range": ("x1", "x2", "y"),
    "quadrant": ("x", "y"),
    "split": ("x", "y"),
}
_LISTS = {"polygon": "vertices", "ellipse": "center", "quadrant": "angles"}


def _fault(kind: str, geometry: Mapping[str, Any]) -> str:
    if kind not in _NUMBERS:
        return "the kind is not one of " + ", ".join(_NUMBERS)
    numbers, listed = _NUMBERS[kind], _LISTS.get(kind)
    wanted = {*numbers, *([listed] if listed else [])}
    if set(geometry) != wanted:
        return f"it has {', '.join(sorted(geometry)) or 'nothing'}, but needs {', '.join(sorted(wanted))}"
    for name in numbers:
        if not _finite(geometry[name]):
            return f"{name} is {geometry[name]!r}, not a finite number"
    if kind == "ellipse" and not (geometry["major"] > 0 and geometry["minor"] > 0):
        return "major and minor must be above zero"
    return _fault_of_list(listed, geometry[listed]) if listed else ""


def _fault_of_list(name: str, values: object) -> str:
    if name == "vertices":
        good = isinstance(values, list | tuple) and len(values) >= 3 and all(_pair(one) for one in values)
        return "" if good else "vertices must be at least three pairs of finite numbers"
    if name == "center":
        return "" if _pair(values) else "center must be a pair of finite numbers"
    good = isinstance(values, list | tuple) and len(values) == 4 and all(_finite(one) for one in values)
    return "" if good else "angles must be four finite numbers"


def _pair(values: object) -> bool:
    return isinstance(values, list | tuple) and len(values) == 2 and all(_finite(one) for one in values)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def refit(
    kind: str,
    geometry: Mapping[str, Any],
    x: Callable[[np.ndarray], np.ndarray],
    y: Callable[[np.ndarray], np.ndarray],
) -> dict[str, Any]:
    """Move a gate onto other scales: every coordinate is mapped, straight edges stay straight.

    Parameters
    ----------
    x, y : old scaled coordinates to new ones, both shape (n,), float64, unitless; for a range and split y is not used

    Returns
    -------
    the geometry; an ellipse becomes the one through the mapped ends of its axes, about; the angles of a quadrant stay.
    What has no number on the new scale goes as far out as 32 bits reach.
    """
    moved = dict(geometry)
    x, y = _within_reach(x), _within_reach(y)
    if kind in ("range", "split"):
        names = ("x1", "x2") if kind == "range" else ("x",)
        moved.update({name: float(x(np.array([geometry[name]], np.float64))[0]) for name in names})
    elif kind == "polygon":
        points = np.array(geometry["vertices"], np.float64)
        moved["vertices"] = np.column_stack([x(points[:, 0]), y(points[:, 1])]).tolist()
    elif kind == "ellipse":
        moved.update(_refit_ellipse(geometry, x, y))
    else:
        for name, value in geometry.items():
            if name != "angles":
                moved[name] = float((x if name.startswith("x") else y)(np.array([value], np.float64))[0])
    return moved


def _within_reach(move: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.clip(np.nan_to_num(move(values), posinf=_FAR, neginf=-_FAR), -_FAR, _FAR)


def _refit_ellipse(
    geometry: Mapping[str, Any], x: Callable[[np.ndarray], np.ndarray], y: Callable[[np.ndarray], np.ndarray]
) -> dict[str, Any]:
    angle, (cx, cy) = geometry["angle"], geometry["center"]
    directions = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    arms = directions * np.array([[geometry["major"]], [geometry["minor"]]]) / 2
    ends = np.concatenate([arms, -arms]) + np.array([cx, cy])
    mapped = np.column_stack([x(ends[:, 0]), y(ends[:, 1])])
    # two conjugate half diameters of the new ellipse; its axes are the singular vectors of the map they make
    halves = (mapped[:2] - mapped[2:]).T / 2
    vectors, lengths, _ = np.linalg.svd(halves)
    lengths = np.maximum(lengths, _THIN)
    return {
        "center": mapped.mean(axis=0).tolist(),
        "angle": float(math.atan2(vectors[1, 0], vectors[0, 0])),
        "major": float(2 * lengths[0]),
        "minor": float(2 * lengths[1]),
    }
