"""The job that makes a dataset of files: read, join, filter, write, analyse, commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from cytosol.analyses.matrix.filtering import FilterParams, keep_cells
from cytosol.analyses.matrix.mitochondria import mito_features
from cytosol.analyses.matrix.quality import MITO_SHARE, N_GENES, N_TRANSCRIPTS
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key, new_key
from cytosol.base.tables import ColumnData, TableSource
from cytosol.catalog.annotation_edits import column_meta
from cytosol.catalog.column_terms import partner_terms, with_terms
from cytosol.catalog.commit import CommittedResult, NewElement, commit_result
from cytosol.catalog.contexts import CELL_TYPE, find_contexts, group_columns
from cytosol.catalog.layouts import dataset_path, index_path
from cytosol.catalog.pipeline import PipelineParams
from cytosol.catalog.summaries import make_summary, names_path, summary_path
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import (
    pandas_to_column,
    read_column,
    read_features,
    write_column,
    write_embedding,
)
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.layout import free_name, free_path, path_part
from cytosol.formats.spatialdata.name_file import pack_names
from cytosol.formats.spatialdata.tables import WrittenTable, write_table
from cytosol.formats.table import obs_columns, split_feature_types
from cytosol.jobs.batches import measure, open_batches
from cytosol.jobs.pipeline import LOUVAIN, Analysed, Matrix, analyse, markers_file
from cytosol.jobs.provenance import made_by
from cytosol.jobs.registry import JobRun

_WRITE_BYTES = 256 << 20


@dataclass(slots=True)
class _Making:
    """A dataset that is being made.

    Attributes
    ----------
    root : its Zarr store
    elements : written so far, in the order in which they shall be listed
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

    def column(
        self,
        table: str,
        name: str,
        column: ColumnData,
        made: Mapping[str, Any],
        *,
        terms: Mapping[str, str] | None = None,
    ) -> None:
        """Write an annotation; ``terms`` are the standard terms of its categories."""
        title, path = self.place(table, "column", name)
        write_column(self.root, path_part(table), path, column)
        meta = with_terms(column_meta(column), terms or {})
        self.elements.append(NewElement("column", table, title, path, meta, made))

    def embedding(self, table: str, name: str, values: np.ndarray, made: Mapping[str, Any]) -> None:
        """Write an embedding."""
        title, path = self.place(table, "embedding", name)
        write_embedding(self.root, path_part(table), path, values)
        self.elements.append(NewElement("embedding", table, title, path, {"n_dims": int(values.shape[1])}, made))


async def ingest(run: JobRun) -> None:
    """Make the dataset of the job."""
    making = await _begin(run)
    source, making.inputs = await open_batches(run, making.note)
    try:
        parts = split_feature_types(source)
        main = next(iter(parts))
        keep = _filter(making, source, parts[main])
        for name, part in parts.items():
            table, written = await _write(making, name, part, keep)
            if name == main:
                _own_columns(making, name, table, written)
                await _analyse(making, name, (table, written), part=part, keep=keep)
                _source_columns(making, name, part, keep)
                await _summarise(making, name, table, written)
    finally:
        source.close()
    facts = {"n_cells": int(keep.sum()), "tables": list(parts)}
    closing = ("Study was successfully submitted", "DONE !!!")
    technology = run.job.params.get("technology") or "single-cell"
    run.channel.flush()
    await commit_result(
        run.catalog.context,
        run.job.id,
        run.job.epoch,
        CommittedResult(tuple(making.elements), tuple(making.notes), technology, facts, closing=closing),
    )


async def _begin(run: JobRun) -> _Making:
    context = run.catalog.context
    async with context.db.read() as conn:
        dataset = await rows.need(conn, tables.datasets, run.job.dataset_id or Key(bytes(12)))
        study = await rows.need(conn, tables.studies, dataset["study_id"])
    root = context.blobs.zarr(dataset_path(dataset["bytes_id"]), read_only=False)
    return _Making(run, dataset["bytes_id"], root, study["species"], [])


def _filter(making: _Making, source: TableSource, main: TableSource) -> np.ndarray:
    """Which cells are kept: shape (n_cells,), bool."""
    run = making.run
    run.report.log(f"Preprocessing expression matrix: {source.n_cells} cells x {source.n_features} genes")
    params = FilterParams.from_json(run.job.params["filters"])
    keep = np.ones(source.n_cells, dtype=bool)
    if params != FilterParams():
        stats, n_mito = measure(main, making.species, run.report.part(0.05, 0.2))
        if params.max_mito_share < 1 and not n_mito:
            making.note(
                f"The bound on the mitochondrial share held back no cell: no gene is known as mitochondrial "
                f"in '{making.species}'"
            )
        keep = keep_cells(stats.totals, stats.n_genes, stats.mito_share, params)
    if not keep.any():
        raise InvalidInputError(
            f"No cell is left: {source.n_cells:,} were read, and none passed the filter"
            if source.n_cells
            else "The files hold no cell",
            do="Loosen the filter" if source.n_cells else "Check that these are the right files",
        )
    run.report.log(f"Filtered: {int(keep.sum())} cells remain")
    run.report.log("Start processing study")
    return keep


async def _write(
    making: _Making, name: str, part: TableSource, keep: np.ndarray
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
    said = {name: run.job.params[name] for name in ("format", "matrix", "filters", "options")}
    made = made_by("ingest", said, making.inputs)
    making.elements.append(NewElement("table", name, name, path_part(name), meta, made, id=table_id))
    made = made_by("feature-index", {}, [table_id])
    making.elements.append(NewElement("index", name, "feature-major", place, {}, made, id=index_id))
    index = FeatureIndex.open(lambda offset, length: blobs.read(place, offset, length))
    return (table_id, index), written


def _own_columns(making: _Making, name: str, table: tuple[Key, FeatureIndex], written: WrittenTable) -> None:
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


async def _analyse(
    making: _Making,
    name: str,
    made_table: tuple[tuple[Key, FeatureIndex], WrittenTable],
    *,
    part: TableSource,
    keep: np.ndarray,
) -> None:
    run = making.run
    if run.job.params["embeddings"] == "keep":
        if not part.obsm:
            making.note("The file holds no embedding, and none was to be computed")
        return
    (table_id, index), written = made_table
    matrix = Matrix(index, CellMatrix(making.root, path_part(name)), written.kind, index.totals)
    params = PipelineParams.from_json(run.job.params["parameters"])
    batches = _batches(part, keep, params.batch) if params.batch else None
    analysed = analyse(matrix, params, run.report.part(0.5, 0.97), run.memory_bytes, batches=batches)
    for text in analysed.notes:
        making.note(text)
    for title, column, made in analysed.columns:
        making.column(name, title, column, {**made, "inputs": [table_id.hex24]})
    for title, values, made in analysed.embeddings:
        making.embedding(name, title, values, {**made, "inputs": [table_id.hex24]})
    await _write_markers(making, name, table_id, analysed)


def _batches(part: TableSource, keep: np.ndarray, name: str) -> np.ndarray:
    """Batch of each kept cell: shape (n_cells,), integer from 0; cells without one are a batch of their own."""
    if name not in part.obs.columns:
        known = ", ".join(f"'{column}'" for column in list(part.obs.columns)[:20])
        raise InvalidInputError(
            f"The files have no annotation '{name[:255]}'", where="batch", do=f"Choose of {known}, or leave 'batch' out"
        )
    codes, _ = pd.factorize(part.obs[name].astype("object")[keep], use_na_sentinel=False)
    return np.asarray(codes, np.int64)


async def _write_markers(making: _Making, name: str, table_id: Key, analysed: Analysed) -> None:
    if analysed.markers is None:
        return
    markers, groups, made = analysed.markers
    id = new_key()
    place = index_path(making.bytes_id, id, "npz")
    await making.run.catalog.context.blobs.put(place, markers_file(markers))
    meta = {"column": LOUVAIN, "groups": groups.names, "n_features": int(markers.z.shape[1])}
    made = {**made, "inputs": [table_id.hex24]}
    making.elements.append(NewElement("markers", name, f"Markers of {LOUVAIN}", place, meta, made, id=id))


def _source_columns(making: _Making, name: str, part: TableSource, keep: np.ndarray) -> None:
    """Annotations and embeddings of the files, for the cells that are kept; a name of ours comes first."""
    made = made_by("ingest", {"from": "obs"}, making.inputs)
    kept: dict[str, ColumnData] = {}
    for title, column in obs_columns(part.obs).items():
        values = column.values[keep]
        if column.categories is None and values.dtype == object:
            kept[title] = pandas_to_column(pd.Series(values))
        else:
            kept[title] = ColumnData(values, column.categories, column.ordered, column.colors, column.extra)
    terms = partner_terms(kept)
    for title, column in kept.items():
        making.column(name, title, column, made, terms=terms.get(title))
    made = made_by("ingest", {"from": "obsm"}, making.inputs)
    for title, embedding in part.obsm.items():
        if embedding.ndim == 2 and embedding.shape[1]:
            making.embedding(name, title, np.asarray(embedding)[keep], made)
    making.run.report.progress(0.98, "Committing")


async def _summarise(making: _Making, name: str, table: tuple[Key, FeatureIndex], written: WrittenTable) -> None:
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
