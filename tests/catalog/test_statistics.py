"""Events per µL, formulas and their layouts: against numpy and scipy, with nothing where nothing is defined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.derivations import Derivation
from cytosol.catalog.fcs_selection import EventChoice
from cytosol.catalog.gates import NewGate
from cytosol.catalog.statistics_layouts import LAYOUTS, typed
from cytosol.catalog.statistics_records import Asked, Beads, StatisticsTable
from cytosol.model.gating import Population
from cytosol.model.studies import Dataset
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, fcs, study
from tests.formats.fcs_files import build, floats, plain

RATIO = "median(CD4) / median(PE-A)"


def box(name: str, axis: str, low: float, high: float) -> NewGate:
    return NewGate(kind="range", name=name, x=axis, geometry={"x1": low, "x2": high, "y": 0.5})


async def populate(catalog: Catalog, people: People, study_id: Key, *gates: NewGate, parent: Key | None = None) -> Any:
    _, made = await catalog.gates.create_with_populations(
        people.ada, study_id=study_id, gates=list(gates), parent_id=parent
    )
    return made


class Cells:
    """Two files with the populations high, inside it low, and nobody; scales are off."""

    def __init__(self, study_id: Key, files: list[Dataset], populations: list[Population]) -> None:
        self.study_id = study_id
        self.files = files
        self.high, self.low, self.nobody = populations


@pytest.fixture
async def cells(catalog: Catalog, people: People) -> Cells:
    study_id = await study(catalog, people.ada)
    (one,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(400, seed=1, _VOL="2500"))
    (two,) = await add(catalog, people.ada, study_id, "two.fcs", fcs(300, seed=2))
    [high, nobody] = await populate(
        catalog, people, study_id, box("high", "var:FSC-A", 500, 1e9), box("nobody", "var:FSC-A", -9, -8)
    )
    [low] = await populate(catalog, people, study_id, box("low", "var:SSC-A", -1e9, 400), parent=high.id)
    return Cells(study_id, [one, two], [high, low, nobody])


async def table(catalog: Catalog, people: People, cells: Cells, asked: Asked) -> StatisticsTable:
    ids = [None, cells.high.id, cells.low.id, cells.nobody.id]
    return await catalog.statistics.table(people.ada, study_id=cells.study_id, asked=asked, population_ids=ids)


async def columns(catalog: Catalog, people: People, dataset: Dataset, *names: str) -> list[np.ndarray]:
    """Compensated as the dataset says."""
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    spill = await catalog.compensations.resolve(pinned, "own")
    return [await catalog.axes.axis(pinned, f"var:{name}", spill) for name in names]


async def test_formulas_are_those_of_numpy(catalog: Catalog, people: People, cells: Cells) -> None:
    formulas = {
        "ratio": RATIO,
        "shares": "percent(low, total) / percent(high)",
        "spread": "log2(quantile(CD4, 0.9, high) - quantile(CD4, 0.1, high))",
        "own": "event_count / event_count(Ungated)",
        "none": "median(CD4, nobody) + 1",
    }
    found = await table(catalog, people, cells, Asked(statistics=[], formulas=formulas))
    rows = {(row.dataset_id, row.population_id): row for row in found.rows}
    assert len(rows) == 8
    for dataset in cells.files:
        forward, side, cd4, cd8 = await columns(catalog, people, dataset, "FSC-A", "SSC-A", "FITC-A", "PE-A")
        high = forward >= 500
        masks = {
            None: high | True,
            cells.high.id: high,
            cells.low.id: high & (side <= 400),
            cells.nobody.id: high & False,
        }
        assert 0 < masks[cells.low.id].sum() < high.sum() < len(high)
        low, top = stats.mstats.mquantiles(cd4[high], [0.1, 0.9], alphap=1 / 3, betap=1 / 3)
        for id, mask in masks.items():
            row = rows[dataset.id, id].formulas
            ratio = np.median(cd4[mask]) / np.median(cd8[mask]) if mask.any() else None
            assert row["ratio"] == (None if ratio is None else pytest.approx(ratio, rel=1e-5))
            assert row["shares"] == pytest.approx(masks[cells.low.id].sum() / high.sum(), rel=1e-12)
            assert row["spread"] == pytest.approx(np.log2(top - low), rel=1e-5)
            assert row["own"] == pytest.approx(mask.mean())
            assert row["none"] is None
    assert found.of_datasets == {"shares", "spread", "none"}


async def test_events_per_microlitre_of_the_volume_and_of_beads(catalog: Catalog, people: People, cells: Cells) -> None:
    asked = Asked(statistics=["event_count", "events_per_ul"], formulas={"all": "events_per_ul(all)"})
    found = await table(catalog, people, cells, asked)
    for row in found.rows:
        known = row.dataset_id == cells.files[0].id  # the other file says no volume
        assert row.per_ul == (pytest.approx(row.n_events / 2.5) if known else None)
        assert row.formulas["all"] == (pytest.approx(400 / 2.5) if known else None)
    beads = Beads(cells.low.id, n_added=50_000, volume_ul=200)
    found = await table(catalog, people, cells, replace(asked, beads=beads))
    n_beads = {row.dataset_id: row.n_events for row in found.rows if row.population_id == cells.low.id}
    assert min(n_beads.values()) > 0
    for row in found.rows:
        assert row.per_ul == pytest.approx(row.n_events / n_beads[row.dataset_id] * 50_000 / 200)
    found = await table(catalog, people, cells, replace(asked, beads=replace(beads, population_id=cells.nobody.id)))
    assert {row.per_ul for row in found.rows} == {None}
    with pytest.raises(InvalidInputError, match="more than 0"):
        await table(catalog, people, cells, replace(asked, beads=replace(beads, volume_ul=0)))


async def test_all_layouts_have_them(catalog: Catalog, people: People, cells: Cells) -> None:
    formulas = {"CD4 to CD8": RATIO, "low in high": "percent(low, high)"}
    asked = Asked(["var:FITC-A"], ["mean", "event_count", "events_per_ul"], formulas=formulas)
    found = await table(catalog, people, cells, asked)
    rows = {(row.dataset_id.hex24, row.population_id and row.population_id.hex24): row for row in found.rows}
    laid = LAYOUTS["medium"](found, {})
    assert list(laid)[7:] == ["event_count", "events_per_ul", *formulas, "axis", "channel", "reagent", "mean"]
    for place, key in enumerate(zip(laid["dataset_id"], laid["population_id"], strict=True)):
        assert laid["CD4 to CD8"][place] == rows[key].formulas["CD4 to CD8"]
        assert laid["events_per_ul"][place] == rows[key].per_ul
    tall = LAYOUTS["tall"](found, {})
    assert len(tall["value"]) == 8 * 5
    assert set(tall["statistic"]) == {"mean", "event_count", "events_per_ul", *formulas}
    wide = LAYOUTS["wide"](found, {})
    assert wide["Ungated | events_per_ul"] == [400 / 2.5, None]
    assert [name for name in wide if "low in high" in name] == ["low in high"]
    assert [name for name in wide if "CD4 to CD8" in name] == [
        f"{name} | CD4 to CD8" for name in ("Ungated", "high", "low", "nobody")
    ]
    assert wide["nobody | CD4 to CD8"] == [None, None]
    prism = LAYOUTS["prism"](found, {})
    assert dict(zip(prism["statistic"], prism["one.fcs"], strict=True))["low in high"] == wide["low in high"][0]
    arrays = typed(laid)
    assert arrays["CD4 to CD8"].dtype == arrays["events_per_ul"].dtype == np.float64
    assert np.isnan(arrays["CD4 to CD8"]).sum() == 2


async def test_channels_that_share_a_reagent_keep_columns_of_their_own(
    catalog: Catalog, people: People, cells: Cells
) -> None:
    reagents = {"FSC-A": "CD3", "SSC-A": "CD3"}
    await catalog.cytometry.set_panel(
        people.ada, study_id=cells.study_id, dataset_ids=[cells.files[0].id], reagents=reagents
    )
    axes = ["var:FSC-A", "var:SSC-A", "var:FITC-A"]
    asked = Asked(axes, ["median"])
    found = await catalog.statistics.table(people.ada, study_id=cells.study_id, asked=asked)
    wide = LAYOUTS["wide"](found, {})
    first = {axis: values["median"] for axis, values in found.rows[0].values.items()}
    titles = ("CD3 (FSC-A)", "CD3 (SSC-A)", "CD4")
    assert [wide[f"Ungated | {title} | median"][0] for title in titles] == [first[axis] for axis in axes]
    assert wide["Ungated | FSC-A | median"] == [None, found.rows[1].values["var:FSC-A"]["median"]]


@pytest.mark.parametrize(
    ("formulas", "words"),
    [
        ({"r": "median(CD4) +"}, "it ends where a value is expected at letter 14"),
        ({"r": "1 + percent(B cells)"}, "no population is called 'B cells'; it is named at letter 5"),
        ({"r": "median(CD99)"}, "has no channel 'CD99'"),
        (
            {"r": "median(doublet)"},
            "2 channels have the reagent 'doublet' (reagent:doublet). Name one of FSC-A, SSC-A.",
        ),
        ({"mean": "1"}, "another column"),
        ({"note": "1"}, "another column"),
        ({"a | b": "1"}, "name of a formula"),
        ({" ": "1"}, "name of a formula"),
        ({str(n): "1" for n in range(101)}, "too many"),
    ],
)
async def test_what_a_formula_cannot_be(
    catalog: Catalog, people: People, cells: Cells, formulas: dict[str, str], words: str
) -> None:
    reagents = {"FSC-A": "doublet", "SSC-A": "doublet"}
    await catalog.cytometry.set_panel(
        people.ada, study_id=cells.study_id, dataset_ids=[one.id for one in cells.files], reagents=reagents
    )
    with pytest.raises(InvalidInputError) as caught:
        await table(catalog, people, cells, Asked(statistics=[], formulas=formulas))
    assert words in caught.value.sentence


async def test_a_channel_that_is_not_there_is_told_with_those_that_are(
    catalog: Catalog, people: People, cells: Cells
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await table(catalog, people, cells, Asked(["var:FITC-H"], ["mean"]))
    assert "has no channel 'FITC-H'" in caught.value.what
    assert "FSC-A, SSC-A, FITC-A (CD4), PE-A (CD8), Time" in caught.value.do


async def test_a_file_that_lacks_a_channel_leaves_gaps(catalog: Catalog, people: People, cells: Cells) -> None:
    data = build(plain(20, ("FSC-A", "SSC-A", "B"), _VOL="4000"), floats(20, 3).tobytes())
    (bare,) = await add(catalog, people.ada, cells.study_id, "bare.fcs", data)
    formulas = {"ratio": RATIO, "n": "event_count / 2"}
    found = await table(catalog, people, cells, Asked(["var:FITC-A"], ["mean", "events_per_ul"], formulas=formulas))
    for row in found.rows:
        if row.dataset_id == bare.id:
            assert row.values == {"var:FITC-A": {"mean": None}}
            assert (row.formulas["ratio"], row.formulas["n"]) == (None, (row.n_events or 0) / 2)
            assert row.per_ul == (row.n_events or 0) / 4
        elif row.n_events:
            assert row.values["var:FITC-A"]["mean"] is not None
            assert row.formulas["ratio"] is not None


async def test_populations_of_one_name_are_told_apart_by_unique_names(
    catalog: Catalog, people: People, cells: Cells
) -> None:
    await populate(catalog, people, cells.study_id, box("low", "var:SSC-A", -1e9, 100), parent=cells.nobody.id)
    with pytest.raises(InvalidInputError, match="2 populations are called 'low'"):
        await table(catalog, people, cells, Asked(statistics=[], formulas={"n": "event_count(low)"}))
    formulas = {"n": 'event_count("high > low")', "id": f"event_count({cells.low.id.hex24})"}
    found = await table(catalog, people, cells, Asked(statistics=["event_count"], formulas=formulas))
    for row in found.rows:
        if row.population_id == cells.low.id:
            assert row.formulas == {"n": row.n_events, "id": row.n_events}


async def test_the_volume_of_files_made_of_files(catalog: Catalog, people: People, cells: Cells) -> None:
    (more,) = await add(catalog, people.ada, cells.study_id, "more.fcs", fcs(100, seed=3, _VOL="1500.5"))
    ids = (cells.files[0].id, more.id)
    none = {"joined with one that says none": (Derivation((*ids, cells.files[1].id)), None)}
    cases = {
        "copied": (Derivation(ids[:1]), 2.5),
        "joined": (Derivation(ids), 4.0005),
        "sampled": (Derivation(ids, choice=EventChoice(post_n=10)), None),
        "of a population": (Derivation(ids[:1], choice=EventChoice(population_id=cells.high.id)), 2.5),
        **none,
    }
    for name, (what, expected) in cases.items():
        (made,) = await catalog.derivations.derive(
            people.ada, study_id=cells.study_id, what=replace(what, filename=f"{name}.fcs")
        )
        asked = Asked(statistics=["events_per_ul"])
        found = await catalog.statistics.table(people.ada, study_id=cells.study_id, asked=asked, dataset_ids=[made.id])
        n = found.rows[0].n_events
        assert found.rows[0].per_ul == (None if expected is None else pytest.approx(n / expected)), name


@pytest.mark.parametrize(
    ("name", "volume"),
    [
        ("miltenyi_macsquant_fcs31", 10.666),
        ("thermo_attune", 4.0),
        ("sysmex_cyflow_cube8", 99.0),
        ("cytek_nl2000_spectral", 36.6),  # 123 s at the low speed of an Aurora: µL, not nL
        ("bd_lsr2_hts_fcs3", None),
    ],
)
async def test_real_instruments_say_the_volume(
    catalog: Catalog, people: People, shared_data: Path, name: str, volume: float | None
) -> None:
    path = shared_data / "cytometry" / "fcs" / f"{name}.fcs"
    if not path.exists():
        pytest.skip(f"{path} is not here, which shared/data/README.md lists with its source")
    study_id = await study(catalog, people.ada)
    (made,) = await add(catalog, people.ada, study_id, path.name, path.read_bytes())
    found = await catalog.statistics.table(people.ada, study_id=study_id, asked=Asked(statistics=["events_per_ul"]))
    row = found.rows[0]
    assert row.dataset_id == made.id
    assert row.per_ul == (None if volume is None else pytest.approx(row.n_events / volume))


class Counting(dict[Key, dict[str, Any]]):
    """Annotations that count how often somebody looks through all of them."""

    looked_through = 0

    def values(self) -> Any:
        self.looked_through += 1
        return super().values()


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_annotations_of_many_files_are_looked_through_once(
    catalog: Catalog, people: People, cells: Cells, layout: str
) -> None:
    found = await table(catalog, people, cells, Asked(["var:FITC-A"], ["mean", "event_count"]))
    annotations = Counting({cells.files[0].id: {"dose": 2.5}, cells.files[1].id: {"day": 1}})
    laid = LAYOUTS[layout](found, annotations)
    assert annotations.looked_through == 1
    if layout == "prism":
        place = laid["statistic"].index("annotation:dose")
        assert [laid[file.name][place] for file in cells.files] == [2.5, None]
    else:
        of_file = dict(zip(laid["dataset"], laid["annotation:dose"], strict=True))
        assert of_file == {"one.fcs": 2.5, "two.fcs": None}
