"""Writing a table: one streaming pass over its source fills the matrix of the store and the feature-major index."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from zarr.abc.store import Store
from zarr.core.sync import sync

from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.base.protocols import Report
from cytosol.base.tables import MatrixBlock, MatrixKind, TableSource
from cytosol.formats.spatialdata.cell_sums import CellSums, row_sums
from cytosol.formats.spatialdata.columns import write_axes
from cytosol.formats.spatialdata.index_writer import FeatureIndexWriter
from cytosol.formats.spatialdata.transpose import TransposeWriter
from cytosol.formats.spatialdata.zarr_io import (
    METADATA,
    SPARSE_CHUNK,
    GrowingVector,
    get_many,
    put_group,
    write_array,
)
from cytosol.formats.table import normalization_of

_ARRAY = {"encoding-type": "array", "encoding-version": "0.2.0"}
_MOST_BLOCK_BYTES = 16 << 20
_LEAST_BLOCK_BYTES = 1 << 20
_EXACT_FLOAT32 = 1 << 32


@dataclass(frozen=True, slots=True)
class CellStats:
    """What a look at every cell gives before any is left out.

    Attributes
    ----------
    totals : shape (n_cells,), float64, sum of the values of each cell, unit of the matrix
    n_genes : shape (n_cells,), int64, features of each cell that are not zero
    mito_share : shape (n_cells,), float64, 0 to 1, part of ``totals`` in the marked features; 0 for an empty cell
    """

    totals: np.ndarray
    n_genes: np.ndarray
    mito_share: np.ndarray


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """What a written table turned out to be.

    Attributes
    ----------
    n_cells, n_features, nnz : size
    dtype : type of the stored values: "uint8", "uint16", "uint32" or "float32"
    totals : shape (n_cells,), float64, sum of the values of each kept cell, unit of the matrix
    n_genes : shape (n_cells,), int64, features of each kept cell that are not zero
    kind : raw counts, or values that were normalised before
    normalization : how they are normalised when they are read: "log", "clr", "" for not at all
    """

    n_cells: int
    n_features: int
    nnz: int
    dtype: str
    totals: np.ndarray
    n_genes: np.ndarray
    kind: MatrixKind
    normalization: str


def scan_cells(source: TableSource, *, mito: np.ndarray | None, report: Report) -> CellStats:
    """Look at every cell of a source once, in blocks.

    Parameters
    ----------
    source : the table as its file gives it
    mito : shape (n_features,), bool, the mitochondrial features; None = none
    report : told how far it is
    """
    n_cells, n_features = source.n_cells, source.n_features
    marked = np.zeros(n_features) if mito is None else np.asarray(mito, dtype=np.float64)
    totals, of_mito, n_genes = np.zeros(n_cells), np.zeros(n_cells), np.zeros(n_cells, dtype=np.int64)
    for block in _blocks(source, _MOST_BLOCK_BYTES, report, "Looking at every cell"):
        matrix = _tidy(block.values, source.kind)
        span = slice(block.start, block.start + matrix.shape[0 if block.axis == "cells" else 1])
        if block.axis == "cells":
            totals[span] = row_sums(matrix)
            n_genes[span] = np.diff(matrix.indptr)
            if marked.any():
                of_mito[span] = matrix @ marked
        else:
            totals += np.bincount(matrix.indices, weights=matrix.data, minlength=n_cells)
            n_genes += np.bincount(matrix.indices, minlength=n_cells)
            if marked[span].any():
                of_mito += matrix @ marked[span]
    share = np.divide(of_mito, totals, out=np.zeros(n_cells), where=totals > 0)
    return CellStats(totals, n_genes, share)


def write_table(  # noqa: PLR0913 one call writes the table and its index in one pass
    root: Store,
    name: str,
    source: TableSource,
    *,
    keep: np.ndarray | None,
    index_path: Path,
    scratch: Path,
    memory_bytes: int,
    report: Report,
) -> WrittenTable:
    """Write matrix, barcodes and features of a table, and its feature-major index, in one pass over the source.

    Nothing shows to readers before the metadata list the table. What a dead attempt left under the path is removed.

    Parameters
    ----------
    root : the dataset's store
    name : path part of the table
    source : the table as its file gives it
    keep : shape (n_cells,), bool, the cells that go in; None = all
    index_path : local file that the index is written to
    scratch : local folder for one temporary file of about the size of the matrix
    memory_bytes : memory that the arrays of this function may take
    report : told how far it is

    Raises
    ------
    ConflictError
        Where a table that is listed has this path.
    InvalidInputError
        Where ``keep`` does not fit the source.
    """
    kept = np.ones(source.n_cells, dtype=bool) if keep is None else np.asarray(keep)
    if kept.dtype != bool or kept.shape != (source.n_cells,):
        raise InvalidInputError("The cells to keep are not one truth value a cell", do="Give a mask of the source")
    clear_leftovers(root, f"tables/{name}")
    n_cells, n_features = int(kept.sum()), source.n_features
    matrix = _MatrixWriter(root, f"tables/{name}/X", n_features)
    block_bytes = min(_MOST_BLOCK_BYTES, max(_LEAST_BLOCK_BYTES, memory_bytes // 24))
    group_bytes = max(_LEAST_BLOCK_BYTES, memory_bytes // 6)
    blocks = _blocks(source, block_bytes, report, "Writing the matrix")
    normalization = normalization_of(source.var, source.kind)
    sums = CellSums(n_cells, source.kind, clr=normalization == "clr")
    with closing(blocks), FeatureIndexWriter(index_path, n_cells, n_features) as index:
        first = next(blocks, None)
        if first is not None and first.axis == "features":
            turn = TransposeWriter(scratch, n_cells, memory_bytes=group_bytes)
            with turn:
                _from_features(_chain(first, blocks), kept, sums, index=index, turn=turn)
                for _, group in turn.groups(turn.dtype):
                    matrix.add(group.T)
        else:
            turn = TransposeWriter(scratch, n_features, memory_bytes=group_bytes)
            with turn:
                _from_cells(_chain(first, blocks), kept, sums, matrix=matrix, turn=turn)
                for _, group in turn.groups(turn.dtype):
                    index.add(group)
        index.close(sums.scale(n_features))
    n_genes = matrix.close(source.kind, n_cells)
    write_axes(root, name, source.obs.index.to_numpy()[kept], source.var)
    report.progress(1.0, "Writing the matrix")
    return WrittenTable(
        n_cells,
        n_features,
        int(n_genes.sum()),
        matrix.dtype.name,
        sums.totals,
        n_genes,
        source.kind,
        normalization,
    )


class _MatrixWriter:
    """X, cell-major: values, feature numbers and row pointers grow with the blocks."""

    def __init__(self, root: Store, place: str, n_features: int) -> None:
        self._root, self._place, self._n_features = root, place, n_features
        self._data = GrowingVector(root, f"{place}/data", np.dtype("u1"), chunk=SPARSE_CHUNK, packed=True)
        self._indices = GrowingVector(root, f"{place}/indices", np.dtype("<i4"), chunk=SPARSE_CHUNK)
        self._n_genes: list[np.ndarray] = []

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._data.dtype

    def add(self, block: sp.csr_matrix) -> None:
        self._data.append(block.data)
        self._indices.append(block.indices)
        self._n_genes.append(np.diff(block.indptr).astype(np.int64))

    def close(self, kind: MatrixKind, n_cells: int) -> np.ndarray:
        """Write what is left; returns the values a cell has, shape (n_cells,), int64."""
        n_genes = np.concatenate([np.zeros(0, np.int64), *self._n_genes])
        if len(n_genes) != n_cells:
            raise ValueError(f"the source gave {len(n_genes)} cells in blocks where {n_cells} were expected")
        indptr = np.zeros(n_cells + 1, dtype=np.int64)
        np.cumsum(n_genes, out=indptr[1:])
        self._data.close(_ARRAY)
        self._indices.close(_ARRAY)
        write_array(self._root, f"{self._place}/indptr", indptr, _ARRAY)
        encoding = {"encoding-type": "csr_matrix", "encoding-version": "0.1.0"}
        shape = [n_cells, self._n_features]
        put_group(self._root, self._place, {**encoding, "shape": shape, "cytosol": {"kind": kind}})
        return n_genes


def _from_cells(
    blocks: Iterator[MatrixBlock], kept: np.ndarray, sums: CellSums, *, matrix: _MatrixWriter, turn: TransposeWriter
) -> None:
    """Take cell-major blocks, and sum up the kept cells."""
    at = 0
    for block in blocks:
        values = _tidy(block.values, sums.kind)
        mask = kept[block.start : block.start + values.shape[0]]
        if not mask.all():
            values = values[np.flatnonzero(mask)]
        matrix.add(values)
        turn.add(values)
        sums.add_cells(at, values)
        at += values.shape[0]


def _from_features(
    blocks: Iterator[MatrixBlock],
    kept: np.ndarray,
    sums: CellSums,
    *,
    index: FeatureIndexWriter,
    turn: TransposeWriter,
) -> None:
    """Take feature-major blocks, and sum up the kept cells."""
    n_cells = int(kept.sum())
    number = np.cumsum(kept, dtype=np.int32) - 1
    for block in blocks:
        values = _tidy(block.values, sums.kind)
        if n_cells < len(kept):
            values = _keep_cells(values, kept, number, n_cells)
        index.add(values)
        turn.add(values.T)
        sums.add_features(values)


def _keep_cells(values: sp.csc_matrix, kept: np.ndarray, number: np.ndarray, n_cells: int) -> sp.csc_matrix:
    mask = kept[values.indices]
    before = np.zeros(len(mask) + 1, dtype=values.indptr.dtype)
    np.cumsum(mask, out=before[1:])
    cells = number[values.indices[mask]]
    return sp.csc_matrix((values.data[mask], cells, before[values.indptr]), shape=(n_cells, values.shape[1]))


def _blocks(source: TableSource, block_bytes: int, report: Report, step: str) -> Generator[MatrixBlock, None, None]:
    """The blocks of a source, checked for order, with the progress told."""
    place = 0
    for block in source.blocks(block_bytes=block_bytes):
        axis = 0 if block.axis == "cells" else 1
        other = (source.n_features, source.n_cells)[axis]
        if block.start != place or block.values.shape[1 - axis] != other:
            raise ValueError(f"a block of shape {block.values.shape} came at {block.start}, expected at {place}")
        yield block
        place += block.values.shape[axis]
        report.progress(0.9 * place / max(1, (source.n_cells, source.n_features)[axis]), step)


def _chain(first: MatrixBlock | None, rest: Iterator[MatrixBlock]) -> Iterator[MatrixBlock]:
    if first is not None:
        yield first
        yield from rest


def _tidy(values: Any, kind: MatrixKind) -> Any:
    """Sort, add up duplicates, drop zeros, and take the narrowest type that keeps every value."""
    if not values.has_canonical_format:
        values = values.copy()
        values.sum_duplicates()
    if np.count_nonzero(values.data) != len(values.data):
        values = values.copy()
        values.eliminate_zeros()
    data = _narrow(values.data, kind)
    if data is values.data:
        return values
    tidy = type(values)((data, values.indices, values.indptr), shape=values.shape)
    tidy.has_canonical_format = True
    return tidy


def _narrow(data: np.ndarray, kind: MatrixKind) -> np.ndarray:
    if kind == "normalized":
        return data.astype(np.float32, copy=False)
    if not len(data):
        return data.astype(np.uint8, copy=False)
    if data.dtype.kind == "b":
        return data.astype(np.uint8)
    largest = data.max()
    whole = data.dtype.kind == "u" or (data.min() >= 0 and largest < _EXACT_FLOAT32 and _is_whole(data))
    if not whole or largest >= _EXACT_FLOAT32:
        return data.astype(np.float32, copy=False)
    for dtype in (np.uint8, np.uint16, np.uint32):
        if largest <= np.iinfo(dtype).max:
            return data.astype(dtype, copy=False)
    return data.astype(np.float32, copy=False)


def _is_whole(data: np.ndarray) -> bool:
    return data.dtype.kind in "iu" or bool((np.trunc(data) == data).all())


def clear_leftovers(root: Store, place: str) -> None:
    """Remove what a dead attempt left where a table shall lie; refuse where one lies that is listed."""
    if get_many(root, [f"{place}/{METADATA}"])[0] is not None:
        raise ConflictError("A table lies under this path already", where=place, do="Write it under a fresh name")
    sync(root.delete_dir(place))
