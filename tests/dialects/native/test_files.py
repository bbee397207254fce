"""Uploads, storages, exports and their links."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import google_crc32c
import pytest

from tests.catalog.making import counts, h5ad, make_dataset, run_here, tsv
from tests.dialects.native.world import World


async def test_a_file_is_uploaded_in_parts_at_any_pace(world: World) -> None:
    ada = world["ada"]
    data = bytes(range(256)) * 50
    upload = (await ada.post("uploads", json={"name": "folder/a.bin", "size": len(data)})).json()
    path = f"uploads/{upload['id']}"
    assert (upload["offset"], upload["state"], upload["size"]) == (0, "open", len(data))
    assert (await ada.put(f"{path}/data", content=data[:5000])).json() == {"offset": 5000}
    gap = await ada.put(f"{path}/data", params={"offset": 9000}, content=data[9000:])
    assert (gap.status_code, gap.json()["received"]) == (409, 5000)
    assert (await ada.get(path)).json()["offset"] == 5000
    early = await ada.post(f"{path}/complete")
    assert (early.status_code, early.json()["received"]) == (409, 5000)
    again = await ada.put(f"{path}/data", params={"offset": 4000}, content=data[4000:])
    assert again.json() == {"offset": len(data)}
    done = await ada.post(f"{path}/complete", json={"sha256": hashlib.sha256(data).hexdigest()})
    assert done.json() == {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "crc32c": f"{google_crc32c.value(data):08x}",
    }
    assert (await ada.post(f"{path}/complete")).json() == done.json()
    assert (await ada.get(path)).json()["state"] == "complete"


async def test_a_body_that_breaks_off_leaves_what_arrived(world: World) -> None:
    ada = world["ada"]
    upload = (await ada.post("uploads", json={"name": "a.bin", "size": 6})).json()

    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await ada.put(f"uploads/{upload['id']}/data", content=broken())
    offset = (await ada.get(f"uploads/{upload['id']}")).json()["offset"]
    assert offset in (0, 3)
    rest = await ada.put(f"uploads/{upload['id']}/data", params={"offset": offset}, content=b"abcdef"[offset:])
    assert rest.json() == {"offset": 6}


async def test_damage_on_the_way_is_found(world: World) -> None:
    ada = world["ada"]
    upload = (await ada.post("uploads", json={"name": "a.bin", "size": 3})).json()
    path = f"uploads/{upload['id']}/data"
    wrong = await ada.put(path, content=b"abc", headers={"x-crc32c": "00000001"})
    assert wrong.status_code in (422, 500)
    assert wrong.json()["code"] in ("invalid-input", "damaged-data")
    right = await ada.put(path, content=b"abc", headers={"x-crc32c": f"{google_crc32c.value(b'abc'):08x}"})
    assert right.json() == {"offset": 3}
    for text in ("zz", "0123456789"):
        assert (await ada.put(path, content=b"abc", headers={"x-crc32c": text})).status_code == 422
    sha = await ada.post(f"uploads/{upload['id']}/complete", json={"sha256": "0" * 64})
    assert sha.json()["code"] == "damaged-data"
    assert (await ada.delete(f"uploads/{upload['id']}")).status_code == 204
    assert (await ada.get(f"uploads/{upload['id']}")).status_code == 404


async def test_a_dataset_is_made_from_uploads_and_from_a_storage(world: World, tmp_path: Path) -> None:
    ada, root = world["ada"], world["root"]
    folder = tmp_path / "lab"
    (folder / "runs").mkdir(parents=True)
    (folder / "runs" / "a.tsv").write_bytes(tsv(counts(seed=1), prefix="A"))
    refused = await ada.post("storages", json={"name": "lab", "kind": "folder", "location": str(folder)})
    assert refused.status_code == 403
    made = await root.post("storages", json={"name": "lab", "kind": "folder", "location": str(folder)})
    assert made.status_code == 201
    assert (made.json()["reach"], made.json()["location"]) == ("all", {"path": str(folder)})
    storage = made.json()["id"]
    entries = (await ada.get(f"storages/{storage}/entries", params={"path": "runs"})).json()["items"]
    assert [(entry["name"], entry["is_folder"]) for entry in entries] == [("a.tsv", False)]
    assert entries[0]["modified_at"].endswith("Z")
    assert (await ada.get(f"storages/{storage}/entries", params={"path": "../.."})).status_code in (404, 422)
    upload = (await ada.post("uploads", json={"name": "b.tsv"})).json()
    await ada.put(f"uploads/{upload['id']}/data", content=tsv(counts(seed=2), prefix="B"))
    await ada.post(f"uploads/{upload['id']}/complete")
    study = (await ada.post("studies", json={"name": "Blood"})).json()
    body = {
        "name": "both",
        "batches": [
            {"name": "a", "files": {"matrix": {"storage_id": storage, "path": "runs/a.tsv"}}},
            {"name": "b", "files": {"matrix": {"upload_id": upload["id"]}}},
        ],
        "options": {"orientation": "genes-by-cells"},
        "filters": {"min_counts": 1},
        "parameters": {
            "tsne": False,
            "umap": False,
            "n_components": 5,
            "n_neighbors": 5,
            "doublets": True,
            "cell_cycle": True,
        },
    }
    answer = await ada.post(f"studies/{study['id']}/datasets", json=body)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["job"]["state"], answer.json()["dataset"]["state"]) == ("queued", "staging")
    assert answer.json()["dataset"]["job_id"] == answer.json()["job"]["id"]
    waiting = (await ada.get(f"jobs/{answer.json()['job']['id']}")).json()
    assert (waiting["queue_position"], waiting["state"]) == (1, "queued")
    await run_here(world.catalog)
    job = (await ada.get(f"jobs/{waiting['id']}")).json()
    assert (job["state"], job["progress"], job["error"]) == ("succeeded", 1.0, None)
    lines = (await ada.get(f"jobs/{job['id']}/log")).json()["items"]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    later = (await ada.get(f"jobs/{job['id']}/log", params={"after": 1})).json()["items"]
    assert later == lines[1:]
    dataset = (await ada.get(f"datasets/{answer.json()['dataset']['id']}")).json()
    assert (dataset["n_cells"], dataset["state"]) == (120, "published")
    assert any(note.startswith("Cell cycle left out: The table has 0 genes") for note in dataset["notes"])
    assert "Doublet score" in str(dataset["tables"])
    study = (await ada.get(f"studies/{study['id']}")).json()
    assert (study["n_cells"], study["n_datasets"]) == (120, 1)
    assert [found["id"] for found in (await ada.get("jobs", params={"state": "succeeded"})).json()["items"]] == [
        job["id"]
    ]
    assert (await ada.get("jobs", params={"state": "failed"})).json()["items"] == []


async def test_what_a_submission_may_ask_for_is_told_with_its_defaults(world: World) -> None:
    items = (await world["ada"].get("analyses")).json()["items"]
    (pipeline,) = [each for each in items if each["name"] == "pipeline"]
    asked = {each["name"]: each["default"] for each in pipeline["parameters"]}
    wanted = {"doublets": False, "cell_cycle": False, "cell_types": False, "n_neighbors": 15}
    assert {name: asked[name] for name in wanted} == wanted


async def test_a_failed_job_says_why_and_may_be_retried(world: World) -> None:
    ada = world["ada"]
    study = (await ada.post("studies", json={"name": "Blood"})).json()
    upload = (await ada.post("uploads", json={"name": "b.h5ad"})).json()
    await ada.put(f"uploads/{upload['id']}/data", content=h5ad(counts())[:2000])
    await ada.post(f"uploads/{upload['id']}/complete")
    body = {"batches": [{"name": "b", "files": {"matrix": {"upload_id": upload["id"]}}}]}
    job = (await ada.post(f"studies/{study['id']}/datasets", json=body)).json()["job"]
    assert (await ada.post(f"jobs/{job['id']}/retry")).status_code == 409
    cancelled = await ada.post(f"jobs/{job['id']}/cancel")
    assert cancelled.json()["state"] == "cancelled"
    assert (await ada.post(f"jobs/{job['id']}/retry")).json()["state"] == "queued"


async def test_an_export_is_fetched_whole_and_in_ranges(world: World) -> None:
    ada = world["ada"]
    made = await make_dataset(world.catalog, world.actors["ada"])
    job = (await ada.post(f"datasets/{made.id.hex24}/exports", json={"format": "h5ad"})).json()["job"]
    assert (await ada.get(f"jobs/{job['id']}/download")).status_code == 409
    await run_here(world.catalog, ("export",))
    result = (await ada.get(f"jobs/{job['id']}")).json()["result"]
    assert set(result) == {"filename", "size", "expires_at", "download_url"}
    assert (await ada.get(f"jobs/{job['id']}/download")).json()["download_url"] == result["download_url"]
    path = result["download_url"].removeprefix("api/v1/")
    visitor = world.client()
    whole = await visitor.get(path)
    assert (whole.status_code, len(whole.content)) == (200, result["size"])
    assert whole.content[:8] == b"\x89HDF\r\n\x1a\n"
    assert result["filename"] in whole.headers["content-disposition"]
    part = await visitor.get(path, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{result['size']}"
    tail = await visitor.get(path, headers={"range": "bytes=-10", "if-range": whole.headers["etag"]})
    assert tail.content == whole.content[-10:]
    assert (await visitor.get(path, headers={"range": "bytes=99999999-"})).status_code == 416
    size = await visitor.head(path)
    assert (size.headers["content-length"], size.content) == (str(result["size"]), b"")
    assert (await visitor.get("downloads/wrong/x.h5ad")).status_code == 404
    assert (await ada.post(f"datasets/{made.id.hex24}/exports", json={"format": "loom"})).status_code == 422


async def test_the_sample_table_goes_out_and_comes_back(world: World) -> None:
    ada = world["ada"]
    study = f"studies/{(await ada.post('studies', json={'name': 'Blood'})).json()['id']}"
    text = 'sample,dose,site\r\ndonor 1,5,blood\r\ndonor 2,,"bone, marrow"\r\n'
    put = await ada.put(
        f"{study}/samples.csv", content=b"\xef\xbb\xbf" + text.encode(), headers={"content-type": "text/csv"}
    )
    assert put.json() == {"created": 2, "updated": 0, "attributes": ["dose", "site"]}
    table = (await ada.get(f"{study}/samples")).json()
    dose, site = table["attributes"]
    assert (dose["kind"], site["kind"]) == ("number", "text")
    assert [sample["values"][dose["id"]] for sample in table["samples"]] == [5, None]
    csv = await ada.get(f"{study}/samples.csv")
    assert csv.headers["content-type"].startswith("text/csv")
    back = await ada.put(f"{study}/samples.csv", content=csv.content)
    assert back.json() == {"created": 0, "updated": 0, "attributes": []}
    pasted = await ada.post(f"{study}/samples/paste", json={"text": "sample\tdose\ndonor 2\t7"})
    assert pasted.json()["updated"] == 1
    sample = (await ada.get(f"{study}/samples")).json()["samples"][1]
    headers = {"if-match": f'"{sample["version"]}"'}
    changed = await ada.patch(f"samples/{sample['id']}", json={"values": {dose["id"]: None}}, headers=headers)
    assert dose["id"] not in changed.json()["values"]
    wrong = await ada.put(f"{study}/samples.csv", content=b"sample,dose\ndonor 1,much\n")
    assert (wrong.status_code, "row 2" in wrong.json()["detail"]) == (422, True)
    assert (await ada.put(f"{study}/samples.csv", content=b"\xff\xfe\x00")).status_code == 422
