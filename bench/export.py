"""What does it cost to take a dataset away? Seconds, size and memory of each format, beside AnnData's own writer.

Data: seeded negative binomial counts, 15 clusters, n cells × 20,000 genes, about 5 % nonzero (synthetic), in our store
on a local disk, with two annotations and an embedding. Each format is written once by a fresh process; memory is its
highest resident size. AnnData writes from memory, where the whole matrix has to be first; its time is that of writing
alone. Run: ``python bench/export.py [--cells 100000] [--folder FOLDER]``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from zarr.storage import LocalStore

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.store_micro import PlainFiles, Silent, generate
from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.base.tables import ColumnData
from cytosol.formats.seurat_writer import SeuratAssay, SeuratStudy, write_seurat
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import (
    column_to_pandas,
    read_barcodes,
    read_column,
    read_embedding,
    read_var,
    write_column,
    write_embedding,
)
from cytosol.formats.spatialdata.export import write_h5ad
from cytosol.formats.spatialdata.layout import ColumnEntry, DatasetSpec, EmbeddingEntry, TableSpec, write_metadata
from cytosol.formats.spatialdata.tables import write_table
from cytosol.formats.spatialdata.zarr_v2_view import ZarrV2View

FORMATS = ("h5ad", "zarr", "rds", "AnnData's h5ad")
BLOCK_BYTES = 32 << 20


def table_of(n_cells: int) -> TableSpec:
    """What is in the store."""
    return TableSpec(
        "rna",
        columns=(ColumnEntry("cluster", "cluster"), ColumnEntry("score", "score")),
        embeddings=(EmbeddingEntry("X_umap", "X_umap"),),
        n_cells=n_cells,
        n_features=20_000,
        path="rna",
    )


def fill(folder: Path, n_cells: int) -> None:
    """Make the store."""
    generate(folder / "plain", n_cells)
    store = LocalStore(folder / "store")
    source = PlainFiles(folder / "plain")
    paths = {"index_path": folder / "rna.cyi", "scratch": folder}
    write_table(store, "rna", source, keep=None, **paths, memory_bytes=256 << 20, report=Silent())
    rng = np.random.default_rng(1)
    clusters = ColumnData(rng.integers(0, 15, n_cells).astype(np.int32), [f"Cluster {n}" for n in range(15)])
    write_column(store, "rna", "cluster", clusters)
    write_column(store, "rna", "score", ColumnData(rng.normal(size=n_cells)))
    write_embedding(store, "rna", "X_umap", rng.normal(size=(n_cells, 2)))
    write_metadata(store, DatasetSpec((table_of(n_cells),)))


def write_one(folder: Path, n_cells: int, format: str) -> dict[str, Any]:
    """Write one format in this process."""
    root = LocalStore(folder / "store", read_only=True)
    matrix = CellMatrix(root, "rna")
    target = folder / f"out.{'anndata' if format == FORMATS[3] else format}"
    write = _prepared(root, matrix, target, format, n_cells)
    start, cpu = time.perf_counter(), time.process_time()
    write()
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024  # that of getrusage would be the parent's, where it was larger
    size = target.stat().st_size / 1e6
    target.unlink()
    return {"seconds": round(seconds, 1), "cpu_s": round(cpu_s, 1), "mb": round(size), "peak_mb": round(peak)}


def _prepared(root: Any, matrix: CellMatrix, target: Path, format: str, n_cells: int) -> Callable[[], object]:
    columns = {name: read_column(root, "rna", name) for name in ("cluster", "score")}
    barcodes, umap = read_barcodes(root, "rna"), read_embedding(root, "rna", "X_umap")
    var = read_var(root, "rna")
    obs = pd.DataFrame({name: column_to_pandas(column).array for name, column in columns.items()}, index=barcodes)

    def counts() -> Iterator[sp.csr_matrix]:
        for _, block in matrix.blocks(BLOCK_BYTES):
            yield block

    def lognorm() -> Iterator[sp.csr_matrix]:
        for block in counts():
            yield log_normalize(block, np.asarray(block.sum(axis=1, dtype=np.float64)).ravel())

    if format == "h5ad":
        blocks = (block.astype(np.float32) for block in counts())
        return lambda: write_h5ad(target, x_blocks=blocks, obs=obs, var=var, obsm={"X_umap": umap})
    if format == "zarr":
        return lambda: ZarrV2View(root, table_of(n_cells)).write_zip(target)
    if format == "rds":
        assay = SeuratAssay("RNA", var, matrix.indptr, counts, lognorm)
        study = SeuratStudy("Bench", barcodes, [assay], columns, "cluster", {"X_umap": umap})
        return lambda: write_seurat(target, study)
    import anndata  # seconds to import; not for the others

    whole = anndata.AnnData(sp.vstack([block.astype(np.float32) for block in counts()]).tocsr(), obs=obs, var=var)
    whole.obsm["X_umap"] = umap
    return lambda: whole.write_h5ad(target, compression="gzip")


def main() -> None:
    """Measure every format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the store is made, and kept")
    parser.add_argument("--format", choices=FORMATS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.format:
        print(json.dumps(write_one(arguments.folder, arguments.cells, arguments.format)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "store").exists():
            fill(folder, arguments.cells)
        nnz = CellMatrix(LocalStore(folder / "store", read_only=True), "rna").nnz
        result: dict[str, Any] = {"cells": arguments.cells, "nnz": nnz}
        for format in FORMATS:
            command = [sys.executable, __file__, "--cells", str(arguments.cells), "--folder", str(folder)]
            done = subprocess.run([*command, "--format", format], check=True, capture_output=True, text=True)
            result[format] = json.loads(done.stdout)
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
