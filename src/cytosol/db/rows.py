"""Rows in, rows out: the plain statements on one table."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping

from cytosol.base.errors import NotFoundError, VersionMismatchError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.db.connections import Connection
from cytosol.db.tables import counters


@dataclass(frozen=True, slots=True)
class Not:
    """Matches what differs from the value; ``Not(None)`` is IS NOT NULL."""

    value: Any


@dataclass(frozen=True, slots=True)
class Like:
    """Matches text that contains the value, whatever the case."""

    text: str


@dataclass(frozen=True, slots=True)
class Below:
    """Matches what is smaller than the value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Above:
    """Matches what is larger than the value."""

    value: Any


Where = Mapping[str, Any]
AT_ONCE = 1000
"""Ids that one statement names: databases limit how many there may be."""
Marker = Key | Sequence[Any]


async def get(conn: Connection, table: sa.Table, id: Key) -> RowMapping | None:
    """The row with this id; None where there is none."""
    return (await conn.execute(_by_id(table), {"id_": id})).first


async def need(conn: Connection, table: sa.Table, id: Key) -> RowMapping:
    """The row with this id.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    row = await get(conn, table, id)
    if row is None:
        raise NotFoundError(f"There is no such {_word(table)}")
    return row


@lru_cache(maxsize=64)
def _by_id(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(table.c.id == sa.bindparam("id_", type_=table.c.id.type))


async def find(
    conn: Connection,
    table: sa.Table,
    where: Where | None = None,
    *,
    order: Sequence[str] = ("id",),
    limit: int | None = None,
    after: Marker | None = None,
    columns: Sequence[str] = (),
) -> list[RowMapping]:
    """The rows that match, in order.

    Parameters
    ----------
    where : column name → value; a list or set matches any of its members, None what is null, and `Not`, `Like`, `Below`
        and `Above` what they say
    order : column names, '-name' = falling; where the table has ids, these break ties
    limit : at most so many rows
    after : where to go on: the values of the order columns of the last row seen (with its id), or its id alone if the
        order is by id
    columns : what is read of each row; () = all
    """
    names = list(order)
    if "id" in table.c and "id" not in (name.lstrip("-") for name in names):
        names.append("-id" if names and names[-1].startswith("-") else "id")
    names = [name for name in names if name.lstrip("-") in table.c]
    read: sa.Select[Any] = sa.select(*(table.c[name] for name in columns)) if columns else sa.select(table)
    statement = read.where(*conditions(table, where))
    if after is not None:
        statement = statement.where(_beyond(table, names, [after] if isinstance(after, Key) else list(after)))
    statement = statement.order_by(*(_ordered(table, name) for name in names))
    if limit is not None:
        statement = statement.limit(limit)
    return (await conn.execute(statement)).rows


async def first(
    conn: Connection, table: sa.Table, where: Where | None = None, *, order: Sequence[str] = ("id",)
) -> RowMapping | None:
    """The first row that matches; None where there is none."""
    found = await find(conn, table, where, order=order, limit=1)
    return found[0] if found else None


async def count(conn: Connection, table: sa.Table, where: Where | None = None) -> int:
    """How many rows match."""
    answer = await conn.execute(sa.select(sa.func.count()).select_from(table).where(*conditions(table, where)))
    return int(answer.scalar)


async def insert(conn: Connection, table: sa.Table, /, **values: Any) -> Key:
    """Add a row to a table with ids; its id (unless given), times and version are filled in."""
    row = _filled(table, values, now_us())
    await conn.execute(sa.insert(table), [row])
    key: Key = row["id"]
    return key


async def insert_many(conn: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows, all with the same columns, to any table."""
    at = now_us()
    if rows:
        await conn.execute(sa.insert(table), [_filled(table, row, at) for row in rows])


async def put(conn: Connection, table: sa.Table, /, **values: Any) -> None:
    """Add the row, or overwrite the one with the same primary key."""
    row = _filled(table, values, now_us())
    keys = [column.name for column in table.primary_key.columns]
    rest = {name: value for name, value in row.items() if name not in keys and name != "created_at"}
    statement = _insert_for(conn, table).values(row)
    if rest:
        await conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))
    else:
        await conn.execute(statement.on_conflict_do_nothing(index_elements=keys))


async def update(conn: Connection, table: sa.Table, where: Where, values: Mapping[str, Any]) -> int:
    """Change all rows that match, without looking at versions; tells how many."""
    fresh = dict(values)
    if "updated_at" in table.c:
        fresh.setdefault("updated_at", now_us())
    return (await conn.execute(sa.update(table).where(*conditions(table, where)).values(fresh))).rowcount


async def change(conn: Connection, table: sa.Table, id: Key, values: Mapping[str, Any], *, expected: int | None) -> int:
    """Change one row and raise its version.

    Parameters
    ----------
    expected : the version that the change was made for; None = whatever it is

    Returns
    -------
    The new version.

    Raises
    ------
    NotFoundError
        Where there is no such row.
    VersionMismatchError
        Where the row has another version.
    """
    match: dict[str, Any] = {"id": id} if expected is None else {"id": id, "version": expected}
    statement = (
        sa.update(table)
        .where(*conditions(table, match))
        .values({**values, "version": table.c.version + 1, "updated_at": now_us()})
        .returning(table.c.version)
    )
    changed = (await conn.execute(statement)).first
    if changed is not None:
        return int(changed["version"])
    there = await get(conn, table, id)
    if there is None:
        raise NotFoundError(f"There is no such {_word(table)}")
    raise VersionMismatchError(
        f"This {_word(table)} changed in the meantime: it has version {there['version']}, not {expected}",
        do="Load it again and repeat the change",
        version=there["version"],
    )


async def change_many(conn: Connection, table: sa.Table, ids: Iterable[Key], values: Mapping[str, Any]) -> None:
    """Change rows alike and raise the version of each, whatever it is.

    Raises
    ------
    NotFoundError
        Where there is no row with one of the ids.
    """
    wanted = list(dict.fromkeys(ids))
    fresh = {**values, "version": table.c.version + 1, "updated_at": now_us()}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        if (await conn.execute(sa.update(table).where(table.c.id.in_(part)).values(fresh))).rowcount != len(part):
            raise NotFoundError(f"There is no such {_word(table)}")


async def find_many(conn: Connection, table: sa.Table, ids: Iterable[Key]) -> dict[Key, RowMapping]:
    """The rows with these ids, by id; without those that there are not."""
    wanted, found = list(dict.fromkeys(ids)), {}
    for start in range(0, len(wanted), AT_ONCE):
        part = await find(conn, table, {"id": wanted[start : start + AT_ONCE]}, order=())
        found.update({row["id"]: row for row in part})
    return found


async def delete(conn: Connection, table: sa.Table, where: Where) -> int:
    """Remove all rows that match; tells how many."""
    return (await conn.execute(sa.delete(table).where(*conditions(table, where)))).rowcount


async def lock(conn: Connection, table: sa.Table, id: Key) -> RowMapping:
    """The row, which nobody else changes until the transaction ends.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    row = (await conn.execute(_by_id(table).with_for_update(), {"id_": id})).first
    if row is None:
        raise NotFoundError(f"There is no such {_word(table)}")
    return row


async def next_number(conn: Connection, table: sa.Table, column: str) -> int:
    """The next number of a series that starts at 1 and never gives one twice; its writers wait for each other."""
    name = f"{table.name}.{column}"
    raised = _insert_for(conn, counters).values(name=name, value=1)
    raised = raised.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + 1})
    return int((await conn.execute(raised.returning(counters.c.value))).scalar)


def _insert_for(conn: Connection, table: sa.Table) -> Any:
    """An INSERT that can say what happens where the row is there already; both databases spell it alike."""
    return sqlite.insert(table) if conn.kind == "sqlite" else postgresql.insert(table)


def conditions(table: sa.Table, where: Where | None) -> list[sa.ColumnElement[bool]]:
    """The conditions that a mapping of column names stands for."""
    return [_condition(table.c[name], value) for name, value in (where or {}).items()]


def _condition(column: Any, value: Any) -> Any:
    if value is None:
        return column.is_(None)
    if isinstance(value, Not):
        if value.value is None:
            return column.is_not(None)
        if isinstance(value.value, list | tuple | set | frozenset):
            return column.not_in(list(value.value))
        return column != value.value
    if isinstance(value, Like):
        return column.icontains(unicodedata.normalize("NFC", value.text), autoescape=True)
    if isinstance(value, Below):
        return column < value.value
    if isinstance(value, Above):
        return column > value.value
    if isinstance(value, list | tuple | set | frozenset):
        return column.in_(list(value))
    return column == value


def _ordered(table: sa.Table, name: str) -> sa.ColumnElement[Any]:
    column = table.c[name.lstrip("-")]
    return column.desc() if name.startswith("-") else column.asc()


def _beyond(table: sa.Table, names: Sequence[str], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Later in the order than the values: the first column beyond, or equal and the next one beyond, and so on."""
    steps = []
    equal: list[sa.ColumnElement[bool]] = []
    for name, value in zip(names, values, strict=True):
        column = table.c[name.lstrip("-")]
        steps.append(sa.and_(*equal, column < value if name.startswith("-") else column > value))
        equal.append(column == value)
    return sa.or_(*steps)


def _filled(table: sa.Table, values: Mapping[str, Any], at: int) -> dict[str, Any]:
    row = dict(values)
    if "id" in table.c and row.get("id") is None:
        row["id"] = new_key()
    for name in ("created_at", "updated_at"):
        if name in table.c:
            row.setdefault(name, at)
    return row


def _word(table: sa.Table) -> str:
    """What one row is called."""
    special = {"studies": "study", "memberships": "membership", "log_entries": "log entry", "scale_sets": "scale set"}
    return special.get(table.name, table.name.removesuffix("s"))
