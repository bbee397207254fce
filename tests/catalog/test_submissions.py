"""Submissions: what is refused, what is written down, and what becomes visible when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cytosol.base.errors import (
    ConflictError,
    CytosolError,
    ForbiddenError,
    InvalidInputError,
    LeaseLostError,
    NotFoundError,
    NotSignedInError,
    TooManyError,
    UnsupportedFormatError,
)
from cytosol.base.keys import Key, new_key
from cytosol.base.settings import load_settings
from cytosol.base.times import now_us
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.commit import CommittedResult, NewElement, commit_result
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, NewStudy, Submission
from cytosol.db import rows, tables
from cytosol.model.rights import Actor
from tests.catalog.making import counts, make_dataset, run_here, run_leased, submit, tsv, upload
from tests.catalog.people import Bell, People, id_of

FILE = tsv(counts(12, 8))


async def new_study(catalog: Catalog, actor: Actor) -> Key:
    return (await catalog.studies.create(actor, fields=StudyFields(name="S"))).study.id


async def grant(catalog: Catalog, study_id: Key, actor: Actor, role: str) -> None:
    async with catalog.context.db.write() as conn:
        await rows.delete(conn, tables.grants, {"subject_id": study_id, "principal_id": id_of(actor)})
        await rows.insert(
            conn,
            tables.grants,
            subject_kind="study",
            subject_id=study_id,
            principal_kind="user",
            principal_id=id_of(actor),
            principal_name="",
            role=role,
        )


async def test_one_transaction_writes_down_study_dataset_job_and_first_line(catalog: Catalog, people: People) -> None:
    bell = catalog.context.notifier
    assert isinstance(bell, Bell)
    before = bell.jobs
    job, dataset_id = await submit(catalog, people.ada, {"a.tsv": FILE}, publish=False)
    assert bell.jobs == before + 1
    assert (job.kind, job.state, job.max_attempts, job.serial) == ("ingest", "queued", 2, 1)
    assert [line.text for line in await catalog.jobs.log(people.ada, job_id=job.id)] == ["Waiting in queue"]
    view = await catalog.jobs.get(people.ada, job_id=job.id)
    assert view.queue_position == 1
    dataset = await catalog.datasets.get(people.ada, dataset_id=dataset_id)
    assert (dataset.dataset.state, dataset.tables, dataset.job_id) == ("staging", (), job.id)
    assert dataset.dataset.bytes_id == dataset_id
    with pytest.raises(ConflictError, match="being made"):
        await catalog.tables.pin(people.ada, dataset_id=dataset_id)
    with pytest.raises(ConflictError, match="queued"):
        await catalog.submissions.publish(people.ada, job_id=job.id)
    done = await run_here(catalog)
    assert (done.state, done.committed_at) == ("succeeded", None)
    assert (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).dataset.state == "ready"
    for _ in range(2):
        published = await catalog.submissions.publish(people.ada, job_id=job.id)
        assert published.state == "published"
    assert published.version == (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).dataset.version


async def test_unusable_submissions_leave_nothing_behind(catalog: Catalog, people: People) -> None:
    study_id = await new_study(catalog, people.ada)
    good = {"matrix": FileRef(upload_id=await upload(catalog, people.ada, "a.tsv", FILE))}
    of_bob = {"matrix": FileRef(upload_id=await upload(catalog, people.bob, "a.tsv", FILE))}
    open_one = await catalog.uploads.create(people.ada, name="open.tsv", size=10)
    cases: list[tuple[type[CytosolError], dict[str, Any]]] = [
        (InvalidInputError, {"batches": []}),
        (InvalidInputError, {"batches": [Batch("b", {"features": good["matrix"]})]}),
        (InvalidInputError, {"batches": [Batch("b", {"matrix": FileRef()})]}),
        (NotFoundError, {"batches": [Batch("b", of_bob)]}),
        (NotFoundError, {"batches": [Batch("b", {"matrix": FileRef(upload_id=new_key())})]}),
        (NotFoundError, {"batches": [Batch("b", {"matrix": FileRef(storage_id=new_key(), path="x")})]}),
        (ConflictError, {"batches": [Batch("b", {"matrix": FileRef(upload_id=open_one.upload.id)})]}),
        (UnsupportedFormatError, {"format": "h5seurat"}),
        (UnsupportedFormatError, {"format": "nonsense"}),
        (InvalidInputError, {"filters": {"min_counts": -1}}),
        (InvalidInputError, {"filters": {"max_mito_share": 2}}),
        (InvalidInputError, {"parameters": {"n_neighbors": 1}}),
        (InvalidInputError, {"parameters": {"unknown": 1}}),
        (InvalidInputError, {"matrix": "scaled"}),
        (NotFoundError, {"sample_id": new_key()}),
    ]
    for error, given in cases:
        what = Submission(**({"batches": [Batch("b", good)]} | given))
        with pytest.raises(error):
            await catalog.submissions.submit(people.ada, study=study_id, what=what)
    with pytest.raises(NotFoundError):
        await catalog.submissions.submit(people.ada, study=new_key(), what=Submission([Batch("b", good)]))
    with pytest.raises(NotSignedInError):
        await catalog.submissions.submit(people.nobody, study=study_id, what=Submission([Batch("b", good)]))
    with pytest.raises(InvalidInputError, match="name"):
        await catalog.submissions.submit(people.ada, study=NewStudy(StudyFields()), what=Submission([Batch("b", good)]))
    async with catalog.context.db.read() as conn:
        assert await rows.count(conn, tables.jobs) == 0
        assert await rows.count(conn, tables.datasets) == 0
        assert await rows.count(conn, tables.studies) == 1


async def test_the_permission_is_asked_at_submit_and_at_commit(catalog: Catalog, people: People) -> None:
    study_id = await new_study(catalog, people.ada)
    with pytest.raises(NotFoundError):
        await submit(catalog, people.bob, {"a.tsv": FILE}, study_id)
    await grant(catalog, study_id, people.bob, "reader")
    with pytest.raises(ForbiddenError, match=r"file\.upload"):
        await submit(catalog, people.bob, {"a.tsv": FILE}, study_id)
    await grant(catalog, study_id, people.bob, "editor")
    await submit(catalog, people.bob, {"a.tsv": FILE}, study_id, embeddings="keep")
    job = await catalog.leases.take("test:0:0", ["ingest"])
    assert job is not None
    await grant(catalog, study_id, people.bob, "reader")
    with pytest.raises(ForbiddenError, match=r"file\.upload"):
        await run_leased(catalog, job)
    async with catalog.context.db.write() as conn:
        await rows.delete(conn, tables.grants, {"subject_id": study_id})
    with pytest.raises(ConflictError, match="no longer shared"):
        await commit_result(catalog.context, job.id, job.epoch, CommittedResult())
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.users, {"id": id_of(people.bob)}, {"disabled_at": now_us()})
    with pytest.raises(NotSignedInError, match="disabled"):
        await commit_result(catalog.context, job.id, job.epoch, CommittedResult())


async def test_a_commit_with_an_old_lease_is_refused(catalog: Catalog, people: People) -> None:
    _, dataset_id = await submit(catalog, people.ada, {"a.tsv": FILE}, embeddings="keep")
    first = await catalog.leases.take("one:0:0", ["ingest"])
    assert first is not None
    assert await catalog.leases.take("two:0:0", ["ingest"]) is None
    lost = {"code": "worker-lost", "detail": "Gone.", "details": {}}
    assert await catalog.leases.end(first, error=lost, again=True) == "queued"
    second = await catalog.leases.take("two:0:0", ["ingest"])
    assert second is not None
    assert (second.epoch, second.attempt) == (first.epoch + 1, 2)
    element = NewElement("table", "rna", "rna", "rna", {"n_cells": 1, "n_features": 1, "kind": "counts"})
    with pytest.raises(LeaseLostError):
        await commit_result(catalog.context, first.id, first.epoch, CommittedResult((element,)))
    assert not await catalog.leases.note(first, progress=0.5, step="late")
    lines = await run_leased(catalog, second)
    assert "Start processing study" in lines
    assert (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).dataset.data_version == 1
    with pytest.raises(LeaseLostError):
        await commit_result(catalog.context, second.id, second.epoch, CommittedResult((element,)))


async def test_what_failed_is_hidden_and_comes_back_with_a_retry(catalog: Catalog, people: People) -> None:
    job, dataset_id = await submit(catalog, people.ada, {"a.tsv": b"this is no matrix"})
    study_id = (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).dataset.study_id
    leased = await catalog.leases.take("test:0:0", ["ingest"])
    assert leased is not None
    with pytest.raises(CytosolError) as caught:
        await run_leased(catalog, leased)
    error = {"code": caught.value.code, "detail": caught.value.sentence, "details": {}}
    assert await catalog.leases.end(leased, error=error, again=False) == "failed"
    with pytest.raises(NotFoundError):
        await catalog.datasets.get(people.ada, dataset_id=dataset_id)
    with pytest.raises(NotFoundError):
        await catalog.studies.get(people.ada, study_id=study_id)
    view = await catalog.jobs.get(people.ada, job_id=job.id)
    assert view.job.error is not None
    assert view.job.error["detail"] == caught.value.sentence
    assert (await catalog.jobs.log(people.ada, job_id=job.id))[-1].text == caught.value.sentence
    with pytest.raises(NotFoundError):
        await catalog.jobs.retry(people.bob, job_id=job.id)
    again = await catalog.jobs.retry(people.ada, job_id=job.id)
    assert (again.job.state, again.job.attempt, again.queue_position) == ("queued", 0, 1)
    assert (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).dataset.state == "staging"
    with pytest.raises(ConflictError, match="queued"):
        await catalog.jobs.retry(people.ada, job_id=job.id)


async def test_cancel_queue_positions_and_the_limit_of_jobs(tmp_path: Path) -> None:
    catalog = await Catalog.open(load_settings(data=tmp_path, min_free_bytes=0, max_user_jobs=3), notifier=Bell())
    people = await People.come(catalog)
    made = [await submit(catalog, people.ada, {"a.tsv": FILE}) for _ in range(3)]
    with pytest.raises(TooManyError) as caught:
        await submit(catalog, people.ada, {"a.tsv": FILE})
    assert caught.value.details["setting"] == "max_user_jobs"
    page = await catalog.jobs.list(people.ada, state="queued")
    assert [view.queue_position for view in page.items] == [3, 2, 1]
    with pytest.raises(NotFoundError):
        await catalog.jobs.cancel(people.bob, job_id=made[0][0].id)
    cancelled = await catalog.jobs.cancel(people.ada, job_id=made[0][0].id)
    assert (cancelled.job.state, cancelled.queue_position) == ("cancelled", None)
    assert (await catalog.jobs.log(people.ada, job_id=made[0][0].id))[-1].text == "Cancelled"
    assert (await catalog.jobs.get(people.ada, job_id=made[1][0].id)).queue_position == 1
    assert (await catalog.jobs.list(people.bob)).items == []
    assert len((await catalog.jobs.list(people.admin)).items) == 3
    first = await catalog.jobs.list(people.ada, limit=2)
    rest = await catalog.jobs.list(people.ada, limit=2, cursor=first.next)
    assert [len(first.items), len(rest.items), rest.next] == [2, 1, None]
    found = await catalog.jobs.find_serial(people.ada, serial=2)
    assert found.job.id == made[1][0].id
    await catalog.close()


async def test_a_study_for_a_group_is_seen_by_its_members(catalog: Catalog, people: People) -> None:
    group = await catalog.groups.create(people.admin, name="Lab")
    async with catalog.context.db.write() as conn:
        for actor in (people.ada, people.bob):
            await rows.put(conn, tables.memberships, group_id=group.group.id, user_id=id_of(actor), role="member")
    groups = frozenset({group.group.id})
    ada = Actor("user", user_id=id_of(people.ada), email="ada", group_ids=groups)
    bob = Actor("user", user_id=id_of(people.bob), email="bob", group_ids=groups)
    new = NewStudy(StudyFields(name="Shared"), group_id=group.group.id, origin="bioturing", share_with="group")
    _, dataset_id = await submit(catalog, ada, {"a.tsv": FILE}, new, embeddings="keep")
    await run_here(catalog)
    assert (await catalog.datasets.get(bob, dataset_id=dataset_id)).n_cells == 12
    with pytest.raises(NotFoundError):
        await catalog.datasets.get(people.eve, dataset_id=dataset_id)
    with pytest.raises(NotFoundError, match="not in it"):
        await submit(catalog, people.eve, {"a.tsv": FILE}, new)


async def test_one_upload_serves_two_datasets(catalog: Catalog, people: People) -> None:
    upload_id = await upload(catalog, people.ada, "a.tsv", FILE)
    study_id = await new_study(catalog, people.ada)
    for name in ("one", "two"):
        batch = Batch("a", {"matrix": FileRef(upload_id=upload_id)})
        await catalog.submissions.submit(
            people.ada, study=study_id, what=Submission([batch], name=name, embeddings="keep")
        )
        await run_here(catalog)
    page = await catalog.datasets.list(people.ada, study_id=study_id)
    assert [view.dataset.name for view in page.items] == ["one", "two"]
    async with catalog.context.db.read() as conn:
        originals = await rows.find(conn, tables.originals)
    assert {row["dataset_id"] for row in originals} == {view.dataset.id for view in page.items}
    assert len({row["bytes_id"] for row in originals}) == 1


async def test_datasets_are_renamed_deleted_and_brought_back(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    version = made.view.dataset.version
    changed = await catalog.datasets.change(
        people.ada, dataset_id=made.id, expected=version, name="Pörl", technology="10x"
    )
    assert (changed.dataset.name, changed.dataset.technology) == ("Pörl", "10x")
    with pytest.raises(ConflictError):
        await catalog.datasets.change(people.ada, dataset_id=made.id, expected=version, name="x")
    revision = (await catalog.history.list(people.ada, study_id=made.study_id)).items[0]
    await catalog.history.undo(people.ada, revision_id=revision.id)
    assert (await catalog.datasets.get(people.ada, dataset_id=made.id)).dataset.name == made.view.dataset.name
    await catalog.datasets.delete(people.ada, dataset_id=made.id)
    assert (await catalog.datasets.list(people.ada, study_id=made.study_id)).items == []
    trash = await catalog.datasets.list(people.ada, study_id=made.study_id, trash=True)
    assert [view.dataset.id for view in trash.items] == [made.id]
    with pytest.raises(NotFoundError):
        await catalog.tables.pin(people.ada, dataset_id=made.id)
    assert (await catalog.datasets.undelete(people.ada, dataset_id=made.id)).n_cells == made.matrix.shape[0]
