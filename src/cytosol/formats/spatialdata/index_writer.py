"""Writing the feature-major index of a table; its layout is described in docs/concepts/store.md."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp
from numcodecs import blosc

MAGIC = b"CYTOFMIX"
INDEX_FORMAT = 1
HEADER = struct.Struct("<8sIIqqqqqqqI")
"""Magic, format, header length, cells, features, values, tables at, tables length, totals at, totals length, CRC-32."""
HEADER_BYTES = 128
VALUE_TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    12: np.dtype("<f4"),
}
FLOAT_VALUE = 12
TABLE_BYTES = 21
"""Bytes of the tables a feature: offset, count, length of the cell frame, value type; 8 more for the last offset."""
_CELL_LEVEL = 5
_VALUE_LEVEL = 1


class FeatureIndexWriter:
    """Writes the index of one table, features in order; the file appears whole at ``close`` or not at all.

    Parameters
    ----------
    path : where the file shall lie
    n_cells, n_features : shape of the table
    """

    def __init__(self, path: Path, n_cells: int, n_features: int) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._n_cells = n_cells
        self._offsets = np.zeros(n_features + 1, dtype="<i8")
        self._counts = np.zeros(n_features, dtype="<i8")
        self._cell_bytes = np.zeros(n_features, dtype="<u4")
        self._value_types = np.ones(n_features, dtype="u1")
        self._next = 0
        self._file: BinaryIO = self._part.open("wb", buffering=1 << 20)
        self._file.write(bytes(HEADER_BYTES))
        self._end = HEADER_BYTES
        self._offsets[0] = self._end

    def __enter__(self) -> FeatureIndexWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def add(self, block: sp.csc_matrix) -> None:
        """Write the next features.

        Parameters
        ----------
        block : shape (n_cells, n features of the block) CSC, cells in order and without duplicates; values unsigned
            integers up to 32 bits, or float32
        """
        pointers = block.indptr
        counts = np.diff(pointers)
        span = slice(self._next, self._next + len(counts))
        self._counts[span] = counts
        types = _value_types(block.data, pointers)
        self._value_types[span] = types
        cells = block.indices.astype("<i4", copy=False)
        values_as = {code: block.data.astype(VALUE_TYPES[code]) for code in np.unique(types).tolist()}
        ends = pointers.tolist()
        for number, code in enumerate(types.tolist()):
            first, last = ends[number], ends[number + 1]
            if last > first:
                frame = blosc.compress(cells[first:last], b"lz4", _CELL_LEVEL, blosc.SHUFFLE, 0, 4)
                self._cell_bytes[self._next + number] = len(frame)
                self._write(frame)
                self._write(_compress_values(values_as[code][first:last]))
            self._offsets[self._next + number + 1] = self._end
        self._next += len(counts)

    def close(self, totals: np.ndarray) -> None:
        """Write the tables and the header, and put the file in place.

        Parameters
        ----------
        totals : shape (n_cells,), float64, what each cell is scaled by: the sum of its values; see ``CellSums.scale``
        """
        if self._next != len(self._counts) or len(totals) != self._n_cells:
            raise ValueError(f"the index got {self._next} of {len(self._counts)} features, {len(totals)} totals")
        tables = b"".join(part.tobytes() for part in (self._offsets, self._counts, self._cell_bytes, self._value_types))
        at = self._end
        sums = np.ascontiguousarray(totals, dtype="<f8").tobytes()
        self._file.write(tables)
        self._file.write(sums)
        header = HEADER.pack(
            MAGIC,
            INDEX_FORMAT,
            HEADER_BYTES,
            self._n_cells,
            len(self._counts),
            int(self._counts.sum()),
            at,
            len(tables),
            at + len(tables),
            len(sums),
            zlib.crc32(tables),
        )
        self._file.seek(0)
        self._file.write(header)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._end += len(data)


def _compress_values(values: np.ndarray) -> bytes:
    """Few different values, so the thorough lz4 pays: smaller by a fifth and faster to read than the plain one."""
    data: bytes = blosc.compress(values, b"lz4hc", _VALUE_LEVEL, blosc.SHUFFLE, 0, values.dtype.itemsize)
    return data


def _value_types(values: np.ndarray, pointers: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return np.full(len(pointers) - 1, FLOAT_VALUE, dtype="u1")
    codes = np.ones(len(pointers) - 1, dtype="u1")
    filled = np.flatnonzero(np.diff(pointers))
    if len(filled):
        codes[filled] = _narrowest(np.maximum.reduceat(values, pointers[filled]))
    return codes


def _narrowest(largest: np.ndarray) -> np.ndarray:
    """Bytes of the narrowest of 1, 2 and 4 that hold each number."""
    return (1 + (largest > 0xFF) + 2 * (largest > 0xFFFF)).astype("u1")
