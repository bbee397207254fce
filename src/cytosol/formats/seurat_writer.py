"""Writing a Seurat object (assays of version 3 and 4) as an .rds file, block by block, without R.

The slots are those of the classes Seurat, Assay and DimReduc in R's SeuratObject 4, and of Matrix's dgCMatrix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import LimitExceededError
from cytosol.base.tables import ColumnData
from cytosol.formats.features import make_unique
from cytosol.formats.rstream import (
    MAX_LENGTH,
    RList,
    RNumbers,
    RObject,
    RText,
    RValue,
    data_frame,
    factor,
    matrix,
    named,
    numbers,
    text,
    write_rds,
)
from cytosol.formats.spatialdata.columns import pandas_to_column

Blocks = Callable[[], Iterator[sp.csr_matrix]]
_VERSION = (4, 1, 3)
_PACKAGE = "SeuratObject"
_KEYS = {"pca": "PC", "umap": "UMAP", "tsne": "tSNE"}


@dataclass(frozen=True, slots=True)
class SeuratAssay:
    """One assay.

    Attributes
    ----------
    name : for example RNA
    var : one row a feature, indexed by symbol
    indptr : shape (n_cells + 1,), int64, where the values of each cell start
    counts : gives the raw counts by blocks of cells, each (n_block, n_features) CSR with indices in order; None = none
    data : gives the log-normalised values in the same way, with the same pattern
    """

    name: str
    var: pd.DataFrame
    indptr: np.ndarray
    counts: Blocks | None
    data: Blocks


@dataclass(frozen=True, slots=True)
class SeuratStudy:
    """What the object holds.

    Attributes
    ----------
    project : its name
    barcodes : shape (n_cells,), object array of str, unique
    assays : the first is the active one
    columns : annotations of the cells by name
    identity : name of the annotation that is the active identity; "" = all cells have one
    embeddings : by name, each of shape (n_cells, n_dims); NaN = this cell has no place
    """

    project: str
    barcodes: np.ndarray
    assays: Sequence[SeuratAssay]
    columns: Mapping[str, ColumnData] = field(default_factory=dict)
    identity: str = ""
    embeddings: Mapping[str, np.ndarray] = field(default_factory=dict)


def check_seurat_size(n_values: int) -> None:
    """Refuse what R cannot hold.

    Raises
    ------
    LimitExceededError
        R counts the values of a sparse matrix in 32 bits.
    """
    if n_values > MAX_LENGTH:
        raise LimitExceededError(
            f"The table has {n_values:,} values that are not zero; a sparse matrix of R holds at most {MAX_LENGTH:,}",
            do="Export h5ad or zarr, or make a smaller dataset of a selection and export that",
            setting="r-matrix",
        )


def seurat_feature_names(symbols: Sequence[str]) -> list[str]:
    """Names as Seurat wants them: '_' and '|' become '-', all different."""
    return make_unique([symbol.replace("_", "-").replace("|", "-") for symbol in symbols])[0]


def write_seurat(path: Path, study: SeuratStudy) -> None:
    """Write an .rds file that ``readRDS`` and Seurat 3 to 5 open; whole or absent.

    Notes
    -----
    The matrix passes in blocks and is never held whole. A feature whose name Seurat would change keeps its symbol in
    the column ``symbol`` of ``meta.features``. Colours are in ``misc$colors``.
    """
    for assay in study.assays:
        check_seurat_size(int(assay.indptr[-1]))
    write_rds(path, _seurat(study))


def _seurat(study: SeuratStudy) -> RObject:
    cells = text(study.barcodes)
    keys: list[str] = []
    assays = {assay.name: _assay(assay, cells, _key(assay.name.lower(), keys)) for assay in study.assays}
    active = study.assays[0].name
    reductions: dict[str, RValue] = {}
    for name, values in study.embeddings.items():
        plain = name.removeprefix("X_") or name
        title = plain if plain not in reductions else name
        key = _key(_KEYS.get(plain.lower(), plain), keys)
        reductions[title] = _reduction(values, cells, key, active)
    colors: dict[str, RValue] = {
        name: replace(text(column.colors), attributes={"names": text(column.categories or [])})
        for name, column in study.columns.items()
        if column.colors
    }
    version = RList([numbers(np.array(_VERSION))], {"class": text(["package_version", "numeric_version"])})
    empty = RList([])
    slots: dict[str, RValue | None] = {
        "assays": named(assays),
        "meta.data": data_frame({name: _column(column) for name, column in study.columns.items()}, cells),
        "active.assay": text([active]),
        "active.ident": _identity(study, cells),
        "graphs": empty,
        "neighbors": empty,
        "reductions": named(reductions),
        "images": empty,
        "project.name": text([study.project]),
        "misc": named({"colors": named(colors)} if colors else {}),
        "version": version,
        "commands": empty,
        "tools": empty,
    }
    return RObject("Seurat", _PACKAGE, slots)


def _assay(assay: SeuratAssay, cells: RText, key: str) -> RObject:
    symbols = [str(symbol) for symbol in assay.var.index]
    names = seurat_feature_names(symbols)
    features = text(names)
    frame: dict[str, RValue] = {} if names == symbols else {"symbol": text(symbols)}
    for name, series in assay.var.items():
        frame.setdefault(str(name), _column(pandas_to_column(series)))
    counts: RValue = _empty()
    if assay.counts is not None:
        counts = _sparse(assay.indptr, assay.counts, features, cells)
    slots: dict[str, RValue | None] = {
        "counts": counts,
        "data": _sparse(assay.indptr, assay.data, features, cells),
        "scale.data": _empty(),
        "key": text([key]),
        "assay.orig": None,
        "var.features": numbers(np.zeros(0, bool)),
        "meta.features": data_frame(frame, features),
        "misc": RList([]),
    }
    return RObject("Assay", _PACKAGE, slots)


def _sparse(indptr: np.ndarray, blocks: Blocks, features: RText, cells: RText) -> RObject:
    """Features × cells by columns, which is cells × features by rows."""
    length = int(indptr[-1])
    slots: dict[str, RValue | None] = {
        "i": RNumbers("integer", length, lambda: (block.indices for block in blocks())),
        "p": numbers(indptr.astype(np.int32)),
        "Dim": numbers(np.array([features.length, cells.length], np.int32)),
        "Dimnames": RList([features, cells]),
        "x": RNumbers("double", length, lambda: (block.data for block in blocks())),
        "factors": RList([]),
    }
    return RObject("dgCMatrix", "Matrix", slots)


def _reduction(values: np.ndarray, cells: RText, key: str, assay: str) -> RObject:
    columns = [f"{key}{number + 1}" for number in range(values.shape[1])]
    nothing = {
        name: _empty()
        for name in ("empirical.p.values", "fake.reduction.scores", "empirical.p.values.full", "overall.p.values")
    }
    slots: dict[str, RValue | None] = {
        "cell.embeddings": matrix(values, cells, columns),
        "feature.loadings": _empty(),
        "feature.loadings.projected": _empty(),
        "assay.used": text([assay]),
        "global": numbers(np.zeros(1, bool)),
        "stdev": numbers(np.zeros(0)),
        "key": text([key]),
        "jackstraw": RObject("JackStrawData", _PACKAGE, nothing),
        "misc": RList([]),
    }
    return RObject("DimReduc", _PACKAGE, slots)


def _identity(study: SeuratStudy, cells: RText) -> RNumbers:
    column = study.columns.get(study.identity)
    if column is None or column.categories is None:
        return factor(np.zeros(len(study.barcodes), np.int32), [study.project], names=cells)
    return factor(column.values, column.categories, names=cells)


def _column(column: ColumnData) -> RValue:
    if column.categories is not None:
        return factor(column.values, column.categories, ordered=column.ordered)
    if column.values.dtype == object:
        return text(column.values)
    return numbers(column.values)


def _empty() -> RNumbers:
    return matrix(np.zeros((0, 0)))


def _key(name: str, taken: list[str]) -> str:
    """Letters and digits with a '_' behind, as Seurat asks; it is added to what is taken."""
    plain = re.sub("[^A-Za-z0-9]", "", name) or "dim"
    key, number = f"{plain}_", 1
    while key in taken:
        number += 1
        key = f"{plain}{number}_"
    taken.append(key)
    return key
