"""Who holds which role where: grants on studies and folders, inherited from folder to folder."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from cytosol.base.keys import Key
from cytosol.db.connections import Connection
from cytosol.db.rows import conditions
from cytosol.db.tables import events, folders, grants, studies, users
from cytosol.db.types import KeyType

SubjectKind = Literal["folder", "study"]


@dataclass(frozen=True, slots=True)
class Who:
    """For whom rights are looked up.

    Attributes
    ----------
    user_id : None = nobody is signed in, only what is public counts
    group_ids : the groups of the user
    sees_all : whether lists show everything (administrators)
    """

    user_id: Key | None
    group_ids: frozenset[Key] = frozenset()
    sees_all: bool = False


async def roles_on_studies(conn: Connection, study_ids: Collection[Key], who: Who) -> dict[Key, set[str]]:
    """The roles on each of the studies, those inherited from folders included; owners count as 'owner'."""
    return await _roles(conn, "study", study_ids, who)


async def roles_on_study(conn: Connection, study_id: Key, who: Who) -> set[str]:
    """The roles on one study."""
    return (await _roles(conn, "study", (study_id,), who)).get(study_id, set())


async def roles_on_folders(conn: Connection, folder_ids: Collection[Key], who: Who) -> dict[Key, set[str]]:
    """The roles on each of the folders, those inherited from the folders above included."""
    return await _roles(conn, "folder", folder_ids, who)


async def roles_on_folder(conn: Connection, folder_id: Key, who: Who) -> set[str]:
    """The roles on one folder."""
    return (await _roles(conn, "folder", (folder_id,), who)).get(folder_id, set())


async def _roles(conn: Connection, kind: SubjectKind, ids: Collection[Key], who: Who) -> dict[Key, set[str]]:
    statement = _roles_statement(kind, who.user_id is not None, bool(who.group_ids))
    found: dict[Key, set[str]] = {}
    for row in (await conn.execute(statement, {"ids": list(ids), **_bound(who)})).rows:
        found.setdefault(row["subject"], set()).add(row["role"])
    return found


@lru_cache
def _roles_statement(kind: SubjectKind, is_signed_in: bool, has_groups: bool) -> sa.CompoundSelect[Any]:
    """Built once for each shape: building takes longer than running."""
    table, above = (studies, studies.c.folder_id) if kind == "study" else (folders, folders.c.parent_id)
    chosen = sa.bindparam("ids", expanding=True, type_=KeyType())
    start = sa.select(table.c.id.label("subject"), above.label("folder"), table.c.owner_id.label("owner")).where(
        table.c.id.in_(chosen)
    )
    begin = start.cte("start")
    up = (
        sa.select(begin.c.subject, begin.c.folder.label("id"))
        .where(begin.c.folder.is_not(None))
        .cte("up", recursive=True)
    )
    up = up.union(
        sa.select(up.c.subject, folders.c.parent_id)
        .join(folders, folders.c.id == up.c.id)
        .where(folders.c.parent_id.is_not(None))
    )
    mine = _principal(is_signed_in, has_groups)
    parts: list[sa.Select[Any]] = [
        sa.select(begin.c.subject, grants.c.role)
        .join(grants, grants.c.subject_id == begin.c.subject)
        .where(grants.c.subject_kind == kind, mine),
        sa.select(up.c.subject, grants.c.role)
        .join(grants, grants.c.subject_id == up.c.id)
        .where(grants.c.subject_kind == "folder", mine),
    ]
    if is_signed_in:
        owner = sa.literal("owner")
        parts.append(sa.select(begin.c.subject, owner).where(begin.c.owner == _user()))
        owned = sa.select(up.c.subject, owner).join(folders, folders.c.id == up.c.id)
        parts.append(owned.where(folders.c.owner_id == _user()))
    return sa.union(*parts)


def _user() -> sa.BindParameter[Key]:
    return sa.bindparam("user", type_=KeyType())


def _bound(who: Who) -> dict[str, Any]:
    """The values of the parameters that stand for the user."""
    values: dict[str, Any] = {}
    if who.user_id is not None:
        values["user"] = who.user_id
    if who.group_ids:
        values["groups"] = sorted(who.group_ids)
    return values


def _principal(is_signed_in: bool, has_groups: bool) -> sa.ColumnElement[bool]:
    """Grants that are meant for this user."""
    names = ["public", "all_members"] if is_signed_in else ["public"]
    choices = [sa.and_(grants.c.principal_kind == "builtin", grants.c.principal_name.in_(names))]
    if is_signed_in:
        choices.append(sa.and_(grants.c.principal_kind == "user", grants.c.principal_id == _user()))
    if has_groups:
        groups = sa.bindparam("groups", expanding=True, type_=KeyType())
        choices.append(sa.and_(grants.c.principal_kind == "group", grants.c.principal_id.in_(groups)))
    return sa.or_(*choices)


@dataclass(frozen=True, slots=True)
class StudyFilter:
    """Which studies a list shows.

    Attributes
    ----------
    search : contained in name, display id or description, whatever the case
    folder_id : directly in this folder
    at_top : only those in no folder
    trash : the deleted ones instead of the live ones
    where : further columns of studies, as for `rows.find`
    """

    search: str = ""
    species: str = ""
    folder_id: Key | None = None
    at_top: bool = False
    trash: bool = False
    where: dict[str, Any] = field(default_factory=dict)


async def readable_studies(
    conn: Connection, who: Who, chosen: StudyFilter, *, limit: int | None = None, after: Key | None = None
) -> list[RowMapping]:
    """The studies that the user may see, newest first, with ``owner_email`` and ``owner_name``.

    Parameters
    ----------
    after : the last study of the page before
    """
    statement = _studies_statement(who.user_id is not None, bool(who.group_ids), who.sees_all)
    statement = statement.where(*conditions(studies, chosen.where), *_filters(chosen))
    if after is not None:
        statement = statement.where(studies.c.id < after)
    if limit is not None:
        statement = statement.limit(limit)
    return (await conn.execute(statement, {} if who.sees_all else _bound(who))).rows


@lru_cache
def _studies_statement(is_signed_in: bool, has_groups: bool, sees_all: bool) -> sa.Select[Any]:
    statement = (
        sa.select(studies, users.c.email.label("owner_email"), users.c.name.label("owner_name"))
        .join(users, users.c.id == studies.c.owner_id)
        .order_by(studies.c.id.desc())
    )
    return statement if sees_all else statement.where(_readable(is_signed_in, has_groups))


@lru_cache
def _readable(is_signed_in: bool, has_groups: bool) -> sa.ColumnElement[bool]:
    mine = _principal(is_signed_in, has_groups)
    granted = sa.select(grants.c.subject_id).where(grants.c.subject_kind == "study", mine)
    below = sa.select(_folders_below(is_signed_in, has_groups).c.id)
    choices: list[sa.ColumnElement[bool]] = [studies.c.folder_id.in_(below), studies.c.id.in_(granted)]
    if is_signed_in:
        choices.append(studies.c.owner_id == _user())
    return sa.or_(*choices)


@lru_cache
def _folders_below(is_signed_in: bool, has_groups: bool) -> sa.CTE:
    """The folders that the user may see: owned, granted, and everything below."""
    mine = _principal(is_signed_in, has_groups)
    granted = sa.select(grants.c.subject_id).where(grants.c.subject_kind == "folder", mine)
    first: sa.ColumnElement[bool] = folders.c.id.in_(granted)
    if is_signed_in:
        first = sa.or_(first, folders.c.owner_id == _user())
    down = sa.select(folders.c.id).where(first).cte("down", recursive=True)
    below = folders.alias("below")
    return down.union(sa.select(below.c.id).join(down, below.c.parent_id == down.c.id))


def _filters(chosen: StudyFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [
        studies.c.deleted_at.is_not(None) if chosen.trash else studies.c.deleted_at.is_(None)
    ]
    if chosen.search:
        found.append(
            sa.or_(
                *(
                    column.icontains(chosen.search, autoescape=True)
                    for column in (studies.c.name, studies.c.display_id, studies.c.description)
                )
            )
        )
    if chosen.species:
        found.append(studies.c.species == chosen.species)
    if chosen.folder_id is not None:
        found.append(studies.c.folder_id == chosen.folder_id)
    if chosen.at_top:
        found.append(studies.c.folder_id.is_(None))
    return found


async def readable_folders(conn: Connection, who: Who) -> list[RowMapping]:
    """The live folders that the user may see, by position and name."""
    statement = sa.select(folders).where(folders.c.deleted_at.is_(None))
    if not who.sees_all:
        below = _folders_below(who.user_id is not None, bool(who.group_ids))
        statement = statement.where(folders.c.id.in_(sa.select(below.c.id)))
    statement = statement.order_by(folders.c.position, folders.c.name, folders.c.id)
    return (await conn.execute(statement, {} if who.sees_all else _bound(who))).rows


async def folders_under(conn: Connection, folder_id: Key) -> set[Key]:
    """The folder and all folders below it."""
    down = sa.select(folders.c.id).where(folders.c.id == folder_id).cte("down", recursive=True)
    below = folders.alias("below")
    down = down.union(sa.select(below.c.id).join(down, below.c.parent_id == down.c.id))
    return set((await conn.execute(sa.select(down.c.id))).column("id"))


async def readable_events(
    conn: Connection, who: Who, *, after: int, limit: int, study_id: Key | None = None
) -> list[RowMapping]:
    """What happened after an event, in order: in one study, or in all that the user may see and in the own jobs."""
    statement = sa.select(events).where(events.c.serial > after)
    if study_id is not None:
        statement = statement.where(events.c.study_id == study_id)
    elif not who.sees_all:
        seen = sa.select(studies.c.id).where(_readable(who.user_id is not None, bool(who.group_ids)))
        visible: sa.ColumnElement[bool] = events.c.study_id.in_(seen)
        if who.user_id is not None:
            visible = sa.or_(visible, events.c.owner_id == who.user_id)
        statement = statement.where(visible)
    bound = _bound(who) if study_id is None and not who.sees_all else {}
    return (await conn.execute(statement.order_by(events.c.serial).limit(limit), bound)).rows


async def last_event(conn: Connection) -> int:
    """The serial of the newest event; 0 before the first."""
    return int((await conn.execute(sa.select(sa.func.coalesce(sa.func.max(events.c.serial), 0)))).scalar)
