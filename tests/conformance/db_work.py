"""What every database has to say about rights and work. A backend's test file inherits the classes."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.db import rights, rows, studies, tables, work
from cytosol.db.connections import Connection
from cytosol.db.engine import Database
from tests.conformance.db import QUICK, add_folder, add_job, add_study, add_user, grant

GATING = ("gates", "populations", "compensations", "attachments")


class RightsSuite:
    """Tests of who may see what, and of what studies hold."""

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
            assert done == {"samples": 1, "attributes": 1, "datasets": 1} | dict.fromkeys(GATING, 0)
        async with db.read() as conn:
            counted = await studies.counts(conn, [study, copy, new_key()])
            assert counted == dict.fromkeys((study, copy), studies.Counts(1, 30, ("10x",)))
            [value] = await studies.sample_values(conn, copy)
            assert value["value"] == 1.5
            assert value["subject_id"] != sample
            [dataset] = await rows.find(conn, tables.datasets, {"study_id": copy})
            assert dataset["sample_id"] == value["subject_id"]
            assert dataset["bytes_id"] == common["bytes_id"]


class WorkSuite:
    """Tests of jobs, logs and events."""

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
