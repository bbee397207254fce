"""Reader of 10x Genomics' HDF5 matrices: Cell Ranger 3 and later (/matrix) and before (one group a genome)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import cell_index, feature_table
from cytosol.formats.files import only_file, open_hdf5, readable
from cytosol.formats.h5matrix import SparseMatrix, cut_pointers, read_whole
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker

_DO = "Give the .h5 file that Cell Ranger wrote (filtered_feature_bc_matrix.h5)"
_MATRIX_PARTS = ("barcodes", "data", "indices", "indptr", "shape")


@dataclass(frozen=True, slots=True)
class _Part:
    """One genome's matrix in the old layout."""

    matrix: SparseMatrix
    barcodes: list[str]
    symbols: list[str]
    ids: list[str]
    types: list[str]
    genomes: list[str]


def open_tenx_h5(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a 10x .h5 file; several genomes of the old layout become one table.

    Raises
    ------
    UnreadableFileError
        The file is damaged, lacks a part, or its parts contradict each other.
    """
    source = only_file(files, "A 10x .h5")
    file = open_hdf5(source)
    try:
        with readable(source.name, "10x .h5 file"):
            return _open(file, source.name, matrix)
    except BaseException:
        file.close()
        raise


def is_tenx_group(group: object) -> bool:
    """Whether an HDF5 group is laid out like a 10x matrix."""
    return isinstance(group, h5py.Group) and all(name in group for name in _MATRIX_PARTS)


def _open(file: h5py.File, name: str, kind: MatrixKind) -> MatrixTable:
    if isinstance(file.get("matrix"), h5py.Group):
        parts = [_read_v3(file["matrix"], name)]
    else:
        parts = [_read_v2(file[key], key, name) for key in file if is_tenx_group(file[key])]
    if not parts:
        raise UnreadableFileError("The HDF5 file holds no 10x matrix", where=name, do=_DO)
    barcodes = (
        list(dict.fromkeys(code for part in parts for code in part.barcodes)) if len(parts) > 1 else parts[0].barcodes
    )
    cells, notes = cell_index(barcodes, where=f"{name}, barcodes")
    var, more = feature_table(
        [text for part in parts for text in part.symbols],
        ids=[text for part in parts for text in part.ids],
        types=[text for part in parts for text in part.types],
        genomes=[text for part in parts for text in part.genomes],
        where=f"{name}, features",
    )
    notes += more
    if len(parts) > 1:
        notes.append(f"{len(parts)} genomes were put side by side: {', '.join(part.genomes[0] for part in parts)}.")
    checker = Checker(kind=kind, place=name, cells=cells, features=var.index)

    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        if len(parts) == 1:
            return parts[0].matrix.blocks(checker, block_bytes)
        return _merged_blocks(parts, barcodes, checker, block_bytes)

    return MatrixTable(
        obs=pd.DataFrame(index=cells),
        var=var,
        kind=kind,
        make_blocks=blocks,
        notes=notes,
        memory_bytes=3 * DEFAULT_BLOCK_BYTES + 32 * len(cells),
        on_close=file.close,
    )


def _read_v3(group: h5py.Group, name: str) -> _Part:
    place = f"{name}, matrix"
    features = group.get("features")
    if not is_tenx_group(group) or not isinstance(features, h5py.Group):
        missing = [part for part in (*_MATRIX_PARTS, "features") if part not in group]
        raise UnreadableFileError(f"The group 'matrix' lacks {', '.join(missing) or 'features'}", where=name, do=_DO)
    count = len(_texts(features, ("name", "id"), place))
    return _part(
        group,
        symbols=_texts(features, ("name", "id"), place),
        ids=_texts(features, ("id",), place),
        types=_texts(features, ("feature_type",), place, count),
        genomes=_texts(features, ("genome",), place, count),
        place=place,
    )


def _read_v2(group: h5py.Group, genome: str, name: str) -> _Part:
    place = f"{name}, {genome}"
    symbols = _texts(group, ("gene_names", "genes"), place)
    return _part(
        group,
        symbols=symbols,
        ids=_texts(group, ("genes",), place, len(symbols)),
        types=[""] * len(symbols),
        genomes=[genome] * len(symbols),
        place=place,
    )


def _part(
    group: h5py.Group, *, symbols: list[str], ids: list[str], types: list[str], genomes: list[str], place: str
) -> _Part:
    barcodes = _texts(group, ("barcodes",), place)
    shape = [int(number) for number in read_whole(group["shape"], place).ravel()]
    counts = {len(symbols), len(ids), len(types), len(genomes)}
    if len(shape) != 2 or counts != {shape[0]} or len(barcodes) != shape[1]:
        raise UnreadableFileError(
            f"The matrix is {' x '.join(map(str, shape))} (features x barcodes), but there are {len(symbols)} features "
            f"and {len(barcodes)} barcodes",
            where=place,
            do="Write the file again; its parts contradict each other",
        )
    matrix = SparseMatrix(group, len(barcodes), len(symbols), "cells", place)
    return _Part(matrix, barcodes, symbols, ids, types, genomes)


def _texts(group: h5py.Group, names: tuple[str, ...], place: str, count: int | None = None) -> list[str]:
    """The first of some text datasets; with a count, that many empty texts where there is none."""
    for name in names:
        item = group.get(name)
        if isinstance(item, h5py.Dataset) and item.ndim == 1:
            values = read_whole(item, place).tolist()
            return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]
    if count is not None:
        return [""] * count
    raise UnreadableFileError(f"'{names[0]}' is missing", where=place, do=_DO)


def _merged_blocks(
    parts: list[_Part], barcodes: list[str], checker: Checker, block_bytes: int
) -> Iterator[MatrixBlock]:
    """Cells of all genomes in one order; a cell that a genome does not list has zeros there."""
    with readable(checker.place):
        pointers = [part.matrix.pointers() for part in parts]
        position = {code: row for row, code in enumerate(barcodes)}
        owners = []
        entries = np.zeros(len(barcodes) + 1, dtype=np.int64)
        for part, pointer in zip(parts, pointers, strict=True):
            rows = np.full(len(barcodes), -1, dtype=np.int64)
            place = np.array([position[code] for code in part.barcodes], dtype=np.int64)
            rows[place] = np.arange(len(place))
            entries[1:] += np.bincount(place, weights=np.diff(pointer), minlength=len(barcodes)).astype(np.int64)
            owners.append(rows)
        total = np.cumsum(entries)
        for start, stop in cut_pointers(total, max(1, block_bytes // 16), block_bytes // 16):
            pieces = [
                _gather(part.matrix, pointer, rows[start:stop])
                for part, pointer, rows in zip(parts, pointers, owners, strict=True)
            ]
            yield checker.rows(start, sp.csr_matrix(sp.hstack(pieces, format="csr")))


def _gather(matrix: SparseMatrix, pointers: np.ndarray, rows: np.ndarray) -> sp.csr_matrix:
    """Rows of a matrix by number, -1 for an empty one; neighbours are read together."""
    cuts = np.flatnonzero((np.diff(rows) != 1) | (rows[1:] < 0) | (rows[:-1] < 0)) + 1
    pieces = []
    for run in np.split(rows, cuts):
        if run[0] < 0:
            pieces.append(sp.csr_matrix((len(run), matrix.n_minor), dtype=matrix.group["data"].dtype))
        else:
            pieces.append(matrix.rows(int(run[0]), int(run[-1]) + 1, pointers))
    return sp.csr_matrix(sp.vstack(pieces, format="csr"))
