"""Arrow IPC streams as numpy arrays."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import arro3.core as ac
import numpy as np
import orjson
from arro3.io import read_ipc_stream


class Column(NamedTuple):
    """One column of a stream.

    Attributes
    ----------
    values : shape (n_rows,); numeric, or object array of str with None = missing
    facts : what the field's metadata says (kind, categories, colours)
    """

    values: np.ndarray
    facts: dict[str, Any]


def read_columns(body: bytes) -> dict[str, Column]:
    """All columns of an Arrow IPC stream, by name, in order."""
    table = read_ipc_stream(io.BytesIO(body)).read_all()
    columns: dict[str, Column] = {}
    for index, name in enumerate(table.column_names):
        field = table.schema.field(index)
        facts = {key: orjson.loads(value) for key, value in field.metadata_str.items()}
        chunked = table.column(index)
        is_text = field.type == ac.DataType.string()
        values = np.array(chunked.to_pylist(), dtype=object) if is_text else np.asarray(chunked.to_numpy())
        columns[name] = Column(values, facts)
    return columns
