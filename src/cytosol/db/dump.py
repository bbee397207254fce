"""All rows of a database as one file of JSON lines, and back; what a backup of PostgreSQL holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from cytosol.base.errors import DamagedDataError
from cytosol.base.keys import Key
from cytosol.db.tables import metadata

_BATCH = 1000
_NEXT_EVENT = (
    "SELECT setval(pg_get_serial_sequence('events', 'serial'), "
    "(SELECT coalesce(max(serial), 0) + 1 FROM events), false)"
)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite file while others write to it; the copy is whole and of one moment."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=4096)
        new.execute("PRAGMA journal_mode=DELETE")
    target.chmod(0o600)


def dump_rows(connection: sa.Connection, target: Path) -> int:
    """Write all rows of one moment; how many. The connection has to be at the start of its transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    n_rows = 0
    with target.open("wb") as file:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table).execution_options(yield_per=_BATCH)).mappings():
                file.write(
                    orjson.dumps([str(table.name), {str(name): _plain(value) for name, value in row.items()}]) + b"\n"
                )
                n_rows += 1
    return n_rows


def load_rows(connection: sa.Connection, source: Path) -> int:
    """Fill an empty database of this schema; how many rows.

    Raises
    ------
    DamagedDataError
        Where the file is not one that `dump_rows` wrote.
    """
    later: list[tuple[sa.Table, dict[str, Any], dict[str, Any]]] = []
    n_rows = 0
    for table, batch in _batches(source):
        to_self = [
            column.name for column in table.columns if any(key.column.table is table for key in column.foreign_keys)
        ]
        keys = [column.name for column in table.primary_key.columns]
        for row in batch:
            held = {name: row[name] for name in to_self if row[name] is not None}
            if held:
                later.append((table, {name: row[name] for name in keys}, held))
                row.update(dict.fromkeys(held))
        connection.execute(sa.insert(table), batch)
        n_rows += len(batch)
    for table, where, values in later:
        connection.execute(
            sa.update(table).where(*(table.c[name] == value for name, value in where.items())).values(values)
        )
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(_NEXT_EVENT))
    return n_rows


def _batches(source: Path) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    batch: list[dict[str, Any]] = []
    current: sa.Table | None = None
    with source.open("rb") as file:
        for line in file:
            try:
                name, row = orjson.loads(line)
                table = metadata.tables[name]
                values = {key: _typed(table.c[key], value) for key, value in row.items()}
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedDataError("A line of the backup cannot be read", where=source.name) from error
            if batch and current is not None and (table is not current or len(batch) >= _BATCH):
                yield current, batch
                batch = []
            current = table
            batch.append(values)
    if batch and current is not None:
        yield current, batch


def _plain(value: Any) -> Any:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


def _typed(column: sa.Column[Any], value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if column.type.__class__.__name__ == "KeyType":
        return Key.parse(value)
    return bytes.fromhex(value) if isinstance(column.type, sa.LargeBinary) else value
