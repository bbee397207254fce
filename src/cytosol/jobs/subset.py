"""The job that makes a dataset of some cells of another: rows as they are, and embeddings and clusters kept or new."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np
import pandas as pd

from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData, MatrixBlock
from cytosol.catalog.column_terms import terms_of
from cytosol.catalog.commit import CommittedResult, commit_result
from cytosol.catalog.layouts import TableLayout, dataset_path, is_private, remainder_of
from cytosol.catalog.pipeline import PipelineParams
from cytosol.catalog.tables import Pinned
from cytosol.formats.remainder import AnnDataRemainder
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import read_barcodes, read_column, read_embedding, read_var
from cytosol.formats.table import MatrixTable
from cytosol.jobs.extras import run_extras
from cytosol.jobs.making import Making, begin_making, compute, own_columns, summarise, write_part
from cytosol.jobs.provenance import made_by
from cytosol.jobs.registry import JobRun
from cytosol.jobs.sources import fetch_blob

_SUFFIX = " (parent)"


async def subset(run: JobRun) -> None:
    """Make the dataset of the job."""
    said = run.job.params
    catalog = run.catalog
    pinned = await catalog.tables.pin(
        run.actor, dataset_id=Key.parse(said["parent"]), table=said["table"], version=said["version"]
    )
    cells = await catalog.analyses.selections.resolve(pinned, said["selection"])
    if not len(cells):
        raise InvalidInputError("The selection holds no cell", where="selection")
    making = await begin_making(run)
    making.inputs = [pinned.part.table.id]
    run.report.log(f"Taking {len(cells):,} of {pinned.part.n_cells:,} cells of {pinned.dataset.name}")
    root = catalog.context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=True)
    chosen = read_barcodes(root, pinned.part.table.path)[cells]
    for number, part in enumerate(pinned.layout.tables):
        keep = _rows(read_barcodes(root, part.table.path), chosen)
        if not keep.any():
            making.note(f"No cell of the selection is in table '{part.table.name}', which was left out")
            continue
        await _take(making, pinned, part, keep, is_main=number == 0)
    if not making.elements:
        raise ConflictError("None of the cells is in a table of the dataset")
    run.report.progress(0.98, "Committing")
    run.channel.flush()
    tables = [element.name for element in making.elements if element.kind == "table"]
    result = CommittedResult(
        tuple(making.elements),
        tuple(making.notes),
        pinned.dataset.technology,
        {"n_cells": len(cells), "tables": tables, "dataset_id": (run.job.dataset_id or Key(bytes(12))).hex24},
    )
    await commit_result(catalog.context, run.job.id, run.job.epoch, result)


def _rows(barcodes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Which rows of a table are chosen: shape (n_cells,), bool; tables of a dataset share their barcodes."""
    keep: np.ndarray = pd.Index(barcodes, dtype=object).isin(chosen)
    return keep


async def _take(making: Making, pinned: Pinned, part: TableLayout, keep: np.ndarray, *, is_main: bool) -> None:
    """One table of the parent: its rows, then what is computed anew, then annotations and embeddings of the parent."""
    run, name, path = making.run, part.table.name, part.table.path
    root = run.catalog.context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=True)
    matrix = CellMatrix(root, path)

    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        for start, block in matrix.blocks(block_bytes):
            yield MatrixBlock(start, "cells", block)

    obs = pd.DataFrame(index=pd.Index(read_barcodes(root, path), dtype=object))
    source = MatrixTable(obs, read_var(root, path), part.table.meta["kind"], blocks)
    made = made_by("subset", {"parent": pinned.dataset.id.hex24, "version": pinned.version}, [part.table.id])
    kept = remainder_of(part)
    if kept is None:
        table, written = await write_part(making, name, source, keep=keep, made=made)
    else:
        with h5py.File(await fetch_blob(run, kept.path), "r") as file:
            source.remainder = AnnDataRemainder.again(file, pinned.dataset.name)
            table, written = await write_part(making, name, source, keep=keep, made=made)
    origins = kept.meta if kept is not None else {"columns": {}, "embeddings": {}}
    said = run.job.params["parameters"] if is_main else None
    if said is not None:
        params = PipelineParams.from_json(said)
        own_columns(making, name, table, written)
        batches = await _batches(run, pinned, keep, params.batch) if params.batch else None
        await compute(making, name, table, written=written, params=params, batches=batches)
        await run_extras(making, name, table, written, params=params)
    for element in part.columns:
        if is_private(element) or (said is not None and element.made_by.get("function") == "quality"):
            continue  # others would see what is private; how much was measured was told anew
        column = _kept(read_column(root, path, element.path), keep)
        title = making.beside(name, "column", element.name, _SUFFIX)
        terms = {level: id for level, id in terms_of(element.meta).items() if level in (column.categories or ())}
        place = making.column(name, title, column, {**made, "original": dict(element.made_by)}, terms=terms)
        if element.path in origins["columns"]:
            making.remember(name, "columns", place, origins["columns"][element.path])
    for element in part.embeddings:
        if is_private(element):
            continue
        values = read_embedding(root, path, element.path)[keep]
        title = making.beside(name, "embedding", element.name, _SUFFIX)
        place = making.embedding(name, title, values, {**made, "original": dict(element.made_by)})
        if element.path in origins["embeddings"]:
            making.remember(name, "embeddings", place, origins["embeddings"][element.path])
    if is_main:
        await summarise(making, name, table, written)


async def _batches(run: JobRun, pinned: Pinned, keep: np.ndarray, name: str) -> np.ndarray:
    """Batch of each kept cell: shape (n_cells,), integer from 0; cells without one are a batch of their own."""
    column = await run.catalog.tables.column(pinned, name)
    codes, _ = pd.factorize(pd.Series(column.values[keep], dtype=object), use_na_sentinel=False)
    return np.asarray(codes, np.int64)


def _kept(column: ColumnData, keep: np.ndarray) -> ColumnData:
    """Some rows of an annotation, without the levels that none of them has."""
    values = column.values[keep]
    if column.categories is None:
        return ColumnData(values, extra=column.extra)
    used = np.unique(values[values >= 0])
    number = np.full(len(column.categories) + 1, -1, np.int32)
    number[used] = np.arange(len(used))
    colors = None if column.colors is None else [column.colors[level] for level in used]
    return ColumnData(
        number[values], [column.categories[level] for level in used], column.ordered, colors, column.extra
    )
