"""What every request passes through: its id, its line in the log, and the last net for faults of ours."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cytosol.asgi.responses import json_response
from cytosol.base.keys import new_key
from cytosol.server.logs import request_id_var

_log = logging.getLogger("cytosol.requests")
_GIVEN_ID = re.compile(rb"^[A-Za-z0-9._-]{1,64}$")


class RequestMiddleware:
    """Gives each request an id (kept when a proxy sent one), logs it, and answers 500 with the id on a fault."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.counts: dict[int, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accept_whole_path(scope)
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given.decode() if _GIVEN_ID.match(given) else new_key().hex24
        scope.setdefault("state", {})["request_id"] = request_id
        token = request_id_var.set(request_id)
        started = time.perf_counter()
        seen: dict[str, Any] = {"status": 0}

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            _log.exception("fault while answering", extra={"path": scope["path"], "method": scope["method"]})
            if seen["status"]:
                raise
            await _fault(request_id)(scope, receive, send_with_id)
        finally:
            self._note(scope, seen["status"], time.perf_counter() - started)
            request_id_var.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        self.counts[status] = self.counts.get(status, 0) + 1
        if _log.isEnabledFor(logging.INFO):
            _log.info(
                "request",
                extra={
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "ms": round(seconds * 1000, 2),
                },
            )


def accept_whole_path(scope: Scope) -> None:
    """Take the root path off a request that came directly, or through a proxy that leaves it on.

    uvicorn puts the root path before every path, since most proxies take it off.
    """
    root: str = scope.get("root_path", "")
    twice = root + root
    if root and (scope["path"] == twice or scope["path"].startswith(f"{twice}/")):
        scope["path"] = scope["path"][len(root) :]
        scope["raw_path"] = scope["raw_path"][len(root.encode()) :]


def _fault(request_id: str) -> ASGIApp:
    sentence = f"The server met a fault of its own. Tell its administrator the request id {request_id}."
    return json_response(
        {
            "type": "about:blank",
            "title": "Fault of the server",
            "status": 500,
            "code": "fault",
            "detail": sentence,
            "message": sentence,
            "error": sentence,  # what the CellEngine toolkits read
            "request_id": request_id,
        },
        status=500,
    )
