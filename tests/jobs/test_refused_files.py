"""Submissions whose files cannot be read: of cytometry nothing stays of them, others may be tried again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cytosol.base.errors import ConflictError
from cytosol.db import rows, tables
from tests.formats.fcs_files import build, plain
from tests.jobs.house import House, open_house
from tests.jobs.test_ingest import ingest

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


async def stored(house: House) -> list[str]:
    """Blobs of files and datasets, and records of files."""
    found = [info.path async for info in house.catalog.context.blobs.list("")]
    async with house.catalog.context.db.read() as conn:
        records = [*await rows.find(conn, tables.originals, {}), *await rows.find(conn, tables.uploads, {})]
    return [path for path in found if path.startswith(("originals", "uploads", "datasets"))] + [
        str(row["id"]) for row in records
    ]


async def test_of_cytometry_nothing_stays(house: House) -> None:
    whole = build(plain(100, ("FSC-A", "CD4")), bytes(800))
    for name, data, reason in (
        ("notes.fcs", b"Stain, wash, run.\n" * 20, ""),
        ("cut.fcs", whole[:-400], "cut"),
        ("CUT.LMD", whole[:-4], ""),
    ):
        job, _ = await ingest(house, {name: data})
        assert job.state == "failed"
        assert job.error is not None
        assert reason in str(job.error)
        assert await stored(house) == []
        assert "The uploaded file was dropped" in await house.log(job.id)
        with pytest.raises(ConflictError, match="however often"):
            await house.catalog.jobs.retry(house.people.ada, job_id=job.id)


async def test_a_file_that_another_dataset_has_stays(house: House) -> None:
    data = b"Stain, wash, run.\n" * 30
    kept, _ = await ingest(house, {"table.h5ad": data})
    assert kept.state == "failed"
    assert len(await stored(house)) == 3, "bytes, and records of the file and of its upload"
    job, _ = await ingest(house, {"same.fcs": data})
    assert job.state == "failed"
    assert len(await stored(house)) == 3
    again = await house.catalog.jobs.retry(house.people.ada, job_id=kept.id)
    assert (await house.ended(again.job.id)).state == "failed"
