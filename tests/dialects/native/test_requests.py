"""Sign-in, versions, limits, keys of repeated requests, pages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from cytosol.model.rights import SYSTEM
from tests.dialects.native.world import API, World, opened

PASSWORD = "correct horse"


async def page_client(world: World, *, base: str = API) -> httpx.AsyncClient:
    """A browser that is signed in."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=base, headers={"x-cytosol": "1"})
    response = await client.post("session", json={"email": "zoe@example.org", "password": PASSWORD})
    assert response.status_code == 200
    return client


@pytest.fixture
async def zoe(world: World) -> httpx.AsyncClient:
    await world.catalog.accounts.create_user(SYSTEM, email="zoe@example.org", password=PASSWORD, name="Zoe")
    return await page_client(world)


async def test_the_first_administrator_signs_in_with_the_link(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as world:
        client = world.client()
        assert (await client.get("server")).json()["needs_setup"] is True
        key = await world.catalog.accounts.new_setup_key(SYSTEM)
        said = {"key": key, "email": "Ada@Example.org", "name": "Ada", "password": PASSWORD}
        response = await client.post("setup", json=said)
        assert response.status_code == 201
        assert (await client.get("session")).json()["user"]["email"] == "ada@example.org"
        assert (await client.get("server")).json()["needs_setup"] is False
        again = await world.client().post("setup", json=said)
        assert again.status_code == 401


async def test_the_cookie_is_for_the_browser_only(world: World, zoe: httpx.AsyncClient) -> None:
    response = await zoe.post("session", json={"email": "zoe@example.org", "password": PASSWORD})
    cookie = response.headers["set-cookie"].lower()
    assert "cytosol_session=" in cookie
    for part in ("httponly", "samesite=lax", "path=/;"):
        assert part in cookie
    assert "secure" not in cookie
    secure = await page_client(world, base=API.replace("http:", "https:"))
    response = await secure.post("session", json={"email": "zoe@example.org", "password": PASSWORD})
    assert "secure" in response.headers["set-cookie"].lower()


async def test_behind_a_proxy_the_cookie_belongs_to_its_path(world: World, zoe: httpx.AsyncClient) -> None:
    transport = httpx.ASGITransport(world.app, root_path="/cells")
    base = API.replace("/api", "/cells/api")
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        response = await client.post("session", json={"email": "zoe@example.org", "password": PASSWORD})
        assert response.status_code == 200
        assert "path=/cells;" in response.headers["set-cookie"].lower()
        assert (await client.get("session")).status_code == 200


async def test_a_change_with_the_cookie_alone_is_refused(world: World, zoe: httpx.AsyncClient) -> None:
    forged = {"x-cytosol": ""}
    response = await zoe.post("studies", json={"name": "x"}, headers=forged)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert "X-Cytosol" in response.json()["detail"]
    assert (await zoe.get("session", headers=forged)).status_code == 200
    assert (await zoe.post("studies", json={"name": "x"})).status_code == 201


async def test_signing_out_ends_the_session(world: World, zoe: httpx.AsyncClient) -> None:
    secret = zoe.cookies["cytosol_session"]
    assert (await zoe.delete("session")).status_code == 204
    assert "cytosol_session" not in zoe.cookies
    old = world.client(cookie=f"cytosol_session={secret}")
    assert (await old.get("session")).status_code == 401
    assert (await old.get("studies")).status_code == 200, "an ended cookie counts as none"
    assert (await world.client(authorization="Bearer nonsense").get("studies")).status_code == 401


async def test_a_new_password_ends_the_other_sessions(world: World, zoe: httpx.AsyncClient) -> None:
    other = await page_client(world)
    wrong = await zoe.post("me/password", json={"old": "wrong horse", "new": "another horse"})
    assert (wrong.status_code, wrong.json()["where"]) == (422, "old")
    assert (await zoe.post("me/password", json={"old": PASSWORD, "new": "another horse"})).status_code == 204
    assert (await other.get("session")).status_code == 401
    assert (await zoe.get("session")).status_code == 200


async def test_changes_say_for_which_version_they_are(world: World) -> None:
    ada = world["ada"]
    made = await ada.post("studies", json={"name": "Blood"})
    assert made.headers["etag"] == '"1"'
    path = f"studies/{made.json()['id']}"
    without = await ada.patch(path, json={"name": "Bone"})
    assert (without.status_code, without.json()["code"]) == (428, "invalid-input")
    assert "If-Match" in without.json()["detail"]
    changed = await ada.patch(path, json={"name": "Bone"}, headers={"if-match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["version"]) == (200, '"2"', 2)
    stale = await ada.patch(path, json={"name": "Skin"}, headers={"if-match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version-mismatch")
    assert (await ada.delete(path, headers={"if-match": '"1"'})).status_code == 412
    assert (await ada.delete(path)).status_code == 428
    assert (await ada.delete(path, headers={"if-match": "two"})).status_code == 422
    assert (await ada.get(path)).json()["name"] == "Bone"
    assert (await ada.delete(path, headers={"if-match": 'W/"2"'})).status_code == 204


async def test_sharing_is_for_a_version_too(world: World) -> None:
    ada, bob = world["ada"], world["bob"]
    study = (await ada.post("studies", json={"name": "Blood"})).json()
    grants = f"studies/{study['id']}/grants"
    items = [{"principal": {"kind": "user", "name": "bob@example.org"}, "role": "reader"}]
    assert (await ada.put(grants, json={"items": items})).status_code == 428
    put = await ada.put(grants, json={"items": items}, headers={"if-match": '"1"'})
    assert put.status_code == 200
    principal = put.json()["items"][0]["principal"]
    assert (principal["name"], principal["id"]) == ("bob@example.org", world.actors["bob"].user_id.hex24)  # type: ignore[union-attr]
    assert (await bob.get(f"studies/{study['id']}")).json()["permissions"] == [
        "data.read", "export", "file.read", "study.read",
    ]  # fmt: skip
    assert (await ada.put(grants, json={"items": []}, headers={"if-match": '"1"'})).status_code == 412
    assert (await ada.put(grants, json={"items": []}, headers={"if-match": '"2"'})).status_code == 200
    assert (await bob.get(f"studies/{study['id']}")).status_code == 404


async def test_a_request_that_is_sent_twice_is_done_once(world: World) -> None:
    ada = world["ada"]
    key = {"idempotency-key": "k1"}
    first = await ada.post("studies", json={"name": "Blood"}, headers=key)
    second = await ada.post("studies", json={"name": "Blood"}, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = await ada.post("studies", json={"name": "Bone"}, headers=key)
    assert (other.status_code, other.json()["where"]) == (422, "Idempotency-Key")
    assert len((await ada.get("studies")).json()["items"]) == 1
    assert (await world["bob"].post("studies", json={"name": "Bone"}, headers=key)).status_code == 201


async def test_two_at_once_with_one_key_make_one_thing(world: World) -> None:
    ada = world["ada"]
    sent = [ada.post("studies", json={"name": "Blood"}, headers={"idempotency-key": "k"}) for _ in range(5)]
    statuses = sorted(response.status_code for response in await asyncio.gather(*sent))
    assert 201 in statuses
    assert set(statuses) <= {201, 409}
    assert len((await ada.get("studies")).json()["items"]) == 1


async def test_a_failed_request_may_be_sent_again_with_its_key(world: World) -> None:
    ada = world["ada"]
    folder = (await ada.post("folders", json={"name": "All"})).json()
    key = {"idempotency-key": "k2"}
    study = {"name": "Blood", "folder_id": folder["id"]}
    assert (await ada.delete(f"folders/{folder['id']}", headers={"if-match": '"1"'})).status_code == 204
    assert (await ada.post("studies", json=study, headers=key)).status_code == 404
    assert (await ada.post("studies", json={"name": "Blood"}, headers=key)).status_code == 201


async def test_secrets_are_not_kept_for_repeated_requests(world: World) -> None:
    ada = world["ada"]
    key = {"idempotency-key": "k3"}
    assert "token" in (await ada.post("tokens", json={"name": "t"}, headers=key)).json()
    again = await ada.post("tokens", json={"name": "t"}, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert [token["name"] for token in (await ada.get("tokens")).json()["items"]].count("t") == 1


async def test_large_bodies_are_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", max_json_bytes=2000, max_chunk_bytes=3000) as world:
        ada = await world.add("ada")
        for path in ("studies", "nothing"):
            response = await ada.post(path, json={"name": "x" * 2001})
            assert response.status_code == 413
            assert response.json()["setting"] == "max_json_bytes"
        upload = (await ada.post("uploads", json={"name": "a", "size": 9000})).json()
        assert upload["chunk_bytes"] == 3000
        path = f"uploads/{upload['id']}/data"
        assert (await ada.put(path, content=b"x" * 3000)).json() == {"offset": 3000}
        refused = await ada.put(path, params={"offset": 3000}, content=b"x" * 3001)
        assert (refused.status_code, refused.json()["setting"]) == (413, "max_chunk_bytes")


async def test_lists_come_in_pages(world: World) -> None:
    ada = world["ada"]
    for number in range(5):
        await ada.post("studies", json={"name": f"Study {number}"})
    names: list[str] = []
    cursor, n_pages = None, 0
    while True:
        page = (await ada.get("studies", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        names += [study["name"] for study in page["items"]]
        n_pages += 1
        cursor = page["next"]
        if cursor is None:
            break
    assert (names, n_pages) == ([f"Study {number}" for number in (4, 3, 2, 1, 0)], 3)
    found = (await ada.get("studies", params={"search": "dy 3"})).json()["items"]
    assert [study["name"] for study in found] == ["Study 3"]


async def test_moving_to_the_top_differs_from_staying(world: World) -> None:
    ada = world["ada"]
    folder = (await ada.post("folders", json={"name": "All"})).json()
    inner = (await ada.post("folders", json={"name": "Inner", "parent_id": folder["id"]})).json()
    study = (await ada.post("studies", json={"name": "Blood", "folder_id": folder["id"]})).json()
    path = f"studies/{study['id']}"
    stayed = await ada.patch(path, json={"name": "Bone"}, headers={"if-match": '"1"'})
    assert stayed.json()["folder_id"] == folder["id"]
    moved = await ada.patch(path, json={"folder_id": None}, headers={"if-match": '"2"'})
    assert moved.json()["folder_id"] is None
    top = await ada.patch(f"folders/{inner['id']}", json={"parent_id": None}, headers={"if-match": '"1"'})
    assert top.json()["parent_id"] is None
    assert len((await ada.get("folders")).json()["items"]) == 2


async def test_the_trash(world: World) -> None:
    ada = world["ada"]
    study = (await ada.post("studies", json={"name": "Blood"})).json()
    path = f"studies/{study['id']}"
    assert (await ada.delete(path, headers={"if-match": '"1"'})).status_code == 204
    assert (await ada.get(path)).status_code == 404
    trash = (await ada.get("studies", params={"trash": True})).json()["items"]
    assert [found["id"] for found in trash] == [study["id"]]
    assert trash[0]["deleted_at"].endswith("Z")
    assert (await ada.post(f"{path}/undelete")).json()["deleted_at"] is None
    assert (await ada.get(path)).status_code == 200
