"""The finished studies of one user, one group or everybody, for clients that know studies only by their group."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from cytosol.base.keys import Key
from cytosol.db.connections import Connection
from cytosol.db.tables import datasets, folders, grants, studies, users


async def group_studies(
    conn: Connection,
    *,
    user_id: Key | None = None,
    group_id: Key | None = None,
    builtin: str = "",
    finished: bool = True,
    trash: bool = False,
) -> list[RowMapping]:
    """The studies of one principal, newest first, with the owner's e-mail and name.

    Parameters
    ----------
    user_id : the user's own, and those shared with the user alone; none that a group or all members have
    group_id, builtin : shared with a group, or with a built-in principal, on the study or on a folder above
    finished : only those with a published dataset
    trash : the deleted ones instead of the live ones
    """
    published = sa.select(datasets.c.study_id).where(
        datasets.c.state == "published", datasets.c.data_version > 0, datasets.c.deleted_at.is_(None)
    )
    if user_id is not None:
        alone = sa.and_(grants.c.principal_kind == "user", grants.c.principal_id == user_id)
        many = sa.or_(grants.c.principal_kind == "group", _everybody("all_members"))
        wanted = sa.and_(_reached(alone, user_id), sa.not_(_reached(many)))
    elif group_id is not None:
        wanted = _reached(sa.and_(grants.c.principal_kind == "group", grants.c.principal_id == group_id))
    else:
        wanted = _reached(_everybody(builtin))
    statement = (
        sa.select(studies, users.c.email.label("owner_email"), users.c.name.label("owner_name"))
        .join(users, users.c.id == studies.c.owner_id)
        .where(studies.c.deleted_at.is_not(None) if trash else studies.c.deleted_at.is_(None), wanted)
        .where(studies.c.id.in_(published) if finished else sa.true())
        .order_by(studies.c.id.desc())
    )
    return (await conn.execute(statement)).rows


def _everybody(name: str) -> sa.ColumnElement[bool]:
    return sa.and_(grants.c.principal_kind == "builtin", grants.c.principal_name == name)


def _reached(granted_to: sa.ColumnElement[bool], owner_id: Key | None = None) -> sa.ColumnElement[bool]:
    """Studies with such a grant, on them or on a folder above, or with this owner."""

    def granted(kind: str) -> sa.Select[Any]:
        return sa.select(grants.c.subject_id).where(grants.c.subject_kind == kind, granted_to)

    first: sa.ColumnElement[bool] = folders.c.id.in_(granted("folder"))
    if owner_id is not None:
        first = sa.or_(first, folders.c.owner_id == owner_id)
    down = sa.select(folders.c.id).where(first).cte(recursive=True)
    below = folders.alias()
    down = down.union(sa.select(below.c.id).join(down, below.c.parent_id == down.c.id))
    inside = sa.and_(studies.c.folder_id.is_not(None), studies.c.folder_id.in_(sa.select(down.c.id)))
    choices: list[sa.ColumnElement[bool]] = [studies.c.id.in_(granted("study")), inside]
    if owner_id is not None:
        choices.append(studies.c.owner_id == owner_id)
    return sa.or_(*choices)
