"""Annotations and new names of many files from the names that they have."""

from __future__ import annotations

import time

import pytest

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.name_patterns import filled, match_names
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, fcs, study

NAMES = ("P1_A01_D7.fcs", "P1_A02_D8.fcs", "P2_A01_D9.FCS", "compensation.fcs")


@pytest.fixture
async def files(catalog: Catalog, people: People) -> tuple[Key, list[Key]]:
    """A study with four files, each with the annotations of its instrument."""
    study_id = await study(catalog, people.ada)
    made = [(await add(catalog, people.ada, study_id, name, fcs(seed=n)))[0].id for n, name in enumerate(NAMES)]
    return study_id, made


async def annotations(catalog: Catalog, people: People, study_id: Key) -> dict[str, dict[str, object]]:
    return {
        view.dataset.name: dict(view.annotations)
        for view in await catalog.cytometry.files(people.ada, study_id=study_id)
    }


@pytest.mark.parametrize(
    ("pattern", "name", "fields"),
    [
        ("{plate}_{well}_{donor}.fcs", "P1_A01_D7.fcs", {"plate": "P1", "well": "A01", "donor": "D7"}),
        ("{plate}_{well}.fcs", "P1_A01_D7.fcs", None),  # a field does not hold what parts the fields
        ("{}_{well}_{}.fcs", "P1_A01_D7.FCS", {"well": "A01"}),
        ("Day {day} (2).fcs", "day 3 (2).fcs", {"day": "3"}),
        ("{a}.fcs", "1.5.fcs", {"a": "1.5"}),
        ("{a}", "Ä ß.fcs", {"a": "Ä ß.fcs"}),
        ("x{a}", "x", None),
        (r"(?P<row>[A-H])(?P<column>\d+)(?:_.*)?\.fcs", "B07_x.fcs", {"row": "B", "column": "07"}),
        (r"(?P<row>[A-H])(?P<dose>\d+)?", "B", {"row": "B"}),
        (r"(?P<row>[A-H])", "B07", None),
    ],
)
async def test_fields_of_a_name(pattern: str, name: str, fields: dict[str, str] | None) -> None:
    assert await match_names(pattern, [name]) == [fields]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("plate.fcs", "names no field"),
        ("{a}{b}.fcs", "beside each other"),
        ("{a.fcs", "brace"),
        ("{a}_{a}", "comes twice"),
        ("(?P<a>", "no regular expression"),
        ("x" * 1001, "letters"),
    ],
)
async def test_patterns_that_are_none(pattern: str, text: str) -> None:
    with pytest.raises(InvalidInputError, match=text):
        await match_names(pattern, ["a"])


async def test_an_expression_that_takes_for_ever_is_ended() -> None:
    began = time.monotonic()
    with pytest.raises(InvalidInputError, match="took longer than 3 s"):
        await match_names("(?P<a>(x+)+y)", ["x" * 250])
    assert time.monotonic() - began < 15


def test_a_template_is_filled_in() -> None:
    assert filled("{donor} {plate well}", {"donor": "D7", "plate well": "A01"}) == ("D7 A01", [])
    assert filled("{donor} {x}", {"donor": "D7"}) == ("D7 ", ["x"])


async def test_a_preview_changes_nothing(catalog: Catalog, people: People, files: tuple[Key, list[Key]]) -> None:
    study_id, ids = files
    before = await annotations(catalog, people, study_id)
    found = await catalog.file_names.annotate(
        people.ada, study_id=study_id, pattern="{plate}_{well}_D{donor}.fcs", rename="{donor} {plate well}"
    )
    assert [file.dataset_id for file in found] == ids
    assert [file.matches for file in found] == [True, True, True, False]
    assert found[0].annotations == {"plate": "P1", "well": "A01", "donor": 7}
    assert [file.new_name for file in found] == ["7 A09", "8 A09", "9 A09", ""]
    assert [file.problem for file in found] == [""] * 4
    assert await annotations(catalog, people, study_id) == before
    assert (await catalog.history.list(people.ada, study_id=study_id)).items == []


async def test_all_is_done_and_undone_in_one_step(
    catalog: Catalog, people: People, files: tuple[Key, list[Key]]
) -> None:
    study_id, _ = files
    before = await annotations(catalog, people, study_id)
    await catalog.file_names.annotate(
        people.ada, study_id=study_id, pattern="{plate}_{well}_D{donor}.fcs", rename="{donor} {well}.fcs", preview=False
    )
    after = await annotations(catalog, people, study_id)
    assert list(after) == ["7 A01.fcs", "8 A02.fcs", "9 A01.fcs", "compensation.fcs"]
    instrument = {"plate row": "A", "plate column": "09", "plate well": "A09"}
    assert after["7 A01.fcs"] == {"plate": "P1", **instrument, "well": "A01", "donor": 7}
    assert after["compensation.fcs"] == before["compensation.fcs"]
    revision = (await catalog.history.list(people.ada, study_id=study_id)).items[0]
    assert revision.verb == "file.annotate-by-name"
    undone = await catalog.history.undo(people.ada, revision_id=revision.id)
    assert await annotations(catalog, people, study_id) == before
    await catalog.history.undo(people.ada, revision_id=undone.id)
    assert await annotations(catalog, people, study_id) == after


async def test_text_stays_text(catalog: Catalog, people: People, files: tuple[Key, list[Key]]) -> None:
    study_id, _ = files
    pattern = r"P(?P<run>\d)_A(?P<number>\d\d)_D(?P<donor>\d)\.(?i:fcs)"
    found = await catalog.file_names.annotate(people.ada, study_id=study_id, pattern=pattern)
    assert found[0].annotations == {"run": 1, "number": "01", "donor": 7}  # the zero would be lost
    # the study has 'plate column' as text, since its instrument wrote 09
    found = await catalog.file_names.annotate(people.ada, study_id=study_id, pattern="{}_D{plate column}.fcs")
    assert found[0].annotations == {"plate column": "7"}


async def test_clashes_are_told_and_nothing_is_done(
    catalog: Catalog, people: People, files: tuple[Key, list[Key]]
) -> None:
    study_id, ids = files
    before = await annotations(catalog, people, study_id)
    said = {"study_id": study_id, "pattern": "{plate}_{}_{donor}.fcs"}
    twice = await catalog.file_names.annotate(people.ada, **said, rename="{plate}")
    assert [bool(file.problem) for file in twice] == [True, True, False, False]
    taken = await catalog.file_names.annotate(people.ada, **said, rename="compensation.fcs", dataset_ids=ids[:1])
    assert [file.problem for file in taken] == ["Another file would be called 'compensation.fcs', too"]
    unknown = await catalog.file_names.annotate(people.ada, **said, rename="{well}")
    assert "needs 'well'" in unknown[0].problem
    with pytest.raises(ConflictError, match="Nothing was changed"):
        await catalog.file_names.annotate(people.ada, **said, rename="{plate}", preview=False)
    assert await annotations(catalog, people, study_id) == before
    with pytest.raises(NotFoundError):
        await catalog.file_names.annotate(people.eve, **said)


async def test_names_may_be_swapped(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    for name in ("a b", "b a"):
        await add(catalog, people.ada, study_id, name, fcs())
    await catalog.file_names.annotate(people.ada, study_id=study_id, pattern="{x} {y}", rename="{y} {x}", preview=False)
    assert {k: (v["x"], v["y"]) for k, v in (await annotations(catalog, people, study_id)).items()} == {
        "b a": ("a", "b"),
        "a b": ("b", "a"),
    }


async def test_values_are_of_the_kind_of_their_annotation(
    catalog: Catalog, people: People, files: tuple[Key, list[Key]]
) -> None:
    study_id, ids = files
    ada, verbs = people.ada, catalog.cytometry
    await verbs.annotate(ada, dataset_id=ids[0], annotations=[("dose", 5), ("donor", "ann"), ("fixed", True)])
    view = await verbs.annotate(ada, dataset_id=ids[1], annotations=[("dose", "7.5"), ("donor", 12), ("fixed", "true")])
    assert dict(view.annotations) == {"dose": 7.5, "donor": "12", "fixed": True}
    for name, value, reason in (
        ("dose", "high", "'high' is not a number, and 'dose' holds numbers in this study"),
        ("dose", True, "'true' is not a number, and 'dose' holds numbers"),
        ("fixed", 3, "'3' is not a truth value, and 'fixed' holds true and false"),
        ("dose", ["a"], "is not a text"),
    ):
        with pytest.raises(InvalidInputError, match=reason) as caught:
            await verbs.annotate(ada, dataset_id=ids[2], annotations=[(name, value)])
        assert caught.value.do
    assert dict((await verbs.file(ada, dataset_id=ids[1])).annotations)["dose"] == 7.5
    names = await catalog.file_names.annotate(ada, study_id=study_id, pattern="{dose}_{well}_{}.fcs")
    assert {file.problem for file in names if file.matches} == {
        "'P1' is not a number, and 'dose' holds numbers in this study",
        "'P2' is not a number, and 'dose' holds numbers in this study",
    }
    # where a program has to be understood, the annotation becomes text
    view = await verbs.annotate(ada, dataset_id=ids[2], annotations=[("dose", "high")], widens=True)
    found = [dict((await verbs.file(ada, dataset_id=id)).annotations)["dose"] for id in ids[:3]]
    assert found == ["5", "7.5", "high"]


async def test_an_upload_whose_keywords_are_of_another_kind_is_taken(
    catalog: Catalog, people: People, files: tuple[Key, list[Key]]
) -> None:
    study_id, ids = files
    said = dict((await catalog.cytometry.file(people.ada, dataset_id=ids[0])).annotations)
    name, value = next((name, value) for name, value in said.items() if isinstance(value, str))
    for id in ids:
        rest = [one for one in said.items() if one[0] != name]
        await catalog.cytometry.annotate(people.ada, dataset_id=id, annotations=rest)
    await catalog.samples.change_attribute(
        people.ada, attribute_id=await _attribute(catalog, people, study_id, name), kind="number"
    )
    (made,) = await add(catalog, people.ada, study_id, "more.fcs", fcs(seed=9))
    assert dict((await catalog.cytometry.file(people.ada, dataset_id=made.id)).annotations)[name] == value


async def _attribute(catalog: Catalog, people: People, study_id: Key, name: str) -> Key:
    table = await catalog.samples.table(people.ada, study_id=study_id)
    return next(attribute.id for attribute in table.attributes if attribute.name == name)
