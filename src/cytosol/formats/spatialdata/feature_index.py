"""Reading the feature-major index of a table: one feature costs one small read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy.sparse as sp
from numcodecs import blosc

from cytosol.base.errors import DamagedDataError, NotFoundError, UnsupportedFormatError
from cytosol.formats.spatialdata.index_writer import (
    HEADER,
    HEADER_BYTES,
    INDEX_FORMAT,
    MAGIC,
    TABLE_BYTES,
    VALUE_TYPES,
)

Read = Callable[[int, int], bytes]
"""Gives ``length`` bytes from ``offset``: ``read(offset, length)``."""
_JOIN_GAP = 32 << 10
_JOIN_MOST = 8 << 20
_CELL = np.dtype("<i4")


class FeatureIndex:
    """The index of one table, open for reading; holds 21 bytes a feature in memory. Safe for many threads.

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
        self.counts = np.frombuffer(tables, "<i8", n, 8 * n + 8)
        self._offsets: list[int] = np.frombuffer(tables, "<i8", n + 1).tolist()
        self._cell_bytes: list[int] = np.frombuffer(tables, "<u4", n, 16 * n + 8).tolist()
        self._value_types = tables[20 * n + 8 :]

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
        if len(tables) != TABLE_BYTES * fields[1] + 8 or zlib.crc32(tables) != checksum:
            raise DamagedDataError("The tables of the feature index are damaged", do="Rebuild it from the matrix")
        return cls(read, tuple(fields), tables)

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and features."""
        return self.n_cells, self.n_features

    @property
    def totals(self) -> np.ndarray:
        """What each cell is scaled by, the sum of its values or that of CLR: shape (n_cells,), float64; read once."""
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
        Cells that have it, shape (n,), int32, in order, not writable; their values, shape (n,), float32, unit of the
        matrix.
        """
        self._check(feature, feature)
        first, last = self._offsets[feature], self._offsets[feature + 1]
        if first == last:
            return np.empty(0, _CELL), np.empty(0, np.float32)
        cells, values = self._decode(feature, self._read(first, last - first))
        return cells, values.astype(np.float32)

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
        if pointers[-1] <= np.iinfo(np.int32).max:
            pointers = pointers.astype(np.int32)
        decoded = self._decode_all(sorted(set(wanted.tolist())))
        parts = [decoded[feature] for feature in wanted.tolist()]
        cells = np.concatenate([part[0] for part in parts])
        values = np.concatenate([part[1] for part in parts], dtype=np.float32, casting="unsafe")
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

    def _decode_all(self, features: list[int]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Read and unpack features that are given in order, joining reads that lie close together."""
        offsets = self._offsets
        nothing = np.empty(0, _CELL), np.empty(0, np.float32)
        decoded = {}
        at = 0
        while at < len(features):
            first, last = offsets[features[at]], offsets[features[at] + 1]
            stop = at + 1
            while stop < len(features):
                feature = features[stop]
                if offsets[feature] - last > _JOIN_GAP or offsets[feature + 1] - first > _JOIN_MOST:
                    break
                last = offsets[feature + 1]
                stop += 1
            data = self._read(first, last - first) if last > first else b""
            for feature in features[at:stop]:
                begin, end = offsets[feature], offsets[feature + 1]
                whole = begin == first and end == last
                frame = data if whole else data[begin - first : end - first]
                decoded[feature] = self._decode(feature, frame) if end > begin else nothing
            at = stop
        return decoded

    def _decode(self, feature: int, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Unpack one feature: cells, and values in the type that they are stored in."""
        try:
            middle = self._cell_bytes[feature]
            cells = np.frombuffer(blosc.decompress(data[:middle]), _CELL)
            values = np.frombuffer(blosc.decompress(data[middle:]), VALUE_TYPES[self._value_types[feature]])
        except (RuntimeError, ValueError, KeyError) as error:
            raise _damaged(feature) from error
        if not len(cells) == len(values) == self.counts[feature]:
            raise _damaged(feature)
        return cells, values


def _damaged(feature: int) -> DamagedDataError:
    return DamagedDataError(
        "A frame of the feature index is damaged", where=f"feature {feature}", do="Rebuild it from the matrix"
    )
