"""How a handler says which address it answers, and what the documents tell about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cytosol.asgi.dialect import Services
from cytosol.model.rights import Actor

F = TypeVar("F", bound=Callable[..., Any])
ERROR: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What was wrong, where, and what to do",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "Version of the record that the change is made for",
    "schema": {"type": "string", "examples": ['"3"']},
}
_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A random text; a request that is sent twice with the same key is done once",
    "schema": {"type": "string", "maxLength": 255},
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and what is said about it.

    Attributes
    ----------
    gives : wire model of the answer; None = ``media``, or nothing
    versioned : whether it changes a record and needs ``If-Match``
    media : media type of an answer that is not JSON
    extra : further parts of the operation in OpenAPI
    """

    method: str
    path: str
    gives: Any = None
    status: int = 200
    versioned: bool = False
    media: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def endpoint(method: str, path: str, **told: Any) -> Callable[[F], F]:
    """Mark a method as the handler of an address; its docstring becomes summary and description."""

    def mark(function: F) -> F:
        function.__dict__["endpoint"] = Endpoint(method, path, **told)
        return function

    return mark


class Routes:
    """Handlers of one noun; each is a method marked with `endpoint`."""

    tag: ClassVar[str] = ""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.catalog = services.catalog
        self.settings = services.settings

    def add_to(self, router: APIRouter) -> None:
        """Register the handlers in the order they are written."""
        for name, function in vars(type(self)).items():
            told = getattr(function, "endpoint", None)
            if isinstance(told, Endpoint):
                self._add(router, told, getattr(self, name))

    def _add(self, router: APIRouter, told: Endpoint, handler: Callable[..., Any]) -> None:
        summary, _, rest = inspect.cleandoc(handler.__doc__ or "").partition("\n")
        content = {told.media: {"schema": {"type": "string", "format": "binary"}}} if told.media else {}
        extra = dict(told.extra)
        headers = ([_IF_MATCH] if told.versioned else []) + ([_ONCE] if told.method == "POST" else [])
        if headers:
            extra["parameters"] = [*extra.get("parameters", []), *headers]
        router.add_api_route(
            told.path,
            handler,
            methods=[told.method],
            tags=[self.tag],
            summary=summary.rstrip("."),
            description=rest.strip(),
            operation_id=handler.__name__,
            status_code=told.status,
            response_model=told.gives,
            response_class=JSONResponse if told.gives is not None else Response,
            response_description="Done" if told.status == 204 else "The answer",
            responses={told.status: {"content": content}, **ERROR} if content else ERROR,
            openapi_extra=extra or None,
        )


def actor_of(request: Request) -> Actor:
    """Who asks; found out at the gate."""
    actor: Actor = request.scope["state"]["actor"]
    return actor
