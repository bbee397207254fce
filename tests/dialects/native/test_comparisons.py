"""Comparisons and markers over the API: columns, CSV and workbooks of the same numbers."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytosol.catalog.comparisons import csv_bytes, xlsx_bytes
from cytosol.sdk.arrow import read_columns
from tests.catalog.making import make_dataset, run_here
from tests.dialects.native.world import World, opened


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        yield world


async def test_a_comparison_as_arrow_csv_and_workbook(world: World) -> None:
    made = await make_dataset(world.catalog, world.actors["ada"])
    table = f"datasets/{made.id.hex24}/tables/rna"
    first = {"column": "type", "groups": ["T"]}
    body = {"analysis": "compare", "name": "T / B", "parameters": {"first": first, "method": "t-test"}}
    answered = await world["ada"].post(f"{table}/analyses", json=body)
    assert answered.status_code == 202
    assert answered.json()["job"]["kind"] == "analyse"
    await run_here(world.catalog)
    (record,) = (await world["ada"].get(f"{table}/comparisons")).json()["items"]
    assert (record["name"], record["method"], record["first"], record["second"]) == (
        "T / B", "t-test", first, {"rest": True},
    )  # fmt: skip
    assert (record["n_first"], record["n_second"], record["notes"]) == (30, 30, [])
    address = f"{table}/comparisons/{record['id']}"
    columns = read_columns((await world["ada"].get(f"{address}.arrow")).content)
    assert list(columns) == [
        "feature", "feature_id", "log2_fold_change", "statistic", "p", "p_adjusted", "mean_first", "mean_second",
        "share_first", "share_second",
    ]  # fmt: skip
    text = await world["ada"].get(f"{address}/table.csv")
    assert text.headers["content-disposition"].startswith('attachment; filename="T _ B.csv"')
    frame = pd.read_csv(io.StringIO(text.text), keep_default_na=False, float_precision="round_trip")
    book = await world["ada"].get(f"{address}/table.xlsx")
    sheet = pd.read_excel(io.BytesIO(book.content), engine="calamine", keep_default_na=False)
    for name, column in columns.items():
        if name in ("feature", "feature_id"):
            assert frame[name].tolist() == sheet[name].tolist() == column.values.tolist()
        else:
            np.testing.assert_array_equal(frame[name], column.values)
            np.testing.assert_allclose(sheet[name], column.values, rtol=1e-14)
    assert (await world["ada"].delete(address)).status_code == 204
    assert (await world["ada"].get(f"{address}.arrow")).status_code == 404


async def test_markers_come_best_first(world: World) -> None:
    made = await make_dataset(world.catalog, world.actors["ada"])
    table = f"datasets/{made.id.hex24}/tables/rna"
    missing = await world["ada"].get(f"{table}/markers.arrow", params={"column": "type"})
    assert missing.status_code == 404
    assert "analysis 'markers'" in missing.json()["detail"]
    body = {"analysis": "markers", "parameters": {"column": "type"}}
    await world["ada"].post(f"{table}/analyses", json=body)
    await run_here(world.catalog)
    columns = read_columns((await world["ada"].get(f"{table}/markers.arrow", params={"limit": 7})).content)
    assert columns["group"].values.tolist() == ["T"] * 7 + ["B"] * 7
    assert (np.diff(columns["z"].values[:7]) <= 0).all()
    assert {"feature", "feature_id", "p", "p_adjusted", "log2_fold_change", "share_in", "mean_out"} <= set(columns)
    whole = read_columns((await world["ada"].get(f"{table}/markers.arrow", params={"limit": 1000})).content)
    assert len(whole["z"].values) == 2 * made.matrix.shape[1]


def test_files_keep_odd_texts_and_missing_numbers() -> None:
    columns = {
        "feature": np.array(["=1+1", 'a,"b"', "MARCH1", "http://x"], object),
        "p": np.array([0.1, np.nan, 1e-300, np.inf]),
    }
    frame = pd.read_csv(
        io.BytesIO(csv_bytes(columns)), keep_default_na=False, na_values={"p": [""]}, float_precision="round_trip"
    )
    assert frame["feature"].tolist() == columns["feature"].tolist()
    np.testing.assert_array_equal(frame["p"], columns["p"])
    book = xlsx_bytes(columns, sheet="a/b: [x]?" * 9)
    sheet = pd.read_excel(io.BytesIO(book), engine="calamine")
    assert sheet["feature"].tolist() == columns["feature"].tolist()
    assert np.isnan(sheet["p"][1])
    assert sheet["p"][2] == 1e-300
