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
ID_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
VALUE_TYPES: dict[int, np.dtype[Any]] = {**ID_TYPES, 12: np.dtype("<f4")}
FLOAT_VALUE = 12
_LEVEL = 5


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
        self._id_types = np.ones(n_features, dtype="u1")
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
        steps, id_types = _steps(block.indices, pointers)
        value_types = _value_types(block.data, pointers)
        self._id_types[span], self._value_types[span] = id_types, value_types
        steps_as = {code: steps.astype(ID_TYPES[code]) for code in np.unique(id_types).tolist()}
        values_as = {code: block.data.astype(VALUE_TYPES[code]) for code in np.unique(value_types).tolist()}
        for feature in range(len(counts)):
            first, last = pointers[feature], pointers[feature + 1]
            if last > first:
                self._write(_compress(steps_as[id_types[feature]][first:last]))
                self._write(_compress(values_as[value_types[feature]][first:last]))
            self._offsets[self._next + feature + 1] = self._end
        self._next += len(counts)

    def close(self, totals: np.ndarray) -> None:
        """Write the tables and the header, and put the file in place.

        Parameters
        ----------
        totals : shape (n_cells,), float64, sum of the stored values of each cell
        """
        if self._next != len(self._counts) or len(totals) != self._n_cells:
            raise ValueError(f"the index got {self._next} of {len(self._counts)} features, {len(totals)} totals")
        tables = b"".join(part.tobytes() for part in (self._offsets, self._counts, self._id_types, self._value_types))
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


def _compress(values: np.ndarray) -> bytes:
    shuffle = blosc.SHUFFLE if values.dtype.kind == "f" else blosc.BITSHUFFLE
    data: bytes = blosc.compress(values, b"lz4", _LEVEL, shuffle, 0, values.dtype.itemsize)
    return data


def _steps(cells: np.ndarray, pointers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of every cell number from the one before it, and the narrowest type code for each feature.

    Returns
    -------
    shape (n_values,) uint32, the first of a feature counted from 0; shape (n_features,) uint8
    """
    steps = np.empty(len(cells), dtype=np.uint32)
    codes = np.ones(len(pointers) - 1, dtype="u1")
    if not len(cells):
        return steps, codes
    np.subtract(cells[1:], cells[:-1], out=steps[1:], casting="unsafe")
    filled = np.flatnonzero(np.diff(pointers))
    starts = pointers[filled]
    steps[starts] = cells[starts]
    codes[filled] = _narrowest(np.maximum.reduceat(steps, starts))
    return steps, codes


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
