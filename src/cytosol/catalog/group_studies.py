"""Studies as clients see them that know a study only by its group."""

from __future__ import annotations

from typing import Literal

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.access import permissions_on_studies, require_readable_lists
from cytosol.catalog.context import Context
from cytosol.catalog.studies import StudyView, study_view
from cytosol.db import group_studies, studies
from cytosol.model.rights import ALL_MEMBERS, PUBLIC, Actor, Permission, require_user

Filed = Literal["personal", "all_members", "public"] | Key
StudyViews = list[StudyView]


class GroupStudies:
    """The verbs of a group's studies."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, *, filed: Filed, finished: bool = True, trash: bool = False) -> StudyViews:
        """Studies of a group, newest first.

        Parameters
        ----------
        filed : "personal" = the actor's own and those shared with the actor alone; "all_members"; "public"; or a group
        finished : only those with a published dataset
        trash : the deleted ones that the actor may bring back

        Raises
        ------
        NotFoundError
            Where the actor is not in the group.
        """
        user_id = require_user(actor)
        require_readable_lists(actor)
        if isinstance(filed, Key) and filed not in actor.group_ids and not actor.is_admin:
            raise NotFoundError("There is no such group, or you are not in it")
        async with self._context.db.read() as conn:
            found = await group_studies.group_studies(
                conn,
                finished=finished,
                trash=trash,
                user_id=user_id if filed == "personal" else None,
                group_id=filed if isinstance(filed, Key) else None,
                builtin=PUBLIC if filed == "public" else ALL_MEMBERS,
            )
            ids = [row["id"] for row in found]
            held = await permissions_on_studies(conn, actor, ids)
            counted = await studies.counts(conn, ids)
        return [
            study_view(row, held[row["id"]], counted.get(row["id"]))
            for row in found
            if not trash or Permission.STUDY_DELETE in held[row["id"]]
        ]
