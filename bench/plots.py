"""How long a figure of cytometry takes, from values in memory to the bytes of the file.

Seeded events (three populations, arcsinh axes) are drawn as each kind of plot, 480 × 480 pixels with axes, ticks,
labels and one gate with its percent. Beside it in the same run: numpy's ``histogram2d`` of the same values, scaled and
clamped, drawn by matplotlib's ``pcolormesh`` with its own axes, which is what a script does. Unit: milliseconds by the
clock, median of the rounds, after one round that loads and compiles.

    python bench/plots.py                     1,000,000 events, under a minute
    python bench/plots.py --events 2000 --rounds 1
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cytosol.analyses.cytometry.plots import bins
from cytosol.analyses.cytometry.plots.figures import draw
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, GateMark, Layer, PlotStyle
from cytosol.analyses.cytometry.scales import ArcSinhScale

SCALE = ArcSinhScale(-200, 262_144, 150)
GATE = {"x1": 3.0, "x2": 8.1, "y1": -1.0, "y2": 3.0}


def make_events(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two channels of three populations, float32."""
    rng = np.random.default_rng(5)
    first, second = n // 2, n // 3
    parts = [
        rng.lognormal([5, 8.5], 0.7, (first, 2)),
        rng.lognormal([9.2, 4.5], 0.6, (second, 2)),
        rng.normal(0, 120, (n - first - second, 2)),
    ]
    both = np.concatenate(parts).astype(np.float32)[rng.permutation(n)]
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])


def by_hand(x: np.ndarray, y: np.ndarray) -> bytes:
    """The density plot of a script."""
    scaled = [np.arcsinh(np.clip(values, -200, 262_144) / 150) for values in (x, y)]
    counts, x_edges, y_edges = np.histogram2d(*scaled, bins=256)
    figure = Figure(figsize=(5, 5), dpi=96)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.pcolormesh(x_edges, y_edges, np.where(counts.T > 0, np.log1p(counts.T), np.nan))
    axes.set_xlabel("CD4")
    axes.set_ylabel("CD8")
    out = io.BytesIO()
    canvas.print_png(out)
    return out.getvalue()


def median_ms(call: Callable[[], Any], rounds: int) -> float:
    """Median milliseconds of some calls, after one that does not count."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    """Run everything and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    x, y = make_events(given.events)
    axis = Axis("CD4 (FITC-A)", SCALE)
    gate = GateMark("rectangle", GATE, ("CD4 T cells",))
    density = Drawing("density", axis, (Layer("all", x, y),), y=Axis("CD8 (PE-A)", SCALE), gates=(gate,))
    result: dict[str, Any] = {"events": given.events}
    drawings = {
        "density": density,
        "density_228_px_no_gate": replace(density, gates=(), style=PlotStyle(width=228, height=228)),
        "density_smoothed": replace(density, style=PlotStyle(smoothing=1)),
        "contour": replace(density, kind="contour"),
        "dot": replace(density, kind="dot"),
        "histogram": replace(density, kind="histogram", y=None, layers=(Layer("all", x),), gates=()),
        "density_svg": replace(density, style=PlotStyle(format="svg")),
        "density_pdf": replace(density, style=PlotStyle(format="pdf")),
    }
    for name, drawing in drawings.items():
        result[f"{name}_ms"] = median_ms(lambda drawing=drawing: draw(drawing), given.rounds)
    result["of_it_scaling_ms"] = median_ms(lambda: [bins.scaled(each, SCALE) for each in (x, y)], given.rounds)
    scaled = [bins.scaled(each, SCALE) for each in (x, y)]
    ends = ((-1.1, 8.2), (-1.1, 8.2))
    result["of_it_binning_ms"] = median_ms(lambda: bins.count_2d(*scaled, ends, (210, 210)), given.rounds)
    result["script_ms"] = median_ms(lambda: by_hand(x, y), min(3, given.rounds))
    result["script_to_density"] = result["script_ms"] / result["density_ms"]
    result |= {"python": platform.python_version(), "numpy": np.__version__, "cpus": os.cpu_count()}
    print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in result.items()}, indent=1))


if __name__ == "__main__":
    main()
