"""Files of cytometry become datasets: whole or absent, with panel, scales, annotations and their own matrix."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.base.errors import CytosolError, InvalidInputError, NotFoundError, OutOfSpaceError, UnreadableFileError
from cytosol.base.keys import Key
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.derivations import Derivation
from cytosol.catalog.fcs_facts import automatic_annotations
from cytosol.catalog.fcs_selection import EventChoice
from cytosol.catalog.file_exports import FileFormat
from cytosol.catalog.studies import StudyFields
from cytosol.db import rows, tables
from cytosol.formats.fcs.records import Keywords
from cytosol.model.rights import Actor
from cytosol.model.studies import Dataset
from tests.catalog.making import folder_of, run_here, submit, upload
from tests.catalog.people import Bell, People
from tests.formats.fcs_files import build, floats, only, plain

NAMES = ("FSC-A", "SSC-A", "FITC-A", "PE-A", "Time")
SPILL = "2,FITC-A,PE-A,1,0.1,0.2,1"


def fcs(n_events: int = 50, *, seed: int = 1, **more: str) -> bytes:
    """A file of five channels, as a cytometer of BD might write it."""
    keywords = plain(n_events, NAMES, _P3S="CD4", _P4S="CD8", _CYT="LSRII")
    keywords |= {"P3DISPLAY": "LOG", "P4DISPLAY": "LOG", "SPILL": SPILL, "WELL ID": "A09", "PLATE NAME": "96 Well"}
    return build(
        keywords | {"$" + key[1:] if key.startswith("_") else key: text for key, text in more.items()},
        floats(n_events, 5, seed=seed).tobytes(),
    )


async def study(catalog: Catalog, actor: Actor, name: str = "Blood") -> Key:
    return (await catalog.studies.create(actor, fields=StudyFields(name=name))).study.id


async def add(catalog: Catalog, actor: Actor, study_id: Key, name: str, data: bytes) -> list[Dataset]:
    upload_id = await upload(catalog, actor, name, data)
    return await catalog.cytometry.add_file(actor, study_id=study_id, upload_id=upload_id)


async def column(catalog: Catalog, actor: Actor, dataset: Dataset, name: str) -> np.ndarray:
    pinned = await catalog.tables.pin(actor, dataset_id=dataset.id)
    values = await catalog.tables.values(pinned, features=[name])
    assert values.dense is not None
    return values.dense[0]


async def test_a_file_becomes_a_dataset_at_once(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    data = fcs()
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", data)
    assert (dataset.name, dataset.state, dataset.technology, dataset.compensation) == (
        "one.fcs",
        "published",
        "flow",
        "internal",
    )
    assert dataset.panel_name == "Panel 1"
    assert dataset.panel[2] == {"index": 3, "channel": "FITC-A", "reagent": "CD4"}
    assert dataset.panel[4] == {"index": 5, "channel": "Time", "reagent": None}
    view = await catalog.cytometry.file(people.ada, dataset_id=dataset.id)
    assert (view.n_events, view.size, view.has_internal, view.data_set) == (50, len(data), True, 1)
    assert (view.md5, view.sha256) == (hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest())
    assert len(view.crc32c) == 8
    assert view.annotations == [("plate", "96 Well"), ("plate row", "A"), ("plate column", "09"), ("plate well", "A09")]
    for place, name in enumerate(NAMES):
        assert np.array_equal(await column(catalog, people.ada, dataset, name), floats(50, 5)[:, place])
    keywords = await catalog.cytometry.keywords(people.ada, dataset_id=dataset.id)
    assert keywords["$P3S"] == "CD4"
    assert keywords["SPILL"] == SPILL
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    spill = await catalog.compensations.resolve(pinned, "internal")
    assert spill is not None
    assert (spill.channels, spill.matrix.tolist()) == (("FITC-A", "PE-A"), [[1, 0.1], [0.2, 1]])
    scales = (await catalog.scales.get(people.ada, study_id=study_id)).scales
    assert list(scales) == [f"var:{name}" for name in NAMES]
    assert scales["var:FITC-A"] == {"type": "arcsinh", "minimum": -200, "maximum": 1 << 18, "cofactor": 150}
    assert scales["var:FSC-A"] == {"type": "linear", "minimum": 1, "maximum": 1 << 18}


async def test_scales_that_were_chosen_stay_and_new_channels_get_theirs(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    chosen = {"var:FITC-A": {"type": "linear", "minimum": 0, "maximum": 9}}
    await catalog.scales.put(people.ada, study_id=study_id, scales=chosen)
    await add(catalog, people.ada, study_id, "one.fcs", fcs())
    scales = (await catalog.scales.get(people.ada, study_id=study_id)).scales
    assert scales["var:FITC-A"] == chosen["var:FITC-A"]
    assert set(scales) == {f"var:{name}" for name in NAMES}


async def test_files_with_equal_panels_share_its_name(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    names = []
    for number, more in enumerate([{}, {"_P3S": "CD3"}, {}, {"_P3S": "CD3"}, {"_P4S": "CD3"}]):
        (made,) = await add(catalog, people.ada, study_id, f"{number}.fcs", fcs(seed=number, **more))
        names.append(made.panel_name)
    assert names == ["Panel 1", "Panel 2", "Panel 1", "Panel 2", "Panel 3"]
    assert [view.dataset.name for view in await catalog.cytometry.files(people.ada, study_id=study_id)] == [
        f"{number}.fcs" for number in range(5)
    ]


async def test_several_data_sets_become_siblings(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    alone = build(plain(4, NAMES[:3]) | {"$NEXTDATA": "0" * 8}, floats(4, 3).tobytes())
    first = build(plain(4, NAMES[:3]) | {"$NEXTDATA": f"{len(alone):08d}"}, floats(4, 3).tobytes())
    data = first + build(plain(6, ("x", "y"), _SRC="second"), floats(6, 2).tobytes())
    one, two = await add(catalog, people.ada, study_id, "both.lmd", data)
    assert (one.name, two.name) == ("both.lmd", "both.lmd (2)")
    views = await catalog.cytometry.files(people.ada, study_id=study_id)
    assert [(view.n_events, view.data_set, view.size) for view in views] == [(4, 1, len(data)), (6, 2, len(data))]
    assert (await catalog.cytometry.keywords(people.ada, dataset_id=two.id))["$SRC"] == "second"
    assert np.array_equal(await column(catalog, people.ada, two, "y"), floats(6, 2)[:, 1])
    assert [dataset.compensation for dataset in (one, two)] == ["none", "none"]


async def test_nothing_of_a_refused_file_stays(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    await add(catalog, people.ada, study_id, "good.fcs", fcs())
    before = _everything(catalog)
    broken = fcs(50, seed=9)[:-300]
    # the second data set of a file is cut short: the first one goes, too
    alone = build(plain(4, NAMES[:3]) | {"$NEXTDATA": "0" * 8}, floats(4, 3).tobytes())
    half = build(plain(4, NAMES[:3]) | {"$NEXTDATA": f"{len(alone):08d}"}, floats(4, 3).tobytes()) + broken
    for data, text in ((broken, "events are announced"), (b"CD4,CD8", "no FCS file"), (half, "data set 2")):
        with pytest.raises(UnreadableFileError, match=text):
            await add(catalog, people.ada, study_id, "bad.fcs", data)
    assert _everything(catalog) == before
    async with catalog.context.db.read() as conn:
        assert await rows.count(conn, tables.uploads) == 0
        assert await rows.count(conn, tables.originals) == await rows.count(conn, tables.datasets) == 1


def _everything(catalog: Catalog) -> set[Path]:
    root = folder_of(catalog, "originals").parent
    return {path for path in root.rglob("*") if path.is_file()}


async def test_only_who_may_upload_adds_files(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    upload_id = await upload(catalog, people.eve, "one.fcs", fcs())
    with pytest.raises(NotFoundError):
        await catalog.cytometry.add_file(people.eve, study_id=study_id, upload_id=upload_id)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs())
    with pytest.raises(NotFoundError):
        await catalog.cytometry.keywords(people.eve, dataset_id=dataset.id)
    with pytest.raises(NotFoundError):
        await catalog.cytometry.change(people.eve, dataset_id=dataset.id, name="mine")


async def test_no_events_and_names_that_repeat(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (empty,) = await add(catalog, people.ada, study_id, "empty.fcs", build(plain(0, ("a", "a", "b")), b""))
    assert [entry["channel"] for entry in empty.panel] == ["a", "a-1", "b"]
    assert (await column(catalog, people.ada, empty, "a-1")).shape == (0,)


async def test_changes_and_their_undo(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (one,) = await add(catalog, people.ada, study_id, "1.fcs", fcs())
    changed = await catalog.cytometry.change(
        people.ada, dataset_id=one.id, name="first", is_control=True, compensation="none", gates_locked=True
    )
    assert (changed.dataset.name, changed.dataset.is_control, changed.dataset.compensation) == ("first", True, "none")
    annotated = await catalog.cytometry.annotate(
        people.ada, dataset_id=one.id, annotations=[("plate", "P2"), ("dose", 2.5), ("live", True)]
    )
    assert annotated.annotations == [("plate", "P2"), ("dose", 2.5), ("live", True)]
    for _ in range(2):
        await _undo_last(catalog, people.ada, study_id)
    view = await catalog.cytometry.file(people.ada, dataset_id=one.id)
    assert (view.dataset.name, view.dataset.is_control, view.dataset.compensation) == ("1.fcs", False, "internal")
    assert len(view.annotations) == 4
    for fields, text in (
        ({"compensation": "f" * 24}, "no such compensation"),
        ({"compensation": "what"}, "is no compensation"),
        ({"size": 3}, "no 'size'"),
        ({"panel": [{"channel": "Z", "reagent": "x"}]}, "no channel 'Z'"),
    ):
        with pytest.raises(CytosolError, match=text):
            await catalog.cytometry.change(people.ada, dataset_id=one.id, **fields)


async def _undo_last(catalog: Catalog, actor: Actor, study_id: Key) -> None:
    found = (await catalog.history.list(actor, study_id=study_id)).items
    newest = next(one for one in found if one.undone_at is None and not one.verb.startswith("undo"))
    await catalog.history.undo(actor, revision_id=newest.id)


async def test_panels_of_many_files_change_at_once(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    for number in range(3):
        await add(catalog, people.ada, study_id, f"{number}.fcs", fcs(seed=number))
    other = build(plain(4, ("FSC-A", "BV421-A")), floats(4, 2).tobytes())
    (odd,) = await add(catalog, people.ada, study_id, "odd.fcs", other)
    views = await catalog.cytometry.set_panel(
        people.ada, study_id=study_id, dataset_ids=[], reagents={"FITC-A": "CD3", "PE-A": "", "BV421-A": "CD19"}
    )
    assert [entry["reagent"] for entry in views[0].dataset.panel] == [None, None, "CD3", None, None]
    assert views[3].dataset.panel[1]["reagent"] == "CD19"
    assert len({view.dataset.panel_name for view in views[:3]}) == 1
    await _undo_last(catalog, people.ada, study_id)
    views = await catalog.cytometry.files(people.ada, study_id=study_id)
    assert [entry["reagent"] for entry in views[0].dataset.panel] == [None, None, "CD4", "CD8", None]
    assert [view.dataset.panel_name for view in views] == ["Panel 1", "Panel 1", "Panel 1", "Panel 2"]
    # the file itself stays
    assert (await catalog.cytometry.keywords(people.ada, dataset_id=odd.id))["$P2N"] == "BV421-A"
    with pytest.raises(InvalidInputError, match="None of the files"):
        await catalog.cytometry.set_panel(people.ada, study_id=study_id, dataset_ids=[], reagents={"Z": "x"})


async def test_index_sorts_say_the_well_of_each_event(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    data = fcs(3, **{"INDEX SORTING LOCATIONS_1": "0,0;0,11;", "INDEX SORTING LOCATIONS_2": "7,2;"})
    (dataset,) = await add(catalog, people.ada, study_id, "sort.fcs", data)
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    found = await catalog.tables.column(pinned, "Sorted to well")
    assert found.values.tolist() == ["A01", "A12", "H03"]


async def test_wells_of_an_index_sort_follow_the_events_that_are_taken(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    pairs = [f"{row},{column}" for row in range(3) for column in range(12)]
    first = {"INDEX SORTING LOCATIONS_1": ";".join(pairs[:20]) + ";", "INDEX SORTING LOCATIONS_2": ";".join(pairs[20:])}
    (sort,) = await add(catalog, people.ada, study_id, "sort.fcs", fcs(36, **first, _SRC="x"))
    wells = {pair: f"{'ABC'[int(pair[0])]}{int(pair[2:]) + 1:02d}" for pair in pairs}
    (other,) = await add(catalog, people.ada, study_id, "other.fcs", fcs(5))

    async def made(*sources: Dataset, **choice: Any) -> tuple[list[str], Dataset]:
        what = Derivation(tuple(one.id for one in sources), add_event_number=True, choice=EventChoice(**choice))
        (file,) = await catalog.derivations.derive(people.ada, study_id=study_id, what=what)
        pinned = await catalog.tables.pin(people.ada, dataset_id=file.id)
        if "Sorted to well" not in {one.name for one in pinned.part.columns}:
            return [], file
        found = await catalog.tables.column(pinned, "Sorted to well")
        names = found.categories
        return [value if names is None else names[value] for value in found.values.tolist()], file

    for sources, choice in (((sort,), {}), ((sort,), {"pre_n": 30}), ((sort, sort), {"pre_n": 7})):
        found, file = await made(*sources, **choice)
        rows_ = (await column(catalog, people.ada, file, "EventNumber")).astype(int) - 1
        assert found == [wells[pairs[row]] for row in rows_]
    assert (await made(sort, other))[0] == []
    choice = EventChoice(pre_n=4)
    written = await catalog.file_exports.export(people.ada, dataset_id=sort.id, format=FileFormat(), choice=choice)
    text = only(b"".join([piece async for piece in written.body])).keywords
    assert text.get("INDEX SORTING LOCATIONS_1").count(";") == 4
    assert text.get("INDEX SORTING LOCATIONS_2") == ""


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"_CYT": "DVSSCIENCES-CYTOF-6.7"}, "mass"),
        ({"_CYT": "Aurora"}, "spectral"),
        ({"_CYT": "FACSCalibur"}, "flow"),
    ],
)
async def test_the_kind_of_cytometer(catalog: Catalog, people: People, keywords: dict[str, Any], expected: str) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(**keywords))
    assert dataset.technology == expected


async def test_files_may_be_submitted_like_any_other(catalog: Catalog, people: People) -> None:
    alone = build(plain(4, NAMES[:3]) | {"$NEXTDATA": "0" * 8}, floats(4, 3).tobytes())
    first = build(plain(4, NAMES[:3]) | {"$NEXTDATA": f"{len(alone):08d}"}, floats(4, 3).tobytes())
    both = first + build(plain(6, ("x", "y")), floats(6, 2).tobytes())
    _, dataset_id = await submit(catalog, people.ada, {"one.fcs": both, "two.fcs": fcs()}, name="Run 1")
    await run_here(catalog)
    study_id = (await catalog.datasets.get(people.ada, dataset_id=dataset_id)).dataset.study_id
    views = await catalog.cytometry.files(people.ada, study_id=study_id)
    assert [(view.dataset.name, view.n_events) for view in views] == [("Run 1", 4), ("Run 1 (2)", 6), ("two.fcs", 50)]
    assert [view.dataset.state for view in views] == ["published"] * 3
    assert views[2].annotations[-1] == ("plate well", "A09")
    assert views[0].md5 == views[1].md5 == hashlib.md5(both).hexdigest()
    assert np.array_equal(await column(catalog, people.ada, views[2].dataset, "PE-A"), floats(50, 5)[:, 3])
    await submit(catalog, people.ada, {"bad.fcs": fcs()[:-300]}, study=study_id)
    with pytest.raises(UnreadableFileError, match="events are announced"):
        await run_here(catalog)
    assert len(await catalog.cytometry.files(people.ada, study_id=study_id)) == 3


@pytest.mark.parametrize(
    ("spill", "why"),
    [
        ("2,FITC-A,PE-A,1,0.1,0.2", "6 entries"),
        ("2,FITC-A,PE-A,1,x,0.2,1", "no number"),
        ("2,FITC-A,PE-A,1,1,1,1", "no inverse"),
        ("2,FITC-A,APC-A,1,0.1,0.2,1", "no channel 'APC-A'"),
        ("2,FITC-A,FITC-A,1,0.1,0.2,1", "'FITC-A' twice"),
    ],
)
async def test_a_spill_that_is_no_matrix_of_the_file_is_told_and_not_used(
    catalog: Catalog, people: People, spill: str, why: str
) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(SPILL=spill))
    assert dataset.compensation == "none"
    (note,) = dataset.notes
    assert "SPILL cannot be used" in note
    assert why in note
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    assert await catalog.compensations.resolve(pinned, "own") is None
    with pytest.raises(InvalidInputError, match="spillover matrix"):
        await catalog.cytometry.change(people.ada, dataset_id=dataset.id, compensation="internal")


async def test_a_spill_may_number_its_channels(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(SPILL="2,3,4,1,0.1,0.2,1"))
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    spill = await catalog.compensations.resolve(pinned, "internal")
    assert spill is not None
    assert (spill.channels, spill.matrix.tolist()) == (("FITC-A", "PE-A"), [[1, 0.1], [0.2, 1]])


@pytest.mark.parametrize(
    ("more", "keyword"),
    [
        ({"SPILL": "0", "_SPILLOVER": SPILL}, "$SPILLOVER"),
        ({"_SPILLOVER": "2,FITC-A,PE-A"}, "SPILL"),
        ({"SPILL": "0", "_COMP": SPILL}, "$COMP"),
        ({"SPILL": "0", "comp": "2,3,4,1,0,0,1,0,2,1,0"}, "comp"),
    ],
)
async def test_the_spill_that_can_be_used_is_used(
    catalog: Catalog, people: People, more: dict[str, str], keyword: str
) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(**more))
    assert (dataset.notes, dataset.compensation) == ([], "internal")
    view = await catalog.cytometry.file(people.ada, dataset_id=dataset.id)
    assert view.spill == keyword
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    spill = await catalog.compensations.resolve(pinned, "internal")
    assert spill is not None
    assert (spill.channels, spill.matrix.tolist()) == (("FITC-A", "PE-A"), [[1, 0.1], [0.2, 1]])


@pytest.mark.parametrize("more", [{"_COMP": "2,0,-10,-2.5,0"}, {"_DFC3TO4": "10"}])
async def test_what_the_instrument_subtracted_is_told_and_not_subtracted_again(
    catalog: Catalog, people: People, more: dict[str, str]
) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(SPILL="0", **more))
    (note,) = dataset.notes
    assert "compensated already" in note
    assert dataset.compensation == "none"


async def test_a_channel_with_a_comma_in_its_name_is_compensated_and_written(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    spill = "2,B710-A,V545,PE-A,1,0.1,0.2,1"
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(SPILL=spill, _P3N="B710-A,V545"))
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    found = await catalog.compensations.resolve(pinned, "internal")
    assert found is not None
    assert (found.channels, found.matrix.tolist()) == (("B710-A,V545", "PE-A"), [[1, 0.1], [0.2, 1]])
    written = await catalog.file_exports.export(people.ada, dataset_id=dataset.id, format=FileFormat(compensated=True))
    content = b"".join([piece async for piece in written.body])
    assert only(content).keywords.spill == spill


async def test_a_spill_names_channels_as_the_file_spells_them(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    spill = "2,FITC\x01A,PE-A,1,0.1,0.2,1"
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(SPILL=spill, _P3N="FITC\x01A"))
    assert (dataset.panel[2]["channel"], dataset.notes) == ("FITC A", [])
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    found = await catalog.compensations.resolve(pinned, "own")
    assert found is not None
    assert found.channels == ("FITC A", "PE-A")


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"$SMNO": "Group 1", "$WELLID": "A02", "$PLATENAME": "P"}, "plate well=Group 1, plate row=A, plate column=02"),
        ({"$WELLID": "H12", "$PLATENAME": "R 5"}, "plate=R 5, plate well=H12, plate row=H, plate column=12"),
        ({"$WELLID": "H12", "$PLATEID": "7"}, "plate=7, plate well=H12, plate row=H, plate column=12"),
        ({"$PLATENAME": "Rack 5"}, ""),
        ({"WELL ID": "AF48"}, "plate row=AF, plate column=48, plate well=AF48"),
        ({"PLATE NAME": "P", "WELL ID": "nowhere"}, "plate=P"),
    ],
)
def test_where_on_its_plate_a_sample_was(keywords: dict[str, str], expected: str) -> None:
    assert ", ".join(f"{name}={value}" for name, value in automatic_annotations(Keywords(keywords))) == expected


async def test_events_that_do_not_fit_on_the_disk_are_not_begun(tmp_path: Path) -> None:
    """Events of one bit take thirty-two times their room in the store."""
    settings = load_settings(data=tmp_path, min_free_bytes=shutil.disk_usage(tmp_path).free - 400_000_000)
    catalog = await Catalog.open(settings, notifier=Bell())
    try:
        who = (await People.come(catalog)).ada
        study_id = await study(catalog, who)
        content = build(plain(24_000_000 * 8, ("a",), datatype="I", bits=1), bytes(24_000_000))
        with pytest.raises(OutOfSpaceError, match="768,000,000 bytes"):
            await add(catalog, who, study_id, "bits.fcs", content)
        assert await catalog.cytometry.files(who, study_id=study_id) == []
        assert [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("cytosol.db")] == []
    finally:
        await catalog.close()
