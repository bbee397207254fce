"""Calls that are a POST of JSON to a fixed address: authenticate, parse, one verb, translate, respond."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import ErrorTable, Services, status_of
from cytosol.asgi.requests import read_json, request_id
from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError, InvalidInputError, NotSignedInError
from cytosol.catalog.catalog import Catalog
from cytosol.model.rights import Actor


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and what they may need besides the body."""

    services: Services
    actor: Actor
    request: Request

    @property
    def catalog(self) -> Catalog:
        """The verbs."""
        return self.services.catalog


@dataclass(frozen=True, slots=True)
class JsonCall:
    """One call.

    Attributes
    ----------
    path : below the prefix
    body : what the request's JSON has to be; an empty body counts as ``{}``
    run : gives the JSON of the answer, or a whole response
    """

    path: str
    body: type[BaseModel]
    run: Callable[[Asked, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Manners:
    """How the clients of a dialect say who they are, and how they hear of errors.

    Attributes
    ----------
    token_of : the token of a request; "" = none
    errors : statuses of errors
    failure : the body of an error, from its sentence and code
    """

    token_of: Callable[[Request], str]
    errors: ErrorTable
    failure: Callable[[CytosolError, str], Mapping[str, Any]]


def call_routes(services: Services, prefix: str, calls: Sequence[JsonCall], manners: Manners) -> list[BaseRoute]:
    """The routes of calls."""
    return [Route(f"{prefix}/{call.path}", _endpoint(services, call, manners), methods=["POST"]) for call in calls]


def _endpoint(services: Services, call: JsonCall, manners: Manners) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        try:
            actor = await _authenticate(services, request, manners.token_of(request))
            body = _parse(call.body, await read_json(request, max_bytes=services.settings.max_json_bytes))
            answer = await call.run(Asked(services, actor, request), body)
        except CytosolError as error:
            return json_response(manners.failure(error, request_id(request)), status=status_of(manners.errors, error))
        return answer if isinstance(answer, Response) else json_response(answer)

    return run


async def _authenticate(services: Services, request: Request, secret: str) -> Actor:
    if not secret:
        raise NotSignedInError(
            "The request has no token", do="Give the client a token that 'cytosol token new EMAIL' printed"
        )
    return await services.catalog.accounts.resolve_token(secret, request_id=request_id(request))


def _parse(model: type[BaseModel], value: Any) -> BaseModel:
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        parts = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors()]
        raise InvalidInputError(f"The request does not fit: {'; '.join(parts[:10])}") from error


def told(error: CytosolError, request_id: str) -> dict[str, Any]:
    """The body of an error for clients that read ``detail``."""
    return {"detail": error.sentence, "message": error.sentence, "code": error.code, "request_id": request_id}
