"""Matrices inside HDF5 files, dense or compressed sparse, read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import h5py
import numpy as np
import scipy.sparse as sp

from cytosol.base.errors import UnreadableFileError
from cytosol.base.tables import MatrixBlock
from cytosol.formats.files import readable
from cytosol.formats.h5guard import check_own_values, check_type
from cytosol.formats.values import Checker, number_like

_PROBE_ALL = 1 << 22
_PROBE_PIECES = 64
_MAX_PACKING = 1100
_SMALL = 64 << 20


class DiskMatrix(Protocol):
    """A cells × features matrix in an HDF5 file."""

    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def place(self) -> str: ...
    def probe(self) -> np.ndarray:
        """Values to judge the kind by: all of a small matrix, evenly spread pieces of a large one."""
        ...

    def blocks(self, check: Checker, block_bytes: int) -> Iterator[MatrixBlock]: ...


def read_whole(dataset: h5py.Dataset, where: str) -> np.ndarray:
    """Read a dataset whole, unless it claims far more than the file holds."""
    check_type(dataset.dtype)
    check_own_values(dataset)
    check_claim(dataset, where)
    return np.asarray(dataset[()])


def check_claim(dataset: h5py.Dataset, where: str) -> None:
    """Refuse a dataset that claims far more than the file holds."""
    claimed = (dataset.size or 0) * max(dataset.dtype.itemsize, 1)
    if claimed > _SMALL and claimed > _MAX_PACKING * max(dataset.id.get_storage_size(), 1):
        raise UnreadableFileError(
            f"'{dataset.name}' claims {dataset.size} values, far more than the file holds",
            where=where,
            do="Copy or download the file again; a damaged size field looks like this",
        )


@dataclass(frozen=True, slots=True)
class DenseMatrix:
    """A two-dimensional dataset, shape (n_cells, n_features)."""

    dataset: h5py.Dataset
    place: str

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and features."""
        return int(self.dataset.shape[0]), int(self.dataset.shape[1])

    def probe(self) -> np.ndarray:
        """Values to judge the kind by."""
        n_cells, n_features = self.shape
        per_piece = max(1, _PROBE_ALL // _PROBE_PIECES // max(n_features, 1))
        with readable(self.place):
            if n_cells * n_features <= _PROBE_ALL:
                return np.asarray(self.dataset[()]).ravel()
            starts = np.linspace(0, n_cells - per_piece, _PROBE_PIECES).astype(np.int64)
            return np.concatenate([self.dataset[start : start + per_piece].ravel() for start in np.unique(starts)])

    def blocks(self, check: Checker, block_bytes: int) -> Iterator[MatrixBlock]:
        """Cells in order."""
        n_cells, n_features = self.shape
        step = max(1, block_bytes // max(1, n_features * (self.dataset.dtype.itemsize + 4)))
        chunk = self.dataset.chunks[0] if self.dataset.chunks else 1
        step = max(step - step % chunk, 1) if step > chunk else step
        with readable(self.place):
            for start in range(0, n_cells, step):
                piece = np.asarray(self.dataset[start : start + step])
                yield check.rows(start, sp.csr_matrix(piece))


@dataclass(frozen=True, slots=True)
class SparseMatrix:
    """Compressed sparse data.

    Attributes
    ----------
    group : holds data, indices, indptr
    n_major, n_minor : lengths of the axis that is compressed, and of the other
    axis : what the compressed axis is
    """

    group: h5py.Group
    n_major: int
    n_minor: int
    axis: Literal["cells", "features"]
    place: str

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and features."""
        return (self.n_major, self.n_minor) if self.axis == "cells" else (self.n_minor, self.n_major)

    def probe(self) -> np.ndarray:
        """Values to judge the kind by."""
        with readable(self.place):
            data = self.group["data"]
            size = int(data.shape[0])
            if size <= _PROBE_ALL:
                return np.asarray(read_whole(data, self.place))
            length = _PROBE_ALL // _PROBE_PIECES
            starts = np.linspace(0, size - length, _PROBE_PIECES).astype(np.int64)
            return np.concatenate([data[start : start + length] for start in starts])

    def pointers(self) -> np.ndarray:
        """Row pointers, shape (n_major + 1,), int64, checked."""
        with readable(self.place):
            missing = [
                name for name in ("data", "indices", "indptr") if not isinstance(self.group.get(name), h5py.Dataset)
            ]
            if missing:
                raise UnreadableFileError(f"The matrix lacks {' and '.join(missing)}", where=self.place)
            pointers = read_whole(self.group["indptr"], self.place).astype(np.int64)
            n_data, n_indices = int(self.group["data"].shape[0]), int(self.group["indices"].shape[0])
        if len(pointers) != self.n_major + 1:
            raise UnreadableFileError(
                f"The matrix has {len(pointers) - 1} {self.axis}, but its names count {self.n_major}",
                where=self.place,
                do="Write the file again; its parts contradict each other",
            )
        if n_data != n_indices or pointers[0] != 0 or pointers[-1] != n_data or (np.diff(pointers) < 0).any():
            raise UnreadableFileError(
                f"The pointers of the matrix contradict its {n_data} values and {n_indices} indices",
                where=self.place,
                do="Copy or write the file again; it is damaged or was not written to its end",
            )
        return pointers

    def blocks(self, check: Checker, block_bytes: int) -> Iterator[MatrixBlock]:
        """Cells or features in order, whichever is compressed."""
        pointers = self.pointers()
        with readable(self.place):
            data, indices = self.group["data"], self.group["indices"]
            per_entry = data.dtype.itemsize + indices.dtype.itemsize + 4
            for start, stop in cut_pointers(pointers, max(1, block_bytes // per_entry), block_bytes // 16):
                piece = self._piece(pointers, start, stop)
                if self.axis == "cells":
                    yield check.rows(start, sp.csr_matrix(piece, shape=(stop - start, self.n_minor)))
                else:
                    yield check.columns(start, sp.csc_matrix(piece, shape=(self.n_minor, stop - start)))

    def rows(self, start: int, stop: int, pointers: np.ndarray) -> sp.csr_matrix:
        """Some consecutive entries of the compressed axis as CSR, unchecked values."""
        with readable(self.place):
            return sp.csr_matrix(self._piece(pointers, start, stop), shape=(stop - start, self.n_minor))

    def _piece(self, pointers: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first, last = int(pointers[start]), int(pointers[stop])
        values = np.asarray(self.group["data"][first:last])
        if not number_like(values.dtype):
            raise UnreadableFileError(f"The matrix holds {values.dtype} values, not numbers", where=self.place)
        indices: np.ndarray[Any, Any] = np.asarray(self.group["indices"][first:last])
        if len(indices) and (indices.min() < 0 or indices.max() >= self.n_minor):
            raise UnreadableFileError(
                f"An index of the matrix lies outside of 0 to {self.n_minor - 1}",
                where=f"{self.place}, {self.axis} {start + 1} to {stop}",
                do="Copy or write the file again; it is damaged",
            )
        if self.n_minor <= np.iinfo(np.int32).max:
            indices = indices.astype(np.int32, copy=False)
        return values, indices, (pointers[start : stop + 1] - first).astype(indices.dtype)


def cut_pointers(pointers: np.ndarray, max_entries: int, max_rows: int) -> Iterator[tuple[int, int]]:
    """Cut compressed rows into runs of at most ``max_entries`` entries (a longer single row stays whole)."""
    count = len(pointers) - 1
    start = 0
    while start < count:
        stop = int(np.searchsorted(pointers, pointers[start] + max_entries, side="right")) - 1
        stop = min(max(stop, start + 1), count, start + max(max_rows, 1))
        yield start, stop
        start = stop
