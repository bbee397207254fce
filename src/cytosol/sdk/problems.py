"""From the server's problem+json to the error class of the same code."""

from __future__ import annotations

from typing import Any

import httpx
import orjson

from cytosol.base.errors import CytosolError, UnavailableError

_KNOWN = frozenset(("type", "title", "status", "detail", "code", "where", "do"))


def _classes() -> dict[str, type[CytosolError]]:
    found: dict[str, type[CytosolError]] = {}
    waiting: list[type[CytosolError]] = [CytosolError]
    while waiting:
        cls = waiting.pop()
        found[cls.code] = cls
        waiting.extend(cls.__subclasses__())
    return found


_CLASSES = _classes()


def error_of(response: httpx.Response, body: bytes) -> CytosolError:
    """The error that a response of status 400 or above stands for; ``details`` holds status and request id."""
    try:
        problem: dict[str, Any] = orjson.loads(body)
        code, title = str(problem["code"]), str(problem["title"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return CytosolError(
            f"The server answered {response.status_code} {response.reason_phrase}",
            where=str(response.request.url),
            do="Check that the address is that of a Cytosol server",
            status=response.status_code,
        )
    details = {key: value for key, value in problem.items() if key not in _KNOWN}
    cls = _CLASSES.get(code, CytosolError)
    return cls(title, where=problem.get("where", ""), do=problem.get("do", ""), status=response.status_code, **details)


def unreachable(url: str, error: httpx.TransportError) -> UnavailableError:
    """The error for a server that does not answer."""
    return UnavailableError(
        f"The server does not answer: {str(error) or type(error).__name__}",
        where=url,
        do="Check the address, and that the server runs",
    )
