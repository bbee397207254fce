"""Reading requests: their id, their credentials, bodies with a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from cytosol.base.errors import InvalidInputError, LimitExceededError

SESSION_COOKIE = "cytosol_session"
REQUEST_ID_HEADER = "x-request-id"


def request_id(request: Request) -> str:
    """The id under which this request stands in the log."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def bearer_token(request: Request) -> str:
    """The token of the header ``Authorization: Bearer …``, or ""."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


async def read_body(request: Request, *, max_bytes: int, setting: str) -> bytes:
    """The whole body.

    Raises
    ------
    LimitExceededError
        Where it is larger than the setting allows.
    """
    parts: list[bytes] = []
    size = 0
    async for part in limited_stream(request, max_bytes=max_bytes, setting=setting):
        size += len(part)
        parts.append(part)
    return b"".join(parts)


async def limited_stream(request: Request, *, max_bytes: int, setting: str) -> AsyncIterator[bytes]:
    """The body in pieces as they arrive, refused as soon as it is too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes, setting)
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                raise _too_large(max_bytes, setting)
            if part:
                yield part
    except ClientDisconnect as error:
        raise InvalidInputError(
            f"The connection ended after {size} bytes of the body", do="Send the rest again"
        ) from error


async def read_json(request: Request, *, max_bytes: int) -> Any:
    """The body as JSON; an empty body counts as ``{}``."""
    body = await read_body(request, max_bytes=max_bytes, setting="max_json_bytes")
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"The body is not JSON: {error}", do="Send a JSON object") from error


def _too_large(max_bytes: int, setting: str) -> LimitExceededError:
    return LimitExceededError(
        f"The body is larger than {max_bytes} bytes",
        do=f"Send it in smaller parts, or raise the setting {setting}",
        setting=setting,
    )
