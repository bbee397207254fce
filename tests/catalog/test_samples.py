"""The sample table: typed values, files, pasted cells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError, VersionMismatchError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.sample_files import read_table, write_table
from cytosol.catalog.studies import StudyFields
from cytosol.model.sample_values import EXACT, parse_value
from tests.catalog.people import People


@pytest.fixture
async def study(catalog: Catalog, people: People) -> Key:
    return (await catalog.studies.create(people.ada, fields=StudyFields(name="S"))).study.id


async def read(catalog: Catalog, people: People, study: Key) -> dict[str, dict[str, Any]]:
    """Sample name → attribute name → value."""
    table = await catalog.samples.table(people.ada, study_id=study)
    names = {attribute.id: attribute.name for attribute in table.attributes}
    return {view.sample.name: {names[id]: value for id, value in view.values.items()} for view in table.samples}


async def test_values_have_the_type_of_their_column(catalog: Catalog, people: People, study: Key) -> None:
    samples = catalog.samples
    sample = await samples.add(people.ada, study_id=study, name="A")
    columns = {
        kind: (await samples.add_attribute(people.ada, study_id=study, name=kind, kind=kind, unit="mg")).id
        for kind in ("text", "number", "boolean")
    }
    values = {columns["text"]: 'ü,\n"q"', columns["number"]: 5, columns["boolean"]: False}
    changed = await samples.change(people.ada, sample_id=sample.sample.id, expected=1, values=values)
    assert changed.values == values
    assert changed.sample.version == 2
    for column, bad in (("number", "high"), ("number", True), ("boolean", 1), ("text", 3)):
        with pytest.raises(InvalidInputError, match=f"sample 'A', column '{column}'"):
            await samples.change(people.ada, sample_id=sample.sample.id, values={columns[column]: bad})
    with pytest.raises(NotFoundError, match="no such attribute"):
        await samples.change(people.ada, sample_id=sample.sample.id, values={new_key(): 1})
    with pytest.raises(VersionMismatchError):
        await samples.change(people.ada, sample_id=sample.sample.id, expected=1, values={columns["number"]: 6})
    cleared = await samples.change(people.ada, sample_id=sample.sample.id, values={columns["number"]: None})
    assert columns["number"] not in cleared.values
    made = await samples.add(people.ada, study_id=study, name="B", values={columns["number"]: 0.5})
    assert made.values == {columns["number"]: 0.5}


async def test_names_are_unique_in_a_study(catalog: Catalog, people: People, study: Key) -> None:
    samples = catalog.samples
    first = await samples.add(people.ada, study_id=study, name="A")
    second = await samples.add(people.ada, study_id=study, name="B")
    column = await samples.add_attribute(people.ada, study_id=study, name="X")
    for verb in (
        samples.add(people.ada, study_id=study, name=" A "),
        samples.change(people.ada, sample_id=second.sample.id, name="A"),
        samples.add_attribute(people.ada, study_id=study, name="X"),
    ):
        with pytest.raises(ConflictError, match="already"):
            await verb
    await samples.delete(people.ada, sample_id=first.sample.id)
    await samples.delete_attribute(people.ada, attribute_id=column.id)
    await samples.change(people.ada, sample_id=second.sample.id, name="A")
    deleted = (await catalog.history.list(people.ada, study_id=study)).items[2]
    assert deleted.verb == "sample.delete"
    with pytest.raises(ConflictError, match="a sample 'A'"):
        await catalog.history.undo(people.ada, revision_id=deleted.id)


async def test_undo_of_every_verb(catalog: Catalog, people: People, study: Key) -> None:
    samples = catalog.samples
    await samples.read_csv(people.ada, study_id=study, text="S,Dose,Sex\nA,1,f\nB,2,m\n")
    table = await samples.table(people.ada, study_id=study)
    first, (dose, _) = table.samples[0].sample.id, table.attributes

    async def undone(verb: Any) -> None:
        before = await samples.table(people.ada, study_id=study)
        await verb
        after = await samples.table(people.ada, study_id=study)
        revision = (await catalog.history.list(people.ada, study_id=study)).items[0]
        await catalog.history.undo(people.ada, revision_id=revision.id)
        now = await samples.table(people.ada, study_id=study)
        assert _plain(before) == _plain(now) != _plain(after)
        again = (await catalog.history.list(people.ada, study_id=study)).items[0]
        await catalog.history.undo(people.ada, revision_id=again.id)
        assert _plain(await samples.table(people.ada, study_id=study)) == _plain(after)
        last = (await catalog.history.list(people.ada, study_id=study)).items[0]
        await catalog.history.undo(people.ada, revision_id=last.id)

    await undone(samples.add(people.ada, study_id=study, name="C", values={dose.id: 3}))
    await undone(samples.change(people.ada, sample_id=first, name="A2", position=9, values={dose.id: None}))
    await undone(samples.delete(people.ada, sample_id=first))
    await undone(samples.add_attribute(people.ada, study_id=study, name="New"))
    await undone(samples.change_attribute(people.ada, attribute_id=dose.id, name="D", unit="mg", position=5))
    await undone(samples.change_attribute(people.ada, attribute_id=dose.id, kind="text"))
    await undone(samples.delete_attribute(people.ada, attribute_id=dose.id))
    await undone(samples.read_csv(people.ada, study_id=study, text="S,Dose,New\nA,7,x\nC,,y\n"))
    await undone(samples.paste(people.ada, study_id=study, text="S\tSex\nB\t\n"))


def _plain(table: Any) -> Any:
    return (
        [(one.id, one.name, one.kind, one.unit, one.position) for one in table.attributes],
        [(one.sample.id, one.sample.name, one.sample.position, one.values) for one in table.samples],
    )


async def test_a_csv_file_creates_updates_and_clears(catalog: Catalog, people: People, study: Key) -> None:
    samples = catalog.samples
    text = 'Sample,Dose,Sex,Fresh,Code\r\n"A, 1",1.50,f,TRUE,007\r\nB,,"m ""x""",false,008\r\n'
    done = await samples.read_csv(people.ada, study_id=study, text="\ufeff" + text)
    assert (done.created, done.updated, done.attributes) == (2, 0, ["Dose", "Sex", "Fresh", "Code"])
    assert await read(catalog, people, study) == {
        "A, 1": {"Dose": 1.5, "Sex": "f", "Fresh": True, "Code": "007"},
        "B": {"Sex": 'm "x"', "Fresh": False, "Code": "008"},
    }
    done = await samples.read_csv(people.ada, study_id=study, text="id;Dose;Sex\nB;2;\n\nC;-3e2;f\n")
    assert (done.created, done.updated, done.attributes) == (1, 1, [])
    found = await read(catalog, people, study)
    assert found["B"] == {"Dose": 2, "Fresh": False, "Code": "008"}
    assert found["C"] == {"Dose": -300.0, "Sex": "f"}
    assert found["A, 1"]["Dose"] == 1.5
    again = await samples.read_csv(people.ada, study_id=study, text=await samples.write_csv(people.ada, study_id=study))
    assert (again.created, again.updated, again.attributes) == (0, 0, [])


async def test_every_cell_that_cannot_be_taken_is_named_and_nothing_is_taken(
    catalog: Catalog, people: People, study: Key
) -> None:
    samples = catalog.samples
    await samples.read_csv(people.ada, study_id=study, text="S,Dose,Fresh\nA,1,true\n")
    with pytest.raises(InvalidInputError) as error:
        await samples.read_csv(
            people.ada, study_id=study, text='S,Dose,Fresh\nNew,2,true\n"A\nx",high,maybe\nB,"1,5",\n'
        )
    words = str(error.value)
    assert "row 3, column 'Dose': 'high' is not a number" not in words  # the name with a line break comes first
    assert "row 3, name of the sample" in words
    with pytest.raises(InvalidInputError) as error:
        await samples.read_csv(people.ada, study_id=study, text='S,Dose,Fresh\nNew,2,true\nA,high,maybe\nB,"1,5",\n')
    assert [str(problem) for problem in error.value.details["problems"]] == [
        "row 3, column 'Dose': 'high' is not a number",
        "row 3, column 'Fresh': 'maybe' is not a truth value",
        "row 4, column 'Dose': '1,5' is not a number",
    ]
    assert await read(catalog, people, study) == {"A": {"Dose": 1, "Fresh": True}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("S,X,X\nA,1,2\n", "the column 'X' is there twice"),
        ("S,X\nA,1\nB,2\nA,3\n", "row 4: the sample 'A' is there twice"),
        ("S,X\nA,1,2\n", "row 2: it has 3 cells, the first line 2"),
        ("S,X\n,1\n", "row 2, name of the sample"),
        ("S,,Y\nA,1,2\n", "name of the column"),
        ('S,X\nA,"1\n', "row 2"),
        ("S,X\nA,a\x00b\n", "U\\+0000|NUL"),
    ],
)
async def test_files_that_cannot_be_read(catalog: Catalog, people: People, study: Key, text: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        await catalog.samples.read_csv(people.ada, study_id=study, text=text)
    assert await read(catalog, people, study) == {}


async def test_pasted_cells_mean_the_same(catalog: Catalog, people: People, study: Key) -> None:
    text = 'Sample\tDose\tNote\r\nA\t1\t"two\nlines, ""quoted"""\r\nB\t\tx,y\r\n'
    done = await catalog.samples.paste(people.ada, study_id=study, text=text)
    assert (done.created, done.attributes) == (2, ["Dose", "Note"])
    assert await read(catalog, people, study) == {
        "A": {"Dose": 1, "Note": 'two\nlines, "quoted"'},
        "B": {"Note": "x,y"},
    }


async def test_the_kind_of_a_column_changes_where_every_value_allows_it(
    catalog: Catalog, people: People, study: Key
) -> None:
    samples = catalog.samples
    await samples.read_csv(people.ada, study_id=study, text="S,X\nA,1\nB,2x\nC,\n")
    [column] = (await samples.table(people.ada, study_id=study)).attributes
    assert column.kind == "text"
    with pytest.raises(InvalidInputError, match="sample 'B', column 'X': '2x' is not a number"):
        await samples.change_attribute(people.ada, attribute_id=column.id, kind="number")
    await samples.paste(people.ada, study_id=study, text="S\tX\nB\t2\n")
    changed = await samples.change_attribute(people.ada, attribute_id=column.id, kind="number")
    assert changed.kind == "number"
    assert await read(catalog, people, study) == {"A": {"X": 1}, "B": {"X": 2}, "C": {}}
    with pytest.raises(InvalidInputError, match="not a kind"):
        await samples.change_attribute(people.ada, attribute_id=column.id, kind="date")


async def test_the_whole_table_survives_the_file(catalog: Catalog, people: People, study: Key) -> None:
    samples = catalog.samples
    column = {
        kind: (await samples.add_attribute(people.ada, study_id=study, name=f'{kind}, "x"', kind=kind)).id
        for kind in ("text", "number", "boolean")
    }
    odd = ["a,b", 'q"', " lead", "tab\tin", "line\nbreak", "日本語", "'", "=1+1", "null", "true", "1", "\u2028"]
    for n, text in enumerate(odd):
        values = {column["text"]: text, column["number"]: n / 3 if n % 2 else EXACT - n, column["boolean"]: n % 2 == 0}
        await samples.add(people.ada, study_id=study, name=f"s{n}", values=values)
    await samples.add(people.ada, study_id=study, name="empty")
    before = await read(catalog, people, study)
    text = await samples.write_csv(people.ada, study_id=study)
    again = await samples.read_csv(people.ada, study_id=study, text=text)
    assert (again.created, again.updated) == (0, 0)
    for view in (await samples.table(people.ada, study_id=study)).samples:
        await samples.delete(people.ada, sample_id=view.sample.id)
    assert (await samples.read_csv(people.ada, study_id=study, text=text)).created == len(odd) + 1
    assert await read(catalog, people, study) == before


async def test_a_plate_of_384_wells_twice(catalog: Catalog, people: People, study: Key) -> None:
    wells = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
    for dose in (1, 2):
        text = "Well,Dose,Row\n" + "".join(f"{well},{dose},{well[0]}\n" for well in wells)
        done = await catalog.samples.read_csv(people.ada, study_id=study, text=text)
        assert (done.created, done.updated) == ((384, 0) if dose == 1 else (0, 384))
    found = await read(catalog, people, study)
    assert list(found) == wells
    assert {view["Dose"] for view in found.values()} == {2}


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ["a\nb", "\t", '"', '""', ",", ";", "", " ", "a\tb"]
)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs", "Mn"]), min_size=1, max_size=8)


@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    rows=st.lists(st.tuples(NAMES, st.lists(CELLS, min_size=4, max_size=4)), max_size=5, unique_by=lambda row: row[0]),
)
def test_any_table_survives_the_file(names: list[str], rows: list[tuple[str, list[str]]]) -> None:
    import unicodedata

    names = list(dict.fromkeys(unicodedata.normalize("NFC", name) for name in names))
    table = {
        unicodedata.normalize("NFC", sample): [parse_value(cell, "text", where="x") for cell in cells[: len(names)]]
        for sample, cells in rows
    }
    text = write_table(names, ((sample, values) for sample, values in table.items()))
    file = read_table(text)
    assert file.names == names
    assert {sample: [parse_value(cell, "text", where="x") for cell in cells] for _, sample, cells in file.rows} == table
