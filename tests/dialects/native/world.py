"""A server in this process, and people with tokens who ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp, Message

from cytosol.base.keys import Key
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.db import rows, tables
from cytosol.jobs.signals import Signals
from cytosol.model.rights import SYSTEM, Actor
from cytosol.server.app import compose

API = "http://cytosol.test/api/v1/"
SCOPES = ("read", "write", "share", "admin")


@dataclass
class World:
    """The catalog, the application, and a client for each person."""

    catalog: Catalog
    app: ASGIApp
    signals: Signals
    actors: dict[str, Actor] = field(default_factory=dict)
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A client without credentials."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=API, headers=headers, timeout=60)

    async def add(self, name: str, *, is_admin: bool = False) -> httpx.AsyncClient:
        """A user who has no password, with a token for everything."""
        async with self.catalog.context.db.write() as conn:
            uid = await rows.next_number(conn, tables.users, "uid")
            email = f"{name}@example.org"
            id = await rows.insert(conn, tables.users, uid=uid, email=email, name=name.title(), is_admin=is_admin)
        self.actors[name] = Actor("user", user_id=id, email=email, is_admin=is_admin)
        self.clients[name] = await self.with_token(id, SCOPES)
        return self.clients[name]

    async def with_token(self, user_id: Key, scopes: tuple[str, ...]) -> httpx.AsyncClient:
        """A client with a token of these scopes."""
        secret, _ = await self.catalog.accounts.new_token(SYSTEM, user_id=user_id, scopes=scopes)
        return self.client(authorization=f"Bearer {secret}")

    def __getitem__(self, name: str) -> httpx.AsyncClient:
        return self.clients[name]


@asynccontextmanager
async def opened(data: Path, **settings: Any) -> AsyncIterator[World]:
    """A world on a fresh data folder; no jobs run in it by themselves."""
    signals = Signals()
    catalog = await Catalog.open(load_settings(data=data, **{"min_free_bytes": 0, **settings}), notifier=signals)
    try:
        world = World(catalog, compose(catalog, signals), signals)
        yield world
        for client in world.clients.values():
            await client.aclose()
    finally:
        await catalog.close()


class Streaming:
    """A request whose answer does not end: its status, headers and pieces as they come."""

    def __init__(self, app: ASGIApp, path: str, headers: Mapping[str, str]) -> None:
        spelled = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        plain, _, query = path.partition("?")
        self._scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": plain, "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "",
            "headers": spelled, "server": ("cytosol.test", 80), "client": ("127.0.0.1", 1), "state": {},
        }  # fmt: skip
        self._app = app
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._text = ""
        self.status = 0

    async def __aenter__(self) -> Streaming:
        async def receive() -> Message:
            if not self._gone.is_set() and not self._asked:
                self._asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        self._asked = False
        self._task = asyncio.create_task(self._app(self._scope, receive, self._messages.put))  # type: ignore[arg-type]
        started = await asyncio.wait_for(self._messages.get(), 30)
        self.status = started["status"]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await asyncio.wait([self._task], timeout=30)
        assert self._task.done()

    async def until(self, text: str, timeout_s: float = 30) -> str:
        """All that came, once it contains a text."""
        async with asyncio.timeout(timeout_s):
            while text not in self._text:
                message = await self._messages.get()
                self._text += message.get("body", b"").decode()
        return self._text

    async def ended(self, timeout_s: float = 30) -> None:
        """Come back when the answer is over."""
        async with asyncio.timeout(timeout_s):
            while (await self._messages.get()).get("more_body", True):
                pass
