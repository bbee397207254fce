"""PostgreSQL: the conformance suite against a real server, and what only a server can do wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cytosol.base.errors import UnavailableError
from cytosol.db.engine import Database
from tests.conformance.db import RowsSuite, opened
from tests.conformance.db_work import RightsSuite, WorkSuite


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    async for database in opened(postgres_url):
        yield database


class TestRows(RowsSuite):
    """Runs the suite."""


class TestRights(RightsSuite):
    """Runs the suite."""


class TestWork(WorkSuite):
    """Runs the suite."""


async def test_the_kind_and_a_url_without_its_password(db: Database) -> None:
    assert db.kind == "postgresql"
    assert db.path is None
    assert db.change_mark() is None


@pytest.mark.parametrize("url", ["postgresql://u:hidden@127.0.0.1:1/x", "postgres://u:hidden@127.0.0.1:1/x"])
async def test_a_server_that_does_not_answer(url: str) -> None:
    with pytest.raises(UnavailableError, match="does not answer") as error:
        await Database.open(url)
    assert "hidden" not in str(error.value)


async def test_a_database_that_is_not_there(postgres_server: str) -> None:
    with pytest.raises(UnavailableError, match="does not exist"):
        await Database.open(f"postgresql://postgres@/nothing?host={postgres_server}")
