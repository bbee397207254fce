"""Brings a database to the schema of this version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from cytosol.base.errors import ConflictError, DamagedDataError, UnavailableError
from cytosol.db.engine import Database
from cytosol.db.tables import metadata

HEAD = "0001"
"""The newest migration; a test holds it to the files in ``migrations/versions``."""
KNOWN = ("0001",)
"""All migrations, oldest first."""
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}
_VERSIONS = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The table in which alembic notes what ran, as it makes it itself."""
_FOLDER = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How the schema of a database stands to this version.

    Attributes
    ----------
    kind : empty = no tables yet; newer = made by a later version of Cytosol; foreign = tables, but none of ours
    found : the last migration that ran; "" where none
    head : the newest migration of this version
    """

    kind: Literal["empty", "current", "old", "newer", "foreign"]
    found: str
    head: str


async def state(db: Database) -> SchemaState:
    """Look at the database without changing it."""
    async with db.read() as conn:
        names = set((await conn.execute(sa.text(_TABLES[db.kind]))).column())
        if "alembic_version" not in names:
            return SchemaState("foreign" if names else "empty", "", HEAD)
        found = str((await conn.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar or "")
    if found == HEAD:
        return SchemaState("current", found, HEAD)
    return SchemaState("old" if found in KNOWN else "newer" if found else "foreign", found, HEAD)


async def prepare(db: Database) -> None:
    """Make or upgrade an SQLite database where needed; refuse a PostgreSQL database that is not current.

    Raises
    ------
    ConflictError
        Where the database was made by a later version, or has to be migrated by hand.
    DamagedDataError
        Where it holds tables, but none of ours.
    """
    found = await state(db)
    if found.kind == "current":
        return
    _refuse_strange(db, found)
    if db.kind == "postgresql":
        what = "has no tables yet" if found.kind == "empty" else f"has the schema {found.found}, not {found.head}"
        raise ConflictError(f"The database {what}", where=db.url, do="Back it up, then run: cytosol migrate")
    await upgrade(db)


async def upgrade(db: Database) -> SchemaState:
    """Bring the database to this version; an SQLite file is copied beside itself first. The state before."""
    before = await state(db)
    _refuse_strange(db, before)
    if before.kind == "current":
        return before
    if before.kind == "old" and db.path is not None:
        copy_aside(db.path, f"before-{HEAD}")
    await db.run_sync(_make if before.kind == "empty" else run_migrations)
    return before


def _refuse_strange(db: Database, found: SchemaState) -> None:
    if found.kind == "newer":
        raise ConflictError(
            f"The database was made by a later version of Cytosol: schema {found.found}, this one knows {found.head}",
            where=db.url,
            do="Install that version or a later one",
        )
    if found.kind == "foreign":
        raise DamagedDataError(
            "The database holds tables, but not those of Cytosol", where=db.url, do="Choose an empty database"
        )


def copy_aside(source: Path, suffix: str) -> Path:
    """Copy an SQLite file, which may be in use, to one of the same name with a further suffix; where it is."""
    target = source.with_name(f"{source.name}.{suffix}")
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
        target.chmod(0o600)
    except (sqlite3.Error, OSError) as error:
        raise UnavailableError(
            f"The database cannot be copied before its upgrade: {error}", where=str(target), do="Free some space"
        ) from error
    return target


def _make(connection: sa.Connection) -> None:
    """Make all tables of this version at once; a test holds them to what the migrations lead to."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(sa.schema.CreateTable(_VERSIONS))
    connection.execute(sa.insert(_VERSIONS).values(version_num=HEAD))


def run_migrations(connection: sa.Connection) -> None:
    """Run all migrations that did not run yet."""
    # imported here: alembic takes 0.2 s to load and is needed once per version
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
