"""Modalities of the same cells as one table, whose feature types tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cytosol.base.errors import CytosolError
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import MODALITY_TYPES, cell_index, feature_table
from cytosol.formats.spool import CellSpool, sorted_blocks
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker


@dataclass(frozen=True, slots=True)
class _Part:
    """A modality, and the row of the whole table that each of its cells is."""

    name: str
    table: MatrixTable
    rows: np.ndarray


def combine_modalities(
    tables: Mapping[str, MatrixTable],
    cells: list[str],
    frame: pd.DataFrame,
    *,
    kind: MatrixKind,
    name: str,
    genomes: bool = False,
) -> MatrixTable:
    """Put modalities side by side.

    Parameters
    ----------
    tables : by the name of the modality, that of the genes first; their cells are among ``cells``
    cells : names of all cells, in order
    frame : annotations common to all modalities, indexed by cell
    name : of the file, for errors
    genomes : they are genomes, not modalities: their features keep their types

    Returns
    -------
    ``var["feature_type"]`` tells the modalities apart, so that ``split_feature_types`` cuts them. A cell that a
    modality lacks has zeros there.
    """
    notes = [f"{key}: {note}" for key, table in tables.items() for note in table.notes]
    var, more = _features(tables, name, genomes=genomes)
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


def _features(tables: Mapping[str, MatrixTable], name: str, *, genomes: bool) -> tuple[pd.DataFrame, list[str]]:
    symbols, ids, types, said = [], [], [], []
    for key, table in tables.items():
        var = table.var
        symbols += list(var.attrs.get("symbols") or var.index)
        ids += list(var["feature_id"])
        said += [text or (key if genomes else "") for text in var["genome"]]
        types += list(var["feature_type"]) if genomes else [MODALITY_TYPES.get(key.lower()) or key] * len(var)
    return feature_table(symbols, ids=ids, types=types, genomes=said, where=f"{name}, var")


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
