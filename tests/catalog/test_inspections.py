"""Files measured before they are submitted: what is told equals what a submission keeps."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from cytosol.analyses.matrix.filtering import FilterParams, keep_cells
from cytosol.base.errors import ConflictError, ForbiddenError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, Submission
from cytosol.db import rows, tables
from cytosol.model.rights import SYSTEM, Actor
from tests.catalog.making import counts, folder_of, run_here, tsv, upload
from tests.catalog.people import People
from tests.catalog.test_submissions import grant

OPTIONS = {"orientation": "genes-by-cells"}
KINDS = ("ingest", "inspect", "collect")
FILTERS = {"min_counts": 40.0, "max_genes": 24.0, "max_mito_share": 0.1}


async def two_batches(catalog: Catalog, actor: Actor) -> list[Batch]:
    files = {"a.tsv": tsv(counts(50, 40, seed=1)), "b.tsv": tsv(counts(30, 40, seed=2), prefix="B")}
    return [
        Batch(name, {"matrix": FileRef(upload_id=await upload(catalog, actor, name, data))})
        for name, data in files.items()
    ]


async def new_study(catalog: Catalog, actor: Actor) -> Key:
    return (await catalog.studies.create(actor, fields=StudyFields(name="S", species="human"))).study.id


async def test_what_is_measured_decides_exactly_which_cells_a_submission_keeps(
    catalog: Catalog, people: People
) -> None:
    study_id = await new_study(catalog, people.ada)
    batches = await two_batches(catalog, people.ada)
    job = await catalog.inspections.submit(people.ada, study_id=study_id, what=Submission(batches, options=OPTIONS))
    assert (job.kind, job.study_id, job.dataset_id, job.max_attempts) == ("inspect", study_id, None, 2)
    with pytest.raises(ConflictError, match="queued"):
        await catalog.inspections.cells(people.ada, job_id=job.id)
    done = await run_here(catalog, KINDS)
    assert done.state == "succeeded"
    facts = {"n_cells": 80, "n_features": 40, "n_mito_features": 1, "tables": ["rna"], "kind": "counts"}
    assert done.result == facts
    columns = (await catalog.inspections.cells(people.ada, job_id=job.id)).columns
    whole = np.vstack([counts(50, 40, seed=1).toarray(), counts(30, 40, seed=2).toarray()])
    np.testing.assert_array_equal(columns["n_counts"], whole.sum(axis=1))
    np.testing.assert_array_equal(columns["n_genes"], (whole > 0).sum(axis=1))
    np.testing.assert_allclose(columns["mito_share"], whole[:, 1] / whole.sum(axis=1))
    keep = keep_cells(columns["n_counts"], columns["n_genes"], columns["mito_share"], FilterParams.from_json(FILTERS))
    assert 10 < keep.sum() < 70

    # the same uploads can be submitted afterwards, and keep as many
    what = Submission(batches, options=OPTIONS, filters=FILTERS, embeddings="keep")
    _, dataset = await catalog.submissions.submit(people.ada, study=study_id, what=what)
    await run_here(catalog, KINDS)
    view = await catalog.datasets.get(people.ada, dataset_id=dataset.id)
    assert view.n_cells == keep.sum()


async def test_a_file_on_a_storage_is_measured_and_leaves_no_original(
    catalog: Catalog, people: People, tmp_path: Path
) -> None:
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "a.tsv").write_bytes(tsv(counts(20, 10)))
    mounted = await catalog.storages.add(
        SYSTEM, name="store", kind="folder", location={"path": str(tmp_path / "mounted")}
    )
    ref = FileRef(storage_id=mounted.storage.id, path="a.tsv")
    what = Submission([Batch("a", {"matrix": ref})], options=OPTIONS)
    study_id = await new_study(catalog, people.ada)
    job = await catalog.inspections.submit(people.ada, study_id=study_id, what=what)
    assert (await run_here(catalog, KINDS)).state == "succeeded"
    columns = (await catalog.inspections.cells(people.ada, job_id=job.id)).columns
    np.testing.assert_array_equal(columns["n_counts"], counts(20, 10).toarray().sum(axis=1))
    async with catalog.context.db.read() as conn:
        assert await rows.count(conn, tables.originals) == 0
        assert await rows.count(conn, tables.datasets) == 0


async def test_who_may_upload_may_look_and_only_who_looked_sees_the_cells(catalog: Catalog, people: People) -> None:
    study_id = await new_study(catalog, people.ada)
    await grant(catalog, study_id, people.bob, "reader")
    batches = [Batch("a", {"matrix": FileRef(upload_id=await upload(catalog, people.bob, "a.tsv", tsv(counts(9, 8))))})]
    what = Submission(batches, options=OPTIONS)
    with pytest.raises(ForbiddenError):
        await catalog.inspections.submit(people.bob, study_id=study_id, what=what)
    with pytest.raises(NotFoundError):
        await catalog.inspections.submit(people.eve, study_id=study_id, what=what)
    with pytest.raises(NotFoundError):
        await catalog.inspections.submit(people.ada, study_id=study_id, what=what)
    await grant(catalog, study_id, people.bob, "editor")
    job = await catalog.inspections.submit(people.bob, study_id=study_id, what=what)
    await run_here(catalog, KINDS)
    assert len((await catalog.inspections.cells(people.bob, job_id=job.id)).columns["n_genes"]) == 9
    for actor in (people.ada, people.admin, people.eve):
        with pytest.raises(NotFoundError):
            await catalog.inspections.cells(actor, job_id=job.id)


async def test_the_collector_clears_what_was_measured_and_leaves_the_upload(catalog: Catalog, people: People) -> None:
    study_id = await new_study(catalog, people.ada)
    batches = await two_batches(catalog, people.ada)
    job = await catalog.inspections.submit(people.ada, study_id=study_id, what=Submission(batches, options=OPTIONS))
    await run_here(catalog, KINDS)
    assert "bytes of exports" not in await catalog.care.collect(people.admin)
    place = folder_of(catalog, "exports", job.id.hex24)
    assert place.exists()
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.jobs, {"id": job.id}, {"finished_at": now_us() - 40 * 86_400_000_000})
    then = time.time() - 2 * 86400
    for path in [place, *place.rglob("*")]:
        os.utime(path, (then, then))
    assert (await catalog.care.collect(people.admin))["bytes of exports"] > 0
    assert not place.exists()
    with pytest.raises(NotFoundError, match="cleared away"):
        await catalog.inspections.cells(people.ada, job_id=job.id)
    _, dataset = await catalog.submissions.submit(
        people.ada, study=study_id, what=Submission(batches, options=OPTIONS, embeddings="keep")
    )
    await run_here(catalog, KINDS)
    assert (await catalog.datasets.get(people.ada, dataset_id=dataset.id)).n_cells == 80
