"""Exports, cleaning, checking, weighing; backup and the way back, byte for byte and row for row."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest

from cytosol.base.errors import ConflictError, DamagedDataError, ForbiddenError, InvalidInputError, NotFoundError
from cytosol.base.settings import load_settings
from cytosol.base.times import now_us
from cytosol.catalog.annotations import Group
from cytosol.catalog.backups import PREFIXES, restore
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.collector import DAY_US, HOUR_US, hold_bytes
from cytosol.catalog.studies import StudyFields
from cytosol.db import rows, tables
from cytosol.db.dump import dump_rows, load_rows
from cytosol.db.engine import Database
from cytosol.db.migrate import upgrade
from cytosol.model.rights import SYSTEM
from tests.catalog.making import folder_of, make_dataset, pieces, run_here, submit, tsv, upload
from tests.catalog.people import Bell, People
from tests.formats.fcs_files import build, floats, plain


async def test_an_export_is_the_whole_table(catalog: Catalog, people: People, tmp_path: Path) -> None:
    made = await make_dataset(catalog, people.ada)
    await catalog.annotations.add_groups(
        people.ada, dataset_id=made.id, name="my/own", groups=[Group("é", [2], "#123456")]
    )
    with pytest.raises(InvalidInputError, match="h5ad"):
        await catalog.exports.submit(people.ada, dataset_id=made.id, format="loom")
    with pytest.raises(NotFoundError):
        await catalog.exports.submit(people.bob, dataset_id=made.id)
    job = await catalog.exports.submit(people.ada, dataset_id=made.id)
    with pytest.raises(ConflictError, match="queued"):
        await catalog.exports.result(people.ada, job_id=job.id)
    await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="later", groups=[Group("x", [1])])
    await run_here(catalog)
    result = await catalog.exports.result(people.ada, job_id=job.id)
    download = await catalog.exports.download(secret=result.secret)
    assert (download.filename, download.size) == (result.filename, result.size)
    data = b"".join([piece async for piece in download.body])
    assert len(data) == result.size
    part = await catalog.exports.download(secret=result.secret, start=10, end=20)
    assert b"".join([piece async for piece in part.body]) == data[10:20]
    (tmp_path / "x.h5ad").write_bytes(data)
    table = anndata.read_h5ad(tmp_path / "x.h5ad")
    np.testing.assert_array_equal(table.X.toarray(), made.matrix.toarray())
    assert list(table.obs["type"].cat.categories) == ["T", "B"]
    np.testing.assert_allclose(table.obs["age"], np.linspace(1, 2, 60))
    own = [name for name in table.obs if name.startswith("my")]
    assert table.obs[own[0]].iloc[2] == "é"
    assert "later" not in table.obs
    np.testing.assert_array_equal(table.obsm["X_map"].ravel(), np.arange(120))
    with pytest.raises(NotFoundError):
        await catalog.exports.download(secret="wrong")
    with pytest.raises(NotFoundError):
        await catalog.exports.result(people.admin, job_id=job.id)
    seen_by_admin = await catalog.jobs.get(people.admin, job_id=job.id)
    assert "secret" not in seen_by_admin.job.result


async def age(catalog: Catalog, table: Any, where: dict[str, Any], values: dict[str, Any]) -> None:
    async with catalog.context.db.write() as conn:
        assert await rows.update(conn, table, where, values)


def make_old(folder: Path) -> None:
    """As if it had been written two days ago."""
    then = time.time() - 2 * 86400
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then))


async def test_the_collector_removes_only_what_nobody_needs(catalog: Catalog, people: People) -> None:
    kept = await make_dataset(catalog, people.ada)
    gone = await make_dataset(catalog, people.ada)
    uncommitted = await make_dataset(catalog, people.ada, publish=False)
    await catalog.exports.submit(people.ada, dataset_id=kept.id)
    export = await run_here(catalog)
    open_one = await catalog.uploads.create(people.ada, name="x", size=10)
    await catalog.uploads.write_at(people.ada, upload_id=open_one.upload.id, offset=0, body=pieces(b"12345"))
    orphan = folder_of(catalog, "datasets") / "0123456789ab0123456789ab"
    (orphan / "tables").mkdir(parents=True)
    (orphan / "tables" / "x").write_bytes(b"1")
    dead = folder_of(catalog, "datasets", kept.id.hex24, "tables/rna/obs/never-committed")
    dead.mkdir()
    (dead / "zarr.json").write_bytes(b"{}")
    everything = {str(path) for path in folder_of(catalog, "datasets").parent.rglob("*") if path.is_file()}
    assert await catalog.care.collect(people.admin) == {}
    assert {str(path) for path in folder_of(catalog, "datasets").parent.rglob("*") if path.is_file()} == everything
    with pytest.raises(ForbiddenError):
        await catalog.care.collect(people.ada)
    await catalog.datasets.delete(people.ada, dataset_id=gone.id)
    long_ago = now_us() - 40 * DAY_US
    await age(catalog, tables.datasets, {"id": gone.id}, {"deleted_at": long_ago})
    await age(catalog, tables.jobs, {"dataset_id": uncommitted.id}, {"finished_at": long_ago})
    await age(catalog, tables.uploads, {"id": open_one.upload.id}, {"expires_at": now_us() - HOUR_US})
    await age(catalog, tables.jobs, {"id": export.id}, {"finished_at": long_ago})
    make_old(catalog.settings.data / "store")
    async with catalog.context.db.write() as conn:
        await hold_bytes(conn, now_us() + HOUR_US)
    told: list[str] = []
    await catalog.care.collect(people.admin, tell=told.append)
    assert any("backup" in line for line in told)
    assert orphan.exists()
    async with catalog.context.db.write() as conn:
        await hold_bytes(conn, 0)
    removed = await catalog.care.collect(people.admin, tell=told.append)
    assert removed.keys() >= {"bytes of datasets", "bytes of index", "bytes of exports", "uploads", "bytes of arrays"}
    assert not orphan.exists()
    assert not dead.exists()
    assert not folder_of(catalog, "exports", export.id.hex24).exists()
    assert not folder_of(catalog, "uploads", open_one.upload.id.hex24).exists()
    left = {path.name for path in folder_of(catalog, "datasets").iterdir()}
    assert left == {kept.id.hex24}
    assert {path.name for path in folder_of(catalog, "index").iterdir()} == {kept.id.hex24}
    pinned = await catalog.tables.pin(people.ada, dataset_id=kept.id)
    assert len(await catalog.tables.columns(pinned)) == 5
    assert await catalog.care.check(people.admin, deep=True) == []
    assert await catalog.care.collect(people.admin) == {}


async def test_the_cleaning_job_runs_once_an_hour(catalog: Catalog, people: People) -> None:
    assert await catalog.care.schedule_collect()
    assert not await catalog.care.schedule_collect()
    (catalog.context.scratch.root / "left-behind").mkdir(parents=True)
    done = await run_here(catalog)
    assert (done.kind, done.state) == ("collect", "succeeded")
    assert not (catalog.context.scratch.root / "left-behind").exists()


async def test_check_tells_and_mends(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    metadata = folder_of(catalog, "datasets", made.id.hex24, "tables/rna/zarr.json")
    whole = metadata.read_bytes()
    metadata.unlink()
    next(folder_of(catalog, "index", made.id.hex24).glob("*.cyi")).unlink()
    findings = await catalog.care.check(people.admin)
    assert [(found.mended, "index" in found.problem) for found in findings] == [(True, True)]
    assert metadata.read_bytes() == whole
    original = next(iter(folder_of(catalog, "originals").iterdir()))
    original.write_bytes(original.read_bytes()[:-1] + b"!")
    assert await catalog.care.check(people.admin) == []
    damaged = await catalog.care.check(people.admin, deep=True)
    assert [(found.mended, "SHA-256" in found.problem) for found in damaged] == [(False, True)]
    original.unlink()
    column = folder_of(catalog, "datasets", made.id.hex24, "tables/rna/obs/age/zarr.json")
    column.unlink()
    problems = [found.problem for found in await catalog.care.check(people.admin)]
    assert any("gone" in problem for problem in problems)
    assert any("not in its store" in problem for problem in problems)


async def test_du_weighs_each_study(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    weights = await catalog.care.du(people.admin)
    assert [weight.study_id for weight in weights] == [made.study_id]
    assert weights[0].total == weights[0].originals + weights[0].datasets + weights[0].indexes
    on_disk = sum(
        path.stat().st_size for path in folder_of(catalog, "datasets", made.id.hex24).rglob("*") if path.is_file()
    )
    assert weights[0].datasets == on_disk
    assert weights[0].originals > 10_000


def files_of(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for prefix in PREFIXES
        for path in (store / prefix).rglob("*")
        if path.is_file()
    }


async def rows_of(catalog: Catalog) -> dict[str, list[Any]]:
    """Everything in the database but the mark that holds the collector."""
    found = {}
    async with catalog.context.db.read() as conn:
        for table in tables.metadata.sorted_tables:
            listed = await rows.find(conn, table, order=[column.name for column in table.primary_key.columns])
            found[table.name] = [tuple(row.items()) for row in listed if row.get("name") != "backup.until"]
    return found


async def test_backup_while_running_destroy_restore_compare(catalog: Catalog, people: People, tmp_path: Path) -> None:
    made = await make_dataset(catalog, people.ada)
    await submit(catalog, people.ada, {"a.tsv": tsv(made.matrix)})
    (catalog.settings.data / "cytosol.toml").write_text("workers = 1\n")
    heard: list[tuple[int, int]] = []
    report = await catalog.care.backup(people.admin, target=tmp_path / "backup", progress=lambda *n: heard.append(n))
    assert heard[-1][0] == heard[-1][1] == report.n_bytes
    truth = files_of(catalog.settings.data / "store"), await rows_of(catalog)
    assert len(truth[0]) == report.n_files > 10
    with pytest.raises(ConflictError, match="not empty"):
        await catalog.care.backup(people.admin, target=tmp_path / "backup")
    with pytest.raises(ConflictError, match="not empty"):
        await restore(catalog.settings, tmp_path / "backup")
    elsewhere = load_settings(data=tmp_path / "elsewhere", min_free_bytes=0)
    back = await restore(elsewhere, tmp_path / "backup")
    assert (back.n_files, back.n_bytes) == (report.n_files, report.n_bytes)
    again = await Catalog.open(elsewhere, notifier=Bell())
    assert files_of(elsewhere.data / "store") == truth[0]
    assert await rows_of(again) == truth[1]
    assert (elsewhere.data / "cytosol.toml").read_text() == "workers = 1\n"
    pinned = await again.tables.pin(people.ada, dataset_id=made.id)
    values = (await again.tables.values(pinned, features=[3], unit="raw")).dense
    assert values is not None
    np.testing.assert_array_equal(values[0], made.matrix.toarray()[:, 3])
    assert await again.care.check(SYSTEM, deep=True) == []
    await again.close()
    victim = next(path for path in (tmp_path / "backup" / "store" / "originals").iterdir())
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(DamagedDataError, match="not what was written"):
        await restore(load_settings(data=tmp_path / "third", min_free_bytes=0), tmp_path / "backup")
    with pytest.raises(NotFoundError, match="no finished backup"):
        await restore(elsewhere, tmp_path / "nothing")


async def test_all_rows_as_lines_and_back(catalog: Catalog, people: People, tmp_path: Path) -> None:
    folder = await catalog.folders.create(people.ada, name="A")
    await catalog.folders.create(people.ada, name="B", parent_id=folder.folder.id)
    await make_dataset(catalog, people.ada)
    n_rows = await catalog.context.db.run_sync(lambda connection: dump_rows(connection, tmp_path / "rows.jsonl"))
    db = await Database.open(f"sqlite:///{tmp_path / 'copy.db'}")
    await upgrade(db)
    assert await db.run_sync(lambda connection: load_rows(connection, tmp_path / "rows.jsonl")) == n_rows
    async with db.read() as conn:
        for table in tables.metadata.sorted_tables:
            order = [column.name for column in table.primary_key.columns]
            async with catalog.context.db.read() as source:
                assert await rows.find(conn, table, order=order) == await rows.find(source, table, order=order)
    await db.close()
    await asyncio.to_thread((tmp_path / "rows.jsonl").write_text, "nonsense\n")
    other = await Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    await upgrade(other)
    with pytest.raises(DamagedDataError):
        await other.run_sync(lambda connection: load_rows(connection, tmp_path / "rows.jsonl"))
    await other.close()


async def test_files_of_cytometry_need_no_index(catalog: Catalog, people: People) -> None:
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="Blood"))).study.id
    content = build(plain(50, ("a", "b")), floats(50, 2).tobytes())
    upload_id = await upload(catalog, people.ada, "one.fcs", content)
    (file,) = await catalog.cytometry.add_file(people.ada, study_id=study_id, upload_id=upload_id)
    for mend in (False, True):
        assert await catalog.care.check(people.admin, deep=True, mend=mend) == []
    events = folder_of(catalog, "datasets", file.id.hex24, "tables/events/X")
    for path, deep in ((events / "c" / "0" / "1", True), (events / "zarr.json", False)):
        path.unlink()
        (finding,) = await catalog.care.check(people.admin, deep=deep, mend=False)
        assert file.name in finding.where
        assert not finding.mended
