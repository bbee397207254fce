"""Columns of ``obs``, embeddings, and the two axes of a table, as AnnData lays them out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from zarr.abc.store import Store

from cytosol.base.errors import DamagedDataError, InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.formats.spatialdata.layout import INDEX, free_path
from cytosol.formats.spatialdata.zarr_io import (
    get_document,
    put_group,
    read_array,
    refuse_taken,
    write_array,
    write_strings,
)

MAX_LEVELS = 65_536
"""A categorical column with more levels is stored as text."""
_ARRAY = {"encoding-type": "array", "encoding-version": "0.2.0"}
_FEATURE_COLUMNS = ("feature_id", "feature_type", "genome")
_NUMBERS = re.compile(r"(\d+)")


# columns


def write_column(root: Store, table: str, path: str, column: ColumnData) -> None:
    """Write one column of ``obs``; readers see it once the metadata list it.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    path : fresh path part under ``obs/``
    column : its values; a categorical column with more than 65,536 levels is stored as text

    Raises
    ------
    ConflictError
        Where something lies at the path already.
    InvalidInputError
        Where codes and categories do not fit together, or the values have no supported type.
    """
    place = f"tables/{table}/obs/{path}"
    refuse_taken(root, place)
    write_column_at(root, place, column)


def write_column_at(root: Store, place: str, column: ColumnData) -> None:
    """Write one column at a full path of the store; see ``write_column``."""
    notes = _notes(column)
    if column.categories is None:
        values = np.asarray(column.values)
        if values.ndim != 1 or values.dtype.kind not in "biufO":
            raise InvalidInputError(f"A column cannot hold {values.dtype} in {values.ndim} dimensions", where=place)
        if values.dtype.kind == "O":
            _write_text(root, place, values, notes)
        else:
            write_array(root, place, values, {**_ARRAY, **notes})
        return
    codes = _checked_codes(column, place)
    if len(column.categories) > MAX_LEVELS:
        levels = np.array([*column.categories, None], dtype=object)
        _write_text(root, place, levels[codes], notes)
        return
    small: type[np.signedinteger[Any]] = np.int32
    for candidate in (np.int16, np.int8):
        if len(column.categories) <= np.iinfo(candidate).max + 1:
            small = candidate
    write_array(root, f"{place}/codes", codes.astype(small), _ARRAY)
    write_strings(root, f"{place}/categories", np.array(column.categories, dtype=object))
    encoding = {"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": bool(column.ordered)}
    put_group(root, place, {**encoding, **notes})


def read_column(root: Store, table: str, path: str) -> ColumnData:
    """Read one column of ``obs``.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    path : path part under ``obs/``

    Raises
    ------
    NotFoundError
        Where no column has this path.
    """
    return read_column_at(root, f"tables/{table}/obs/{path}")


def read_column_at(root: Store, place: str) -> ColumnData:
    """Read one column at a full path of the store; see ``read_column``."""
    attributes = get_document(root, place).get("attributes", {})
    encoding = attributes.get("encoding-type", "")
    noted = attributes.get("cytosol", {})
    colors, extra = noted.get("colors"), noted.get("extra", {})
    if encoding == "categorical":
        return ColumnData(
            values=read_array(root, f"{place}/codes").astype(np.int32),
            categories=[str(level) for level in read_array(root, f"{place}/categories")],
            ordered=bool(attributes.get("ordered", False)),
            colors=colors,
            extra=extra,
        )
    if encoding == "nullable-string-array":
        values = read_array(root, f"{place}/values")
        values[read_array(root, f"{place}/mask")] = None
        return ColumnData(values=values, colors=colors, extra=extra)
    if encoding in ("array", "string-array"):
        return ColumnData(values=read_array(root, place), colors=colors, extra=extra)
    raise DamagedDataError(f"A column has the unknown encoding '{encoding}'", where=place)


def read_categories(root: Store, table: str, path: str) -> list[str]:
    """The levels of one column of ``obs``, without its values; none of a column that is not categorical."""
    place = f"tables/{table}/obs/{path}"
    if get_document(root, place).get("attributes", {}).get("encoding-type") != "categorical":
        return []
    return [str(level) for level in read_array(root, f"{place}/categories")]


def _notes(column: ColumnData) -> dict[str, Any]:
    notes: dict[str, Any] = {}
    if column.colors is not None:
        notes["colors"] = list(column.colors)
    if column.extra:
        notes["extra"] = column.extra
    return {"cytosol": notes} if notes else {}


def _checked_codes(column: ColumnData, place: str) -> np.ndarray:
    codes, levels = np.asarray(column.values), column.categories or []
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise InvalidInputError("The codes of a categorical column are integers in one dimension", where=place)
    if len(codes) and (codes.min() < -1 or codes.max() >= len(levels)):
        raise InvalidInputError(f"A code points outside the {len(levels)} levels of its column", where=place)
    if len(set(levels)) != len(levels):
        raise InvalidInputError("The levels of a categorical column must differ", where=place)
    return codes.astype(np.int32)


def _write_text(root: Store, place: str, values: np.ndarray, notes: dict[str, Any]) -> None:
    missing = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
    if not missing.any():
        write_strings(root, place, values, notes)
        return
    filled = values.copy()
    filled[missing] = ""
    write_strings(root, f"{place}/values", filled)
    write_array(root, f"{place}/mask", missing, _ARRAY)
    put_group(root, place, {"encoding-type": "nullable-string-array", "encoding-version": "0.1.0", **notes})


# pandas


def pandas_to_column(series: pd.Series) -> ColumnData:
    """Turn a column of a data frame into ours.

    Text with repeated values becomes categorical (levels in natural order) up to 65,536 levels; whole numbers and
    truth values with gaps become float64; dates become text. Levels that read the same as text become one.

    Parameters
    ----------
    series : shape (n,), any type that pandas has
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _from_categorical(series)
    if pd.api.types.is_bool_dtype(series.dtype) and not series.isna().any():
        return ColumnData(series.to_numpy(dtype=bool))
    if pd.api.types.is_integer_dtype(series.dtype) and not series.isna().any():
        if len(series) == 0 or int(series.max()) <= np.iinfo(np.int64).max:
            return ColumnData(series.to_numpy(dtype=np.int64))
        return ColumnData(series.to_numpy(dtype=np.float64))
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype):
        return ColumnData(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if series.dtype == object:
        kind = pd.api.types.infer_dtype(series, skipna=True)
        if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
            return pandas_to_column(pd.to_numeric(series))
        if kind == "boolean" and not series.isna().any():
            return ColumnData(series.to_numpy(dtype=bool))
    return _from_text(series)


def column_to_pandas(column: ColumnData) -> pd.Series:
    """Turn a column into a series: categorical, bool, int64, float64, or object with None for missing text."""
    if column.categories is None:
        return pd.Series(column.values, dtype=column.values.dtype)  # pandas 3 would turn text into its own type
    return pd.Series(pd.Categorical.from_codes(column.values, categories=column.categories, ordered=column.ordered))


def _from_categorical(series: pd.Series) -> ColumnData:
    values = series.cat
    names = [str(level) for level in values.categories]
    codes = values.codes.to_numpy().astype(np.int32)
    levels = list(dict.fromkeys(names))
    if len(levels) != len(names):
        place = {level: number for number, level in enumerate(levels)}
        codes = np.array([*(place[name] for name in names), -1], dtype=np.int32)[codes]
    if len(levels) > MAX_LEVELS:
        return ColumnData(np.array([*levels, None], dtype=object)[codes])
    return ColumnData(codes, categories=levels, ordered=bool(values.ordered))


def _from_text(series: pd.Series) -> ColumnData:
    missing = series.isna().to_numpy()
    text = np.array([None if gone else str(value) for value, gone in zip(series, missing, strict=True)], dtype=object)
    codes, uniques = pd.factorize(text)
    if len(uniques) > MAX_LEVELS or len(uniques) >= len(text) - int(missing.sum()):
        return ColumnData(text)
    order = sorted(range(len(uniques)), key=lambda number: natural_key(uniques[number]))
    rank = np.empty(len(uniques) + 1, dtype=np.int32)
    rank[order] = np.arange(len(uniques), dtype=np.int32)
    rank[-1] = -1
    return ColumnData(rank[codes], categories=[str(uniques[number]) for number in order])


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which 'cluster 2' comes before 'cluster 10'."""
    parts = _NUMBERS.split(text)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]


# embeddings and axes


def write_embedding(root: Store, table: str, path: str, values: np.ndarray) -> None:
    """Write one embedding; readers see it once the metadata list it.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    path : fresh path part under ``obsm/``
    values : shape (n_cells, n_dims), stored as float32, no unit; NaN = this cell has no place
    """
    place = f"tables/{table}/obsm/{path}"
    values = np.asarray(values)
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise InvalidInputError("An embedding is a table of numbers, one row a cell", where=place)
    refuse_taken(root, place)
    write_array(root, place, values.astype(np.float32), _ARRAY)


def read_embedding(root: Store, table: str, path: str) -> np.ndarray:
    """Read one embedding.

    Returns
    -------
    shape (n_cells, n_dims), float32, no unit; NaN = this cell has no place.
    """
    return read_array(root, f"tables/{table}/obsm/{path}")


def write_axes(root: Store, table: str, barcodes: np.ndarray, var: pd.DataFrame) -> None:
    """Write the barcodes of the cells and the table of the features.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    barcodes : shape (n_cells,), text, unique
    var : indexed by symbol, unique; with the text columns feature_id, feature_type and genome, and others as the file
        has them
    """
    write_strings(root, f"tables/{table}/obs/{INDEX}", _text(barcodes))
    write_features(root, table, var)


def write_features(root: Store, table: str, var: pd.DataFrame) -> None:
    """Write the table of the features; see `write_axes`."""
    place = f"tables/{table}"
    write_strings(root, f"{place}/var/{INDEX}", _text(var.index.to_numpy()))
    names: dict[str, str] = {}
    for name in _FEATURE_COLUMNS:
        values = var[name].to_numpy() if name in var else np.full(len(var), "", dtype=object)
        write_strings(root, f"{place}/var/{name}", _text(values))
        names[name] = name
    for name in var.columns:
        if name not in _FEATURE_COLUMNS:
            path = free_path(str(name), [INDEX, *names])
            write_column_at(root, f"{place}/var/{path}", pandas_to_column(var[name]))
            names[path] = str(name)
    encoding = {"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": INDEX, "column-order": list(names)}
    put_group(root, f"{place}/var", {**encoding, "cytosol": {"names": names}})


def read_barcodes(root: Store, table: str) -> np.ndarray:
    """Read the names of the cells.

    Returns
    -------
    shape (n_cells,), object array of str, unique, none missing.
    """
    return read_array(root, f"tables/{table}/obs/{INDEX}")


def read_features(root: Store, table: str) -> pd.DataFrame:
    """Read the table of the features.

    Returns
    -------
    Indexed by symbol, unique; text columns feature_id, feature_type and genome, "" where unknown.
    """
    place = f"tables/{table}/var"
    columns = {name: read_array(root, f"{place}/{name}") for name in _FEATURE_COLUMNS}
    return pd.DataFrame(columns, index=pd.Index(read_array(root, f"{place}/{INDEX}"), dtype=object))


def read_var(root: Store, table: str) -> pd.DataFrame:
    """Read the table of the features with all columns that their file has.

    Returns
    -------
    Indexed by symbol, unique; feature_id, feature_type and genome first, "" where unknown.
    """
    frame = read_features(root, table)
    place = f"tables/{table}/var"
    attributes = get_document(root, place)["attributes"]
    names = attributes.get("cytosol", {}).get("names", {})
    for path in attributes["column-order"]:
        if path not in _FEATURE_COLUMNS:
            values = column_to_pandas(read_column_at(root, f"{place}/{path}"))
            frame[names.get(path, path)] = values.set_axis(frame.index)
    return frame


def _text(values: Any) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = ["" if value is None or value != value else str(value) for value in values]
    return out
