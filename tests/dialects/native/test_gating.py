"""Gates, populations, counts, statistics and events over HTTP."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arro3.io import read_parquet
from python_calamine import CalamineWorkbook

from cytosol.sdk.arrow import read_columns
from tests.catalog.making import Made, make_dataset
from tests.dialects.native.world import World, opened

BOX = {"x1": 1.5, "x2": 99, "y1": -1, "y2": 99}
GATE = {"kind": "rectangle", "name": "high", "x": "var:GENE0", "y": "var:GENE20", "geometry": BOX}
QUADRANT = {
    "kind": "quadrant", "name": "Q", "x": "var:GENE1", "y": "obs:age",
    "geometry": {"x": 1, "y": 1.5, "angles": [0, 1.5707963267948966, 3.141592653589793, 4.71238898038469]},
}  # fmt: skip


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        yield world


@pytest.fixture
async def made(world: World) -> Made:
    return await make_dataset(world.catalog, world.actors["ada"])


async def post(world: World, path: str, body: Any, status: int = 200) -> Any:
    response = await world["ada"].post(path, json=body)
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def lognorm(made: Made, gene: int) -> np.ndarray:
    dense = made.matrix.toarray()
    found: np.ndarray = np.log1p(1e4 * dense[:, gene] / dense.sum(1))
    return found


async def draw(world: World, made: Made, gate: Any, parent: str | None = None) -> Any:
    body = {"gates": [gate], "populations": True, "parent_id": parent}
    return await post(world, f"studies/{made.study_id}/gates", body, 201)


async def test_a_gate_is_drawn_changed_and_undone(world: World, made: Made) -> None:
    drawn = await draw(world, made, GATE)
    [gate], [population] = drawn["gates"], drawn["populations"]
    assert (gate["geometry"], gate["dataset_id"], population["unique_name"]) == (BOX, None, "high")
    address = f"gates/{gate['id']}"
    client = world["ada"]
    assert (await client.get(address)).json() == gate
    assert (await client.patch(address, json={"name": "N"})).status_code == 428
    wider = {**BOX, "x2": 100}
    changed = await client.patch(address, json={"geometry": wider, "locked": True}, headers={"if-match": '"1"'})
    assert (changed.json()["geometry"], changed.json()["version"]) == (wider, 2)
    refused = await client.patch(address, json={"name": "N"}, headers={"if-match": '"2"'})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    revision = (await client.get(f"studies/{made.study_id}/revisions")).json()["items"][0]
    await post(world, f"revisions/{revision['id']}/undo", {}, 201)
    back = (await client.get(address)).json()
    assert (back["geometry"], back["locked"]) == (BOX, False)
    mark = await post(world, f"studies/{made.study_id}/revisions", {"label": "sent"}, 201)
    for version, name in ((back["version"], "N"), (back["version"] + 1, "M")):
        answer = await client.patch(address, json={"name": name}, headers={"if-match": f'"{version}"'})
        assert answer.status_code == 200
    gone = await post(world, f"revisions/{mark['id']}/go-back", {}, 201)
    assert [one["verb"] for one in gone["items"]] == ["go back: gate.change", "go back: gate.change"]
    assert (await client.get(address)).json()["name"] == "high"
    listed = (await client.get(f"studies/{made.study_id}/gates", params={"gid": gate["gid"]})).json()
    assert [one["id"] for one in listed["items"]] == [gate["id"]]
    own = {"gid": gate["gid"], "gate": {**back, "dataset_id": made.id.hex24}, "dataset_ids": [made.id.hex24]}
    tailored = await post(world, f"studies/{made.study_id}/gates/tailor", own)
    assert [one["dataset_id"] for one in tailored["inserted"]] == [made.id.hex24]
    family = f"studies/{made.study_id}/gate-families/{gate['gid']}"
    assert await post(world, family, {"name": "all"}) == {"n_gates": 2}
    assert (await client.delete(family)).json() == {"n_gates": 2}
    assert (await client.get(f"studies/{made.study_id}/populations")).json()["items"] == [population]


async def test_what_cannot_be_a_gate_is_told_in_words(world: World, made: Made) -> None:
    problem = await post(world, f"studies/{made.study_id}/gates", {"gates": [{**GATE, "x": "GENE0"}]}, 422)
    assert "names no axis" in problem["detail"]
    problem = await post(world, f"studies/{made.study_id}/gates", {"gates": [{**GATE, "kind": "circle"}]}, 422)
    assert "kind" in problem["detail"]


async def test_scales_move_gates(world: World, made: Made) -> None:
    await draw(world, made, GATE)
    scales = (await world["ada"].get(f"studies/{made.study_id}/scales")).json()
    said = {"var:GENE0": {"type": "arcsinh", "minimum": 0, "maximum": 10, "cofactor": 2}}
    headers = {"if-match": f'"{scales["version"]}"'}
    put = await world["ada"].put(f"studies/{made.study_id}/scales", json={"scales": said}, headers=headers)
    answer = put.json()
    assert answer["scale_set"]["scales"] == said
    assert answer["gates"][0]["geometry"]["x1"] == pytest.approx(np.arcsinh(0.75))


async def test_counts_follow_the_tree(world: World, made: Made) -> None:
    [high] = (await draw(world, made, GATE))["populations"]
    sectors = (await draw(world, made, QUADRANT, high["id"]))["populations"]
    counted = await post(world, f"studies/{made.study_id}/population-counts", {})
    rows = {row["population_id"]: row for row in counted["items"]}
    assert set(rows) == {None, high["id"], *(one["id"] for one in sectors)}
    n_high = int((lognorm(made, 0) >= 1.5).sum())
    assert (rows[high["id"]]["n_events"], rows[None]["n_events"]) == (n_high, 60)
    assert sum(rows[one["id"]]["n_events"] for one in sectors) == n_high
    assert sum(rows[one["id"]]["percent_of_parent"] for one in sectors) == pytest.approx(100)
    assert rows[high["id"]]["percent_of_total"] == pytest.approx(100 * n_high / 60)


@pytest.fixture
async def asked(world: World, made: Made) -> dict[str, Any]:
    """A table of two populations and two axes, the mean of one known."""
    [high] = (await draw(world, made, GATE))["populations"]
    sample = await world.catalog.samples.add(world.actors["ada"], study_id=made.study_id, name="donor 1")
    dose = await world.catalog.samples.add_attribute(
        world.actors["ada"], study_id=made.study_id, name="dose", kind="number"
    )
    await world.catalog.samples.change(world.actors["ada"], sample_id=sample.sample.id, values={dose.id: 5})
    await world.catalog.datasets.change(world.actors["ada"], dataset_id=made.id, sample_id=sample.sample.id)
    return {
        "population_ids": [None, high["id"]], "axes": ["var:GENE1", "obs:age"], "q": 0.5,
        "statistics": ["mean", "quantile", "event_count", "percent"], "annotations": True,
    }  # fmt: skip


async def test_statistics_come_as_json_in_every_layout(world: World, made: Made, asked: dict[str, Any]) -> None:
    address = f"studies/{made.study_id}/statistics"
    high = lognorm(made, 0) >= 1.5
    table = await post(world, address, asked)
    assert table["columns"] == [
        "dataset_id", "dataset", "population_id", "population", "unique_name", "parent_id", "parent", "annotation:dose",
        "percent_of_id", "percent_of", "percent_of_unique_name", "percent", "event_count", "axis", "channel", "reagent",
        "mean", "quantile",
    ]  # fmt: skip
    assert [(row["population"], row["axis"]) for row in table["items"]] == [
        ("Ungated", "var:GENE1"), ("Ungated", "obs:age"), ("high", "var:GENE1"), ("high", "obs:age"),
    ]  # fmt: skip
    last = table["items"][2]
    assert last["mean"] == pytest.approx(lognorm(made, 1)[high].mean(), rel=1e-5)
    assert (last["annotation:dose"], last["event_count"], last["parent"]) == (5, int(high.sum()), "Ungated")
    tall = await post(world, address, {**asked, "layout": "tall"})
    assert len(tall["items"]) == 2 * (2 + 2 * 2)
    [wide] = (await post(world, address, {**asked, "layout": "wide"}))["items"]
    assert wide["high | GENE1 | mean"] == last["mean"]
    prism = await post(world, address, {**asked, "layout": "prism"})
    assert prism["columns"] == ["statistic", "blood.h5ad"]
    assert {row["statistic"]: row["blood.h5ad"] for row in prism["items"]}["high | GENE1 | mean"] == last["mean"]


async def test_statistics_come_as_files(world: World, made: Made, asked: dict[str, Any]) -> None:
    address = f"studies/{made.study_id}/statistics"
    table = await post(world, address, asked)
    expected = pd.DataFrame(table["items"])
    bodies = {}
    for format in ("csv", "tsv", "xlsx", "parquet", "arrow"):
        response = await world["ada"].post(address, json={**asked, "format": format})
        assert response.status_code == 200
        assert format == "arrow" or f"Blood - Statistics.{format}" in response.headers["content-disposition"]
        bodies[format] = response.content
    frames = {
        "csv": pd.read_csv(io.BytesIO(bodies["csv"])),
        "tsv": pd.read_csv(io.BytesIO(bodies["tsv"]), sep="\t"),
        "arrow": pd.DataFrame({name: column.values for name, column in read_columns(bodies["arrow"]).items()}),
    }
    parquet = read_parquet(io.BytesIO(bodies["parquet"])).read_all()
    frames["parquet"] = pd.DataFrame(
        {name: np.asarray(parquet.column(place).to_pylist()) for place, name in enumerate(parquet.column_names)}
    )
    rows = CalamineWorkbook.from_filelike(io.BytesIO(bodies["xlsx"])).get_sheet_by_index(0).to_python()
    frames["xlsx"] = pd.DataFrame(rows[1:], columns=rows[0])
    for format, frame in frames.items():
        assert list(frame.columns) == table["columns"], format
        for name in ("mean", "quantile", "percent", "event_count"):
            np.testing.assert_allclose(frame[name].astype(float), expected[name].astype(float), err_msg=format)
        assert list(frame["population"]) == list(expected["population"])


async def test_events_of_a_population_come_as_arrow(world: World, made: Made) -> None:
    [high] = (await draw(world, made, GATE))["populations"]
    address = f"datasets/{made.id}/tables/{made.view.tables[0].name}/events"
    query = {"axes": "var:GENE0,obsm:X_map:1", "population": high["id"]}
    whole = await world["ada"].get(address, params=query)
    columns = {name: column.values for name, column in read_columns(whole.content).items()}
    rows = np.flatnonzero(lognorm(made, 0) >= 1.5)
    assert list(columns) == ["row", "var:GENE0", "obsm:X_map:1"]
    np.testing.assert_array_equal(columns["row"], rows)
    np.testing.assert_array_equal(columns["obsm:X_map:1"], 2 * rows + 1)
    assert {values.dtype for values in columns.values()} == {np.dtype("int32"), np.dtype("float32")}
    bare = await world["ada"].get(address, params={**query, "rows": False})
    assert {name: list(column.values) for name, column in read_columns(bare.content).items()} == {
        name: list(values) for name, values in columns.items() if name != "row"
    }
    assert bare.headers["x-total-events"] == str(len(rows))
    few = await world["ada"].get(address, params={**query, "n": 4, "seed": 3})
    assert (len(read_columns(few.content)["row"].values), few.headers["x-total-events"]) == (4, str(len(rows)))
    assert (await world["ada"].get(address, params={"axes": "var:NONE"})).status_code == 404
