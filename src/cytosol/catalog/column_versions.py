"""Versions of an annotation: one ends and the next begins; and the way back to an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.base.errors import ForbiddenError, VersionMismatchError
from cytosol.base.keys import Key, new_key
from cytosol.catalog import gating_history, history
from cytosol.catalog.context import Context
from cytosol.catalog.elements import show_markers
from cytosol.catalog.layouts import is_private, lasting_id, live_at, rewrite_metadata
from cytosol.catalog.records import all_to, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.layout import free_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Element

_FIELDS = ("name", "path", "meta")
_FOLLOWERS = gating_history.GatingSubject(gating_history.MANY)


class AnnotationSubject:
    """Annotations for undo; what a column holds is told by its path, which is never written twice.

    With it go the populations that followed its categories: their fields are called as `gating_history` calls them.
    """

    kind = "annotation"
    permission = Permission.ANNOTATION_EDIT

    def __init__(self, context: Context) -> None:
        self._context = context

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        first = await rows.get(conn, tables.elements, subject_id)
        if first is None:
            return {}
        live = await _live_version(conn, first["dataset_id"], subject_id)
        _, followers = _parted(like)
        own = {name: value for name, value in said_of(live).items() if name in like}
        return own | dict(await _FOLLOWERS.current(conn, subject_id, followers))

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        first = to(Element, await rows.need(conn, tables.elements, subject_id))
        live = await _live_version(conn, first.dataset_id, subject_id)
        own, followers = _parted(values)
        if followers:
            await _FOLLOWERS.restore(conn, actor, subject_id, followers)
            study_id = (await rows.need(conn, tables.datasets, first.dataset_id))["study_id"]
            await gating_history.tell(conn, study_id, "annotation.change")
        wanted = own if own.get("path") is not None else None
        if live is not None and wanted is not None and "meta" in wanted:
            hides, hidden = bool(wanted["meta"].get("private")), is_private(live)
            if hides and not hidden and actor.user_id != live.owner_id:
                raise ForbiddenError(
                    f"Only who published '{live.name}' can take that back",
                    do="Delete the annotation, if it shall not be seen",
                )
            if hides != hidden:
                await show_markers(conn, first.dataset_id, subject_id, shown=not hides)
        if live is not None:
            await replace_column(conn, first.dataset_id, live, wanted)
        elif wanted is not None:
            await replace_column(conn, first.dataset_id, first, wanted)

    async def restored(self, subject_id: Key) -> None:
        async with self._context.db.read() as conn:
            first = await rows.get(conn, tables.elements, subject_id)
        if first is not None:
            await rewrite_metadata(self._context, first["dataset_id"])


def _parted(values: history.Values) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of an annotation, and those of populations."""
    own = {name: value for name, value in values.items() if name in _FIELDS}
    return own, {name: value for name, value in values.items() if name not in _FIELDS}


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
        if element.kind == "column"
        and element.table_name == old.table_name
        and element not in family
        and (not is_private(element) or element.owner_id == old.owner_id)
    }
    name = values.get("name", now.name)
    if "name" in values or not dict(values.get("meta", old.meta)).get("private"):
        name = free_name(name, taken)  # an own annotation may be called as one of the study that came later
    id = new_key()
    await rows.insert(
        conn,
        tables.elements,
        id=id,
        dataset_id=dataset_id,
        kind="column",
        table_name=old.table_name,
        name=name,
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


def said_of(element: Element | None) -> dict[str, Any]:
    """What a revision says about a column; every field None = there is none."""
    return {name: getattr(element, name) if element is not None else None for name in _FIELDS}
