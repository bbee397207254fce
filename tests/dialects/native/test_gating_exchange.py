"""Gates of other programs and computed compensations over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cytosol.formats.gating_ml.reader import read_gating_ml
from cytosol.formats.gating_ml.writer import write_gating_ml
from tests.catalog.test_cytometry import add, fcs, study
from tests.catalog.test_gating_exchange import control, gating, wanted
from tests.dialects.native.world import World, opened
from tests.formats import facsdiva_samples as diva


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        yield world


async def test_gates_come_are_counted_and_go(world: World) -> None:
    catalog, actor = world.catalog, world.actors["ada"]
    study_id = await study(catalog, actor)
    (dataset,) = await add(catalog, actor, study_id, "1.fcs", fcs(400, seed=1, _TIMESTEP="0.01"))
    client = world["ada"]
    response = await client.post(
        f"studies/{study_id}/gating-ml",
        content=write_gating_ml(gating()),
        headers={"content-type": "application/xml"},
    )
    assert response.status_code == 201, response.text
    brought = response.json()
    assert brought["notes"] == []
    assert [one["unique_name"] for one in brought["populations"]] == ["cells", "dye", "both", "early", "late"]
    assert brought["compensation"] == brought["compensations"][0]["id"]
    said = {"dataset_ids": [dataset.id.hex24], "compensation": brought["compensation"]}
    rows = (await client.post(f"studies/{study_id}/population-counts", json=said)).json()["items"]
    names = {one["id"]: one["name"] for one in brought["populations"]}
    counts = {names[row["population_id"]]: row["n_events"] for row in rows if row["population_id"]}
    assert counts == wanted(gating(), 1)
    query = {"compensation": brought["compensation"], "dataset_id": dataset.id.hex24}
    written = await client.get(f"studies/{study_id}/gating-ml", params=query)
    assert written.headers["content-type"] == "application/xml"
    assert 'filename="gates.xml"' in written.headers["content-disposition"]
    assert {"cells", "dye", "late"} <= {region.name for region in read_gating_ml(written.content).regions.values()}
    workspace = await client.get(f"studies/{study_id}/flowjo", params=query)
    again = await client.post(f"studies/{study_id}/flowjo", content=workspace.content)
    assert again.status_code == 201, again.text
    assert len(again.json()["populations"]) >= 5


async def test_an_experiment_of_facsdiva(world: World) -> None:
    study_id = await study(world.catalog, world.actors["ada"])
    gates = [diva.gate("Cells", "RECTANGLE", ("FSC-A", "SSC-A"), [(2000, 1000), (90000, 80000)], count=7)]
    data = diva.experiment([diva.tube("one.fcs", gates)])
    response = await world["ada"].post(f"studies/{study_id}/facsdiva", content=data)
    assert response.status_code == 201, response.text
    assert [one["name"] for one in response.json()["populations"]] == ["Cells"]
    assert response.json()["gates"][0]["kind"] == "rectangle"


async def test_a_broken_document_is_refused_with_the_reason(world: World) -> None:
    study_id = await study(world.catalog, world.actors["ada"])
    response = await world["ada"].post(f"studies/{study_id}/gating-ml", content=b"<nothing/>")
    assert response.status_code == 422
    assert response.json()["code"] == "unreadable-file"


async def test_a_compensation_is_computed_and_kept(world: World) -> None:
    catalog, actor = world.catalog, world.actors["ada"]
    study_id = await study(catalog, actor)
    ids = []
    for name, place in (("fitc", 0), ("pe", 1), ("none", None)):
        ids += [one.id.hex24 for one in await add(catalog, actor, study_id, f"{name}.fcs", control(place, 7))]
    body = {
        "controls": [
            {"channel": "FITC-A", "dataset_id": ids[0]},
            {"channel": "PE-A", "dataset_id": ids[1], "positive": [300, 5000]},
        ],
        "unstained": {"dataset_id": ids[2]},
    }
    path = f"studies/{study_id}/compensations/compute"
    found = (await world["ada"].post(path, json=body)).json()
    assert found["compensation"] is None
    assert found["matrix"][0] == pytest.approx([1, 0.25], abs=0.01)
    assert found["spread"][0][0] is None
    assert found["parts"][1]["positive"] == [300, 5000]
    assert found["warnings"] == []
    others = [{"channel": "FITC-A", "dataset_id": ids[1]}, {"channel": "PE-A", "dataset_id": ids[0]}]
    swapped = await world["ada"].post(path, json={**body, "controls": others, "name": "Swapped"})
    assert swapped.status_code == 409
    assert "'pe.fcs', looks like one of PE-A" in swapped.json()["detail"]
    insisted = await world["ada"].post(path, json={**body, "controls": others, "name": "Swapped", "insist": True})
    assert len(insisted.json()["warnings"]) == 2
    kept = (await world["ada"].post(path, json={**body, "name": "From controls"})).json()["compensation"]
    assert kept["matrix"] == pytest.approx([1, 0.25, 0.05, 1], abs=0.01)
    assert kept["made_by"]["function"] == "compute_spillover"
    said = {**body, "dataset_ids": [ids[1]], "weighted": True}
    said["controls"] = [{**one, "dye": f"dye {place}"} for place, one in enumerate(body["controls"])]
    made = await world["ada"].post(f"studies/{study_id}/unmix", json=said)
    assert made.status_code == 201, made.text
    assert made.json()["items"][0]["name"] == "pe (unmixed, weighted).fcs"
    spectra = {"controls": said["controls"], "unstained": body["unstained"], "format": "svg", "width": 600}
    figure = await world["ada"].post(f"studies/{study_id}/spectra", json={**spectra, "dark": True})
    assert figure.headers["content-type"] == "image/svg+xml"
    assert ">dye 1 (PE-A)</text>" in figure.text.replace("\n", "")
    assert "#14171a" in figure.text
    assert "#14171a" not in (await world["ada"].post(f"studies/{study_id}/spectra", json=spectra)).text
    body["controls"].append({"channel": "APC-A", "dataset_id": ids[0]})  # type: ignore[union-attr]
    response = await world["ada"].post(path, json=body)
    assert response.status_code in (400, 404)
    assert "APC-A" in response.text


async def test_a_matrix_comes_and_goes_as_text(world: World) -> None:
    study_id = await study(world.catalog, world.actors["ada"])
    path = f"studies/{study_id}/compensations/csv"
    made = await world["ada"].post(path, content=b",FITC-A,PE-A\nFITC-A,1,0.25\nPE-A,0.5,1\n", params={"name": "Mine"})
    assert made.status_code == 201, made.text
    assert (made.json()["channels"], made.json()["matrix"]) == (["FITC-A", "PE-A"], [1, 0.25, 0.5, 1])
    text = await world["ada"].get(f"compensations/{made.json()['id']}/csv")
    assert text.text.split() == [",FITC-A,PE-A", "FITC-A,1,0.25", "PE-A,0.5,1"]
    assert 'filename="Mine.csv"' in text.headers["content-disposition"]
    refused = await world["ada"].post(path, content=b"A,B\n1\n", params={"name": "Mine"})
    assert refused.status_code == 422
    assert "no square matrix" in refused.text
