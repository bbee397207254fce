"""One gene and 50 genes of 100,000 cells over HTTP, and small signed-in JSON answers against the bare frameworks.

The genes come from a running server as a notebook asks for them: dense float32 Arrow, log-normalised, one connection.
The small answer is one study: signed in by token, permission checked. Beside it, in the same run, FastAPI and Starlette
without anything else run the very statements that SQLite saw during one such request, and send the same JSON. Unit:
requests per CPU second of the server process.

    python bench/over_http.py                     100,000 × 20,000 cells, about 4 minutes, 3 GB of disk
    python bench/over_http.py --cells 3000        seconds
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from _servers import Served, bare, cytosol, milliseconds, requests_per_cpu_s
from store_micro import N_FEATURES, PlainFiles, generate

import cytosol as client_library
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.formats.spatialdata.export import write_h5ad
from cytosol.jobs.signals import Signals


def make_h5ad(folder: Path, n_cells: int) -> Path:
    """The seeded synthetic table of bench/store_micro.py as an h5ad file."""
    import pandas as pd

    generate(folder, n_cells)
    source = PlainFiles(folder)
    path = folder / "bench.h5ad"
    blocks = (block.values for block in source.blocks(block_bytes=64 << 20))
    obs = pd.DataFrame(index=source.obs.index)
    write_h5ad(path, x_blocks=blocks, obs=obs, var=source.var, compression=None)
    with h5py.File(path) as file:
        assert file["X"].attrs["shape"][0] == n_cells
    return path


def ingest(served: Served, path: Path) -> str:
    """Submit the file without embeddings; the id of the dataset."""
    with client_library.Client(served.url, served.token) as client:
        study = client.create_study("Bench")
        job = study.submit(path, embeddings="keep", progress=False).wait(progress=False)
        return str(job.dataset_id)


def genes_over_http(served: Served, dataset: str, rounds: int) -> dict[str, float]:
    """Median and 95th percentile, ms, of one gene and of 50."""
    random = np.random.default_rng(1)
    with httpx.Client(base_url=f"{served.url}/api/v1/", headers=served.headers, timeout=120) as client:
        symbols = client.get(f"datasets/{dataset}/tables/rna/features", params={"limit": 500}).json()["items"]
        names = [item["symbol"] for item in symbols]

        def ask(count: int) -> Any:
            chosen = random.choice(names, count, replace=False)
            address = f"datasets/{dataset}/tables/rna/values"
            return client.get(address, params={"features": ",".join(chosen)}).raise_for_status()

        ask(50)
        one = milliseconds(lambda _: ask(1), rounds)
        fifty = milliseconds(lambda _: ask(50), max(5, rounds // 10))
    return {"one_p50_ms": one[0], "one_p95_ms": one[1], "fifty_p50_ms": fifty[0], "fifty_p95_ms": fifty[1]}


async def _record(data: Path, token: str, study_id: str) -> list[str]:
    """The statements that SQLite sees while one study is read, secrets and all filled in."""
    seen: list[str] = []
    real_connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = real_connect(*arguments, **options)
        connection.set_trace_callback(seen.append)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]
    try:
        catalog = await Catalog.open(load_settings(data=data), notifier=Signals())
    finally:
        sqlite3.connect = real_connect
    try:
        from cytosol.base.keys import Key

        for _ in range(3):
            actor = await catalog.accounts.resolve_token(token)
            seen.clear()
            actor = await catalog.accounts.resolve_token(token)
            await catalog.studies.get(actor, study_id=Key.parse(study_id))
        return [statement for statement in seen if statement.lstrip().upper().startswith(("SELECT", "WITH", "PRAGMA"))]
    finally:
        await catalog.close()


def small_answers(served: Served, data: Path, folder: Path, n: int) -> dict[str, float]:
    """Requests per CPU second for one study: ours, bare FastAPI, bare Starlette; medians of 3, interleaved."""
    with client_library.Client(served.url, served.token) as client:
        study_id = client.create_study("Small").id
    path = f"/api/v1/studies/{study_id}"
    answer = httpx.get(served.url + path, headers=served.headers).json()
    statements = asyncio.run(_record(data, served.token, study_id))
    replay = folder / "replay.json"
    replay.write_text(json.dumps({"statements": statements, "answer": answer}))
    figures: dict[str, list[float]] = {"ours": [], "fastapi": [], "starlette": []}
    with bare(folder, str(data / "cytosol.db"), str(replay)) as peer:
        for _ in range(3):
            figures["ours"].append(requests_per_cpu_s(served, path, n))
            figures["fastapi"].append(requests_per_cpu_s(peer, "/fastapi/record", n))
            figures["starlette"].append(requests_per_cpu_s(peer, "/starlette/record", n))
    medians = {name: statistics.median(values) for name, values in figures.items()}
    return {"n_statements": len(statements), **medians, "ratio_fastapi": medians["ours"] / medians["fastapi"],
            "ratio_starlette": medians["ours"] / medians["starlette"]}  # fmt: skip


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--requests", type=int, default=2000)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "data"
        with cytosol(data) as served:
            figures: dict[str, Any] = {"small": small_answers(served, data, folder, chosen.requests)}
            dataset = ingest(served, make_h5ad(folder, chosen.cells))
            figures["genes"] = genes_over_http(served, dataset, chosen.rounds)
            figures["server_resident_mb"] = served.resident_bytes / 1e6
    print(json.dumps({"cells": chosen.cells, "features": N_FEATURES, **figures}, indent=2))
    return figures


if __name__ == "__main__":
    main()
