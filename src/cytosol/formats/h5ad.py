"""Reader of AnnData's HDF5 files (.h5ad), of every layout since anndata 0.5, in blocks and without anndata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pandas as pd

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import cell_index, feature_table, looks_like_ensembl
from cytosol.formats.files import only_file, open_hdf5, readable
from cytosol.formats.h5frame import Frame, encoding, index_name, read_colors, read_frame
from cytosol.formats.h5guard import read_attribute
from cytosol.formats.h5matrix import DenseMatrix, DiskMatrix, SparseMatrix, read_whole
from cytosol.formats.remainder import AnnDataRemainder
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker, find_fault, number_like

COUNT_LAYERS = ("counts", "raw_counts", "raw")
_ID_COLUMNS = ("gene_ids", "feature_id", "feature_ids", "gene_id", "ensembl_id", "ensembl_ids", "ensembl", "ENSEMBL")
_SYMBOL_COLUMNS = ("feature_name", "gene_symbols", "gene_symbol", "gene_name", "gene_names", "symbol", "hgnc_symbol")
_TYPE_COLUMNS = ("feature_types", "feature_type")
_DO_COUNTS = (
    "Give the file as normalized values, or add the raw counts to it (adata.raw or adata.layers['counts']) "
    "and try again"
)


@dataclass(frozen=True, slots=True)
class _Book:
    """The open file or group, its name, and the group ``uns`` where it has one."""

    file: h5py.Group
    name: str
    uns: h5py.Group | None


@dataclass(frozen=True, slots=True)
class _Slot:
    """A matrix of the file, with the frame that names its features."""

    name: str
    matrix: DiskMatrix
    var: Frame


def open_h5ad(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open an .h5ad file.

    Parameters
    ----------
    files : {"matrix": the file}
    matrix : "counts" takes raw/X, else a layer named counts, raw_counts or raw, else X, whichever holds whole numbers
        from 0; "normalized" takes X as it is
    options : "slot" names the matrix to take instead: X, raw/X or layers/NAME

    Raises
    ------
    UnreadableFileError, InvalidInputError
        The file is damaged or no AnnData; or has no matrix of the kind.
    """
    source = only_file(files, "An .h5ad")
    file = open_hdf5(source)
    try:
        with readable(source.name, ".h5ad file"):
            table = read_anndata(file, source.name, matrix, slot=options.get("slot", ""))
    except BaseException:
        file.close()
        raise
    table.on_close = file.close
    return table


def read_anndata(file: h5py.Group, name: str, kind: MatrixKind, *, slot: str = "") -> MatrixTable:
    """Read the AnnData that a file or a group of one holds; the file has to stay open.

    Parameters
    ----------
    file : the group with obs, var and X
    name : of the file and, for a group, the place in it, for errors and notes
    slot : name of the matrix to take; "" finds one of the kind
    """
    for part in ("obs", "var"):
        if part not in file:
            raise UnreadableFileError(
                f"The HDF5 file holds no '{part}', so it is not an AnnData file",
                where=name,
                do="Give a file that adata.write_h5ad() wrote",
            )
    uns = file.get("uns")
    uns = uns if isinstance(uns, h5py.Group) else None
    obs = read_frame(file["obs"], uns=uns, place=f"{name}, obs")
    notes = list(obs.notes)
    book = _Book(file, name, uns)
    chosen = _named_slot(book, slot) if slot else _choose(book, kind, notes)
    if chosen.matrix.shape != (len(obs.index), len(chosen.var.index)):
        n_cells, n_features = chosen.matrix.shape
        raise UnreadableFileError(
            f"{chosen.name} has {n_cells} cells and {n_features} features, but there are {len(obs.index)} names "
            f"of cells and {len(chosen.var.index)} names of features",
            where=name,
            do="Write the file again; its parts contradict each other",
        )
    cells, more = cell_index(obs.index, where=f"{name}, obs")
    notes += more
    var, more = _features(chosen.var, f"{name}, names of the features of {chosen.name}")
    notes += more
    frame = pd.DataFrame(obs.columns, index=cells)
    frame.attrs["colors"] = read_colors(uns, obs.columns)
    checker = Checker(kind=kind, place=f"{name}, {chosen.name}", cells=cells, features=var.index)

    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        return chosen.matrix.blocks(checker, block_bytes)

    obsm = _embeddings(file, len(obs.index), name, notes)
    remainder = AnnDataRemainder(
        file,
        name,
        chosen.name.replace("raw.X", "raw/X"),
        shown=tuple(key for key, values in obsm.items() if values.shape[1]),
        annotations=tuple(obs.columns),
        index=index_name(file["obs"]),
    )
    return MatrixTable(
        obs=frame,
        var=var,
        kind=kind,
        make_blocks=blocks,
        obsm=obsm,
        remainder=remainder,
        notes=notes,
        memory_bytes=3 * DEFAULT_BLOCK_BYTES + (16 * (len(cells) + len(var)) + (64 << 20)),
    )


def _choose(book: _Book, kind: MatrixKind, notes: list[str]) -> _Slot:
    """The slot whose matrix is of the kind."""
    if kind == "normalized":
        slot = _main_slot(book)
        if slot is None:
            raise InvalidInputError(
                "The file has no X, so there are no normalised values",
                where=book.name,
                do="Fill adata.X, or give the file as raw",
            )
        values = slot.matrix.probe()
        if values.size and find_fault(values, "counts") is None and values.max() > 1:
            notes.append(
                "The values of X are whole numbers and look like raw counts, though they were given as normalized."
            )
        if values.size and values.min() < 0:
            notes.append(
                "X holds negative values, so it is scaled; a slot such as raw/X can be taken with the option slot=."
            )
        return slot
    faults: list[str] = []
    for label, item, var in _count_items(book):
        slot = _slot(book, item, var, label)
        fault = find_fault(slot.matrix.probe(), "counts")
        if fault is None:
            if slot.name != "X":
                notes.append(f"Raw counts were taken from {slot.name} ({slot.matrix.shape[1]} features).")
            return slot
        faults.append(f"in {slot.name} a value {fault[1]}")
    if not faults:
        raise InvalidInputError(
            "The file has no matrix: X is missing", where=book.name, do="Fill adata.X and write it again"
        )
    raise InvalidInputError("The file holds no raw counts: " + "; ".join(faults), where=book.name, do=_DO_COUNTS)


def _named_slot(book: _Book, wanted: str) -> _Slot:
    """The slot that the caller named."""
    items = {label.replace("raw.X", "raw/X"): (label, item, var) for label, item, var in _items(book)}
    if wanted not in items:
        raise InvalidInputError(
            f"The file has no matrix '{wanted}'",
            where=book.name,
            do=f"Name one of: {', '.join(items) or 'none is there'}",
        )
    label, item, var = items[wanted]
    return _slot(book, item, var, label)


def _items(book: _Book) -> Iterator[tuple[str, Any, Any]]:
    """Every matrix of the file: its name, it, and the frame that names its features."""
    yield from _count_items(book)
    layers = book.file.get("layers")
    for layer in layers if isinstance(layers, h5py.Group) else ():
        if layer not in COUNT_LAYERS:
            yield f"layers/{layer}", layers[layer], book.file["var"]


def _count_items(book: _Book) -> Iterator[tuple[str, Any, Any]]:
    """Those that may hold counts, the likeliest first."""
    raw = book.file.get("raw")
    if isinstance(raw, h5py.Group) and "X" in raw and "var" in raw:
        yield "raw/X", raw["X"], raw["var"]
    elif "raw.X" in book.file and "raw.var" in book.file:
        yield "raw.X", book.file["raw.X"], book.file["raw.var"]
    layers = book.file.get("layers")
    if isinstance(layers, h5py.Group):
        for layer in COUNT_LAYERS:
            if layer in layers:
                yield f"layers/{layer}", layers[layer], book.file["var"]
    if _has_main(book):
        yield "X", book.file["X"], book.file["var"]


def _has_main(book: _Book) -> bool:
    item = book.file.get("X")
    return item is not None and encoding(item) != "null"


def _main_slot(book: _Book) -> _Slot | None:
    return _slot(book, book.file["X"], book.file["var"], "X") if _has_main(book) else None


def _slot(book: _Book, item: Any, var: Any, label: str) -> _Slot:
    place = f"{book.name}, {label}"
    return _Slot(
        name=label, matrix=_matrix(item, place), var=read_frame(var, uns=book.uns, place=f"{book.name}, var of {label}")
    )


def _matrix(item: Any, place: str) -> DiskMatrix:
    if isinstance(item, h5py.Dataset):
        if item.ndim != 2:
            raise UnreadableFileError(
                f"The matrix has {item.ndim} dimensions, not 2", where=place, do="Write adata with a two-dimensional X"
            )
        if not number_like(item.dtype):
            raise UnreadableFileError(f"The matrix holds {item.dtype} values, not numbers", where=place)
        return DenseMatrix(item, place)
    layout = encoding(item) or _sparse_layout(item)
    shape = read_attribute(item, "shape", read_attribute(item, "h5sparse_shape"))
    if layout not in ("csr_matrix", "csc_matrix") or shape is None or len(shape) != 2:
        raise UnreadableFileError(
            f"The matrix is stored as '{layout or 'group'}', which is neither dense nor CSR nor CSC",
            where=place,
            do="Write X as a numpy array or scipy.sparse matrix",
        )
    if "data" not in item or not number_like(item["data"].dtype):
        raise UnreadableFileError("The matrix has no numbers", where=place, do="Write the file again")
    n_cells, n_features = int(shape[0]), int(shape[1])
    if layout == "csr_matrix":
        return SparseMatrix(item, n_cells, n_features, "cells", place)
    return SparseMatrix(item, n_features, n_cells, "features", place)


def _sparse_layout(item: h5py.Group) -> str:
    value = read_attribute(item, "h5sparse_format", "")
    text = value.decode() if isinstance(value, bytes) else str(value)
    return f"{text}_matrix" if text in ("csr", "csc") else ""


def _features(frame: Frame, place: str) -> tuple[pd.DataFrame, list[str]]:
    ids = _text_column(frame, _ID_COLUMNS)
    symbols = frame.index
    notes: list[str] = []
    named = _text_column(frame, _SYMBOL_COLUMNS)
    if named is not None and ids is None and _mostly_ids(frame.index):
        symbols, ids = named, frame.index
        notes.append("Features are named by their symbols; the ids that the file uses as names went to feature_id.")
    elif ids is not None and not any(ids):
        ids = None
    var, more = feature_table(
        symbols,
        ids=ids,
        types=_text_column(frame, _TYPE_COLUMNS),
        genomes=_text_column(frame, ("genome",)),
        where=place,
    )
    for name, values in frame.columns.items():
        if name not in var.columns:
            var[name] = values
    return var, notes + more


def _mostly_ids(names: list[str]) -> bool:
    return sum(map(looks_like_ensembl, names)) * 2 > len(names)


def _text_column(frame: Frame, names: tuple[str, ...]) -> list[str] | None:
    """The first of some columns that holds text."""
    for name in names:
        values = frame.columns.get(name)
        if isinstance(values, pd.Categorical) or (values is not None and values.dtype == object):
            return ["" if value is None or value != value else str(value) for value in values]
    return None


def _embeddings(file: h5py.Group, n_cells: int, name: str, notes: list[str]) -> dict[str, np.ndarray]:
    """Numeric two-dimensional entries of ``obsm``; others are noted."""
    item = file.get("obsm")
    if item is None:
        return {}
    place = f"{name}, obsm"
    found: dict[str, np.ndarray] = {}
    if isinstance(item, h5py.Dataset):
        table = read_whole(item, place)
        entries: dict[str, Any] = {key: table[key] for key in table.dtype.names or ()}
    else:
        entries = dict(item.items())
    for key, entry in entries.items():
        array, reason = _embedding(entry, f"{place}/{key}")
        if array is not None and array.shape[0] != n_cells:
            reason = f"it has {array.shape[0]} rows for {n_cells} cells"
        if array is None or reason:
            notes.append(f"obsm['{key}'] was left out: {reason}.")
        else:
            found[key] = array
    return found


def _embedding(entry: Any, place: str) -> tuple[np.ndarray | None, str]:
    if isinstance(entry, h5py.Group):
        if encoding(entry) != "dataframe":
            return None, f"it is of the kind '{encoding(entry) or 'group'}'"
        frame = read_frame(entry, uns=None, place=place)
        columns = list(frame.columns.values())
        if not columns or not all(isinstance(column, np.ndarray) and number_like(column.dtype) for column in columns):
            return None, "it is a data frame that holds more than numbers"
        return np.column_stack([column.astype(np.float64) for column in columns]), ""
    if not number_like(entry.dtype):
        return None, f"its values are of the kind {entry.dtype}"
    array = read_whole(entry, place) if isinstance(entry, h5py.Dataset) else np.asarray(entry)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        return None, f"it has {array.ndim} dimensions"
    return array.astype(array.dtype.newbyteorder("="), copy=False), ""
