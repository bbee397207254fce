"""Files of cytometry over HTTP: added, described, made of one another, taken away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.catalog.making import upload
from tests.catalog.test_cytometry import NAMES, fcs
from tests.dialects.native.world import World, opened
from tests.formats.fcs_files import events, floats, only


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        await world.add("bob")
        yield world


async def study(world: World) -> str:
    response = await world["ada"].post("studies", json={"name": "Blood"})
    return str(response.json()["id"])


async def put(world: World, study_id: str, name: str = "one.fcs", data: bytes | None = None) -> dict[str, Any]:
    response = await world["ada"].put(f"studies/{study_id}/fcs/{name}", content=data or fcs())
    assert response.status_code == 201, response.text
    (made,) = response.json()["items"]
    return dict(made)


async def test_a_file_is_sent_in_one_request(world: World) -> None:
    study_id = await study(world)
    made = await put(world, study_id, "A1 (DL350neg).fcs")
    assert (made["name"], made["n_events"], made["technology"]) == ("A1 (DL350neg).fcs", 50, "flow")
    assert made["panel"][2] == {"index": 3, "channel": "FITC-A", "reagent": "CD4"}
    assert made["annotations"][-1] == {"name": "plate well", "value": "A09"}
    assert (made["size"], made["has_internal_compensation"], made["compensation"]) == (len(fcs()), True, "internal")
    dataset = (await world["ada"].get(f"datasets/{made['id']}")).json()
    assert dataset["tables"][0]["kind"] == "events"
    assert dataset["panel_name"] == "Panel 1"
    listed = (await world["ada"].get(f"studies/{study_id}/fcs")).json()["items"]
    assert listed == [made]
    assert (await world["ada"].get(f"datasets/{made['id']}/file")).json() == made
    keywords = (await world["ada"].get(f"datasets/{made['id']}/keywords")).json()["items"]
    assert {"name": "$P3S", "value": "CD4"} in keywords
    assert (await world["bob"].get(f"datasets/{made['id']}/keywords")).status_code == 404


async def test_an_upload_becomes_a_file(world: World) -> None:
    study_id = await study(world)
    upload_id = await upload(world.catalog, world.actors["ada"], "two.fcs", fcs())
    body = {"upload_id": upload_id.hex24, "filename": "other.fcs"}
    response = await world["ada"].post(f"studies/{study_id}/fcs", json=body)
    assert response.status_code == 201
    assert response.json()["items"][0]["name"] == "other.fcs"
    assert (await world["ada"].post(f"studies/{study_id}/fcs", json=body)).status_code == 404


async def test_refusals_say_what_and_leave_nothing(world: World) -> None:
    study_id = await study(world)
    for data, text in ((b"CD4,CD8\n", "no FCS file"), (fcs()[:-300], "events are announced")):
        response = await world["ada"].put(f"studies/{study_id}/fcs/bad.fcs", content=data)
        assert response.status_code == 422, response.text
        assert text in response.json()["detail"]
        assert response.json()["where"] == "bad.fcs"
        assert response.json()["do"]
    assert (await world["bob"].put(f"studies/{study_id}/fcs/bad.fcs", content=fcs())).status_code == 404
    assert (await world["ada"].get(f"studies/{study_id}/fcs")).json()["items"] == []


async def test_what_is_said_about_files_changes(world: World) -> None:
    study_id = await study(world)
    made = await put(world, study_id)
    path = f"datasets/{made['id']}"
    change = {"is_control": True, "compensation": "none", "gates_locked": True, "name": "first"}
    response = await world["ada"].patch(path, json=change, headers={"If-Match": f'"{made["version"]}"'})
    assert response.status_code == 200, response.text
    assert {name: response.json()[name] for name in change} == change
    stale = await world["ada"].patch(path, json=change, headers={"If-Match": f'"{made["version"]}"'})
    assert stale.status_code == 412
    said = {"annotations": [{"name": "dose", "value": 2.5}, {"name": "plate", "value": "P"}]}
    response = await world["ada"].put(f"{path}/file-annotations", json=said)
    assert response.json()["annotations"] == [{"name": "plate", "value": "P"}, {"name": "dose", "value": 2.5}]
    response = await world["ada"].post(f"studies/{study_id}/panels", json={"reagents": {"PE-A": "CD19"}})
    assert response.json()["items"][0]["panel"][3]["reagent"] == "CD19"


async def test_files_are_taken_away(world: World) -> None:
    study_id = await study(world)
    made = await put(world, study_id)
    path = f"datasets/{made['id']}/fcs"
    original = await world["ada"].get(path, params={"format": "original", "pre_n": 2})
    assert original.content == fcs()
    whole = await world["ada"].get(path)
    assert whole.headers["content-type"] == "application/vnd.isac.fcs"
    assert whole.headers["content-length"] == str(len(whole.content))
    assert 'filename="one.fcs"' in whole.headers["content-disposition"]
    assert np.array_equal(events(whole.content), floats(50, 5))
    some = await world["ada"].get(path, params={"pre_n": 10, "seed": 1, "event_number": True})
    numbers = events(some.content)[:, 5].astype(int)
    assert np.array_equal(events(some.content)[:, :5], floats(50, 5)[numbers - 1])
    text = await world["ada"].get(path, params={"format": "tsv", "post_p": 0.1})
    assert text.headers["content-type"] == "text/tab-separated-values; charset=utf-8"
    assert text.text.splitlines()[0] == "\t".join(NAMES)
    assert len(text.text.splitlines()) == 6
    assert (await world["ada"].get(path, params={"pre_p": 2})).status_code == 422
    assert (await world["bob"].get(path)).status_code == 404


async def test_files_are_made_of_files_and_packed(world: World) -> None:
    study_id = await study(world)
    ids = [(await put(world, study_id, f"{seed}.fcs", fcs(seed=seed)))["id"] for seed in (1, 2)]
    body = {"dataset_ids": ids, "filename": "both.fcs", "add_file_number": True, "pre_n": 5}
    response = await world["ada"].post(f"studies/{study_id}/fcs/derive", json=body)
    assert response.status_code == 201, response.text
    (made,) = response.json()["items"]
    assert made["n_events"] == 10
    lineage = (await world["ada"].get(f"datasets/{made['id']}")).json()["lineage"]
    assert [source["dataset_id"] for source in lineage["source_files"]] == ids
    response = await world["ada"].post(f"studies/{study_id}/fcs/zip", json={"template": "{file}-{file_id}"})
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist()[:2] == [f"{number + 1}-{id}.fcs" for number, id in enumerate(ids)]
        assert only(archive.read(archive.namelist()[2])).n_events == 10
