"""Refusals: one envelope for every kind of error."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import orjson
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cytosol.base import errors
from cytosol.base.errors import CytosolError
from cytosol.dialects.native.dialect import NativeDialect
from cytosol.dialects.native.problems import on_cytosol_error, on_http_exception, on_invalid_request
from tests.dialects.native.world import World

STATUS = {
    "error": 500, "invalid-input": 422, "unreadable-file": 422, "unsupported-format": 422, "not-signed-in": 401,
    "forbidden": 403, "not-found": 404, "conflict": 409, "version-mismatch": 412, "lease-lost": 409,
    "limit-exceeded": 413, "too-many": 429, "out-of-space": 507, "job-failed": 500, "damaged-data": 500,
    "unavailable": 503,
}  # fmt: skip


def classes() -> Iterator[type[CytosolError]]:
    for _, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, CytosolError):
            yield found


def asked() -> Request:
    scope = {"type": "http", "method": "GET", "path": "/api/v1/x", "headers": [], "state": {"request_id": "r1"}}
    return Request(scope)


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.code)
async def test_every_error_has_its_envelope(cls: type[CytosolError]) -> None:
    error = cls("The file ends early", where="a.h5", do="Copy it again", setting="x", status=1, detail="y")
    response = await on_cytosol_error(asked(), error)
    assert response.status_code == STATUS[cls.code]
    assert response.headers["content-type"] == "application/problem+json"
    assert orjson.loads(response.body) == {
        "type": f"urn:cytosol:error:{cls.code}",
        "title": "The file ends early",
        "status": STATUS[cls.code],
        "detail": "The file ends early (a.h5). Copy it again.",
        "code": cls.code,
        "where": "a.h5",
        "do": "Copy it again",
        "request_id": "r1",
        "setting": "x",
    }


def test_every_error_is_in_the_table() -> None:
    assert {cls.code for cls in classes()} == set(STATUS)
    assert NativeDialect().errors


@pytest.mark.parametrize("handler", [on_cytosol_error, on_invalid_request, on_http_exception])
async def test_faults_of_ours_are_no_answers(handler: object) -> None:
    with pytest.raises(ZeroDivisionError):
        await handler(asked(), ZeroDivisionError())  # type: ignore[operator]


async def test_other_refusals_of_the_framework_have_the_envelope_too() -> None:
    response = await on_http_exception(asked(), HTTPException(418, "Short and stout", headers={"x-tea": "1"}))
    assert (response.status_code, response.headers["x-tea"]) == (418, "1")
    assert orjson.loads(response.body)["detail"] == "Short and stout."


async def test_unknown_addresses_and_methods(world: World) -> None:
    ada = world["ada"]
    unknown = await ada.get("nothing")
    assert unknown.status_code == 404
    assert unknown.json()["code"] == "not-found"
    assert unknown.json()["detail"] == "There is no address '/api/v1/nothing'. See api/v1/docs for the addresses."
    assert len(unknown.json()["request_id"]) == 24
    method = await ada.put("studies")
    assert (method.status_code, method.headers["allow"]) == (405, "GET")
    assert (await ada.get("studies/")).status_code == 404


async def test_a_connector_without_the_trailing_slash_is_told(world: World) -> None:
    client = world.client(**{"bioturing-api-token": "x"})
    for path in ("list_all_studies", "account/info"):
        response = await client.post(path, json={"group_id": "x"})
        assert response.status_code == 404
        body = response.json()
        assert body["status"] == 404
        assert body["message"] == body["detail"]
        assert "trailing slash" in body["message"]
    assert (await world.client().post("list_all_studies")).json()["code"] == "not-found"


async def test_ids_are_refused_in_a_sentence(world: World) -> None:
    ada = world["ada"]
    for text in ("zz", "x" * 24, "0" * 23, "!" * 16):
        response = await ada.get(f"studies/{text}")
        assert response.status_code == 422, text
        assert f"study_id: '{text}' is not an id" in response.json()["detail"]
    assert (await ada.get("studies/" + "0" * 24)).status_code == 404
    assert (await ada.post("studies", json={"name": "x", "folder_id": 7})).status_code == 422


async def test_bodies_are_refused_with_every_field_that_is_wrong(world: World) -> None:
    ada = world["ada"]
    response = await ada.post("studies", json={"nam": "x", "authors": "Ada"})
    detail = response.json()["detail"]
    assert response.status_code == 422
    assert response.json()["code"] == "invalid-input"
    for part in ("name: Field required", "nam: Extra inputs", "authors: Input should be a valid list"):
        assert part in detail
    for body, kind in ((b"{bad", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain")):
        response = await ada.post("studies", content=body, headers={"content-type": kind})
        assert response.status_code == 422, body
    assert (await ada.get("studies", params={"limit": 501})).status_code == 422
    assert (await ada.get("studies", params={"cursor": "%%"})).status_code == 422
    assert (await ada.get("jobs", params={"state": "sleeping"})).status_code == 422
