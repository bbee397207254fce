"""Writes small R data files: as much of R's serialisation as the tests of the reader need."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

_NA_INT = -(1 << 31)


@dataclass
class R:
    """A value with attributes: list, list of str or None, integer or float array, bool array; or None for S4."""

    value: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)


def s4(name: str, **slots: Any) -> R:
    return R(None, {**slots, "class": [name]})


def named(items: dict[str, Any]) -> R:
    """A named list."""
    return R(list(items.values()), {"names": list(items)}) if items else R([])


def factor(codes: list[int | None], levels: list[str]) -> R:
    values = np.array([_NA_INT if code is None else code for code in codes], dtype=np.int32)
    return R(values, {"levels": levels, "class": ["factor"]})


def frame(columns: dict[str, Any], rows: list[str]) -> R:
    return R(list(columns.values()), {"names": list(columns), "class": ["data.frame"], "row.names": rows})


def dense(values: np.ndarray, rows: list[str] | None = None, columns: list[str] | None = None) -> R:
    attributes: dict[str, Any] = {"dim": np.array(values.shape, dtype=np.int32)}
    if rows is not None or columns is not None:
        attributes["dimnames"] = R([rows or R("NULL"), columns or R("NULL")])
    return R(np.asfortranarray(values).ravel(order="F"), attributes)


def sparse(values: np.ndarray, rows: list[str] | None = None, columns: list[str] | None = None) -> R:
    """A dgCMatrix."""
    made = sp.csc_matrix(values.astype(np.float64))
    return s4(
        "dgCMatrix",
        i=made.indices.astype(np.int32),
        p=made.indptr.astype(np.int32),
        Dim=np.array(values.shape, dtype=np.int32),
        Dimnames=R([rows or R("NULL"), columns or R("NULL")]),
        x=made.data,
    )


def rds(value: Any, *, packed: bool = True) -> bytes:
    content = b"X\n" + struct.pack(">iii", 2, 0x00030602, 0x00020300) + _item(value)
    return gzip.compress(content, mtime=0) if packed else content


def _item(value: Any) -> bytes:
    attributes: dict[str, Any] = {}
    if isinstance(value, R):
        value, attributes = value.value, value.attributes
        if isinstance(value, str):
            return struct.pack(">i", 254)
        if value is None:
            return struct.pack(">i", 25 | 0x100 | 0x200 | 1 << 16) + _pairs(attributes)
    kind, body = _body(value)
    flags = kind | (0x200 if attributes else 0) | (0x100 if "class" in attributes else 0)
    return struct.pack(">i", flags) + body + (_pairs(attributes) if attributes else b"")


def _body(value: Any) -> tuple[int, bytes]:
    size = struct.pack(">i", len(value))
    if isinstance(value, list):
        if value and all(isinstance(part, str) or part is None for part in value):
            return 16, size + b"".join(map(_chars, value))
        return 19, size + b"".join(map(_item, value))
    if value.dtype == np.bool_:
        return 10, size + value.astype(">i4").tobytes()
    if value.dtype.kind == "i":
        return 13, size + value.astype(">i4").tobytes()
    return 14, size + value.astype(">f8").tobytes()


def _chars(text: str | None) -> bytes:
    if text is None:
        return struct.pack(">ii", 9, -1)
    content = text.encode()
    return struct.pack(">ii", 9 | 8 << 12, len(content)) + content


def _pairs(attributes: dict[str, Any]) -> bytes:
    parts = [struct.pack(">i", 2 | 0x400) + struct.pack(">i", 1) + _chars(k) + _item(v) for k, v in attributes.items()]
    return b"".join(parts) + struct.pack(">i", 254)
