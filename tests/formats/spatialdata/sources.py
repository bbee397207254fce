"""A table source in memory, and small things that the tests of the store share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from zarr.storage import LocalStore

from cytosol.base.tables import ColumnData, MatrixBlock, MatrixKind, Remainder
from cytosol.formats.spatialdata.columns import write_column, write_embedding
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.layout import (
    ColumnEntry,
    DatasetSpec,
    EmbeddingEntry,
    TableSpec,
    fresh_path,
    write_metadata,
)
from cytosol.formats.spatialdata.tables import WrittenTable, write_table

Axis = Literal["cells", "features"]


class Steps:
    """A report that keeps what it is told."""

    def __init__(self) -> None:
        self.fractions: list[float] = []

    def log(self, text: str, *, level: str = "info") -> None:
        """Not used here."""

    def progress(self, fraction: float, step: str = "") -> None:
        """Keep the fraction."""
        self.fractions.append(fraction)


class MemorySource:
    """A table that lies in memory; gives ``per_block`` cells or features a block."""

    def __init__(
        self, matrix: sp.spmatrix, axis: Axis = "cells", *, per_block: int = 7, kind: MatrixKind = "counts"
    ) -> None:
        self._matrix = matrix.tocsr() if axis == "cells" else matrix.tocsc()
        self._axis, self._per_block = axis, per_block
        self.n_cells, self.n_features = matrix.shape
        self.kind: MatrixKind = kind
        self.obs = pd.DataFrame(index=pd.Index([f"bc{i}" for i in range(self.n_cells)], dtype=object))
        genes = [f"gene{i}" for i in range(self.n_features)]
        columns = {
            "feature_id": [f"E{i}" for i in range(self.n_features)],
            "feature_type": "Gene Expression",
            "genome": "",
        }
        self.var = pd.DataFrame(columns, index=pd.Index(genes, dtype=object))
        self.obsm: Mapping[str, np.ndarray] = {}
        self.notes: list[str] = []
        self.memory_bytes = 0
        self.remainder: Remainder | None = None

    def blocks(self, *, block_bytes: int) -> Iterator[MatrixBlock]:
        """The matrix in order."""
        along = 0 if self._axis == "cells" else 1
        for start in range(0, self._matrix.shape[along], self._per_block):
            stop = start + self._per_block
            part = self._matrix[start:stop] if along == 0 else self._matrix[:, start:stop]
            yield MatrixBlock(start, self._axis, part)

    def close(self) -> None:
        """Nothing is held."""


def random_counts(
    n_cells: int, n_features: int, *, seed: int = 0, most: int = 300, density: float = 0.2
) -> sp.csr_matrix:
    """Seeded counts: shape (n_cells, n_features), uint32."""
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((n_cells, n_features)) < density, rng.integers(1, most + 1, (n_cells, n_features)), 0)
    return sp.csr_matrix(dense.astype(np.uint32))


def write(folder: Path, source: MemorySource, *, keep: np.ndarray | None = None) -> tuple[LocalStore, WrittenTable]:
    """Write a source as table 'rna' of a fresh store below a folder, its index beside it."""
    store = LocalStore(folder / "dataset")
    written = write_table(
        store,
        "rna",
        source,
        keep=keep,
        index_path=folder / "index",
        scratch=folder,
        memory_bytes=64 << 20,
        report=Steps(),
    )
    return store, written


def open_index(path: Path) -> FeatureIndex:
    """Open an index from a file; the file is read at once, so that nothing stays open."""
    data = path.read_bytes()
    return FeatureIndex.open(lambda offset, length: data[offset : offset + length])


COLUMNS = {
    "louvain": ColumnData(np.arange(50, dtype=np.int32) % 4 - 1, categories=["a", "b", "ü / ß"]),
    "dose (mg/kg)": ColumnData(np.arange(50, dtype=np.int32) % 3, categories=["low", "mid", "high"], ordered=True),
    "Louvain": ColumnData(np.linspace(0, 1, 50)),
    "_index": ColumnData(np.arange(50)),
    "is_doublet": ColumnData(np.arange(50) % 2 == 0),
    "note": ColumnData(np.array([None, "x", "naïve", "nan", "細胞"] * 10, dtype=object)),
    "text": ColumnData(np.array([f"t{i}" for i in range(50)], dtype=object)),
    "score": ColumnData(np.where(np.arange(50) % 5 == 0, np.nan, np.arange(50.0))),
}


def write_study(folder: Path, matrix: sp.csr_matrix) -> tuple[LocalStore, TableSpec]:
    """A table of 50 cells with columns of every type and an embedding, listed in its metadata."""
    store, written = write(folder, MemorySource(matrix))
    entries = []
    for name, column in COLUMNS.items():
        path = fresh_path(store, "rna", "obs", name)
        write_column(store, "rna", path, column)
        entries.append(ColumnEntry(name, path))
    write_embedding(store, "rna", "X_umap", umap())
    spec = TableSpec("rna", tuple(entries), (EmbeddingEntry("X_umap", "X_umap"),), written.n_cells, written.n_features)
    write_metadata(store, DatasetSpec((spec,)))
    return store, spec


def umap() -> np.ndarray:
    """Places of 50 cells: shape (50, 2), float32; the first has none."""
    places = np.random.default_rng(3).normal(size=(50, 2)).astype(np.float32)
    places[0] = np.nan
    return places


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file and its bytes."""
    return {
        str(path.relative_to(folder)).replace(os.sep, "/"): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
