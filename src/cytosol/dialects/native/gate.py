"""What every request of the native API passes: who asks, how large the body is, whether it was answered before."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cytosol.asgi.dialect import Services, status_of
from cytosol.asgi.errors import HTTP_STATUS
from cytosol.asgi.requests import SESSION_COOKIE, bearer_token, read_body, request_id
from cytosol.base.errors import ConflictError, CytosolError, ForbiddenError, NotSignedInError
from cytosol.catalog.idempotency import Answered
from cytosol.dialects.native.problems import problem
from cytosol.model.rights import ANONYMOUS, Actor

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
PAGE_HEADER = "x-cytosol"
_NEVER_KEPT = ("/session", "/setup", "/me/password")
_SHOWN_ONCE = ("/tokens",)
_MAX_KEPT = 1 << 20
_TYPE = b"content-type"


class Gate:
    """Wraps the application: authenticates, limits bodies, and does a POST with an Idempotency-Key once."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._catalog = services.catalog
        self._settings = services.settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            actor = await self.authenticate(request)
            scope.setdefault("state", {})["actor"] = actor
            if request.method in SAFE or _is_upload(request):
                await self._app(scope, receive, send)
                return
            body = await read_body(request, max_bytes=self._settings.max_json_bytes, setting="max_json_bytes")
            key = request.headers.get("idempotency-key", "")
            if key and request.method == "POST" and actor.user_id and _path(scope) not in _NEVER_KEPT:
                await self._once(request, actor, body, send)
            else:
                await self._app(scope, _Again(body, receive), send)
        except CytosolError as error:
            await problem(request, error, status_of(HTTP_STATUS, error))(scope, receive, send)

    async def authenticate(self, request: Request) -> Actor:
        """Who asks, by token or by the cookie of the page; a cookie that has ended counts as none.

        Raises
        ------
        NotSignedInError
            Where a token is not known.
        ForbiddenError
            Where a change comes with the cookie alone, as another site could send it.
        """
        token, id = bearer_token(request), request_id(request)
        if token:
            return await self._catalog.accounts.resolve_token(token, request_id=id)
        secret = request.cookies.get(SESSION_COOKIE, "")
        if not secret:
            return replace(ANONYMOUS, request_id=id)
        if request.method not in SAFE and request.headers.get(PAGE_HEADER) != "1":
            raise ForbiddenError(
                "A change with the cookie of the page needs the header X-Cytosol: 1",
                do="Send it, or use a token: Authorization: Bearer TOKEN",
            )
        try:
            return await self._catalog.accounts.resolve_session(secret, request_id=id)
        except NotSignedInError:
            return replace(ANONYMOUS, request_id=id)

    async def _once(self, request: Request, actor: Actor, body: bytes, send: Send) -> None:
        key = request.headers["idempotency-key"]
        kept = self._catalog.idempotency
        path = _path(request.scope)
        known = await kept.begin(actor, key=key, request=_fingerprint(request, path, body))
        if known is not None:
            await _replay(known)(request.scope, request.receive, send)
            return
        heard = _Heard()
        try:
            await self._app(request.scope, _Again(body, request.receive), heard)
        finally:
            answer = heard.answer(keep_body=path not in _SHOWN_ONCE)
            await kept.finish(actor, key=key, answer=answer)
        for message in heard.messages:
            await send(message)


class _Again:
    """A body that was read already, for who reads it next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            return await self._receive()
        return {"type": "http.request", "body": body, "more_body": False}


class _Heard:
    """Takes an answer in, to be sent on later."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    def answer(self, *, keep_body: bool) -> Answered | None:
        """What is kept; None where the request failed, or the answer is no JSON: such requests change nothing."""
        status = next((message["status"] for message in self.messages if "status" in message), 500)
        body = b"".join(message.get("body", b"") for message in self.messages)
        types = [value for message in self.messages for name, value in message.get("headers", ()) if name == _TYPE]
        is_text = not body or any(value.startswith(b"application/json") for value in types)
        if not 200 <= status < 300 or len(body) > _MAX_KEPT or not is_text:
            return None
        return Answered(status, body.decode() if keep_body else "")


def _replay(known: Answered) -> Response:
    headers = {"idempotent-replayed": "true", "cache-control": "no-store"}
    if known.status == 204:
        return Response(status_code=204, headers=headers)
    if not known.body:
        raise ConflictError("This was done already, and what it answered is shown only once")
    return Response(known.body, status_code=known.status, headers=headers, media_type="application/json")


def _path(scope: Scope) -> str:
    path, root = scope["path"], scope.get("root_path", "")
    return str(path[len(root) :] if path.startswith(root) else path)


def _is_upload(request: Request) -> bool:
    path = _path(request.scope)
    if request.method != "PUT":
        return False
    is_file = path.startswith("/studies/") and path.split("/")[3:4] == ["fcs"]
    return is_file or (path.startswith("/uploads/") and path.endswith("/data"))


def _fingerprint(request: Request, path: str, body: bytes) -> str:
    facts = hashlib.sha256(b"\n".join((path.encode(), request.scope["query_string"], body)))
    return f"{request.method} {path[:150]} {facts.hexdigest()}"
