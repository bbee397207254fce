"""How fast a table goes into the store, and how fast genes come out of the feature-major index.

Seeded negative binomial counts (15 clusters, 20,000 genes, 5.2 % not zero) are generated block by block into plain
files, which stand for a source as fast as memory. Unit: CPU seconds of the whole process, all threads; the ingest runs
in a process of its own so that its peak memory is its own. One gene and 50 genes are read from the index, and beside it
in the same run from float32 CSC in HDF5 through h5py: as AnnData writes it (h5py's own chunks, no compression), and as
one contiguous piece, which is the floor for anything that must not decompress.

    python bench/store_micro.py                      100,000 cells, about 5 minutes, 2 GB of disk
    python bench/store_micro.py --cells 5000         seconds
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from zarr.storage import LocalStore

from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.tables import write_table

N_FEATURES = 20_000
N_CLUSTERS = 15
STEP = 1000
PEER_INGEST_CPU_S = 7.7


class Silent:
    """A report that keeps nothing."""

    def log(self, text: str, *, level: str = "info") -> None:
        """Keep nothing."""

    def progress(self, fraction: float, step: str = "") -> None:
        """Keep nothing."""


class PlainFiles:
    """A cell-major source in three plain files."""

    kind: MatrixKind = "counts"
    notes: ClassVar[list[str]] = []
    memory_bytes = 0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._indptr = np.load(folder / "indptr.npy")
        self.n_cells, self.n_features = len(self._indptr) - 1, N_FEATURES
        self.obs = pd.DataFrame(index=pd.Index([f"CELL{i:07d}-1" for i in range(self.n_cells)]))
        names = [f"GENE{i}" for i in range(N_FEATURES)]
        self.var = pd.DataFrame({"feature_id": names, "feature_type": "Gene Expression", "genome": ""}, index=names)
        self.obsm: dict[str, np.ndarray] = {}

    def blocks(self, *, block_bytes: int) -> Iterator[MatrixBlock]:
        """Cells in order, read with plain reads."""
        with (self._folder / "data.bin").open("rb") as data, (self._folder / "indices.bin").open("rb") as indices:
            start = 0
            while start < self.n_cells:
                first = self._indptr[start]
                stop = int(np.searchsorted(self._indptr, first + block_bytes // 6, side="right")) - 1
                stop = min(max(stop, start + 1), self.n_cells)
                n = int(self._indptr[stop] - first)
                pointers = (self._indptr[start : stop + 1] - first).astype(np.int32)
                values = (np.fromfile(data, "<u2", n), np.fromfile(indices, "<i4", n), pointers)
                yield MatrixBlock(start, "cells", sp.csr_matrix(values, shape=(stop - start, self.n_features)))
                start = stop

    def close(self) -> None:
        """Nothing is held."""


def generate(folder: Path, n_cells: int) -> None:
    """Write the counts of ``n_cells`` cells as three plain files, unless they are there."""
    if (folder / "indptr.npy").exists() and len(np.load(folder / "indptr.npy")) == n_cells + 1:
        return
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    base = np.exp(rng.normal(-4.0, 1.55, N_FEATURES))
    factors = np.exp(rng.normal(0, 0.5, (N_CLUSTERS, N_FEATURES)))
    indptr = [np.zeros(1, dtype=np.int64)]
    with (folder / "data.bin").open("wb") as data, (folder / "indices.bin").open("wb") as indices:
        for start in range(0, n_cells, STEP):
            n = min(STEP, n_cells - start)
            mean = base * factors[rng.integers(0, N_CLUSTERS, n)] * np.exp(rng.normal(0, 0.35, n))[:, None]
            counts = np.minimum(rng.poisson(rng.gamma(2.0, mean / 2)), 65_535).astype("<u2")
            rows, columns = np.nonzero(counts)
            counts[rows, columns].tofile(data)
            columns.astype("<i4").tofile(indices)
            indptr.append(indptr[-1][-1] + np.cumsum(np.bincount(rows, minlength=n)))
    np.save(folder / "indptr.npy", np.concatenate(indptr))


def ingest(folder: Path, memory_bytes: int) -> dict[str, Any]:
    """Write the table and its index; returns CPU seconds, wall seconds and peak memory of this process."""
    source = PlainFiles(folder)
    before = resource.getrusage(resource.RUSAGE_SELF)
    cpu, wall = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        place = Path(scratch)
        store = LocalStore(place / "dataset")
        written = write_table(
            store,
            "rna",
            source,
            keep=None,
            index_path=folder / "index.bin",
            scratch=place,
            memory_bytes=memory_bytes,
            report=Silent(),
        )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        stored = sum(path.stat().st_size for path in (place / "dataset").rglob("*") if path.is_file())
    return {
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "start_mb": before.ru_maxrss / 1024,
        "nnz": written.nnz,
        "store_mb": stored / 1e6,
        "index_mb": (folder / "index.bin").stat().st_size / 1e6,
    }


def write_csc(folder: Path, *, chunked: bool) -> Path:
    """The same matrix as CSC in HDF5, in chunks as AnnData lays it out or in one piece."""
    path = folder / ("csc-chunked.h5" if chunked else "csc-plain.h5")
    most = (None,) if chunked else None
    if path.exists():
        return path
    with (folder / "index.bin").open("rb") as file:
        index = FeatureIndex.open(lambda offset, length: os.pread(file.fileno(), length, offset))
        with h5py.File(path.with_suffix(".part"), "w") as out:
            data = out.create_dataset("data", (index.nnz,), "f4", maxshape=most)
            indices = out.create_dataset("indices", (index.nnz,), "i4", maxshape=most)
            at = 0
            for _, block in index.blocks(64 << 20):
                data[at : at + block.nnz], indices[at : at + block.nnz] = block.data, block.indices
                at += block.nnz
            out["indptr"] = np.concatenate([[0], np.cumsum(index.counts)])
    path.with_suffix(".part").replace(path)
    return path


def timed(call: Callable[[Any], Any], asked: list[Any]) -> list[float]:
    """CPU milliseconds of each call."""
    times = []
    for one in asked:
        start = time.process_time_ns()
        call(one)
        times.append((time.process_time_ns() - start) / 1e6)
    return times


def open_csc(file: h5py.File) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """A reader of one gene from CSC in HDF5, row pointers held in memory."""
    indptr, data, indices = file["indptr"][:].tolist(), file["data"], file["indices"]
    return lambda gene: (indices[indptr[gene] : indptr[gene + 1]], data[indptr[gene] : indptr[gene + 1]])


def warm(*paths: Path) -> None:
    """Read whole files once, so that all of them are in the page cache."""
    for path in paths:
        with path.open("rb") as file:
            while file.read(16 << 20):
                pass


def genes(folder: Path, rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of one gene and of 50 genes; index and h5py by turns, everything warm."""
    rng = np.random.default_rng(1)
    one: list[list[float]] = []
    fifty: list[list[float]] = []
    with (
        h5py.File(write_csc(folder, chunked=True)) as chunked_file,
        h5py.File(write_csc(folder, chunked=False)) as plain_file,
        (folder / "index.bin").open("rb") as raw,
    ):
        warm(*(folder / name for name in ("index.bin", "csc-chunked.h5", "csc-plain.h5")))
        index = FeatureIndex.open(lambda offset, length: os.pread(raw.fileno(), length, offset))
        chunked, plain = open_csc(chunked_file), open_csc(plain_file)
        for gene in rng.integers(0, N_FEATURES, 50).tolist():
            cells, values = index.feature(gene)
            if not all(np.array_equal(*pair) for pair in zip((cells, values), chunked(gene), strict=True)):
                raise SystemExit(f"gene {gene} differs between the index and CSC")
        for _ in range(rounds):
            asked = rng.integers(0, N_FEATURES, 200).tolist()
            one.append([statistics.fmean(timed(call, asked)) for call in (index.feature, chunked, plain)])
            sets = [rng.choice(N_FEATURES, 50, replace=False).tolist() for _ in range(5)]
            calls = [index.features, *(lambda many, f=f: [f(gene) for gene in many] for f in (chunked, plain))]
            fifty.append([statistics.median(timed(call, sets)) for call in calls])
    result = {}
    for name, rows in (("one", one), ("fifty", fifty)):
        ours, as_anndata, in_one_piece = (statistics.median(column) for column in zip(*rows, strict=True))
        result |= {f"{name}_index_ms": ours, f"{name}_h5py_ms": as_anndata, f"{name}_h5py_plain_ms": in_one_piece}
        result |= {f"{name}_ratio": as_anndata / ours, f"{name}_plain_ratio": in_one_piece / ours}
    return result


def main() -> None:
    """Run everything and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory-mb", type=int, default=384, help="what write_table may take")
    parser.add_argument("--folder", type=Path, help="keep the generated files here")
    parser.add_argument("--only-ingest", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only_ingest:
        print(json.dumps(ingest(given.folder, given.memory_mb << 20)))
        return
    with tempfile.TemporaryDirectory() as fallback:
        folder = given.folder or Path(fallback)
        generate(folder, given.cells)
        command = [sys.executable, __file__, "--only-ingest", "--folder", str(folder)]
        command += ["--memory-mb", str(given.memory_mb)]
        runs = []
        for _ in range(3):
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs.append(json.loads(done.stdout))
        result: dict[str, Any] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        result["ingest_to_peer_at_full_size"] = result["cpu_s"] / PEER_INGEST_CPU_S
        result |= genes(folder, given.rounds)
    result |= {
        "cells": given.cells,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cpus": os.cpu_count(),
    }
    print(
        json.dumps(
            {key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}, indent=1
        )
    )


if __name__ == "__main__":
    main()
