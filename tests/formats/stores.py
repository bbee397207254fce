"""Stores that are folders, written small: AnnData-Zarr, TileDB-SOMA, processed folders; and archives of them."""

from __future__ import annotations

import io
import sqlite3
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
import tiledb

from tests.formats.samples import barcodes, counts, symbols

N_CELLS, N_FEATURES = 30, 20


def zip_of(folder: Path, *, below: str = "", junk: bool = False) -> bytes:
    """A folder as a zip; ``junk`` adds what file managers leave behind."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, below + path.relative_to(folder).as_posix())
        if junk:
            archive.writestr("__MACOSX/._x", b"junk")
            archive.writestr(f"{below}.DS_Store", b"junk")
    return target.getvalue()


def tar_of_folder(folder: Path, *, below: str = "./") -> bytes:
    """A folder as a tar.gz."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, below + path.relative_to(folder).as_posix(), recursive=False)
    return target.getvalue()


def write_zarr(data: anndata.AnnData, path: Path, zarr_format: int = 3) -> None:
    """An AnnData as a Zarr store."""
    with warnings.catch_warnings(), anndata.settings.override(zarr_write_format=zarr_format):
        warnings.simplefilter("ignore")  # about the format, which is meant
        data.write_zarr(path)


def write_soma(root: Path, *, names: list[str] | None = None, raw: bool = False, with_adt: bool = False) -> Path:
    """An experiment as tiledbsoma lays it out; values are ``counts()`` and, as layer data, ln(1 + counts).

    ``raw`` puts the counts into the measurement raw alone, as tiledbsoma.io does with ``adata.raw``.
    """
    names = names or barcodes(N_CELLS)
    tiledb.Group.create(str(root))
    obs = {
        "obs_id": np.array(names, dtype=object),
        "score": np.arange(len(names), dtype=np.float64),
        "type": pd.Categorical(["B", "T"] * (len(names) // 2)),
    }
    _frame(root / "obs", obs)
    matrix = counts(len(names), N_FEATURES)
    tiledb.Group.create(str(root / "ms"))
    layers = {"data": np.log1p(matrix)} if raw else {"counts": matrix, "data": np.log1p(matrix)}
    _measurement(root / "ms" / "RNA", symbols(N_FEATURES), layers)
    if raw:
        _measurement(root / "ms" / "raw", symbols(N_FEATURES), {"data": matrix})
    if with_adt:
        _measurement(root / "ms" / "ADT", ["CD3", "CD19"], {"counts": matrix[:, :2] + 1})
    return root


def _measurement(folder: Path, features: list[str], layers: dict[str, np.ndarray]) -> None:
    for group in (folder, folder / "X", folder / "obsm"):
        tiledb.Group.create(str(group))
    _frame(folder / "var", {"var_id": np.array(features, dtype=object)})
    for name, values in layers.items():
        _sparse(folder / "X" / name, sp.coo_matrix(values.astype(np.float64)))
    n_cells = next(iter(layers.values())).shape[0]
    _sparse(folder / "obsm" / "X_umap", sp.coo_matrix(np.arange(1.0, 2 * n_cells + 1).reshape(-1, 2)))


def _frame(path: Path, columns: dict[str, Any]) -> None:
    n_rows = len(next(iter(columns.values())))
    domain = tiledb.Domain(tiledb.Dim("soma_joinid", domain=(0, 1_000_000), tile=100, dtype=np.int64))
    attributes, values, levels = [], {}, []
    for name, column in columns.items():
        if isinstance(column, pd.Categorical):
            levels.append(tiledb.Enumeration(name, False, list(column.categories)))
            attributes.append(tiledb.Attr(name, dtype=np.int8, enum_label=name))
            values[name] = column.codes.astype(np.int8)
        else:
            kind = "U0" if column.dtype == object else column.dtype
            attributes.append(tiledb.Attr(name, dtype=kind))
            values[name] = column.astype("U") if column.dtype == object else column
    schema = tiledb.ArraySchema(domain=domain, attrs=attributes, sparse=True, enums=levels)
    tiledb.Array.create(str(path), schema)
    with tiledb.open(str(path), "w") as array:
        array[np.arange(n_rows)] = values


def _sparse(path: Path, matrix: sp.coo_matrix) -> None:
    dims = [tiledb.Dim(f"soma_dim_{axis}", domain=(0, 1_000_000), tile=1000, dtype=np.int64) for axis in range(2)]
    schema = tiledb.ArraySchema(
        domain=tiledb.Domain(*dims), attrs=[tiledb.Attr("soma_data", dtype=np.float64)], sparse=True
    )
    tiledb.Array.create(str(path), schema)
    with tiledb.open(str(path), "w") as array:
        array[matrix.row.astype(np.int64), matrix.col.astype(np.int64)] = matrix.data


def write_processed(folder: Path, matrix: np.ndarray, *, normalized_only: bool = False) -> Path:
    """A processed folder: counts in the layout of rBCS, coordinates, and databases with barcodes."""
    (folder / "custom_embeddings").mkdir(parents=True)
    n_cells, n_features = matrix.shape
    names = barcodes(n_cells)
    values = sp.csr_matrix(matrix.astype(np.float64))
    if normalized_only:
        values.data = np.log1p(values.data)
    with h5py.File(folder / "matrix.hdf5", "w") as file:
        group = file.create_group("bioturing")
        group["data"], group["indices"], group["indptr"] = values.data, values.indices, values.indptr
        group["shape"] = np.array([n_features, n_cells], dtype=np.int32)
        group["barcodes"], group["features"] = np.array(names, "S"), np.array(symbols(n_features), "S")
        group["feature_type"] = np.array(["RNA"] * n_features, "S")
    places = np.arange(2.0 * n_cells).reshape(n_cells, 2)
    np.save(folder / "coords.npy", places)
    np.save(folder / "custom_embeddings" / "tsne.npy", places.T * 2)
    with sqlite3.connect(folder / "metadata.db") as conn:
        conn.execute("CREATE TABLE cells (barcode TEXT, label TEXT, score REAL)")
        rows = [(name, "AB"[at % 2], at / 2) for at, name in enumerate(names)]
        conn.executemany("INSERT INTO cells VALUES (?, ?, ?)", rows[::-1])
        conn.execute("CREATE TABLE settings (key TEXT, value TEXT)")
    conn.close()
    with sqlite3.connect(folder / "embeddings.db") as conn:
        conn.execute("CREATE TABLE other (something BLOB)")
    conn.close()
    return folder
