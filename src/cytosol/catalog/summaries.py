"""Summaries of tables by groups of cells, and the names of their features: derived files, made on first use."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cytosol.analyses.matrix.group_sums import sum_groups
from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.base.errors import CytosolError, DamagedDataError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.compute import ByteCache
from cytosol.catalog.context import Context
from cytosol.catalog.contexts import Named
from cytosol.catalog.tables import Pinned, Tables
from cytosol.formats.spatialdata.events import FeatureReader
from cytosol.formats.spatialdata.name_file import NameFile, pack_names
from cytosol.formats.spatialdata.summary_file import Group, SummaryFile, pack_summary
from cytosol.model.studies import Element

MOST_NUMBERS = 50_000_000
"""Features × groups of the largest summary that is kept; larger ones are added up when asked for."""
_BLOCK_BYTES = 8 << 20
_KEPT_BYTES = 256 << 20
_WHOLE = 1 << 30
_log = logging.getLogger("cytosol.catalog")
Columns = Sequence[Element | None]


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups that annotations make together; only those that have cells.

    Attributes
    ----------
    codes : shape (n_cells,), int32, the group of each cell
    groups : values of the annotations, None = missing
    """

    codes: np.ndarray
    groups: list[Group]

    @property
    def totals(self) -> np.ndarray:
        """Cells of each group: shape (n_groups,), int64."""
        return np.bincount(self.codes, minlength=len(self.groups)).astype(np.int64)


def combine(columns: Sequence[ColumnData | None], n_cells: int) -> Grouping:
    """The groups that categorical annotations make; a missing value is a value of its own."""
    codes = np.zeros(n_cells, np.int64)
    levels: list[list[str | None]] = []
    for column in columns:
        names: list[str | None] = [None, *(column.categories or ())] if column is not None else [None]
        levels.append(names)
        codes *= len(names)
        if column is not None:
            codes += column.values.astype(np.int64) + 1
    used, codes = np.unique(codes, return_inverse=True)
    groups: list[Group] = []
    for number in used.tolist():
        group: list[str | None] = []
        for names in reversed(levels):
            number, place = divmod(number, len(names))
            group.append(names[place])
        groups.append(tuple(reversed(group)))
    return Grouping(codes.astype(np.int32).ravel(), groups)


def summarise(index: FeatureReader, grouping: Grouping, *, has_counts: bool) -> bytes:
    """The summary of a table, in one pass over its feature-major index."""

    def blocks() -> Iterator[np.ndarray]:
        for _, block in index.blocks(_BLOCK_BYTES):
            scaled = log_normalize(block, index.totals).data if has_counts else None
            yield sum_groups(block, grouping.codes, len(grouping.groups), scaled)

    return pack_summary(grouping.groups, grouping.totals, blocks())


def make_summary(
    index: FeatureReader, read: Callable[[str], ColumnData], columns: Sequence[Named | None], *, has_counts: bool
) -> bytes | None:
    """The summary by some annotations; None where it would be too large.

    Parameters
    ----------
    read : gives an annotation by its path
    """
    found = [read(column.path) if column is not None else None for column in columns]
    grouping = combine(found, index.n_cells)
    if len(grouping.groups) * index.n_features > MOST_NUMBERS:
        return None
    return summarise(index, grouping, has_counts=has_counts)


def summary_path(bytes_id: Key, table_path: str, columns: Sequence[Named | None]) -> str:
    """Where the summary lies. Paths of arrays are never written twice, so a changed annotation has another summary."""
    return _path(bytes_id, "cys", table_path, *(column.path if column is not None else "" for column in columns))


def names_path(bytes_id: Key, table_path: str) -> str:
    """Where the names of the features lie."""
    return _path(bytes_id, "cyn", table_path)


def _path(bytes_id: Key, suffix: str, *parts: str) -> str:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
    return f"index/{bytes_id.hex24}/{digest}.{suffix}"


class Summaries:
    """Opens summaries and names; what is missing is made in the background, and added up directly until then."""

    def __init__(self, context: Context, reader: Tables) -> None:
        self._context = context
        self._reader = reader
        self._is_local = context.blobs.local_path("index") is not None
        self._open = ByteCache(_KEPT_BYTES)
        self._names = ByteCache(_KEPT_BYTES)
        self._making: dict[str, asyncio.Task[None]] = {}
        self._one = asyncio.Semaphore(1)

    def forget(self) -> None:
        """Close all files; they are opened again when needed."""
        self._open = ByteCache(_KEPT_BYTES)
        self._names = ByteCache(_KEPT_BYTES)

    # for threads

    def names(self, pinned: Pinned) -> NameFile:
        """The names of the features of a table."""
        path = names_path(pinned.layout.bytes_id, pinned.part.table.path)
        known: NameFile | None = self._names.get(path)
        if known is not None:
            return known
        blobs = self._context.blobs
        try:
            names = NameFile(blobs.read(path, 0, _WHOLE))
        except (NotFoundError, DamagedDataError):
            frame = self._reader.read_frame(pinned)
            data = pack_names([str(symbol) for symbol in frame.index], [str(id) for id in frame["feature_id"]])
            asyncio.run(blobs.put(path, data, durable=False))
            names = NameFile(data)
        self._names.put(path, names, names.n_bytes)
        return names

    def known(self, pinned: Pinned, columns: Columns) -> SummaryFile | None:
        """The summary, if it was made already; from a bucket it is read whole, as each read there takes its time."""
        path = self._place(pinned, columns)
        known: SummaryFile | None = self._open.get(path)
        if known is not None:
            return known
        blobs = self._context.blobs
        try:
            data = b"" if self._is_local else blobs.read(path, 0, _WHOLE)
            read = partial(blobs.read, path) if self._is_local else partial(_part, data)
            summary = SummaryFile(read)
        except (NotFoundError, DamagedDataError):
            return None
        self._open.put(path, summary, summary.n_bytes + len(data))
        return summary

    def grouping(self, pinned: Pinned, columns: Columns) -> Grouping:
        """The groups of the cells."""
        found = [self._read(pinned, column.path) if column is not None else None for column in columns]
        return combine(found, pinned.part.n_cells)

    def numbers(self, pinned: Pinned, grouping: Grouping, feature: int) -> np.ndarray:
        """The numbers of one feature without a summary: shape (3, n_groups), float64; see ``sum_groups``."""
        index = self._reader.index_of(pinned)
        block = index.features([feature])
        scaled = log_normalize(block, index.totals).data if _has_counts(pinned) else None
        numbers: np.ndarray = sum_groups(block, grouping.codes, len(grouping.groups), scaled)[0]
        return numbers

    # for the event loop

    def make_later(self, wanted: Sequence[tuple[Pinned, tuple[Element | None, ...]]]) -> None:
        """Make summaries in the background, one after the other."""
        for pinned, columns in wanted:
            path = self._place(pinned, columns)
            if path not in self._making:
                task = asyncio.get_running_loop().create_task(self._make(path, pinned, columns))
                self._making[path] = task
                task.add_done_callback(partial(self._ended, path))

    def _ended(self, path: str, task: asyncio.Task[None]) -> None:
        self._making.pop(path, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A summary could not be made", exc_info=error)

    async def close(self) -> None:
        """Give up what is being made; it is made again on the next query."""
        waiting = list(self._making.values())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def made(self) -> None:
        """Wait until nothing is being made."""
        while self._making:
            await asyncio.wait(list(self._making.values()))

    async def _make(self, path: str, pinned: Pinned, columns: tuple[Element | None, ...]) -> None:
        def work() -> bytes | None:
            index = self._reader.index_of(pinned)
            return make_summary(index, partial(self._read, pinned), columns, has_counts=_has_counts(pinned))

        async with self._one:
            try:
                data = await asyncio.to_thread(work)
                if data is not None:
                    await self._context.blobs.put(path, data, durable=False)
            except CytosolError as error:  # it is derived: the next query adds up directly and tries again
                _log.warning("No summary was made of dataset %s: %s", pinned.dataset.id.hex24, error)

    def _read(self, pinned: Pinned, path: str) -> ColumnData:
        return self._reader.read_column(pinned, path)

    @staticmethod
    def _place(pinned: Pinned, columns: Columns) -> str:
        return summary_path(pinned.layout.bytes_id, pinned.part.table.path, columns)


def _part(data: bytes, offset: int, length: int) -> bytes:
    return data[offset : offset + length]


def _has_counts(pinned: Pinned) -> bool:
    return bool(pinned.part.table.meta["kind"] == "counts")
