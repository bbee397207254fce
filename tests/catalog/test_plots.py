"""Plots through the catalog: of genes and of events, with populations, gates, sampling, overlays and rights."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.gates import NewGate
from cytosol.catalog.plot_specs import Overlay, PlotSpec, Sampling
from tests.catalog.making import make_dataset
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, fcs, study

SVG = PlotStyle(format="svg", gate_label=("name", "eventcount"))


@dataclass(frozen=True)
class Table:
    """A table of some kind with two axes, and their values in the unit of the data."""

    study_id: Key
    dataset_id: Key
    axes: tuple[str, str]
    labels: tuple[str, str]
    values: np.ndarray


@pytest.fixture(params=["genes", "events"])
async def table(request: pytest.FixtureRequest, catalog: Catalog, people: People) -> Table:
    if request.param == "genes":
        made = await make_dataset(catalog, people.ada)
        pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
        found = (await catalog.tables.values(pinned, features=["GENE0", "GENE3"])).dense
        assert found is not None
        return Table(made.study_id, made.id, ("var:GENE0", "var:GENE3"), ("GENE0", "GENE3"), found)
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(2000))
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    spill = await catalog.compensations.resolve(pinned, "own")
    axes = ("var:FITC-A", "var:PE-A")
    values = [await catalog.axes.axis(pinned, axis, spill) for axis in axes]
    return Table(study_id, dataset.id, axes, ("CD4 (FITC-A)", "CD8 (PE-A)"), np.array(values))


async def drawn(catalog: Catalog, people: People, table: Table, **said: Any) -> bytes:
    spec = PlotSpec(**{"kind": "dot", "x": table.axes[0], "y": table.axes[1], "style": SVG, **said})
    return await catalog.plots.draw(people.ada, dataset_id=table.dataset_id, spec=spec)


def texts(data: bytes) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", data.decode())


async def scaled(catalog: Catalog, people: People, table: Table) -> np.ndarray:
    """Values as they lie on the axes."""
    scales = (await catalog.scales.get(people.ada, study_id=table.study_id)).scales
    pairs = zip(table.axes, table.values, strict=True)
    return np.array([scale_from_json(scales[a]).forward(v) if a in scales else v for a, v in pairs])


async def two_gates(catalog: Catalog, people: People, table: Table) -> tuple[Any, Any, np.ndarray]:
    """A population of the upper half of x, and in it one of the upper part of both axes: these, and the first mask."""
    x, y = await scaled(catalog, people, table)
    middle = float(np.median(x))
    half = {"x1": middle, "x2": float(x.max()), "y1": float(y.min()), "y2": float(y.max())}
    outer = NewGate("rectangle", "Outer", *table.axes, half)
    _, [first] = await catalog.gates.create_with_populations(people.ada, study_id=table.study_id, gates=[outer])
    corner = {"x1": middle, "x2": float(x.max()), "y1": float(np.median(y)), "y2": float(y.max())}
    inner = NewGate("rectangle", "Inner", *table.axes, corner)
    _, [second] = await catalog.gates.create_with_populations(
        people.ada, study_id=table.study_id, gates=[inner], parent_id=first.id
    )
    return first, second, x >= np.float32(middle)


@pytest.mark.parametrize("kind", ["density", "dot", "contour", "histogram"])
async def test_every_kind_is_drawn_with_the_names_of_its_axes(
    catalog: Catalog, people: People, table: Table, kind: str
) -> None:
    told = texts(await drawn(catalog, people, table, kind=kind))
    assert table.labels[0] in told
    assert ("Events" if kind == "histogram" else table.labels[1]) in told
    png = await drawn(catalog, people, table, kind=kind, style=PlotStyle(width=228, height=170))
    assert Image.open(io.BytesIO(png)).size == (228, 170)


async def test_gates_that_divide_the_population_are_drawn_with_their_counts(
    catalog: Catalog, people: People, table: Table
) -> None:
    first, second, mask = await two_gates(catalog, people, table)
    y = (await scaled(catalog, people, table))[1]
    inner = mask & (y >= np.float32(np.median(y)))
    whole = texts(await drawn(catalog, people, table))
    assert ("Outer" in whole, "Inner" in whole) == (True, False)
    assert f"{mask.sum():,}" in whole
    within = texts(await drawn(catalog, people, table, population_id=first.id))
    assert ("Outer" in within, "Inner" in within) == (False, True)
    assert f"{inner.sum():,}" in within
    last = texts(await drawn(catalog, people, table, population_id=second.id))
    assert not {"Outer", "Inner"} & set(last)
    # a gate that no population uses stands on every plot of its axes
    lone = NewGate("ellipse", "Lone", *table.axes, {"center": [0, 0], "angle": 0, "major": 1, "minor": 1})
    await catalog.gates.create(people.ada, study_id=table.study_id, gates=[lone])
    assert "Lone" in texts(await drawn(catalog, people, table, population_id=second.id))


async def test_exchanged_axes_turn_the_gates(catalog: Catalog, people: People, table: Table) -> None:
    _, _, mask = await two_gates(catalog, people, table)
    x, y = await scaled(catalog, people, table)
    cross = {"x": float(np.median(x)), "y": float(np.quantile(y, 0.7)), "angles": [0, np.pi / 2, np.pi, 3 * np.pi / 2]}
    sectors = [{"name": name} for name in ("++", "-+", "--", "+-")]
    quadrant = NewGate("quadrant", "Q", *table.axes, cross, sectors=sectors)
    await catalog.gates.create(people.ada, study_id=table.study_id, gates=[quadrant])

    def counts(data: bytes) -> dict[str, str]:
        told = texts(data)
        return {name: told[told.index(name) + 1] for name in ("++", "-+", "--", "+-", "Outer")}

    straight = counts(await drawn(catalog, people, table))
    turned = counts(await drawn(catalog, people, table, x=table.axes[1], y=table.axes[0]))
    assert straight == turned
    assert straight["Outer"] == f"{mask.sum():,}"
    assert len(set(straight.values())) > 2


async def test_sampling_draws_so_many_and_the_seed_decides(catalog: Catalog, people: People, table: Table) -> None:
    first, _, mask = await two_gates(catalog, people, table)
    n = len(mask)

    async def n_drawn(**said: Any) -> int:
        everything = NewGate("rectangle", "All", *table.axes, {"x1": -1e9, "x2": 1e9, "y1": -1e9, "y2": 1e9})
        if not await catalog.gates.list(people.ada, study_id=table.study_id, gid="0" * 24):
            await catalog.gates.create(people.ada, study_id=table.study_id, gates=[replace(everything, gid="0" * 24)])
        told = texts(await drawn(catalog, people, table, **said))
        return int(told[told.index("All") + 1].replace(",", ""))

    assert await n_drawn() == n
    assert await n_drawn(sampling=Sampling(pre_n=20)) == 20
    assert await n_drawn(sampling=Sampling(post_p=0.5)) == round(n / 2)
    assert await n_drawn(population_id=first.id, sampling=Sampling(post_n=5)) == 5
    assert await n_drawn(population_id=first.id, sampling=Sampling(pre_n=30, seed=4)) <= 30
    one, same, other = [
        await drawn(catalog, people, table, sampling=Sampling(post_n=30, seed=seed)) for seed in (1, 1, 2)
    ]
    assert one == same
    assert one != other


async def test_overlays_are_named_and_of_one_study(catalog: Catalog, people: People, table: Table) -> None:
    first, second, _ = await two_gates(catalog, people, table)
    over = (Overlay(population_id=first.id), Overlay(population_id=second.id, name="the inner ones"))
    told = texts(await drawn(catalog, people, table, kind="histogram", overlays=over))
    assert "the inner ones" in told
    assert any(text.endswith(": Outer") for text in told)
    with pytest.raises(InvalidInputError, match="Densities"):
        await drawn(catalog, people, table, kind="density", overlays=over)
    elsewhere = await make_dataset(catalog, people.ada)
    with pytest.raises(InvalidInputError, match="another study"):
        await drawn(catalog, people, table, kind="histogram", overlays=(Overlay(elsewhere.id),))


async def test_a_change_of_gates_or_scales_changes_the_plot(catalog: Catalog, people: People, table: Table) -> None:
    before = await drawn(catalog, people, table)
    await two_gates(catalog, people, table)
    gated = await drawn(catalog, people, table)
    current = await catalog.scales.get(people.ada, study_id=table.study_id)
    wide = {"type": "linear", "minimum": -1000, "maximum": 1e6}
    await catalog.scales.put(people.ada, study_id=table.study_id, scales={**current.scales, table.axes[0]: wide})
    moved = await drawn(catalog, people, table)
    assert len({before, gated, moved}) == 3
    assert moved == await drawn(catalog, people, table)


async def test_a_heatmap_of_medians(catalog: Catalog, people: People, table: Table) -> None:
    first, second, _ = await two_gates(catalog, people, table)
    data = await catalog.plots.heatmap(
        people.ada, dataset_id=table.dataset_id, axes=table.axes, population_ids=[None, first.id, second.id], style=SVG
    )
    assert {"All events", "Outer", "Inner", *table.labels} <= set(texts(data))
    nothing = catalog.plots.heatmap(people.ada, dataset_id=table.dataset_id, axes=[])
    with pytest.raises(InvalidInputError, match="nothing to draw"):
        await nothing


async def test_what_does_not_exist_and_who_may_not_look(catalog: Catalog, people: People, table: Table) -> None:
    with pytest.raises(NotFoundError):
        await catalog.plots.draw(people.bob, dataset_id=table.dataset_id, spec=PlotSpec("histogram", table.axes[0]))
    for said in ({"x": "var:none"}, {"population_id": new_key()}):
        with pytest.raises(NotFoundError):
            await drawn(catalog, people, table, **said)
    for said in ({"y": ""}, {"x": "nonsense"}):
        with pytest.raises(InvalidInputError):
            await drawn(catalog, people, table, **said)
    with pytest.raises(LimitExceededError):
        await drawn(catalog, people, table, kind="histogram", overlays=(Overlay(),) * 33)


async def test_embeddings_and_annotations_are_axes_too(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    spec = PlotSpec("dot", "obsm:X_map:0", "obsm:X_map:1", "obs:age", style=SVG)
    told = texts(await catalog.plots.draw(people.ada, dataset_id=made.id, spec=spec))
    assert {"map 1", "map 2", "age"} <= set(told)


async def test_compensation_moves_the_events(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(2000))
    pictures = {
        said: await catalog.plots.draw(
            people.ada, dataset_id=dataset.id, spec=PlotSpec("dot", "var:FITC-A", "var:PE-A", compensation=said)
        )
        for said in ("none", "internal", "own")
    }
    assert pictures["internal"] == pictures["own"] != pictures["none"]


async def test_a_grid_has_a_row_for_each_dataset_and_a_column_for_each_plot(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    for number, n_events in enumerate((2000, 900), 1):
        await add(catalog, people.ada, study_id, f"tube {number}.fcs", fcs(n_events, seed=number))
    everything = NewGate("rectangle", "All", "var:FITC-A", "var:PE-A", {"x1": -99, "x2": 99, "y1": -99, "y2": 99})
    await catalog.gates.create(people.ada, study_id=study_id, gates=[everything])
    look = PlotStyle(format="svg", gate_label=("eventcount",))
    specs = [
        PlotSpec("density", "var:FITC-A", "var:PE-A", style=look),
        PlotSpec("histogram", "var:FSC-A", title="Size", style=look),
    ]
    size = PlotStyle(width=150, height=120)
    png = await catalog.plots.grid(people.ada, study_id=study_id, specs=specs, style=size)
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert picture.shape == (240, 300, 3)
    for row in range(2):
        for column in range(2):
            cell = picture[120 * row : 120 * (row + 1), 150 * column : 150 * (column + 1)]
            assert (cell[30:90, 40:140] < 200).any()
    svg = await catalog.plots.grid(people.ada, study_id=study_id, specs=specs, style=replace(size, format="svg"))
    told = texts(svg)
    titles = ["tube 1.fcs", "tube 1.fcs · Size", "tube 2.fcs", "tube 2.fcs · Size"]
    assert [text for text in told if text.startswith("tube")] == titles
    assert told.index("2,000") < told.index("tube 2.fcs") < len(told) - told[::-1].index("900")
    with pytest.raises(NotFoundError):
        await catalog.plots.grid(people.bob, study_id=study_id, specs=specs)
    with pytest.raises(InvalidInputError, match="nothing to draw"):
        await catalog.plots.grid(people.ada, study_id=study_id, specs=[])
