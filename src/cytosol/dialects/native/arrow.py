"""Columns as Arrow IPC streams."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import arro3.core as ac
import numpy as np
import orjson
from arro3.io import write_ipc_stream
from starlette.responses import Response

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


def arrow_bytes(
    columns: Mapping[str, np.ndarray | Sequence[str | None]],
    *,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
) -> bytes:
    """One record batch as an Arrow IPC stream.

    Parameters
    ----------
    columns : numeric arrays of shape (n_rows,), or texts (None = null)
    metadata : facts about a column, stored as JSON in the field's metadata
    """
    fields: list[ac.Field] = []
    arrays: list[ac.Array] = []
    for name, values in columns.items():
        array = _array(values)
        facts = (metadata or {}).get(name)
        extra = {key: orjson.dumps(value).decode() for key, value in facts.items()} if facts else None
        fields.append(ac.Field(name, array.type, nullable=True, metadata=extra))
        arrays.append(array)
    schema = ac.Schema(fields)
    batch = ac.RecordBatch.from_arrays(arrays, schema=schema)
    sink = io.BytesIO()
    write_ipc_stream(ac.Table.from_batches([batch], schema=schema), sink, compression=None)
    return sink.getvalue()


def arrow_response(
    columns: Mapping[str, np.ndarray | Sequence[str | None]],
    *,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Columns as the body of a response."""
    return Response(arrow_bytes(columns, metadata=metadata), media_type=MEDIA_TYPE, headers=headers)


def _array(values: np.ndarray | Sequence[str | None]) -> ac.Array:
    if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
        return ac.Array.from_numpy(np.ascontiguousarray(values))
    texts = [None if value is None else str(value) for value in values]
    return ac.Array(texts, type=ac.DataType.string())
