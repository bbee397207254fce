"""How every call of these clients is answered: authenticate, parse, one verb, translate, respond."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import Services, status_of
from cytosol.asgi.requests import read_json, request_id
from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError, InvalidInputError, NotSignedInError
from cytosol.catalog.catalog import Catalog
from cytosol.dialects.bioturing.errors import STATUS, failure
from cytosol.dialects.bioturing.wire import Wire
from cytosol.model.rights import Actor

TOKEN_HEADER = "bioturing-api-token"
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the clients.

    Attributes
    ----------
    path : below ``<prefix>/api/v1/``
    body : what the request's JSON has to be
    run : gives the value of ``data`` (None = no ``data``), or a whole response
    hides_status : answer errors with HTTP 200, because the client loses the text of others here
    """

    path: str
    body: type[Wire]
    run: Callable[[Catalog, Actor, Any], Awaitable[Any]]
    hides_status: bool = False


def call_routes(services: Services, prefixes: Sequence[str], calls: Sequence[Call]) -> list[BaseRoute]:
    """The routes of calls under every prefix."""
    return [
        Route(f"{prefix}/api/v1/{call.path}", _endpoint(services, call), methods=["POST"])
        for prefix in prefixes
        for call in calls
    ]


def answering_errors(run: Endpoint, *, hides_status: bool = False) -> Endpoint:
    """The endpoint, with errors of ours in the words of these clients."""

    async def endpoint(request: Request) -> Response:
        try:
            return await run(request)
        except CytosolError as error:
            status = status_of(STATUS, error)
            body = failure(error, status, request_id(request))
            return json_response(body, status=200 if hides_status else status)

    return endpoint


async def authenticate(services: Services, request: Request) -> Actor:
    """Who holds the token of the request.

    Raises
    ------
    NotSignedInError
        Where there is none, or nobody holds it.
    """
    secret = request.headers.get(TOKEN_HEADER, "")
    if not secret:
        raise NotSignedInError(
            "The request has no token", do="Give the connector a token that 'cytosol token new EMAIL' printed"
        )
    return await services.catalog.accounts.resolve_token(secret, request_id=request_id(request))


def parse(model: type[Wire], value: Any) -> Any:
    """The request as its schema.

    Raises
    ------
    InvalidInputError
        Names every field that does not fit.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        parts = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors()]
        raise InvalidInputError(f"The request does not fit: {'; '.join(parts[:10])}") from error


def _endpoint(services: Services, call: Call) -> Endpoint:
    async def run(request: Request) -> Response:
        actor = await authenticate(services, request)
        body = parse(call.body, await read_json(request, max_bytes=services.settings.max_json_bytes))
        data = await call.run(services.catalog, actor, body)
        if isinstance(data, Response):
            return data
        return json_response({"status": 200} if data is None else {"status": 200, "data": data})

    return answering_errors(run, hides_status=call.hides_status)
