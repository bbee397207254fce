"""Annotations of cells: added by people, renamed, merged, coloured, removed; each change a version and a revision."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cytosol.base.errors import ConflictError, InvalidInputError, VersionMismatchError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog import events, gating_history, history
from cytosol.catalog.access import dataset_access
from cytosol.catalog.annotation_edits import ColumnEdit, apply_edit, as_categories, column_meta
from cytosol.catalog.annotation_followers import follow, renames_of
from cytosol.catalog.column_terms import assigned_terms, edited_terms, partner_terms, terms_of, with_terms
from cytosol.catalog.column_versions import replace_column, said_of
from cytosol.catalog.commit import NewElement, insert_elements
from cytosol.catalog.context import Context
from cytosol.catalog.datasets import ColumnView, column_view
from cytosol.catalog.elements import show_markers
from cytosol.catalog.layouts import Layouts, TableLayout, dataset_path, is_private, lasting_id, rewrite_metadata
from cytosol.catalog.records import to
from cytosol.catalog.tables import Tables
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.columns import pandas_to_column, read_column, write_column
from cytosol.formats.spatialdata.layout import free_name, fresh_path
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.studies import Dataset, Element

MAX_COLUMNS = 1000
_EXAMPLES = 3


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
    unmatched_examples, missing_examples : the first barcodes of each
    """

    columns: list[ColumnView] = field(default_factory=list)
    unmatched: int = 0
    missing: int = 0
    unmatched_examples: tuple[str, ...] = ()
    missing_examples: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The same in words."""
        parts = []
        for count, examples, said in (
            (self.unmatched, self.unmatched_examples, "barcodes that were sent are not in the table"),
            (self.missing, self.missing_examples, "cells of the table were not named"),
        ):
            if count:
                more = ", …" if count > len(examples) else ""
                shown = f" ({', '.join(examples)}{more})" if examples else ""
                parts.append(f"{count:,} {said}{shown}")
        return "; ".join(parts) or "Every cell of the table was named"


class Annotations:
    """The verbs that change annotations."""

    def __init__(self, context: Context, layouts: Layouts, reader: Tables) -> None:
        self._context = context
        self._layouts = layouts
        self._reader = reader
        self._locks: dict[Key, asyncio.Lock] = {}

    async def add_groups(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        name: str,
        groups: Sequence[Group],
        table: str = "",
        private: bool | None = None,
    ) -> Added:
        """Add a categorical annotation from cells that were chosen by hand; the other cells have none.

        Parameters
        ----------
        private : whether only the actor sees it; None = where the actor may not annotate for all

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
        views = await self._add(actor, dataset_id, pinned.part, {clean_name(name): column}, private=private)
        return Added(views, 0, missing)

    async def add_frame(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        frame: pd.DataFrame,
        by_barcode: bool = True,
        table: str = "",
        private: bool | None = None,
    ) -> Added:
        """Add every column of a frame as an annotation: numbers as numeric, text as categories.

        Parameters
        ----------
        frame : indexed by barcode, or one row a cell in the order of the table
        by_barcode : match by the index; else the frame has to have as many rows as the table has cells
        private : whether only the actor sees them; None = where the actor may not annotate for all

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
            matched = _match(frame.index, await self._reader.barcodes(pinned))
        elif len(frame) != n_cells:
            raise InvalidInputError(
                f"{len(frame):,} rows were sent for {n_cells:,} cells", do="Send one row a cell, or send barcodes"
            )
        else:
            matched = _Matched(np.arange(n_cells))

        def columns() -> dict[str, ColumnData]:
            found: dict[str, ColumnData] = {}
            for position, name in enumerate(frame.columns):
                series = frame.iloc[:, position].reset_index(drop=True)
                title = free_name(clean_name(str(name), field="annotation"), found)
                found[title] = as_categories(pandas_to_column(series.reindex(pd.Index(matched.places))))
            return found

        made = await asyncio.to_thread(columns)
        views = await self._add(actor, dataset_id, pinned.part, made, private=private)
        surplus, left_out = matched.surplus, matched.left_out
        return Added(views, len(surplus), len(left_out), tuple(surplus[:_EXAMPLES]), tuple(left_out[:_EXAMPLES]))

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

        Populations that name a category follow its new name, in the same revision.

        Raises
        ------
        VersionMismatchError
            Where it changed since it was read.
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        old = pinned.part.column_by_id(column_id)
        _check_version(old, expected)
        # an own annotation may be shown under another name than its true one, which stays where no other is given
        values: dict[str, Any] = {} if edit.name is None else {"name": clean_name(edit.name)}
        async with self._lock(dataset_id):
            if edit.changes_values:
                root = self._context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=False)
                path = pinned.part.table.path

                def rewrite() -> tuple[str, dict[str, Any]]:
                    column = apply_edit(read_column(root, path, old.path), edit)
                    place = fresh_path(root, path, "obs", values.get("name", old.name))
                    write_column(root, path, place, column)
                    terms = edited_terms(terms_of(old.meta), edit)
                    return place, with_terms({**old.meta, **column_meta(column)}, terms)

                values["path"], values["meta"] = await asyncio.to_thread(rewrite)
                await self._context.blobs.flush(dataset_path(pinned.dataset.bytes_id))
            renames = await renames_of(self._context, self._layouts, pinned.dataset, old, edit=edit)
            async with self._context.db.write() as conn:
                dataset = await _may_edit(conn, actor, dataset_id, private=is_private(old))
                followed = await follow(conn, dataset.study_id, old.name, renames)
                verb = "annotation.change"
                fresh = await self._replace(conn, actor, dataset, old, values=values, verb=verb, followed=followed)
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
            dataset = await _may_edit(conn, actor, dataset_id, private=is_private(old))
            await self._replace(conn, actor, dataset, old, values=None, verb="annotation.delete")
        await self._after(dataset_id)

    async def publish(
        self, actor: Actor, *, dataset_id: Key, column_id: Key, expected: int | None = None, table: str = ""
    ) -> ColumnView:
        """Make an annotation that only its owner sees one of the study, with its markers; undo takes it back.

        Raises
        ------
        ConflictError
            Where all see it already.
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        old = pinned.part.column_by_id(column_id)
        _check_version(old, expected)
        if not is_private(old):
            raise ConflictError(f"Everybody who reads the study sees '{old.name}' already")
        shown = {name: value for name, value in old.meta.items() if name != "private"}
        async with self._context.db.write() as conn:
            dataset = await _may_edit(conn, actor, dataset_id, private=False)
            await show_markers(conn, dataset_id, lasting_id(old))
            fresh = await self._replace(conn, actor, dataset, old, values={"meta": shown}, verb="annotation.publish")
        await self._after(dataset_id)
        return column_view(fresh)

    async def set_terms(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        column_id: Key,
        changes: Mapping[str, str | None],
        expected: int | None = None,
        table: str = "",
    ) -> ColumnView:
        """Give categories their standard terms, or, where None, take these away; the others stay.

        Raises
        ------
        NotFoundError
            Where there is no such category.
        InvalidInputError
            Where there is no such term, or the annotation has no categories.
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        old = pinned.part.column_by_id(column_id)
        _check_version(old, expected)
        levels = (await self._reader.column(pinned, old.name)).categories
        if levels is None:
            raise InvalidInputError(f"'{old.name}' has no categories", do="Terms are given to categories")
        terms = await asyncio.to_thread(assigned_terms, terms_of(old.meta), changes, levels)
        if terms == terms_of(old.meta):
            return column_view(old)
        values = {"meta": with_terms(old.meta, terms)}
        async with self._context.db.write() as conn:
            dataset = await _may_edit(conn, actor, dataset_id, private=is_private(old))
            fresh = await self._replace(conn, actor, dataset, old, values=values, verb="annotation.terms")
        await self._after(dataset_id)
        return column_view(fresh)

    async def _add(
        self,
        actor: Actor,
        dataset_id: Key,
        part: TableLayout,
        columns: Mapping[str, ColumnData],
        *,
        private: bool | None,
    ) -> list[ColumnView]:
        async with AsyncExitStack() as stack:
            async with self._context.db.read() as conn:
                dataset, access = await dataset_access(conn, actor, dataset_id, Permission.DATA_READ)
                if private is None:
                    private = Permission.ANNOTATION_EDIT not in access.held
                await _may_edit(conn, actor, dataset_id, private=private)
            await stack.enter_async_context(self._lock(dataset_id))
            root = self._context.blobs.zarr(dataset_path(dataset.bytes_id), read_only=False)

            def write() -> list[NewElement]:
                made = []
                terms = partner_terms(columns)
                for name, column in columns.items():
                    place = fresh_path(root, part.table.path, "obs", name)
                    write_column(root, part.table.path, place, column)
                    meta = with_terms(column_meta(column), terms.get(name, {})) | ({"private": True} if private else {})
                    by = {"function": "annotation.add", "user": actor.email}
                    made.append(NewElement("column", part.table.name, name, place, meta, by))
                return made

            elements = await asyncio.to_thread(write)
            await self._context.blobs.flush(dataset_path(dataset.bytes_id))
            async with self._context.db.write() as conn:
                dataset = await _may_edit(conn, actor, dataset_id, private=private)
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
        followed: gating_history.Edits | None = None,
    ) -> Element:
        """Put a new version in the place of a column, or nothing; with its revision, which has followers too."""
        fresh = await replace_column(conn, dataset.id, old, values)
        change = (old, fresh if values is not None else None)
        await self._record(conn, actor, dataset, verb, subject=lasting_id(old), change=change, followed=followed)
        await self._tell(conn, dataset, verb.split(".")[1])
        if followed:
            await gating_history.tell(conn, dataset.study_id, verb)
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
        followed: gating_history.Edits | None = None,
    ) -> None:
        """Write a revision, unless only one person ever saw the annotation: all who read the study see revisions."""
        if all(is_private(element) for element in change if element is not None):
            return
        before, after = gating_history.fields_of(followed or ())
        await history.record(
            conn,
            actor,
            verb,
            study_id=dataset.study_id,
            subject=("annotation", subject),
            before=said_of(change[0]) | before,
            after=said_of(change[1]) | after,
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


async def _may_edit(conn: Connection, actor: Actor, dataset_id: Key, *, private: bool) -> Dataset:
    """The dataset, if the actor may annotate it for all, or, what nobody else sees, may read it."""
    if private:
        require_user(actor, "write")
    needed = Permission.DATA_READ if private else Permission.ANNOTATION_EDIT
    return (await dataset_access(conn, actor, dataset_id, needed))[0]


def _check_version(element: Element, expected: int | None) -> None:
    if expected is not None and element.version != expected:
        raise VersionMismatchError(
            f"This annotation changed in the meantime: it has version {element.version}, not {expected}",
            do="Load it again and repeat the change",
            version=element.version,
        )


@dataclass(frozen=True, slots=True)
class _Matched:
    """Row sent for each cell (-1 = none); barcodes sent that no cell has, and those of cells that were not sent."""

    places: np.ndarray
    surplus: Sequence[str] = ()
    left_out: Sequence[str] = ()


def _match(sent: pd.Index, barcodes: np.ndarray) -> _Matched:
    names = pd.Index([str(name) for name in sent], dtype=object)
    if names.has_duplicates:
        twice = names[names.duplicated()][0]
        raise InvalidInputError(f"The barcode '{twice[:100]}' occurs twice", do="Send each cell once")
    places = names.get_indexer(pd.Index(barcodes, dtype=object))
    if not (places >= 0).any():
        raise InvalidInputError(
            "None of the barcodes is in this table",
            where=f"'{names[0][:100]}'" if len(names) else "",
            do=f"Its barcodes look like '{barcodes[0]}'" if len(barcodes) else "",
        )
    used = np.zeros(len(names), bool)
    used[places[places >= 0]] = True
    surplus = [name[:100] for name in names[~used]]
    return _Matched(places, surplus, [str(name)[:100] for name in barcodes[places < 0]])
