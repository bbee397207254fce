from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytosol.analyses.cytometry import geometry as gates
from cytosol.analyses.cytometry.geometry import NO_SECTOR, check_geometry, inside, refit, sectors
from cytosol.analyses.cytometry.scales import ArcSinhScale, LinearScale
from cytosol.base.errors import InvalidInputError

RIGHT_ANGLES = [0, math.pi / 2, math.pi, 3 * math.pi / 2]
SQUARE = {"vertices": [[0, 0], [2, 0], [2, 2], [0, 2]]}


def points(*pairs: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    both = np.array(pairs, np.float32)
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])


def test_rectangle_and_range_take_their_edges() -> None:
    x, y = points((1, 1), (3, 2), (0.999, 1), (3.001, 2), (2, 0.5), (2, np.nan), (np.nan, 1.5))
    rectangle = {"x1": 3, "x2": 1, "y1": 1, "y2": 2}  # either order
    assert inside("rectangle", rectangle, x, y).tolist() == [True, True, False, False, False, False, False]
    assert inside("range", {"x1": 1, "x2": 3, "y": 0.5}, x).tolist() == [True, True, False, False, True, True, False]


def test_sides_beyond_32_bits_are_open() -> None:
    x, y = points((1, 1), (-3e38, 2), (np.inf, 5), (1, -1), (np.nan, 1))
    rectangle = {"x1": -1e39, "x2": 1e300, "y1": 0, "y2": 1e39}
    assert inside("rectangle", rectangle, x, y).tolist() == [True, True, True, False, False]
    triangle = {"vertices": [[0, 0], [1e39, 0], [0, 9]]}
    assert inside("polygon", triangle, x, y).shape == (5,)


def test_the_boundary_of_a_polygon_is_inside() -> None:
    x, y = points((0, 0), (2, 2), (1, 0), (0, 1), (2, 1), (1, 2), (1, 1), (2.0001, 1), (-0.0001, 0), (1, np.nan))
    assert inside("polygon", SQUARE, x, y).tolist() == [True] * 7 + [False] * 3
    triangle = {"vertices": [[0, 0], [4, 2], [0, 4]]}
    x, y = points((2, 1), (1, 0.5), (2, 0.999), (2, 3), (3, 1.5), (3, 1.49))
    assert inside("polygon", triangle, x, y).tolist() == [True, True, False, True, True, False]


def test_a_polygon_that_crosses_itself_is_filled_even_odd() -> None:
    star = {"vertices": [[math.sin(k * 4 * math.pi / 5), math.cos(k * 4 * math.pi / 5)] for k in range(5)]}
    x, y = points((0, 0), (0, 0.8), (0, 0.95))
    assert inside("polygon", star, x, y).tolist() == [False, True, True]


def slow_polygon(vertices: list[list[float]], x: float, y: float) -> bool:
    """On an edge, or an odd number of edges crossed by a ray to the right."""
    crossed = 0
    for (x1, y1), (x2, y2) in zip(vertices, vertices[1:] + vertices[:1], strict=True):
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if (y1 > y) != (y2 > y):
            crossed += x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)
    return crossed % 2 == 1


# small whole numbers: points on corners and edges, edges on one line, vertices that coincide
COORDINATES = st.integers(-6, 6)


@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=9))
def test_polygons_against_the_definition_with_and_without_grid(corners: list[tuple[int, int]]) -> None:
    vertices = [[float(a), float(b)] for a, b in corners]
    across = np.arange(-7, 7.25, 0.5, np.float32)
    x, y = (np.ascontiguousarray(side.reshape(-1)) for side in np.meshgrid(across, across))
    wanted = [slow_polygon(vertices, float(a), float(b)) for a, b in zip(x, y, strict=True)]
    assert inside("polygon", {"vertices": vertices}, x, y).tolist() == wanted
    many = np.resize(x, 5000), np.resize(y, 5000)  # enough for the grid
    assert np.array_equal(inside("polygon", {"vertices": vertices}, *many), np.resize(wanted, 5000))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(3, 20), st.sampled_from([np.float32, np.float64]))
def test_the_grid_changes_nothing(seed: int, n_vertices: int, dtype: type) -> None:
    generator = np.random.default_rng(seed)
    vertices = (generator.normal(size=(n_vertices, 2)) * generator.choice([1e-3, 1, 1e5], 2)).tolist()
    spread = np.abs(np.array(vertices)).max(axis=0) * 1.2
    x, y = (generator.uniform(-1, 1, (2, 4500)) * spread[:, None]).astype(dtype)
    corner = np.array(vertices).astype(dtype)
    x[:n_vertices], y[:n_vertices] = corner[:, 0], corner[:, 1]
    x[-2:], y[-1:] = np.nan, np.inf
    whole = inside("polygon", {"vertices": vertices}, x, y)
    assert whole[:n_vertices].all()
    assert not whole[-2:].any()
    parts = [inside("polygon", {"vertices": vertices}, x[i : i + 500], y[i : i + 500]) for i in range(0, 4500, 500)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_a_flat_polygon_is_its_line() -> None:
    x = np.linspace(-1, 2, 6001, dtype=np.float32)
    flat = {"vertices": [[0, 1], [1, 1], [0.5, 1]]}
    assert np.array_equal(inside("polygon", flat, x, np.ones_like(x)), (x >= 0) & (x <= 1))
    assert not inside("polygon", flat, x, np.zeros_like(x)).any()


def test_ellipse_axes_are_full_lengths() -> None:
    ellipse = {"center": [10, 5], "angle": 0, "major": 8, "minor": 2}
    x, y = points((14, 5), (6, 5), (10, 6), (10, 4), (14.001, 5), (10, 6.001), (10, np.nan))
    assert inside("ellipse", ellipse, x, y).tolist() == [True] * 4 + [False] * 3
    assert gates.ELLIPSE_AXES_PER_LENGTH == 2


def test_the_angle_of_an_ellipse_runs_from_right_to_up() -> None:
    ellipse = {"center": [0, 0], "angle": math.pi / 4, "major": 4, "minor": 1}
    x, y = points((1.41, 1.41), (1.41, -1.41), (-1.41, -1.41), (0.35, -0.35), (0.36, -0.36))
    assert inside("ellipse", ellipse, x, y).tolist() == [True, False, True, True, False]


@given(st.floats(-7, 7), st.floats(0.1, 100), st.floats(0.1, 100), st.integers(0, 1000))
def test_ellipses_against_the_formula(angle: float, major: float, minor: float, seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, 300)) * 30
    u = (x - 3) * math.cos(angle) + (y - 4) * math.sin(angle)
    v = -(x - 3) * math.sin(angle) + (y - 4) * math.cos(angle)
    distance = (2 * u / major) ** 2 + (2 * v / minor) ** 2
    found = inside("ellipse", {"center": [3, 4], "angle": angle, "major": major, "minor": minor}, x, y)
    clear = np.abs(distance - 1) > 1e-9
    assert np.array_equal(found[clear], (distance <= 1)[clear])


def test_split_and_quadrant_lines_go_right_and_up() -> None:
    x, y = points((1, 1), (2, 1), (0, 1), (1, 0), (1, 2), (0, 0), (0, 2), (2, 0), (np.nan, 0), (0, np.nan))
    assert sectors("split", {"x": 1, "y": 0.5}, x).tolist() == [1, 1, 0, 1, 1, 0, 0, 1, NO_SECTOR, 0]
    wanted = [0, 0, 1, 3, 0, 2, 1, 3, NO_SECTOR, NO_SECTOR]
    for angles in (
        RIGHT_ANGLES,
        [*RIGHT_ANGLES[1:], 0],
        [0, 3 * math.pi / 2, math.pi, math.pi / 2],
        [2 * math.pi, -math.pi / 2, math.pi, math.pi / 2],
    ):
        assert sectors("quadrant", {"x": 1, "y": 1, "angles": angles}, x, y).tolist() == wanted


def test_skewed_quadrants() -> None:
    # the ray to the right is turned up by 0.2, the one upwards to the left by 0.3
    angles = [math.pi / 2 + 0.3, 0.2, math.pi, 3 * math.pi / 2]
    x, y = points((1, 0.1), (1, 0.3), (-0.2, 1), (-0.4, 1), (-1, 0.001), (-1, -0.001), (-1, -1), (1, -1), (0, 0))
    codes = sectors("quadrant", {"x": 0, "y": 0, "angles": angles}, x, y)
    assert codes.tolist() == [3, 0, 0, 1, 1, 2, 2, 3, 0]
    down = [-0.2, math.pi / 2, math.pi, 3 * math.pi / 2]  # the ray nearest 0 lies below it
    x, y = points((1, -0.1), (1, -0.3), (1, 1))
    assert sectors("quadrant", {"x": 0, "y": 0, "angles": down}, x, y).tolist() == [0, 3, 0]


@given(st.integers(0, 10_000))
def test_a_quadrant_barely_skewed_agrees_with_the_straight_one(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(2, 500)).astype(np.float32)
    straight = sectors("quadrant", {"x": 0.1, "y": -0.2, "angles": RIGHT_ANGLES}, x, y)
    turned = [angle + 1e-8 for angle in RIGHT_ANGLES]
    assert np.array_equal(straight, sectors("quadrant", {"x": 0.1, "y": -0.2, "angles": turned}, x, y))


def test_points_on_lines_of_the_general_way_go_right_and_up() -> None:
    x, y = points((1, 1), (2, 1), (0, 1), (1, 0), (1, 2))
    straight_but_one = [0, math.pi / 2, math.pi, 3 * math.pi / 2 + 0.1]
    codes = sectors("quadrant", {"x": 1, "y": 1, "angles": straight_but_one}, x, y)
    assert codes.tolist() == [0, 0, 1, 2, 0]


def test_a_gate_at_the_limit_of_its_scale_takes_everything_beyond() -> None:
    for scale in (ArcSinhScale(-200, 262144, 150), ArcSinhScale(0, 1e4, 5), LinearScale(1, 262143.7)):
        top = float(scale.forward(np.array([scale.maximum]))[0])
        bottom = float(scale.forward(np.array([scale.minimum]))[0])
        x = scale.forward(np.array([-1e6, 1e6], np.float32))
        whole = {"x1": bottom, "x2": top, "y1": bottom, "y2": top}
        assert inside("rectangle", whole, x, x).all()
        assert inside("range", {"x1": bottom, "x2": top, "y": 0.5}, x).all()
        corners = [[bottom, bottom], [top, bottom], [top, top], [bottom, top]]
        assert inside("polygon", {"vertices": corners}, x, x).all()


@pytest.mark.parametrize(
    ("kind", "geometry", "words"),
    [
        ("circle", {}, "not one of"),
        ("rectangle", {"x1": 1}, "needs x1, x2, y1, y2"),
        ("range", {"x1": 1, "x2": "2", "y": 0.5}, "x2 is '2'"),
        ("polygon", {"vertices": [[0, 0], [1, 1]]}, "three pairs"),
        ("polygon", {"vertices": [[0, 0], [1, 1], [1, math.inf]]}, "three pairs"),
        ("ellipse", {"center": [1], "angle": 0, "major": 1, "minor": 1}, "a pair"),
        ("ellipse", {"center": [1, 1], "angle": 0, "major": 0, "minor": 1}, "above zero"),
        ("quadrant", {"x": 0, "y": 0, "angles": [0, 1, 2]}, "four"),
    ],
)
def test_geometries_that_cannot_be_used(kind: str, geometry: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        check_geometry(kind, geometry)


GEOMETRIES: list[tuple[str, dict[str, Any]]] = [
    ("rectangle", {"x1": 1, "x2": 2, "y1": 3, "y2": 4}),
    ("range", {"x1": 1, "x2": 2, "y": 0.5}),
    ("split", {"x": 1, "y": 0.5}),
    ("quadrant", {"x": 1, "y": 2, "angles": RIGHT_ANGLES}),
    ("polygon", {"vertices": [[1.0, 1.0], [2.0, 1.0], [2.0, 3.0]]}),
    ("ellipse", {"center": [2.0, 3.0], "angle": 0.4, "major": 2.0, "minor": 1.0}),
]


@pytest.mark.parametrize(("kind", "geometry"), GEOMETRIES)
def test_refitting_moves_the_gate_with_its_points(kind: str, geometry: dict[str, Any]) -> None:
    check_geometry(kind, geometry)
    moved = refit(kind, geometry, lambda x: 3 * x + 1, lambda y: 2 * y - 5)
    check_geometry(kind, moved)
    x, y = np.random.default_rng(0).uniform(0, 5, (2, 4000))
    ask = sectors if kind in ("split", "quadrant") else inside
    assert np.array_equal(ask(kind, geometry, x, y), ask(kind, moved, 3 * x + 1, 2 * y - 5))
