"""Envelopes and quirks, without the client: errors, forms, chunks that name their end, empty lists."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cytosol.asgi.dialect import status_of
from cytosol.base import errors
from cytosol.base.errors import CytosolError
from cytosol.dialects.bbrowserx.dialect import CALLS
from cytosol.dialects.bbrowserx.errors import STATUS, failure
from cytosol.dialects.bbrowserx.translate import PROJECT_COLUMNS, STUDY_COLUMNS, filters_of, is_species, matches
from cytosol.dialects.bbrowserx.wire import FilterParams
from cytosol.model.rights import SYSTEM
from tests.catalog.making import counts, run_here, tsv
from tests.dialects.native.world import World, opened


def classes(cls: type[CytosolError] = CytosolError) -> Iterator[type[CytosolError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from classes(below)


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[tuple[World, httpx.AsyncClient]]:
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        user_id = world.actors["ada"].user_id
        token, _ = await world.catalog.accounts.new_token(SYSTEM, user_id=user_id, scopes=("read", "write"))
        base = "http://cytosol.test/bbrowserx/"
        transport = httpx.ASGITransport(world.app)
        async with httpx.AsyncClient(transport=transport, base_url=base, headers={"bbrowserx-token": token}) as client:
            yield world, client


def good(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == 0
    return body["message"]


@pytest.mark.parametrize("cls", list(classes()))
def test_every_error_class_has_its_envelope(cls: type[CytosolError]) -> None:
    error = cls("It went wrong", where="here", do="Do this")
    status = status_of(STATUS, error)
    assert status >= 400
    assert status in http.client.responses
    sentence = "It went wrong (here). Do this."
    assert failure(error, status, "r") == {
        "status": status, "message": sentence, "code": cls.code, "request_id": "r",
    }  # fmt: skip
    assert status == 409 or cls is not errors.VersionMismatchError


async def test_every_call_wants_a_token_and_its_fields(ada: tuple[World, httpx.AsyncClient]) -> None:
    _, client = ada
    for call in CALLS:
        method = getattr(call, "method", "POST")
        without = await client.request(method, call.path, headers={"bbrowserx-token": ""})
        assert (without.status_code, without.json()["code"]) == (401, "not-signed-in"), call.path
        assert (await client.request(method, call.path)).status_code in (200, 422), call.path
    assert (await client.get("openapi/nothing")).status_code == 404


async def test_get_with_a_body_that_says_nothing(ada: tuple[World, httpx.AsyncClient]) -> None:
    _, client = ada
    answer = await client.request("GET", "openapi/account/info", json={})
    assert good(answer)["email"] == "ada@example.org"


async def test_form_booleans_come_as_text(ada: tuple[World, httpx.AsyncClient]) -> None:
    _, client = ada
    for text in ("True", "False"):
        answer = await client.post("openapi/directory/entities", data={"path": "/", "ignore_hidden": text})
        assert [entry["name"] for entry in good(answer)["entities"]] == ["uploads", "mounts", "s3"]


async def test_empty_lists_have_their_columns(ada: tuple[World, httpx.AsyncClient]) -> None:
    _, client = ada
    asked = {"group_id": "personal", "species": "human"}
    assert good(await client.post("openapi/project/list", data=asked))["list"] == {name: [] for name in PROJECT_COLUMNS}
    project = good(await client.post("openapi/project/create", json={**asked, "title": "T"}))["project_id"]
    listed = good(await client.get("openapi/study/list", params={"key": project}))
    assert listed == {"list": {name: [] for name in STUDY_COLUMNS}, "total": 0}
    (item,) = good(await client.post("openapi/project/list", data=asked))["list"]
    assert (item["map_publication"], item["status"], item["total_study"]) == ("", 0, 0)


async def test_a_first_chunk_twice_at_once_and_a_chunk_after_the_merge(ada: tuple[World, httpx.AsyncClient]) -> None:
    _, client = ada
    data = tsv(counts(50, 50))
    start = good(await client.post("openapi/upload/chunk/start", json={"folder_name": "", "parent_is_file": 2}))
    fields = {"folder_name": "", "unique_id": start["unique_id"], "name": "a.tsv", "file_size": len(data)}
    half = len(data) // 2

    async def send(begin: int, end: int) -> Any:
        form = {**fields, "offset": end, "path": start["root_folder"], "sending_index": 0, "chunk_size": half}
        plain = {name: str(value) for name, value in form.items()}
        return good(
            await client.post("openapi/upload/chunk/process", data=plain, files={"file": ("file", data[begin:end])})
        )

    # one of them may be told to go on from where the other is
    twice = await asyncio.gather(send(0, half), send(0, half), return_exceptions=True)
    assert any(not isinstance(one, BaseException) for one in twice)
    for begin, end in ((0, half), (half, len(data))):
        await send(begin, end)
    merge = {**fields, "total": 2, "move_to_parent": True}
    assert good(await client.post("openapi/upload/chunk/merge", json=merge))["size"] == len(data)
    assert (await send(0, half))["received"] == len(data)
    assert good(await client.post("openapi/upload/chunk/merge", json=merge))["size"] == len(data)
    done = {"folder_name": "", "unique_id": start["unique_id"]}
    assert good(await client.post("openapi/upload/folder_finish", json=done))["total"] == 1


async def test_a_full_disk_takes_no_form(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", min_free_bytes=10**18) as world:
        await world.add("ada")
        secret = world["ada"].headers["authorization"].removeprefix("Bearer ")
        answer = await world["ada"].post(
            "http://cytosol.test/bbrowserx/openapi/upload/simple",
            data={"folder_name": ""},
            files={"file": ("a.tsv", b"x" * 100)},
            headers={"bbrowserx-token": secret},
        )
    assert (answer.status_code, answer.json()["code"]) == (507, "out-of-space")


async def test_a_chunk_names_its_end_and_may_come_twice(ada: tuple[World, httpx.AsyncClient]) -> None:
    world, client = ada
    data = tsv(counts(50, 50))
    opened_ = good(await client.post("openapi/upload/chunk/start", json={"folder_name": "", "parent_is_file": 2}))
    fields = {"folder_name": "", "unique_id": opened_["unique_id"], "name": "a.tsv", "file_size": len(data)}
    half = len(data) // 2

    async def send(start: int, stop: int, offset: int) -> httpx.Response:
        form = {**fields, "offset": offset, "path": opened_["root_folder"], "sending_index": 0, "chunk_size": half}
        plain = {name: str(value) for name, value in form.items()}
        return await client.post("openapi/upload/chunk/process", data=plain, files={"file": ("file", data[start:stop])})

    assert (await send(0, half, half - 1)).status_code == 422
    for _ in range(2):
        assert good(await send(0, half, half))["received"] == half
    gap = await send(half + 5, len(data), len(data))
    assert gap.status_code == 409
    early = await client.post("openapi/upload/chunk/merge", json={**fields, "total": 2, "move_to_parent": True})
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    assert good(await send(half, len(data), len(data)))["received"] == len(data)
    merged = good(await client.post("openapi/upload/chunk/merge", json={**fields, "total": 2, "move_to_parent": True}))
    assert (merged["path"], merged["size"]) == (f"{opened_['root_folder']}/a.tsv", len(data))
    project = good(
        await client.post("openapi/project/create", json={"group_id": "personal", "species": "human", "title": "T"})
    )["project_id"]
    batch = {"name": "a", "format": "TSV", "files": [{"key": "matrix", "value": merged["path"]}]}
    body = {"project_id": project, "name": "S", "normalize": True, "filter_params": "", "total_batch": 1}
    made = good(await client.post("openapi/study/create", json={**body, "submission_info": json.dumps([batch])}))
    detail = good(await client.get("openapi/study/detail", params={"key": made["study_id"]}))["study"]
    assert (detail["status"], detail["message"]) == (2, "queued")
    await run_here(world.catalog)
    detail = good(await client.get("openapi/study/detail", params={"key": made["study_id"]}))["study"]
    assert (detail["status"], detail["total_cell"], detail["layers"]) == (1, 50, ["rna"])


@pytest.mark.parametrize("path", ["../../etc/passwd", "/uploads/../x", "/mounts/none/x", "/etc/passwd", ""])
async def test_paths_that_lead_elsewhere(ada: tuple[World, httpx.AsyncClient], path: str) -> None:
    _, client = ada
    made = {"group_id": "personal", "species": "human", "title": "T"}
    project = good(await client.post("openapi/project/create", json=made))["project_id"]
    batch = {"name": "a", "format": "TSV", "files": [{"key": "matrix", "value": path}]}
    body = {"project_id": project, "name": "S", "filter_params": "", "submission_info": json.dumps([batch])}
    assert (await client.post("openapi/study/create", json=body)).status_code in (403, 404, 422)


def test_states_are_compared_as_asked() -> None:
    assert [matches(state, active=2, compare=1) for state in range(4)] == [True, True, True, False]
    assert [matches(state, active=3, compare=0) for state in range(4)] == [False, False, False, True]
    assert [matches(state, active=0, compare=2) for state in range(4)] == [False, True, True, True]


def test_filters_and_species() -> None:
    given = FilterParams(min_genes=10, min_counts=10, mito_controls_percentage=25)
    assert filters_of(given) == {"min_genes": 10, "min_counts": 10, "max_mito_share": 0.25}
    assert filters_of(None) == {}
    assert is_species("primate", "nonHumanPrimate")
    assert is_species("zebrafish", "others")
    assert not is_species("human", "others")
