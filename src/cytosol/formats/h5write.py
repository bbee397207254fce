"""The smallest parts of the HDF5 layout of AnnData: the kind of an item, numbers, text, categories, plain frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import h5py
import numpy as np
import pandas as pd

Compression = Literal["gzip", "lzf"] | None
TEXT = h5py.string_dtype("utf-8")


def note(node: Any, kind: str, version: str) -> None:
    """Say on an item of which kind it is."""
    node.attrs["encoding-type"] = kind
    node.attrs["encoding-version"] = version


def packing(compression: Compression) -> dict[str, Any]:
    """Options of a dataset."""
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    return {"compression": compression, "shuffle": True} if compression else {}


def write_categorical(group: h5py.Group, name: str, values: Any) -> None:
    """Write categories and codes; ``values`` is a pandas Categorical, or the accessor of a series of that type."""
    inner = group.create_group(name)
    note(inner, "categorical", "0.2.0")
    inner.attrs["ordered"] = bool(values.ordered)
    write_numbers(inner, "codes", np.asarray(values.codes))
    levels = values.categories
    if levels.dtype.kind in "biuf":
        write_numbers(inner, "categories", levels.to_numpy())
    else:
        write_text(inner, "categories", np.array([str(level) for level in levels], dtype=object))


def write_text(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Write text of any shape, object array of str."""
    data = group.create_dataset(name, shape=values.shape, dtype=TEXT)
    if values.size:
        data[...] = values
    note(data, "string-array", "0.2.0")


def write_numbers(group: h5py.Group, name: str, values: np.ndarray, compression: Compression = None) -> None:
    """Write an array of numbers, shape (...,), as AnnData lays it out."""
    options = packing(compression) if values.size and values.ndim else {}
    note(group.create_dataset(name, data=values, **options), "array", "0.2.0")


def write_plain_frame(parent: h5py.Group, name: str, index: tuple[str, np.ndarray], columns: Mapping[str, Any]) -> None:
    """Write a data frame.

    Parameters
    ----------
    index : name of the row names, and the names, object array of str
    columns : numbers, truth values, pandas Categorical, or object arrays of str with None = missing; shape (n_rows,)
    """
    group = parent.create_group(name)
    note(group, "dataframe", "0.2.0")
    group.attrs["_index"] = index[0]
    write_text(group, *index)
    for key, values in columns.items():
        if isinstance(values, np.ndarray) and values.dtype.kind == "O":
            values = pd.Categorical(values) if any(value is None for value in values) else values
        if isinstance(values, pd.Categorical):
            write_categorical(group, key, values)
        elif values.dtype.kind == "O":
            write_text(group, key, values)
        else:
            write_numbers(group, key, values)
    group.attrs.create("column-order", np.array(list(columns), dtype=object), dtype=TEXT, shape=(len(columns),))
