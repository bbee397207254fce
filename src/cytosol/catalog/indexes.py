"""Feature-major indexes, kept open; a lost or damaged one is made again from the matrix."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from pathlib import Path

from cytosol.base.errors import DamagedDataError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.context import Context
from cytosol.catalog.layouts import DatasetLayout, TableLayout, dataset_path, index_path
from cytosol.formats.spatialdata.cell_sums import CellSums
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.events import EventColumns, FeatureReader
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.index_writer import FeatureIndexWriter
from cytosol.formats.spatialdata.transpose import TransposeWriter

_OPEN = 64
_REBUILD_BYTES = 256 << 20


def is_own_index(part: TableLayout) -> bool:
    """Whether a table is read feature by feature as it is stored, as events are."""
    return bool(part.table.meta["kind"] == "events")


class Indexes:
    """Opens the index of a table once; safe for threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: OrderedDict[Key, FeatureReader] = OrderedDict()
        self._lock = threading.Lock()
        self.local = context.blobs.local_path("index") is not None

    def known(self, part: TableLayout) -> FeatureReader | None:
        """The index, if it is open already."""
        return self._known.get(part.table.id)

    def open(self, layout: DatasetLayout, part: TableLayout) -> FeatureReader:
        """The index of a table; one that is missing or damaged is made again first. Events are their own index."""
        held = self._known.get(part.table.id)
        if held is not None:
            return held
        index = self._events(layout, part) if is_own_index(part) else self._index(layout, part)
        with self._lock:
            self._known[part.table.id] = index
            while len(self._known) > _OPEN:
                self._known.popitem(last=False)
        return index

    def _events(self, layout: DatasetLayout, part: TableLayout) -> EventColumns:
        root = self._context.blobs.zarr(dataset_path(layout.bytes_id), read_only=True)
        return EventColumns.open(root, part.table.path)

    def _index(self, layout: DatasetLayout, part: TableLayout) -> FeatureIndex:
        path = place_of(layout, part)
        try:
            return self._read(path)
        except (NotFoundError, DamagedDataError):
            with self._lock:
                try:
                    return self._read(path)
                except (NotFoundError, DamagedDataError):
                    self._rebuild(layout, part, path)
                    return self._read(path)

    def _read(self, path: str) -> FeatureIndex:
        blobs = self._context.blobs
        return FeatureIndex.open(lambda offset, length: blobs.read(path, offset, length))

    def _rebuild(self, layout: DatasetLayout, part: TableLayout, path: str) -> None:
        root = self._context.blobs.zarr(dataset_path(layout.bytes_id), read_only=True)
        with self._context.scratch.folder(new_key(), 0) as scratch:
            local = scratch / "index.cyi"
            clr = part.table.meta.get("normalization") == "clr"
            rebuild_index(CellMatrix(root, part.table.path), local, scratch, clr=clr)
            asyncio.run(self._context.blobs.put_file(path, local, move=True))


def place_of(layout: DatasetLayout, part: TableLayout) -> str:
    """Where the index of a table lies, or would lie."""
    return part.index.path if part.index is not None else index_path(layout.bytes_id, part.table.id)


def rebuild_index(matrix: CellMatrix, local: Path, scratch: Path, *, clr: bool = False) -> None:
    """Make the feature-major index of a table from its cell-major matrix.

    Parameters
    ----------
    local : file that the index is written to
    scratch : folder for a temporary file as large as the matrix
    clr : whether its values are read as CLR, as those of antibodies
    """
    n_cells, n_features = matrix.shape
    sums = CellSums(n_cells, "counts", clr=clr)
    with FeatureIndexWriter(local, n_cells, n_features) as index:
        with TransposeWriter(scratch, n_features, memory_bytes=_REBUILD_BYTES) as turn:
            for start, block in matrix.blocks(_REBUILD_BYTES // 16):
                turn.add(block)
                sums.add_cells(start, block)
            for _, group in turn.groups(matrix.dtype):
                index.add(group)
        index.close(sums.scale(n_features))
