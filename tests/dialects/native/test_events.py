"""The stream of events."""

from __future__ import annotations

import re

import orjson
import pytest

from tests.dialects.native.world import Streaming, World

PATH = "/api/v1/events"


def ids(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"^id: (\d+)\nevent:", text, re.M)]


def watching(world: World, who: str = "ada", path: str = PATH, **headers: str) -> Streaming:
    return Streaming(world.app, path, {**dict(world[who].headers), **headers})


async def test_events_arrive_as_they_happen(world: World) -> None:
    ada = world["ada"]
    async with watching(world) as stream:
        assert stream.status == 200
        await stream.until(": watching")
        study = (await ada.post("studies", json={"name": "Blood"})).json()
        text = await stream.until("study.changed")
    event = orjson.loads(re.findall(r"^data: (.*)$", text, re.M)[0])
    assert event["type"] == "study.changed"
    assert event["subject"] == {"kind": "study", "id": study["id"]}
    assert event["study_id"] == study["id"]
    assert event["id"] == str(ids(text)[0])
    assert set(event) == {"id", "type", "at", "subject", "study_id", "data"}


async def test_a_broken_stream_is_resumed_without_a_gap(world: World) -> None:
    ada = world["ada"]
    async with watching(world) as stream:
        first = await stream.until("\n\n")
    start = re.findall(r"^id: (\d+)", first)[0]
    for number in range(3):
        await ada.post("studies", json={"name": f"Study {number}"})
    async with watching(world, **{"last-event-id": start}) as stream:
        text = await stream.until(f"id: {int(start) + 3}")
    assert ids(text) == [int(start) + n for n in (1, 2, 3)]
    async with watching(world, **{"last-event-id": str(int(start) + 2)}) as stream:
        text = await stream.until("event:")
    assert ids(text) == [int(start) + 3]
    async with watching(world) as stream:
        assert ids(await stream.until("\n\n")) == [], "a new watcher begins with now"


async def test_more_events_than_a_page_all_arrive(world: World) -> None:
    from cytosol.catalog.events import append

    study = (await world["ada"].post("studies", json={"name": "Blood"})).json()
    from cytosol.base.keys import Key

    id = Key.parse(study["id"])
    async with world.catalog.context.db.write() as conn:
        for _ in range(1100):
            await append(conn, "study.changed", subject_kind="study", subject_id=id, study_id=id)
    async with watching(world, **{"last-event-id": "0"}) as stream:
        text = await stream.until("id: 1101\n")
    assert ids(text) == list(range(1, 1102))


async def test_everybody_sees_only_what_is_shared(world: World) -> None:
    async with watching(world, "bob") as stream:
        await stream.until(": watching")
        hidden = (await world["ada"].post("studies", json={"name": "Hidden"})).json()
        mine = (await world["bob"].post("studies", json={"name": "Mine"})).json()
        text = await stream.until(mine["id"])
    assert hidden["id"] not in text
    response = await world["bob"].get("events", params={"study_id": hidden["id"]})
    assert response.status_code == 404
    assert (await world.client().get("events")).status_code == 401


async def test_one_study_alone(world: World) -> None:
    ada = world["ada"]
    first, second = [(await ada.post("studies", json={"name": name})).json() for name in "ab"]
    async with watching(world, path=f"{PATH}?study_id={first['id']}") as stream:
        await stream.until(": watching")
        for study in (second, first):
            await ada.patch(f"studies/{study['id']}", json={"name": "c"}, headers={"if-match": '"1"'})
        text = await stream.until(first["id"])
    assert second["id"] not in text


async def test_the_stream_ends_when_the_token_is_revoked(world: World) -> None:
    user_id = world.actors["bob"].user_id
    assert user_id is not None
    await world["bob"].post("tokens", json={"name": "other"})
    made = (await world["bob"].post("tokens", json={"name": "short"})).json()
    async with Streaming(world.app, PATH, {"authorization": f"Bearer {made['token']}"}) as stream:
        await stream.until(": watching")
        gone = await world["bob"].delete(f"tokens/{made['id']}", headers={"if-match": f'"{made["version"]}"'})
        assert gone.status_code == 204
        await world["bob"].post("studies", json={"name": "x"})
        await stream.ended()


@pytest.mark.parametrize("text", ["x", "-1", "9" * 30])
async def test_a_wrong_place_to_go_on_is_refused(world: World, text: str) -> None:
    response = await world["ada"].get("events", headers={"last-event-id": text})
    assert (response.status_code, response.json()["where"]) == (422, "Last-Event-ID")


async def test_a_place_beyond_the_newest_event_counts_as_now(world: World) -> None:
    async with watching(world, **{"last-event-id": "999999"}) as stream:
        await stream.until(": watching")
        await world["ada"].post("studies", json={"name": "x"})
        assert ids(await stream.until("study.changed")) == [1]
