"""Event tables: dense columns as the instrument gave them, one channel after another, read as fast as the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp
from zarr.abc.store import Store
from zarr.storage import LocalStore

from cytosol.base.errors import DamagedDataError, NotFoundError
from cytosol.formats.spatialdata.columns import write_features
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.layout import INDEX
from cytosol.formats.spatialdata.tables import clear_leftovers
from cytosol.formats.spatialdata.zarr_io import (
    METADATA,
    array_document,
    get_document,
    get_many,
    join,
    json_bytes,
    put_many,
    write_row_numbers,
)

EVENTS_PER_CHUNK = 1 << 18
_MOST_BLOCK_BYTES = 64 << 20
_ARRAY = {"encoding-type": "array", "encoding-version": "0.2.0"}


def chunk_events(n_events: int, n_channels: int) -> int:
    """Events of a chunk, a multiple of 8: at most 2^18, at most 64 MiB of all channels, and of like size."""
    most = EVENTS_PER_CHUNK
    while 4 * most * n_channels > _MOST_BLOCK_BYTES and most > 1024:
        most //= 2
    n_chunks = max(1, -(-n_events // most))
    return max(8, -(-n_events // n_chunks // 8) * 8) if n_chunks > 1 else max(1, n_events)


def write_events(
    root: Store, table: str, blocks: Iterable[np.ndarray], *, var: pd.DataFrame, n_events: int, dtype: np.dtype
) -> None:
    """Write an event table; nothing shows to readers before the metadata list it.

    Parameters
    ----------
    root : the dataset's store
    table : path part of the table
    blocks : events in order, each block of shape (n_channels, `chunk_events`), the last one shorter; unit of the file
    var : one row a channel, indexed by its name, unique; see `write_axes`
    n_events : of all blocks
    dtype : float32 or float64

    Raises
    ------
    ConflictError
        Where a table that is listed has this path.
    """
    place = f"tables/{table}"
    clear_leftovers(root, place)
    n_channels = len(var)
    rows = chunk_events(n_events, n_channels)
    stored = np.dtype(dtype).newbyteorder("<")
    for number, block in enumerate(blocks):
        put_many(root, _chunks(f"{place}/X/c/{number}", block, rows, stored))
    document = array_document((n_events, n_channels), (rows, 1), stored, packed=False, attributes=_ARRAY, bare=True)
    put_many(root, [(join(place, "X", METADATA), json_bytes(document))])
    write_row_numbers(root, f"{place}/obs/{INDEX}", n_events)
    write_features(root, table, var)


def _chunks(place: str, block: np.ndarray, rows: int, dtype: np.dtype) -> Iterator[tuple[str, bytes]]:
    for channel, values in enumerate(block):
        if len(values) < rows:
            values = np.concatenate([values, np.zeros(rows - len(values), values.dtype)])
        yield f"{place}/{channel}", values.astype(dtype, copy=False).tobytes()


class EventColumns:
    """The channels of an event table, open for reading; safe for many threads.

    Has what `FeatureIndex` has, so that whoever reads features of a table reads channels as well; a channel has a value
    for every event.

    Attributes
    ----------
    n_cells, n_features, nnz : size of the matrix; all its values count
    counts : shape (n_features,), int64, events that have each channel: all
    """

    def __init__(self, root: Store, place: str, shape: tuple[int, int], *, chunk: int, dtype: np.dtype) -> None:
        self._root = root
        self._place = place
        self._chunk = chunk
        self._folder = f"{root.root}/{place}" if isinstance(root, LocalStore) else ""
        self.dtype = dtype
        self.n_cells, self.n_features = shape
        self.nnz = shape[0] * shape[1]
        self.counts = np.full(shape[1], shape[0], np.int64)

    @classmethod
    def open(cls, root: Store, table: str) -> EventColumns:
        """Open the matrix of an event table.

        Parameters
        ----------
        root : the dataset's store
        table : path part of the table
        """
        place = f"tables/{table}/X"
        document = get_document(root, place)
        try:
            n_events, n_channels = document["shape"]
            chunk, width = document["chunk_grid"]["configuration"]["chunk_shape"]
            dtype = np.dtype(document["data_type"]).newbyteorder("<")
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedDataError("The matrix is no table of events", where=place) from error
        if width != 1 or len(document["codecs"]) != 1:
            raise DamagedDataError("The matrix is not stored channel by channel", where=place)
        return cls(root, place, (int(n_events), int(n_channels)), chunk=int(chunk), dtype=dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """Events and channels."""
        return self.n_cells, self.n_features

    @property
    def totals(self) -> np.ndarray:
        """What each event is scaled by: nothing, shape (n_cells,), float64 ones."""
        return np.ones(self.n_cells)

    def columns(self, places: Sequence[int]) -> list[np.ndarray]:
        """Read some channels.

        Parameters
        ----------
        places : in ``var``, from 0

        Returns
        -------
        One array each, shape (n_cells,), float32 or float64 as stored, unit of the file; NaN as the file has it.
        """
        for place in places:
            if not 0 <= place < self.n_features:
                raise NotFoundError(f"The table has {self.n_features} channels, none has the place {place}")
        return [self.column(int(place), 0, self.n_cells) for place in places]

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Read the events ``start`` to ``stop``: shape (stop - start, n_features), as stored."""
        return np.stack([self.column(place, start, stop) for place in range(self.n_features)], axis=1)

    def feature(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """All events, shape (n_cells,), int32, and their values of a channel, shape (n_cells,), float32."""
        (values,) = self.columns([feature])
        return np.arange(self.n_cells, dtype=np.int32), values.astype(np.float32, copy=False)

    def features(self, features: Sequence[int] | np.ndarray) -> sp.csc_matrix:
        """Some channels as a matrix whose every value is stored: shape (n_cells, k) CSC, float32."""
        wanted = [int(place) for place in features]
        values = [column.astype(np.float32, copy=False) for column in self.columns(wanted)]
        data = np.concatenate(values) if values else np.empty(0, np.float32)
        cells = np.tile(np.arange(self.n_cells, dtype=np.int32), len(wanted))
        pointers = np.arange(len(wanted) + 1, dtype=np.int64) * self.n_cells
        if pointers[-1] <= np.iinfo(np.int32).max:
            pointers = pointers.astype(np.int32)
        matrix = sp.csc_matrix((data, cells, pointers), shape=(self.n_cells, len(wanted)))
        matrix.has_canonical_format = True
        return matrix

    def blocks(self, max_bytes: int) -> Iterator[tuple[int, sp.csc_matrix]]:
        """All channels in order, as pairs of the first channel and a block of at most about ``max_bytes``."""
        step = max(1, max_bytes // max(1, 8 * self.n_cells))
        for start in range(0, self.n_features, step):
            yield start, self.features(range(start, min(start + step, self.n_features)))

    def column(self, channel: int, start: int, stop: int) -> np.ndarray:
        """Read the events ``start`` to ``stop`` of a channel: shape (stop - start,), as stored."""
        out = np.empty(stop - start, self.dtype)
        first, last = start // self._chunk, -(-stop // self._chunk)
        numbers = range(first, last) if stop > start else range(0)
        if not self._folder:
            keys = [f"{self._place}/c/{number}/{channel}" for number in numbers]
            for number, data in zip(numbers, get_many(self._root, keys), strict=True):
                if data is None:
                    raise self._lost(number, channel)
                low, high = self._span(number, start, stop)
                values = np.frombuffer(data, self.dtype)
                out[low - start : high - start] = values[low - number * self._chunk : high - number * self._chunk]
            return out
        for number in numbers:
            low, high = self._span(number, start, stop)
            piece = out[low - start : high - start]
            self._read_into(piece, f"{self._folder}/c/{number}/{channel}", low - number * self._chunk)
        return out

    def _span(self, number: int, start: int, stop: int) -> tuple[int, int]:
        """The events of a chunk that are wanted."""
        return max(start, number * self._chunk), min(stop, (number + 1) * self._chunk)

    def _read_into(self, room: np.ndarray, path: str, skip: int) -> None:
        """Read a piece of a chunk on this machine without a copy."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise self._lost(*path.split("/")[-2:]) from error
        try:
            view, at = memoryview(room.data).cast("B"), skip * self.dtype.itemsize
            while view:
                n = os.preadv(handle, [view], at)
                if not n:
                    raise self._lost(*path.split("/")[-2:])
                view, at = view[n:], at + n
        finally:
            os.close(handle)

    def _lost(self, number: int | str, channel: int | str) -> DamagedDataError:
        return DamagedDataError(
            "A chunk of the events is gone or cut short",
            where=f"{self._place}/c/{number}/{channel}",
            do="Restore it from a backup, or add the file again",
        )


FeatureReader = FeatureIndex | EventColumns
"""What gives the values of features: the index of a sparse table, or the columns of events themselves."""


def read_channels(root: Store, table: str, places: Sequence[int]) -> list[np.ndarray]:
    """Read some channels of an event table once; keep an `EventColumns` to read more often."""
    return EventColumns.open(root, table).columns(places)
