"""Sign-in by user and password; the Python client then relies on the cookie alone."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cytosol.asgi.responses import json_response
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import COOKIE, SESSION_MARK, Asked, Call, secret_of


async def sign_in(asked: Asked) -> Response:
    """A token of a fresh session, in the answer and as a cookie."""
    said = await asked.said(wire.SignIn)
    secret, user = await asked.catalog.accounts.sign_in(asked.actor, email=said.username, password=said.password)
    token = SESSION_MARK + secret
    answer = json_response({"token": token, "userId": user.id.hex24, "admin": user.is_admin, "flags": {}})
    answer.set_cookie(
        COOKIE,
        token,
        secure=asked.request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


async def sign_out(asked: Asked) -> dict[str, Any]:
    """End the session, or revoke the token, that the request came with."""
    secret = secret_of(asked.request)
    accounts = asked.catalog.accounts
    if secret.startswith(SESSION_MARK):
        await accounts.sign_out(asked.actor, secret=secret.removeprefix(SESSION_MARK))
        return {}
    await accounts.revoke_presented(asked.actor, secret=secret)
    return {}


SIGN_IN_CALLS = (Call("POST", "signin", sign_in, open=True), Call("POST", "signout", sign_out))
