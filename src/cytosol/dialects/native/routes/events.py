"""What happens, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cytosol.asgi.dialect import Services
from cytosol.base.errors import CytosolError, InvalidInputError
from cytosol.base.keys import Key
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.gate import Gate
from cytosol.dialects.native.translate.work import event_json
from cytosol.dialects.native.wire.common import Id
from cytosol.model.rights import Actor
from cytosol.model.work import Event

SILENCE_S = 15.0
_PAGE = 500
_RESUME: dict[str, Any] = {
    "parameters": [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "The id of the last event that was seen; those after it follow",
            "schema": {"type": "string"},
        }
    ]
}


class EventRoutes(Routes):
    """The stream of events."""

    tag = "Events"

    def __init__(self, services: Services, gate: Gate) -> None:
        super().__init__(services)
        self._gate = gate

    @endpoint("GET", "/events", media="text/event-stream", extra=_RESUME)
    async def watch_events(self, request: Request, study_id: Id | None = None) -> Response:
        """Watch what happens: in one study, or in all that one may see.

        Server-sent events; ``id`` grows, ``event`` is the type, ``data`` an EventRecord.
        """
        actor = actor_of(request)
        latest = await self.catalog.events.latest(actor)
        last = min(_last_seen(request, latest), latest)
        first = await self.catalog.events.after(actor, last_id=last, study_id=study_id, limit=_PAGE)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        body = self._stream(request, first, last, study_id)
        return StreamingResponse(body, media_type="text/event-stream", headers=headers)

    async def _stream(
        self, request: Request, found: list[Event], last: int, study_id: Key | None
    ) -> AsyncIterator[bytes]:
        yield f"id: {last}\n: watching\n\n".encode()
        waiting: asyncio.Task[bool] | None = None
        try:
            while not self.services.events.is_closed:
                for event in found:
                    yield spell(event)
                    last = event.serial
                if len(found) < _PAGE:
                    if waiting is not None and not await waiting:
                        yield b": still here\n\n"
                    waiting = asyncio.create_task(self.services.events.wait_events(SILENCE_S))
                    await asyncio.sleep(0)  # it listens before the next look, so that nothing falls in between
                try:
                    actor: Actor = await self._gate.authenticate(request)
                    found = await self.catalog.events.after(actor, last_id=last, study_id=study_id, limit=_PAGE)
                except CytosolError:
                    return  # signed out, or no longer allowed: the stream ends, and asking again tells why
        finally:
            if waiting is not None:
                waiting.cancel()


def spell(event: Event) -> bytes:
    """One event of the stream."""
    data = orjson.dumps(event_json(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.serial, event.type.encode(), data)


def _last_seen(request: Request, latest: int) -> int:
    text = request.headers.get("last-event-id", "").strip()
    if not text:
        return latest
    if not text.isdecimal() or len(text) > 18:
        raise InvalidInputError(
            f"'{text[:32]}' is no id of an event", where="Last-Event-ID", do="Send the id as the stream gave it"
        )
    return int(text)
