"""Envelopes without a client: every error class, every call, who may do what, signs of who asks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from cytosol.base import errors
from cytosol.base.errors import CytosolError
from cytosol.catalog.sharing import GrantView
from cytosol.db import rows, tables
from cytosol.dialects.cellengine import calls
from cytosol.dialects.cellengine.calls import PREFIX, Asked, Call
from cytosol.dialects.cellengine.dialect import CALLS, CellEngineDialect
from cytosol.model.rights import SYSTEM
from tests.dialects.native.world import World, opened
from tests.formats.fcs_files import build, floats, plain

API = f"http://cells.test{PREFIX}/api/v1"
PASSWORD = "correct horse"


def classes(cls: type[CytosolError] = CytosolError) -> Iterator[type[CytosolError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from classes(below)


EXPECTED = {
    errors.CytosolError: 500, errors.InvalidInputError: 400, errors.UnreadableFileError: 400,
    errors.UnsupportedFormatError: 400, errors.NotSignedInError: 401, errors.ForbiddenError: 403,
    errors.NotFoundError: 404, errors.ConflictError: 400, errors.VersionMismatchError: 400,
    errors.LeaseLostError: 400, errors.LimitExceededError: 413, errors.TooManyError: 429,
    errors.OutOfSpaceError: 507, errors.JobFailedError: 500, errors.DamagedDataError: 500,
    errors.UnavailableError: 503,
}  # fmt: skip


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path / "data") as made:
        for name in ("ada", "bob", "eve"):
            await made.add(name)
        yield made


async def asking(world: World, name: str = "", **headers: str) -> httpx.AsyncClient:
    """A client of one of the people, by a token in a header."""
    if name:
        secret, _ = await world.catalog.accounts.new_token(
            SYSTEM, user_id=world.actors[name].user_id, scopes=("read", "write", "share")
        )
        headers = {"authorization": f"Bearer {secret}"} | headers
    return httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=API, headers=headers)


@pytest.mark.parametrize("cls", list(classes()))
async def test_every_error_class_has_its_envelope(cls: type[CytosolError]) -> None:
    async def fail(asked: Asked) -> Response:
        raise cls("It went wrong", where="here", do="Do this")

    services: Any = None
    routes = calls.call_routes(services, [Call("GET", "x", fail, open=True)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url=API) as client:
        answer = await client.get("/x")
    assert answer.status_code == EXPECTED[cls]
    assert answer.json() == {"error": "It went wrong (here). Do this.", "code": cls.code, "request_id": ""}
    assert CellEngineDialect.errors[errors.InvalidInputError] == 400


def address(call: Call, **ids: str) -> str:
    """The path of a call; ids that are not named are of nothing."""
    return "/" + re.sub(r"\{(\w+)[^}]*\}", lambda found: ids.get(found.group(1), "0" * 24), call.path)


async def test_every_call_needs_somebody_who_is_signed_in(world: World) -> None:
    nobody = await asking(world)
    wrong = [{"authorization": "Bearer x"}, {"cookie": "token=s:x"}, {"cookie": "token=x%3Dy"}]
    async with nobody:
        for call in CALLS:
            if call.open:
                continue
            for headers in ({}, *wrong[: 1 if call.method == "GET" else 3]):
                answer = await nobody.request(call.method, address(call), headers=headers)
                assert answer.status_code == 401, call.path
                assert isinstance(answer.json()["error"], str)


async def test_every_call_on_nothing_is_answered_in_json(world: World) -> None:
    async with await asking(world, "ada") as ada:
        for call in CALLS:
            if "{" not in call.path:
                continue
            for id in ("0" * 24, "nonsense"):
                answer = await ada.request(call.method, address(call, experiment=id), json={})
                assert answer.status_code == 404, (call, answer.text)
                assert answer.json()["error"]
        for path in ("/nothing", "/../v/1/experiments", "/experiments/x/y/z"):
            answer = await ada.get(path)
            assert (answer.status_code, next(iter(answer.json()))) == (404, "error")
        assert (await ada.put("/experiments", json={})).status_code == 404


async def test_others_experiments_do_not_exist(world: World) -> None:
    ada = world.actors["ada"]
    async with await asking(world, "ada") as client:
        id = (await client.post("/experiments", json={"name": "Ligands"})).json()["_id"]
    async with await asking(world, "bob") as client:
        for call in CALLS:
            if "{experiment}" not in call.path:
                continue
            answer = await client.request(call.method, address(call, experiment=id), json={})
            assert answer.status_code == 404, (call, answer.text)
        assert (await client.get("/experiments")).json() == []
    views = await world.catalog.studies.list(ada)
    grants = [GrantView("user", world.actors["eve"].user_id, "", "reader")]
    await world.catalog.sharing.put(ada, subject_kind="study", subject_id=views.items[0].study.id, grants=grants)
    changes: list[tuple[str, str, Any]] = [
        ("PATCH", f"/experiments/{id}", {"name": "x"}),
        ("PATCH", f"/experiments/{id}", {"deleted": "2026-01-01T00:00:00"}),
        ("DELETE", f"/experiments/{id}", None),
        ("POST", f"/experiments/{id}/revision", {"description": "x"}),
        ("POST", f"/experiments/{id}/gates/reset", None),
        ("POST", f"/experiments/{id}/compensations", {"name": "c", "channels": ["a"], "spillMatrix": [1]}),
        ("POST", f"/experiments/{id}/populations", {"name": "p", "gates": '{"$and": []}'}),
        ("POST", f"/experiments/{id}/importResources", {"srcExperiment": id, "import": {"populations": True}}),
    ]
    async with await asking(world, "eve") as client:
        assert (await client.get(f"/experiments/{id}")).json()["name"] == "Ligands"
        for method, path, body in changes:
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 403, (method, path, answer.text)


async def test_nothing_stays_of_a_file_that_is_not_taken(world: World, tmp_path: Path) -> None:
    ada = world.actors["ada"]
    async with await asking(world, "ada") as client:
        id = (await client.post("/experiments", json={"name": "Ligands"})).json()["_id"]
    (view,) = (await world.catalog.studies.list(ada)).items
    grants = [GrantView("user", world.actors["eve"].user_id, "", "reader")]
    await world.catalog.sharing.put(ada, subject_kind="study", subject_id=view.study.id, grants=grants)
    content = build(plain(4, ("a", "b")), floats(4, 2).tobytes())

    def stored() -> list[Path]:
        return [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("cytosol.db")]

    before = stored()
    async with await asking(world, "eve") as client:
        for path in ("fcsfiles", "attachments"):
            answer = await client.post(f"/experiments/{id}/{path}", files={"data": ("a.fcs", content)})
            assert answer.status_code == 403, answer.text
    async with await asking(world, "ada") as client:
        answer = await client.post(f"/experiments/{id}/fcsfiles", files={"data": ("a.fcs", content[:-9])})
        assert (answer.status_code, "cut short" in answer.json()["error"]) == (400, True)
    assert stored() == before
    async with world.catalog.context.db.read() as conn:
        assert [await rows.count(conn, table, {}) for table in (tables.uploads, tables.originals)] == [0, 0]


async def test_studies_that_hold_nothing_for_these_clients_do_not_exist(world: World) -> None:
    made = await world["ada"].post("studies", json={"name": "Of the page"})
    async with await asking(world, "ada") as client:
        assert (await client.get("/experiments")).json() == []
        assert (await client.get(f"/experiments/{made.json()['id']}")).status_code == 404


async def test_sign_in_and_out(world: World) -> None:
    await world.catalog.accounts.set_password(SYSTEM, user_id=world.actors["ada"].user_id, password=PASSWORD)  # type: ignore[arg-type]
    async with await asking(world) as client:
        for body, says in (({"username": "ada@example.org"}, '"password" is required.'), ({}, '"username" is requi')):
            answer = await client.post("/signin", json=body)
            assert (answer.status_code, says in answer.json()["error"]) == (400, True)
        answer = await client.post("/signin", json={"username": "ada@example.org", "password": "wrong"})
        assert answer.status_code == 401
        assert "otp" not in answer.json()["error"]
        answer = await client.post(
            "/signin", json={"username": "Ada@Example.org", "password": PASSWORD, "otp": "123456"}
        )
        assert answer.json().keys() == {"token", "userId", "admin", "flags"}
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"token={answer.json()['token']}; ")
        assert "Path=/;" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie, "over plain http it would never come back"
        token = answer.json()["token"]
        assert (await client.get("/experiments")).status_code == 200, "by the cookie alone"
    for headers in (
        {"cookie": f"token={token}"},
        {"cookie": f"token={token.replace(':', '%3A')}"},
        {"authorization": f"Bearer {token}"},
    ):
        async with await asking(world, **headers) as client:
            assert (await client.get("/experiments")).status_code == 200
    async with await asking(world) as client:
        assert (await client.get("/experiments", params={"token": token})).status_code == 200
        assert (await client.post("/signout", headers={"cookie": f"token={token}"})).json() == {}
        assert (await client.get("/experiments", params={"token": token})).status_code == 401
    async with await asking(world, "ada") as client:
        assert (await client.post("/signout")).status_code == 200
        assert (await client.get("/experiments")).status_code == 401, "the token is revoked"


async def test_the_cookie_over_https_is_secure_and_of_the_whole_host(world: World) -> None:
    await world.catalog.accounts.set_password(SYSTEM, user_id=world.actors["ada"].user_id, password=PASSWORD)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(world.app, root_path="/lab")
    async with httpx.AsyncClient(transport=transport, base_url=API.replace("http:", "https:")) as client:
        answer = await client.post("/signin", json={"username": "ada@example.org", "password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"]
    assert "Path=/;" in answer.headers["set-cookie"]


async def test_slashes_too_many_and_bodies_too_few(world: World) -> None:
    async with await asking(world, "ada", **{"content-type": "application/json"}) as client:
        made = await client.post("/experiments", json=[])
        assert made.status_code == 201, "R spells an empty object []"
        id = made.json()["_id"]
        assert made.headers["content-type"].startswith("application/json")
        assert (await client.get(f"/experiments/{id}/gates/", params={"query": "null"})).json() == []
        double = f"http://cells.test{PREFIX}//api/v1/experiments/{id}"
        assert (await client.get(double)).json()["_id"] == id, "a base address that ends in a slash"
        assert (await client.request("GET", f"/experiments/{id}", content=b"")).status_code == 200
        answer = await client.post(f"/experiments/{id}/gates/reset")
        assert (answer.status_code, answer.json()) == (200, {})
        assert (await client.patch(f"/experiments/{id}", content=b"{")).status_code == 400


def test_every_call_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/dialect-cellengine.md").read_text()
    for call in CALLS:
        path = re.sub(r"\{[^}]*\}", "ID", call.path).replace("experiments/ID", "E")
        assert f"`{path}`" in page, path
    assert all(str(status) in page for status in {*EXPECTED.values()})
