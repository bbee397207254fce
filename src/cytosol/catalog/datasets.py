"""Datasets as people see them: their tables, annotations and embeddings at the newest version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import ConflictError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit, events, history
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.context import Context
from cytosol.catalog.layouts import DatasetLayout, Layouts, TableLayout, is_private, lasting_id, rewrite_metadata
from cytosol.catalog.records import UNSET, Page, Unset, all_to, check_limit, decode_cursor, page_of, to
from cytosol.db import rows, studies, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.studies import Dataset, Element

MAKERS = ("ingest", "subset")
"""Kinds of jobs that make a dataset."""
DAY_US = 86_400_000_000
DatasetViews = list["DatasetView"]
DatasetList = list[Dataset]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """An annotation.

    Attributes
    ----------
    id : stays the same through all changes
    kind : categorical, numeric or text
    n_categories : None unless categorical
    version : raised by every change
    owner_id : who made it; None = nobody in particular
    is_private : whether only the owner sees it
    """

    id: Key
    name: str
    kind: str
    n_categories: int | None
    version: int
    owner_id: Key | None
    made_by: Mapping[str, Any]
    is_private: bool


@dataclass(frozen=True, slots=True)
class EmbeddingView:
    """Coordinates of the cells."""

    id: Key
    name: str
    n_dims: int
    version: int
    made_by: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableView:
    """A table: cells × features.

    Attributes
    ----------
    kind : counts or normalized
    normalization : what ``unit=lognorm`` gives: "log" of counts, "clr" of antibody counts, "" the values as they are
    """

    name: str
    n_cells: int
    n_features: int
    kind: str
    normalization: str
    columns: tuple[ColumnView, ...]
    embeddings: tuple[EmbeddingView, ...]
    has_markers: bool


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A dataset as an actor sees it; without tables while it is being made.

    Attributes
    ----------
    job_id : the job that makes or made it
    permissions : what the actor may do with its study
    """

    dataset: Dataset
    n_cells: int
    tables: tuple[TableView, ...]
    job_id: Key | None
    permissions: frozenset[Permission]


class Datasets:
    """The verbs on datasets."""

    def __init__(self, context: Context, layouts: Layouts) -> None:
        self._context = context
        self._layouts = layouts

    async def list(
        self, actor: Actor, *, study_id: Key, trash: bool = False, limit: int = 100, cursor: str | None = None
    ) -> Page[DatasetView]:
        """The datasets of a study in their order; the trash shows the deleted ones."""
        where: dict[str, Any] = {"study_id": study_id, "deleted_at": rows.Not(None) if trash else None}
        async with self._context.db.read() as conn:
            permission = Permission.STUDY_EDIT if trash else Permission.STUDY_READ
            access = await study_access(conn, actor, study_id, permission)
            found = await rows.find(
                conn,
                tables.datasets,
                where,
                order=("position", "id"),
                limit=check_limit(limit) + 1,
                after=decode_cursor(cursor, length=2),
            )
            datasets = all_to(Dataset, found)
            views = await self._views(conn, actor, datasets, access.held)
        return page_of(views, limit, [(dataset.position, dataset.id) for dataset in datasets])

    async def get(self, actor: Actor, *, dataset_id: Key) -> DatasetView:
        """One dataset."""
        async with self._context.db.read() as conn:
            dataset, access = await dataset_access(conn, actor, dataset_id, Permission.STUDY_READ)
            return (await self._views(conn, actor, [dataset], access.held))[0]

    async def change(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        expected: int | None = None,
        name: str | None = None,
        sample_id: Key | Unset | None = UNSET,
        technology: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> DatasetView:
        """Change what a dataset is called, its sample, its technology; as a revision."""
        values: dict[str, Any] = {}
        if name is not None:
            values["name"] = clean_name(name)
        if technology is not None:
            values["technology"] = clean_name(technology, field="technology", empty=True, max_letters=64)
        if sample_id is not UNSET:
            values["sample_id"] = sample_id
        async with self._context.db.write() as conn:
            dataset, access = await dataset_access(conn, actor, dataset_id, Permission.STUDY_EDIT)
            if isinstance(sample_id, Key):
                await _check_sample(conn, dataset.study_id, sample_id)
            before = {key: getattr(dataset, key) for key in values}
            await rows.change(
                conn,
                tables.datasets,
                dataset_id,
                values | ({"extra": dict(extra)} if extra is not None else {}),
                expected=expected,
            )
            if any(before[key] != value for key, value in values.items()):
                await history.record(
                    conn,
                    actor,
                    "dataset.change",
                    study_id=dataset.study_id,
                    subject=("dataset", dataset_id),
                    before=_plain(before),
                    after=_plain(values),
                )
            await self.tell(conn, dataset, "change")
            fresh = to(Dataset, await rows.need(conn, tables.datasets, dataset_id))
            view = (await self._views(conn, actor, [fresh], access.held))[0]
        self._context.notifier.events_stored()
        if name is not None and fresh.data_version:
            await rewrite_metadata(self._context, dataset_id)
        return view

    async def copy(self, actor: Actor, *, dataset_id: Key, study_id: Key, name: str) -> DatasetView:
        """A copy of a finished dataset in a study that the actor may upload to; the bytes are shared."""
        user_id = require_user(actor, "write")
        async with self._context.db.write() as conn:
            source, access = await dataset_access(conn, actor, dataset_id, Permission.FILE_READ)
            access.require(Permission.EXPORT)
            if not source.data_version:
                raise ConflictError("The dataset is being made", do="Wait until its job has succeeded")
            target = await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            position = await rows.count(conn, tables.datasets, {"study_id": study_id})
            lineage = {"copy_of": dataset_id.hex24, "version": source.data_version}
            values = {"study_id": study_id, "name": clean_name(name), "position": position, "lineage": lineage}
            if study_id != source.study_id and source.compensation not in ("none", "internal"):
                values["compensation"] = ""  # a matrix of the other study
            copies = await studies.copy_datasets(conn, {"id": dataset_id}, values, owner_id=user_id)
            fresh = to(Dataset, await rows.need(conn, tables.datasets, copies[dataset_id]))
            detail = {"source": dataset_id.hex24}
            await audit.note(conn, actor, "dataset.copy", subject_kind="dataset", subject_id=fresh.id, detail=detail)
            await self.tell(conn, fresh, "copy")
            view = (await self._views(conn, actor, [fresh], target.held))[0]
        self._context.notifier.events_stored()
        return view

    async def delete(self, actor: Actor, *, dataset_id: Key, expected: int | None = None) -> None:
        """Put a dataset into the trash.

        Raises
        ------
        ConflictError
            While the job that makes it waits or runs.
        """
        async with self._context.db.write() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.STUDY_EDIT)
            busy = await rows.count(conn, tables.jobs, {"dataset_id": dataset_id, "state": ["queued", "running"]})
            if busy and dataset.state == "staging":
                raise ConflictError("The dataset is being made", do="Cancel its job instead")
            await rows.change(conn, tables.datasets, dataset_id, {"deleted_at": now_us()}, expected=expected)
            await audit.note(conn, actor, "dataset.delete", subject_kind="dataset", subject_id=dataset_id)
            await self.tell(conn, dataset, "delete")
        self._context.notifier.events_stored()

    async def undelete(self, actor: Actor, *, dataset_id: Key) -> DatasetView:
        """Bring a dataset back from the trash, within the retention time."""
        async with self._context.db.write() as conn:
            dataset, access = await dataset_access(conn, actor, dataset_id, Permission.STUDY_EDIT, deleted=True)
            days = self._context.settings.retention_days
            if (dataset.deleted_at or 0) < now_us() - int(days * DAY_US):
                raise ConflictError(
                    f"The dataset was deleted more than {days:g} days ago and cannot be brought back",
                    setting="retention_days",
                )
            if dataset.state == "staging":
                raise ConflictError("The dataset was never made", do="Retry its job")
            await rows.change(conn, tables.datasets, dataset_id, {"deleted_at": None}, expected=None)
            await audit.note(conn, actor, "dataset.undelete", subject_kind="dataset", subject_id=dataset_id)
            await self.tell(conn, dataset, "undelete")
            fresh = to(Dataset, await rows.need(conn, tables.datasets, dataset_id))
            view = (await self._views(conn, actor, [fresh], access.held))[0]
        self._context.notifier.events_stored()
        return view

    async def _views(
        self, conn: Connection, actor: Actor, datasets: DatasetList, held: frozenset[Permission]
    ) -> DatasetViews:
        layouts = await self._layouts.get_many(conn, datasets, viewer=actor.user_id)
        made_by: dict[Key, Key] = {}
        if datasets:
            ids = [dataset.id for dataset in datasets]
            for row in await rows.find(conn, tables.jobs, {"dataset_id": ids, "kind": list(MAKERS)}, order=("id",)):
                made_by[row["dataset_id"]] = row["id"]
        return [
            view_of(dataset, layout, made_by.get(dataset.id), held)
            for dataset, layout in zip(datasets, layouts, strict=True)
        ]

    @staticmethod
    async def tell(conn: Connection, dataset: Dataset, verb: str) -> None:
        """Store the event that a dataset changed."""
        await events.append(
            conn,
            "dataset.changed",
            subject_kind="dataset",
            subject_id=dataset.id,
            study_id=dataset.study_id,
            data={"verb": verb},
        )


class DatasetSubject:
    """What a dataset is called and belongs to, for undo."""

    kind = "dataset"
    permission = Permission.STUDY_EDIT

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        row = await rows.get(conn, tables.datasets, subject_id)
        return {} if row is None else _plain({name: row[name] for name in like})

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        fresh = dict(values)
        if fresh.get("sample_id") is not None:
            fresh["sample_id"] = Key.parse(fresh["sample_id"])
        await rows.change(conn, tables.datasets, subject_id, fresh, expected=None)

    async def restored(self, subject_id: Key) -> None:
        """The name on disk follows with the next change of the data."""


def view_of(dataset: Dataset, layout: DatasetLayout, job_id: Key | None, held: frozenset[Permission]) -> DatasetView:
    """A dataset and its layout as one view."""
    shown = tuple(_table_view(part) for part in layout.tables)
    return DatasetView(dataset, shown[0].n_cells if shown else 0, shown, job_id, held)


def column_view(element: Element) -> ColumnView:
    """A column's element as people see it."""
    return ColumnView(
        lasting_id(element),
        element.name,
        element.meta.get("kind", "text"),
        element.meta.get("n_categories"),
        element.version,
        element.owner_id,
        element.made_by,
        is_private(element),
    )


def _table_view(part: TableLayout) -> TableView:
    meta = part.table.meta
    return TableView(
        part.table.name,
        part.n_cells,
        int(meta["n_features"]),
        meta["kind"],
        meta.get("normalization", "log" if meta["kind"] == "counts" else ""),
        tuple(column_view(element) for element in part.columns),
        tuple(
            EmbeddingView(lasting_id(e), e.name, int(e.meta["n_dims"]), e.version, e.made_by) for e in part.embeddings
        ),
        any(element.kind == "markers" for element in part.results),
    )


async def _check_sample(conn: Connection, study_id: Key, sample_id: Key) -> None:
    sample = await rows.get(conn, tables.samples, sample_id)
    if sample is None or sample["study_id"] != study_id or sample["deleted_at"] is not None:
        raise NotFoundError("There is no such sample in this study", where=sample_id.hex24)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.hex24 if isinstance(value, Key) else value for name, value in values.items()}
