"""Studies: fields, lists, trash, copies, events and revisions."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytosol.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, VersionMismatchError
from cytosol.base.keys import new_key
from cytosol.base.settings import load_settings
from cytosol.base.times import now_us
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import DAY_US, StudyFields
from cytosol.db import rows, tables
from cytosol.db.rights import StudyFilter
from tests.catalog.people import Bell, People

FIELDS = StudyFields(
    name="  Zoe\u0308's lung ",
    description="Line\r\ntwo",
    authors=["A. B.", "C. D."],
    species="mouse",
    display_id="GSE1",
)


async def test_a_study_keeps_its_fields(catalog: Catalog, people: People) -> None:
    made = await catalog.studies.create(people.ada, fields=FIELDS, origin="bioturing")
    study = made.study
    assert (study.name, study.description, study.species) == ("Zoë's lung", "Line\ntwo", "mouse")
    assert (study.authors, study.display_id, study.origin) == (["A. B.", "C. D."], "GSE1", "bioturing")
    assert (made.owner_email, made.owner_name, made.n_cells, made.technologies) == ("ada@example.org", "Ada", 0, ())
    assert not made.is_cytometry
    assert await catalog.studies.get(people.ada, study_id=study.id) == made
    for bad in (StudyFields(), StudyFields(name=""), StudyFields(name="a\nb"), StudyFields(name="x", species="")):
        with pytest.raises(InvalidInputError):
            await catalog.studies.create(people.ada, fields=bad)
    with pytest.raises(NotFoundError):
        await catalog.studies.create(people.ada, fields=FIELDS, folder_id=new_key())


async def test_a_study_of_cytometry_holds_nothing_else(catalog: Catalog, people: People) -> None:
    study = (await catalog.studies.create(people.ada, fields=FIELDS)).study.id
    for technology, expected in (
        ("flow", (True, ("flow",))),
        ("mass", (True, ("flow", "mass"))),
        ("", (False, ("flow", "mass"))),  # of single cells, where nobody told
    ):
        values = {"study_id": study, "name": "A", "state": "ready", "bytes_id": new_key(), "technology": technology}
        async with catalog.context.db.write() as conn:
            await rows.insert(conn, tables.datasets, **values)
        view = await catalog.studies.get(people.ada, study_id=study)
        assert (view.is_cytometry, view.technologies) == expected


async def test_lists_go_on_and_filter(catalog: Catalog, people: People) -> None:
    made = [await catalog.studies.create(people.ada, fields=StudyFields(name=f"S {n}")) for n in range(5)]
    first = await catalog.studies.list(people.ada, limit=3)
    rest = await catalog.studies.list(people.ada, limit=3, cursor=first.next)
    assert first.items + rest.items == made[::-1]
    assert rest.next is None
    found = await catalog.studies.list(people.ada, chosen=StudyFilter(search="s 3"))
    assert [view.study.name for view in found.items] == ["S 3"]


async def test_changes_need_the_version_they_were_made_for(catalog: Catalog, people: People) -> None:
    id = (await catalog.studies.create(people.ada, fields=FIELDS)).study.id
    changed = await catalog.studies.change(people.ada, study_id=id, fields=StudyFields(name="B"), expected=1)
    assert (changed.study.name, changed.study.version, changed.study.species) == ("B", 2, "mouse")
    with pytest.raises(VersionMismatchError):
        await catalog.studies.change(people.ada, study_id=id, fields=StudyFields(name="C"), expected=1)
    assert (await catalog.studies.get(people.ada, study_id=id)).study.name == "B"


async def test_the_trash(catalog: Catalog, people: People) -> None:
    id = (await catalog.studies.create(people.ada, fields=FIELDS)).study.id
    reader = [GrantView("user", people.bob.user_id, "", "editor")]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=id, grants=reader)
    with pytest.raises(VersionMismatchError):
        await catalog.studies.delete(people.ada, study_id=id, expected=7)
    await catalog.studies.delete(people.ada, study_id=id)
    with pytest.raises(NotFoundError):
        await catalog.studies.get(people.ada, study_id=id)
    trash = StudyFilter(trash=True)
    assert (await catalog.studies.list(people.ada)).items == []
    assert [view.study.id for view in (await catalog.studies.list(people.ada, chosen=trash)).items] == [id]
    assert (await catalog.studies.list(people.bob, chosen=trash)).items == []
    with pytest.raises(ForbiddenError):
        await catalog.studies.undelete(people.bob, study_id=id)
    assert (await catalog.studies.undelete(people.ada, study_id=id)).study.deleted_at is None
    with pytest.raises(NotFoundError):
        await catalog.studies.undelete(people.ada, study_id=id)
    await catalog.studies.delete(people.ada, study_id=id)
    async with catalog.context.db.write() as conn:
        long_ago = now_us() - 31 * DAY_US
        await rows.update(conn, tables.studies, {"id": id}, {"deleted_at": long_ago})
    with pytest.raises(ConflictError, match="30 days"):
        await catalog.studies.undelete(people.ada, study_id=id)


async def test_a_copy_is_the_readers_own(catalog: Catalog, people: People) -> None:
    source = await catalog.studies.create(people.ada, fields=FIELDS)
    await catalog.samples.read_csv(people.ada, study_id=source.study.id, text="Sample,Dose,Sex\nA,1.5,f\nB,,m\n")
    grants = [
        GrantView("user", people.bob.user_id, "", "reader"),
        GrantView("user", people.eve.user_id, "", "limited_reader"),
    ]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=source.study.id, grants=grants)
    with pytest.raises(ForbiddenError):
        await catalog.studies.duplicate(people.eve, study_id=source.study.id)
    copy = await catalog.studies.duplicate(people.bob, study_id=source.study.id)
    assert (copy.study.name, copy.owner_email) == ("Zoë's lung (copy)", "bob@example.org")
    assert copy.study.authors == source.study.authors
    assert (
        await catalog.samples.write_csv(people.bob, study_id=copy.study.id) == "Sample,Dose,Sex\r\nA,1.5,f\r\nB,,m\r\n"
    )
    with pytest.raises(NotFoundError):
        await catalog.studies.get(people.ada, study_id=copy.study.id)
    table = await catalog.samples.table(people.bob, study_id=copy.study.id)
    await catalog.samples.change(people.bob, sample_id=table.samples[0].sample.id, name="Other")
    assert "Other" not in await catalog.samples.write_csv(people.ada, study_id=source.study.id)


async def test_events_reach_those_who_may_see(catalog: Catalog, people: People) -> None:
    start = await catalog.events.latest(people.ada)
    bell = catalog.context.notifier
    assert isinstance(bell, Bell)
    rung = bell.events
    study = (await catalog.studies.create(people.ada, fields=FIELDS)).study
    await catalog.samples.add(people.ada, study_id=study.id, name="A")
    assert bell.events == rung + 2
    events = await catalog.events.after(people.ada, last_id=start)
    assert [(event.type, event.subject_id, event.study_id) for event in events] == [
        ("study.changed", study.id, study.id)
    ] * 2
    assert await catalog.events.after(people.ada, last_id=events[0].serial) == events[1:]
    assert await catalog.events.after(people.ada, last_id=start, study_id=study.id) == events
    assert await catalog.events.after(people.bob, last_id=start) == []
    with pytest.raises(NotFoundError):
        await catalog.events.after(people.bob, last_id=start, study_id=study.id)
    assert len(await catalog.events.after(people.admin, last_id=start)) == 2


async def test_a_second_catalog_sees_the_same(catalog: Catalog, people: People, tmp_path: Path) -> None:
    """Workers and commands open the folder that a server uses."""
    study = await catalog.studies.create(people.ada, fields=FIELDS)
    other = await Catalog.open(load_settings(data=tmp_path / "data"), notifier=Bell())
    assert await other.studies.get(people.ada, study_id=study.study.id) == study
    await other.studies.change(people.ada, study_id=study.study.id, fields=StudyFields(name="New"))
    await other.close()
    assert (await catalog.studies.get(people.ada, study_id=study.study.id)).study.name == "New"
