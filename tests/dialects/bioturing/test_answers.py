"""Envelopes, without a client: every error class, every call, the log."""

from __future__ import annotations

import http.client
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cytosol.asgi.dialect import Services
from cytosol.base import errors
from cytosol.base.errors import CytosolError
from cytosol.base.keys import new_key
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.dialects.bioturing.calls import answering_errors
from cytosol.dialects.bioturing.dialect import CALLS, BioturingDialect
from cytosol.dialects.bioturing.logs import render_log, task_state
from cytosol.model.rights import SYSTEM
from cytosol.model.work import LogEntry
from tests.catalog.people import Bell


def classes(cls: type[CytosolError] = CytosolError) -> Iterator[type[CytosolError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from classes(below)


EXPECTED = {
    errors.CytosolError: 500, errors.InvalidInputError: 422, errors.UnreadableFileError: 422,
    errors.UnsupportedFormatError: 422, errors.NotSignedInError: 401, errors.ForbiddenError: 403,
    errors.NotFoundError: 404, errors.ConflictError: 409, errors.VersionMismatchError: 409,
    errors.LeaseLostError: 409, errors.LimitExceededError: 413, errors.TooManyError: 429,
    errors.OutOfSpaceError: 507, errors.JobFailedError: 500, errors.DamagedDataError: 500,
    errors.UnavailableError: 503,
}  # fmt: skip


class Quiet:
    """Nobody watches events here."""

    async def wait(self, timeout_s: float) -> bool:
        return False


@pytest.fixture
async def http_client(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """The dialect in this process, and a token."""
    settings = load_settings(data=tmp_path / "data", min_free_bytes=0)
    catalog = await Catalog.open(settings, notifier=Bell())
    user = await catalog.accounts.create_user(SYSTEM, email="ada@example.org", password="correct horse")
    token, _ = await catalog.accounts.new_token(
        SYSTEM, name="t", scopes=["read", "write"], expires_days=1, user_id=user.id
    )
    app = Starlette(routes=BioturingDialect().routes(Services(catalog, settings, Quiet(), "1")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client, token
    await catalog.close()


@pytest.mark.parametrize("cls", list(classes()))
@pytest.mark.parametrize("hides_status", [False, True])
async def test_every_error_class_has_its_envelope(cls: type[CytosolError], hides_status: bool) -> None:
    async def fail(request: Request) -> Response:
        raise cls("It went wrong", where="here", do="Do this")

    app = Starlette(routes=[Route("/x", answering_errors(fail, hides_status=hides_status))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/x")
    status = EXPECTED[cls]
    assert status in http.client.responses, "the client raises KeyError for a status that Python does not name"
    assert answer.status_code == (200 if hides_status else status)
    sentence = "It went wrong (here). Do this."
    assert answer.json() == {
        "status": status, "message": sentence, "detail": sentence, "code": cls.code, "request_id": "",
    }  # fmt: skip


BODIES: dict[str, dict[str, Any]] = {
    "get_shared_s3_of_group": {"group_id": "personal"},
    "get_all_studies_info_in_group": {"group_id": "personal", "species": "human"},
    "add_file_upload": {"folder_id": "f", "n_chunks": 1, "original_file_name": "a.h5ad"},
    "submit_metadata_dataframe": {"metadata_dct": {"barcodes": ["a"]}},
    "submit_metadata_s3": {"file_path": "x"},
    "submit_metadata_from_shared_s3": {"file_path": "x"},
    "retrieve_custom_embedding": {"embedding_id": "e"},
}


async def test_every_call_needs_a_token_and_an_object(http_client: tuple[httpx.AsyncClient, str]) -> None:
    client, token = http_client
    headers = {"bioturing-api-token": token}
    for call in CALLS:
        body = {"study_id": "s", "task_id": "t", "group_id": "personal"} | BODIES.get(call.path, {})
        for prefix in BioturingDialect.prefixes:
            url = f"{prefix}/api/v1/{call.path}"
            for wrong in ({}, {"bioturing-api-token": "wrong"}):
                answer = await client.post(url, json=body, headers=wrong)
                assert answer.json()["status"] == 401, url
                assert answer.status_code == (200 if call.hides_status else 401), url
            for content in (b"[1]", b"{"):
                answer = await client.post(url, content=content, headers=headers)
                assert answer.json()["status"] == 422, url
            answer = await client.post(url, json=body, headers=headers)
            assert answer.status_code in (200, 404, 422), url


async def test_fields_that_do_not_fit_are_named(http_client: tuple[httpx.AsyncClient, str]) -> None:
    client, token = http_client
    body = {"folder_id": "f", "n_chunks": -1}
    answer = await client.post("/lens_sc/api/v1/add_file_upload", json=body, headers={"bioturing-api-token": token})
    detail = answer.json()["detail"]
    assert "n_chunks" in detail
    assert "original_file_name" in detail


async def test_chunks_that_do_not_belong_are_refused(http_client: tuple[httpx.AsyncClient, str]) -> None:
    client, token = http_client
    headers = {"bioturing-api-token": token}
    body = {"folder_id": "f/custom_embeddings", "n_chunks": 2, "original_file_name": "../a/../b.npy"}
    made = await client.post("/t2d_index_tool/api/v1/add_file_upload", json=body, headers=headers)
    id = made.json()["data"][0]["id"]

    async def send(id: str, chunk: int, with_token: bool = True) -> dict[str, Any]:
        params = f'{{"folder_id": "f", "id": "{id}", "chunk": {chunk}, "n_chunks": 2}}'
        files = {"params": (None, params), "file": ("b.npy", b"1234")}
        answer = await client.post(
            "/t2d_index_tool/api/v1/upload_chunk", files=files, headers=headers if with_token else {}
        )
        return dict(answer.json())

    assert (await send(id, 1)) == {"status": 200, "data": {"output_dir": "f/custom_embeddings"}}
    assert (await send(id, 1))["status"] == 200  # sent twice
    assert (await send(id, 2))["status"] == 422
    assert (await send("0" * 32, 0))["status"] == 404
    assert (await send(id, 0, with_token=False))["status"] == 401


def test_log_lines_are_stamped_and_ended() -> None:
    at = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
    entries = [
        LogEntry(new_key(), n, at, "job", "info", text) for n, text in enumerate(["Running PCA", "two\nlines"], 1)
    ]
    assert render_log(entries) == "[2026-01-01 00:00] Running PCA\n[2026-01-01 00:00] two lines\n"
    assert render_log([]) == ""


def test_only_two_states_end_the_clients_loop() -> None:
    states = {state: task_state(state) for state in ("queued", "running", "succeeded", "failed", "cancelled")}
    assert {state for state, word in states.items() if word in ("SUCCESS", "ERROR")} == {
        "succeeded", "failed", "cancelled",
    }  # fmt: skip


def test_every_call_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/dialect-bioturing.md").read_text()
    assert [call.path for call in CALLS if f"`{call.path}`" not in page] == []
    assert [prefix for prefix in BioturingDialect.prefixes if f"{prefix}/`" not in page] == []
    assert all(f" {status}" in page for status in {*EXPECTED.values()})
