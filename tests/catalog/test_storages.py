"""Storages: who mounts and sees which, browsing, submitting from a folder and a bucket."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import anndata
import numpy as np
import obstore
import pandas as pd
import pytest
from obstore.store import S3Store

from cytosol.base.errors import ConflictError, CytosolError, ForbiddenError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, NewStudy, Submission
from cytosol.db import rows, tables
from tests.catalog.making import barcodes, counts, run_leased, tsv
from tests.catalog.people import People, id_of
from tests.services import S3Server

OPTIONS = {"orientation": "genes-by-cells"}


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    folder = tmp_path / "mounted"
    (folder / "run 1").mkdir(parents=True)
    (folder / "run 1" / "counts.tsv").write_bytes(tsv(counts(12, 8)))
    (folder / "outside").symlink_to(tmp_path)
    return folder


async def test_who_mounts_and_who_sees(catalog: Catalog, people: People, mounted: Path) -> None:
    where = {"path": str(mounted)}
    with pytest.raises(ForbiddenError):
        await catalog.storages.add(people.ada, name="mine", kind="folder", location=where, owner_id=id_of(people.ada))
    refused: list[tuple[type[CytosolError], str, dict[str, object]]] = [
        (InvalidInputError, "ftp", where),
        (InvalidInputError, "folder", {"path": "relative"}),
        (NotFoundError, "folder", {"path": str(mounted / "nothing")}),
        (CytosolError, "folder", {"path": str(catalog.settings.data)}),
    ]
    for error, kind, location in refused:
        with pytest.raises(error):
            await catalog.storages.add(people.admin, name="x", kind=kind, location=location)
    everyone = await catalog.storages.add(people.admin, name="all", kind="folder", location=where)
    of_bob = await catalog.storages.add(
        people.admin, name="bob", kind="folder", location=where, owner_id=id_of(people.bob)
    )
    assert (everyone.reach, of_bob.reach) == ("all", "user")
    with pytest.raises(ConflictError, match="called 'all'"):
        await catalog.storages.add(people.admin, name="all", kind="folder", location=where)
    assert [view.storage.name for view in await catalog.storages.list(people.ada)] == ["all"]
    assert [view.storage.name for view in await catalog.storages.list(people.bob)] == ["all", "bob"]
    entries = await catalog.storages.entries(people.ada, storage_id=everyone.storage.id, path="run 1/")
    assert [(entry.name, entry.is_folder) for entry in entries] == [("counts.tsv", False)]
    with pytest.raises(NotFoundError):
        await catalog.storages.entries(people.ada, storage_id=of_bob.storage.id)
    for path in ("../x", "outside/data", "run 1/nothing.tsv"):
        with pytest.raises(CytosolError):
            await catalog.storages.stat(people.ada, storage_id=everyone.storage.id, path=path)
    assert await catalog.storages.locate(people.ada, path=f"{mounted}/run 1") == (everyone.storage.id, "run 1")
    with pytest.raises(NotFoundError, match="storage add"):
        await catalog.storages.locate(people.ada, path="/etc")
    with pytest.raises(ForbiddenError):
        await catalog.storages.delete(people.ada, storage_id=everyone.storage.id)
    await catalog.storages.delete(people.admin, storage_id=everyone.storage.id)
    assert await catalog.storages.list(people.ada) == []
    await catalog.storages.add(people.admin, name="all", kind="folder", location=where)


async def submit_from(
    catalog: Catalog, people: People, storage_id: Key, path: str, options: Mapping[str, str] = OPTIONS
) -> Key:
    batch = Batch("counts", {"matrix": FileRef(storage_id=storage_id, path=path)})
    _, dataset = await catalog.submissions.submit(
        people.ada,
        study=NewStudy(StudyFields(name="S")),
        what=Submission([batch], embeddings="keep", options=options),
    )
    return dataset.id


async def test_a_file_of_the_server_is_read_in_place(catalog: Catalog, people: People, mounted: Path) -> None:
    view = await catalog.storages.add(people.admin, name="all", kind="folder", location={"path": str(mounted)})
    (mounted / "empty").mkdir()
    with pytest.raises(NotFoundError, match="no file in this folder"):
        await submit_from(catalog, people, view.storage.id, "empty")
    dataset_id = await submit_from(catalog, people, view.storage.id, "/run 1/counts.tsv")
    (mounted / "run 1" / "counts.tsv").write_bytes(tsv(counts(14, 8)))
    job = await catalog.leases.take("test:0:0", ["ingest"])
    assert job is not None
    lines = await run_leased(catalog, job)
    assert "counts.tsv changed on its storage since it was submitted" in lines
    assert (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).n_cells == 14
    async with catalog.context.db.read() as conn:
        original = (await rows.find(conn, tables.originals))[0]
    assert (original["bytes_id"], original["source_path"]) == (None, "run 1/counts.tsv")
    assert original["size"] == (mounted / "run 1" / "counts.tsv").stat().st_size


async def test_a_zarr_folder_of_a_bucket_becomes_a_dataset(
    catalog: Catalog, people: People, s3_server: S3Server, tmp_path: Path
) -> None:
    keys = {"endpoint": s3_server.endpoint, "region": "us-east-1"}
    secret = {"access_key_id": s3_server.access_key, "secret_access_key": s3_server.secret_key}
    store = S3Store(s3_server.bucket, **keys, **secret, client_options={"allow_http": True})
    table = anndata.AnnData(
        counts(), pd.DataFrame(index=barcodes(60)), pd.DataFrame(index=[f"GENE{number}" for number in range(40)])
    )
    table.layers["spliced"] = counts(seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.write_zarr(tmp_path / "study.zarr")
    files = [path for path in (tmp_path / "study.zarr").rglob("*") if path.is_file()]
    for path in files:
        obstore.put(store, f"zarr-storage/runs/{path.relative_to(tmp_path).as_posix()}", path)
    location = {"bucket": s3_server.bucket, "prefix": "zarr-storage", **keys}
    location |= {"access_key": s3_server.access_key, "secret_key": s3_server.secret_key}
    view = await catalog.storages.add(people.ada, name="z", kind="s3", location=location, owner_id=id_of(people.ada))
    dataset_id = await submit_from(catalog, people, view.storage.id, "runs/study.zarr", {})
    job = await catalog.leases.take("test:0:0", ["ingest"])
    assert job is not None
    lines = await run_leased(catalog, job)
    assert f"study.zarr is ready: {len(files)} files" in lines
    assert "Kept for exports: layers spliced" in lines
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset_id)
    found = await catalog.tables.values(pinned, features=[], unit="raw", layout="sparse")
    assert found.sparse is not None
    np.testing.assert_array_equal(found.sparse.toarray(), counts().toarray())


async def test_a_file_of_a_bucket_is_fetched_with_progress(
    catalog: Catalog, people: People, s3_server: S3Server
) -> None:
    store = S3Store(
        s3_server.bucket,
        endpoint=s3_server.endpoint,
        access_key_id=s3_server.access_key,
        secret_access_key=s3_server.secret_key,
        region="us-east-1",
        client_options={"allow_http": True},
    )
    data = tsv(counts(300, 200))
    obstore.put(store, "catalog-storages/batch/counts.tsv", data)
    location = {
        "bucket": s3_server.bucket,
        "prefix": "catalog-storages",
        "endpoint": s3_server.endpoint,
        "access_key": s3_server.access_key,
        "secret_key": s3_server.secret_key,
    }
    with pytest.raises(ForbiddenError):
        await catalog.storages.add(people.ada, name="s", kind="s3", location=location)
    with pytest.raises(CytosolError):
        await catalog.storages.add(
            people.ada, name="s", kind="s3", location=location | {"secret_key": "wrong"}, owner_id=id_of(people.ada)
        )
    view = await catalog.storages.add(people.ada, name="s", kind="s3", location=location, owner_id=id_of(people.ada))
    assert "secret_key" not in view.location
    assert s3_server.secret_key not in repr((await catalog.storages.list(people.ada))[0].location)
    with pytest.raises(NotFoundError):
        await catalog.storages.get(people.bob, storage_id=view.storage.id)
    dataset_id = await submit_from(catalog, people, view.storage.id, "batch/counts.tsv")
    job = await catalog.leases.take("test:0:0", ["ingest"])
    assert job is not None
    lines = await run_leased(catalog, job)
    size = f"{len(data) / 1024:.1f} KB"
    assert f"Downloading counts.tsv from s3: {size} / {size}" in lines
    assert lines.index("File downloaded") < lines.index("Reading batch: counts")
    assert (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).n_cells == 300
