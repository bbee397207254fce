"""Columns as Arrow IPC streams."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import arro3.core as ac
import numpy as np
import orjson
from arro3.io import write_ipc_stream
from starlette.responses import Response

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_SLOW_VALUES = 20_000
_PLAIN_VALUES = 4_000_000


def arrow_bytes(
    columns: Mapping[str, np.ndarray | Sequence[str | None]],
    *,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
) -> bytes:
    """One record batch as an Arrow IPC stream.

    Parameters
    ----------
    columns : numeric arrays of shape (n_rows,), or texts (None = null); none at all is a stream without a batch
    metadata : facts about a column, stored as JSON in the field's metadata
    """
    table = _table(columns, metadata)
    sink = io.BytesIO()
    write_ipc_stream(table, sink, compression=None)
    return sink.getvalue()


def parquet_bytes(columns: Mapping[str, np.ndarray | Sequence[str | None]]) -> bytes:
    """Columns as a Parquet file, see `arrow_bytes`."""
    from arro3.io import write_parquet  # needed for downloads only

    sink = io.BytesIO()
    write_parquet(_table(columns), sink)
    return sink.getvalue()


def _table(
    columns: Mapping[str, np.ndarray | Sequence[str | None]],
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
) -> ac.Table:
    fields: list[ac.Field] = []
    arrays: list[ac.Array] = []
    for name, values in columns.items():
        array = _array(values)
        facts = (metadata or {}).get(name)
        extra = {key: orjson.dumps(value).decode() for key, value in facts.items()} if facts else None
        fields.append(ac.Field(name, array.type, nullable=True, metadata=extra))
        arrays.append(array)
    schema = ac.Schema(fields)
    batches = [ac.RecordBatch.from_arrays(arrays, schema=schema)] if arrays else []
    return ac.Table.from_batches(batches, schema=schema)


def arrow_response(
    columns: Mapping[str, np.ndarray | Sequence[str | None]],
    *,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Columns as the body of a response."""
    return Response(arrow_bytes(columns, metadata=metadata), media_type=MEDIA_TYPE, headers=headers)


def _array(values: np.ndarray | Sequence[str | None]) -> ac.Array:
    if _is_plain(values):
        return ac.Array.from_numpy(np.ascontiguousarray(values))
    texts = [None if value is None else str(value) for value in values]
    return ac.Array(texts, type=ac.DataType.string())


async def arrow_answer(
    columns: Mapping[str, np.ndarray | Sequence[str | None]],
    *,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Columns as the body of a response; large ones are spelled on a thread."""
    n_slow = sum(len(values) for values in columns.values() if not _is_plain(values))
    n_plain = sum(len(values) for values in columns.values()) - n_slow
    if n_slow > _SLOW_VALUES or n_plain > _PLAIN_VALUES:
        return await asyncio.to_thread(arrow_response, columns, metadata=metadata, headers=headers)
    return arrow_response(columns, metadata=metadata, headers=headers)


async def arrow_stream(batches: AsyncIterator[Mapping[str, np.ndarray]]) -> AsyncIterator[bytes]:
    """Record batches as one Arrow IPC stream, piece by piece; all have the same columns.

    Each batch is spelled as a stream of its own, whose schema and end are left out but for the first and the last.
    """
    is_first = True
    async for columns in batches:
        body = await asyncio.to_thread(arrow_bytes, columns)
        start = 0 if is_first else _schema_bytes(body)
        is_first = False
        yield body[start : -len(_END)]
    yield _END


def _schema_bytes(body: bytes) -> int:
    """Length of the first message of a stream: marker, length of its metadata, metadata."""
    return 8 + int.from_bytes(body[4:8], "little")


def _is_plain(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "iufb"
