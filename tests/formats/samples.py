"""Small files of every format made on the fly, and how a table is read whole."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import scipy.sparse as sp

from cytosol.base.tables import MatrixBlock, TableSource
from cytosol.formats.files import BytesSource, FileSource
from cytosol.formats.registry import open_table

DEMO = Path(__file__).parents[2] / "src/cytosol/demo_data"


def counts(n_cells: int = 30, n_features: int = 20, *, seed: int = 0, density: float = 0.3) -> np.ndarray:
    """Whole numbers, shape (n_cells, n_features), int64; some above 255."""
    rng = np.random.default_rng(seed)
    values = rng.negative_binomial(1, 0.1, size=(n_cells, n_features)) * (rng.random((n_cells, n_features)) < density)
    values[0, 0] = 300
    return values


def symbols(n: int) -> list[str]:
    return [f"RPL{number}" for number in range(n)]


def ids(n: int) -> list[str]:
    return [f"ENSG{number:011d}" for number in range(n)]


def barcodes(n: int, *, seed: int = 7) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), 16)) + "-1" for _ in range(n)]


def whole(table: TableSource, *, block_bytes: int = 1 << 16) -> np.ndarray:
    """The matrix, put together from its blocks, whose promises are checked."""
    result = np.zeros((table.n_cells, table.n_features), dtype=np.float64)
    end = 0
    for block in table.blocks(block_bytes=block_bytes):
        check_block(block, table)
        assert block.start == end
        length = block.values.shape[0 if block.axis == "cells" else 1]
        end += length
        where = slice(block.start, end)
        if block.axis == "cells":
            result[where] = block.values.toarray()
        else:
            result[:, where] = block.values.toarray()
        axis = block.axis
    assert end == (table.n_cells if axis == "cells" else table.n_features)
    return result


def check_block(block: MatrixBlock, table: TableSource) -> None:
    values = block.values
    assert isinstance(values, sp.csr_matrix if block.axis == "cells" else sp.csc_matrix)
    assert values.shape[1 if block.axis == "cells" else 0] == (
        table.n_features if block.axis == "cells" else table.n_cells
    )
    assert values.has_canonical_format
    assert values.data.all(), "no explicit zeros"
    assert values.dtype in ((np.uint8, np.uint16, np.uint32) if table.kind == "counts" else (np.float32,))


def open_path(path: Path, **options: Any) -> TableSource:
    return open_table({"matrix": FileSource(path)}, **options)


def open_text(text: str | bytes, name: str = "counts.tsv", **options: Any) -> TableSource:
    content = text.encode() if isinstance(text, str) else text
    return open_table({"matrix": BytesSource(name, content)}, **options)


def write_tenx_v3(path: Path, matrix: np.ndarray, *, types: list[str] | None = None, **changes: Any) -> Path:
    """A /matrix file as Cell Ranger 3 writes it; ``changes`` replace datasets by name, None drops one."""
    compressed = sp.csr_matrix(matrix)
    n_cells, n_features = matrix.shape
    parts: dict[str, Any] = {
        "barcodes": np.array(barcodes(n_cells), dtype="S"),
        "data": compressed.data.astype(np.int32),
        "indices": compressed.indices.astype(np.int64),
        "indptr": compressed.indptr.astype(np.int64),
        "shape": np.array([n_features, n_cells], dtype=np.int32),
        "features/id": np.array(ids(n_features), dtype="S"),
        "features/name": np.array(symbols(n_features), dtype="S"),
        "features/feature_type": np.array(types or ["Gene Expression"] * n_features, dtype="S"),
        "features/genome": np.array(["GRCh38"] * n_features, dtype="S"),
    }
    with h5py.File(path, "w") as file:
        for name, value in {**parts, **changes}.items():
            if value is not None:
                file[f"matrix/{name}"] = value
    return path


def write_tenx_v2(path: Path, genomes: dict[str, tuple[np.ndarray, list[str]]]) -> Path:
    """One group a genome, as Cell Ranger 1 and 2 write it: matrix and barcodes each."""
    with h5py.File(path, "w") as file:
        for genome, (matrix, cells) in genomes.items():
            compressed = sp.csr_matrix(matrix)
            n = matrix.shape[1]
            group = file.create_group(genome)
            group["barcodes"] = np.array(cells, dtype="S")
            group["genes"] = np.array([f"{genome}_{name}" for name in ids(n)], dtype="S")
            group["gene_names"] = np.array([f"{genome}_{name}" for name in symbols(n)], dtype="S")
            group["data"], group["indices"] = compressed.data.astype(np.int32), compressed.indices.astype(np.int64)
            group["indptr"] = compressed.indptr.astype(np.int64)
            group["shape"] = np.array([n, len(cells)], dtype=np.int32)
    return path


def market_text(matrix: np.ndarray, *, order: str = "cells", field: str = "integer", seed: int = 0) -> bytes:
    """Features × cells in Matrix Market text, entries in the order asked for."""
    turned = sp.coo_matrix(matrix.T)
    keys = {
        "cells": np.lexsort((-turned.row, turned.col)),
        "features": np.lexsort((turned.col, turned.row)),
        "none": np.random.default_rng(seed).permutation(turned.nnz),
    }[order]
    size = f"{turned.shape[0]} {turned.shape[1]} {turned.nnz}"
    head = f"%%MatrixMarket matrix coordinate {field} general\n% a comment\n{size}\n"
    rows = zip(turned.row[keys].tolist(), turned.col[keys].tolist(), turned.data[keys].tolist(), strict=True)
    return (head + "".join(f"{row + 1} {column + 1} {value}\n" for row, column, value in rows)).encode()


def triplet(
    matrix: np.ndarray, *, market: bytes | None = None, packed: bool = False, **files: bytes
) -> dict[str, BytesSource]:
    n_cells, n_features = matrix.shape
    lists = zip(ids(n_features), symbols(n_features), strict=True)
    content = {
        "matrix": market if market is not None else market_text(matrix),
        "features": "".join(f"{one}\t{name}\tGene Expression\n" for one, name in lists).encode(),
        "barcodes": "".join(f"{name}\n" for name in barcodes(n_cells)).encode(),
        **files,
    }
    names = {"matrix": "matrix.mtx", "features": "features.tsv", "barcodes": "barcodes.tsv"}
    return {
        role: BytesSource(names[role] + (".gz" if packed else ""), gzip.compress(text) if packed else text)
        for role, text in content.items()
    }


def delimited_text(matrix: np.ndarray, *, genes_in_rows: bool, delimiter: str = "\t", corner: bool = True) -> str:
    genes, cells = symbols(matrix.shape[1]), barcodes(matrix.shape[0])
    rows, columns, body = (genes, cells, matrix.T) if genes_in_rows else (cells, genes, matrix)
    top = delimiter.join(([""] if corner else []) + columns)
    lines = [delimiter.join([name, *map(str, values)]) for name, values in zip(rows, body.tolist(), strict=True)]
    return "\n".join([top, *lines]) + "\n"


def scipy_market(matrix: np.ndarray) -> bytes:
    target = io.BytesIO()
    scipy.io.mmwrite(target, sp.coo_matrix(matrix.T), field="integer")
    return target.getvalue()
