"""Summaries and densities over HTTP: numbers, groupings, caching, refusals."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from scipy.stats import gaussian_kde

from cytosol.sdk.arrow import read_columns
from cytosol.sdk.frames import to_frame
from tests.catalog.making import Made, make_dataset
from tests.dialects.native.test_tables import lognorm
from tests.dialects.native.world import World


@pytest.fixture
async def made(world: World) -> Made:
    return await make_dataset(world.catalog, world.actors["ada"])


def table_path(made: Made) -> str:
    return f"datasets/{made.id.hex24}/tables/{made.view.tables[0].name}"


async def frame_of(client: httpx.AsyncClient, path: str, **query: str) -> pd.DataFrame:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    return to_frame(read_columns(response.content))


async def types_of(world: World, made: Made) -> pd.Series:
    frame = await frame_of(world["ada"], f"{table_path(made)}/columns.arrow", names="type")
    return frame["type"]


async def test_a_summary_is_that_of_pandas(world: World, made: Made) -> None:
    path = f"{table_path(made)}/summary.arrow"
    found = await frame_of(world["ada"], path, features="GENE3,GENE0", group_by="type")
    values = pd.DataFrame(lognorm(made.matrix)[:, [3, 0]], columns=["GENE3", "GENE0"])
    types = (await types_of(world, made)).astype(str).to_numpy()
    assert found["feature"].unique().tolist() == ["GENE3", "GENE0"]
    assert set(found["split"]) == {""}
    for row in found.to_dict("records"):
        inside = values.loc[types == row["group"], row["feature"]]
        assert row["n"] == len(inside)
        assert row["mean"] == pytest.approx(inside.mean(), rel=1e-6)
        assert row["share"] == (inside > 0).mean()
        shown = [row[f"q{q}"] for q in (0, 25, 50, 75, 100)]
        np.testing.assert_allclose(shown, np.quantile(inside, [0, 0.25, 0.5, 0.75, 1]), rtol=1e-6)


async def test_counts_a_threshold_all_cells_and_a_split(world: World, made: Made) -> None:
    path = f"{table_path(made)}/summary.arrow"
    counts = made.matrix.toarray()[:, 3]
    whole = await frame_of(world["ada"], path, features="GENE3", unit="raw", threshold="1")
    assert whole[["group", "n", "mean", "share"]].to_numpy().tolist() == [
        ["all cells", len(counts), counts.mean(), (counts > 1).mean()]
    ]
    split = await frame_of(world["ada"], path, features="GENE3", group_by="type", split_by="type")
    assert (split["group"] == split["split"]).all()
    assert split["n"].sum() == (await types_of(world, made)).notna().sum()


async def test_violins_are_those_of_scipy(world: World, made: Made) -> None:
    found = await frame_of(world["ada"], f"{table_path(made)}/violins.arrow", feature="GENE3", group_by="type")
    types = (await types_of(world, made)).astype(str).to_numpy()
    values = lognorm(made.matrix)[:, 3].astype(np.float32).astype(np.float64)
    for group, rows in found.groupby("group"):
        assert len(rows) == 100
        inside = values[types == group]
        assert set(rows["n"]) == {len(inside)}
        np.testing.assert_allclose(rows["density"], gaussian_kde(inside)(rows["value"].to_numpy()), rtol=1e-4)


async def test_groups_by_an_attribute_follow_the_sample_table(world: World, made: Made) -> None:
    ada, path = world["ada"], f"{table_path(made)}/summary.arrow"
    study = f"studies/{made.study_id.hex24}"
    await ada.put(f"{study}/samples.csv", content=b"sample,dose\nd1,5\n", headers={"content-type": "text/csv"})
    sample = (await ada.get(f"{study}/samples")).json()["samples"][0]
    dataset = (await ada.get(f"datasets/{made.id.hex24}")).json()
    headers = {"if-match": f'"{dataset["version"]}"'}
    changed = await ada.patch(f"datasets/{made.id.hex24}", json={"sample_id": sample["id"]}, headers=headers)
    assert changed.status_code == 200, changed.text
    query = {"features": "GENE3", "group_by": "attribute:dose"}
    first = await ada.get(path, params={**query, "version": str(dataset["data_version"])})
    assert to_frame(read_columns(first.content))["group"].tolist() == ["5"]
    # attributes are not part of a version: nothing may be kept unasked
    assert first.headers["cache-control"] == "private, no-cache"
    again = await ada.get(path, params=query, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    await ada.put(f"{study}/samples.csv", content=b"sample,dose\nd1,7\n", headers={"content-type": "text/csv"})
    after = await ada.get(path, params=query, headers={"if-none-match": first.headers["etag"]})
    assert to_frame(read_columns(after.content))["group"].tolist() == ["7"]


async def test_a_named_version_is_kept_for_ever(world: World, made: Made) -> None:
    path = f"{table_path(made)}/violins.arrow"
    query = {"feature": "GENE3", "group_by": "type"}
    newest = await world["ada"].get(path, params=query)
    assert newest.headers["cache-control"] == "private, no-cache"
    known = await world["ada"].get(path, params=query, headers={"if-none-match": newest.headers["etag"]})
    assert known.status_code == 304
    version = newest.headers["etag"].strip('"')
    named = await world["ada"].get(path, params={**query, "version": version})
    assert "immutable" in named.headers["cache-control"]
    assert named.content == newest.content


async def test_a_selection_leaves_the_other_cells_out(world: World, made: Made) -> None:
    types = (await types_of(world, made)).astype(str).to_numpy()
    ages = (await frame_of(world["ada"], f"{table_path(made)}/columns.arrow", names="age"))["age"].to_numpy()
    rows = list(range(0, 50, 3))
    selection = {"and": [{"cells": rows}, {"column": "age", "range": [1.1, 1.9]}]}
    mask = np.isin(np.arange(len(types)), rows) & (ages >= 1.1) & (ages <= 1.9)
    values = lognorm(made.matrix)[:, 3]
    body = {"features": ["GENE3"], "group_by": "type", "selection": selection}
    # as the SDK and the page send it; a key is of no use and does no harm
    for headers in ({}, {"idempotency-key": "once"}, {"idempotency-key": "once"}):
        answer = await world["ada"].post(f"{table_path(made)}/summary.arrow", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        found = to_frame(read_columns(answer.content)).set_index("group")
        assert answer.headers["cache-control"] == "no-store"
        assert int(found["n"].sum()) == int(mask.sum()) < len(types)
        for group, row in found.iterrows():
            inside = values[mask & (types == group)]
            assert row["n"] == len(inside)
            assert row["mean"] == pytest.approx(inside.mean(), rel=1e-6)
            assert row["share"] == (inside > 0).mean()
            shown = [row[f"q{q}"] for q in (0, 25, 50, 75, 100)]
            np.testing.assert_allclose(shown, np.quantile(inside, [0, 0.25, 0.5, 0.75, 1]), rtol=1e-6)
    path = f"{table_path(made)}/violins.arrow"
    violins = to_frame(
        read_columns((await world["ada"].post(path, json={"feature": "GENE3", "selection": selection})).content)
    )
    inside = values[mask].astype(np.float32).astype(np.float64)
    assert set(violins["n"]) == {int(mask.sum())}
    np.testing.assert_allclose(violins["density"], gaussian_kde(inside)(violins["value"].to_numpy()), rtol=1e-4)
    # without a selection it is the same as GET
    whole = await world["ada"].post(path, json={"feature": "GENE3", "group_by": "type"})
    got = await world["ada"].get(path, params={"feature": "GENE3", "group_by": "type"})
    assert whole.content == got.content


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"features": []}, 422, "No feature is named"),
        ({"features": ["GENE3"], "selection": {"cells": []}}, 422, "holds no cell"),
        ({"features": ["GENE3"], "selection": {"rest": True}}, 422, "Only the second"),
        ({"features": ["GENE3"], "selection": {"column": "type", "range": [0, 1]}}, 422, "has groups, no numbers"),
        ({"features": ["GENE3"], "selection": {"column": "nope", "groups": ["x"]}}, 404, "nope"),
    ],
)
async def test_which_selections_cannot_be_summarised(
    world: World, made: Made, body: dict[str, Any], status: int, words: str
) -> None:
    response = await world["ada"].post(f"{table_path(made)}/summary.arrow", json=body)
    assert response.status_code == status, response.text
    assert words in response.text


@pytest.mark.parametrize(
    ("name", "query", "status", "words"),
    [
        ("summary", {"features": ","}, 422, "No feature is named"),
        ("summary", {"features": "NOPE", "group_by": "type"}, 404, "NOPE"),
        ("summary", {"features": "GENE3", "group_by": "nothing"}, 404, "no annotation"),
        ("summary", {"features": "GENE3", "group_by": "attribute:nothing"}, 404, "no attribute"),
        ("violins", {"feature": "GENE3", "bandwidth": "0"}, 422, "bandwidth"),
        ("violins", {"feature": "GENE3", "n_points": "2"}, 422, "n_points"),
    ],
)
async def test_what_cannot_be_summarised(
    world: World, made: Made, name: str, query: dict[str, str], status: int, words: str
) -> None:
    response = await world["ada"].get(f"{table_path(made)}/{name}.arrow", params=query)
    assert response.status_code == status, response.text
    assert words in response.text


async def test_numbers_do_not_group(world: World, made: Made) -> None:
    columns = made.view.tables[0].columns
    numeric = next(column.name for column in columns if column.kind == "numeric")
    response = await world["ada"].get(
        f"{table_path(made)}/summary.arrow", params={"features": "GENE3", "group_by": numeric}
    )
    assert response.status_code == 422
    assert "no groups" in response.text
