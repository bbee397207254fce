"""Annotations of cells: added by people, renamed, merged, coloured, removed; each change a version and a revision."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cytosol.base.errors import InvalidInputError, VersionMismatchError
from cytosol.base.keys import Key, new_key
from cytosol.base.tables import ColumnData
from cytosol.catalog import events, history
from cytosol.catalog.access import dataset_access
from cytosol.catalog.annotation_edits import ColumnEdit, apply_edit, as_categories, column_meta
from cytosol.catalog.commit import NewElement, insert_elements
from cytosol.catalog.context import Context
from cytosol.catalog.datasets import ColumnView, column_view
from cytosol.catalog.layouts import Layouts, TableLayout, dataset_path, lasting_id, live_at, rewrite_metadata
from cytosol.catalog.records import all_to, to
from cytosol.catalog.tables import Tables
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.columns import pandas_to_column, read_column, write_column
from cytosol.formats.spatialdata.layout import free_name, fresh_path
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Dataset, Element

MAX_COLUMNS = 1000
_FIELDS = ("name", "path", "meta")


@dataclass(frozen=True, slots=True)
class Group:
    """A category drawn by hand: its cells are row numbers."""

    name: str
    cells: Sequence[int] | np.ndarray
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of annotations that were sent.

    Attributes
    ----------
    columns : the new annotations
    unmatched : rows sent whose barcode is not in the table
    missing : cells of the table for which nothing was sent
    """

    columns: list[ColumnView] = field(default_factory=list)
    unmatched: int = 0
    missing: int = 0


class Annotations:
    """The verbs that change annotations."""

    def __init__(self, context: Context, layouts: Layouts, reader: Tables) -> None:
        self._context = context
        self._layouts = layouts
        self._reader = reader
        self._locks: dict[Key, asyncio.Lock] = {}

    async def add_groups(
        self, actor: Actor, *, dataset_id: Key, name: str, groups: Sequence[Group], table: str = ""
    ) -> Added:
        """Add a categorical annotation from cells that were chosen by hand; the other cells have none.

        Raises
        ------
        InvalidInputError
            Where a cell does not exist or is in two groups.
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        codes = np.full(pinned.part.n_cells, -1, np.int32)
        for number, group in enumerate(groups):
            cells = np.asarray(group.cells, np.int64).ravel()
            if len(cells) and (cells.min() < 0 or cells.max() >= len(codes)):
                raise InvalidInputError(
                    f"The table has {len(codes):,} cells, numbered from 0", where=f"category '{group.name[:255]}'"
                )
            if (codes[cells] >= 0).any():
                raise InvalidInputError("A cell is in two categories", where=f"category '{group.name[:255]}'")
            codes[cells] = number
        names = [clean_name(group.name, field="category") for group in groups]
        colors = [group.color for group in groups]
        known = [color for color in colors if color is not None]
        if known and len(known) < len(colors):
            raise InvalidInputError("Some categories have a colour and some have none", where="color")
        column = ColumnData(codes, categories=names, colors=known or None)
        missing = int((codes < 0).sum())
        views = await self._add(actor, dataset_id, pinned.part, {clean_name(name): column})
        return Added(views, 0, missing)

    async def add_frame(
        self, actor: Actor, *, dataset_id: Key, frame: pd.DataFrame, by_barcode: bool = True, table: str = ""
    ) -> Added:
        """Add every column of a frame as an annotation: numbers as numeric, text as categories.

        Parameters
        ----------
        frame : indexed by barcode, or one row a cell in the order of the table
        by_barcode : match by the index; else the frame has to have as many rows as the table has cells

        Raises
        ------
        InvalidInputError
            Where no barcode fits, one occurs twice, or the rows do not fit.
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        if not 1 <= len(frame.columns) <= MAX_COLUMNS:
            raise InvalidInputError(f"1 to {MAX_COLUMNS} annotations can be sent at once, not {len(frame.columns)}")
        n_cells = pinned.part.n_cells
        if by_barcode:
            places, unmatched, missing = _match(frame.index, await self._reader.barcodes(pinned))
        elif len(frame) != n_cells:
            raise InvalidInputError(
                f"{len(frame):,} rows were sent for {n_cells:,} cells", do="Send one row a cell, or send barcodes"
            )
        else:
            places, unmatched, missing = np.arange(n_cells), 0, 0

        def columns() -> dict[str, ColumnData]:
            found: dict[str, ColumnData] = {}
            for position, name in enumerate(frame.columns):
                series = frame.iloc[:, position].reset_index(drop=True)
                title = free_name(clean_name(str(name), field="annotation"), found)
                found[title] = as_categories(pandas_to_column(series.reindex(pd.Index(places))))
            return found

        views = await self._add(actor, dataset_id, pinned.part, await asyncio.to_thread(columns))
        return Added(views, unmatched, missing)

    async def change(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        column_id: Key,
        edit: ColumnEdit,
        expected: int | None = None,
        table: str = "",
    ) -> ColumnView:
        """Rename an annotation, and rename, merge, colour or reorder its categories.

        Raises
        ------
        VersionMismatchError
            Where it changed since it was read.
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        old = pinned.part.column_by_id(column_id)
        _check_version(old, expected)
        values: dict[str, Any] = {"name": old.name if edit.name is None else clean_name(edit.name)}
        async with self._lock(dataset_id):
            if edit.changes_values:
                root = self._context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=False)
                path = pinned.part.table.path

                def rewrite() -> tuple[str, dict[str, Any]]:
                    column = apply_edit(read_column(root, path, old.path), edit)
                    place = fresh_path(root, path, "obs", values["name"])
                    write_column(root, path, place, column)
                    return place, column_meta(column)

                values["path"], values["meta"] = await asyncio.to_thread(rewrite)
                await self._context.blobs.flush(dataset_path(pinned.dataset.bytes_id))
            async with self._context.db.write() as conn:
                dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.ANNOTATION_EDIT)
                fresh = await self._replace(conn, actor, dataset, old, values=values, verb="annotation.change")
        await self._after(dataset_id)
        return column_view(fresh)

    async def delete(
        self, actor: Actor, *, dataset_id: Key, column_id: Key, expected: int | None = None, table: str = ""
    ) -> None:
        """Remove an annotation; undo brings it back."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        old = pinned.part.column_by_id(column_id)
        _check_version(old, expected)
        async with self._context.db.write() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.ANNOTATION_EDIT)
            await self._replace(conn, actor, dataset, old, values=None, verb="annotation.delete")
        await self._after(dataset_id)

    async def _add(
        self, actor: Actor, dataset_id: Key, part: TableLayout, columns: Mapping[str, ColumnData]
    ) -> list[ColumnView]:
        async with AsyncExitStack() as stack:
            async with self._context.db.read() as conn:
                dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.ANNOTATION_EDIT)
            await stack.enter_async_context(self._lock(dataset_id))
            root = self._context.blobs.zarr(dataset_path(dataset.bytes_id), read_only=False)

            def write() -> list[NewElement]:
                made = []
                for name, column in columns.items():
                    place = fresh_path(root, part.table.path, "obs", name)
                    write_column(root, part.table.path, place, column)
                    meta, by = column_meta(column), {"function": "annotation.add", "user": actor.email}
                    made.append(NewElement("column", part.table.name, name, place, meta, by))
                return made

            elements = await asyncio.to_thread(write)
            await self._context.blobs.flush(dataset_path(dataset.bytes_id))
            async with self._context.db.write() as conn:
                dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.ANNOTATION_EDIT)
                await insert_elements(conn, dataset_id, elements, owner_id=actor.user_id)
                found = [to(Element, await rows.need(conn, tables.elements, element.id)) for element in elements]
                for element in found:
                    await self._record(
                        conn, actor, dataset, "annotation.add", subject=element.id, change=(None, element)
                    )
                await self._tell(conn, dataset, "add")
        await self._after(dataset_id)
        return [column_view(element) for element in found]

    async def _replace(
        self,
        conn: Connection,
        actor: Actor,
        dataset: Dataset,
        old: Element,
        *,
        values: Mapping[str, Any] | None,
        verb: str,
    ) -> Element:
        """Put a new version in the place of a column, or nothing; with its revision."""
        fresh = await replace_column(conn, dataset.id, old, values)
        await self._record(
            conn, actor, dataset, verb, subject=lasting_id(old), change=(old, fresh if values is not None else None)
        )
        await self._tell(conn, dataset, verb.split(".")[1])
        return fresh

    async def _record(
        self,
        conn: Connection,
        actor: Actor,
        dataset: Dataset,
        verb: str,
        *,
        subject: Key,
        change: tuple[Element | None, Element | None],
    ) -> None:
        await history.record(
            conn,
            actor,
            verb,
            study_id=dataset.study_id,
            subject=("annotation", subject),
            before=_said(change[0]),
            after=_said(change[1]),
        )

    async def _tell(self, conn: Connection, dataset: Dataset, verb: str) -> None:
        await events.append(
            conn,
            "annotation.changed",
            subject_kind="dataset",
            subject_id=dataset.id,
            study_id=dataset.study_id,
            data={"verb": verb},
        )

    async def _after(self, dataset_id: Key) -> None:
        self._context.notifier.events_stored()
        await rewrite_metadata(self._context, dataset_id)

    def _lock(self, dataset_id: Key) -> asyncio.Lock:
        """Writers of one dataset take turns, so that no two choose the same path."""
        if len(self._locks) > 1000:
            self._locks = {key: lock for key, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault(dataset_id, asyncio.Lock())


class AnnotationSubject:
    """Annotations for undo; what a column holds is told by its path, which is never written twice."""

    kind = "annotation"
    permission = Permission.ANNOTATION_EDIT

    def __init__(self, context: Context) -> None:
        self._context = context

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        first = await rows.get(conn, tables.elements, subject_id)
        if first is None:
            return {}
        live = await _live_version(conn, first["dataset_id"], subject_id)
        return {name: value for name, value in _said(live).items() if name in like}

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        first = to(Element, await rows.need(conn, tables.elements, subject_id))
        live = await _live_version(conn, first.dataset_id, subject_id)
        wanted = dict(values) if values.get("path") is not None else None
        if live is not None:
            await replace_column(conn, first.dataset_id, live, wanted)
        elif wanted is not None:
            await replace_column(conn, first.dataset_id, first, wanted)

    async def restored(self, subject_id: Key) -> None:
        async with self._context.db.read() as conn:
            first = await rows.get(conn, tables.elements, subject_id)
        if first is not None:
            await rewrite_metadata(self._context, first["dataset_id"])


async def replace_column(conn: Connection, dataset_id: Key, old: Element, values: Mapping[str, Any] | None) -> Element:
    """End a column and, unless values is None, begin its next version with these fields; the newest element of it.

    Raises
    ------
    VersionMismatchError
        Where the column is no longer what it was.
    """
    dataset = await rows.lock(conn, tables.datasets, dataset_id)
    version = dataset["data_version"] + 1
    now = to(Element, await rows.need(conn, tables.elements, old.id))
    live = await _live_version(conn, dataset_id, lasting_id(old))
    if live is not None and live.id != old.id:
        raise VersionMismatchError("This annotation changed in the meantime", do="Load it again and repeat the change")
    if live is not None:
        await rows.update(conn, tables.elements, {"id": old.id}, {"until_version": version})
    await rows.update(conn, tables.datasets, {"id": dataset_id}, {"data_version": version})
    if values is None:
        return now
    found = all_to(Element, await rows.find(conn, tables.elements, {"dataset_id": dataset_id}))
    family = [element for element in found if lasting_id(element) == lasting_id(old)]
    taken = {
        element.name
        for element in live_at(found, dataset["data_version"])
        if element.kind == "column" and element.table_name == old.table_name and element not in family
    }
    id = new_key()
    await rows.insert(
        conn,
        tables.elements,
        id=id,
        dataset_id=dataset_id,
        kind="column",
        table_name=old.table_name,
        name=free_name(values.get("name", old.name), taken),
        path=values.get("path", old.path),
        since_version=version,
        position=old.position,
        meta=dict(values.get("meta", old.meta)),
        made_by=dict(old.made_by),
        job_id=old.job_id,
        owner_id=old.owner_id,
        version=max(element.version for element in family) + 1,
        extra={**old.extra, "first": lasting_id(old).hex24},
    )
    return to(Element, await rows.need(conn, tables.elements, id))


async def _live_version(conn: Connection, dataset_id: Key, subject_id: Key) -> Element | None:
    where = {"dataset_id": dataset_id, "kind": "column", "until_version": None}
    for element in all_to(Element, await rows.find(conn, tables.elements, where)):
        if lasting_id(element) == subject_id:
            return element
    return None


def _said(element: Element | None) -> dict[str, Any]:
    """What a revision says about a column; every field None = there is none."""
    return {name: getattr(element, name) if element is not None else None for name in _FIELDS}


def _check_version(element: Element, expected: int | None) -> None:
    if expected is not None and element.version != expected:
        raise VersionMismatchError(
            f"This annotation changed in the meantime: it has version {element.version}, not {expected}",
            do="Load it again and repeat the change",
            version=element.version,
        )


def _match(sent: pd.Index, barcodes: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Row sent for each cell (-1 = none), rows without a cell, cells without a row."""
    names = pd.Index([str(name) for name in sent], dtype=object)
    if names.has_duplicates:
        twice = names[names.duplicated()][0]
        raise InvalidInputError(f"The barcode '{twice[:100]}' occurs twice", do="Send each cell once")
    places = names.get_indexer(pd.Index(barcodes, dtype=object))
    matched = int((places >= 0).sum())
    if not matched:
        raise InvalidInputError(
            "None of the barcodes is in this table",
            where=f"'{names[0][:100]}'" if len(names) else "",
            do=f"Its barcodes look like '{barcodes[0]}'" if len(barcodes) else "",
        )
    return places, len(names) - matched, len(barcodes) - matched
