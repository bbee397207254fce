"""Writing R's serialization, the inside of .rds files, without R: values are described first, then streamed.

Format: version 2, XDR, of 'R Internals', section 'Serialization Formats'; every R since 2.3 reads it. Vectors may come
in pieces, so that what is larger than memory can be written.
"""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Union, cast

import numpy as np

MAX_LENGTH = 2**31 - 1
"""Longest vector, and most values of a sparse matrix."""
NA_INTEGER = np.int32(-(2**31))
NULL_SLOT = "\x01NULL\x01"
"""The symbol that stands for NULL in a slot of an S4 object."""
_LOGICAL, _INTEGER, _DOUBLE, _TEXT, _LIST, _S4 = 10, 13, 14, 16, 19, 25
_SYMBOL, _PAIR, _CHARS, _NIL, _REFERENCE = 1, 2, 9, 254, 255
_IS_OBJECT, _HAS_ATTRIBUTES, _HAS_TAG = 1 << 8, 1 << 9, 1 << 10
_UTF8, _ASCII, _S4_BIT = 1 << 15, 1 << 18, 1 << 16
_TYPES = {"logical": (_LOGICAL, ">i4"), "integer": (_INTEGER, ">i4"), "double": (_DOUBLE, ">f8")}
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class RNumbers:
    """A vector of numbers.

    Attributes
    ----------
    kind : "logical", "integer" or "double"
    length : of the whole vector
    pieces : gives the vector in order, arrays of shape (n,); called once when it is written
    """

    kind: str
    length: int
    pieces: Callable[[], Iterable[np.ndarray]]
    attributes: Mapping[str, RValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RText:
    """A character vector, spelled already so that names which occur often are spelled once."""

    length: int
    data: bytes
    attributes: Mapping[str, RValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RList:
    """A list; ``names`` gives its items names."""

    items: Sequence[RValue]
    attributes: Mapping[str, RValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RObject:
    """An S4 object; a slot that is None holds NULL."""

    name: str
    package: str
    slots: Mapping[str, RValue | None]


RValue = Union[RNumbers, RText, RList, RObject]  # noqa: UP007 (the classes name it before it is there)


# making values


def numbers(values: np.ndarray | Sequence[float], kind: str = "") -> RNumbers:
    """A vector: truth values become logical, whole numbers of 32 bits integer, other numbers double."""
    array = np.asarray(values)
    if not kind:
        kind = "logical" if array.dtype.kind == "b" else "double"
        if array.dtype.kind in "iu" and (not array.size or -MAX_LENGTH <= array.min() <= array.max() <= MAX_LENGTH):
            kind = "integer"
    return RNumbers(kind, len(array), lambda: (array,))


def text(values: Iterable[str | None]) -> RText:
    """A character vector; None is NA."""
    parts = [_chars(value) for value in values]
    return RText(len(parts), b"".join(parts))


def named(items: Mapping[str, RValue]) -> RList:
    """A list with names; without items a plain empty list."""
    return RList(list(items.values()), {"names": text(items)} if items else {})


def factor(codes: np.ndarray, levels: Sequence[str], *, ordered: bool = False, **attributes: RValue) -> RNumbers:
    """A factor.

    Parameters
    ----------
    codes : shape (n,), integer, places in ``levels``; -1 = NA
    """
    values = np.where(codes < 0, NA_INTEGER, codes.astype(np.int32) + 1)
    kind = text(["ordered", "factor"] if ordered else ["factor"])
    return replace(numbers(values, "integer"), attributes={**attributes, "levels": text(levels), "class": kind})


def matrix(values: np.ndarray, row_names: RText | None = None, column_names: Sequence[str] = ()) -> RNumbers:
    """A numeric matrix, shape (n_rows, n_columns), as doubles."""
    attributes: dict[str, RValue] = {"dim": numbers(np.array(values.shape, np.int32))}
    if row_names is not None:
        attributes["dimnames"] = RList([row_names, text(column_names)])
    columns = (np.ascontiguousarray(values[:, at]) for at in range(values.shape[1]))
    return RNumbers("double", values.size, lambda: columns, attributes)


def data_frame(columns: Mapping[str, RValue], row_names: RText) -> RList:
    """A data frame whose columns all have one value a row name."""
    kind = text(["data.frame"])
    return RList(list(columns.values()), {"names": text(columns), "row.names": row_names, "class": kind})


def _chars(value: str | None) -> bytes:
    if value is None:
        return struct.pack(">ii", _CHARS, -1)
    data = value.replace("\x00", "").encode()
    return struct.pack(">ii", _CHARS | (_ASCII if data.isascii() else _UTF8), len(data)) + data


# writing


def write_rds(path: Path, value: RValue) -> None:
    """Write one value as an .rds file; whole or absent."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
            buffered = io.BufferedWriter(cast(io.RawIOBase, packed), _BUFFER)
            _Stream(cast(BinaryIO, buffered)).write(value)
            buffered.flush()
            buffered.detach()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class _Stream:
    """Spells values one after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._symbols: dict[str, int] = {}

    def write(self, value: RValue) -> None:
        self._file.write(b"X\n")
        self._ints(2, 0x00040000, 0x00020300)  # version, written by R 4.0.0, for R 2.3.0
        self._value(value)

    def _ints(self, *values: int) -> None:
        self._file.write(struct.pack(f">{len(values)}i", *values))

    def _value(self, value: RValue | None) -> None:
        if value is None:
            self._symbol(NULL_SLOT)
        elif isinstance(value, RObject):
            self._ints(_S4 | _IS_OBJECT | _HAS_ATTRIBUTES | _S4_BIT)
            kind = replace(text([value.name]), attributes={"package": text([value.package])})
            self._attributes({**value.slots, "class": kind})
        else:
            self._vector(value)

    def _vector(self, value: RNumbers | RText | RList) -> None:
        kind = _TEXT if isinstance(value, RText) else _LIST if isinstance(value, RList) else _TYPES[value.kind][0]
        flags = _HAS_ATTRIBUTES if value.attributes else 0
        self._ints(kind | flags | (_IS_OBJECT if "class" in value.attributes else 0))
        if isinstance(value, RText):
            self._ints(value.length)
            self._file.write(value.data)
        elif isinstance(value, RList):
            self._ints(len(value.items))
            for item in value.items:
                self._value(item)
        else:
            self._numbers(value)
        if value.attributes:
            self._attributes(value.attributes)

    def _numbers(self, value: RNumbers) -> None:
        self._ints(value.length)
        dtype = _TYPES[value.kind][1]
        written = 0
        for piece in value.pieces():
            self._file.write(np.ascontiguousarray(piece, dtype=dtype).data)
            written += len(piece)
        if written != value.length:
            raise ValueError(f"a vector of {value.length} values came with {written}")

    def _attributes(self, attributes: Mapping[str, RValue | None]) -> None:
        for name, value in attributes.items():
            self._ints(_PAIR | _HAS_TAG)
            self._symbol(name)
            self._value(value)
        self._ints(_NIL)

    def _symbol(self, name: str) -> None:
        """A symbol is spelled once, and later pointed to by its number."""
        if name in self._symbols:
            self._ints(_REFERENCE | self._symbols[name] << 8)
            return
        self._symbols[name] = len(self._symbols) + 1
        self._ints(_SYMBOL)
        self._file.write(_chars(name))
