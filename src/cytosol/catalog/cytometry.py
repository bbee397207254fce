"""Files of cytometry: added, described, annotated; their keywords and spillover matrices."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from cytosol.base.errors import ConflictError, CytosolError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import audit, history
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.arrivals import insert_original, take_in
from cytosol.catalog.context import Context
from cytosol.catalog.dataset_attributes import annotations_of, set_annotations
from cytosol.catalog.datasets import Datasets
from cytosol.catalog.fcs_changes import ANNOTATIONS, PANELS, changed_panels, checked_changes
from cytosol.catalog.fcs_records import FileView, data_set_of, file_views, original_of, source_of
from cytosol.catalog.fcs_store import WrittenFile, insert_file, write_file
from cytosol.catalog.layouts import Layouts, rewrite_metadata
from cytosol.catalog.records import all_to, to
from cytosol.catalog.submissions import bind_original
from cytosol.catalog.uploads import Uploads, clean_path
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.fcs.header import read_headers
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.studies import Dataset
from cytosol.model.work import Original
from cytosol.store.originals import original_source

FileViews = list[FileView]
DatasetList = list[Dataset]


class Cytometry:
    """The verbs on files of cytometry. Each data set of a file is a dataset with one table, ``events``."""

    def __init__(self, context: Context, layouts: Layouts, uploads: Uploads) -> None:
        self._context = context
        self._layouts = layouts
        self._uploads = uploads

    async def add_file(self, actor: Actor, *, study_id: Key, upload_id: Key, filename: str = "") -> DatasetList:
        """Make datasets of a complete upload of the actor, at once; all of the file or nothing of it.

        The upload of a file that is refused is dropped.

        Parameters
        ----------
        filename : what the dataset is called; further data sets of the file 'name (2)' and so on. "" = as uploaded

        Raises
        ------
        UnreadableFileError, UnsupportedFormatError
            Where it is no FCS file, or cannot be read.
        """
        require_user(actor, "write")
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
        original = await self._uploads.complete(actor, upload_id=upload_id)
        if original.dataset_id is not None:
            raise ConflictError("This upload became a dataset already", do="Upload the file again")
        name = clean_name(filename or original.path.rpartition("/")[2], field="filename")
        source = original_source(self._context.blobs, original.bytes_id or original.id, name)
        async with Writing(self._context) as writing:
            try:
                written = await write_file(self._context, source, name=name, writing=writing)
            except CytosolError:
                await self._uploads.discard(upload_id)
                raise
            async with self._context.db.write() as conn:
                await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
                made = await self.insert_on(conn, actor, study_id, written, original_id=original.id)
                await rows.delete(conn, tables.uploads, {"id": upload_id})
        return await self._stored(made)

    async def put_file(self, actor: Actor, *, study_id: Key, filename: str, body: AsyncIterator[bytes]) -> DatasetList:
        """The same of a body that arrives now: its bytes and events are written, then all records in one transaction.

        Nothing of it stays where it breaks off or is refused, or where the server dies meanwhile.

        Raises
        ------
        LimitExceededError
            Where the file is larger than ``max_upload_bytes``, or too much for what the actor may store.
        """
        user_id = require_user(actor, "write")
        name = clean_name(filename, field="filename")
        path = clean_path(name.replace("/", "_"))
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            await self._uploads.check_room(conn, user_id, 0)
        async with Writing(self._context) as writing:
            arrival = await take_in(self._context, body, path=path, writing=writing)
            source = original_source(self._context.blobs, arrival.key, name)
            written = await write_file(self._context, source, name=name, writing=writing)
            async with self._context.db.write() as conn:
                await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
                await self._uploads.check_room(conn, user_id, arrival.digest.size)
                original = await insert_original(conn, user_id, arrival)
                made = await self.insert_on(conn, actor, study_id, written, original_id=original.id)
        return await self._stored(made)

    async def _stored(self, made: DatasetList) -> DatasetList:
        self._context.notifier.events_stored()
        for dataset in made:
            await rewrite_metadata(self._context, dataset.id)
        return made

    async def described(self, datasets: Sequence[Dataset]) -> FileViews:
        """Files that the caller has just made or read, all of one study, with what is known about them."""
        async with self._context.db.read() as conn:
            return await file_views(conn, self._layouts, datasets)

    async def insert_on(
        self,
        conn: Connection,
        actor: Actor,
        study_id: Key,
        written: Sequence[WrittenFile],
        *,
        original_id: Key,
        values: Mapping[str, Any] | None = None,
    ) -> DatasetList:
        """Write down the datasets of a file whose events are in the store, in a transaction of the caller.

        The caller asked for the rights before, and rewrites the metadata of the datasets after the commit.

        Parameters
        ----------
        original_id : the file
        values : further columns of the datasets
        """
        made = [await insert_file(conn, study_id, one, values=dict(values or {})) for one in written]
        for dataset in made:
            await bind_original(conn, original_id, dataset.id)
            await audit.note(conn, actor, "dataset.add", subject_kind="dataset", subject_id=dataset.id)
        return made

    async def files(self, actor: Actor, *, study_id: Key, trash: bool = False) -> FileViews:
        """The files of a study in their order, controls too; the trash shows the deleted ones."""
        where = {"study_id": study_id, "deleted_at": rows.Not(None) if trash else None, "data_version": rows.Above(0)}
        async with self._context.db.read() as conn:
            permission = Permission.STUDY_EDIT if trash else Permission.STUDY_READ
            await study_access(conn, actor, study_id, permission)
            found = all_to(Dataset, await rows.find(conn, tables.datasets, where, order=("position", "id")))
            return await file_views(conn, self._layouts, found)

    async def file(self, actor: Actor, *, dataset_id: Key) -> FileView:
        """One file.

        Raises
        ------
        NotFoundError
            Where there is none, or the dataset is no file of cytometry.
        """
        async with self._context.db.read() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.STUDY_READ)
            return await self._view(conn, dataset)

    async def _view(self, conn: Connection, dataset: Dataset) -> FileView:
        views = await file_views(conn, self._layouts, [dataset])
        if not views:
            raise NotFoundError("This dataset is no file of cytometry", where=dataset.name)
        return views[0]

    async def keywords(self, actor: Actor, *, dataset_id: Key) -> dict[str, str]:
        """All keywords of the file as it was given, in its order and spelling, values untrimmed."""
        async with self._context.db.read() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.DATA_READ)
            number = data_set_of(await self._layouts.get(conn, dataset))
            original = await original_of(conn, dataset)
        return dict(await self._text(original, number))

    async def _text(self, original: Original, number: int) -> dict[str, str]:
        source = source_of(self._context, original)
        return await self._context.compute.cached(
            ("fcs-text", original.bytes_id, number), lambda: read_headers(source)[number - 1].keywords.text
        )

    async def annotate(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        annotations: Sequence[tuple[str, Any]],
        extra: Mapping[str, Any] | None = None,
        widens: bool = False,
    ) -> FileView:
        """Replace the annotations of a file; as a revision.

        Parameters
        ----------
        widens : as in `set_annotations`
        extra : of the file, set along with them; None = as it is
        """
        async with self._context.db.write() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.ANNOTATION_EDIT)
            before = (await annotations_of(conn, dataset.study_id, [dataset_id])).get(dataset_id, [])
            await set_annotations(conn, dataset.study_id, dataset_id, annotations, widens=widens)
            after = (await annotations_of(conn, dataset.study_id, [dataset_id])).get(dataset_id, [])
            kept = {} if extra is None or extra == dataset.extra else {"extra": dict(extra)}
            if before != after or kept:
                await rows.change(conn, tables.datasets, dataset_id, kept, expected=None)
            if before != after:
                await history.record(
                    conn,
                    actor,
                    "file.annotate",
                    study_id=dataset.study_id,
                    subject=(ANNOTATIONS, dataset_id),
                    before={"annotations": [list(one) for one in before]},
                    after={"annotations": [list(one) for one in after]},
                )
            view = await self._view(conn, to(Dataset, await rows.need(conn, tables.datasets, dataset_id)))
        self._context.notifier.events_stored()
        return view

    async def change(self, actor: Actor, *, dataset_id: Key, expected: int | None = None, **fields: Any) -> FileView:
        """Change facts of a file; as a revision.

        Parameters
        ----------
        fields : of ``name``, ``panel``, ``panel_name``, ``is_control``, ``compensation`` and ``gates_locked``, as in
            `Dataset`
        """
        async with self._context.db.write() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.STUDY_EDIT)
            view = await self._view(conn, dataset)
            values = await checked_changes(conn, view, fields)
            before = {key: getattr(dataset, key) for key in values}
            await rows.change(conn, tables.datasets, dataset_id, values, expected=expected)
            if before != values:
                await history.record(
                    conn,
                    actor,
                    "file.change",
                    study_id=dataset.study_id,
                    subject=("dataset", dataset_id),
                    before=before,
                    after=values,
                )
            await Datasets.tell(conn, dataset, "change")
            view = await self._view(conn, to(Dataset, await rows.need(conn, tables.datasets, dataset_id)))
        self._context.notifier.events_stored()
        if "name" in values:
            await rewrite_metadata(self._context, dataset_id)
        return view

    async def set_panel(
        self,
        actor: Actor,
        *,
        study_id: Key,
        dataset_ids: Sequence[Key],
        reagents: Mapping[str, str | None],
        panel_name: str = "",
    ) -> FileViews:
        """Say which reagent each channel of some files has; one revision for all. The files themselves stay.

        Parameters
        ----------
        dataset_ids : none = all files of the study
        reagents : channel → reagent, None takes it away; channels that a file does not have are left out for it
        panel_name : "" = that of files with the same panel, else a new one
        """
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_EDIT)
            live = {"study_id": study_id, "deleted_at": None, "data_version": rows.Above(0)}
            found = all_to(Dataset, await rows.find(conn, tables.datasets, live, order=("position", "id")))
            chosen = [dataset for dataset in found if dataset.panel and (not dataset_ids or dataset.id in dataset_ids)]
            if missing := set(dataset_ids) - {dataset.id for dataset in chosen}:
                raise NotFoundError(
                    f"{len(missing)} of the files are not in this study", where=next(iter(missing)).hex24
                )
            before, after = await changed_panels(conn, study_id, chosen, reagents=reagents, panel_name=panel_name)
            if after:
                await history.record(
                    conn,
                    actor,
                    "panel.change",
                    study_id=study_id,
                    subject=(PANELS, study_id),
                    before=before,
                    after=after,
                )
            for dataset in chosen:
                if dataset.id.hex24 in after:
                    await Datasets.tell(conn, dataset, "panel")
            ids = [dataset.id for dataset in chosen]
            fresh = all_to(Dataset, await rows.find(conn, tables.datasets, {"id": ids}, order=("position", "id")))
            views = await file_views(conn, self._layouts, fresh)
        self._context.notifier.events_stored()
        return views
