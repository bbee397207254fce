"""Annotations that only their owner sees: for readers of a study, and until they are published."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import ConflictError, ForbiddenError, NotFoundError, NotSignedInError
from cytosol.base.keys import Key
from cytosol.catalog.annotation_edits import ColumnEdit
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.sharing import GrantView
from cytosol.model.rights import Actor
from tests.catalog.making import Made, make_dataset
from tests.catalog.people import People, id_of
from tests.catalog.test_annotations import on_disk

HALF = [Group("mine", np.arange(30))]


async def shared(catalog: Catalog, people: People, role: str = "reader") -> Made:
    """A dataset of ada's that bob may read, and everybody else, too."""
    made = await make_dataset(catalog, people.ada)
    grants = [
        GrantView("user", id_of(people.bob), "", role),
        GrantView("user", id_of(people.eve), "", "limited_reader"),
        GrantView("builtin", None, "public", "reader"),
    ]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=made.study_id, grants=grants)
    return made


async def names(catalog: Catalog, actor: Actor, dataset_id: Key) -> list[str]:
    view = await catalog.datasets.get(actor, dataset_id=dataset_id)
    pinned = await catalog.tables.pin(actor, dataset_id=dataset_id)
    listed = [column.name for column in view.tables[0].columns]
    assert listed == [element.name for element in pinned.part.columns] == list(await catalog.tables.columns(pinned))
    return [name for name in listed if name not in ("type", "age", "Batch") and not name.startswith("Number of")]


async def test_what_a_reader_adds_only_the_reader_sees(catalog: Catalog, people: People) -> None:
    made = await shared(catalog, people)
    for reader in (people.bob, people.eve):
        added = await catalog.annotations.add_groups(reader, dataset_id=made.id, name="guess", groups=HALF)
        assert (added.columns[0].name, added.columns[0].is_private, added.missing) == ("guess", True, 30)
    frame = pd.DataFrame({"score": np.arange(60.0)})
    await catalog.annotations.add_frame(people.bob, dataset_id=made.id, frame=frame, by_barcode=False)
    assert await names(catalog, people.bob, made.id) == ["guess", "score"]
    assert await names(catalog, people.eve, made.id) == ["guess"]
    for other in (people.ada, people.admin, people.nobody):
        assert await names(catalog, other, made.id) == []
        pinned = await catalog.tables.pin(other, dataset_id=made.id)
        with pytest.raises(NotFoundError):
            await catalog.tables.column(pinned, "guess")
    assert {"guess", "score"} & set(on_disk(catalog, made.id)) == set()
    assert (await catalog.history.list(people.ada, study_id=made.study_id)).items == []
    with pytest.raises(NotSignedInError):
        await catalog.annotations.add_groups(people.nobody, dataset_id=made.id, name="x", groups=HALF)
    reading = dataclasses.replace(people.bob, scopes=frozenset(("read",)))
    with pytest.raises(ForbiddenError, match="write"):
        await catalog.annotations.add_groups(reading, dataset_id=made.id, name="x", groups=HALF)


async def test_only_the_owner_changes_and_removes_it(catalog: Catalog, people: People) -> None:
    made = await shared(catalog, people)
    added = await catalog.annotations.add_groups(people.bob, dataset_id=made.id, name="guess", groups=HALF)
    id = added.columns[0].id
    edit = ColumnEdit(name="better", rename={"mine": "T"})
    with pytest.raises(NotFoundError):
        await catalog.annotations.change(people.ada, dataset_id=made.id, column_id=id, edit=edit)
    changed = await catalog.annotations.change(people.bob, dataset_id=made.id, column_id=id, edit=edit)
    assert (changed.id, changed.name, changed.version, changed.is_private) == (id, "better", 2, True)
    assert await names(catalog, people.bob, made.id) == ["better"]
    with pytest.raises(NotFoundError):
        await catalog.annotations.delete(people.ada, dataset_id=made.id, column_id=id)
    await catalog.annotations.delete(people.bob, dataset_id=made.id, column_id=id)
    assert await names(catalog, people.bob, made.id) == []
    assert (await catalog.history.list(people.ada, study_id=made.study_id)).items == []


async def test_publishing_needs_an_editor_and_can_be_undone(catalog: Catalog, people: People) -> None:
    made = await shared(catalog, people)
    await catalog.annotations.add_groups(people.bob, dataset_id=made.id, name="guess", groups=HALF)
    with pytest.raises(ForbiddenError):
        await catalog.terms.publish(people.bob, dataset_id=made.id, column="guess")
    grants = [GrantView("user", id_of(people.bob), "", "editor"), GrantView("user", id_of(people.eve), "", "reader")]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=made.study_id, grants=grants)
    shown = await catalog.terms.publish(people.bob, dataset_id=made.id, column="guess")
    assert (shown.name, shown.is_private, shown.version, shown.owner_id) == ("guess", False, 2, id_of(people.bob))
    for person in (people.ada, people.bob, people.eve):
        assert await names(catalog, person, made.id) == ["guess"]
    assert on_disk(catalog, made.id)["guess"].notna().sum() == 30
    with pytest.raises(ConflictError, match="already"):
        await catalog.terms.publish(people.bob, dataset_id=made.id, column="guess")
    (revision,) = (await catalog.history.list(people.ada, study_id=made.study_id)).items
    assert revision.verb == "annotation.publish"
    with pytest.raises(ForbiddenError, match="Only who published 'guess'"):
        await catalog.history.undo(people.ada, revision_id=revision.id)
    assert await names(catalog, people.eve, made.id) == ["guess"]
    await catalog.history.undo(people.bob, revision_id=revision.id)
    assert await names(catalog, people.bob, made.id) == ["guess"]
    assert await names(catalog, people.ada, made.id) == []
    assert "guess" not in on_disk(catalog, made.id)


async def test_editors_may_keep_theirs_to_themselves(catalog: Catalog, people: People) -> None:
    made = await shared(catalog, people, "editor")
    await catalog.annotations.add_groups(people.bob, dataset_id=made.id, name="draft", groups=HALF, private=True)
    await catalog.annotations.add_groups(people.bob, dataset_id=made.id, name="final", groups=HALF)
    assert await names(catalog, people.bob, made.id) == ["draft", "final"]
    assert await names(catalog, people.ada, made.id) == ["final"]


async def test_names_of_own_annotations_are_in_nobodys_way(catalog: Catalog, people: People) -> None:
    made = await shared(catalog, people)
    for _ in range(2):
        await catalog.annotations.add_groups(people.bob, dataset_id=made.id, name="guess", groups=HALF)
    assert await names(catalog, people.bob, made.id) == ["guess", "guess (1)"]
    added = await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="guess", groups=HALF[:1])
    assert added.columns[0].name == "guess", "ada does not learn that bob uses the name"
    assert await names(catalog, people.ada, made.id) == ["guess"]
    mine = await names(catalog, people.bob, made.id)
    assert len(set(mine)) == 3
    assert mine[-1] == "guess", "the study's own keeps its name"
    assert list(on_disk(catalog, made.id).columns).count("guess") == 1
    assert await catalog.care.check(people.admin, deep=True) == []


async def test_a_colour_leaves_the_true_name_alone(catalog: Catalog, people: People) -> None:
    made = await shared(catalog, people)
    mine = (await catalog.annotations.add_groups(people.bob, dataset_id=made.id, name="guess", groups=HALF)).columns[0]
    added = await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="guess", groups=HALF)
    assert sorted(await names(catalog, people.bob, made.id)) == ["guess", "guess (1)"]
    edit = ColumnEdit(colors={"mine": "#112233"})
    await catalog.annotations.change(people.bob, dataset_id=made.id, column_id=mine.id, edit=edit)
    assert sorted(await names(catalog, people.bob, made.id)) == ["guess", "guess (1)"]
    await catalog.annotations.delete(people.ada, dataset_id=made.id, column_id=added.columns[0].id)
    assert await names(catalog, people.bob, made.id) == ["guess"]
