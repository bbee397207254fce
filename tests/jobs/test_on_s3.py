"""Ingest, queries and export with the store in a bucket."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.catalog.making import counts, h5ad, submit
from tests.jobs.house import open_house
from tests.services import S3Server


async def test_everything_in_a_bucket(tmp_path: Path, s3_server: S3Server) -> None:
    matrix = counts(60, 40)
    async with open_house(
        tmp_path / "data",
        store=f"s3://{s3_server.bucket}/jobs-{tmp_path.name}",
        s3_endpoint=s3_server.endpoint,
        s3_access_key=s3_server.access_key,
        s3_secret_key=s3_server.secret_key,
    ) as house:
        ada = house.people.ada
        job, dataset_id = await submit(house.catalog, ada, {"a.h5ad": h5ad(matrix)}, parameters={"tsne": False})
        ended = await house.ended(job.id)
        assert (ended.state, ended.error) == ("succeeded", None)
        pinned = await house.catalog.tables.pin(ada, dataset_id=dataset_id)
        values = await house.catalog.tables.values(pinned, features=[3, 7], unit="raw")
        assert values.dense is not None
        np.testing.assert_array_equal(values.dense.T, matrix.toarray()[:, [3, 7]])
        export = await house.catalog.exports.submit(ada, dataset_id=dataset_id)
        assert (await house.ended(export.id)).state == "succeeded"
        result = await house.catalog.exports.result(ada, job_id=export.id)
        download = await house.catalog.exports.download(secret=result.secret)
        assert len(b"".join([piece async for piece in download.body])) == result.size
        await house.catalog.context.blobs.delete(pinned.part.index.path if pinned.part.index else "")
        findings = await house.catalog.care.check(house.people.admin, deep=True)
        assert [found.mended for found in findings] == [True]
        assert await house.catalog.care.check(house.people.admin, deep=True) == []
        assert await house.catalog.care.collect(house.people.admin) == {}
