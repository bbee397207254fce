"""The schema: migrations lead to the tables, the tables equal the records, strange databases are refused."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from cytosol.base.errors import ConflictError, DamagedDataError, UnavailableError
from cytosol.db import migrate, tables
from cytosol.db.engine import Database
from cytosol.model import gating, gene_sets, people, studies, work
from tests.conformance.db import add_user

RECORDS = {
    "users": people.User,
    "sessions": people.Session,
    "tokens": people.Token,
    "links": people.Link,
    "groups": people.Group,
    "memberships": people.Membership,
    "folders": studies.Folder,
    "studies": studies.Study,
    "grants": studies.Grant,
    "samples": studies.Sample,
    "attributes": studies.Attribute,
    "attribute_values": studies.AttributeValue,
    "datasets": studies.Dataset,
    "elements": studies.Element,
    "revisions": studies.Revision,
    "originals": work.Original,
    "storages": work.Storage,
    "uploads": work.Upload,
    "upload_chunks": work.UploadChunk,
    "jobs": work.Job,
    "log_entries": work.LogEntry,
    "events": work.Event,
    "audit": work.AuditEntry,
    "gates": gating.Gate,
    "populations": gating.Population,
    "compensations": gating.Compensation,
    "scale_sets": gating.ScaleSet,
    "attachments": gating.Attachment,
    "gene_set_lists": gene_sets.GeneSetList,
    "gene_set_contents": gene_sets.GeneSetContent,
}
WITHOUT_RECORD = {"aliases", "counters", "idempotency"}


def test_every_table_has_the_fields_of_its_record() -> None:
    assert set(tables.metadata.tables) == set(RECORDS) | WITHOUT_RECORD
    for name, record in RECORDS.items():
        fields = {field.name for field in dataclasses.fields(record)}
        assert fields == set(tables.metadata.tables[name].c.keys()), name


def test_the_list_of_migrations_is_that_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrate.HEAD]
    assert tuple(reversed([revision.revision for revision in script.walk_revisions()])) == migrate.KNOWN


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/cytosol.db"
    else:
        yield request.getfixturevalue("postgres_url")


async def test_migrations_lead_to_the_tables(urls: str) -> None:
    db = await Database.open(urls)
    assert (await migrate.state(db)).kind == "empty"
    await db.run_sync(migrate.run_migrations)
    migrated = await db.run_sync(_shape)
    assert (await migrate.state(db)) == migrate.SchemaState("current", migrate.HEAD, migrate.HEAD)

    def remove_all(connection: sa.Connection) -> None:
        connection.execute(sa.text("DROP TABLE alembic_version"))
        tables.metadata.drop_all(connection)

    await db.run_sync(remove_all)
    assert (await migrate.upgrade(db)).kind == "empty"
    assert migrated == await db.run_sync(_shape)
    assert (await migrate.upgrade(db)).kind == "current"
    await migrate.prepare(db)
    await db.run_sync(migrate.run_migrations)
    assert migrated == await db.run_sync(_shape)
    await db.close()


def _shape(connection: sa.Connection) -> dict[str, Any]:
    """Everything that the database says about its tables."""
    found: dict[str, Any] = {}
    inspector = sa.inspect(connection)
    for name in inspector.get_table_names():
        found[name] = {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], str(column["default"]))
                for column in inspector.get_columns(name)
            ),
            "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
            "foreign keys": sorted(
                (str(key["name"]), str(key["constrained_columns"]), key["referred_table"])
                for key in inspector.get_foreign_keys(name)
            ),
            "indexes": sorted(
                (str(index["name"]), str(index["column_names"]), bool(index["unique"]))
                for index in inspector.get_indexes(name)
            ),
            "unique": sorted(
                (str(rule["name"]), str(rule["column_names"])) for rule in inspector.get_unique_constraints(name)
            ),
        }
    return found


async def test_prepare_makes_sqlite_and_refuses_an_empty_postgresql(urls: str) -> None:
    db = await Database.open(urls)
    if db.kind == "postgresql":
        with pytest.raises(ConflictError, match=r"no tables yet.*cytosol migrate"):
            await migrate.prepare(db)
        await migrate.upgrade(db)
    await migrate.prepare(db)
    async with db.write() as conn:
        await add_user(conn)
    await db.close()


async def test_a_later_or_foreign_database_is_refused(urls: str) -> None:
    db = await Database.open(urls)
    await db.run_sync(lambda connection: connection.execute(sa.text("CREATE TABLE visitors (name TEXT)")))
    with pytest.raises(DamagedDataError, match="not those of Cytosol"):
        await migrate.prepare(db)
    await db.run_sync(lambda connection: connection.execute(sa.text("DROP TABLE visitors")))
    await migrate.upgrade(db)
    later = sa.text("UPDATE alembic_version SET version_num = '9999'")
    await db.run_sync(lambda connection: connection.execute(later))
    for act in (migrate.prepare, migrate.upgrade):
        with pytest.raises(ConflictError, match="later version of Cytosol: schema 9999"):
            await act(db)
    await db.close()


async def test_a_failing_migration_leaves_nothing_behind(urls: str) -> None:
    db = await Database.open(urls)
    await db.run_sync(lambda connection: connection.execute(sa.text("CREATE TABLE users (id INTEGER)")))
    with pytest.raises(sa.exc.DBAPIError):
        await db.run_sync(migrate.run_migrations)
    names = await db.run_sync(lambda connection: sa.inspect(connection).get_table_names())
    assert names == ["users"]
    await db.close()


async def test_the_copy_before_an_upgrade_holds_every_row(tmp_path: Path) -> None:
    db = await Database.open(f"sqlite:///{tmp_path}/cytosol.db")
    await migrate.prepare(db)
    async with db.write() as conn:
        await add_user(conn, name="Ada")
    copy = migrate.copy_aside(tmp_path / "cytosol.db", "before-9999")
    assert copy == tmp_path / "cytosol.db.before-9999"
    with sqlite3.connect(copy) as plain:
        assert plain.execute("SELECT name FROM users").fetchall() == [("Ada",)]
    with pytest.raises(UnavailableError, match="cannot be copied"):
        migrate.copy_aside(tmp_path / "absent" / "x.db", "y")
    await db.close()
