"""The job that makes a file of a dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.keys import Key
from cytosol.catalog.commit import commit_result
from cytosol.catalog.layouts import dataset_path
from cytosol.catalog.tables import Pinned
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import (
    column_to_pandas,
    read_barcodes,
    read_column,
    read_embedding,
    read_features,
)
from cytosol.formats.spatialdata.export import write_h5ad
from cytosol.formats.spatialdata.layout import path_part
from cytosol.jobs.registry import JobRun

_BLOCK_BYTES = 32 << 20


async def export(run: JobRun) -> None:
    """Write the h5ad file of one table at the version that was asked for."""
    params = run.job.params
    pinned = await run.catalog.tables.pin(
        run.actor,
        dataset_id=run.job.dataset_id or Key(bytes(12)),
        table=params["table"],
        version=params["version"],
    )
    filename = f"{path_part(pinned.dataset.name)}.h5ad"
    run.report.log(f"Writing {filename}: {pinned.part.n_cells} cells x {pinned.part.table.meta['n_features']} genes")
    local = run.scratch / "export.h5ad"
    await asyncio.to_thread(_write, run, pinned, local)
    size = (await asyncio.to_thread(local.stat)).st_size
    path = f"exports/{run.job.id.hex24}/{filename}"
    await run.catalog.context.blobs.put_file(path, local, move=True)
    run.channel.flush()
    result = run.catalog.exports.finished(path, filename, size)
    await commit_result(run.catalog.context, run.job.id, run.job.epoch, result)


def _write(run: JobRun, pinned: Pinned, local: Path) -> None:
    root = run.catalog.context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=True)
    table = pinned.part.table.path
    columns, colors = {}, {}
    for element in pinned.part.columns:
        column = read_column(root, table, element.path)
        columns[element.name] = (
            column_to_pandas(column).to_numpy() if column.categories is None else (column_to_pandas(column).array)
        )
        if column.colors:
            colors[f"{element.name}_colors"] = list(column.colors)
    obs = pd.DataFrame(columns, index=pd.Index(read_barcodes(root, table), dtype=object))
    obsm = {element.name: read_embedding(root, table, element.path) for element in pinned.part.embeddings}
    write_h5ad(
        local,
        x_blocks=_blocks(run, CellMatrix(root, table)),
        obs=obs,
        var=read_features(root, table),
        obsm=obsm,
        uns={
            **colors,
            "cytosol": {
                "dataset": pinned.dataset.name,
                "dataset_id": pinned.dataset.id.hex24,
                "version": pinned.version,
                "table": pinned.part.table.name,
                "values": pinned.part.table.meta["kind"],
            },
        },
    )


def _blocks(run: JobRun, matrix: CellMatrix) -> Iterator[sp.csr_matrix]:
    """Values as float32, which AnnData's users expect, unless counts are too large for that to be exact."""
    exact = matrix.dtype.kind == "f" or matrix.dtype.itemsize <= 2
    for start, block in matrix.blocks(_BLOCK_BYTES):
        run.report.progress(start / max(1, matrix.shape[0]), "Writing the matrix")
        yield block.astype(np.float32) if exact else block
