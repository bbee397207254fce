"""How every call of this client is answered: authenticate, parse, one verb, translate, respond."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import Services, status_of
from cytosol.asgi.requests import read_json, request_id
from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError, InvalidInputError, LimitExceededError, NotSignedInError
from cytosol.dialects.bbrowserx.errors import STATUS, failure
from cytosol.dialects.bbrowserx.wire import Wire
from cytosol.model.rights import Actor

TOKEN_HEADER = "bbrowserx-token"
MAX_FIELDS_BYTES = 1 << 20
Run = Callable[[Services, Actor, Any], Awaitable[Any]]
RunFile = Callable[[Services, Actor, Any, UploadFile], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the client.

    Attributes
    ----------
    path : below the prefix
    body : what the fields of the request have to be
    run : gives ``message``
    method : a GET has its fields in the address
    """

    path: str
    body: type[Wire]
    run: Run
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class FileCall:
    """A call that brings a file in the form part ``file``."""

    path: str
    body: type[Wire]
    run: RunFile


def call_routes(services: Services, prefix: str, calls: Sequence[Call | FileCall]) -> list[BaseRoute]:
    """The routes of calls under the prefix."""
    return [
        Route(f"{prefix}/{call.path}", _file_endpoint(services, call), methods=["POST"])
        if isinstance(call, FileCall)
        else Route(f"{prefix}/{call.path}", _endpoint(services, call), methods=[call.method])
        for call in calls
    ]


def _endpoint(services: Services, call: Call) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Any:
        actor = await _authenticate(services, request)
        return await call.run(services, actor, _parse(call.body, await _fields(services, request)))

    return _answering(run)


def _file_endpoint(services: Services, call: FileCall) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Any:
        actor = await _authenticate(services, request)
        form = await _form(services, request)
        try:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidInputError("The form has no file", where="file", do="Send it as the part 'file'")
            return await call.run(services, actor, _parse(call.body, _texts(form)), file)
        finally:
            await form.close()

    return _answering(run)


def _answering(run: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response({"status": 0, "message": await run(request)})
        except CytosolError as error:
            status = status_of(STATUS, error)
            return json_response(failure(error, status, request_id(request)), status=status)

    return endpoint


async def _authenticate(services: Services, request: Request) -> Actor:
    secret = request.headers.get(TOKEN_HEADER, "")
    if not secret:
        raise NotSignedInError(
            "The request has no token", do="Give the connector a token that 'cytosol token new EMAIL' printed"
        )
    return await services.catalog.accounts.resolve_token(secret, request_id=request_id(request))


async def _fields(services: Services, request: Request) -> dict[str, Any]:
    """The fields of a request, wherever it has them; a GET of this client has a body ``{}`` that says nothing."""
    if request.method == "GET":
        return dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return _texts(await _form(services, request))
    body = await read_json(request, max_bytes=services.settings.max_json_bytes)
    return body if isinstance(body, dict) else {}


async def _form(services: Services, request: Request) -> FormData:
    most = services.settings.max_chunk_bytes + MAX_FIELDS_BYTES
    declared = request.headers.get("content-length", "")
    if not declared.isdigit():
        raise InvalidInputError("The request does not say how long it is", do="Send Content-Length")
    if int(declared) > most:
        raise LimitExceededError(
            f"The body has {int(declared):,} bytes; {most:,} are allowed",
            do="Send the file in smaller chunks, or raise the setting max_chunk_bytes",
            setting="max_chunk_bytes",
        )
    await services.catalog.uploads.check_disk(int(declared))  # before the form is put on the disk
    try:
        return await request.form(max_files=1, max_fields=50)
    except MultiPartException as error:
        raise InvalidInputError(f"The form cannot be read: {error.message}") from error


def _texts(form: FormData) -> dict[str, Any]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _parse(model: type[Wire], value: Any) -> Any:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        parts = [f"{'.'.join(map(str, item['loc'])) or 'request'}: {item['msg']}" for item in error.errors()]
        raise InvalidInputError(f"The request does not fit: {'; '.join(parts[:10])}") from error
