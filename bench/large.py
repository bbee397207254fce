"""A million cells through the whole pipeline, and forty studies served by one process.

``million``: seeded cells (15 clusters, 20,000 genes, about 5 % not zero) are submitted as h5ad to a running server,
which writes both orientations, reduces, finds neighbours, embeds and clusters. A cell draws its transcripts one by one,
up to 0.6 of them from a program that all clusters share. Printed: seconds of each step as the job's log has them, CPU
seconds and peak memory of the workers, and the export back to h5ad.

``studies``: the same file is ingested into forty studies, 40 GB as float32 CSR in memory; then genes of random studies
are asked for over HTTP. Printed: p50 and p95, and the memory of the server process.

    python bench/large.py million               1,000,000 cells, about 40 minutes, 40 GB of disk
    python bench/large.py studies               40 × 120,000 cells, about 20 minutes, 20 GB of disk
    python bench/large.py million --cells 3000  seconds; so with studies and --studies 2
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parent))
import itertools

from _servers import Served, cytosol, milliseconds
from over_http import make_h5ad
from store_micro import N_CLUSTERS, N_FEATURES, STEP

import cytosol as client_library
from cytosol.sdk.sync.jobs import Job

JOB_MEMORY_BYTES = 8 << 30
POOL = 1 << 20


class Workers:
    """Peak memory and CPU seconds of the processes that a server has started, sampled ten times a second."""

    def __init__(self, served: Served) -> None:
        self._server = psutil.Process(served.process.pid)
        self._cpu: dict[int, float] = {}
        self.peak_bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    @property
    def cpu_s(self) -> float:
        """Of all of them together."""
        return sum(self._cpu.values())

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            for process in self._server.children(recursive=True):
                try:
                    times, memory = process.cpu_times(), process.memory_info()
                except psutil.Error:
                    continue
                self._cpu[process.pid] = times.user + times.system
                self.peak_bytes = max(self.peak_bytes, memory.rss)

    @contextmanager
    def watching(self) -> Iterator[Workers]:
        """Sample while the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self._done.set()
            self._thread.join()


def draw(folder: Path, n_cells: int) -> None:
    """Write the counts of so many cells as three plain files."""
    folder.mkdir()
    random = np.random.default_rng(3)
    base = np.exp(random.normal(-4.0, 1.55, N_FEATURES))
    programs = base * np.exp(random.normal(0, 0.5, (N_CLUSTERS + 1, N_FEATURES)))
    pools = np.concatenate([random.choice(N_FEATURES, POOL, p=one / one.sum()) for one in programs]).astype(np.int32)
    indptr = [np.zeros(1, np.int64)]
    with (folder / "data.bin").open("wb") as data, (folder / "indices.bin").open("wb") as indices:
        for start in range(0, n_cells, STEP):
            n = min(STEP, n_cells - start)
            size = random.poisson(base.sum() * np.exp(random.normal(0, 0.35, n)))
            cell = np.repeat(np.arange(n, dtype=np.int32), size)
            cluster, shared = random.integers(0, N_CLUSTERS, n, dtype=np.int32), random.uniform(0, 0.6, n)
            program = np.where(random.random(len(cell)) < shared[cell], np.int32(N_CLUSTERS), cluster[cell])
            keys = cell * np.int32(N_FEATURES) + pools[program * POOL + random.integers(0, POOL, len(cell))]
            keys.sort()
            first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
            np.diff(np.append(first, len(keys))).astype("<u2").tofile(data)
            (keys[first] % N_FEATURES).astype("<i4").tofile(indices)
            counts = np.bincount(keys[first] // N_FEATURES, minlength=n)
            indptr.append(indptr[-1][-1] + np.cumsum(counts, dtype=np.int64))
    np.save(folder / "indptr.npy", np.concatenate(indptr))


def steps(client: client_library.Client, job: Job) -> dict[str, float]:
    """Seconds from each line of the log to the next."""
    lines = list(client.http.pages(f"jobs/{job.id}/log"))
    starts = [np.datetime64(line["at"].rstrip("Z"), "us") for line in lines]
    spans = [float((later - earlier) / np.timedelta64(1, "s")) for earlier, later in itertools.pairwise(starts)]
    return {line["text"]: round(span, 1) for line, span in zip(lines, spans, strict=False)}


def million(folder: Path, n_cells: int) -> dict[str, Any]:
    """Ingest, embed, cluster and export."""
    draw(folder / "source", n_cells)
    file = make_h5ad(folder / "source", n_cells)
    for plain in ("data.bin", "indices.bin"):
        (folder / "source" / plain).unlink()
    with cytosol(folder / "data") as served, client_library.Client(served.url, served.token, timeout_s=600) as client:
        study = client.create_study("Large")
        with Workers(served).watching() as workers:
            started = time.perf_counter()
            job = study.submit(file, parameters={"tsne": False}, progress=False).wait(progress=False)
            seconds = time.perf_counter() - started
        table = study.dataset().table()
        started = time.perf_counter()
        back = study.dataset().download(folder / "back.h5ad", progress=False)
        return {
            "n_cells": table.n_cells,
            "source_gb": file.stat().st_size / 1e9,
            "wall_s": seconds,
            "worker_cpu_s": workers.cpu_s,
            "worker_peak_gb": workers.peak_bytes / 1e9,
            "steps_s": steps(client, job),
            "clusters": int(table.obs()["Louvain clustering"].nunique()),
            "export_s": time.perf_counter() - started,
            "export_gb": back.stat().st_size / 1e9,
        }


def studies(folder: Path, n_cells: int, n_studies: int, rounds: int) -> dict[str, Any]:
    """Ingest the file into each study; ask for genes of random ones."""
    file = make_h5ad(folder / "source", n_cells)
    with cytosol(folder / "data") as served, client_library.Client(served.url, served.token, timeout_s=600) as client:
        ids = []
        for number in range(n_studies):
            study = client.create_study(f"Study {number + 1}")
            ids.append(study.submit(file, embeddings="keep", progress=False).wait(progress=False).dataset_id)
        with h5py.File(file) as held:
            n_values = held["X/data"].shape[0]
        random = np.random.default_rng(2)
        with httpx.Client(base_url=f"{served.url}/api/v1/", headers=served.headers, timeout=120) as asking:

            def ask(_: int) -> None:
                gene, dataset = f"GENE{random.integers(20_000)}", random.choice(ids)
                asking.get(f"datasets/{dataset}/tables/rna/values", params={"features": gene}).raise_for_status()

            cold = milliseconds(ask, max(20, n_studies))
            warm = milliseconds(ask, rounds)
        return {
            "studies": n_studies,
            "cells_each": n_cells,
            "uncompressed_gb": n_studies * 8 * n_values / 1e9,
            "first_p50_ms": cold[0],
            "first_p95_ms": cold[1],
            "p50_ms": warm[0],
            "p95_ms": warm[1],
            "server_gb": served.resident_bytes / 1e9,
        }


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("million", "studies"))
    parser.add_argument("--cells", type=int)
    parser.add_argument("--studies", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--folder", type=Path, help="where the files go; removed at the end")
    given = parser.parse_args(arguments)
    os.environ.setdefault("CYTOSOL_JOB_MEMORY_BYTES", str(JOB_MEMORY_BYTES))
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        if given.what == "million":
            figures = million(Path(name), given.cells or 1_000_000)
        else:
            figures = studies(Path(name), given.cells or 120_000, given.studies, given.rounds)
    print(json.dumps(figures, indent=2))
    return figures


if __name__ == "__main__":
    main()
