"""From a secret to the actor who holds it: sessions of the page, tokens of programs."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy.engine import RowMapping

from cytosol.base.errors import ForbiddenError, InvalidInputError, NotFoundError, NotSignedInError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit
from cytosol.catalog.context import Records
from cytosol.catalog.records import all_to, to
from cytosol.catalog.secrets import Passwords, Throttle, hash_secret, new_secret
from cytosol.db import people, rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_email, clean_name
from cytosol.model.people import Token, User
from cytosol.model.rights import ALL_SCOPES, Actor, Scope, require_admin, require_scope, require_user

HOUR_US = 3_600_000_000
_CACHE_S = 2.0
_CACHED = 10_000
_TOUCH_US = 600_000_000  # the last use of a token is noted to within ten minutes
Tokens = list[Token]


@dataclass(frozen=True, slots=True)
class _Known:
    actor: Actor
    expires_at: int | None
    mark: int | None
    until: float


def actor_from(found: list[RowMapping], scopes: Collection[Scope] = ALL_SCOPES) -> Actor:
    """The actor of the rows of one user."""
    person = found[0]
    return Actor(
        "user",
        user_id=person["user_id"],
        email=person["email"],
        is_admin=person["is_admin"],
        group_ids=frozenset(row["group_id"] for row in found if row["group_id"] is not None),
        scopes=frozenset(scopes),
    )


async def actor_again(conn: Connection, stored: Mapping[str, Any]) -> Actor:
    """The actor that a job was submitted by, with the rights of today.

    Parameters
    ----------
    stored : what `Actor.as_json` gave

    Raises
    ------
    NotSignedInError
        Where the account is disabled or gone.
    """
    if stored["kind"] != "user":
        return Actor(stored["kind"], is_admin=stored["kind"] == "system", request_id=stored.get("request_id", ""))
    found = await people.by_id(conn, Key.parse(stored["user_id"]))
    if not found or found[0]["disabled_at"] is not None:
        raise NotSignedInError(
            f"The account {stored.get('email', '')} is disabled", do="Ask an administrator of this server"
        )
    return replace(actor_from(found, stored["scopes"]), request_id=stored.get("request_id", ""))


class Credentials:
    """Signs in, and resolves secrets on every request; what was resolved is kept until anything changes."""

    def __init__(self, context: Records) -> None:
        self._context = context
        self._passwords = Passwords()
        self._throttle = Throttle()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def sign_in(self, actor: Actor, *, email: str, password: str) -> tuple[str, User]:
        """Start a session; its secret and the user.

        Raises
        ------
        NotSignedInError
            Where e-mail and password do not belong together, in the same words and time for an unknown e-mail.
        TooManyError
            After ten failures within ten minutes.
        """
        wrong = NotSignedInError("The e-mail or the password is wrong", do="Check both, or ask an administrator")
        try:
            address = clean_email(email)
        except InvalidInputError as error:
            raise wrong from error
        self._throttle.check(address)
        async with self._context.db.read() as conn:
            row = await rows.first(conn, tables.users, {"email": address, "deleted_at": None})
        if not await self._passwords.matches(row["password_hash"] if row else "", password) or row is None:
            raise wrong
        self._throttle.forget(address)
        if row["disabled_at"] is not None:
            raise NotSignedInError("This account is disabled", do="Ask an administrator of this server")
        fresh = await self._passwords.hash(password) if self._passwords.is_outdated(row["password_hash"]) else None
        async with self._context.db.write() as conn:
            now = await rows.lock(conn, tables.users, row["id"])
            if now["password_hash"] != row["password_hash"] or now["disabled_at"] is not None:
                raise wrong
            if fresh:
                await rows.update(conn, tables.users, {"id": row["id"]}, {"password_hash": fresh})
            secret = await self._new_session(conn, row["id"])
            return secret, to(User, now)

    async def _new_session(self, conn: Connection, user_id: Key) -> str:
        secret = new_secret()
        until = now_us() + int(self._context.settings.session_hours * HOUR_US)
        await rows.delete(conn, tables.sessions, {"user_id": user_id, "expires_at": rows.Below(now_us())})
        await rows.insert(conn, tables.sessions, user_id=user_id, secret_hash=hash_secret(secret), expires_at=until)
        return secret

    async def sign_out(self, actor: Actor, *, secret: str) -> None:
        """End the session with this secret."""
        async with self._context.db.write() as conn:
            await rows.delete(conn, tables.sessions, {"secret_hash": hash_secret(secret)})
        self._known.clear()

    async def resolve_session(self, secret: str, *, request_id: str = "") -> Actor:
        """Who holds the secret of a session.

        Raises
        ------
        NotSignedInError
            Where it is unknown, expired, or the account is disabled.
        """
        hashed = hash_secret(secret)
        if known := self._recall(hashed):
            return replace(known, request_id=request_id) if request_id else known
        mark = self._context.db.change_mark()
        async with self._context.db.read() as conn:
            found = await people.by_session(conn, hashed)
        now = now_us()
        if not found or found[0]["expires_at"] < now or found[0]["disabled_at"] is not None:
            raise NotSignedInError("This sign-in has ended", do="Sign in again")
        until = now + int(self._context.settings.session_hours * HOUR_US)
        if until - found[0]["expires_at"] > (until - now) // 10:
            async with self._context.db.write() as conn:
                await rows.update(conn, tables.sessions, {"id": found[0]["id"]}, {"expires_at": until})
        return self._remember(hashed, actor_from(found), found[0]["expires_at"], mark=mark, request_id=request_id)

    async def resolve_token(self, secret: str, *, request_id: str = "") -> Actor:
        """Who holds a token, cut to its scopes.

        Raises
        ------
        NotSignedInError
            Where it is unknown, revoked or expired, or the account is disabled.
        """
        hashed = hash_secret(secret)
        if known := self._recall(hashed):
            return replace(known, request_id=request_id) if request_id else known
        mark = self._context.db.change_mark()
        async with self._context.db.read() as conn:
            found = await people.by_token(conn, hashed)
        now = now_us()
        if not found or found[0]["disabled_at"] is not None:
            raise NotSignedInError("This token is not known", do="Make a new one: cytosol token new EMAIL")
        if found[0]["expires_at"] is not None and found[0]["expires_at"] < now:
            raise NotSignedInError("This token has expired", do="Make a new one: cytosol token new EMAIL")
        if (found[0]["last_used_at"] or 0) < now - _TOUCH_US:
            async with self._context.db.write() as conn:
                await rows.update(conn, tables.tokens, {"id": found[0]["id"]}, {"last_used_at": now})
        actor = actor_from(found, found[0]["scopes"])
        return self._remember(hashed, actor, found[0]["expires_at"], mark=mark, request_id=request_id)

    def _recall(self, hashed: bytes) -> Actor | None:
        known = self._known.get(hashed)
        if known is None:
            return None
        fresh = time.monotonic() < known.until if known.mark is None else known.mark == self._context.db.change_mark()
        if fresh and (known.expires_at is None or known.expires_at > now_us()):
            return known.actor
        self._known.pop(hashed, None)
        return None

    def _remember(
        self, hashed: bytes, actor: Actor, expires_at: int | None, *, mark: int | None, request_id: str
    ) -> Actor:
        self._known[hashed] = _Known(actor, expires_at, mark, time.monotonic() + _CACHE_S)
        while len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return replace(actor, request_id=request_id)

    async def new_token(
        self,
        actor: Actor,
        *,
        name: str = "",
        scopes: Collection[str] = ("read", "write"),
        expires_days: float | None = None,
        user_id: Key | None = None,
    ) -> tuple[str, Token]:
        """Make a token; its secret, which is shown only now, and its record.

        Parameters
        ----------
        scopes : of read, write, share, admin; never more than the actor has
        expires_days : None = never
        user_id : for somebody else, by an administrator
        """
        owner = user_id or require_user(actor)
        if owner != actor.user_id:
            require_admin(actor)
        if unknown := sorted(set(scopes) - ALL_SCOPES):
            raise InvalidInputError(
                f"'{unknown[0]}' is not a scope", where="scopes", do="Choose of read, write, share, admin"
            )
        if not scopes:
            raise InvalidInputError("A token needs a scope", where="scopes", do="Choose of read, write, share, admin")
        if lacking := sorted(set(scopes) - actor.scopes):
            raise ForbiddenError(
                f"A token cannot give what yours does not: '{lacking[0]}'", do="Sign in at the page", scope=lacking[0]
            )
        require_scope(actor, "write")
        if expires_days is not None and not 0 < expires_days <= 36_500:
            raise InvalidInputError("A token lasts more than 0 and at most 36500 days", where="expires_days")
        secret = new_secret()
        until = None if expires_days is None else now_us() + int(expires_days * 24 * HOUR_US)
        async with self._context.db.write() as conn:
            await self._live_user(conn, owner)
            id = await rows.insert(
                conn,
                tables.tokens,
                user_id=owner,
                name=clean_name(name, empty=True),
                secret_hash=hash_secret(secret),
                scopes=sorted(cast("set[str]", set(scopes))),
                expires_at=until,
            )
            await audit.note(
                conn, actor, "token.create", subject_kind="user", subject_id=owner, detail={"scopes": sorted(scopes)}
            )
            return secret, to(Token, await rows.need(conn, tables.tokens, id))

    async def list_tokens(self, actor: Actor, *, user_id: Key | None = None) -> Tokens:
        """The tokens of the actor, or of another user for administrators; never their secrets."""
        owner = user_id or require_user(actor)
        if owner != actor.user_id:
            require_admin(actor)
        async with self._context.db.read() as conn:
            return all_to(Token, await rows.find(conn, tables.tokens, {"user_id": owner, "deleted_at": None}))

    async def revoke_token(self, actor: Actor, *, token_id: Key, expected: int | None = None) -> None:
        """End a token at once: one's own, or any for administrators."""
        async with self._context.db.write() as conn:
            row = await rows.get(conn, tables.tokens, token_id)
            is_own = row is not None and row["user_id"] == actor.user_id
            if row is None or row["deleted_at"] is not None or not (is_own or actor.is_admin):
                raise NotFoundError("There is no such token")
            if is_own:
                require_scope(actor, "write")
            else:
                require_admin(actor)
            await rows.change(conn, tables.tokens, token_id, {"deleted_at": now_us()}, expected=expected)
            await audit.note(conn, actor, "token.revoke", subject_kind="user", subject_id=row["user_id"])
        self._known.clear()

    async def revoke_presented(self, actor: Actor, *, secret: str) -> None:
        """End the token of the actor that has this secret."""
        async with self._context.db.read() as conn:
            row = await rows.first(conn, tables.tokens, {"secret_hash": hash_secret(secret)})
        if row is None:
            raise NotFoundError("There is no such token")
        await self.revoke_token(actor, token_id=row["id"])

    async def people(self, actor: Actor, *, user_ids: Iterable[Key]) -> dict[Key, User]:
        """The users with these ids, for somebody who is signed in."""
        require_user(actor)
        async with self._context.db.read() as conn:
            return {row["id"]: to(User, row) for row in await rows.find(conn, tables.users, {"id": set(user_ids)})}

    async def _live_user(self, conn: Connection, user_id: Key) -> RowMapping:
        row = await rows.get(conn, tables.users, user_id)
        if row is None or row["deleted_at"] is not None:
            raise NotFoundError("There is no such user")
        return row
