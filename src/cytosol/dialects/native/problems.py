"""Errors as problem+json (RFC 9457)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.dialect import status_of
from cytosol.asgi.errors import HTTP_STATUS
from cytosol.asgi.requests import request_id
from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError, InvalidInputError, NotFoundError

_MEDIA_TYPE = "application/problem+json"
_ADD_SLASH = (
    "Add a trailing slash to the host, as in http://HOST:PORT/t2d_index_tool/: without it the connector drops the last "
    "part of the address and asks here, where nobody answers it."
)


def problem(request: Request, error: CytosolError, status: int) -> Response:
    """The response that says what was wrong, where, and what to do."""
    body: dict[str, Any] = {
        **error.details,
        "type": f"urn:cytosol:error:{error.code}",
        "title": error.what,
        "status": status,
        "detail": error.sentence,
        "code": error.code,
        "where": error.where,
        "do": error.do,
        "request_id": request_id(request),
    }
    response = json_response(body, status=status)
    response.headers["content-type"] = _MEDIA_TYPE
    return response


async def on_cytosol_error(request: Request, error: Exception) -> Response:
    """Answer one of our errors by the table."""
    if not isinstance(error, CytosolError):
        raise error
    return problem(request, error, status_of(HTTP_STATUS, error))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Answer a request that does not fit the schema: every field that is wrong, in one sentence."""
    if not isinstance(error, RequestValidationError):
        raise error
    parts = [f"{_place(item['loc'])}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()]
    return problem(
        request,
        InvalidInputError(f"The request does not fit: {'; '.join(parts)}", do="See api/v1/docs for what it takes"),
        422,
    )


def _place(path: Sequence[str | int]) -> str:
    """Where in the request: the path of the field, without saying whether it stood in body, query or address."""
    return ".".join(str(part) for part in path[1:]) or str(path[0])


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer the framework's own refusals (no such route, wrong method)."""
    if not isinstance(error, HTTPException):
        raise error
    path, method = request.scope["path"], request.method
    if isinstance(error.__cause__, CytosolError):
        refusal = error.__cause__
    elif _is_lost_connector(request, error.status_code):
        return json_response({"status": 404, "message": _ADD_SLASH, "detail": _ADD_SLASH}, status=404)
    elif error.status_code == 404:
        refusal = NotFoundError(f"There is no address '{path}'", do="See api/v1/docs for the addresses")
    elif error.status_code == 405:
        refusal = InvalidInputError(f"'{path}' does not take {method}", do="See api/v1/docs for the methods")
    else:
        refusal = InvalidInputError(str(error.detail))
    response = problem(request, refusal, error.status_code)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def on_fault(request: Request, error: Exception) -> Response:
    """Answer a fault of ours; whoever wraps the application writes it to the log."""
    sentence = f"The server met a fault of its own. Tell its administrator the request id {request_id(request)}."
    body = {
        "type": "about:blank",
        "title": "Fault of the server",
        "status": 500,
        "detail": sentence,
        "code": "fault",
        "where": "",
        "do": "",
        "request_id": request_id(request),
    }
    response = json_response(body, status=500)
    response.headers["content-type"] = _MEDIA_TYPE
    return response


def _is_lost_connector(request: Request, status: int) -> bool:
    """Whether a BioTuring connector came here because its host lacks the trailing slash."""
    return request.method == "POST" and status in (404, 405) and "bioturing-api-token" in request.headers
