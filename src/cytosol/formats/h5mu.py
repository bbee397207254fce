"""Reader of MuData files (.h5mu): the modalities side by side, told apart by their feature type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pandas as pd

from cytosol.base.errors import CytosolError, InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import GENE_EXPRESSION, MODALITY_TYPES, cell_index, feature_table
from cytosol.formats.files import only_file, open_hdf5, readable
from cytosol.formats.h5ad import read_anndata
from cytosol.formats.h5frame import read_frame
from cytosol.formats.h5guard import read_attribute
from cytosol.formats.spool import CellSpool, sorted_blocks
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker

_DO = "In Python, write the modality that you want with mdata['rna'].write_h5ad(...), and give that"


@dataclass(frozen=True, slots=True)
class _Part:
    """A modality, and the row of the whole table that each of its cells is."""

    name: str
    table: MatrixTable
    rows: np.ndarray


def open_h5mu(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open an .h5mu file.

    Parameters
    ----------
    files : {"matrix": the file}
    matrix : as for .h5ad, for each modality. The first one (rna, where there is one) must have such a matrix;
        another without is left out, with a note
    options : "modality" names the only one to take

    Returns
    -------
    One table; ``var["feature_type"]`` tells the modalities apart, so that ``split_feature_types`` cuts them. A cell
    that a modality lacks has zeros there.

    Raises
    ------
    UnreadableFileError, InvalidInputError
        The file is damaged or no MuData; its modalities do not share cells; or there is no matrix of the kind.
    """
    source = only_file(files, "An .h5mu")
    file = open_hdf5(source)
    try:
        with readable(source.name, ".h5mu file"):
            table = _open(file, source.name, matrix, options.get("modality", ""))
    except BaseException:
        file.close()
        raise
    table.on_close = file.close
    return table


def _open(file: h5py.File, name: str, kind: MatrixKind, wanted: str) -> MatrixTable:
    modalities = _modalities(file, name, wanted)
    notes: list[str] = []
    tables: dict[str, MatrixTable] = {}
    for key in modalities:
        try:
            tables[key] = read_anndata(file["mod"][key], f"{name}, mod/{key}", kind)
        except InvalidInputError as error:
            if not tables:
                raise
            notes.append(f"The modality '{key}' was left out: {error.what}.")
    notes += [f"{key}: {note}" for key, table in tables.items() for note in table.notes]
    cells, frame, more = _cells(file, tables, name)
    notes += more
    var, more = _features(tables, name)
    notes += more
    position = {cell: row for row, cell in enumerate(cells)}
    parts = [
        _Part(key, table, np.array([position[cell] for cell in table.obs.index], dtype=np.int64))
        for key, table in tables.items()
    ]
    index, more = cell_index(cells, where=f"{name}, obs")
    checker = Checker(kind=kind, place=name, cells=index, features=var.index)
    return MatrixTable(
        obs=_columns(parts, frame.reindex(index), index),
        var=var,
        kind=kind,
        make_blocks=lambda block_bytes: _blocks(parts, checker, block_bytes),
        obsm=_embeddings(parts, len(index), notes),
        notes=notes + more,
        memory_bytes=4 * DEFAULT_BLOCK_BYTES + 32 * (len(index) + len(var)),
    )


def _modalities(file: h5py.File, name: str, wanted: str) -> list[str]:
    """Names of the modalities, that of the genes first."""
    group = file.get("mod")
    found = [key for key in group if isinstance(group[key], h5py.Group)] if isinstance(group, h5py.Group) else []
    if not found:
        raise UnreadableFileError("The MuData file has no modality", where=name, do="Write the file again")
    if read_attribute(file, "axis", 0) != 0:
        raise InvalidInputError("The modalities share features, not cells", where=name, do=_DO)
    if wanted:
        if wanted not in found:
            raise InvalidInputError(
                f"The file has no modality '{wanted}'", where=name, do=f"Name one of: {', '.join(found)}"
            )
        return [wanted]
    order = [_text(key) for key in np.atleast_1d(read_attribute(group, "mod-order", np.array([], dtype=object)))]
    found.sort(key=lambda key: (order.index(key) if key in order else len(order), key))
    return sorted(found, key=lambda key: MODALITY_TYPES.get(key.lower()) != GENE_EXPRESSION)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _cells(file: h5py.File, tables: dict[str, MatrixTable], name: str) -> tuple[list[str], pd.DataFrame, list[str]]:
    """Names of all cells that some modality has, in the order of the file, with the columns common to all."""
    present = dict.fromkeys(cell for table in tables.values() for cell in table.obs.index)
    if "obs" not in file:
        return list(present), pd.DataFrame(index=list(present)), []
    frame = read_frame(file["obs"], uns=None, place=f"{name}, obs")
    listed = dict.fromkeys(cell for cell in frame.index if cell in present)
    cells = [*listed, *(cell for cell in present if cell not in listed)]
    columns = pd.DataFrame(frame.columns, index=frame.index)
    return cells, columns[~columns.index.duplicated()], frame.notes


def _features(tables: dict[str, MatrixTable], name: str) -> tuple[pd.DataFrame, list[str]]:
    symbols, ids, types, genomes = [], [], [], []
    for key, table in tables.items():
        var = table.var
        symbols += list(var.attrs.get("symbols") or var.index)
        ids += list(var["feature_id"])
        genomes += list(var["genome"])
        types += [MODALITY_TYPES.get(key.lower()) or key] * len(var)
    return feature_table(symbols, ids=ids, types=types, genomes=genomes, where=f"{name}, var")


def _columns(parts: list[_Part], frame: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Columns of the file and of the first modality under their names, those of the others as MODALITY:NAME."""
    columns: dict[str, Any] = {}
    colors: dict[str, list[str]] = {}
    for number, part in enumerate(parts):
        for key in part.table.obs.columns:
            name = str(key) if number == 0 else f"{part.name}:{key}"
            columns[name] = _spread(part.table.obs[key], index)
            if key in part.table.obs.attrs.get("colors", {}):
                colors[name] = part.table.obs.attrs["colors"][key]
    first = f"{parts[0].name}:"
    for key in frame.columns:
        if str(key).removeprefix(first) not in columns:
            columns[str(key)] = _spread(frame[key], index)
    result = pd.DataFrame(columns, index=index)
    result.attrs["colors"] = colors
    return result


def _spread(column: pd.Series, index: pd.Index) -> pd.Series:
    """A column for all cells; what is missing is empty, and yes or no becomes text where something is missing."""
    if column.dtype == bool and not index.isin(column.index).all():
        column = column.astype(str).astype("category")
    return column.reindex(index)


def _embeddings(parts: list[_Part], n_cells: int, notes: list[str]) -> dict[str, np.ndarray]:
    """Embeddings of the first modality under their names, those of the others as MODALITY:NAME."""
    found: dict[str, np.ndarray] = {}
    for number, part in enumerate(parts):
        for key, values in part.table.obsm.items():
            if len(part.rows) != n_cells:
                notes.append(f"obsm['{key}'] of '{part.name}' was left out: it has {len(part.rows)} of the cells.")
                continue
            placed = np.empty_like(values)
            placed[part.rows] = values
            found[key if number == 0 else f"{part.name}:{key}"] = placed
    return found


def _blocks(parts: list[_Part], check: Checker, block_bytes: int) -> Iterator[MatrixBlock]:
    """Cells in order; a single modality passes through, several are sorted on disk."""
    if len(parts) == 1 and np.array_equal(parts[0].rows, np.arange(len(check.cells))):
        yield from parts[0].table.make_blocks(block_bytes)
        return
    entries = sum(_entries(part, block_bytes) for part in parts)
    spool = CellSpool(len(check.cells), len(check.features), n_entries=entries, block_bytes=block_bytes)
    try:
        offset = 0
        for part in parts:
            for block in part.table.make_blocks(block_bytes):
                entry = block.values.tocoo()
                cells, features = entry.row.astype(np.int64), entry.col.astype(np.int64)
                if block.axis == "cells":
                    cells += block.start
                else:
                    features += block.start
                spool.add(part.rows[cells], features + offset, entry.data)
            offset += part.table.n_features
    except CytosolError:
        spool.close()
        raise
    yield from sorted_blocks(spool, check)


def _entries(part: _Part, block_bytes: int) -> int:
    """About how many values a modality stores, told by its first block."""
    for block in part.table.make_blocks(block_bytes):
        share = block.values.shape[0 if block.axis == "cells" else 1]
        whole = part.table.n_cells if block.axis == "cells" else part.table.n_features
        return int(block.values.nnz * whole / max(share, 1))
    return 0
