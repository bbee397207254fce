"""Plots and heatmaps of files in groups of an annotation: which events they show, against numpy."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import plots
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.file_groups import Files
from cytosol.catalog.gates import NewGate
from cytosol.catalog.plot_specs import Overlay, PlotSpec, Sampling
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, fcs, study
from tests.catalog.test_plots import texts
from tests.formats.fcs_files import build, floats, plain

SIZES = (300, 200, 500, 0, 120)
DOSES: tuple[Any, ...] = (10, 2.5, 10, 10, None)
LOOK = PlotStyle(format="svg", width=200, height=160)
AXES = ("var:FITC-A", "var:PE-A")
SCALE = scale_from_json({"type": "arcsinh", "minimum": -200, "maximum": 1 << 18, "cofactor": 150})


class Tubes:
    """Five tubes of two doses, one with no events and one without a dose, and the population high."""

    def __init__(self, study_id: Key, ids: list[Key], values: list[np.ndarray], high: Key) -> None:
        self.study_id, self.ids, self.values, self.high = study_id, ids, values, high

    def pooled(self, *places: int) -> np.ndarray:
        """Values of some tubes on both axes: shape (2, n)."""
        return np.concatenate([self.values[place] for place in places], axis=1)


@pytest.fixture
async def tubes(catalog: Catalog, people: People) -> Tubes:
    study_id = await study(catalog, people.ada)
    ids, values = [], []
    for number, (n_events, dose) in enumerate(zip(SIZES, DOSES, strict=True)):
        (made,) = await add(catalog, people.ada, study_id, f"tube {number}.fcs", fcs(n_events, seed=number + 1))
        said = [] if dose is None else [("dose", dose)]
        await catalog.cytometry.annotate(people.ada, dataset_id=made.id, annotations=said)
        ids.append(made.id)
        pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
        spill = await catalog.compensations.resolve(pinned, "own")
        values.append(np.array([await catalog.axes.axis(pinned, axis, spill) for axis in AXES]))
    gate = NewGate(kind="range", name="high", x="var:FITC-A", geometry={"x1": 1.5, "x2": 99, "y": 0.5})
    _, [high] = await catalog.gates.create_with_populations(people.ada, study_id=study_id, gates=[gate])
    return Tubes(study_id, ids, values, high.id)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was drawn: the drawings of a sheet, or a heatmap."""
    found: list[Any] = []

    def noted(draw: Callable[..., bytes]) -> Callable[..., bytes]:
        def noting(what: Any, **more: Any) -> bytes:
            kept = list(what) if more else what
            found.append(kept)
            return draw(kept, **more)

        return noting

    for name in ("draw_grid", "draw_heatmap"):
        monkeypatch.setattr(plots, name, noted(getattr(plots, name)))
    return found


def in_high(values: np.ndarray) -> np.ndarray:
    """Who is above 1.5 on the scale of the study: shape (n,), bool."""
    found: np.ndarray = SCALE.forward(values[0]) >= np.float32(1.5)
    return found


async def test_a_row_of_a_sheet_has_the_events_of_its_group(
    catalog: Catalog, people: People, tubes: Tubes, seen: list[Any]
) -> None:
    both = PlotSpec("histogram", AXES[0], overlays=(Overlay(population_id=tubes.high),), title="both")
    specs = [PlotSpec("dot", *AXES), both]
    data = await catalog.plots.grid(
        people.ada, study_id=tubes.study_id, specs=specs, files=Files(group_by="dose"), style=LOOK
    )
    # numbers in their order; the tube without a dose comes last
    titles = [text for name in ("dose 2.5", "dose 10 (3 files)", "no value") for text in (name, f"{name} · both")]
    told = [one for one in texts(data) if one in titles]
    assert list(dict.fromkeys(told)) == titles
    assert [one.title for one in seen[0]] == titles
    for row, places in enumerate(((1,), (0, 2, 3), (4,))):
        dots, histogram = seen[0][2 * row : 2 * row + 2]
        expected = tubes.pooled(*places)
        np.testing.assert_array_equal(np.array([dots.layers[0].x, dots.layers[0].y]), expected)
        whole, high = histogram.layers
        np.testing.assert_array_equal(whole.x, expected[0])
        np.testing.assert_array_equal(high.x, expected[0][in_high(expected)])
        assert 0 < len(high.x) < len(whole.x)


async def test_equal_groups_have_as_many_events_of_each_tube(
    catalog: Catalog, people: People, tubes: Tubes, seen: list[Any]
) -> None:
    files = Files(tubes.ids[:4], group_by="dose", equal=True)
    spec = PlotSpec("dot", *AXES, population_id=tubes.high, sampling=Sampling(seed=4))
    for _ in range(2):
        await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=[spec], files=files, style=LOOK)
    alone, together = (one.layers[0].x for one in seen[0])
    parts = [tubes.values[place][0][in_high(tubes.values[place])] for place in (0, 2)]
    np.testing.assert_array_equal(alone, tubes.values[1][0][in_high(tubes.values[1])])
    least = min(map(len, parts))
    assert least < max(map(len, parts))
    assert len(together) == 2 * least
    assert set(together[:least]) <= set(parts[0])
    assert set(together[least:]) <= set(parts[1])
    np.testing.assert_array_equal(seen[1][1].layers[0].x, together)


@pytest.mark.parametrize("group_by", ["", "dose"])
async def test_a_heatmap_of_files_has_their_medians(
    catalog: Catalog, people: People, tubes: Tubes, seen: list[Any], group_by: str
) -> None:
    rows: dict[str, tuple[int, ...]] = {f"tube {n}.fcs": (n,) for n in range(5)}
    if group_by:
        rows = {"dose 2.5": (1,), "dose 10 (3 files)": (0, 2, 3), "no value": (4,)}
    data = await catalog.plots.heatmap_of_files(
        people.ada,
        study_id=tubes.study_id,
        axes=AXES,
        population_id=tubes.high,
        files=Files(group_by=group_by),
        style=LOOK,
    )
    [made] = seen
    assert made.rows == tuple(rows)
    assert {"CD4 (FITC-A)", "CD8 (PE-A)", *rows} <= set(texts(data))
    for row, places in enumerate(rows.values()):
        values = tubes.pooled(*places)
        values = values[:, in_high(values)]
        if not values.size:
            assert np.isnan(made.values[row]).all()
            continue
        expected = SCALE.forward(np.median(values.astype(np.float64), axis=1))
        np.testing.assert_allclose(made.values[row], expected, rtol=1e-6)
    assert np.isnan(made.values).any() == (not group_by)


async def test_channels_are_found_by_reagent_in_files_of_another_panel(
    catalog: Catalog, people: People, tubes: Tubes, seen: list[Any]
) -> None:
    """In tubes 1 and 4 CD4 lies on the channel that has CD8 in the others."""
    swapped = {"FITC-A": "CD8", "PE-A": "cd4"}
    await catalog.cytometry.set_panel(
        people.ada, study_id=tubes.study_id, dataset_ids=[tubes.ids[1], tubes.ids[4]], reagents=swapped
    )
    ids = tubes.ids[:2]
    specs = [PlotSpec("dot", *AXES), PlotSpec("histogram", AXES[0], overlays=(Overlay(dataset_id=tubes.ids[4]),))]
    for home in (tubes.ids[0], None):
        files = Files(dataset_ids=ids, reagents_of=home)
        await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=specs, files=files, style=LOOK)
        first, _, second, flat = seen.pop()
        assert (first.x.label, first.y.label) == ("CD4 (FITC-A)", "CD8 (PE-A)")
        np.testing.assert_array_equal([first.layers[0].x, first.layers[0].y], tubes.values[0])
        own = [1, 0] if home else [0, 1]
        labels = ("cd4 (PE-A)", "CD8 (FITC-A)") if home else ("CD8 (FITC-A)", "cd4 (PE-A)")
        assert (second.x.label, second.y.label) == labels
        np.testing.assert_array_equal([second.layers[0].x, second.layers[0].y], tubes.values[1][own])
        # what is laid over a plot shows the reagent that the plot shows
        np.testing.assert_array_equal(flat.layers[0].x, tubes.values[1][own[0]])
        np.testing.assert_array_equal(flat.layers[1].x, tubes.values[4][own[0]])
    files = Files(dataset_ids=ids, reagents_of=tubes.ids[0])
    await catalog.plots.heatmap_of_files(people.ada, study_id=tubes.study_id, axes=AXES, files=files, style=LOOK)
    medians = [np.median(tubes.values[0], axis=1), np.median(tubes.values[1][[1, 0]], axis=1)]
    np.testing.assert_allclose(seen.pop().values, [SCALE.forward(one.astype(np.float32)) for one in medians], rtol=1e-6)
    plot = PlotSpec("histogram", AXES[0], overlays=(Overlay(dataset_id=tubes.ids[1], name="other"),))
    alone = await catalog.plots.draw(people.ada, dataset_id=tubes.ids[0], spec=plot)
    same = PlotSpec("histogram", AXES[0], overlays=(Overlay(name="other"),))
    assert alone != await catalog.plots.draw(people.ada, dataset_id=tubes.ids[0], spec=same)


async def test_files_that_lack_a_channel_leave_their_place_empty(
    catalog: Catalog, people: People, tubes: Tubes, seen: list[Any]
) -> None:
    data = build(plain(30, ("FSC-A", "FITC-A"), SPILL="1,FITC-A,1"), floats(30, 2).tobytes())
    (bare,) = await add(catalog, people.ada, tubes.study_id, "bare.fcs", data)
    files = Files([tubes.ids[1], bare.id])
    specs = [
        PlotSpec("dot", *AXES),
        PlotSpec("histogram", AXES[0]),
        PlotSpec("histogram", AXES[0], population_id=tubes.high),
    ]
    svg = await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=specs, files=files, style=LOOK)
    assert [one.message for one in seen[0]] == ["", "", "", "lacks PE-A", "", ""]
    assert [len(one.layers) for one in seen[0]] == [1, 1, 1, 0, 1, 1]
    assert "lacks PE-A" in texts(svg)
    np.testing.assert_array_equal(seen[0][4].layers[0].x, floats(30, 2)[:, 1])
    # in a group the others are shown, and the title says how many
    together = Files([tubes.ids[0], tubes.ids[2], bare.id], group_by="dose")
    await catalog.cytometry.annotate(people.ada, dataset_id=bare.id, annotations=[("dose", 10)])
    await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=specs[:1], files=together, style=LOOK)
    (shown,) = seen[1]
    assert (shown.title, shown.message) == ("dose 10 (2 of 3 files)", "")
    np.testing.assert_array_equal(shown.layers[0].x, tubes.pooled(0, 2)[0])
    await catalog.plots.heatmap_of_files(people.ada, study_id=tubes.study_id, axes=AXES, files=files)
    assert np.isnan(seen[2].values).tolist() == [[False, False], [False, True]]
    # a population lacks what one of its gates lies on
    (scatter,) = await add(catalog, people.ada, tubes.study_id, "scatter.fcs", build(plain(9, ("FSC-A",)), bytes(36)))
    high = PlotSpec("histogram", "var:FSC-A", population_id=tubes.high)
    with_scatter = Files([tubes.ids[1], scatter.id])
    await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=[high], files=with_scatter, style=LOOK)
    assert [one.message for one in seen[3]] == ["", "lacks FITC-A"]
    await catalog.plots.heatmap_of_files(
        people.ada, study_id=tubes.study_id, axes=["var:FSC-A"], files=with_scatter, population_id=tubes.high
    )
    assert np.isnan(seen[4].values).tolist() == [[False], [True]]
    await catalog.plots.heatmap(
        people.ada, dataset_id=scatter.id, axes=["var:FSC-A"], population_ids=[None, tubes.high]
    )
    assert np.isnan(seen[5].values).tolist() == [[False], [True]]
    # what no file has is refused
    nobody = PlotSpec("histogram", "var:PE-H")
    with pytest.raises(NotFoundError, match="no channel 'PE-H'"):
        await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=[*specs, nobody], files=files, style=LOOK)
    only = Files([bare.id])
    with pytest.raises(NotFoundError, match="no channel"):
        await catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=specs[:1], files=only, style=LOOK)


async def test_what_cannot_be_grouped_or_seen(catalog: Catalog, people: People, tubes: Tubes) -> None:
    files = Files(group_by="donor")
    for asked in (
        catalog.plots.grid(people.ada, study_id=tubes.study_id, specs=[PlotSpec("dot", *AXES)], files=files),
        catalog.plots.heatmap_of_files(people.ada, study_id=tubes.study_id, axes=AXES, files=files),
    ):
        with pytest.raises(InvalidInputError, match=r"None of the 5 files is annotated with 'donor'.*Choose dose"):
            await asked
    with pytest.raises(NotFoundError):
        await catalog.plots.heatmap_of_files(people.bob, study_id=tubes.study_id, axes=AXES)
    with pytest.raises(NotFoundError, match=r"has no channel 'PE-H'.*FSC-A"):
        await catalog.plots.heatmap_of_files(people.ada, study_id=tubes.study_id, axes=["var:PE-H"])
    with pytest.raises(InvalidInputError, match="nothing to draw"):
        await catalog.plots.heatmap_of_files(people.ada, study_id=tubes.study_id, axes=[])


async def test_large_sheets_hold_one_file_at_a_time(catalog: Catalog, people: People) -> None:
    n_events = 400_000
    study_id = await study(catalog, people.ada)
    made = [await add(catalog, people.ada, study_id, f"{n}.fcs", fcs(n_events, seed=n)) for n in range(4)]
    ids = [one.id for (one,) in made]
    gate = NewGate(kind="range", name="few", x="var:SSC-A", geometry={"x1": 0, "x2": 20, "y": 0.5})
    _, [few] = await catalog.gates.create_with_populations(people.ada, study_id=study_id, gates=[gate])
    spec = PlotSpec("dot", "var:FSC-A", "var:Time", population_id=few.id, compensation="none")
    axes = ["var:FSC-A", "var:FITC-A", "var:PE-A", "var:Time"]

    async def peak(group: list[Key], *, together: bool) -> int:
        for dataset_id in group:
            annotations = [("all", "yes")] if together else []
            await catalog.cytometry.annotate(people.ada, dataset_id=dataset_id, annotations=annotations)
        files = Files(group, group_by="all" if together else "")
        asked: dict[str, Any] = {"study_id": study_id, "files": files, "style": LOOK}
        tracemalloc.start()
        try:
            await catalog.plots.grid(people.ada, specs=[spec], **asked)
            more = {"axes": axes, "population_id": few.id, "compensation": "none"}
            await catalog.plots.heatmap_of_files(people.ada, **more, **asked)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    for together in (False, True):
        await peak(ids, together=together)  # what is kept of masks is kept now
        assert await peak(ids, together=together) < await peak(ids[:2], together=together) + 8 * n_events
