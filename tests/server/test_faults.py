"""A fault of the server: one answer in JSON, with the id under which the log tells more."""

from __future__ import annotations

import asyncio

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cytosol.server.app import Application
from cytosol.server.middleware import RequestMiddleware


async def broken(request: Request) -> Response:
    raise RuntimeError("nobody expected this")


def test_a_fault_is_told_in_json() -> None:
    app = RequestMiddleware(Application(routes=[Route("/broken", broken)]))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/broken")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert answer.json()["error"] == answer.json()["detail"]
    assert answer.headers["x-request-id"] in answer.json()["error"]
    assert "nobody expected" not in answer.text
