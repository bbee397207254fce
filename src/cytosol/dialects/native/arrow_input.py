"""Annotations that come as an Arrow IPC stream."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import arro3.core as ac
import numpy as np
import orjson
import pandas as pd
from arro3.io import read_ipc_stream

from cytosol.base.errors import InvalidInputError, UnreadableFileError

BARCODE = "barcode"


def read_frame(body: bytes, *, name: str = "") -> tuple[pd.DataFrame, bool]:
    """The annotations in a stream, and whether they are told by barcode (else by the order of rows).

    Parameters
    ----------
    body : columns of numbers, texts, dictionaries, or codes with ``categories`` in the field's metadata; the column
        "barcode" names the cells
    name : for the one annotation of the stream; "" = as the column is called

    Raises
    ------
    UnreadableFileError
        Where the bytes are no such stream.
    InvalidInputError
        Where a column cannot be an annotation.
    """
    try:
        table = read_ipc_stream(io.BytesIO(body)).read_all()
    except Exception as error:  # the reader raises plain Exception for damage of any kind
        raise UnreadableFileError(
            f"The body is no Arrow IPC stream: {str(error)[:200]}", do="Write it with format 'stream'"
        ) from error
    columns: dict[str, Any] = {}
    for place, title in enumerate(table.column_names):
        if title in columns:
            raise InvalidInputError("Two columns have the same name", where=title[:255])
        columns[title] = _series(table.column(place), table.schema.field(place))
    index = columns.pop(BARCODE, None)
    if not columns:
        raise InvalidInputError("The stream holds no annotation", do=f"Send a column besides '{BARCODE}'")
    if name:
        if len(columns) != 1:
            raise InvalidInputError(
                f"One name is given for {len(columns)} annotations", where="name", do="Name the columns instead"
            )
        columns = {name: next(iter(columns.values()))}
    frame = pd.DataFrame(columns)
    if index is not None:
        frame.index = pd.Index([str(barcode) for barcode in index], dtype=object)
    return frame, index is not None


def _series(chunked: ac.ChunkedArray, field: ac.Field) -> pd.Series[Any]:
    facts = _facts(field)
    kind: Any = field.type
    types: Any = ac.DataType
    if types.is_dictionary(kind) or types.is_string(kind) or types.is_large_string(kind):
        return pd.Series(pd.Categorical(chunked.to_pylist())) if field.name != BARCODE else _texts(chunked)
    if not (types.is_numeric(kind) or types.is_boolean(kind)):
        raise InvalidInputError(
            f"A column of the type {kind} cannot be an annotation", where=field.name[:255], do="Send numbers or texts"
        )
    if chunked.null_count:
        values = np.array([np.nan if value is None else value for value in chunked.to_pylist()], np.float64)
    else:
        values = np.asarray(chunked.to_numpy())
    if "categories" in facts:
        return _coded(values, facts, field.name)
    return pd.Series(values.astype(np.float64) if values.dtype != bool else values)


def _texts(chunked: ac.ChunkedArray) -> pd.Series[Any]:
    return pd.Series(chunked.to_pylist(), dtype=object)


def _coded(values: np.ndarray, facts: Mapping[str, Any], name: str) -> pd.Series[Any]:
    try:
        codes = np.where(np.isnan(values), -1, values).astype(np.int64)
        categories = [str(level) for level in facts["categories"]]
        return pd.Series(pd.Categorical.from_codes(codes, categories=categories, ordered=bool(facts.get("ordered"))))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"The codes do not fit the categories: {error}", where=name[:255]) from error


def _facts(field: ac.Field) -> dict[str, Any]:
    try:
        return {key: orjson.loads(value) for key, value in field.metadata_str.items()}
    except (orjson.JSONDecodeError, UnicodeDecodeError):
        return {}  # metadata of somebody else
