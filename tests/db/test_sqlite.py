"""SQLite: the conformance suite, and what only a file can do wrong."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cytosol.base.errors import ConflictError, InvalidInputError, UnavailableError
from cytosol.db import rows, tables
from cytosol.db.engine import Database
from cytosol.db.single import ServerLock, running_server
from tests.conformance.db import RowsSuite, add_study, add_user, opened
from tests.conformance.db_work import RightsSuite, WorkSuite


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async for database in opened(f"sqlite:///{tmp_path}/a folder/cytosol.db"):
        yield database


class TestRows(RowsSuite):
    """Runs the suite."""


class TestRights(RightsSuite):
    """Runs the suite."""


class TestWork(WorkSuite):
    """Runs the suite."""


async def test_the_file_is_for_the_owner_alone_and_in_wal_mode(db: Database) -> None:
    assert db.path is not None
    assert stat.S_IMODE(db.path.stat().st_mode) == 0o600
    with sqlite3.connect(db.path) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_name_with_odd_letters(tmp_path: Path) -> None:
    path = tmp_path / "50% ä"
    db = await Database.open(f"sqlite:///{path}/x.db")
    await db.run_sync(tables.metadata.create_all)
    await db.close()
    assert (path / "x.db").stat().st_size > 0


async def test_two_connections_of_different_processes_share_the_file(db: Database) -> None:
    """As a server and a command do; the mark tells that the other one wrote."""
    other = await Database.open(f"sqlite:///{db.path}")
    async with db.write() as conn:
        owner = await add_user(conn)
    mark = db.change_mark()
    assert mark == db.change_mark()

    async def write(to: Database) -> None:
        for _ in range(10):
            async with to.write() as conn:
                await add_study(conn, owner)

    await asyncio.gather(write(db), write(other))
    assert db.change_mark() != mark
    async with db.read() as conn:
        assert await rows.count(conn, tables.studies) == 20
    await other.close()


async def test_a_nested_write_is_a_fault_not_a_hang(db: Database) -> None:
    async with db.write():
        with pytest.raises(RuntimeError, match="inside a write"):
            async with db.write():
                pass


async def test_read_only(db: Database) -> None:
    async with db.write() as conn:
        await add_user(conn)
    reader = await Database.open(f"sqlite:///{db.path}", read_only=True)
    async with reader.read() as conn:
        assert await rows.count(conn, tables.users) == 1
    with pytest.raises(UnavailableError, match="cannot be written"):
        async with reader.write() as conn:
            await add_user(conn)
    await reader.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite+x", ""])
async def test_a_url_that_cannot_be_used(url: str) -> None:
    with pytest.raises(InvalidInputError, match="postgresql"):
        await Database.open(url)


async def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(UnavailableError, match="not a database"):
        await Database.open(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(UnavailableError, match="cannot be opened"):
        await Database.open(f"sqlite:///{tmp_path}/x.db/y.db")
    with pytest.raises(UnavailableError, match="cannot be opened"):
        await Database.open(f"sqlite:///{tmp_path}/absent.db", read_only=True)


def test_only_one_server_at_a_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cytosol.db.single import ServerLock\n"
        "ServerLock(Path(sys.argv[1])).hold(); print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert running_server(tmp_path) == other.pid
        with pytest.raises(ConflictError, match=rf"process {other.pid}\) already runs.*--data"):
            ServerLock(tmp_path).hold()
    finally:
        other.kill()
        other.communicate()
    with ServerLock(tmp_path):  # the kernel let go of it
        assert running_server(tmp_path) is not None
    assert running_server(tmp_path) is None
    assert running_server(tmp_path / "absent") is None
