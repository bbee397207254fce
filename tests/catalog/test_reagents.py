"""Channels asked for by reagent in a study of three panels: statistics, plots, events and copies, against numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.event_views import Wanted
from cytosol.catalog.file_groups import Files
from cytosol.catalog.gates import NewGate
from cytosol.catalog.plot_specs import PlotSpec
from cytosol.catalog.statistics_layouts import LAYOUTS, typed
from cytosol.catalog.statistics_records import Asked
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, study
from tests.catalog.test_plots import texts
from tests.formats.fcs_files import build, floats, plain

NAMES = ("FSC-A", "FITC-A", "FITC-H", "PE-A", "APC-A")
PANELS = {
    "t.fcs": ("", "CD3", "", "CD19", "CD4"),
    "b.fcs": ("", "CD19", "", "cd3 ", "CD8"),
    "two.fcs": ("", "CD3", "", "CD3", "CD4"),
    "none.fcs": ("", "CD19", "CD19", "", ""),
}
"""CD3 on FITC, on PE, on both, and nowhere."""


class Tubes:
    """A file of each panel: ids by name, and events of shape (n_events, n_channels)."""

    def __init__(self, study_id: Key) -> None:
        self.study_id = study_id
        self.ids: dict[str, Key] = {}
        self.values: dict[str, np.ndarray] = {}

    def median(self, name: str, channel: str) -> float:
        return float(np.median(self.values[name][:, NAMES.index(channel)].astype(np.float64)))


@pytest.fixture
async def tubes(catalog: Catalog, people: People) -> Tubes:
    made = Tubes(await study(catalog, people.ada))
    for number, (name, reagents) in enumerate(PANELS.items(), 1):
        events = floats(200 + number, len(NAMES), seed=number).reshape(-1, len(NAMES))
        said = {f"$P{place}S": reagent for place, reagent in enumerate(reagents, 1) if reagent}
        data = build(plain(len(events), NAMES) | said, events.astype("<f4").tobytes())
        (dataset,) = await add(catalog, people.ada, made.study_id, name, data)
        made.ids[name], made.values[name] = dataset.id, events
    return made


async def test_each_file_gives_the_channel_that_carries_the_reagent(
    catalog: Catalog, people: People, tubes: Tubes
) -> None:
    asked = Asked(["reagent:CD3", "var:FITC-A", "reagent:CD19"], ["median", "event_count"])
    found = await catalog.statistics.table(people.ada, study_id=tubes.study_id, asked=asked)
    values = {found.datasets[row.dataset_id]: row.values for row in found.rows}
    median = tubes.median
    expected = {
        "t.fcs": (median("t.fcs", "FITC-A"), median("t.fcs", "FITC-A"), median("t.fcs", "PE-A")),
        "b.fcs": (median("b.fcs", "PE-A"), median("b.fcs", "FITC-A"), median("b.fcs", "FITC-A")),
        "two.fcs": (None, median("two.fcs", "FITC-A"), None),
        "none.fcs": (None, median("none.fcs", "FITC-A"), median("none.fcs", "FITC-A")),
    }
    for name, wanted in expected.items():
        assert [values[name][axis]["median"] for axis in asked.axes] == [
            None if one is None else pytest.approx(one, rel=1e-6) for one in wanted
        ]
    notes = {found.datasets[id]: [(note.about, note.text) for note in each] for id, each in found.notes.items()}
    assert notes == {
        "two.fcs": [
            ("reagent:CD3", "CD3 is on FITC-A and PE-A; name one of these channels"),
            ("reagent:CD19", "No channel has the reagent CD19"),
        ],
        "none.fcs": [
            ("reagent:CD3", "No channel has the reagent CD3"),
            ("reagent:CD19", "CD19 is on FITC-A and FITC-H; the area, FITC-A, is taken"),
        ],
    }


async def test_layouts_say_channel_and_reason(catalog: Catalog, people: People, tubes: Tubes) -> None:
    asked = Asked(["reagent:CD3"], ["median"])
    found = await catalog.statistics.table(people.ada, study_id=tubes.study_id, asked=asked)
    several, none = "CD3 is on FITC-A and PE-A; name one of these channels", "No channel has the reagent CD3"
    for layout in ("medium", "tall"):
        laid = LAYOUTS[layout](found, {})
        assert laid["dataset"] == list(PANELS)
        assert laid["axis"] == ["reagent:CD3"] * 4
        assert laid["channel"] == ["FITC-A", "PE-A", None, None]
        assert laid["reagent"] == ["CD3", "cd3", "CD3", "CD3"]
        assert laid["note"] == [None, None, several, none]
        arrays = typed(laid)
        assert np.isnan(arrays["median" if layout == "medium" else "value"]).tolist() == [False, False, True, True]
    wide = LAYOUTS["wide"](found, {})
    assert list(wide) == ["dataset_id", "dataset", "Ungated | CD3 | median", "note"]
    assert wide["note"] == [None, None, several, none]
    assert wide["Ungated | CD3 | median"][:2] == pytest.approx(
        [tubes.median("t.fcs", "FITC-A"), tubes.median("b.fcs", "PE-A")], rel=1e-6
    )
    assert list(LAYOUTS["prism"](found, {})) == ["statistic", *PANELS]
    twins = replace(found, datasets=dict.fromkeys(found.datasets, "t.fcs"))
    assert list(LAYOUTS["prism"](twins, {})) == ["statistic", "t.fcs", "t.fcs (2)", "t.fcs (3)", "t.fcs (4)"]
    # where nothing is to be said there is no column for it, and a reagent beside its channel keeps its own
    both = replace(asked, axes=["reagent:CD3", "var:FITC-A", "var:APC-A"])
    ids = [tubes.ids["t.fcs"]]
    quiet = await catalog.statistics.table(people.ada, study_id=tubes.study_id, asked=both, dataset_ids=ids)
    assert "note" not in LAYOUTS["medium"](quiet, {})
    titles = ("reagent:CD3", "var:FITC-A", "CD4")
    assert list(LAYOUTS["wide"](quiet, {}))[2:] == [f"Ungated | {title} | median" for title in titles]


async def test_a_population_that_cannot_be_told_says_why(catalog: Catalog, people: People, tubes: Tubes) -> None:
    data = build(plain(9, ("FSC-A",)), floats(9, 1).tobytes())
    (bare,) = await add(catalog, people.ada, tubes.study_id, "bare.fcs", data)
    gate = NewGate(kind="range", name="high", x="var:PE-A", geometry={"x1": 0, "x2": 9, "y": 0.5})
    _, [high] = await catalog.gates.create_with_populations(people.ada, study_id=tubes.study_id, gates=[gate])
    asked = Asked(["var:APC-A"], ["event_count", "mean"])
    found = await catalog.statistics.table(
        people.ada, study_id=tubes.study_id, asked=asked, population_ids=[None, high.id]
    )
    notes = [(note.about, note.text) for note in found.notes[bare.id]]
    assert notes == [(high.id, "'bare.fcs' has no channel 'PE-A'"), ("var:APC-A", "No channel APC-A")]
    assert list(found.notes) == [bare.id]
    laid = LAYOUTS["tall"](found, {})
    told = [
        (population, axis, note)
        for name, population, axis, note in zip(
            *(laid[key] for key in ("dataset", "population", "axis", "note")), strict=True
        )
        if name == "bare.fcs"
    ]
    assert told == [
        ("Ungated", "", None),
        ("Ungated", "var:APC-A", "No channel APC-A"),
        ("high", "", "'bare.fcs' has no channel 'PE-A'"),
        ("high", "var:APC-A", "'bare.fcs' has no channel 'PE-A'. No channel APC-A"),
    ]


async def test_formulas_go_by_the_same_reagents(catalog: Catalog, people: People, tubes: Tubes) -> None:
    asked = Asked(statistics=[], formulas={"ratio": "median(cd3) / median(APC-A)"})
    found = await catalog.statistics.table(people.ada, study_id=tubes.study_id, asked=asked)
    ratios = {found.datasets[row.dataset_id]: row.formulas["ratio"] for row in found.rows}
    assert ratios == {
        "t.fcs": pytest.approx(tubes.median("t.fcs", "FITC-A") / tubes.median("t.fcs", "APC-A"), rel=1e-5),
        "b.fcs": pytest.approx(tubes.median("b.fcs", "PE-A") / tubes.median("b.fcs", "APC-A"), rel=1e-5),
        "two.fcs": None,
        "none.fcs": None,
    }
    laid = LAYOUTS["medium"](found, {})
    assert laid["note"] == [None, None, "cd3 is on FITC-A and PE-A; name one of these channels", "No channel cd3"]


async def test_a_reagent_of_no_file_is_refused_with_those_that_are(
    catalog: Catalog, people: People, tubes: Tubes
) -> None:
    with pytest.raises(InvalidInputError, match=r"no channel with the reagent 'CD33'.*FITC-A \(CD3\)"):
        await catalog.statistics.table(people.ada, study_id=tubes.study_id, asked=Asked(["reagent:CD33"], ["mean"]))
    with pytest.raises(InvalidInputError, match=r"2 channels have the reagent 'CD3'.*Name one of FITC-A, PE-A"):
        await catalog.statistics.table(
            people.ada,
            study_id=tubes.study_id,
            asked=Asked(["reagent:CD3"], ["mean"]),
            dataset_ids=[tubes.ids["two.fcs"]],
        )


async def test_of_several_that_no_file_has_the_first_is_told(catalog: Catalog, people: People, tubes: Tubes) -> None:
    names = [f"reagent:CD{n}" for n in range(40, 60)]
    with pytest.raises(InvalidInputError, match="'CD40'"):
        await catalog.statistics.table(people.ada, study_id=tubes.study_id, asked=Asked(names, ["mean"]))


async def test_heatmaps_sheets_and_events_go_by_reagent(catalog: Catalog, people: People, tubes: Tubes) -> None:
    look = PlotStyle(format="svg", width=300, height=200)
    files = Files(list(tubes.ids.values()))
    data = await catalog.plots.heatmap_of_files(
        people.ada, study_id=tubes.study_id, axes=["reagent:CD3", "reagent:CD4"], files=files, style=look
    )
    assert {"CD3", "CD4 (APC-A)", *PANELS} <= set(texts(data))
    plot = PlotSpec("histogram", "reagent:CD3")
    sheet = await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=[plot], files=files, style=look)
    told = texts(sheet)
    assert {"CD3 (FITC-A)", "cd3 (PE-A)", "lacks one CD3 (FITC-A, PE-A have it)", "lacks CD3"} <= set(told)
    # one file alone: the scale, label and gates of the channel
    by_name = replace(plot, x="var:PE-A")
    one, same = [await catalog.plots.draw(people.ada, dataset_id=tubes.ids["b.fcs"], spec=p) for p in (plot, by_name)]
    assert one == same
    maps = [
        await catalog.plots.heatmap(people.ada, dataset_id=tubes.ids["b.fcs"], axes=[axis], population_ids=[None])
        for axis in ("reagent:CD3", "var:PE-A")
    ]
    assert maps[0] == maps[1]
    scale = scale_from_json((await catalog.scales.get(people.ada, study_id=tubes.study_id)).scales["var:PE-A"])
    for scaled in (False, True):
        view = await catalog.event_views.read(
            people.ada, dataset_id=tubes.ids["b.fcs"], wanted=Wanted(["reagent:CD3"], scaled=scaled)
        )
        values = tubes.values["b.fcs"][:, 3].astype(np.float32)
        np.testing.assert_array_equal(view.columns["reagent:CD3"], scale.forward(values) if scaled else values)
    with pytest.raises(NotFoundError, match="Name one of FITC-A, PE-A"):
        await catalog.plots.draw(people.ada, dataset_id=tubes.ids["two.fcs"], spec=plot)


async def test_a_row_is_not_drawn_of_another_reagent(catalog: Catalog, people: People, tubes: Tubes) -> None:
    """The channel that is meant has another reagent in the other file, which has none of what is meant."""
    files = Files([tubes.ids["t.fcs"], tubes.ids["none.fcs"]], reagents_of=tubes.ids["t.fcs"])
    look = PlotStyle(format="svg", width=300, height=200)
    plot = PlotSpec("histogram", "var:FITC-A")
    sheet = await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=[plot], files=files, style=look)
    assert "lacks CD3" in texts(sheet)


async def test_gates_and_scales_lie_on_channels(catalog: Catalog, people: People, tubes: Tubes) -> None:
    gate = NewGate(kind="range", name="T", x="reagent:CD3", geometry={"x1": 0, "x2": 9, "y": 0.5})
    with pytest.raises(InvalidInputError, match="no single channel"):
        await catalog.gates.create(people.ada, study_id=tubes.study_id, gates=[gate])
    scales = {"reagent:CD3": {"type": "linear", "minimum": 0, "maximum": 1}}
    with pytest.raises(InvalidInputError, match="no single channel"):
        await catalog.scales.put(people.ada, study_id=tubes.study_id, scales=scales)


async def _source(catalog: Catalog, people: People, reagents: tuple[str, ...] = ("", "CD3", "", "CD19", "CD8")) -> Key:
    """A study with one file and a gate on each of FITC-A and PE-A, of the populations T and B."""
    study_id = await study(catalog, people.ada, "Source")
    said = {f"$P{place}S": reagent for place, reagent in enumerate(reagents, 1) if reagent}
    data = build(plain(30, NAMES) | said, floats(30, len(NAMES)).tobytes())
    await add(catalog, people.ada, study_id, "source.fcs", data)
    gates = [
        NewGate(kind="range", name=name, x=axis, geometry={"x1": 0, "x2": 9, "y": 0.5})
        for name, axis in (("T", "var:FITC-A"), ("B", "var:PE-A"))
    ]
    await catalog.gates.create_with_populations(people.ada, study_id=study_id, gates=gates)
    return study_id


async def test_channels_of_a_copy_that_reagents_do_not_tell_are_named(
    catalog: Catalog, people: People, tubes: Tubes
) -> None:
    source = await _source(catalog, people)
    between = catalog.imports.channels.between
    with pytest.raises(InvalidInputError) as caught:
        await between(people.ada, from_study=source, to_study=tubes.study_id, by_reagent=True)
    assert caught.value.details["problems"] == [
        # of the three files with CD3 one has it on FITC-A alone, one has the gate's own channel among two
        "CD3 is on FITC-A in 2 files and PE-A in 1 file there",
        "CD19 is on FITC-A in 2 files and PE-A in 1 file there",
    ]
    assert 'as in {"FITC-A": "PE-A"}' in caught.value.sentence
    said = {"FITC-A": "PE-A", "PE-A": ""}
    found = await between(people.ada, from_study=source, to_study=tubes.study_id, said=said, by_reagent=True)
    assert found == said
    # only the gates of what is copied count
    [t, b] = await catalog.populations.list(people.ada, study_id=source)
    for population, words in ((t, "CD3 is on"), (b, "CD19 is on")):
        with pytest.raises(InvalidInputError, match=words) as caught:
            await between(
                people.ada, from_study=source, to_study=tubes.study_id, by_reagent=True, population_ids=[population.id]
            )
        assert len(caught.value.details["problems"]) == 1
    # files that agree need no word, and controls have none
    others = [tubes.ids[name] for name in ("b.fcs", "none.fcs", "two.fcs")]
    for id in others:
        await catalog.cytometry.change(people.ada, dataset_id=id, is_control=True)
    found = await between(people.ada, from_study=source, to_study=tubes.study_id, by_reagent=True)
    assert found == {"FITC-A": "FITC-A", "PE-A": "PE-A"}


async def test_a_source_whose_files_disagree_is_told(catalog: Catalog, people: People) -> None:
    source, target = await _source(catalog, people), await _source(catalog, people)
    data = build(plain(9, NAMES, _P2S="CD4", _P4S="cd19"), floats(9, len(NAMES)).tobytes())
    await add(catalog, people.ada, source, "other.fcs", data)
    between = catalog.imports.channels.between
    with pytest.raises(InvalidInputError, match="FITC-A is CD3 in 1 file and CD4 in 1 file here"):
        await between(people.ada, from_study=source, to_study=target, by_reagent=True)
    found = await between(people.ada, from_study=source, to_study=target, by_reagent=True, said={"FITC-A": "APC-A"})
    assert found == {"FITC-A": "APC-A", "PE-A": "PE-A"}


async def test_two_channels_of_one_file_are_refused(catalog: Catalog, people: People) -> None:
    source = await _source(catalog, people, ("", "CD3", "", "", ""))
    target = await _source(catalog, people, ("", "", "", "CD3", "CD3"))
    between = catalog.imports.channels.between
    with pytest.raises(InvalidInputError, match="CD3 is on PE-A and APC-A in 1 file there"):
        await between(people.ada, from_study=source, to_study=target, by_reagent=True)
