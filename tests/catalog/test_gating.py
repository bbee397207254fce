"""Populations and statistics of a table of genes: against numpy, and only computed where something changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog import gating_masks
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.event_views import Wanted
from cytosol.catalog.gates import NewGate
from cytosol.catalog.statistics_records import Asked
from cytosol.model.gating import Population
from tests.catalog.making import Made, make_dataset, run_here
from tests.catalog.people import People

HIGH = {"kind": "range", "name": "high", "x": "var:GENE0", "geometry": {"x1": 1.5, "x2": 99, "y": 0.5}}
OLD = {"kind": "split", "name": "age", "x": "obs:age", "geometry": {"x": 1.4, "y": 0.5}}
MAP = {
    "kind": "polygon", "name": "left", "x": "obsm:X_map:0", "y": "obsm:X_map:1",
    "geometry": {"vertices": [[-1, -1], [80.5, -1], [80.5, 200], [-1, 200]]},
}  # fmt: skip


@pytest.fixture
async def made(catalog: Catalog, people: People) -> Made:
    return await make_dataset(catalog, people.ada)


async def gate(catalog: Catalog, people: People, made: Made, said: dict[str, Any], parent: Key | None = None) -> Any:
    return await catalog.gates.create_with_populations(
        people.ada, study_id=made.study_id, gates=[NewGate(**said)], parent_id=parent
    )


async def mask(catalog: Catalog, people: People, made: Made, population: Population | None) -> np.ndarray:
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    return await catalog.gating.mask(pinned, population=population)


def lognorm(made: Made, gene: int) -> np.ndarray:
    dense = made.matrix.toarray()
    found: np.ndarray = np.log1p(1e4 * dense[:, gene] / dense.sum(1))
    return found


async def test_masks_are_those_of_numpy(catalog: Catalog, people: People, made: Made) -> None:
    _, [high] = await gate(catalog, people, made, HIGH)
    _, [young, old] = await gate(catalog, people, made, OLD, high.id)
    _, [left] = await gate(catalog, people, made, MAP)
    genes, ages = lognorm(made, 0), np.linspace(1, 2, 60).astype(np.float32)
    expected = genes >= 1.5
    assert 0 < expected.sum() < 60
    np.testing.assert_array_equal(await mask(catalog, people, made, high), expected)
    np.testing.assert_array_equal(await mask(catalog, people, made, old), expected & (ages >= np.float32(1.4)))
    np.testing.assert_array_equal(await mask(catalog, people, made, young), expected & (ages < np.float32(1.4)))
    np.testing.assert_array_equal(await mask(catalog, people, made, left), np.arange(60) * 2 <= 80.5)
    assert (await mask(catalog, people, made, None)).all()
    tree = {"or": [{"not": [{"gate": high.terminal_gid}]}, {"column": "type", "groups": ["B"]}]}
    mixed = await catalog.populations.create(people.ada, study_id=made.study_id, name="M", tree=tree)
    np.testing.assert_array_equal(await mask(catalog, people, made, mixed), ~expected | (np.arange(60) % 2 == 0))


async def test_a_scale_limits_and_scales_before_the_gate(catalog: Catalog, people: People, made: Made) -> None:
    scales = {"obs:age": {"type": "log", "minimum": 1.2, "maximum": 1.8}}
    await catalog.scales.put(people.ada, study_id=made.study_id, scales=scales)
    edge = {
        "kind": "range",
        "name": "r",
        "x": "obs:age",
        "geometry": {"x1": np.log10(1.7), "x2": np.log10(1.8), "y": 0},
    }
    _, [upper] = await gate(catalog, people, made, edge)
    ages = np.linspace(1, 2, 60)
    # the gate reaches the limit of the scale, so it takes everything beyond
    np.testing.assert_array_equal(await mask(catalog, people, made, upper), ages >= 1.7)


async def test_the_gate_of_a_dataset_is_in_force_for_it_alone(catalog: Catalog, people: People, made: Made) -> None:
    [family], [high] = await gate(catalog, people, made, HIGH)
    other = await make_dataset(catalog, people.ada, made.study_id)
    own = NewGate(**{**HIGH, "geometry": {"x1": -1, "x2": 0.1, "y": 0.5}, "dataset_id": other.id})
    await catalog.gates.tailor(people.ada, study_id=made.study_id, gid=family.gid, gate=own, dataset_ids=[other.id])
    genes = lognorm(made, 0)
    np.testing.assert_array_equal(await mask(catalog, people, made, high), genes >= 1.5)
    np.testing.assert_array_equal(await mask(catalog, people, other, high), genes <= 0.1)
    counted = await catalog.gating.counts(people.ada, study_id=made.study_id, population_ids=[high.id])
    assert [(row.dataset_id, row.n_events) for row in counted] == [
        (made.id, int((genes >= 1.5).sum())),
        (other.id, int((genes <= 0.1).sum())),
    ]


async def test_counts_have_percent_of_parent_and_total(catalog: Catalog, people: People, made: Made) -> None:
    _, [high] = await gate(catalog, people, made, HIGH)
    _, [_, old] = await gate(catalog, people, made, OLD, high.id)
    nobody = {**HIGH, "name": "nobody", "geometry": {"x1": 98, "x2": 99, "y": 0}}
    _, [empty] = await gate(catalog, people, made, nobody)
    below = await catalog.populations.create(
        people.ada, study_id=made.study_id, name="below nobody", tree=empty.tree, parent_id=empty.id
    )
    found = await catalog.gating.counts(people.ada, study_id=made.study_id)
    rows = {row.population_id: row for row in found}
    assert list(rows)[:2] == [None, high.id]
    assert (rows[None].n_events, rows[None].of_parent, rows[None].of_total) == (60, 100, 100)
    n_high, n_old = rows[high.id].n_events, rows[old.id].n_events
    assert n_high is not None
    assert n_old is not None
    assert rows[old.id].of_parent == pytest.approx(100 * n_old / n_high)
    assert rows[old.id].of_total == pytest.approx(100 * n_old / 60)
    assert (rows[empty.id].n_events, rows[empty.id].of_total) == (0, 0)
    assert (rows[below.id].n_events, rows[below.id].of_parent) == (0, None)


async def test_one_population_that_cannot_be_told_does_not_hide_the_others(
    catalog: Catalog, people: People, made: Made
) -> None:
    _, [high] = await gate(catalog, people, made, HIGH)
    _, [foreign] = await gate(catalog, people, made, {**HIGH, "x": "var:FSC-A"})
    lost = await catalog.populations.create(
        people.ada, study_id=made.study_id, name="lost", tree={"gate": new_key().hex24}
    )
    unsaid = await catalog.populations.create(
        people.ada, study_id=made.study_id, name="unsaid", tree={"column": "mood", "groups": ["good"]}
    )
    found = await catalog.gating.counts(people.ada, study_id=made.study_id)
    rows = {row.population_id: row for row in found}
    assert rows[high.id].n_events is not None
    assert "has no annotation, and its samples have no attribute, called 'mood'" in rows[unsaid.id].problem
    assert (rows[foreign.id].n_events, rows[lost.id].n_events) == (None, None)
    assert "FSC-A" in rows[foreign.id].problem
    assert "does not exist" in rows[lost.id].problem
    with pytest.raises(InvalidInputError, match="'lost' names the gate"):
        await mask(catalog, people, made, lost)
    with pytest.raises(NotFoundError, match="FSC-A"):
        await mask(catalog, people, made, foreign)
    with pytest.raises(NotFoundError, match="no such population"):
        await catalog.gating.counts(people.ada, study_id=made.study_id, population_ids=[new_key()])
    with pytest.raises(NotFoundError, match="no such dataset"):
        await catalog.gating.counts(people.ada, study_id=made.study_id, dataset_ids=[new_key()])
    with pytest.raises(NotFoundError, match="no such study"):
        await catalog.gating.counts(people.bob, study_id=made.study_id)


async def test_only_what_changed_is_computed_anew(
    catalog: Catalog, people: People, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    real = gating_masks.inside

    def watched(kind: str, *rest: Any) -> np.ndarray:
        looked.append(kind)
        return real(kind, *rest)

    monkeypatch.setattr(gating_masks, "inside", watched)
    [first], _ = await gate(catalog, people, made, HIGH)
    _, [left] = await gate(catalog, people, made, MAP)

    async def count() -> list[str]:
        looked.clear()
        await catalog.gating.counts(people.ada, study_id=made.study_id)
        return list(looked)

    assert sorted(await count()) == ["polygon", "range"]
    assert await count() == []
    await catalog.gates.change(people.ada, gate_id=first.id, geometry={**first.geometry, "x1": 2}, name="N")
    assert await count() == ["range"]
    await catalog.gates.change(people.ada, gate_id=first.id, geometry=first.geometry)
    assert await count() == []
    await catalog.populations.change(people.ada, population_id=left.id, tree={"not": [left.tree]})
    assert await count() == []  # the gate is known, its population is not
    scales = {"obsm:X_map:0": {"type": "linear", "minimum": 0, "maximum": 60}}
    await catalog.scales.put(people.ada, study_id=made.study_id, scales=scales)
    assert await count() == ["polygon"]


async def test_statistics_are_those_of_numpy(catalog: Catalog, people: People, made: Made) -> None:
    _, [high] = await gate(catalog, people, made, HIGH)
    _, [_, old] = await gate(catalog, people, made, OLD, high.id)
    nobody = {**HIGH, "name": "nobody", "geometry": {"x1": 98, "x2": 99, "y": 0}}
    _, [empty] = await gate(catalog, people, made, nobody)
    asked = Asked(
        axes=["var:GENE1", "obs:age"],
        statistics=["mean", "median", "quantile", "stddev", "cv", "mad", "geometric_mean", "percent", "event_count"],
        q=0.9,
        percent_of=["parent", "grandparent", "total", high.id],
    )
    ids = [None, old.id, empty.id]
    table = await catalog.statistics.table(people.ada, study_id=made.study_id, asked=asked, population_ids=ids)
    whole, part, nothing = table.rows
    assert [row.population_id for row in table.rows] == ids
    chosen = await mask(catalog, people, made, old)
    values = np.linspace(1, 2, 60).astype(np.float32)[chosen].astype(float)
    got = part.values["obs:age"]
    assert got["mean"] == pytest.approx(values.mean())
    assert got["median"] == pytest.approx(np.median(values))
    assert got["quantile"] == pytest.approx(np.quantile(values, 0.9, method="median_unbiased"), rel=1e-6)
    assert got["stddev"] == pytest.approx(values.std(ddof=1))
    assert got["cv"] == pytest.approx(100 * values.std(ddof=1) / values.mean())
    assert got["mad"] == pytest.approx(np.median(np.abs(values - np.median(values))), rel=1e-5)
    assert got["geometric_mean"] == pytest.approx(np.exp(np.log(values).mean()))
    assert whole.values["var:GENE1"]["mean"] == pytest.approx(lognorm(made, 1).mean(), rel=1e-5)
    n_high = int((lognorm(made, 0) >= 1.5).sum())
    assert [share.of for share in part.shares] == [high.id, None, None, high.id]
    assert [share.value for share in part.shares] == pytest.approx(
        [100 * len(values) / n_high, 100 * len(values) / 60, 100 * len(values) / 60, 100 * len(values) / n_high]
    )
    assert (nothing.n_events, set(nothing.values["obs:age"].values())) == (0, {None})
    assert table.unique_names[old.id] == "age (R)"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(statistics=["modus"]), "no statistic"),
        (Asked(axes=["obs:age"], statistics=["quantile"]), "needs q"),
        (Asked(axes=["age"], statistics=["mean"]), "names no axis"),
        (Asked(axes=["obs:type"], statistics=["mean"]), "has no numbers"),
        (Asked(percent_of=["child"]), "nothing to take percent of"),
        (Asked(statistics=[]), "No statistic"),
    ],
)
async def test_statistics_refuse_what_they_cannot_compute(
    catalog: Catalog, people: People, made: Made, asked: Asked, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        await catalog.statistics.table(people.ada, study_id=made.study_id, asked=asked)


async def test_a_population_is_a_selection(catalog: Catalog, people: People, made: Made) -> None:
    _, [high] = await gate(catalog, people, made, HIGH)
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    expected = np.flatnonzero(lognorm(made, 0) >= 1.5)
    said = {"population": high.id.hex24}
    np.testing.assert_array_equal(await catalog.analyses.selections.resolve(pinned, said), expected)
    job = await catalog.analyses.submit(
        people.ada, dataset_id=made.id, analysis="compare", parameters={"first": said, "second": {"rest": True}}
    )
    assert (await run_here(catalog)).id == job.id
    [compared] = await catalog.comparisons.list(people.ada, dataset_id=made.id)
    assert compared.meta["n_first"] == len(expected)
    job, subset = await catalog.subsets.submit(people.ada, dataset_id=made.id, selection=said)
    await run_here(catalog)
    view = await catalog.datasets.get(people.ada, dataset_id=subset.id)
    assert (view.n_cells, view.dataset.name) == (len(expected), "blood.h5ad: high")
    for wrong, error in (({"population": new_key().hex24}, NotFoundError), ({"population": "high"}, InvalidInputError)):
        with pytest.raises(error):
            await catalog.analyses.selections.resolve(pinned, wrong)


async def test_events_of_a_population_are_read_whole_or_sampled(catalog: Catalog, people: People, made: Made) -> None:
    _, [high] = await gate(catalog, people, made, HIGH)
    rows = np.flatnonzero(lognorm(made, 0) >= 1.5)
    axes = ["var:GENE0", "obs:age", "obsm:X_map:1"]
    wanted = Wanted(axes, high.id)
    view = await catalog.event_views.read(people.ada, dataset_id=made.id, wanted=wanted)
    np.testing.assert_array_equal(view.rows, rows)
    np.testing.assert_allclose(view.columns["var:GENE0"], lognorm(made, 0)[rows], rtol=1e-5)
    np.testing.assert_array_equal(view.columns["obsm:X_map:1"], rows * 2 + 1)
    assert view.n_total == len(rows)
    few = Wanted(axes, high.id, count=5, seed=7)
    first, second = [await catalog.event_views.read(people.ada, dataset_id=made.id, wanted=few) for _ in range(2)]
    np.testing.assert_array_equal(first.rows, second.rows)
    assert (len(first.rows), first.n_total) == (5, len(rows))
    assert set(first.rows) <= set(rows)
    scales = {"obs:age": {"type": "log", "minimum": 1, "maximum": 1.5}}
    await catalog.scales.put(people.ada, study_id=made.study_id, scales=scales)
    scaled = await catalog.event_views.read(people.ada, dataset_id=made.id, wanted=Wanted(axes, scaled=True))
    ages = np.linspace(1, 2, 60).clip(max=1.5)
    np.testing.assert_allclose(scaled.columns["obs:age"], np.log10(ages), atol=1e-6)
    with pytest.raises(NotFoundError, match="2 dimensions"):
        await catalog.event_views.read(people.ada, dataset_id=made.id, wanted=Wanted(["obsm:X_map:2"]))
    with pytest.raises(NotFoundError, match="no such dataset"):
        await catalog.event_views.read(people.bob, dataset_id=made.id, wanted=wanted)


async def test_populations_do_not_read_private_annotations(catalog: Catalog, people: People, made: Made) -> None:
    await catalog.annotations.add_groups(
        people.ada, dataset_id=made.id, name="own", groups=[Group("a", [0, 1])], private=True
    )
    mine = await catalog.populations.create(
        people.ada, study_id=made.study_id, name="mine", tree={"column": "own", "groups": ["a"]}
    )
    with pytest.raises(InvalidInputError, match="'own' is private"):
        await mask(catalog, people, made, mine)


async def test_a_cell_without_a_value_is_in_no_sector_and_not_in_the_whole(
    catalog: Catalog, people: People, made: Made
) -> None:
    score = pd.Series(np.linspace(0, 1, 60)).mask(np.arange(60) < 7)
    frame = pd.DataFrame({"score": score})
    await catalog.annotations.add_frame(people.ada, dataset_id=made.id, frame=frame, by_barcode=False)
    [split], [low, high] = await gate(catalog, people, made, {**OLD, "x": "obs:score", "geometry": {"x": 0.5, "y": 0}})
    tree = {"gate": split.gid}
    whole = await catalog.populations.create(people.ada, study_id=made.study_id, name="whole", tree=tree)
    left = await catalog.populations.create(people.ada, study_id=made.study_id, name="left", tree={"not": [tree]})
    masks = [await mask(catalog, people, made, one) for one in (low, high, whole, left)]
    for found, expected in zip(masks, (score < 0.5, score >= 0.5, score.notna(), score.isna()), strict=True):
        np.testing.assert_array_equal(found, expected)
