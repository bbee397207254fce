"""Tables of statistics of files over HTTP and through the client: formulas, volumes, formats, kept ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from arro3.io import read_parquet
from python_calamine import CalamineWorkbook

from cytosol.catalog.gates import NewGate
from cytosol.model.studies import Dataset
from cytosol.sdk import AsyncClient
from cytosol.sdk.arrow import read_columns
from tests.catalog.test_cytometry import add, fcs, study
from tests.dialects.native.world import World

ASKED = {
    "statistics": ["event_count", "percent", "events_per_ul", "geometric_mean"],
    "axes": ["var:FSC-A"],
    "formulas": {"ratio": "median(CD4) / median(CD8)", "no one": "mean(CD4, nobody)"},
}


@pytest.fixture
async def file(world: World) -> Dataset:
    """A file with a volume, the population bright, and one with nobody in it, which has a child."""
    ada = world.actors["ada"]
    study_id = await study(world.catalog, ada)
    (made,) = await add(world.catalog, ada, study_id, "one.fcs", fcs(500, _VOL="5000"))
    parent = None
    for name, low in (("bright", 500), ("nobody", 1e8), ("below nobody", 0)):
        gate = NewGate(kind="range", name=name, x="var:FITC-A", geometry={"x1": low, "x2": 1e9, "y": 0.5})
        scales = {"var:FITC-A": {"type": "linear", "minimum": -1e6, "maximum": 1e6}}
        await world.catalog.scales.put(ada, study_id=study_id, scales=scales)
        _, [population] = await world.catalog.gates.create_with_populations(
            ada, study_id=study_id, gates=[gate], parent_id=parent
        )
        parent = population.id if name == "nobody" else None
    return made


async def ids(world: World, file: Dataset) -> dict[str, str]:
    page = (await world["ada"].get(f"studies/{file.study_id}/populations")).json()
    return {one["name"]: one["id"] for one in page["items"]}


async def test_what_has_no_value_is_null_or_empty_in_every_format(world: World, file: Dataset) -> None:
    address, known = f"studies/{file.study_id}/statistics", await ids(world, file)
    body = {**ASKED, "population_ids": [None, *known.values()]}
    answer = await world["ada"].post(address, json=body)
    assert answer.status_code == 200, answer.text
    assert "NaN" not in answer.text
    rows = {row["population"]: row for row in answer.json()["items"]}
    nobody, below = rows["nobody"], rows["below nobody"]
    assert (nobody["event_count"], nobody["percent"], nobody["events_per_ul"]) == (0, 0, 0)
    assert (below["event_count"], below["percent"]) == (0, None)
    assert {one[name] for one in (nobody, below) for name in ("geometric_mean", "ratio", "no one")} == {None}
    assert rows["bright"]["events_per_ul"] == pytest.approx(rows["bright"]["event_count"] / 5)
    assert rows["Ungated"]["events_per_ul"] == 100
    files = {
        name: (await world["ada"].post(address, json={**body, "format": name})).content
        for name in ("csv", "xlsx", "parquet", "arrow")
    }
    frames = {
        "csv": pd.read_csv(io.BytesIO(files["csv"])),
        "xlsx": pd.DataFrame(
            CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"])).get_sheet_by_index(0).to_python()
        ),
        "arrow": pd.DataFrame({name: column.values for name, column in read_columns(files["arrow"]).items()}),
    }
    frames["xlsx"] = frames["xlsx"].rename(columns=frames["xlsx"].iloc[0]).iloc[1:]
    parquet = read_parquet(io.BytesIO(files["parquet"])).read_all()
    frames["parquet"] = pd.DataFrame({name: parquet.column(name).to_pylist() for name in parquet.column_names})
    for format, frame in frames.items():
        assert list(frame.columns) == answer.json()["columns"], format
        for name in ("percent", "events_per_ul", "geometric_mean", "ratio", "no one"):
            expected = [np.nan if row[name] is None else row[name] for row in answer.json()["items"]]
            found = [np.nan if value in {"", None} else float(value) for value in frame[name]]
            np.testing.assert_allclose(found, expected, err_msg=f"{format} {name}")
    assert frames["arrow"]["no one"].dtype == np.float64


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"axes": ["var:FITC-H"]}, 422, "FSC-A, SSC-A, FITC-A (CD4), PE-A (CD8), Time"),
        ({"formulas": {"r": "median(CD4) / (2"}}, 422, "it ends where ) is expected at letter 17"),
        ({"formulas": {"r": "median(CD4, B)"}}, 422, "no population is called 'B'"),
        ({"statistics": [], "formulas": {}}, 422, "No statistic is named"),
        ({"beads": {"population_id": "0" * 24, "n_added": 1, "volume_ul": 1}}, 404, "population"),
        ({"beads": {"population_id": "0" * 24, "n_added": 0, "volume_ul": 1}}, 422, "n_added"),
    ],
)
async def test_what_is_refused(world: World, file: Dataset, more: Any, status: int, words: str) -> None:
    answer = await world["ada"].post(f"studies/{file.study_id}/statistics", json={**ASKED, **more})
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


async def test_a_table_is_kept_listed_read_and_deleted(world: World, file: Dataset, tmp_path: Path) -> None:
    token = world["ada"].headers["authorization"].removeprefix("Bearer ")
    client = AsyncClient("http://cytosol.test", token, transport=httpx.ASGITransport(world.app))
    own = await client.study(file.study_id.hex24)
    first = await own.save_statistics("Medians", "median", ["var:FITC-A"], populations=["all", "bright"], datasets=None)
    beads = ("bright", 1000.0, 100.0)
    table = await own.statistics(["events_per_ul"], beads=beads, formulas={"r": "median(CD4) / 2"}, layout="wide")
    again = await own.save_statistics(
        "Counts/µL", ["events_per_ul"], beads=beads, formulas={"r": "median(CD4) / 2"}, layout="wide", format="xlsx"
    )
    assert [(one.name, one.id) for one in await own.saved_statistics()] == [
        ("Counts/µL.xlsx", again.id),
        ("Medians.csv", first.id),
    ]
    said = (await own.saved_statistics())[1].statistics
    known = await ids(world, file)
    assert (said["statistics"], said["population_ids"], said["format"]) == (["median"], [None, known["bright"]], "csv")
    # what was asked for can be asked for again
    fresh = await world["ada"].post(f"studies/{file.study_id}/statistics", json=said)
    assert fresh.content == (await own.download_statistics(first, tmp_path / "a.csv")).read_bytes()
    assert "bright" in fresh.text
    kept = CalamineWorkbook.from_path(await own.download_statistics(again, tmp_path / "b.xlsx")).get_sheet_by_index(0)
    header, row = kept.to_python()
    assert header == list(table.columns)
    numbers = [np.nan if value == "" else value for value in row[2:]]
    np.testing.assert_allclose(numbers, table.iloc[0].to_numpy()[2:].astype(float))
    assert np.isnan(numbers).any()
    assert table["bright | events_per_ul"].tolist() == [10]
    await own.delete_statistics(first)
    assert [one.id for one in await own.saved_statistics()] == [again.id]
    assert (await world["ada"].get(f"attachments/{first.id}/data")).status_code == 404
    other = await world.catalog.studies.duplicate(world.actors["ada"], study_id=file.study_id)
    page = (await world["ada"].get(f"studies/{other.study.id}/statistics-exports")).json()
    assert [one["name"] for one in page["items"]] == ["Counts/µL.xlsx"]
    await client.close()
