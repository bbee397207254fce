"""Does the explorer stay pleasant with a million cells? Pictures per second in a real browser, on a real server.

Data: synthetic, seeded; 15 Gaussian clouds as an embedding, one annotation, a few genes. The view is zoomed a little
back and forth at every frame, so that each picture is another one. Told are: the seconds until the first picture;
frames per second that the screen got while moving, and the longest wait between two of them; pictures per second that
were really made anew (while the density picture of a large table is computed by a worker, the last one is shifted in
the meantime). In the mode 'points' every frame reads a pixel back, so that work which the browser only queued counts.
Most servers and CI machines draw without a graphics card; the renderer is printed.

Run: ``python -m bench.page [--cells 100000 1000000] [--seconds 5]``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp
from playwright.sync_api import Page, sync_playwright

import cytosol
from bench import _servers

CHROMIUM = os.environ.get("CYTOSOL_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
N_CLOUDS = 15
N_GENES = 12
_RENDERER = """() => {
  const gl = document.createElement('canvas').getContext('webgl2');
  if (!gl) return 'no WebGL 2';
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}"""
_MOVE = """async (seconds) => {
  const plot = document.querySelector('.plot');
  const canvas = plot.querySelector('canvas');
  const gl = canvas.getContext('webgl2');
  const box = plot.getBoundingClientRect();
  const pixel = new Uint8Array(4);
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const gaps = [];
  const began = performance.now();
  let last = began;
  for (let i = 0; performance.now() - began < seconds * 1000; i++) {
    const at = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
    const deltaY = i % 40 < 20 ? 12 : -12;
    plot.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY, bubbles: true, cancelable: true }));
    await frame();
    if (plot.dataset.drawn === 'points' && gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }
  return { gaps, drawn: plot.dataset.drawn, made: Number(plot.querySelector('.corner').dataset.fps) };
}"""


def write_cells(path: Path, n_cells: int, *, seed: int = 0) -> None:
    """Write the synthetic table."""
    random = np.random.default_rng(seed)
    cloud = random.integers(0, N_CLOUDS, n_cells)
    middles = random.normal(0, 8, (N_CLOUDS, 2))
    xy = (middles[cloud] + random.normal(0, 1, (n_cells, 2)) * random.uniform(0.6, 2.0, N_CLOUDS)[cloud, None]).astype(
        "f4"
    )
    values = sp.random(n_cells, N_GENES, density=0.3, random_state=random, dtype=np.float32, format="csr")
    obs = pd.DataFrame(
        {"cloud": pd.Categorical.from_codes(cloud, [f"Cloud {i + 1}" for i in range(N_CLOUDS)])},
        index=[f"cell-{i:07d}" for i in range(n_cells)],
    )
    var = pd.DataFrame(index=[f"SYN{i}" for i in range(N_GENES)])
    anndata.AnnData(values, obs=obs, var=var, obsm={"X_umap": xy}).write_h5ad(path)


def measure(page: Page, address: str, mode: str, seconds: float) -> dict[str, Any]:
    """Open the explorer and move; figures of one mode."""
    view = {"version": 2, "mode": mode, "color": {"by": "column", "name": "cloud"}}
    started = time.perf_counter()
    page.goto(f"{address}?fps=1&view={json.dumps(view)}")
    page.locator(".plot[data-drawn]").wait_for(timeout=120_000)
    page.wait_for_function("() => !document.querySelector('.plot .loading')", timeout=120_000)
    page.wait_for_function("() => document.querySelector('.legend button.entry')", timeout=120_000)
    first_s = time.perf_counter() - started
    page.evaluate(_MOVE, 1.0)
    found = page.evaluate(_MOVE, seconds)
    gaps = np.array(found["gaps"])
    return {
        "mode": mode,
        "drawn_as": found["drawn"],
        "first_picture_s": round(first_s, 2),
        "frames_per_s": round(1000 / gaps.mean(), 1),
        "longest_wait_ms": round(float(gaps.max())),
        "pictures_made_per_s": round(found["made"], 1) if found["made"] is not None else None,
    }


def sign_in(page: Page, url: str, email: str, password: str) -> str:
    """Sign in at the page; the renderer of the browser."""
    page.goto(f"{url}/app/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Studies", exact=True).wait_for(timeout=60_000)
    return str(page.evaluate(_RENDERER))


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=5.0)
    chosen = parser.parse_args(arguments)
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            _servers.cytosol(folder / "data") as served,
            cytosol.Client(served.url, served.token, timeout_s=600) as client,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            renderer = sign_in(page, served.url, _servers.EMAIL, _servers.PASSWORD)
            print(f"Chromium {browser.version}, drawn by {renderer}; synthetic cells, 1280 × 800 pixels")
            for n_cells in chosen.cells:
                write_cells(folder / "cells.h5ad", n_cells)
                study = client.create_study(f"Synthetic {n_cells:,}")
                job = study.submit(
                    folder / "cells.h5ad", matrix="normalized", embeddings="keep", name="cells", progress=False
                )
                job.wait(progress=False)
                dataset = study.dataset()
                address = f"{served.url}/app/studies/{study.id}/tables/{dataset.id}/{dataset.table().name}"
                for mode in ("auto", "points"):
                    figures.append(
                        {"cells": n_cells, "renderer": renderer, **measure(page, address, mode, chosen.seconds)}
                    )
                    print(json.dumps(figures[-1]))
            browser.close()
    return figures


if __name__ == "__main__":
    main()
