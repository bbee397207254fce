"""Jobs, commits, annotations and the way of all rows, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from cytosol.base.errors import ConflictError, LeaseLostError
from cytosol.base.settings import load_settings
from cytosol.catalog.annotations import Group
from cytosol.catalog.backups import restore
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.commit import CommittedResult, commit_result
from cytosol.db import rows, tables
from cytosol.db.engine import Database
from cytosol.db.migrate import upgrade
from tests.catalog.making import counts, make_dataset, run_leased, submit, tsv
from tests.catalog.people import Bell, People


@pytest.fixture
async def catalog(postgres_url: str, tmp_path: Path) -> AsyncIterator[Catalog]:
    db = await Database.open(postgres_url)
    await upgrade(db)
    await db.close()
    opened = await Catalog.open(
        load_settings(data=tmp_path / "data", database=postgres_url, min_free_bytes=0), notifier=Bell()
    )
    yield opened
    await opened.close()


async def test_a_dataset_from_upload_to_undo(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    values = await catalog.tables.values(pinned, features=[2], unit="raw")
    assert values.dense is not None
    np.testing.assert_array_equal(values.dense[0], made.matrix.toarray()[:, 2])
    await asyncio.gather(
        *(
            catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="same", groups=[Group("a", [n])])
            for n in range(4)
        )
    )
    view = await catalog.datasets.get(people.ada, dataset_id=made.id)
    assert view.dataset.data_version == 5
    revision = (await catalog.history.list(people.ada, study_id=made.study_id)).items[0]
    await catalog.history.undo(people.ada, revision_id=revision.id)
    assert (await catalog.datasets.get(people.ada, dataset_id=made.id)).dataset.data_version == 6
    assert await catalog.care.check(people.admin, deep=True) == []


async def test_two_runners_never_take_one_job(catalog: Catalog, people: People) -> None:
    data = tsv(counts(10, 8))
    for _ in range(4):
        await submit(catalog, people.ada, {"a.tsv": data}, embeddings="keep")
    taken = await asyncio.gather(*(catalog.leases.take(f"host{n}:{n}:x", ["ingest"]) for n in range(6)))
    held = [job for job in taken if job is not None]
    assert len({job.id for job in held}) == len(held) >= 1
    job = held[0]
    assert await catalog.leases.recover("host9:9:x") == []
    await run_leased(catalog, job)
    with pytest.raises(LeaseLostError):
        await commit_result(catalog.context, job.id, job.epoch, CommittedResult())


async def test_backup_and_the_way_back(catalog: Catalog, people: People, tmp_path: Path, postgres_url: str) -> None:
    made = await make_dataset(catalog, people.ada)
    await catalog.care.backup(people.admin, target=tmp_path / "backup")
    before = {}
    async with catalog.context.db.read() as conn:
        for table in tables.metadata.sorted_tables:
            order = [column.name for column in table.primary_key.columns]
            before[table.name] = await rows.find(conn, table, order=order)
    elsewhere = load_settings(data=tmp_path / "elsewhere", database=postgres_url, min_free_bytes=0)
    with pytest.raises(ConflictError, match="not empty"):
        await restore(elsewhere, tmp_path / "backup")
    await catalog.context.db.run_sync(
        lambda connection: [
            connection.exec_driver_sql("DROP SCHEMA public CASCADE"),
            connection.exec_driver_sql("CREATE SCHEMA public"),
        ]
    )
    await restore(elsewhere, tmp_path / "backup")
    again = await Catalog.open(elsewhere, notifier=Bell())
    async with again.context.db.read() as conn:
        for table in tables.metadata.sorted_tables:
            order = [column.name for column in table.primary_key.columns]
            if table is not tables.counters:
                assert await rows.find(conn, table, order=order) == before[table.name]
    await again.annotations.add_groups(people.ada, dataset_id=made.id, name="n", groups=[Group("a", [1])])
    assert await again.care.check(people.admin, deep=True) == []
    await again.close()
