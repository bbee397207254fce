"""How fast gates and scales are evaluated, beside what others use for it.

Seeded events of two correlated bells; a polygon of 8 and one of 40 corners, an ellipse, the logicle and hyperlog
scales. Beside them, in turn in one run: flowutils (C, what FlowKit gates with) and NumPy. Every mask is compared, every
scaled value too. Unit: milliseconds of CPU of one thread; median of the rounds.

    python bench/gating.py                    1,000,000 events, seconds
    python bench/gating.py --events 20000     as a test
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import flowutils
import numpy as np

from cytosol.analyses.cytometry.geometry import inside
from cytosol.analyses.cytometry.scales import HyperlogScale, LogicleScale


def in_turn(ways: dict[str, Callable[[], np.ndarray]], rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of each way, measured in turn; the first, unmeasured round compiles and warms."""
    for way in ways.values():
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.thread_time()
            way()
            taken[name].append((time.thread_time() - start) * 1e3)
    return {name: statistics.median(times) for name, times in taken.items()}


def polygons(x: np.ndarray, y: np.ndarray, n_corners: int, rounds: int) -> dict[str, float]:
    turns = np.linspace(0, 2 * np.pi, n_corners, endpoint=False)
    reach = np.random.default_rng(n_corners).uniform(0.7, 1.6, n_corners)
    corners = np.column_stack([reach * np.cos(turns), reach * np.sin(turns)]).astype(np.float32).astype(np.float64)
    gate = {"vertices": corners.tolist()}
    both = np.column_stack([x, y]).astype(np.float64)
    assert np.array_equal(inside("polygon", gate, x, y), flowutils.gating.points_in_polygon(corners, both))
    return in_turn(
        {
            "ours": lambda: inside("polygon", gate, x, y),
            "flowutils": lambda: flowutils.gating.points_in_polygon(corners, both),
        },
        rounds,
    )


def ellipses(x: np.ndarray, y: np.ndarray, rounds: int) -> dict[str, float]:
    cosine, sine = np.cos(0.5), np.sin(0.5)

    def in_numpy() -> np.ndarray:
        dx, dy = x - np.float32(0.125), y - np.float32(0.25)
        u, v = (dx * cosine + dy * sine) / 1.0, (dy * cosine - dx * sine) / 0.5
        return np.asarray(u**2 + v**2 <= 1)

    gate = {"center": [0.125, 0.25], "angle": 0.5, "major": 2.0, "minor": 1.0}
    apart = inside("ellipse", gate, x, y) != in_numpy()
    assert apart.mean() < 1e-5  # the rounding of 32 bits
    return in_turn({"ours": lambda: inside("ellipse", gate, x, y), "numpy": in_numpy}, rounds)


def scales(x: np.ndarray, rounds: int) -> dict[str, dict[str, float]]:
    found = {}
    values = (x * 30_000).astype(np.float64)
    np.clip(values, 0, 262144, out=values)
    for name, kind in (("logicle", LogicleScale), ("hyperlog", HyperlogScale)):
        scale = kind(262144, 0.5, 4.5, 0)
        peer = getattr(flowutils.transforms, name)
        assert np.abs(scale.forward(values) - peer(values, None, t=262144, m=4.5, w=0.5, a=0)).max() < 1e-9
        found[name] = in_turn(
            {
                "ours": lambda scale=scale: scale.forward(values),
                "flowutils": lambda peer=peer: peer(values, None, t=262144, m=4.5, w=0.5, a=0),
            },
            rounds,
        )
    return found


def main() -> None:
    """Run everything and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, given.events)).astype(np.float32)
    y += np.float32(0.3) * x
    measured: dict[str, dict[str, float]] = {
        "polygon_8": polygons(x, y, 8, given.rounds),
        "polygon_40": polygons(x, y, 40, given.rounds),
        "ellipse": ellipses(x, y, given.rounds),
        **scales(x, given.rounds),
    }
    result: dict[str, Any] = {}
    for name, times in measured.items():
        peer = next(value for who, value in times.items() if who != "ours")
        result[name] = {f"{who}_ms": round(value, 3) for who, value in times.items()}
        result[name]["ratio"] = round(peer / times["ours"], 1) if times["ours"] else None
    result |= {
        "events": given.events,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cpus": os.cpu_count(),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
