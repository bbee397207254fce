"""Data frames of AnnData files, in the layouts of all anndata versions since 0.5."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import pandas as pd

from cytosol.base.errors import CytosolError, UnreadableFileError
from cytosol.formats.files import readable
from cytosol.formats.h5guard import read_attribute
from cytosol.formats.h5matrix import read_whole

_MAX_LEVELS = 65_536


@dataclass(slots=True)
class Frame:
    """Names of the rows, readable columns, and what could not be read.

    Attributes
    ----------
    index : row names as text
    columns : shape (n_rows,) each; pandas Categorical, numbers, bool, or object array of str with None = missing
    notes : one sentence for each column that was left out
    """

    index: list[str]
    columns: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_frame(item: h5py.Group | h5py.Dataset, *, uns: h5py.Group | None, place: str) -> Frame:
    """Read ``obs``, ``var`` or an ``obsm`` frame.

    Parameters
    ----------
    item : a group with one dataset a column (anndata ≥ 0.7), or a compound dataset (before)
    uns : where the old layout keeps the levels of categorical columns
    place : file and slot, for errors and notes
    """
    with readable(place):
        if isinstance(item, h5py.Dataset):
            return _read_compound(item, uns, place)
        return _read_group(item, place)


def _read_group(group: h5py.Group, place: str) -> Frame:
    index = index_name(group)
    if index not in group:
        raise UnreadableFileError(f"The row names '{index}' are missing", where=place, do="Write the file again")
    frame = Frame(index=_as_names(_read_column(group, index, place), place))
    names = frame_columns(group)
    lost = [name for name in _column_order(group) if name not in group and name != index]
    frame.notes += [f"Column '{name}' of {place} is announced but missing and was left out." for name in lost]
    for name in names:
        _take_column(frame, name, place, lambda name=name: _read_column(group, name, place))
    return frame


def frame_columns(group: h5py.Group) -> list[str]:
    """Names of the columns that a group has, in their order; a name with '/' leads into a group of the group."""
    index = index_name(group)
    names = [name for name in _column_order(group) if name in group and name != index]
    listed = {name.split("/")[0] for name in names}
    return names + sorted(name for name in group if name not in listed and name not in (index, "__categories"))


def index_name(item: h5py.Group | h5py.Dataset) -> str:
    """What a frame calls the names of its rows."""
    if isinstance(item, h5py.Dataset):
        names = item.dtype.names or ("",)
        return next((name for name in ("index", "_index") if name in names), names[0])
    said = _text_attribute(item, "_index") or "_index"
    return "index" if said == "_index" and said not in item else said


def _column_order(group: h5py.Group) -> list[str]:
    return [_decode(name) for name in np.atleast_1d(read_attribute(group, "column-order", np.array([], dtype=object)))]


def _take_column(frame: Frame, name: str, place: str, read: Any) -> None:
    """Add a column, or a note why it cannot be had; damage inside one column does not cost the others."""
    try:
        with readable(f"{place}/{name}"):
            values = read()
    except CytosolError as error:
        frame.notes.append(f"Column '{name}' of {place} was left out: {error.what}.")
        return
    if len(values) != len(frame.index):
        frame.notes.append(
            f"Column '{name}' of {place} was left out: it has {len(values)} values for {len(frame.index)} rows."
        )
        return
    frame.columns[name] = values


def _read_column(group: h5py.Group, name: str, place: str) -> Any:
    item = group[name]
    if isinstance(item, h5py.Group):
        return _read_encoded(item, f"{place}/{name}")
    if item.ndim != 1 or item.dtype.names:
        raise UnreadableFileError("It is not a plain column", where=f"{place}/{name}")
    values = read_whole(item, f"{place}/{name}")
    reference = read_attribute(item, "categories")
    if isinstance(reference, h5py.Reference):
        levels = group.file[reference]
        return _categorical(values, read_whole(levels, place), bool(read_attribute(levels, "ordered", False)), place)
    return _plain(values, place)


def _read_encoded(group: h5py.Group, place: str) -> Any:
    kind = _text_attribute(group, "encoding-type")
    if kind == "categorical":
        levels = group["categories"]
        values = _read_encoded(levels, place) if isinstance(levels, h5py.Group) else read_whole(levels, place)
        return _categorical(
            read_whole(group["codes"], place), values, bool(read_attribute(group, "ordered", False)), place
        )
    if kind.startswith("nullable-"):
        values, missing = read_whole(group["values"], place), read_whole(group["mask"], place).astype(bool)
        if len(values) != len(missing):
            raise UnreadableFileError("Its values and its mask differ in length", where=place)
        return _nullable(_plain(values, place), missing)
    raise UnreadableFileError(f"It is of the kind '{kind or 'group'}', which is not a plain column", where=place)


def _nullable(values: np.ndarray, missing: np.ndarray) -> Any:
    if not missing.any():
        return values
    if values.dtype.kind == "b":
        codes = np.where(missing, -1, values.astype(np.int8))
        return pd.Categorical.from_codes(codes, categories=pd.Index(["False", "True"], dtype=object))
    if values.dtype.kind in "iuf":
        return np.where(missing, np.nan, values.astype(np.float64))
    values = values.copy()
    values[missing] = None
    return values


def _categorical(codes: np.ndarray, levels: np.ndarray, ordered: bool, place: str) -> Any:
    names = _texts(np.atleast_1d(levels))
    codes = codes.astype(np.int64)
    if len(codes) and (codes.min() < -1 or codes.max() >= len(names)):
        raise UnreadableFileError("A category code has no category", where=place)
    if len(set(names)) != len(names):
        raise UnreadableFileError("Two categories have the same name", where=place)
    if len(names) > _MAX_LEVELS:
        lookup = np.array([*names, None], dtype=object)
        return lookup[codes]
    return pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=object), ordered=ordered)


def _plain(values: np.ndarray, place: str) -> np.ndarray:
    """Numbers and booleans as they are, text decoded with None for missing."""
    if values.dtype.kind in "iufb":
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype.kind in "SUO":
        return np.array(_texts(values, keep_missing=True), dtype=object)
    raise UnreadableFileError(f"Its values are of the kind {values.dtype}", where=place)


def _read_compound(dataset: h5py.Dataset, uns: h5py.Group | None, place: str) -> Frame:
    table = read_whole(dataset, place)
    names = table.dtype.names
    if table.ndim != 1 or not names:
        raise UnreadableFileError("It is not a table", where=place, do="Give a file that AnnData wrote")
    index = index_name(dataset)
    frame = Frame(index=_as_names(_plain(table[index], place), place))
    for name in names:
        if name != index:
            _take_column(frame, name, place, lambda name=name: _compound_column(table, name, uns, place))
    return frame


def _compound_column(table: np.ndarray, name: str, uns: h5py.Group | None, place: str) -> Any:
    values = table[name]
    if values.ndim != 1 or values.dtype.names:
        raise UnreadableFileError("It is not a plain column", where=place)
    levels = uns.get(f"{name}_categories") if uns is not None else None
    if isinstance(levels, h5py.Dataset) and values.dtype.kind in "iu":
        return _categorical(values, read_whole(levels, place), False, place)
    return _plain(values, place)


def _as_names(values: Any, place: str) -> list[str]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise UnreadableFileError("The row names are not a list", where=place)
    return _texts(array)


def _texts(values: np.ndarray, *, keep_missing: bool = False) -> list[Any]:
    """Text of each value; None, or "" for names, where there is none."""
    nothing = None if keep_missing else ""
    return [nothing if value is None or value is pd.NA else _decode(value) for value in values.tolist()]


def _decode(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")
    return str(value)


def _text_attribute(item: h5py.Group | h5py.Dataset, name: str) -> str:
    value = read_attribute(item, name)
    return _decode(value) if isinstance(value, str | bytes) else ""


def encoding(item: h5py.Group | h5py.Dataset) -> str:
    """The kind that an AnnData item says it is; "" for the old layouts."""
    return _text_attribute(item, "encoding-type")


def read_colors(uns: h5py.Group | None, columns: dict[str, Any]) -> dict[str, list[str]]:
    """Colours of categorical columns from ``uns['<column>_colors']``.

    Returns
    -------
    Column name to one '#rrggbb' a level; a column whose colours do not fit its levels is left out.
    """
    found: dict[str, list[str]] = {}
    if uns is None:
        return found
    for name, values in columns.items():
        item = uns.get(f"{name}_colors") if isinstance(values, pd.Categorical) else None
        if isinstance(item, h5py.Dataset) and item.ndim <= 1 and item.dtype.kind in "SUO":
            colors = [_hex_color(text) for text in _texts(np.atleast_1d(read_whole(item, f"uns/{name}_colors")))]
            if len(colors) >= len(values.categories) and all(colors):
                found[name] = colors[: len(values.categories)]
    return found


def _hex_color(text: str) -> str:
    text = text.strip().lower()
    digits = text.removeprefix("#")
    if (
        not text.startswith("#")
        or len(digits) not in (6, 8)
        or any(digit not in "0123456789abcdef" for digit in digits)
    ):
        return ""
    return "#" + digits[:6]
