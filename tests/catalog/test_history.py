"""Revisions: who, when, before and after; undo, and the way back."""

from __future__ import annotations

import pytest

from cytosol.base.errors import ConflictError, ForbiddenError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.model.studies import Revision
from tests.catalog.people import People


@pytest.fixture
async def study(catalog: Catalog, people: People) -> Key:
    return (await catalog.studies.create(people.ada, fields=StudyFields(name="One"))).study.id


async def revisions(catalog: Catalog, people: People, study: Key) -> list[Revision]:
    return (await catalog.history.list(people.ada, study_id=study)).items


async def name_of(catalog: Catalog, people: People, study: Key) -> str:
    return (await catalog.studies.get(people.ada, study_id=study)).study.name


async def test_a_change_tells_who_before_and_after(catalog: Catalog, people: People, study: Key) -> None:
    await catalog.studies.change(people.ada, study_id=study, fields=StudyFields(name="Two", species="human"))
    [revision] = await revisions(catalog, people, study)
    assert (revision.verb, revision.actor_id, revision.subject_id) == ("study.change", people.ada.user_id, study)
    assert (revision.before, revision.after) == ({"name": "One"}, {"name": "Two"})
    await catalog.studies.change(people.ada, study_id=study, fields=StudyFields(name="Two"))
    assert len(await revisions(catalog, people, study)) == 1


async def test_undo_and_redo(catalog: Catalog, people: People, study: Key) -> None:
    for name in ("Two", "Three"):
        await catalog.studies.change(people.ada, study_id=study, fields=StudyFields(name=name))
    third, second = await revisions(catalog, people, study)
    with pytest.raises(ConflictError, match=r"'study\.change'\) built on this one"):
        await catalog.history.undo(people.ada, revision_id=second.id)
    undone = await catalog.history.undo(people.ada, revision_id=third.id)
    assert await name_of(catalog, people, study) == "Two"
    with pytest.raises(ConflictError, match="undone already"):
        await catalog.history.undo(people.ada, revision_id=third.id)
    await catalog.history.undo(people.ada, revision_id=undone.id)
    assert await name_of(catalog, people, study) == "Three"


async def test_fields_that_nobody_touched_since_can_be_undone_alone(
    catalog: Catalog, people: People, study: Key
) -> None:
    await catalog.studies.change(people.ada, study_id=study, fields=StudyFields(name="Two"))
    await catalog.studies.change(people.ada, study_id=study, fields=StudyFields(description="About it"))
    described, named = await revisions(catalog, people, study)
    await catalog.history.undo(people.ada, revision_id=named.id)
    view = await catalog.studies.get(people.ada, study_id=study)
    assert (view.study.name, view.study.description) == ("One", "About it")
    assert described.undone_at is None


async def test_going_back_to_a_named_revision(catalog: Catalog, people: People, study: Key) -> None:
    sample = await catalog.samples.add(people.ada, study_id=study, name="A")
    dose = await catalog.samples.add_attribute(people.ada, study_id=study, name="Dose", kind="number")
    await catalog.samples.change(people.ada, sample_id=sample.sample.id, values={dose.id: 1})
    named = await catalog.history.name(
        people.ada, revision_id=(await revisions(catalog, people, study))[0].id, label=" Before the mess "
    )
    assert named.label == "Before the mess"
    good = await catalog.samples.write_csv(people.ada, study_id=study)
    await catalog.samples.read_csv(people.ada, study_id=study, text="S,Dose,Batch\nA,7,x\nB,8,y\n")
    await catalog.studies.change(people.ada, study_id=study, fields=StudyFields(name="Mess"))
    await catalog.samples.delete(people.ada, sample_id=sample.sample.id)
    bad = (await revisions(catalog, people, study))[0]
    broken = await catalog.samples.write_csv(people.ada, study_id=study)
    made = await catalog.history.go_back(people.ada, revision_id=named.id, whole_study=True)
    assert len(made) == 3
    assert await catalog.samples.write_csv(people.ada, study_id=study) == good
    assert await name_of(catalog, people, study) == "One"
    await catalog.history.go_back(people.ada, revision_id=bad.id, whole_study=True)
    assert await catalog.samples.write_csv(people.ada, study_id=study) == broken
    assert await name_of(catalog, people, study) == "Mess"


async def test_going_back_of_one_thing_leaves_the_others(catalog: Catalog, people: People, study: Key) -> None:
    first = await catalog.samples.add(people.ada, study_id=study, name="A")
    second = await catalog.samples.add(people.ada, study_id=study, name="B")
    [_, added] = await revisions(catalog, people, study)
    for name in ("A1", "A2"):
        await catalog.samples.change(people.ada, sample_id=first.sample.id, name=name)
    await catalog.samples.change(people.ada, sample_id=second.sample.id, name="B1")
    await catalog.history.go_back(people.ada, revision_id=added.id)
    table = await catalog.samples.table(people.ada, study_id=study)
    assert [view.sample.name for view in table.samples] == ["A", "B1"]
    own = await catalog.history.list(people.ada, study_id=study, subject_id=first.sample.id, limit=2)
    assert len(own.items) == 2
    assert own.next is not None


async def test_history_follows_the_rights(catalog: Catalog, people: People, study: Key) -> None:
    await catalog.studies.change(people.ada, study_id=study, fields=StudyFields(name="Two"))
    [revision] = await revisions(catalog, people, study)
    for act in (catalog.history.undo, catalog.history.go_back):
        with pytest.raises(NotFoundError, match="no such revision"):
            await act(people.bob, revision_id=revision.id)
        with pytest.raises(NotFoundError, match="no such revision"):
            await act(people.ada, revision_id=new_key())
    with pytest.raises(NotFoundError):
        await catalog.history.list(people.bob, study_id=study)
    grants = [GrantView("user", people.bob.user_id, "", "reader")]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=study, grants=grants)
    assert len((await catalog.history.list(people.bob, study_id=study)).items) == 1
    with pytest.raises(ForbiddenError):
        await catalog.history.undo(people.bob, revision_id=revision.id)
    with pytest.raises(ForbiddenError):
        await catalog.history.name(people.bob, revision_id=revision.id, label="x")
