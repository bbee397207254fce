"""Studies as clients see them that know a study only by its group, and what else only such clients ask for."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from cytosol.base.errors import (
    ConflictError,
    LimitExceededError,
    NotFoundError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from cytosol.catalog.annotation_files import read_annotations
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.group_studies import Filed
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import NewStudy
from cytosol.model.rights import SYSTEM, Actor
from cytosol.store.sources import FileSource
from tests.catalog.making import make_dataset
from tests.catalog.people import People, id_of


async def names(catalog: Catalog, actor: Actor, filed: Filed) -> list[str]:
    return [view.study.name for view in await catalog.group_studies.list(actor, filed=filed)]


def new(name: str) -> NewStudy:
    return NewStudy(StudyFields(name=name))


async def test_a_study_is_listed_where_it_is_shared(catalog: Catalog, people: People) -> None:
    group = (await catalog.groups.create(SYSTEM, name="Lab")).group
    await catalog.groups.put_member(SYSTEM, group_id=group.id, user_id=id_of(people.ada), role="owner")
    ada = replace(people.ada, group_ids=frozenset((group.id,)))
    bob = people.bob
    made = {name: await make_dataset(catalog, ada, new(name)) for name in ("own", "folder", "all", "bob", "public")}
    await catalog.studies.create(ada, fields=StudyFields(name="empty"))

    async def share(name: str, *grants: GrantView) -> None:
        await catalog.sharing.put(ada, subject_kind="study", subject_id=made[name].study_id, grants=grants)

    upper = (await catalog.folders.create(ada, name="upper")).folder
    lower = (await catalog.folders.create(ada, name="lower", parent_id=upper.id)).folder
    await catalog.studies.change(ada, study_id=made["folder"].study_id, fields=StudyFields(), folder_id=lower.id)
    to_group = GrantView("group", group.id, "", "reader")
    await catalog.sharing.put(ada, subject_kind="folder", subject_id=upper.id, grants=[to_group])
    await share("all", GrantView("builtin", None, "all_members", "reader"))
    await share("bob", GrantView("user", id_of(bob), "", "reader"))
    await catalog.studies.publish(ada, study_id=made["public"].study_id)

    assert await names(catalog, ada, "personal") == ["public", "bob", "own"]
    assert await names(catalog, bob, "personal") == ["bob"]
    assert await names(catalog, people.eve, "personal") == []
    assert await names(catalog, ada, group.id) == ["folder"]
    assert await names(catalog, bob, "all_members") == ["all"]
    assert await names(catalog, people.eve, "public") == ["public"]
    with pytest.raises(NotFoundError):
        await catalog.group_studies.list(bob, filed=group.id)
    (view,) = await catalog.group_studies.list(ada, filed=group.id)
    assert (view.owner_email, view.n_cells) == ("ada@example.org", 60)
    await catalog.studies.delete(ada, study_id=made["own"].study_id)
    assert await names(catalog, ada, "personal") == ["public", "bob"]


async def test_a_study_is_there_once_its_dataset_is_published(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada, new("later"), publish=False)
    assert await names(catalog, people.ada, "personal") == []
    with pytest.raises(NotFoundError):
        await catalog.tables.pin_study(people.ada, study_id=made.study_id)
    await catalog.submissions.publish(people.ada, job_id=made.job.id)
    assert await names(catalog, people.ada, "personal") == ["later"]
    second = await make_dataset(catalog, people.ada, made.study_id)
    pinned = await catalog.tables.pin_study(people.ada, study_id=made.study_id)
    assert pinned.dataset.id == made.id != second.id
    with pytest.raises(NotFoundError):
        await catalog.tables.pin_study(people.eve, study_id=made.study_id)


async def test_an_export_is_no_submission(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    job = await catalog.exports.submit(people.ada, dataset_id=made.id)
    with pytest.raises(NotFoundError, match="no such submission"):
        await catalog.submissions.publish(people.ada, job_id=job.id)


async def test_a_refused_job_tells_its_reason_and_is_never_retried(catalog: Catalog, people: People) -> None:
    error = UnsupportedFormatError("Loom files are not read", where="a.loom", do="Convert them")
    job = await catalog.jobs.refuse(people.ada, kind="ingest", error=error)
    assert (job.state, job.error) == ("failed", {"code": error.code, "detail": error.sentence, "details": {}})
    lines = [entry.text for entry in await catalog.jobs.log(people.ada, job_id=job.id)]
    assert lines == ["Waiting in queue", "Loom files are not read (a.loom). Convert them."]
    with pytest.raises(ConflictError, match="cannot be done"):
        await catalog.jobs.retry(people.ada, job_id=job.id)
    with pytest.raises(NotFoundError):
        await catalog.jobs.get(people.eve, job_id=job.id)
    assert await catalog.leases.take("test:0:0", ("ingest",)) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", b"barcode\ttype\tage\n007\tT\t1\nb\t\t2.5\n"),
        ("a.csv", b"\xef\xbb\xbfbarcode,type,age\r\n007,T,1\r\nb,,2.5\r\n"),
        ("from_r.txt", b"type\tage\n007\tT\t1\nb\tNA\t2.5\n"),
        ("a.tsv.gz", gzip.compress(b"barcode\ttype\tage\n007\tT\t1\nb\tNA\t2.5\n", mtime=0)),
    ],
)
def test_annotations_of_a_file(tmp_path: Path, name: str, text: bytes) -> None:
    (tmp_path / name).write_bytes(text)
    frame = read_annotations(FileSource(name, len(text), tmp_path / name))
    assert list(frame.index) == ["007", "b"]
    assert frame["type"].tolist()[0] == "T"
    assert frame["type"].isna().tolist() == [False, True]
    assert frame["age"].tolist() == [1, 2.5]


def test_small_files_of_large_tables_are_refused(tmp_path: Path) -> None:
    text = gzip.compress(b"barcode\ttype\n" + b"a\tT\n" * 100_000)
    (tmp_path / "a.tsv.gz").write_bytes(text)
    source = FileSource("a.tsv.gz", len(text), tmp_path / "a.tsv.gz")
    assert len(read_annotations(source, most_bytes=400_013)) == 100_000
    with pytest.raises(LimitExceededError, match="unpacked"):
        read_annotations(source, most_bytes=400_012)


@pytest.mark.parametrize("text", [b"", b"barcode\nAAA\n", b"\xff\xfe\x00a\tb\n", b"a\tb\n1\t2\t3\t4\n1\n"])
def test_files_that_are_no_table(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.tsv").write_bytes(text)
    with pytest.raises(UnreadableFileError, match=r"a\.tsv"):
        read_annotations(FileSource("a.tsv", len(text), tmp_path / "a.tsv"))
    (tmp_path / "a.tsv.gz").write_bytes(text)
    with pytest.raises(UnreadableFileError):
        read_annotations(FileSource("a.tsv.gz", len(text), tmp_path / "a.tsv.gz"))
