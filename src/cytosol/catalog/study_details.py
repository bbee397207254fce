"""What some clients want to know of a study besides itself: its place, its named revisions, its last change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from cytosol.base.keys import Key
from cytosol.catalog.access import permissions_on_studies
from cytosol.catalog.context import Context
from cytosol.catalog.records import to
from cytosol.db import rows, studies, tables
from cytosol.db.connections import Connection
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Revision


@dataclass(frozen=True, slots=True)
class StudyDetails:
    """Further facts of a study.

    Attributes
    ----------
    changed_at : when it, or anything that it holds, last changed; µs since 1970 UTC
    marks : its named revisions, oldest first
    folders : where it lies: the ids of the folders from the top down
    """

    changed_at: int
    marks: tuple[Revision, ...]
    folders: tuple[Key, ...]


class Details:
    """Looks the facts up."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def of(self, actor: Actor, *, study_ids: Iterable[Key]) -> dict[Key, StudyDetails]:
        """The facts of those studies, live or in the trash, that the actor may read."""
        async with self._context.db.read() as conn:
            held = await permissions_on_studies(conn, actor, study_ids)
            ids = [id for id, permissions in held.items() if Permission.STUDY_READ in permissions]
            places = {row["id"]: row["folder_id"] for row in await rows.find(conn, tables.studies, {"id": ids})}
            paths = await paths_of(conn, {folder for folder in places.values() if folder is not None})
            changed = await studies.changed_at(conn, ids)
            marks: dict[Key, list[Revision]] = defaultdict(list)
            for row in await rows.find(conn, tables.revisions, {"study_id": ids, "label": rows.Not("")}):
                marks[row["study_id"]].append(to(Revision, row))
        return {
            id: StudyDetails(changed[id], tuple(marks[id]), paths.get(folder, ()) if folder is not None else ())
            for id, folder in places.items()
        }

    async def paths(self, actor: Actor, *, folder_ids: Iterable[Key]) -> dict[Key, tuple[Key, ...]]:
        """Where folders lie that the actor has seen: for each the ids from the top down to itself."""
        async with self._context.db.read() as conn:
            return await paths_of(conn, set(folder_ids))


async def paths_of(conn: Connection, folder_ids: set[Key]) -> dict[Key, tuple[Key, ...]]:
    """For each folder the ids from the top down to itself."""
    above: dict[Key, Key | None] = {}
    wanted = set(folder_ids)
    while wanted:
        found = await rows.find(conn, tables.folders, {"id": wanted})
        above |= {row["id"]: row["parent_id"] for row in found}
        wanted = {row["parent_id"] for row in found if row["parent_id"] is not None} - above.keys()
    paths = {}
    for id in folder_ids & above.keys():
        path = [id]
        while (parent := above.get(path[-1])) is not None:
            path.append(parent)
        paths[id] = tuple(reversed(path))
    return paths
