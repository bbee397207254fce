"""Bytes that a verb writes before their records: they stay with these, or go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from cytosol.base.errors import CytosolError, InvalidInputError
from cytosol.base.keys import Key
from cytosol.base.waiting import to_the_end
from cytosol.catalog.context import Context
from cytosol.catalog.layouts import dataset_path, index_folder
from cytosol.db import rows, tables
from cytosol.store.originals import original_path
from cytosol.store.unfinished import Unfinished

_log = logging.getLogger("cytosol.catalog")


class Writing:
    """The originals and datasets that one verb writes. At its end goes what no record names, however it ended.

    With a dataset go the files that were derived of it, such as reports.

    Meanwhile notes of them lie in the data folder, so that the next start finds what a server left that died.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._places: list[str] = []

    async def begin(self, place: str) -> None:
        """Say that a place will be written: that of an original or of a dataset."""
        self._places.append(place)
        await asyncio.to_thread(_notes(self._context).begin, place)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await to_the_end(self._end())

    async def _end(self) -> None:
        try:
            await _drop_unrecorded(self._context, self._places)
        except CytosolError as error:  # the notes stay for the next start, and the verb did what it did
            _log.error("what was written and not recorded cannot be removed: %s", error)


async def drop_unfinished(context: Context) -> None:
    """Remove what a server that died had begun to write; for a start, before anything else is written."""
    await _drop_unrecorded(context, await asyncio.to_thread(_notes(context).places))


def _notes(context: Context) -> Unfinished:
    return Unfinished(context.settings.data / "unfinished")


async def _drop_unrecorded(context: Context, places: Iterable[str]) -> None:
    keys = {place: key for place in places if (key := _key_of(place)) is not None}
    if not keys:
        return
    known: set[str] = set()
    async with context.db.read() as conn:
        for table, path_of in ((tables.datasets, dataset_path), (tables.originals, original_path)):
            asked = [key for place, key in keys.items() if place == path_of(key)]
            found = await rows.find(conn, table, {"bytes_id": asked}, order=()) if asked else []
            known |= {path_of(row["bytes_id"]) for row in found}
    for place in keys.keys() - known:
        await context.blobs.delete(place)
        await context.blobs.delete_prefix(place)
        if place == dataset_path(keys[place]):
            await context.blobs.delete_prefix(index_folder(keys[place]))
    await asyncio.to_thread(_notes(context).end, keys)


def _key_of(place: str) -> Key | None:
    try:
        return Key.parse(place.rpartition("/")[2])
    except InvalidInputError:  # a file that somebody else put there
        return None
