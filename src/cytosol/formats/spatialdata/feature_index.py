"""Reading the feature-major index of a table: one feature costs one small read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy.sparse as sp
from numcodecs import blosc

from cytosol.base.errors import DamagedDataError, NotFoundError, UnsupportedFormatError
from cytosol.formats.spatialdata.index_writer import (
    HEADER,
    HEADER_BYTES,
    ID_TYPES,
    INDEX_FORMAT,
    MAGIC,
    VALUE_TYPES,
)

Read = Callable[[int, int], bytes]
"""Gives ``length`` bytes from ``offset``: ``read(offset, length)``."""
_JOIN_GAP = 32 << 10
_JOIN_MOST = 8 << 20
_LENGTH_OF_FRAME = struct.Struct("<12xI")


class FeatureIndex:
    """The index of one table, open for reading; holds 18 bytes a feature in memory. Safe for many threads.

    Attributes
    ----------
    n_cells, n_features, nnz : size of the matrix
    counts : shape (n_features,), int64, cells in which each feature is not zero
    """

    def __init__(self, read: Read, header: tuple[int, ...], tables: bytes) -> None:
        self._read = read
        self.n_cells, self.n_features, self.nnz = header[0:3]
        self._totals_at, self._totals_bytes = header[5:7]
        self._totals: np.ndarray | None = None
        n = self.n_features
        self._offsets = np.frombuffer(tables, "<i8", n + 1)
        self.counts = np.frombuffer(tables, "<i8", n, 8 * (n + 1))
        self._id_types = tables[16 * n + 8 : 17 * n + 8]
        self._value_types = tables[17 * n + 8 : 18 * n + 8]

    @classmethod
    def open(cls, read: Read) -> FeatureIndex:
        """Open an index, reading its header and tables only.

        Parameters
        ----------
        read : gives bytes of the file, ``read(offset, length)``

        Raises
        ------
        DamagedDataError
            Where the file is no index, or its tables changed; rebuild it from X.
        UnsupportedFormatError
            Where it was written by a newer version.
        """
        head = read(0, HEADER_BYTES)
        if len(head) < HEADER.size or head[:8] != MAGIC:
            raise DamagedDataError("The file is not a feature index", do="Rebuild the index from the matrix")
        _, number, _, *fields, checksum = HEADER.unpack_from(head)
        if number > INDEX_FORMAT:
            raise UnsupportedFormatError(f"The feature index has format {number}, this version reads {INDEX_FORMAT}")
        tables = bytes(read(fields[3], fields[4]))
        if len(tables) != 18 * fields[1] + 8 or zlib.crc32(tables) != checksum:
            raise DamagedDataError("The tables of the feature index are damaged", do="Rebuild it from the matrix")
        return cls(read, tuple(fields), tables)

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and features."""
        return self.n_cells, self.n_features

    @property
    def totals(self) -> np.ndarray:
        """Sum of the stored values of each cell: shape (n_cells,), float64, unit of the matrix; read once."""
        if self._totals is None:
            data = self._read(self._totals_at, self._totals_bytes)
            if len(data) != 8 * self.n_cells:
                raise DamagedDataError("The feature index ends early", do="Rebuild the index from the matrix")
            totals = np.frombuffer(data, "<f8")
            self._totals = totals
        return self._totals

    def feature(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """Read one feature.

        Parameters
        ----------
        feature : its place in ``var``, from 0

        Returns
        -------
        Cells that have it, shape (n,), int32, in order; their values, shape (n,), float32, unit of the matrix.
        """
        self._check(feature, feature)
        n = int(self.counts[feature])
        cells, values = np.empty(n, np.int32), np.empty(n, np.float32)
        if n:
            first, last = int(self._offsets[feature]), int(self._offsets[feature + 1])
            self._decode(feature, memoryview(self._read(first, last - first)), cells, values)
        return cells, values

    def features(self, features: Sequence[int] | np.ndarray) -> sp.csc_matrix:
        """Read some features, in the order asked for; one may be named twice. Neighbouring reads are joined.

        Parameters
        ----------
        features : shape (k,), places in ``var``

        Returns
        -------
        shape (n_cells, k) CSC, float32, unit of the matrix, cells in order.
        """
        wanted = np.asarray(features, dtype=np.int64)
        if not len(wanted):
            return sp.csc_matrix((self.n_cells, 0), dtype=np.float32)
        self._check(int(wanted.min()), int(wanted.max()))
        pointers = np.zeros(len(wanted) + 1, dtype=np.int64)
        np.cumsum(self.counts[wanted], out=pointers[1:])
        cells, values = np.empty(pointers[-1], np.int32), np.empty(pointers[-1], np.float32)
        order = np.argsort(wanted, kind="stable").tolist()
        ends = pointers.tolist()
        at = 0
        while at < len(order):
            stop, first, last = self._run(wanted, order, at)
            data = memoryview(self._read(first, last - first)) if last > first else memoryview(b"")
            for place in order[at:stop]:
                feature = int(wanted[place])
                span = slice(ends[place], ends[place + 1])
                if span.stop > span.start:
                    self._decode(feature, data[int(self._offsets[feature]) - first :], cells[span], values[span])
            at = stop
        if pointers[-1] <= np.iinfo(np.int32).max:
            pointers = pointers.astype(np.int32)
        matrix = sp.csc_matrix((values, cells, pointers), shape=(self.n_cells, len(wanted)))
        matrix.has_canonical_format = True
        return matrix

    def blocks(self, max_bytes: int) -> Iterator[tuple[int, sp.csc_matrix]]:
        """All features in order, as pairs of the first feature and a block of at most about ``max_bytes``."""
        ends = np.cumsum(self.counts)
        start = 0
        while start < self.n_features:
            before = int(ends[start - 1]) if start else 0
            stop = int(np.searchsorted(ends, before + max_bytes // 8, side="right"))
            stop = min(max(stop, start + 1), self.n_features)
            yield start, self.features(np.arange(start, stop))
            start = stop

    def _check(self, lowest: int, highest: int) -> None:
        if lowest < 0 or highest >= self.n_features:
            raise NotFoundError(
                f"The table has {self.n_features} features, none has the place {lowest if lowest < 0 else highest}"
            )

    def _run(self, wanted: np.ndarray, order: list[int], at: int) -> tuple[int, int, int]:
        """How far the features from ``at`` on lie close enough for one read: end of the run, first and last byte."""
        feature = int(wanted[order[at]])
        first, last = int(self._offsets[feature]), int(self._offsets[feature + 1])
        stop = at + 1
        while stop < len(order):
            feature = int(wanted[order[stop]])
            begin, end = int(self._offsets[feature]), int(self._offsets[feature + 1])
            if begin - last > _JOIN_GAP or end - first > _JOIN_MOST:
                break
            last = max(last, end)
            stop += 1
        return stop, first, last

    def _decode(self, feature: int, data: memoryview, cells: np.ndarray, values: np.ndarray) -> None:
        try:
            (length,) = _LENGTH_OF_FRAME.unpack_from(data)
            steps = np.frombuffer(blosc.decompress(data[:length]), ID_TYPES[self._id_types[feature]])
            end = length + _LENGTH_OF_FRAME.unpack_from(data, length)[0]
            found = np.frombuffer(blosc.decompress(data[length:end]), VALUE_TYPES[self._value_types[feature]])
            np.cumsum(steps, dtype=np.int32, out=cells)
            values[...] = found
        except (RuntimeError, ValueError, KeyError, struct.error) as error:
            raise DamagedDataError(
                "A frame of the feature index is damaged", where=f"feature {feature}", do="Rebuild the index"
            ) from error
