"""What every database has to do. A backend's test file gives the fixture ``db`` and inherits the class."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cytosol.base.errors import ConflictError, NotFoundError, VersionMismatchError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.db.engine import Database

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
QUICK = settings(
    max_examples=30,
    deadline=None,
    # the examples share one database on purpose, and each backend runs the same test
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)


class StopHereError(Exception):
    """Ends a transaction."""


async def add_user(conn: Connection, **values: Any) -> Key:
    uid = await rows.next_number(conn, tables.users, "uid")
    return await rows.insert(conn, tables.users, **{"uid": uid, "email": f"u{uid}@example.org"} | values)


async def add_study(conn: Connection, owner: Key, **values: Any) -> Key:
    return await rows.insert(conn, tables.studies, owner_id=owner, **{"name": "A study"} | values)


async def add_folder(conn: Connection, owner: Key, parent: Key | None = None) -> Key:
    return await rows.insert(conn, tables.folders, owner_id=owner, parent_id=parent, name="A folder")


async def grant(conn: Connection, subject: tuple[str, Key], principal: tuple[str, Key | None, str], role: str) -> None:
    await rows.insert(
        conn,
        tables.grants,
        subject_kind=subject[0],
        subject_id=subject[1],
        principal_kind=principal[0],
        principal_id=principal[1],
        principal_name=principal[2],
        role=role,
    )


async def add_job(conn: Connection, **values: Any) -> Key:
    serial = await rows.next_number(conn, tables.jobs, "serial")
    return await rows.insert(conn, tables.jobs, **{"serial": serial, "kind": "ingest", "actor": {}} | values)


class RowsSuite:
    """Tests of rows and transactions."""

    async def test_a_row_comes_back_as_it_was(self, db: Database) -> None:
        key = new_key()
        async with db.write() as conn:
            owner = await add_user(conn, name="Zoë 🧬 \u202eX")
            await rows.insert(
                conn,
                tables.originals,
                id=key,
                owner_id=owner,
                path="a/β.h5ad",
                size=2**62,
                extra={"n": 2**53 + 1, "none": None, "deep": [{"ä": 1.5}]},
            )
        async with db.read() as conn:
            row = await rows.get(conn, tables.originals, key)
            user = await rows.get(conn, tables.users, owner)
        assert row is not None
        assert user is not None
        assert isinstance(row["id"], Key)
        assert (row["id"], row["size"], row["path"]) == (key, 2**62, "a/β.h5ad")
        assert row["extra"] == {"n": 2**53 + 1, "none": None, "deep": [{"ä": 1.5}]}
        assert (row["version"], row["deleted_at"], row["bytes_id"]) == (1, None, None)
        assert abs(row["created_at"] - now_us()) < 60_000_000
        assert user["name"] == "Zoë 🧬 \u202eX"

    @QUICK
    @given(value=JSON, text=TEXT, number=st.integers(-(2**63), 2**63 - 1), key=st.binary(min_size=12, max_size=12))
    async def test_any_value_comes_back(self, db: Database, value: Any, text: str, number: int, key: bytes) -> None:
        async with db.write() as conn:
            id = await rows.insert(
                conn,
                tables.audit,
                at=number,
                actor={"v": value},
                verb=text,
                subject_id=Key(key),
                subject_kind="",
                request_id="",
                detail={},
            )
        async with db.read() as conn:
            row = await rows.need(conn, tables.audit, id)
        assert (row["at"], row["verb"], row["subject_id"]) == (number, text, Key(key))
        assert row["actor"] == {"v": value}

    async def test_find_filters_orders_and_goes_on(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn)
            names = ["b", "a", "c", "a", "100%_x", "A"]
            ids = [await rows.insert(conn, tables.folders, owner_id=owner, name=name) for name in names]
            await rows.update(conn, tables.folders, {"id": ids[0]}, {"deleted_at": 5})

        async def found(where: dict[str, Any] | None = None, **how: Any) -> list[int]:
            async with db.read() as conn:
                return [ids.index(row["id"]) for row in await rows.find(conn, tables.folders, where, **how)]

        assert await found() == [0, 1, 2, 3, 4, 5]
        assert await found({"deleted_at": None}) == [1, 2, 3, 4, 5]
        assert await found({"deleted_at": rows.Not(None)}) == [0]
        assert await found({"name": ["a", "c"]}) == [1, 2, 3]
        assert await found({"name": frozenset()}) == []
        assert await found({"name": rows.Like("A")}) == [1, 3, 5]
        assert await found({"name": rows.Like("%_")}) == [4]
        assert await found({"name": rows.Not("a"), "id": rows.Above(ids[1])}) == [2, 4, 5]
        assert await found({"id": rows.Below(ids[2])}, order=("-id",)) == [1, 0]
        assert await found(limit=2, after=ids[2]) == [3, 4]
        assert await found(order=("-id",), limit=2, after=ids[2]) == [1, 0]
        by_name = await found({"name": ["a", "b", "c"]}, order=("name", "-id"))
        assert by_name == [3, 1, 0, 2]
        pages = []
        mark: list[Any] | None = None
        while page := await found({"name": ["a", "b", "c"]}, order=("name", "-id"), limit=1, after=mark):
            pages += page
            mark = [names[page[0]], ids[page[0]]]
        assert pages == by_name
        async with db.read() as conn:
            few = await rows.find(conn, tables.folders, {"name": "a"}, order=("-id",), columns=("name", "owner_id"))
        assert [dict(row) for row in few] == [{"name": "a", "owner_id": owner}] * 2

    async def test_change_raises_the_version_and_refuses_an_old_one(self, db: Database) -> None:
        async with db.write() as conn:
            study = await add_study(conn, await add_user(conn))
            assert await rows.change(conn, tables.studies, study, {"name": "B"}, expected=1) == 2
        with pytest.raises(VersionMismatchError) as mismatch:
            async with db.write() as conn:
                await rows.change(conn, tables.studies, study, {"name": "C"}, expected=1)
        assert mismatch.value.details["version"] == 2
        async with db.write() as conn:
            assert await rows.change(conn, tables.studies, study, {}, expected=None) == 3
            assert (await rows.need(conn, tables.studies, study))["name"] == "B"
        with pytest.raises(NotFoundError, match="no such study"):
            async with db.write() as conn:
                await rows.change(conn, tables.studies, new_key(), {}, expected=1)

    async def test_many_rows_are_changed_and_found_by_their_ids(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn)
            first, other = await add_study(conn, owner), await add_study(conn, owner)
            keys = [new_key() for _ in range(rows.AT_ONCE)]
            await rows.insert_many(conn, tables.studies, [{"id": id, "owner_id": owner, "name": "many"} for id in keys])
            wanted = [first, *keys, first]
            await rows.change_many(conn, tables.studies, wanted, {"name": "B"})
            found = await rows.find_many(conn, tables.studies, [*wanted, other, new_key()])
        assert found.keys() == {first, *keys, other}
        told = {(row["name"], row["version"]) for id, row in found.items() if id != other}
        assert (told, found[other]["version"]) == ({("B", 2)}, 1)
        with pytest.raises(NotFoundError, match="no such study"):
            async with db.write() as conn:
                await rows.change_many(conn, tables.studies, [first, new_key()], {"name": "C"})
        async with db.read() as conn:
            assert (await rows.need(conn, tables.studies, first))["name"] == "B"

    async def test_put_overwrites_and_a_taken_name_is_a_conflict(self, db: Database) -> None:
        async with db.write() as conn:
            upload = await rows.insert(conn, tables.uploads, owner_id=await add_user(conn), name="f", expires_at=1)
            for size in (1, 2):
                await rows.put(conn, tables.upload_chunks, upload_id=upload, n=7, size=size)
            assert [row["size"] for row in await rows.find(conn, tables.upload_chunks, order=("n",))] == [2]
        with pytest.raises(ConflictError, match="email"):
            async with db.write() as conn:
                await add_user(conn, email="u1@example.org")
        async with db.read() as conn:
            assert await rows.count(conn, tables.users) == 1

    async def test_an_error_rolls_everything_back(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn)

        async def fail(error: type[BaseException]) -> None:
            async with db.write() as conn:
                await add_study(conn, owner)
                raise error

        for error in (StopHereError, asyncio.CancelledError):
            with pytest.raises(error):
                await fail(error)
        async with db.read() as conn:
            assert await rows.count(conn, tables.studies) == 0
        async with db.write() as conn:
            await add_study(conn, owner)
        async with db.read(heavy=True) as conn:
            assert await rows.count(conn, tables.studies) == 1

    async def test_readers_do_not_see_what_is_not_committed(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn)
        async with db.write() as conn:
            await add_study(conn, owner)
            async with db.read() as other:
                assert await rows.count(other, tables.studies) == 0
        async with db.read() as other:
            assert await rows.count(other, tables.studies) == 1

    async def test_writers_of_one_row_wait_for_each_other(self, db: Database) -> None:
        async with db.write() as conn:
            study = await add_study(conn, await add_user(conn), extra={"n": 0})

        async def add_one() -> None:
            async with db.write() as conn:
                row = await rows.lock(conn, tables.studies, study)
                await asyncio.sleep(0)
                await rows.change(conn, tables.studies, study, {"extra": {"n": row["extra"]["n"] + 1}}, expected=None)

        await asyncio.gather(*(add_one() for _ in range(20)))
        async with db.read() as conn:
            row = await rows.need(conn, tables.studies, study)
        assert (row["extra"], row["version"]) == ({"n": 20}, 21)

    async def test_of_two_changes_of_one_version_only_one_succeeds(self, db: Database) -> None:
        async with db.write() as conn:
            study = await add_study(conn, await add_user(conn))

        async def change(name: str) -> None:
            async with db.write() as conn:
                await rows.change(conn, tables.studies, study, {"name": name}, expected=1)

        outcomes = await asyncio.gather(*(change(f"n{n}") for n in range(6)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [VersionMismatchError] * 5

    async def test_numbers_are_given_once_also_after_a_roll_back(self, db: Database) -> None:
        async def take(fail: bool) -> int:
            async with db.write() as conn:
                number = await rows.next_number(conn, tables.jobs, "serial")
                if fail:
                    raise StopHereError
                return number

        outcomes = await asyncio.gather(*(take(n % 3 == 0) for n in range(12)), return_exceptions=True)
        assert sorted(number for number in outcomes if isinstance(number, int)) == list(range(1, 9))

    async def test_a_cancelled_writer_lets_the_next_one_in(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn)

        async def write() -> None:
            async with db.write() as conn:
                await add_study(conn, owner)

        for delay in [0.0, 0.0005, 0.001, 0.002, 0.004]:
            tasks = [asyncio.create_task(write()) for _ in range(4)]
            await asyncio.sleep(delay)
            for task in tasks[:3]:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
        async with db.write() as conn:
            assert 5 <= await rows.count(conn, tables.studies) <= 20


async def opened(url: str) -> AsyncIterator[Database]:
    """A database with all tables."""
    db = await Database.open(url)
    await db.run_sync(tables.metadata.create_all)
    yield db
    await db.close()
