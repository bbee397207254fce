"""Writing responses: JSON, files with byte ranges, streams."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; numpy numbers and arrays allowed."""
    body = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def attachment(filename: str) -> str:
    """The value of Content-Disposition that saves a body under a name."""
    plain = re.sub(r'[^\x20-\x7e]|["\\]', "_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"


def ranged_response(
    request: Request,
    *,
    size: int,
    read: Callable[[int, int], AsyncIterator[bytes]],
    etag: str,
    filename: str,
    media_type: str = "application/octet-stream",
) -> Response:
    """A file, or the one byte range that the client asks for (RFC 9110, section 14).

    Parameters
    ----------
    size : bytes of the whole file
    read : gives the bytes from start (inclusive) to end (exclusive)
    """
    headers = {
        "accept-ranges": "bytes",
        "etag": f'"{etag}"',
        "content-disposition": attachment(filename),
        "x-content-type-options": "nosniff",
    }
    start, end, status = 0, size, 200
    wanted = _RANGE.match(request.headers.get("range", "").strip())
    if wanted and request.headers.get("if-range", f'"{etag}"') == f'"{etag}"':
        bounds = _bounds(wanted.group(1), wanted.group(2), size)
        if bounds is None:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}", **headers})
        start, end = bounds
        status = 206
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(read(start, end), status_code=status, headers=headers, media_type=media_type)


def _bounds(first: str, last: str, size: int) -> tuple[int, int] | None:
    if not first and not last:
        return 0, size
    if not first:
        length = min(int(last), size)
        return (size - length, size) if length else None
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None
