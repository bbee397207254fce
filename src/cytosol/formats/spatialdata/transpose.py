"""External transpose of a sparse matrix: rows go in block by block, columns come out group by group.

Each block is turned over in memory and laid down in one scratch file; a group of columns is then gathered from all
blocks. Memory depends on the budget, not on the size of the matrix.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import scipy.sparse as sp

from cytosol.formats.spatialdata.zarr_io import common_dtype

_BYTES_PER_VALUE = 28
"""What one value costs while a group is gathered: pieces, their joined copies, the result."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Where a turned block lies in the scratch file: pointers (int32), then row numbers, then values."""

    n_rows: int
    nnz: int
    offset: int
    index_dtype: np.dtype[Any]
    value_dtype: np.dtype[Any]


class TransposeWriter:
    """Takes the rows of a sparse matrix in order and gives its columns in order.

    Parameters
    ----------
    scratch : folder for one temporary file, about as large as the matrix
    n_columns : columns of the matrix
    memory_bytes : what a group of columns may cost while it is gathered
    """

    def __init__(self, scratch: Path, n_columns: int, *, memory_bytes: int) -> None:
        self._n_columns = n_columns
        self._group_values = max(1, memory_bytes // _BYTES_PER_VALUE)
        self._pieces: list[_Piece] = []
        self._counts = np.zeros(n_columns, dtype=np.int64)
        self._file = tempfile.TemporaryFile(dir=scratch, prefix="transpose-", buffering=0)  # noqa: SIM115 closed by close
        self._end = 0

    def __enter__(self) -> TransposeWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def nnz(self) -> int:
        """Values taken so far."""
        return sum(piece.nnz for piece in self._pieces)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest type that holds the values of every block taken so far."""
        dtype: np.dtype[Any] = np.dtype("u1")
        for piece in self._pieces:
            dtype = common_dtype(dtype, piece.value_dtype)
        return dtype

    def add(self, block: sp.csr_matrix) -> None:
        """Take the next rows.

        Parameters
        ----------
        block : shape (n_rows, n_columns) CSR without duplicates
        """
        turned = block.tocsc()
        index_dtype = np.dtype("<u2") if block.shape[0] <= 1 << 16 else np.dtype("<i4")
        pointers = turned.indptr.astype(np.int32)
        self._counts += np.diff(pointers)
        piece = _Piece(block.shape[0], int(turned.nnz), self._end, index_dtype, turned.data.dtype)
        for part in (pointers, turned.indices.astype(index_dtype), turned.data):
            self._write(np.ascontiguousarray(part))
        self._pieces.append(piece)

    def groups(self, dtype: np.dtype[Any]) -> Iterator[tuple[int, sp.csc_matrix]]:
        """Give the columns in order, as many at a time as the budget holds.

        Parameters
        ----------
        dtype : type of the values; holds the values of every block

        Yields
        ------
        The first column, and a matrix of shape (n_rows in all, columns of the group) CSC, rows in order.
        """
        ends = np.cumsum(self._counts)
        start = 0
        while start < self._n_columns:
            before = int(ends[start - 1]) if start else 0
            stop = int(np.searchsorted(ends, before + self._group_values, side="right"))
            stop = min(max(stop, start + 1), self._n_columns)
            yield start, self._gather(start, stop, dtype)
            start = stop

    def close(self) -> None:
        """Give the scratch file back."""
        self._file.close()

    def _write(self, part: np.ndarray) -> None:
        view = part.view(np.uint8).data
        while view:
            written = self._file.write(view)
            view = view[written:]
            self._end += written

    def _read(self, offset: int, count: int, dtype: np.dtype[Any]) -> np.ndarray:
        out = np.empty(count, dtype)
        if count:
            self._file.seek(offset)
            view = out.view(np.uint8).data
            while view:
                got = self._file.readinto(view)
                if not got:
                    raise OSError("the scratch file of a transpose ended early")
                view = view[got:]
        return out

    def _gather(self, start: int, stop: int, dtype: np.dtype[Any]) -> sp.csc_matrix:
        parts = []
        for piece in self._pieces:
            pointers = self._read(piece.offset + 4 * start, stop - start + 1, np.dtype("<i4"))
            first, count = int(pointers[0]), int(pointers[-1] - pointers[0])
            indices_at = piece.offset + 4 * (self._n_columns + 1)
            values_at = indices_at + piece.nnz * piece.index_dtype.itemsize
            indices = self._read(indices_at + first * piece.index_dtype.itemsize, count, piece.index_dtype)
            values = self._read(values_at + first * piece.value_dtype.itemsize, count, piece.value_dtype)
            shape = (piece.n_rows, stop - start)
            values = values.astype(dtype, copy=False)
            parts.append(sp.csc_matrix((values, indices.astype(np.int32), pointers - first), shape=shape))
        if not parts:
            return sp.csc_matrix((0, stop - start), dtype=dtype)
        return parts[0] if len(parts) == 1 else sp.vstack(parts, format="csc")
