"""Reader of Loom files (.loom, versions 2 and 3): genes x cells, attributes of rows and columns, layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import CytosolError, InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import cell_index, feature_table, looks_like_ensembl
from cytosol.formats.files import only_file, open_hdf5, readable
from cytosol.formats.h5matrix import read_whole
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker, find_fault, number_like

_PROBE = 1 << 22
_CELL_NAMES = ("cellid", "obs_names", "cell_id", "cell_names", "cellids", "barcode", "barcodes", "cell")
_GENE_NAMES = ("gene", "genes", "var_names", "gene_name", "gene_names", "symbol", "name")
_GENE_IDS = ("accession", "gene_ids", "gene_id", "ensembl_id", "ensembl", "id")
_TYPES = ("feature_types", "feature_type")
_COUNT_LAYERS = ("counts", "raw_counts", "raw")
_DO = "Write the file again with loompy or scanpy"


@dataclass(frozen=True, slots=True)
class _GeneMajor:
    """A dataset of shape (n_features, n_cells)."""

    name: str
    dataset: h5py.Dataset
    place: str

    def probe(self) -> np.ndarray:
        """Values to judge the kind by: all of a small matrix, evenly spread genes of a large one."""
        n_features, n_cells = self.dataset.shape
        with readable(self.place):
            if n_features * n_cells <= _PROBE:
                return np.asarray(read_whole(self.dataset, self.place)).ravel()
            rows = np.unique(np.linspace(0, n_features - 1, max(1, _PROBE // max(n_cells, 1))).astype(np.int64))
            return np.concatenate([self.dataset[int(row)] for row in rows])

    def blocks(self, check: Checker, block_bytes: int) -> Iterator[MatrixBlock]:
        """Features in order."""
        n_features, n_cells = self.dataset.shape
        step = max(1, block_bytes // max(1, n_cells * (self.dataset.dtype.itemsize + 4)))
        chunk = self.dataset.chunks[0] if self.dataset.chunks else 1
        step = max(step - step % chunk, 1) if step > chunk else step
        with readable(self.place):
            for start in range(0, n_features, step):
                piece = np.asarray(self.dataset[start : start + step])
                yield check.columns(start, sp.csc_matrix(sp.csr_matrix(piece).T))


def open_loom(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a .loom file.

    Parameters
    ----------
    files : {"matrix": the file}
    matrix : "counts" takes the main matrix, else a layer named counts, raw_counts or raw, whichever holds whole
        numbers from 0; "normalized" takes the main matrix as it is
    options : "slot" names the matrix to take instead: matrix or layers/NAME

    Raises
    ------
    UnreadableFileError, InvalidInputError
        The file is damaged or no Loom file; or has no matrix of the kind.
    """
    source = only_file(files, "A .loom")
    file = open_hdf5(source)
    try:
        with readable(source.name, ".loom file"):
            return _open(file, source.name, matrix, options.get("slot", ""))
    except BaseException:
        file.close()
        raise


def _open(file: h5py.File, name: str, kind: MatrixKind, wanted: str) -> MatrixTable:
    notes: list[str] = []
    slot = _choose(_slots(file, name), kind, wanted, name=name, notes=notes)
    n_features, n_cells = (int(size) for size in slot.dataset.shape)
    rows = _attributes(file.get("row_attrs"), n_features, f"{name}, row_attrs", notes)
    columns = _attributes(file.get("col_attrs"), n_cells, f"{name}, col_attrs", notes)
    cells, more = _cells(columns, n_cells, name)
    notes += more
    var, more = _features(rows, n_features, name)
    notes += more
    flat = {key: value for key, value in columns.items() if value.ndim == 1}
    checker = Checker(kind=kind, place=f"{name}, {slot.name}", cells=cells, features=var.index)
    return MatrixTable(
        obs=pd.DataFrame(flat, index=cells),
        var=var,
        kind=kind,
        make_blocks=lambda block_bytes: slot.blocks(checker, block_bytes),
        obsm={key: value for key, value in columns.items() if value.ndim == 2},
        notes=notes,
        memory_bytes=3 * DEFAULT_BLOCK_BYTES + 16 * (n_cells + n_features),
        on_close=file.close,
    )


def _slots(file: h5py.File, name: str) -> dict[str, _GeneMajor]:
    """The main matrix and the layers, by name."""
    found: dict[str, Any] = {"matrix": file.get("matrix")}
    layers = file.get("layers")
    if isinstance(layers, h5py.Group):
        found.update({f"layers/{key}": layers[key] for key in layers if key})
    slots = {}
    for key, item in found.items():
        if isinstance(item, h5py.Dataset) and item.ndim == 2 and number_like(item.dtype):
            slots[key] = _GeneMajor(key, item, f"{name}, {key}")
    if "matrix" not in slots:
        raise UnreadableFileError("The Loom file has no matrix of numbers", where=name, do=_DO)
    return slots


def _choose(slots: dict[str, _GeneMajor], kind: MatrixKind, wanted: str, *, name: str, notes: list[str]) -> _GeneMajor:
    if wanted:
        if wanted not in slots:
            raise InvalidInputError(
                f"The file has no matrix '{wanted}'", where=name, do=f"Name one of: {', '.join(slots)}"
            )
        return slots[wanted]
    if kind == "normalized":
        return slots["matrix"]
    faults = []
    for key in ("matrix", *(f"layers/{layer}" for layer in _COUNT_LAYERS)):
        if key not in slots:
            continue
        fault = find_fault(slots[key].probe(), "counts")
        if fault is None:
            if key != "matrix":
                notes.append(f"Raw counts were taken from {key}.")
            return slots[key]
        faults.append(f"in {key} a value {fault[1]}")
    raise InvalidInputError(
        "The file holds no raw counts: " + "; ".join(faults),
        where=name,
        do="Give the file as normalized values, or add the raw counts as the layer 'counts' and try again",
    )


def _attributes(group: Any, count: int, place: str, notes: list[str]) -> dict[str, np.ndarray]:
    """Columns of shape (count,), and numbers of shape (count, k), by name; a note for each that is neither."""
    found: dict[str, np.ndarray] = {}
    for key in group if isinstance(group, h5py.Group) else ():
        try:
            with readable(f"{place}/{key}"):
                value = _attribute(group[key], count, f"{place}/{key}")
        except CytosolError as error:
            notes.append(f"'{key}' of {place} was left out: {error.what}.")
            continue
        found[key] = value
    return found


def _attribute(item: Any, count: int, place: str) -> np.ndarray:
    if not isinstance(item, h5py.Dataset) or item.ndim not in (1, 2) or item.dtype.names:
        raise UnreadableFileError("It is not a column", where=place)
    if item.shape[0] != count:
        raise UnreadableFileError(f"It has {item.shape[0]} values instead of {count}", where=place)
    values = read_whole(item, place)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if number_like(values.dtype):
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.ndim == 2 or values.dtype.kind not in "SUO":
        raise UnreadableFileError(f"Its values are of the kind {values.dtype}", where=place)
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values.tolist()]
    return np.array(texts, dtype=object)


def _named(columns: dict[str, np.ndarray], names: tuple[str, ...]) -> tuple[str, list[str] | None]:
    """The first column with one of some names, of any case, that holds text; and its texts."""
    by_name = {key.lower(): key for key in columns if columns[key].ndim == 1}
    for name in names:
        key = by_name.get(name)
        if key is not None and columns[key].dtype == object:
            return key, columns[key].tolist()
    return "", None


def _cells(columns: dict[str, np.ndarray], count: int, name: str) -> tuple[pd.Index, list[str]]:
    """Names of the cells, which are taken from the columns."""
    key, names = _named(columns, _CELL_NAMES)
    if names is None:
        cells, notes = cell_index([f"cell-{number}" for number in range(1, count + 1)], where=name)
        return cells, ["The file names no cells (col_attrs/CellID); they are called cell-1, cell-2 …", *notes]
    del columns[key]
    return cell_index(names, where=f"{name}, col_attrs/{key}")


def _features(rows: dict[str, np.ndarray], count: int, name: str) -> tuple[pd.DataFrame, list[str]]:
    _, symbols = _named(rows, _GENE_NAMES)
    _, ids = _named(rows, _GENE_IDS)
    _, types = _named(rows, _TYPES)
    if symbols is None and ids is None:
        raise UnreadableFileError(
            f"The {count} rows have no names (row_attrs/Gene or row_attrs/Accession)",
            where=name,
            do="Add the row attribute Gene and try again",
        )
    if symbols is None:
        symbols = ids or []
    if ids is not None and not any(map(looks_like_ensembl, ids[:1000])) and ids == symbols:
        ids = None
    return feature_table(symbols, ids=ids, types=types, where=f"{name}, row_attrs")
