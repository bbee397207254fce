"""The settings service: host and keys for the holder of token and e-mail, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cytosol.model.rights import SYSTEM
from tests.dialects.native.world import opened

PATH = "http://cells.test/studio/pyapi/private/get_setting"


@pytest.fixture(params=["", "https://cells.example.org/lab/"])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, str, str]]:
    async with opened(tmp_path / "data", public_url=request.param) as world:
        await world.add("ada")
        user_id = world.actors["ada"].user_id
        token, _ = await world.catalog.accounts.new_token(SYSTEM, user_id=user_id, scopes=("read",))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app)) as client:
            yield client, token, request.param


async def test_settings_of_the_holder(service: tuple[httpx.AsyncClient, str, str]) -> None:
    client, token, address = service
    answer = await client.get(PATH, headers={"x-user-token": token, "x-email-id": "Ada@example.org"})
    host = (address or "http://cells.test/").rstrip("/")
    assert answer.json() == {
        "status": 0,
        "message": {
            "bio_bbx_private_domain": f"{host}/t2d_index_tool/",
            "bio_bbx_private_key": token,
            "bio_bbx_t2d_key": token,
            "bio_bioflex_public_key": token,
        },
    }


@pytest.mark.parametrize(
    ("email", "good_token", "status"),
    [("ada@example.org", False, 401), ("", True, 403), ("bob@example.org", True, 403)],
)
async def test_others_are_told_why_not(
    service: tuple[httpx.AsyncClient, str, str], *, email: str, good_token: bool, status: int
) -> None:
    client, token, _ = service
    headers = {"x-user-token": token if good_token else "", "x-email-id": email}
    answer = await client.get(PATH, headers=headers)
    assert answer.status_code == status
    assert answer.json()["status"] == 1
    assert token not in answer.text
