"""What belongs to gating goes with a copy of a study, and goes when the study is purged."""

from __future__ import annotations

from typing import Any

import pytest

from cytosol.base.errors import ConflictError, ForbiddenError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.collector import Collector
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import DAY_US, StudyFields
from cytosol.db import rows, tables
from tests.catalog.people import People, id_of

GID = "5d2f8b4091704a1c3d2e1f00"


async def _rich_study(catalog: Catalog, people: People) -> dict[str, Key]:
    """A study with a gate of its own and one of a dataset, two populations, a compensation, scales, an attachment."""
    view = await catalog.studies.create(people.ada, fields=StudyFields(name="Blood", locked=True))
    ids = {"study": view.study.id}
    upload = await catalog.uploads.create(people.ada, name="notes.txt", size=5)

    async def body() -> Any:
        yield b"hello"

    await catalog.uploads.write_at(people.ada, upload_id=upload.upload.id, offset=0, body=body())
    await catalog.uploads.complete(people.ada, upload_id=upload.upload.id)
    await catalog.studies.change(people.ada, study_id=ids["study"], fields=StudyFields(locked=False))
    added = await catalog.attachments.add(people.ada, study_id=ids["study"], upload_id=upload.upload.id)
    ids["attachment"] = added.attachment.id
    of_study = {"study_id": ids["study"]}
    async with catalog.context.db.write() as conn:
        matrix = {"name": "M", "channels": ["a", "b"], "matrix": [1, 0.1, 0, 1]}
        ids["matrix"] = await rows.insert(conn, tables.compensations, **of_study, **matrix)
        ids["dataset"] = await rows.insert(
            conn,
            tables.datasets,
            **of_study,
            name="A1.fcs",
            state="published",
            bytes_id=new_key(),
            compensation=ids["matrix"].hex24,
        )
        gate = {"gid": GID, "kind": "range", "name": "live", "x": "var:a", "geometry": {"x1": 0, "x2": 1, "y": 0.5}}
        for dataset_id in (None, ids["dataset"]):
            await rows.insert(conn, tables.gates, **of_study, **gate, dataset_id=dataset_id, tailored=True)
        top = await rows.insert(conn, tables.populations, **of_study, name="live", tree={"gate": GID})
        await rows.insert(conn, tables.populations, **of_study, name="in", tree={"gate": GID}, parent_id=top)
        await rows.insert(conn, tables.scale_sets, **of_study, name="Scale Set 1", scales={"var:a": {"type": "linear"}})
        attribute = await rows.insert(conn, tables.attributes, **of_study, name="plate", kind="text")
        value = {"attribute_id": attribute, "subject_kind": "dataset", "subject_id": ids["dataset"], "value": "P1"}
        await rows.insert_many(conn, tables.attribute_values, [value])
        await rows.update(conn, tables.studies, {"id": ids["study"]}, {"compensation": ids["matrix"].hex24})
    return ids


async def test_a_copy_has_everything_under_its_own_ids(catalog: Catalog, people: People) -> None:
    ids = await _rich_study(catalog, people)
    folder = (await catalog.folders.create(people.ada, name="Copies")).folder
    copy = await catalog.studies.duplicate(people.ada, study_id=ids["study"], name="Copy", folder_id=folder.id)
    assert (copy.study.folder_id, copy.study.locked) == (folder.id, False)
    where = {"study_id": copy.study.id}
    async with catalog.context.db.read() as conn:
        (dataset,) = await rows.find(conn, tables.datasets, where)
        (matrix,) = await rows.find(conn, tables.compensations, where)
        gates = await rows.find(conn, tables.gates, where)
        top, below = await rows.find(conn, tables.populations, where, order=("-name",))
        (scales,) = await rows.find(conn, tables.scale_sets, where)
        (value,) = await rows.find(
            conn, tables.attribute_values, {"subject_id": dataset["id"]}, order=("attribute_id",)
        )
    assert copy.study.compensation == dataset["compensation"] == matrix["id"].hex24 != ids["matrix"].hex24
    assert [gate["dataset_id"] for gate in gates] == [None, dataset["id"]]
    assert {gate["gid"] for gate in gates} == {GID}
    assert (top["parent_id"], below["parent_id"]) == (None, top["id"])
    assert (scales["scales"], value["value"]) == ({"var:a": {"type": "linear"}}, "P1")
    (attachment,) = await catalog.attachments.list(people.ada, study_id=copy.study.id)
    assert attachment.attachment.id != ids["attachment"]
    await catalog.attachments.delete(people.ada, attachment_id=ids["attachment"])
    body = await catalog.attachments.read(people.ada, attachment_id=attachment.attachment.id)
    assert b"".join([piece async for piece in body]) == b"hello"


async def test_purging_leaves_nothing(catalog: Catalog, people: People) -> None:
    ids = await _rich_study(catalog, people)
    await catalog.studies.delete(people.ada, study_id=ids["study"])
    long_ago = {"deleted_at": now_us() - 99 * DAY_US}
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.studies, {"id": ids["study"]}, long_ago)
    await Collector(catalog.context, lambda text: None).run()
    async with catalog.context.db.read() as conn:
        for table in (
            tables.studies, tables.datasets, tables.gates, tables.populations, tables.compensations,
            tables.scale_sets, tables.attachments, tables.originals,
        ):  # fmt: skip
            assert await rows.count(conn, table) == 0, table.name


async def test_a_locked_study_is_only_unlocked_or_deleted(catalog: Catalog, people: People) -> None:
    ids = await _rich_study(catalog, people)
    study_id = ids["study"]
    await catalog.studies.change(people.ada, study_id=study_id, fields=StudyFields(locked=True))
    for fields in (StudyFields(name="New"), StudyFields(name="New", locked=True)):
        with pytest.raises(ConflictError, match="locked"):
            await catalog.studies.change(people.ada, study_id=study_id, fields=fields)
    with pytest.raises(ConflictError, match="locked"):
        await catalog.samples.add(people.ada, study_id=study_id, name="A")
    with pytest.raises(ConflictError, match="locked"):
        await catalog.attachments.rename(people.ada, attachment_id=ids["attachment"], name="b")
    assert (await catalog.studies.get(people.ada, study_id=study_id)).study.locked
    view = await catalog.studies.change(people.ada, study_id=study_id, fields=StudyFields(name="New", locked=False))
    assert (view.study.name, view.study.locked) == ("New", False)
    await catalog.studies.change(people.ada, study_id=study_id, fields=StudyFields(locked=True))
    grants = [GrantView("user", id_of(people.bob), "", "reader")]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=study_id, grants=grants)
    with pytest.raises(ForbiddenError):
        await catalog.studies.change(people.bob, study_id=study_id, fields=StudyFields(locked=False))
    await catalog.studies.delete(people.ada, study_id=study_id)


async def test_a_marked_revision_can_be_gone_back_to(catalog: Catalog, people: People) -> None:
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="One"))).study.id
    mark = await catalog.history.mark(people.ada, study_id=study_id, label="as sent to the journal")
    await catalog.studies.change(people.ada, study_id=study_id, fields=StudyFields(name="Two"))
    assert (mark.label, mark.before, mark.after) == ("as sent to the journal", {}, {})
    await catalog.history.go_back(people.ada, revision_id=mark.id, whole_study=True)
    assert (await catalog.studies.get(people.ada, study_id=study_id)).study.name == "One"
