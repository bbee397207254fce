"""Sessions, users and tokens."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.requests import SESSION_COOKIE
from cytosol.dialects.native.answers import answer, list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.people import token_json, user_json
from cytosol.dialects.native.wire import people as wire
from cytosol.dialects.native.wire.common import Cursor, Id, Limit, Page
from cytosol.model.people import User
from cytosol.model.rights import require_user


class SessionRoutes(Routes):
    """Signing in and out, and one's own record."""

    tag = "Sign-in"

    @endpoint("POST", "/setup", gives=wire.UserAnswer, status=201)
    async def set_up(self, request: Request, body: wire.SetupRequest) -> Response:
        """Make the first administrator.

        Works once, with the key of the link that a fresh server prints; signs in with a cookie.
        """
        secret, user = await self.catalog.accounts.first_admin(
            actor_of(request), key=body.key, email=body.email, password=body.password, name=body.name
        )
        return self._signed_in(request, secret, user, status=201)

    @endpoint("POST", "/session", gives=wire.UserAnswer)
    async def sign_in(self, request: Request, body: wire.SignInRequest) -> Response:
        """Sign in with e-mail and password.

        Sets the cookie cytosol_session. Changes that come with it need the header X-Cytosol: 1.
        """
        secret, user = await self.catalog.accounts.sign_in(actor_of(request), email=body.email, password=body.password)
        return self._signed_in(request, secret, user)

    @endpoint("GET", "/session", gives=wire.SessionRecord)
    async def get_session(self, request: Request) -> Response:
        """Who is signed in."""
        actor = actor_of(request)
        user = await self.catalog.accounts.me(actor)
        return answer({"user": user_json(user), "scopes": sorted(actor.scopes)})

    @endpoint("DELETE", "/session", status=204)
    async def sign_out(self, request: Request) -> Response:
        """Sign out.

        Ends the session of the cookie; a token is revoked instead.
        """
        actor = actor_of(request)
        require_user(actor)
        await self.catalog.accounts.sign_out(actor, secret=request.cookies.get(SESSION_COOKIE, ""))
        response = no_answer()
        response.delete_cookie(SESSION_COOKIE, path=_cookie_path(request), httponly=True, samesite="lax")
        return response

    @endpoint("PATCH", "/me", gives=wire.UserRecord, versioned=True)
    async def change_me(self, request: Request, body: wire.MeChange) -> Response:
        """Change one's own name."""
        user = await self.catalog.accounts.change_me(
            actor_of(request), name=body.name, expected=expected_version(request)
        )
        return record_answer(user_json(user))

    @endpoint("POST", "/me/password", status=204)
    async def change_password(self, request: Request, body: wire.PasswordChange) -> Response:
        """Change one's own password; all other sessions end."""
        await self.catalog.accounts.change_password(
            actor_of(request), old=body.old, new=body.new, keep_secret=request.cookies.get(SESSION_COOKIE, "")
        )
        return no_answer()

    def _signed_in(self, request: Request, secret: str, user: User, *, status: int = 200) -> Response:
        response = answer({"user": user_json(user)}, status=status)
        response.set_cookie(
            SESSION_COOKIE,
            secret,
            max_age=int(self.settings.session_hours * 3600),
            path=_cookie_path(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return response


class TokenRoutes(Routes):
    """Secrets for programs."""

    tag = "Sign-in"

    @endpoint("GET", "/tokens", gives=Page[wire.TokenRecord])
    async def list_tokens(self, request: Request) -> Response:
        """One's own tokens, without their secrets."""
        return list_answer(await self.catalog.accounts.list_tokens(actor_of(request)), token_json)

    @endpoint("POST", "/tokens", gives=wire.NewToken, status=201)
    async def create_token(self, request: Request, body: wire.TokenRequest) -> Response:
        """Make a token.

        Its secret is in this answer only. Send it as ``Authorization: Bearer TOKEN``.
        """
        secret, token = await self.catalog.accounts.new_token(
            actor_of(request), name=body.name, scopes=body.scopes, expires_days=body.expires_days
        )
        return record_answer({**token_json(token), "token": secret}, status=201)

    @endpoint("DELETE", "/tokens/{token_id}", status=204, versioned=True)
    async def revoke_token(self, request: Request, token_id: Id) -> Response:
        """Revoke a token at once."""
        await self.catalog.accounts.revoke_token(
            actor_of(request), token_id=token_id, expected=expected_version(request)
        )
        return no_answer()


class UserRoutes(Routes):
    """Users, for administrators."""

    tag = "People"

    @endpoint("GET", "/users", gives=Page[wire.UserRecord])
    async def list_users(self, request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """All users; for administrators."""
        page = await self.catalog.accounts.list_users(actor_of(request), limit=limit, cursor=cursor)
        return list_answer(page.items, user_json, page.next)

    @endpoint("POST", "/users", gives=wire.UserRecord, status=201)
    async def create_user(self, request: Request, body: wire.UserRequest) -> Response:
        """Make a user; for administrators."""
        user = await self.catalog.accounts.create_user(
            actor_of(request), email=body.email, password=body.password, name=body.name, is_admin=body.is_admin
        )
        return record_answer(user_json(user), status=201)

    @endpoint("PATCH", "/users/{user_id}", gives=wire.UserRecord, versioned=True)
    async def change_user(self, request: Request, user_id: Id, body: wire.UserChange) -> Response:
        """Rename, promote or disable a user; for administrators."""
        user = await self.catalog.accounts.change_user(
            actor_of(request),
            user_id=user_id,
            expected=expected_version(request),
            name=body.name,
            is_admin=body.is_admin,
            disabled=body.disabled,
        )
        return record_answer(user_json(user))


def _cookie_path(request: Request) -> str:
    """The path under which the whole server is mounted."""
    return str(request.scope.get("app_root_path", "")).rstrip("/") or "/"
