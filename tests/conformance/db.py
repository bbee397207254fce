"""What every database has to do. A backend's test file gives the fixture ``db`` and inherits the class."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cytosol.base.errors import ConflictError, NotFoundError, VersionMismatchError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.db import rights, rows, studies, tables, work
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
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
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


class DatabaseSuite:
    """Tests of the floor ``db``."""

    # rows

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

    # rights

    async def test_grants_are_inherited_three_folders_deep(self, db: Database) -> None:
        async with db.write() as conn:
            owner, reader, stranger = [await add_user(conn) for _ in range(3)]
            group = await rows.insert(conn, tables.groups, name="G")
            top = await add_folder(conn, owner)
            middle = await add_folder(conn, owner, top)
            low = await add_folder(conn, stranger, middle)
            study = await add_study(conn, owner, folder_id=low)
            beside = await add_study(conn, owner)
            await grant(conn, ("folder", top), ("user", reader, ""), "reader")
            await grant(conn, ("folder", low), ("group", group, ""), "editor")
            await grant(conn, ("study", study), ("builtin", None, "public"), "limited_reader")
        async with db.read() as conn:

            async def roles(user: Key | None, *groups: Key) -> set[str]:
                return await rights.roles_on_study(conn, study, rights.Who(user, frozenset(groups)))

            assert await roles(owner) == {"owner", "limited_reader"}
            assert await roles(reader) == {"reader", "limited_reader"}
            assert await roles(reader, group) == {"reader", "editor", "limited_reader"}
            assert await roles(stranger) == {"owner", "limited_reader"}  # owns a folder above
            assert await roles(None) == {"limited_reader"}
            assert await rights.roles_on_study(conn, beside, rights.Who(reader)) == set()
            assert await rights.roles_on_folder(conn, low, rights.Who(reader)) == {"reader"}
            assert await rights.roles_on_folder(conn, top, rights.Who(stranger)) == set()
            seen = await rights.readable_folders(conn, rights.Who(reader))
            assert {row["id"] for row in seen} == {top, middle, low}
            assert await rights.folders_under(conn, middle) == {middle, low}

    @settings(QUICK, max_examples=15)
    @given(seed=st.integers(0, 2**32))
    async def test_readable_studies_equal_a_plain_reference(self, db: Database, seed: int) -> None:
        draw = random.Random(seed)
        async with db.write() as conn:
            for table in (tables.grants, tables.studies):
                await rows.delete(conn, table, {})
            world = await _random_world(conn, draw)
        users, groups = world["users"], world["groups"]
        for user in [None, *users]:
            inside = frozenset(group for group in groups if draw.random() < 0.4) if user else frozenset()
            who = rights.Who(user, inside)
            expected = {study: _reference_roles(world, study, who) for study in world["studies"]}
            async with db.read() as conn:
                found = await rights.readable_studies(conn, who, rights.StudyFilter())
                roles = await rights.roles_on_studies(conn, list(world["studies"]), who)
                paged: list[Key] = []
                while page := await rights.readable_studies(
                    conn, who, rights.StudyFilter(), limit=2, after=paged[-1] if paged else None
                ):
                    paged += [row["id"] for row in page]
            readable = [study for study in sorted(world["studies"], reverse=True) if expected[study]]
            assert [row["id"] for row in found] == readable
            assert paged == readable
            assert roles == {study: held for study, held in expected.items() if held}

    async def test_studies_are_filtered(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn, name="Ada")
            folder = await add_folder(conn, owner)
            human = await add_study(conn, owner, name="Lung 50%", folder_id=folder)
            mouse = await add_study(conn, owner, name="Retina", description="of LUNGfish", species="mouse")
            gone = await add_study(conn, owner, name="Lung, old", deleted_at=5)

        async def found(**how: Any) -> set[Key]:
            async with db.read(heavy=True) as conn:
                who = rights.Who(owner)
                answer = await rights.readable_studies(conn, who, rights.StudyFilter(**how))
                assert {row["owner_name"] for row in answer} <= {"Ada"}
                return {row["id"] for row in answer}

        assert await found() == {human, mouse}
        assert await found(search="lung") == {human, mouse}
        assert await found(search="50%") == {human}
        assert await found(species="mouse") == {mouse}
        assert await found(folder_id=folder) == {human}
        assert await found(at_top=True) == {mouse}
        assert await found(trash=True) == {gone}
        assert await found(where={"origin": "cellengine"}) == set()

    # what studies hold

    async def test_counts_and_copies(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn)
            study = await add_study(conn, owner)
            sample = await rows.insert(conn, tables.samples, study_id=study, name="S")
            attribute = await rows.insert(conn, tables.attributes, study_id=study, name="Dose", kind="number")
            await studies.set_sample_values(conn, {(sample, attribute): 1.5})
            common = {"study_id": study, "bytes_id": new_key(), "sample_id": sample, "technology": "10x"}
            ready = await rows.insert(conn, tables.datasets, name="D", state="ready", **common)
            await rows.insert(conn, tables.datasets, name="Half made", state="staging", **common)
            element = {"dataset_id": ready, "kind": "table", "path": "p", "since_version": 1}
            for name, n_cells, until in (("rna", 30, None), ("adt", 20, None), ("old", 99, 2)):
                meta = {"n_cells": n_cells}
                await rows.insert(conn, tables.elements, name=name, meta=meta, until_version=until, **element)
            copy = await add_study(conn, owner)
            done = await studies.copy_contents(conn, study, copy, owner_id=owner)
            assert done == {"samples": 1, "attributes": 1, "datasets": 1}
        async with db.read() as conn:
            counted = await studies.counts(conn, [study, copy, new_key()])
            assert counted == dict.fromkeys((study, copy), studies.Counts(1, 30, ("10x",)))
            [value] = await studies.sample_values(conn, copy)
            assert value["value"] == 1.5
            assert value["subject_id"] != sample
            [dataset] = await rows.find(conn, tables.datasets, {"study_id": copy})
            assert dataset["sample_id"] == value["subject_id"]
            assert dataset["bytes_id"] == common["bytes_id"]

    # work

    async def test_the_oldest_job_whose_parent_does_not_wait_is_leased(self, db: Database) -> None:
        async with db.write() as conn:
            parent = await add_job(conn)
            child = await add_job(conn, parent_id=parent)
            other = await add_job(conn, kind="export")
            positions = await work.queue_positions(conn, [child, parent, other, new_key()])
            assert positions == {parent: 1, child: 2, other: 3}
            assert await work.lease_job(conn, "w", 10, ["nothing"]) is None
            first = await work.lease_job(conn, "w1", 10, None)
            assert first is not None
            assert (first["id"], first["state"], first["attempt"], first["epoch"]) == (parent, "running", 1, 1)
            assert (first["lease_owner"], first["lease_until"]) == ("w1", 10)
            assert first["started_at"] is not None
            assert await work.queue_position(conn, parent) is None
            second = await work.lease_job(conn, "w2", 10, ["ingest"])
            assert second is not None
            assert second["id"] == child
            assert [row["id"] for row in await work.expired_leases(conn, 11)] == [parent, child]
            assert not await work.renew(conn, parent, epoch=2, until_us=99)
            assert await work.renew(conn, parent, epoch=1, until_us=99, progress=0.5, step="PCA")
            assert [row["id"] for row in await work.expired_leases(conn, 11)] == [child]
            assert await work.release(conn, child, epoch=1)
            again = await work.lease_job(conn, "w3", 10, ["ingest"])
            assert again is not None
            assert (again["id"], again["attempt"], again["epoch"]) == (child, 2, 2)
            assert not await work.finish(conn, child, epoch=1, state="failed")
            assert await work.finish(conn, child, epoch=2, state="failed", error={"code": "x"})
            assert await work.finish(conn, parent, epoch=1, state="succeeded", result={"n": 1})
        async with db.read() as conn:
            done = await rows.need(conn, tables.jobs, parent)
            failed = await rows.need(conn, tables.jobs, child)
            assert (done["state"], done["progress"], done["result"], done["error"]) == (
                "succeeded",
                1.0,
                {"n": 1},
                None,
            )
            assert (failed["state"], failed["error"], failed["lease_until"]) == ("failed", {"code": "x"}, None)

    async def test_no_job_is_leased_twice(self, db: Database) -> None:
        async with db.write() as conn:
            jobs = [await add_job(conn) for _ in range(25)]
        taken: list[Key] = []

        async def worker(name: str) -> None:
            while True:
                async with db.write() as conn:
                    job = await work.lease_job(conn, name, now_us() + 10**7, None)
                    await asyncio.sleep(0)
                if job is None:
                    return
                taken.append(job["id"])

        await asyncio.gather(*(worker(f"w{n}") for n in range(8)))
        assert sorted(taken) == jobs

    async def test_log_lines_are_numbered_without_gaps(self, db: Database) -> None:
        async with db.write() as conn:
            job = await add_job(conn)

        async def append(name: int) -> None:
            for part in range(3):
                async with db.write() as conn:
                    await work.append_log(conn, job, [{"text": f"{name} {part} {n}"} for n in range(name % 3 + 1)])

        await asyncio.gather(*(append(name) for name in range(6)))
        async with db.read() as conn:
            found = await rows.find(conn, tables.log_entries, {"job_id": job}, order=("seq",))
        assert [row["seq"] for row in found] == list(range(1, 37))
        assert {row["text"] for row in found} == {
            f"{m} {p} {n}" for m in range(6) for p in range(3) for n in range(m % 3 + 1)
        }
        assert {(row["stream"], row["level"]) for row in found} == {("log", "info")}
        with pytest.raises(NotFoundError, match="no such job"):
            async with db.write() as conn:
                await work.append_log(conn, new_key(), [{"text": "x"}])

    async def test_a_watcher_of_events_misses_none(self, db: Database) -> None:
        async with db.write() as conn:
            owner = await add_user(conn)
            study = await add_study(conn, owner)
            hidden = await add_study(conn, await add_user(conn))
        seen: list[int] = []
        total = 40

        async def write(number: int) -> None:
            async with db.write() as conn:
                await work.append_event(
                    conn, "t", subject_kind="study", subject_id=study, study_id=study if number % 2 else hidden
                )
                await asyncio.sleep(0.001 * (number % 3))

        async def watch() -> None:
            while len(seen) < total // 2:
                async with db.read() as conn:
                    found = await rights.readable_events(
                        conn, rights.Who(owner), after=seen[-1] if seen else 0, limit=3
                    )
                seen.extend(row["serial"] for row in found)
                await asyncio.sleep(0)

        async with asyncio.timeout(30):
            await asyncio.gather(watch(), *(write(number) for number in range(total)))
        assert seen == sorted(set(seen))
        async with db.read() as conn:
            assert await rights.last_event(conn) == total
            everything = await rights.readable_events(conn, rights.Who(None, sees_all=True), after=0, limit=500)
            assert len(everything) == total
            assert await rights.readable_events(conn, rights.Who(None), after=0, limit=500) == []

    async def test_expected_seconds_are_the_median_of_earlier_runs(self, db: Database) -> None:
        async with db.write() as conn:
            assert await work.expected_seconds(conn, "ingest") is None
            for seconds in (1, 100, 3):
                times = {"started_at": 10**6, "finished_at": (1 + seconds) * 10**6}
                await add_job(conn, state="succeeded", **times)
            await add_job(conn, state="failed", started_at=0, finished_at=1)
            assert await work.expected_seconds(conn, "ingest") == 3.0


async def _random_world(conn: Connection, draw: random.Random) -> dict[str, Any]:
    users = [await add_user(conn) for _ in range(3)]
    groups = [await rows.insert(conn, tables.groups, name=new_key().hex24) for _ in range(2)]
    parents: dict[Key, tuple[Key | None, Key]] = {}
    for _ in range(6):
        parent = draw.choice([None, *parents]) if parents else None
        owner = draw.choice(users)
        parents[await add_folder(conn, owner, parent)] = (parent, owner)
    found: dict[Key, tuple[Key | None, Key]] = {}
    for _ in range(6):
        folder, owner = draw.choice([None, *parents]), draw.choice(users)
        found[await add_study(conn, owner, folder_id=folder)] = (folder, owner)
    given = []
    for _ in range(draw.randrange(9)):
        subject = draw.choice([("folder", key) for key in parents] + [("study", key) for key in found])
        principal = draw.choice(
            [("user", user, "") for user in users]
            + [("group", group, "") for group in groups]
            + [("builtin", None, name) for name in ("public", "all_members")]
        )
        role = draw.choice(["owner", "editor", "reader", "limited_reader"])
        if (subject, principal) not in [known[:2] for known in given]:
            await grant(conn, subject, principal, role)
            given.append((subject, principal, role))
    return {"users": users, "groups": groups, "folders": parents, "studies": found, "grants": given}


def _reference_roles(world: dict[str, Any], study: Key, who: rights.Who) -> set[str]:
    """The same as the statements, slowly: walk up from the study and collect."""
    folder, owner = world["studies"][study]
    places = [("study", study)]
    owners = [owner]
    while folder is not None:
        places.append(("folder", folder))
        folder, owner = world["folders"][folder]
        owners.append(owner)
    roles = {"owner"} if who.user_id in owners else set()
    for subject, (kind, id, name), role in world["grants"]:
        matches = (
            (kind == "user" and id == who.user_id)
            or (kind == "group" and id in who.group_ids)
            or (kind == "builtin" and (name == "public" or who.user_id is not None))
        )
        if subject in places and matches:
            roles.add(role)
    return roles


async def opened(url: str) -> AsyncIterator[Database]:
    """A database with all tables."""
    db = await Database.open(url)
    await db.run_sync(tables.metadata.create_all)
    yield db
    await db.close()
