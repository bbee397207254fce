"""Writing an AnnData file (h5ad) block by block, so that a table larger than memory can be taken away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError
from cytosol.formats.h5write import TEXT, Compression, note, packing, write_categorical, write_numbers, write_text
from cytosol.formats.spatialdata.columns import column_to_pandas, pandas_to_column
from cytosol.formats.spatialdata.layout import INDEX, free_name

_CHUNK = 1 << 18


def write_h5ad(
    path: Path,
    *,
    x_blocks: Iterable[sp.csr_matrix],
    obs: pd.DataFrame,
    var: pd.DataFrame,
    obsm: Mapping[str, np.ndarray] | None = None,
    uns: Mapping[str, Any] | None = None,
    compression: Compression = "gzip",
) -> tuple[list[str], list[str]]:
    """Write one table as an h5ad file that every AnnData since 0.8 reads; whole or absent.

    Parameters
    ----------
    path : where the file shall lie
    x_blocks : the matrix by blocks of cells in order, each of shape (n_block, n_features) CSR, unsigned counts or
        float32, all of one type
    obs : one row a cell, indexed by barcode
    var : one row a feature, indexed by symbol
    obsm : embeddings by name, each of shape (n_cells, n_dims); NaN = this cell has no place
    uns : further notes: text, numbers, truth values, arrays, lists of these, None, and mappings of them
    compression : of the matrix and the embeddings; None writes faster and larger

    Returns
    -------
    Names that the columns of ``obs`` and the entries of ``obsm`` have in the file, in order.

    Raises
    ------
    InvalidInputError
        Where something has no place in an h5ad file.

    Notes
    -----
    Text with gaps is written as a categorical column, which old versions read, too. A '/' in a name that would make
    two entries collide becomes '_'; a column that is called '_index' becomes '_index (1)'.
    """
    part = path.with_name(path.name + ".part")
    try:
        with h5py.File(part, "w") as file:
            note(file, "anndata", "0.1.0")
            _write_matrix(file, x_blocks, (len(obs), len(var)), compression)
            columns = _write_frame(file, "obs", obs)
            _write_frame(file, "var", var)
            _write_mapping(file, "obsm", {})
            taken: list[str] = []
            for name, values in (obsm or {}).items():
                if values.ndim != 2 or len(values) != len(obs):
                    raise InvalidInputError(f"The embedding has the shape {values.shape}", where=f"obsm '{name}'")
                taken.append(free_name(name.replace("/", "_"), taken))
                write_numbers(file["obsm"], taken[-1], values, compression)
            for slot in ("varm", "obsp", "varp", "layers"):
                _write_mapping(file, slot, {})
            _write_mapping(file, "uns", uns or {})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return columns, taken


def _write_matrix(
    file: h5py.File, blocks: Iterable[sp.csr_matrix], shape: tuple[int, int], compression: Compression
) -> None:
    group = file.create_group("X")
    note(group, "csr_matrix", "0.1.0")
    group.attrs["shape"] = np.array(shape, dtype=np.int64)
    ends = [np.zeros(1, dtype=np.int64)]
    parts: dict[str, h5py.Dataset] = {}
    options = {"maxshape": (None,), "chunks": (_CHUNK,), **packing(compression)}
    for block in blocks:
        if not parts:
            parts = {"data": group.create_dataset("data", (0,), block.data.dtype, **options)}
            parts["indices"] = group.create_dataset("indices", (0,), "i4", **options)
        at = int(ends[-1][-1])
        for name, values in (("data", block.data), ("indices", block.indices)):
            parts[name].resize((at + len(values),))
            parts[name][at:] = values
        ends.append(at + block.indptr[1:].astype(np.int64))
    if not parts:
        group.create_dataset("data", (0,), "f4", **options)
        group.create_dataset("indices", (0,), "i4", **options)
    indptr = np.concatenate(ends)
    if len(indptr) != shape[0] + 1:
        raise ValueError(f"the blocks hold {len(indptr) - 1} cells, obs {shape[0]}")
    group.create_dataset("indptr", data=indptr)


def _write_frame(parent: h5py.Group, slot: str, frame: pd.DataFrame) -> list[str]:
    """Write a data frame as AnnData lays it out; the names of its columns in the file."""
    group = parent.create_group(slot)
    note(group, "dataframe", "0.2.0")
    index_name = frame.index.name if isinstance(frame.index.name, str) and "/" not in frame.index.name else INDEX
    if index_name in frame.columns:
        index_name = INDEX
    group.attrs["_index"] = index_name
    write_text(group, index_name, frame.index.astype(str).to_numpy(dtype=object))
    names: list[str] = []
    for wanted, series in frame.items():
        name = _column_name(str(wanted), [index_name, INDEX, *names])
        _write_series(group, name, series, f"{slot} '{wanted}'")
        names.append(name)
    group.attrs.create("column-order", np.array(names, dtype=object), dtype=TEXT, shape=(len(names),))
    return names


def _column_name(wanted: str, taken: list[str]) -> str:
    """The name itself, unless it is taken, or its '/' would nest it in another column."""
    parts = wanted.split("/")
    if not all(part and part != "." for part in parts) or set(_outer(wanted)) & set(taken):
        wanted = wanted.replace("/", "_")
    groups = [outer for name in taken for outer in _outer(name)]
    return free_name(wanted if wanted not in ("", ".") else "_", [*taken, *groups])


def _outer(name: str) -> list[str]:
    """The groups that HDF5 makes for a name: 'a' and 'a/b' for 'a/b/c'."""
    parts = name.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _write_series(group: h5py.Group, name: str, series: pd.Series, where: str) -> None:
    if not isinstance(series.dtype, pd.CategoricalDtype):
        plain = pandas_to_column(series) if series.dtype.kind not in "biuf" else None
        if plain is None and isinstance(series.dtype, np.dtype):
            write_numbers(group, name, series.to_numpy())
            return
        series = column_to_pandas(plain or pandas_to_column(series))
    if series.dtype == object:
        if not series.isna().any():
            write_text(group, name, series.to_numpy())
            return
        series = series.astype("category")
    if isinstance(series.dtype, pd.CategoricalDtype):
        write_categorical(group, name, series.cat)
    elif series.dtype.kind in "biuf":
        write_numbers(group, name, series.to_numpy())
    else:
        raise InvalidInputError(f"A column of the type {series.dtype} has no place in an h5ad file", where=where)


def _write_mapping(group: h5py.Group, name: str, values: Mapping[str, Any]) -> None:
    inner = group.create_group(name)
    note(inner, "dict", "0.1.0")
    taken: list[str] = []
    for key, value in values.items():
        taken.append(free_name(str(key).replace("/", "_"), taken))
        _write_value(inner, taken[-1], value)


def _write_value(group: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        _write_mapping(group, name, value)
    elif value is None:
        note(group.create_dataset(name, data=h5py.Empty("f4")), "null", "0.1.0")
    elif isinstance(value, str):
        note(group.create_dataset(name, data=value, dtype=TEXT), "string", "0.2.0")
    elif isinstance(value, bool | int | float | np.number | np.bool_):
        note(group.create_dataset(name, data=value), "numeric-scalar", "0.2.0")
    elif isinstance(value, pd.DataFrame):
        _write_frame(group, name, value)
    elif isinstance(value, list | tuple | np.ndarray):
        mixed = not isinstance(value, np.ndarray) and len({isinstance(item, str) for item in value}) > 1
        array = np.asarray(value, dtype=object if mixed else None)
        if array.dtype.kind in "biuf":
            write_numbers(group, name, array)
        elif array.dtype.kind in "UO" and all(isinstance(item, str) for item in array.ravel()):
            write_text(group, name, array.astype(object))
        else:
            raise InvalidInputError("A list of mixed values has no place in an h5ad file", where=f"uns '{name}'")
    else:
        raise InvalidInputError(f"A {type(value).__name__} has no place in an h5ad file", where=f"uns '{name}'")
