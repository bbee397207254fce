"""A dataset that is being made by a job: what was written so far, and the steps that all ways of making one share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from cytosol.analyses.matrix.mitochondria import mito_features
from cytosol.analyses.matrix.quality import MITO_SHARE, N_GENES, N_TRANSCRIPTS
from cytosol.base.keys import Key, new_key
from cytosol.base.tables import ColumnData, Remainder, TableSource
from cytosol.catalog.annotation_edits import column_meta
from cytosol.catalog.column_terms import with_terms
from cytosol.catalog.commit import NewElement
from cytosol.catalog.contexts import CELL_TYPE, find_contexts, group_columns
from cytosol.catalog.layouts import REMAINDER, dataset_path, index_path
from cytosol.catalog.pipeline import PipelineParams
from cytosol.catalog.summaries import make_summary, names_path, summary_path
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import (
    read_column,
    read_features,
    write_column,
    write_embedding,
)
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.layout import free_name, free_path, path_part
from cytosol.formats.spatialdata.name_file import pack_names
from cytosol.formats.spatialdata.tables import WrittenTable, write_table
from cytosol.jobs.pipeline import LOUVAIN, Analysed, Matrix, analyse, markers_file
from cytosol.jobs.provenance import made_by
from cytosol.jobs.registry import JobRun

_WRITE_BYTES = 256 << 20


@dataclass(slots=True)
class Making:
    """A dataset that is being made.

    Attributes
    ----------
    root : its Zarr store
    elements : written so far, in the order in which they shall be listed
    remainders : by table, the meta of what was kept of its file; see ``remember``
    """

    run: JobRun
    bytes_id: Key
    root: Any
    species: str
    inputs: list[Key]
    elements: list[NewElement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    paths: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    names: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    remainders: dict[str, dict[str, Any]] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Something to know about the dataset: in its notes and in the log."""
        self.notes.append(text)
        self.run.report.log(text)

    def place(self, table: str, kind: str, name: str) -> tuple[str, str]:
        """A free name and a free path part for a column or embedding."""
        names = self.names.setdefault((table, kind), set())
        paths = self.paths.setdefault((table, kind), set())
        title = free_name(name, names)
        path = free_path(title, paths)
        names.add(title)
        paths.add(path)
        return title, path

    def beside(self, table: str, kind: str, name: str, suffix: str) -> str:
        """The name, with the suffix where it is taken."""
        return f"{name[: 255 - len(suffix)]}{suffix}" if name in self.names.get((table, kind), ()) else name

    def column(
        self,
        table: str,
        name: str,
        column: ColumnData,
        made: Mapping[str, Any],
        *,
        terms: Mapping[str, str] | None = None,
    ) -> str:
        """Write an annotation and give its path; ``terms`` are the standard terms of its categories."""
        title, path = self.place(table, "column", name)
        write_column(self.root, path_part(table), path, column)
        meta = with_terms(column_meta(column), terms or {})
        self.elements.append(NewElement("column", table, title, path, meta, made))
        return path

    def embedding(self, table: str, name: str, values: np.ndarray, made: Mapping[str, Any]) -> str:
        """Write an embedding and give its path."""
        title, path = self.place(table, "embedding", name)
        write_embedding(self.root, path_part(table), path, values)
        self.elements.append(NewElement("embedding", table, title, path, {"n_dims": int(values.shape[1])}, made))
        return path

    def remember(self, table: str, kind: Literal["columns", "embeddings"], path: str, name: str) -> None:
        """Say that an annotation or embedding is the one that the submitted file calls ``name``."""
        if table in self.remainders:
            self.remainders[table][kind][path] = name


async def begin_making(run: JobRun) -> Making:
    """Open the place of the job's dataset."""
    context = run.catalog.context
    async with context.db.read() as conn:
        dataset = await rows.need(conn, tables.datasets, run.job.dataset_id or Key(bytes(12)))
        study = await rows.need(conn, tables.studies, dataset["study_id"])
    root = context.blobs.zarr(dataset_path(dataset["bytes_id"]), read_only=False)
    return Making(run, dataset["bytes_id"], root, study["species"], [])


async def write_part(
    making: Making, name: str, part: TableSource, *, keep: np.ndarray, made: Mapping[str, Any]
) -> tuple[tuple[Key, FeatureIndex], WrittenTable]:
    """Write one table and its index; the table's element id and the open index."""
    run = making.run
    local = run.scratch / f"{path_part(name)}.cyi"
    written = write_table(
        making.root,
        path_part(name),
        part,
        keep=None if keep.all() else keep,
        index_path=local,
        scratch=run.scratch,
        memory_bytes=min(_WRITE_BYTES, run.memory_bytes // 4),
        report=run.report.part(0.2, 0.5),
    )
    if not written.nnz:
        making.note(f"Every value of the table '{name}' is 0.")
    table_id, index_id = new_key(), new_key()
    place = index_path(making.bytes_id, index_id)
    blobs = run.catalog.context.blobs
    await blobs.put_file(place, local, move=True)
    meta = {
        "n_cells": written.n_cells,
        "n_features": written.n_features,
        "nnz": written.nnz,
        "dtype": written.dtype,
        "kind": written.kind,
        "normalization": written.normalization,
    }
    making.elements.append(NewElement("table", name, name, path_part(name), meta, made, id=table_id))
    derived = made_by("feature-index", {}, [table_id])
    making.elements.append(NewElement("index", name, "feature-major", place, {}, derived, id=index_id))
    if part.remainder is not None:
        await _keep_remainder(making, name, part.remainder, keep=keep, made=made)
    index = FeatureIndex.open(lambda offset, length: blobs.read(place, offset, length))
    return (table_id, index), written


async def _keep_remainder(
    making: Making, name: str, remainder: Remainder, *, keep: np.ndarray, made: Mapping[str, Any]
) -> None:
    """Write down what the file holds beyond the table; its element comes with ``remember``."""
    local = making.run.scratch / f"{path_part(name)}.h5"
    kept = await asyncio.to_thread(remainder.write, local, keep)
    if kept.parts:
        making.run.report.log(f"Kept for exports: {'; '.join(kept.parts)}")
    for text in kept.notes:
        making.note(text)
    id = new_key()
    place = index_path(making.bytes_id, id, "h5")
    await making.run.catalog.context.blobs.put_file(place, local, move=True)
    meta = {"slot": remainder.slot, "columns": {}, "embeddings": {}}
    making.remainders[name] = meta
    making.elements.append(NewElement(REMAINDER, name, "Kept for exports", place, meta, made, id=id))


def own_columns(making: Making, name: str, table: tuple[Key, FeatureIndex], written: WrittenTable) -> None:
    """How much was measured in each cell."""
    table_id, index = table
    made = made_by("quality", {}, [table_id])
    making.column(name, N_GENES, ColumnData(written.n_genes.astype(np.int64)), made)
    if written.kind != "counts":
        return
    totals = written.totals
    whole = bool((np.trunc(totals) == totals).all())
    making.column(name, N_TRANSCRIPTS, ColumnData(totals.astype(np.int64) if whole else totals), made)
    features = read_features(making.root, path_part(name))
    symbols, ids = ([str(text) for text in texts] for texts in (features.index, features["feature_id"]))
    mito = np.flatnonzero(mito_features(symbols, making.species, ids))
    if len(mito):
        of_mito = np.asarray(index.features(mito).sum(axis=1, dtype=np.float64)).ravel()
        share = np.divide(of_mito, totals, out=np.full(len(totals), np.nan), where=totals > 0)
        making.column(name, MITO_SHARE, ColumnData(share), made)


async def compute(
    making: Making,
    name: str,
    table: tuple[Key, FeatureIndex],
    *,
    written: WrittenTable,
    params: PipelineParams,
    batches: np.ndarray | None = None,
) -> None:
    """Embeddings, clusters and markers.

    Parameters
    ----------
    batches : shape (n_cells,), integer from 0, the batch of each cell, to be brought together; None = they are not
    """
    run = making.run
    table_id, index = table
    matrix = Matrix(index, CellMatrix(making.root, path_part(name)), written.kind, index.totals)
    analysed = analyse(matrix, params, run.report.part(0.5, 0.97), run.memory_bytes, batches=batches)
    for text in analysed.notes:
        making.note(text)
    for title, column, made in analysed.columns:
        making.column(name, title, column, {**made, "inputs": [table_id.hex24]})
    for title, values, made in analysed.embeddings:
        making.embedding(name, title, values, {**made, "inputs": [table_id.hex24]})
    await _write_markers(making, name, table_id, analysed)


async def _write_markers(making: Making, name: str, table_id: Key, analysed: Analysed) -> None:
    if analysed.markers is None:
        return
    markers, groups, made = analysed.markers
    id = new_key()
    place = index_path(making.bytes_id, id, "npz")
    await making.run.catalog.context.blobs.put(place, markers_file(markers))
    of = next(each for each in making.elements if (each.kind, each.table_name, each.name) == ("column", name, LOUVAIN))
    meta = {
        "column": LOUVAIN,
        "column_id": of.id.hex24,
        "groups": groups.names,
        "n_features": int(markers.z.shape[1]),
    }
    made = {**made, "inputs": [table_id.hex24]}
    making.elements.append(NewElement("markers", name, f"Markers of {LOUVAIN}", place, meta, made, id=id))


async def summarise(making: Making, name: str, table: tuple[Key, FeatureIndex], written: WrittenTable) -> None:
    """What queries over all studies need: names of features, and sums by cell type, tissue and disease."""
    blobs, root, path = making.run.catalog.context.blobs, making.root, path_part(name)
    frame = read_features(root, path)
    names = pack_names([str(symbol) for symbol in frame.index], [str(id) for id in frame["feature_id"]])
    await blobs.put(names_path(making.bytes_id, path), names)
    own = [element for element in making.elements if element.kind == "column" and element.table_name == name]
    columns = group_columns(own, find_contexts(own, {}), CELL_TYPE)
    if any(columns):
        has_counts = written.kind == "counts"
        data = make_summary(table[1], partial(read_column, root, path), columns, has_counts=has_counts)
        if data is not None:
            await blobs.put(summary_path(making.bytes_id, path, columns), data)
