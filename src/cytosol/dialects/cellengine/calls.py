"""Calls of these clients: authenticate, parse, one verb, translate, respond."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import Services, status_of
from cytosol.asgi.requests import bearer_token, read_json, request_id
from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError, InvalidInputError, NotFoundError, NotSignedInError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.dialects.cellengine.errors import STATUS, failure
from cytosol.dialects.cellengine.queries import Document, Listing
from cytosol.dialects.cellengine.translate import key_of
from cytosol.model.rights import ANONYMOUS, Actor

PREFIX = "/cellengine"
COOKIE = "token"
SESSION_MARK = "s:"
"""What the secret of a sign-in begins with, as these clients see it; tokens have no such mark."""
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and for what."""

    services: Services
    actor: Actor
    request: Request

    @property
    def catalog(self) -> Catalog:
        """The verbs."""
        return self.services.catalog

    def id(self, name: str) -> Key:
        """An id in the path."""
        return key_of(self.request.path_params[name], name)

    def text(self, name: str) -> str | None:
        """A parameter of the query; "" and the text ``null`` count as absent."""
        value = self.request.query_params.get(name)
        return None if value in (None, "", "null") else value

    def flag(self, name: str) -> bool | None:
        """A Boolean parameter."""
        value = self.text(name)
        if value is not None and value.lower() not in ("true", "false"):
            raise InvalidInputError(f'"{name}" must be a Boolean')
        return None if value is None else value.lower() == "true"

    def number(self, name: str) -> float | None:
        """A numeric parameter."""
        value = self.text(name)
        try:
            number = None if value is None else float(value)
        except ValueError as error:
            raise InvalidInputError(f'"{name}" must be a number') from error
        if number is not None and not math.isfinite(number):
            raise InvalidInputError(f'"{name}" must be a finite number')
        return number

    async def body(self) -> Any:
        """The JSON of the body; none counts as ``{}``."""
        return await read_json(self.request, max_bytes=self.services.settings.max_json_bytes)

    async def said(self, model: type[M]) -> M:
        """The body as its schema."""
        return parse(model, await self.body())

    async def change(self, model: type[M], document: Document, *read_only: str) -> M:
        """The body as the schema of a change, in which read-only keys have to stay as they are in the document."""
        body = await self.body()
        if isinstance(body, dict):
            require_same(body, document, ("_id", "experimentId", *read_only))
        return parse(model, body)

    def listed(self, documents: Sequence[Document]) -> list[Document]:
        """The documents of a list that the request asks for."""
        return self.listing.of(documents)

    @property
    def listing(self) -> Listing:
        """What of a list is asked for."""
        return Listing.read(self.request.query_params)


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes
    ----------
    path : below ``/cellengine/api/v1/``
    run : gives the JSON of the answer, or a whole response
    status : of an answer that is JSON
    open : whether nobody has to be signed in
    """

    method: str
    path: str
    run: Callable[[Asked], Awaitable[Any]]
    status: int = 200
    open: bool = False


def call_routes(services: Services, calls: Sequence[Call]) -> list[BaseRoute]:
    """The routes of calls; the base URL or the path may end in one slash more, as some clients make it."""
    routes: list[BaseRoute] = []
    for call in calls:
        endpoint = _endpoint(services, call)
        for start in (PREFIX, f"{PREFIX}/"):
            for end in ("", "/"):
                routes.append(Route(f"{start}/api/v1/{call.path}{end}", endpoint, methods=[call.method]))
    return [*routes, Route(f"{PREFIX}/{{rest:path}}", _unknown, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])]


def require_same(body: Document, document: Document, names: Sequence[str]) -> None:
    """Refuse other values of keys that cannot be changed."""
    for name in names:
        if name in body and not _is_same(body[name], document.get(name)):
            raise InvalidInputError(f'"{name}" cannot be changed')


def _is_same(said: Any, known: Any) -> bool:
    """Whether a value is that of a document, as R spells it, too: ``[]`` for ``{}``, and ``[x]`` as ``x``."""
    if isinstance(known, Mapping):
        given = {} if said == [] else said
        if not isinstance(given, Mapping) or given.keys() != known.keys():
            return False
        return all(_is_same(given[name], value) for name, value in known.items())
    if isinstance(known, list):
        items = said if isinstance(said, list) else [said]
        return len(items) == len(known) and all(map(_is_same, items, known))
    return bool(said == known)


def parse(model: type[M], value: Any) -> M:
    """The request as its schema; where it does not fit, a sentence in the style of these clients."""
    try:
        return model.model_validate({} if value in (None, []) else value)  # R spells an empty object []
    except ValidationError as error:
        raise InvalidInputError(" ".join(_told(dict(item)) for item in error.errors()[:10])) from error


def _told(problem: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in problem["loc"]) or "body"
    if problem["type"] == "missing":
        return f'"{name}" is required.'
    if problem["type"].startswith("bool"):
        return f'"{name}" must be a Boolean.'
    return f'"{name}" does not fit: {problem["msg"]}.'


def secret_of(request: Request) -> str:
    """The credential of a request, "" = none: bearer token, else cookie (raw or percent-encoded), else query."""
    cookie = request.cookies.get(COOKIE, "")
    return bearer_token(request) or unquote(cookie) or request.query_params.get(COOKIE, "")


async def actor_of(services: Services, request: Request) -> Actor:
    """Who asks.

    Raises
    ------
    NotSignedInError
        Where nobody is signed in.
    """
    secret = secret_of(request)
    if not secret:
        raise NotSignedInError("Unauthorized: you are not signed in", do="Sign in, or give the client a token")
    accounts, id = services.catalog.accounts, request_id(request)
    if secret.startswith(SESSION_MARK):
        return await accounts.resolve_session(secret.removeprefix(SESSION_MARK), request_id=id)
    return await accounts.resolve_token(secret, request_id=id)


def _endpoint(services: Services, call: Call) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        try:
            actor = ANONYMOUS if call.open else await actor_of(services, request)
            answer = await call.run(Asked(services, actor, request))
        except CytosolError as error:
            return json_response(failure(error, request_id(request)), status=status_of(STATUS, error))
        return answer if isinstance(answer, Response) else json_response(answer, status=call.status)

    return run


async def _unknown(request: Request) -> Response:
    error = NotFoundError(f"There is no address '{request.url.path[:200]}' for {request.method}")
    return json_response(failure(error, request_id(request)), status=404)
