"""Reports of analyses: pages with figures and tables, listed, read, removed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.context import Context
from cytosol.catalog.elements import remove_result
from cytosol.catalog.layouts import REPORT, lasting_id
from cytosol.catalog.tables import Pinned, Tables
from cytosol.model.rights import Actor
from cytosol.model.studies import Element


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report as lists show it.

    Attributes
    ----------
    analysis : what made it
    meta : figures of the analysis
    """

    id: Key
    name: str
    created_at: int
    analysis: str
    meta: Mapping[str, Any]


Views = list[ReportView]


class Reports:
    """The verbs of reports."""

    def __init__(self, context: Context, reader: Tables) -> None:
        self._context = context
        self._reader = reader

    async def list(self, actor: Actor, *, dataset_id: Key, table: str = "") -> Views:
        """The reports of a table, newest first."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        return [_view(element) for element in reversed(pinned.part.results) if element.kind == REPORT]

    async def read(self, actor: Actor, *, dataset_id: Key, id: Key, table: str = "") -> tuple[ReportView, bytes]:
        """A report and its page: HTML with everything in it."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        element = _find(pinned, id)
        return _view(element), await asyncio.to_thread(self._page, element.path)

    def _page(self, path: str) -> bytes:
        with self._context.blobs.source(path, "report.html").open() as file:
            return file.read()

    async def delete(self, actor: Actor, *, dataset_id: Key, id: Key, table: str = "") -> None:
        """Remove a report; undo brings it back, unless only its owner saw it."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        await remove_result(self._context, actor, dataset_id=dataset_id, element=_find(pinned, id))


def _find(pinned: Pinned, id: Key) -> Element:
    for element in pinned.part.results:
        if element.kind == REPORT and lasting_id(element) == id:
            return element
    raise NotFoundError("There is no such report in this table", where=id.hex24)


def _view(element: Element) -> ReportView:
    meta = {name: value for name, value in element.meta.items() if name not in ("analysis", "private")}
    return ReportView(lasting_id(element), element.name, element.created_at, str(element.meta["analysis"]), meta)
