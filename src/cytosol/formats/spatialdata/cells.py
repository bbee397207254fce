"""Reading the cell-major matrix of a table by ranges of cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
import zarr
from zarr.abc.store import Store

from cytosol.base.errors import DamagedDataError, InvalidInputError
from cytosol.formats.spatialdata.events import EventColumns
from cytosol.formats.spatialdata.zarr_io import get_document, read_array


class CellMatrix:
    """The matrix X of a table, open for reading; row pointers are held in memory (8 bytes a cell).

    Of events, which are stored channel by channel, every value is given, zeros too.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    """

    shape: tuple[int, int]
    kind: str

    def __init__(self, root: Store, table: str) -> None:
        place = f"tables/{table}/X"
        attributes = get_document(root, place).get("attributes", {})
        self._events = EventColumns.open(root, table) if attributes.get("encoding-type") == "array" else None
        if self._events is not None:
            self.shape, self.kind = self._events.shape, "events"
            self._indptr = np.arange(self.shape[0] + 1, dtype=np.int64) * self.shape[1]
            return
        if attributes.get("encoding-type") != "csr_matrix":
            raise DamagedDataError("The matrix is not cell-major CSR", where=place)
        self.shape = (int(attributes["shape"][0]), int(attributes["shape"][1]))
        self.kind = attributes.get("cytosol", {}).get("kind", "counts")
        self._indptr = read_array(root, f"{place}/indptr")
        self._data = zarr.open_array(root, path=f"{place}/data", mode="r", zarr_format=3)
        self._indices = zarr.open_array(root, path=f"{place}/indices", mode="r", zarr_format=3)

    @property
    def nnz(self) -> int:
        """Values that are not zero."""
        return int(self._indptr[-1])

    @property
    def indptr(self) -> np.ndarray:
        """Where the values of each cell start: shape (n_cells + 1,), int64."""
        return self._indptr

    @property
    def dtype(self) -> np.dtype:
        """Type of the stored values."""
        return np.dtype(self._data.dtype if self._events is None else self._events.dtype)

    def rows(self, start: int, stop: int) -> sp.csr_matrix:
        """Read the cells ``start`` to ``stop``.

        Returns
        -------
        shape (stop - start, n_features) CSR in the stored type (unsigned counts, or floats), columns in order.
        """
        if not 0 <= start <= stop <= self.shape[0]:
            raise InvalidInputError(f"Cells {start} to {stop} of {self.shape[0]} do not exist")
        first, last = int(self._indptr[start]), int(self._indptr[stop])
        pointers = self._indptr[start : stop + 1] - first
        if last - first < np.iinfo(np.int32).max:
            pointers = pointers.astype(np.int32)
        if self._events is not None:
            data = self._events.rows(start, stop).ravel()
            indices = np.tile(np.arange(self.shape[1], dtype=np.int32), stop - start)
        else:
            data, indices = np.asarray(self._data[first:last]), np.asarray(self._indices[first:last])
        return sp.csr_matrix((data, indices, pointers), shape=(stop - start, self.shape[1]))

    def blocks(self, block_bytes: int) -> Iterator[tuple[int, sp.csr_matrix]]:
        """All cells in order, as pairs of the first cell and a block of about ``block_bytes``."""
        n_cells = self.shape[0]
        values = max(1, block_bytes // (4 + self.dtype.itemsize))
        start = 0
        while start < n_cells:
            stop = int(np.searchsorted(self._indptr, self._indptr[start] + values, side="right")) - 1
            stop = min(max(stop, start + 1), n_cells)
            yield start, self.rows(start, stop)
            start = stop


def read_rows(root: Store, table: str, start: int, stop: int) -> sp.csr_matrix:
    """Read some cells of a table once; keep a ``CellMatrix`` to read more than one range.

    Returns
    -------
    shape (stop - start, n_features) CSR in the stored type (unsigned counts, or float32).
    """
    return CellMatrix(root, table).rows(start, stop)
