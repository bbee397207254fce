"""How long a figure of cytometry takes, from values in memory to the bytes of the file.

Seeded events (three populations, arcsinh axes) are drawn as each kind of plot, 480 × 480 pixels with axes, ticks,
labels and one gate with its percent. Beside it in the same run: numpy's ``histogram2d`` of the same values, scaled and
clamped, drawn by matplotlib's ``pcolormesh`` with its own axes, which is what a script does. Unit: CPU milliseconds of
the process, all threads, which is the time by the clock where the machine has nothing else to do; median of the rounds,
after one round that loads and compiles.

Then a server on a port of this machine gets the same events as an FCS file of two channels, and is asked for density
plots whose titles differ, so that none is answered from the cache of pictures; of all events, and of a population.

    python bench/plots.py                     1,000,000 events, under a minute
    python bench/plots.py --events 2000 --rounds 1
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from _servers import cytosol
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cytosol.analyses.cytometry.plots import bins
from cytosol.analyses.cytometry.plots.figures import draw
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, GateMark, Layer, PlotStyle
from cytosol.analyses.cytometry.scales import ArcSinhScale
from cytosol.formats.fcs.writer import fcs_head, fcs_pieces

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


def median_ms(call: Callable[[], Any], rounds: int, clock: Callable[[], float] = time.process_time) -> float:
    """Median milliseconds of some calls, after one that does not count."""
    call()
    times = []
    for _ in range(rounds):
        start = clock()
        call()
        times.append(1e3 * (clock() - start))
    return statistics.median(times)


def through_the_api(x: np.ndarray, y: np.ndarray, rounds: int) -> dict[str, float]:
    """Median milliseconds from the request to the last byte of the PNG, and CPU milliseconds of the server."""
    head = fcs_head([{"N": name, "R": "262144"} for name in ("FITC-A", "PE-A")], len(x))
    file = b"".join(fcs_pieces(head, [np.stack([x, y])]))
    gate = {"kind": "rectangle", "name": "CD4 T cells", "x": "var:FITC-A", "y": "var:PE-A", "geometry": GATE}
    with tempfile.TemporaryDirectory() as folder, cytosol(Path(folder)) as served:
        url = f"{served.url}/api/v1/"
        with httpx.Client(base_url=url, headers={**served.headers, "x-cytosol": "1"}, timeout=120) as client:

            def sent(method: str, path: str, **what: Any) -> Any:
                answer = client.request(method, path, **what)
                answer.raise_for_status()
                return answer.json()

            study = sent("POST", "studies", json={"name": "Plots"})["id"]
            dataset = sent("PUT", f"studies/{study}/fcs/a.fcs", content=file)["items"][0]["id"]
            made = sent("POST", f"studies/{study}/gates", json={"gates": [gate], "populations": True})
            of_all = {"x": "var:FITC-A", "y": "var:PE-A"}
            queries = {
                "api_density_ms": of_all,
                "api_population_ms": of_all | {"population": made["populations"][0]["id"]},
            }
            numbers = itertools.count()

            def ask(query: dict[str, str]) -> None:
                path = f"datasets/{dataset}/tables/events/plot"
                answer = client.get(path, params=query | {"title": f"Plot {next(numbers)}"})
                answer.raise_for_status()
                assert answer.content.startswith(b"\x89PNG")

            found = {}
            for name, query in queries.items():
                found[name] = median_ms(lambda query=query: ask(query), rounds, time.perf_counter)
                before = served.cpu_s
                for _ in range(rounds):
                    ask(query)
                found[name.replace("_ms", "_cpu_ms")] = 1e3 * (served.cpu_s - before) / rounds
            return found


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
    result |= through_the_api(x, y, given.rounds)
    result |= {"python": platform.python_version(), "numpy": np.__version__, "cpus": os.cpu_count()}
    print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in result.items()}, indent=1))


if __name__ == "__main__":
    main()
