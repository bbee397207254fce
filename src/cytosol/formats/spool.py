"""Sorts matrix entries that come in any order into cells, through temporary files that vanish with the process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import scipy.sparse as sp

from cytosol.base.errors import OutOfSpaceError
from cytosol.base.tables import MatrixBlock
from cytosol.formats.values import Checker

_ENTRY = np.dtype([("cell", "<u4"), ("feature", "<u4"), ("value", "<f8")])
_MAX_BUCKETS = 512


class CellSpool:
    """Buckets of entries, one for each run of cells.

    Parameters
    ----------
    n_cells, n_features : shape of the matrix
    n_entries : how many entries are expected; sets the number of buckets
    block_bytes : aim for the size of one bucket in memory
    """

    def __init__(self, n_cells: int, n_features: int, *, n_entries: int, block_bytes: int) -> None:
        wanted = -(-n_entries * _ENTRY.itemsize * 3 // max(block_bytes, 1))
        self._per_bucket = max(1, -(-n_cells // min(max(wanted, 1), _MAX_BUCKETS)))
        self._n_cells, self._n_features = n_cells, n_features
        count = -(-n_cells // self._per_bucket)
        # they live as long as the spool, and have no name that could stay behind
        self._files = [cast(BinaryIO, tempfile.TemporaryFile(prefix="cytosol-")) for _ in range(count)]  # noqa: SIM115

    def add(self, cells: np.ndarray, features: np.ndarray, values: np.ndarray) -> None:
        """Take entries; cells and features count from 0, shape (n,) each."""
        entries = np.empty(len(cells), dtype=_ENTRY)
        entries["cell"], entries["feature"], entries["value"] = cells, features, values
        bucket = cells // self._per_bucket
        order = np.argsort(bucket, kind="stable")
        entries, bucket = entries[order], bucket[order]
        edges = np.searchsorted(bucket, np.arange(len(self._files) + 1))
        try:
            for file, start, stop in zip(self._files, edges[:-1], edges[1:], strict=True):
                if stop > start:
                    file.write(entries[start:stop].tobytes())
        except OSError as error:
            raise OutOfSpaceError(
                "There is no room to sort the matrix by cells",
                where=tempfile.gettempdir(),
                do="Free disk space or set TMPDIR",
            ) from error

    def rows(self) -> Iterator[tuple[int, sp.csr_matrix]]:
        """First cell and CSR rows of each bucket in order; repeated entries are summed."""
        for number, file in enumerate(self._files):
            file.seek(0)
            entries: np.ndarray[Any, Any] = np.frombuffer(file.read(), dtype=_ENTRY)
            start = number * self._per_bucket
            height = min(self._per_bucket, self._n_cells - start)
            triple = (entries["value"], (entries["cell"].astype(np.int64) - start, entries["feature"].astype(np.int64)))
            yield start, sp.csr_matrix(sp.coo_matrix(triple, shape=(height, self._n_features)))

    def close(self) -> None:
        """Drop the temporary files."""
        for file in self._files:
            file.close()


def sorted_blocks(spool: CellSpool, check: Checker) -> Iterator[MatrixBlock]:
    """Checked blocks of a filled spool, which is closed at the end."""
    try:
        for start, piece in spool.rows():
            yield check.rows(start, piece)
    finally:
        spool.close()
