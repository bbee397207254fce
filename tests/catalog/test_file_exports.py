"""Files of cytometry on their way out: FCS that FlowIO reads, TSV, populations, samples, archives, files of files."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from cytosol.base.errors import CytosolError, ForbiddenError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.axes import Spill
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.derivations import Derivation, joined_keywords
from cytosol.catalog.fcs_selection import EventChoice, choose_rows
from cytosol.catalog.fcs_writing import channel_keywords, with_spill
from cytosol.catalog.file_exports import FileFormat, ZipRequest
from cytosol.catalog.gates import NewGate
from cytosol.db import rows, tables
from cytosol.model.rights import Actor
from cytosol.model.studies import Dataset
from tests.catalog.people import People
from tests.catalog.test_cytometry import NAMES, SPILL, add, column, fcs, study
from tests.formats.fcs_files import build, events, floats, only, plain
from tests.services import library

FITC, PE = 2, 3


async def whole(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])


async def taken(
    catalog: Catalog, actor: Actor, dataset: Dataset, *, format: FileFormat | None = None, **choice: object
) -> bytes:
    download = await catalog.file_exports.export(
        actor,
        dataset_id=dataset.id,
        format=format or FileFormat(),
        choice=EventChoice(**choice),  # type: ignore[arg-type]
    )
    data = await whole(download.body)
    assert download.size in (None, len(data))
    return data


async def bright(catalog: Catalog, actor: Actor, study_id: Key) -> Key:
    """A population: FSC-A from 400 to 700, where its scale is linear."""
    gate = NewGate(kind="range", name="middle", x="var:FSC-A", y="", geometry={"x1": 400, "x2": 700, "y": 0.5})
    _, (population,) = await catalog.gates.create_with_populations(actor, study_id=study_id, gates=[gate])
    return population.id


async def test_an_fcs_file_as_flowio_and_we_read_it(catalog: Catalog, people: People) -> None:
    flowio = library("flowio")
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(_COM="", _SRC="blood"))
    await catalog.cytometry.set_panel(people.ada, study_id=study_id, dataset_ids=[], reagents={"FITC-A": "CD3"})
    data = await taken(catalog, people.ada, dataset)
    assert np.array_equal(events(data), floats(50, 5))
    read = flowio.FlowData(io.BytesIO(data))
    assert read.pnn_labels == list(NAMES)
    assert read.pns_labels == ["", "", "CD3", "CD8", ""]
    assert np.array_equal(np.reshape(read.events, (50, 5)), floats(50, 5))
    header = only(data)
    assert (header.version, header.keywords.get("$SRC"), header.keywords.spill) == ("3.1", "blood", SPILL)
    assert (header.keywords.get("WELL ID"), header.keywords.get("P3DISPLAY")) == ("A09", "LOG")
    order = [name for name in header.keywords.text if name in ("SPILL", "WELL ID", "PLATE NAME")]
    assert order == ["SPILL", "WELL ID", "PLATE NAME"]


async def test_the_file_as_it_was_given(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs())
    format = FileFormat("original", compensated=True)
    assert await taken(catalog, people.ada, dataset, format=format, pre_n=3) == fcs()


async def test_a_population_is_numbered_as_in_its_file(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(500))
    population_id = await bright(catalog, people.ada, study_id)
    values = floats(500, 5)
    inside = (values[:, 0] >= 400) & (values[:, 0] <= 700)
    assert 50 < inside.sum() < 450
    format = FileFormat(event_number=True)
    found = events(await taken(catalog, people.ada, dataset, format=format, population_id=population_id))
    assert np.array_equal(found[:, :5], values[inside])
    assert found[:, 5].tolist() == (np.flatnonzero(inside) + 1).tolist()
    some = events(await taken(catalog, people.ada, dataset, population_id=population_id, post_n=10, seed=2.25))
    again = events(await taken(catalog, people.ada, dataset, population_id=population_id, post_n=10, seed=2.25))
    other = events(await taken(catalog, people.ada, dataset, population_id=population_id, post_n=10, seed=3))
    assert len(some) == 10
    assert np.array_equal(some, again)
    assert not np.array_equal(some, other)
    with pytest.raises(NotFoundError):
        await taken(catalog, people.ada, dataset, population_id=Key(bytes(12)))


def test_samples_before_and_after_the_population() -> None:
    mask = np.arange(1000) % 2 == 0
    before = choose_rows(EventChoice(pre_n=100), mask, 1000)
    assert before is not None
    assert (before % 2 == 0).all()
    assert 30 < len(before) < 70
    after = choose_rows(EventChoice(pre_n=100, post_p=0.5), mask, 1000)
    assert after is not None
    assert set(after) <= set(before)
    assert len(after) == round(len(before) / 2 + 1e-9)
    assert np.array_equal(after, np.sort(after))
    assert choose_rows(EventChoice(), None, 1000) is None
    with pytest.raises(InvalidInputError, match="not both"):
        choose_rows(EventChoice(pre_n=1, pre_p=0.5), None, 10)


async def test_tsv_compensated_and_not(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs())
    text = (await taken(catalog, people.ada, dataset, format=FileFormat("tsv"))).decode()
    lines = text.split("\r\n")
    assert lines[0] == "\t".join(NAMES)
    assert lines[-1] == ""
    values = np.array([[np.float32(cell) for cell in line.split("\t")] for line in lines[1:-1]], np.float32)
    assert np.array_equal(values, floats(50, 5))
    plain_text = await taken(catalog, people.ada, dataset, format=FileFormat("tsv", headers=False))
    assert plain_text.decode() == text[text.index("\r\n") + 2 :]
    format = FileFormat("tsv", compensated=True, headers=False)
    text = (await taken(catalog, people.ada, dataset, format=format, compensation="internal")).decode()
    found = np.array([[float(cell) for cell in line.split("\t")] for line in text.split("\r\n")[:-1]])
    inverse = np.linalg.inv(np.array([[1, 0.1], [0.2, 1]]))
    expected = floats(50, 5).astype(float)
    expected[:, [FITC, PE]] = expected[:, [FITC, PE]] @ inverse
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-3)


async def test_whole_numbers_and_missing_values_in_tsv(catalog: Catalog, people: People) -> None:
    values = np.array([[1, np.nan], [1e20, -0.5], [100, 10], [np.inf, -np.inf]], "<f4")
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "n.fcs", build(plain(4, ("a", "b")), values.tobytes()))
    format = FileFormat("tsv", event_number=True)
    text = (await taken(catalog, people.ada, dataset, format=format)).decode()
    assert text.split("\r\n")[0] == "a\tb\tEventNumber"
    assert text.split("\r\n")[1:5] == ["1\tNaN\t1", "1e+20\t-0.5\t2", "100\t10\t3", "Inf\t-Inf\t4"]


async def test_fcs_takes_another_matrix_and_keeps_its_values(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs())
    made = await catalog.compensations.create(
        people.ada, study_id=study_id, name="mine", channels=["FITC-A", "PE-A"], matrix=[1, 0.5, 0, 1]
    )
    format = FileFormat(compensated=True)
    data = await taken(catalog, people.ada, dataset, format=format, compensation=made.id.hex24)
    assert np.array_equal(events(data), floats(50, 5))
    assert (only(data).keywords.spill_name, only(data).keywords.spill) == ("SPILL", "2,FITC-A,PE-A,1,0.5,0,1")
    data = await taken(catalog, people.ada, dataset, format=format, compensation="none")
    assert only(data).keywords.spill == ""
    data = await taken(catalog, people.ada, dataset, format=format, compensation="internal")
    assert only(data).keywords.spill == "2,FITC-A,PE-A,1,0.1,0.2,1"


async def test_an_archive_of_many(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    made = [(await add(catalog, people.ada, study_id, "same.fcs", fcs(50, seed=seed)))[0] for seed in (1, 2, 3)]
    await catalog.cytometry.change(people.ada, dataset_id=made[2].id, is_control=True)
    population_id = await bright(catalog, people.ada, study_id)
    what = ZipRequest(population_ids=(None, population_id), format=FileFormat("tsv"), template="{file} {population}")
    download = await catalog.file_exports.zip(people.ada, study_id=study_id, what=what)
    assert download.filename == "Blood.zip"
    data = await whole(download.body)
    assert len(data) == download.size
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == [
            "same Ungated.tsv",
            "same middle.tsv",
            "same Ungated (1).tsv",
            "same middle (1).tsv",
        ]
        for number, dataset in enumerate(made[:2]):
            alone = await taken(catalog, people.ada, dataset, format=FileFormat("tsv"))
            assert archive.read(archive.namelist()[2 * number]) == alone
    with pytest.raises(InvalidInputError, match="stands for nothing"):
        await catalog.file_exports.zip(people.ada, study_id=study_id, what=replace(what, template="{x}"))
    original = ZipRequest(dataset_ids=(made[2].id,), format=FileFormat("original"))
    data = await whole((await catalog.file_exports.zip(people.ada, study_id=study_id, what=original)).body)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("same.fcs") == fcs(50, seed=3)


async def test_files_are_joined_in_order(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    one = fcs(30, seed=1, _BTIM="10:00:00", _ETIM="10:05:00", _DATE="02-JAN-2024", _P1V="300", _P2V="1")
    two = fcs(40, seed=2, _BTIM="09:00:00", _ETIM="09:30:00", _DATE="01-JAN-2024", _P1V="300", _P2V="2", _P2R="999999")
    first, second = [
        (await add(catalog, people.ada, study_id, name, data))[0] for name, data in (("1.fcs", one), ("2.fcs", two))
    ]
    what = Derivation(
        (first.id, second.id), "both.fcs", add_file_number=True, add_event_number=True, choice=EventChoice(pre_n=20)
    )
    (made,) = await catalog.derivations.derive(people.ada, study_id=study_id, what=what)
    assert made.name == "both.fcs"
    assert made.lineage["source_files"] == [
        {"study_id": study_id.hex24, "dataset_id": dataset.id.hex24} for dataset in (first, second)
    ]
    assert [entry["channel"] for entry in made.panel] == [*NAMES, "EventNumber", "FileNumber"]
    numbers = (await column(catalog, people.ada, made, "EventNumber")).astype(int)
    files = await column(catalog, people.ada, made, "FileNumber")
    assert len(numbers) == 40
    assert np.round(files).tolist() == [1] * 20 + [2] * 20
    assert len(set(files.tolist())) > 30
    assert np.abs(files - np.round(files)).max() <= 0.25
    values = await column(catalog, people.ada, made, "PE-A")
    assert np.array_equal(values[:20], floats(30, 5, seed=1)[numbers[:20] - 1, PE])
    assert np.array_equal(values[20:], floats(40, 5, seed=2)[numbers[20:] - 1, PE])
    text = await catalog.cytometry.keywords(people.ada, dataset_id=made.id)
    assert (text["$DATE"], text["$BTIM"], text["$ETIM"]) == ("01-JAN-2024", "09:00:00", "10:05:00")
    assert (text["$P1V"], text["$P2R"], text["WELL ID"]) == ("300", "999999", "A09")
    assert "$P2V" not in text
    scales = (await catalog.scales.get(people.ada, study_id=study_id)).scales
    assert scales["var:FileNumber"]["type"] == scales["var:EventNumber"]["type"] == "linear"


async def test_a_copy_and_a_population_become_files(catalog: Catalog, people: People) -> None:
    study_id, other = await study(catalog, people.ada), await study(catalog, people.ada, "Other")
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(500))
    (copy,) = await catalog.derivations.derive(people.ada, study_id=other, what=Derivation((dataset.id,)))
    assert (copy.name, copy.study_id, copy.compensation) == ("one.fcs", other, "internal")
    for place, name in enumerate(NAMES):
        assert np.array_equal(await column(catalog, people.ada, copy, name), floats(500, 5)[:, place])
    population_id = await bright(catalog, people.ada, study_id)
    what = Derivation((dataset.id,), "middle.fcs", choice=EventChoice(population_id=population_id))
    (made,) = await catalog.derivations.derive(people.ada, study_id=study_id, what=what)
    found = await column(catalog, people.ada, made, "FSC-A")
    assert found.min() >= 400
    assert found.max() <= 700
    data = await whole(
        (await catalog.file_exports.export(people.ada, dataset_id=made.id, format=FileFormat("original"))).body
    )
    assert only(data).version == "3.1"


async def test_log_files_are_written_linear(catalog: Catalog, people: People) -> None:
    values = np.array([[0, 7], [1023, 9]], "<u2")
    keywords = plain(2, ("FL1-H", "FSC-H"), datatype="I", bits=16, _P1E="4,1", _P1R="1024", _P2R="1024")
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "old.fcs", build(keywords, values.tobytes(), version="2.0"))
    data = await taken(catalog, people.ada, dataset)
    assert np.allclose(events(data), [[1, 7], [10 ** (4 * 1023 / 1024), 9]])
    header = only(data)
    assert (header.keywords.get("$P1E"), header.keywords.get("$P1R")) == ("0,0", "10000")
    assert (header.keywords.get("$P2R"), header.datatype) == ("1024", "F")


async def test_what_cannot_be_made_leaves_nothing(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (one,) = await add(catalog, people.ada, study_id, "1.fcs", fcs())
    (two,) = await add(catalog, people.ada, study_id, "2.fcs", build(plain(4, ("FSC-A", "x")), floats(4, 2).tobytes()))
    for what, text in (
        (Derivation((one.id, two.id)), "has no channel SSC-A"),
        (Derivation(()), "1 to 1,000 files"),
        (Derivation((one.id,), choice=EventChoice(pre_p=2)), "0 to 1"),
        (Derivation((Key(bytes(12)),)), "no such dataset"),
    ):
        with pytest.raises(CytosolError, match=text):
            await catalog.derivations.derive(people.ada, study_id=study_id, what=what)
    assert len(await catalog.cytometry.files(people.ada, study_id=study_id)) == 2
    with pytest.raises((NotFoundError, ForbiddenError)):
        await taken(catalog, people.eve, one)


async def test_event_numbers_of_numbered_files_keep_names_unique(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    content = build(plain(4, ("a", "EventNumber")), floats(4, 2).tobytes())
    (dataset,) = await add(catalog, people.ada, study_id, "n.fcs", content)
    names = ["a", "EventNumber", "EventNumber-1"]
    written = await taken(catalog, people.ada, dataset, format=FileFormat(event_number=True))
    assert [channel.name for channel in only(written).channels] == names
    text = await taken(catalog, people.ada, dataset, format=FileFormat("tsv", event_number=True))
    assert text.decode().split("\r\n")[0].split("\t") == names


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([("02-JAN-2020", "9:59:00", "10:30:00"), ("02-JAN-2020", "10:00:00", "9:58:00")], ("9:59:00", "10:30:00")),
        ([("02-JAN-2020", "10:00:00.50", "10:30:00:30"), ("02-JAN-2020", "10:00:00.06", "10:30:00:59")],
         ("10:00:00.06", "10:30:00:59")),
        ([("02-JAN-2020", "08:00:00", "12:00:00"), ("2020-01-01", "23:00:00", "23:30:00")], ("23:00:00", "12:00:00")),
        ([("02-JAN-2020", "08:00:00", "12:00:00"), ("02-JAN-2020", "", "")], ("08:00:00", "12:00:00")),
    ],
)  # fmt: skip
def test_a_joined_file_was_measured_from_the_first_to_the_last(
    times: list[tuple[str, str, str]], expected: tuple[str, str]
) -> None:
    texts = [{"$DATE": date, "$BTIM": begin, "$ETIM": end} for date, begin, end in times]
    joined = joined_keywords(texts)
    assert (joined["$BTIM"], joined["$ETIM"]) == expected


@pytest.mark.parametrize(
    ("text", "said", "none"),
    [
        ({"a": "1"}, {"a": "1", "$SPILLOVER": "1,x,1"}, {"a": "1"}),
        ({"spill": "0", "$SPILL": "2", "a": "1"}, {"spill": "1,x,1", "a": "1"}, {"a": "1"}),
        ({"$COMP": "1,y,1"}, {"$SPILLOVER": "1,x,1"}, {}),
        ({"$COMP": "2,0,1,0,0"}, {"$COMP": "2,0,1,0,0", "$SPILLOVER": "1,x,1"}, {"$COMP": "2,0,1,0,0"}),
        ({"SPILL": "1, 1 ,1"}, {"SPILL": "1,x,1"}, {}),
    ],
)
def test_a_matrix_stands_under_one_keyword(text: dict[str, str], said: dict[str, str], none: dict[str, str]) -> None:
    assert with_spill(text, Spill.of(["x"], [1]), ["x"]) == said
    assert with_spill(text, None) == none


def test_keywords_of_ten_thousand_channels_are_found_at_once() -> None:
    n = 10_000
    text = {f"$P{i}{key}": f"{key}{i}" for i in range(1, n + 1) for key in ("N", "B", "R", "v")} | {"P1DISPLAY": "LOG"}
    begin = time.perf_counter()
    found = channel_keywords(text, [{"index": i, "channel": f"c{i}", "reagent": None} for i in range(1, n + 1)])
    assert time.perf_counter() - begin < 5  # looking for each channel anew takes minutes
    assert found[9] == {"N": "c10", "B": "B10", "R": "R10", "V": "v10", "S": ""}


@pytest.mark.parametrize(
    ("channels", "matrix", "why"),
    [
        (["FITC-A", "nope"], [1, 0, 0, 1], "does not fit 'one.fcs', which has no channel 'nope'"),
        (["FITC-A", "PE-A"], [1, 1, 1, 1], "no inverse"),
    ],
)
async def test_a_matrix_that_cannot_be_applied_is_refused_before_anything_is_sent(
    catalog: Catalog, people: People, channels: list[str], matrix: list[float], why: str
) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs())
    # as exchange files bring them: what is typed in is refused before
    values = {"study_id": study_id, "name": "c", "channels": channels, "matrix": matrix, "made_by": {}, "extra": {}}
    async with catalog.context.db.write() as conn:
        id = await rows.insert(conn, tables.compensations, **values)
    choice = EventChoice(compensation=id.hex24)
    with pytest.raises(InvalidInputError, match=why):
        await catalog.file_exports.export(
            people.ada, dataset_id=dataset.id, format=FileFormat("tsv", compensated=True), choice=choice
        )
