"""The end and the return of elements that never change, such as results."""

from __future__ import annotations

from cytosol.base.keys import Key, new_key
from cytosol.catalog import events, history
from cytosol.catalog.access import dataset_access
from cytosol.catalog.context import Context
from cytosol.catalog.layouts import is_private, lasting_id, rewrite_metadata
from cytosol.catalog.records import all_to, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.layout import free_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Element


async def end_element(conn: Connection, dataset_id: Key, element: Element) -> None:
    """Take an element out of the dataset as its next version; nothing happens where it is out already."""
    dataset = await rows.lock(conn, tables.datasets, dataset_id)
    version = dataset["data_version"] + 1
    ended = await rows.update(
        conn, tables.elements, {"id": element.id, "until_version": None}, {"until_version": version}
    )
    if ended:
        await rows.update(conn, tables.datasets, {"id": dataset_id}, {"data_version": version})


async def remove_result(context: Context, actor: Actor, *, dataset_id: Key, element: Element) -> None:
    """Take a result out of its dataset; undo brings it back, unless only its owner saw it."""
    async with context.db.write() as conn:
        dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.ANALYSIS_RUN)
        await end_element(conn, dataset_id, element)
        if not is_private(element):  # all who read the study see revisions
            await history.record(
                conn,
                actor,
                "result.delete",
                study_id=dataset.study_id,
                subject=("result", lasting_id(element)),
                before=said(element),
                after=said(None),
            )
        await events.append(
            conn,
            "dataset.changed",
            subject_kind="dataset",
            subject_id=dataset_id,
            study_id=dataset.study_id,
            data={"verb": "result.delete"},
        )
    context.notifier.events_stored()
    await rewrite_metadata(context, dataset_id)


async def revive_element(conn: Connection, dataset_id: Key, element: Element) -> None:
    """Bring an element that was taken out back as the dataset's next version."""
    dataset = await rows.lock(conn, tables.datasets, dataset_id)
    version = dataset["data_version"] + 1
    live = {"dataset_id": dataset_id, "kind": element.kind, "table_name": element.table_name, "until_version": None}
    taken = {row["name"] for row in await rows.find(conn, tables.elements, live)}
    await rows.insert(
        conn,
        tables.elements,
        id=new_key(),
        dataset_id=dataset_id,
        kind=element.kind,
        table_name=element.table_name,
        name=free_name(element.name, taken),
        path=element.path,
        since_version=version,
        position=element.position,
        meta=dict(element.meta),
        made_by=dict(element.made_by),
        job_id=element.job_id,
        owner_id=element.owner_id,
        version=element.version + 1,
        extra={**element.extra, "first": lasting_id(element).hex24},
    )
    await rows.update(conn, tables.datasets, {"id": dataset_id}, {"data_version": version})


async def show_markers(conn: Connection, dataset_id: Key, column_id: Key, *, shown: bool = True) -> None:
    """Let all who read the study see the markers of an annotation, or those alone who made them."""
    live = {"dataset_id": dataset_id, "kind": "markers", "until_version": None}
    for element in all_to(Element, await rows.find(conn, tables.elements, live)):
        if is_private(element) == shown and element.meta.get("column_id") == column_id.hex24:
            meta = {name: value for name, value in element.meta.items() if name != "private"}
            meta |= {} if shown else {"private": True}
            await rows.update(conn, tables.elements, {"id": element.id}, {"meta": meta})


class ResultSubject:
    """Results for undo: there, or taken out."""

    kind = "result"
    permission = Permission.ANALYSIS_RUN

    def __init__(self, context: Context) -> None:
        self._context = context

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        newest = await _newest(conn, subject_id)
        if newest is None:
            return {}
        is_live = newest.until_version is None
        return {name: value for name, value in said(newest if is_live else None).items() if name in like}

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        newest = await _newest(conn, subject_id)
        if newest is None:
            return
        if values.get("path") is None:
            await end_element(conn, newest.dataset_id, newest)
        elif newest.until_version is not None:
            await revive_element(conn, newest.dataset_id, newest)

    async def restored(self, subject_id: Key) -> None:
        async with self._context.db.read() as conn:
            first = await rows.get(conn, tables.elements, subject_id)
        if first is not None:
            await rewrite_metadata(self._context, first["dataset_id"])


def said(element: Element | None) -> dict[str, str | None]:
    """What a revision says about a result; every field None = there is none."""
    return {name: getattr(element, name) if element is not None else None for name in ("name", "path")}


async def _newest(conn: Connection, subject_id: Key) -> Element | None:
    first = await rows.get(conn, tables.elements, subject_id)
    if first is None:
        return None
    kept = to(Element, first)
    same = {"dataset_id": kept.dataset_id, "kind": kept.kind, "table_name": kept.table_name}
    family = [e for e in all_to(Element, await rows.find(conn, tables.elements, same)) if lasting_id(e) == subject_id]
    return max(family, key=lambda element: element.since_version, default=None)
