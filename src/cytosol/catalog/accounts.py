"""Users: made, changed, disabled, and handed over."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import RowMapping

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError, NotSignedInError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit
from cytosol.catalog.credentials import HOUR_US, Credentials
from cytosol.catalog.records import Page, all_to, check_limit, decode_key_cursor, page_of, to
from cytosol.catalog.secrets import check_password, hash_secret, new_secret
from cytosol.db import people, rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_email, clean_name
from cytosol.model.people import User
from cytosol.model.rights import Actor, require_admin, require_user

SETUP_HOURS = 24 * 7


class Accounts(Credentials):
    """Users and how they prove who they are."""

    async def needs_setup(self) -> bool:
        """Whether there is no user yet."""
        async with self._context.db.read() as conn:
            return await rows.first(conn, tables.users) is None

    async def new_setup_key(self, actor: Actor) -> str | None:
        """A one-time key for making the first administrator; earlier keys stop working. None once there is a user."""
        require_admin(actor)
        secret = new_secret()
        async with self._context.db.write() as conn:
            if await rows.first(conn, tables.users) is not None:
                return None
            await rows.delete(conn, tables.links, {"kind": "setup"})
            await rows.insert(
                conn,
                tables.links,
                kind="setup",
                secret_hash=hash_secret(secret),
                expires_at=now_us() + SETUP_HOURS * HOUR_US,
            )
        return secret

    async def first_admin(
        self, actor: Actor, *, key: str, email: str, password: str, name: str = ""
    ) -> tuple[str, User]:
        """Make the first administrator with the one-time key and sign in; the session's secret and the user."""
        address, name = clean_email(email), clean_name(name, empty=True)
        self._throttle.check("setup key")
        hashed = await self._passwords.hash(check_password(password))
        async with self._context.db.write() as conn:
            link = await rows.first(conn, tables.links, {"kind": "setup", "secret_hash": hash_secret(key)})
            if link is not None:
                link = await rows.lock(conn, tables.links, link["id"])
            if link is None or link["used_at"] is not None or link["expires_at"] < now_us():
                raise NotSignedInError(
                    "This set-up link does not work any more", do="Start the server again; it prints a fresh link"
                )
            if await rows.first(conn, tables.users) is not None:
                raise ConflictError("There is a user already", do="Sign in")
            await rows.update(conn, tables.links, {"id": link["id"]}, {"used_at": now_us()})
            values = {"email": address, "name": name, "password_hash": hashed, "is_admin": True}
            user = await self._insert_user(conn, actor, values)
            secret = await self._new_session(conn, user.id)
        self._throttle.forget("setup key")
        return secret, user

    async def create_user(
        self, actor: Actor, *, email: str, password: str, name: str = "", is_admin: bool = False
    ) -> User:
        """Make a user; for administrators."""
        require_admin(actor)
        address, name = clean_email(email), clean_name(name, empty=True)
        hashed = await self._passwords.hash(check_password(password))
        async with self._context.db.write() as conn:
            if await rows.first(conn, tables.users, {"email": address}) is not None:
                raise ConflictError(f"There is a user with the e-mail {address} already", where="email", field="email")
            values = {"email": address, "name": name, "password_hash": hashed, "is_admin": is_admin}
            return await self._insert_user(conn, actor, values)

    async def _insert_user(self, conn: Connection, actor: Actor, values: dict[str, Any]) -> User:
        uid = await rows.next_number(conn, tables.users, "uid")
        id = await rows.insert(conn, tables.users, uid=uid, **values)
        await audit.note(
            conn, actor, "user.create", subject_kind="user", subject_id=id, detail={"email": values["email"]}
        )
        return to(User, await rows.need(conn, tables.users, id))

    async def list_users(self, actor: Actor, *, limit: int = 100, cursor: str | None = None) -> Page[User]:
        """All users; for administrators."""
        require_admin(actor)
        async with self._context.db.read() as conn:
            found = await rows.find(
                conn,
                tables.users,
                {"deleted_at": None},
                limit=check_limit(limit) + 1,
                after=decode_key_cursor(cursor),
            )
        return page_of(all_to(User, found), limit, [(row["id"],) for row in found])

    async def find_user(self, actor: Actor, *, email: str) -> User:
        """The user with this e-mail, for somebody who is signed in."""
        if actor.kind != "system":
            require_user(actor)
        async with self._context.db.read() as conn:
            row = await rows.first(conn, tables.users, {"email": clean_email(email), "deleted_at": None})
        if row is None:
            raise NotFoundError(f"There is no user with the e-mail '{email[:255]}'")
        return to(User, row)

    async def me(self, actor: Actor) -> User:
        """The user who is signed in."""
        async with self._context.db.read() as conn:
            return to(User, await self._live_user(conn, require_user(actor)))

    async def change_me(self, actor: Actor, *, name: str, expected: int | None = None) -> User:
        """Change one's own name."""
        user_id = require_user(actor, "write")
        async with self._context.db.write() as conn:
            await rows.change(conn, tables.users, user_id, {"name": clean_name(name, empty=True)}, expected=expected)
            return to(User, await rows.need(conn, tables.users, user_id))

    async def change_user(
        self,
        actor: Actor,
        *,
        user_id: Key,
        expected: int | None = None,
        name: str | None = None,
        is_admin: bool | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change a user; for administrators.

        Disabling ends all sessions and stops all tokens at once; enabling makes the tokens work again.

        Raises
        ------
        ConflictError
            Where no administrator would be left.
        """
        require_admin(actor)
        async with self._context.db.write() as conn:
            row = await self._live_user(conn, user_id)
            values: dict[str, Any] = {}
            if name is not None:
                values["name"] = clean_name(name, empty=True)
            if is_admin is not None:
                values["is_admin"] = is_admin
            if disabled is not None and disabled != (row["disabled_at"] is not None):
                values["disabled_at"] = now_us() if disabled else None
            await rows.change(conn, tables.users, user_id, values, expected=expected)
            if disabled:
                await rows.delete(conn, tables.sessions, {"user_id": user_id})
            await self._require_an_admin(conn, row)
            await audit.note(
                conn,
                actor,
                "user.change",
                subject_kind="user",
                subject_id=user_id,
                detail={"name": name, "is_admin": is_admin, "disabled": disabled},
            )
            changed = to(User, await rows.need(conn, tables.users, user_id))
        self._known.clear()
        return changed

    async def disable(self, actor: Actor, *, user_id: Key) -> User:
        """End all sessions and tokens of a user at once, and refuse new ones; for administrators."""
        return await self.change_user(actor, user_id=user_id, disabled=True)

    async def _require_an_admin(self, conn: Connection, before: RowMapping) -> None:
        """Refuse to go on without an administrator, inside the transaction that changed one."""
        if not before["is_admin"] or before["disabled_at"] is not None:
            return
        active = {"is_admin": True, "disabled_at": None, "deleted_at": None}
        for row in await rows.find(conn, tables.users, active | {"id": rows.Not(before["id"])}, limit=1):
            await rows.lock(conn, tables.users, row["id"])  # so that two administrators cannot disable each other
        if await rows.count(conn, tables.users, active) == 0:
            raise ConflictError(
                "The last administrator can be neither disabled nor made an ordinary user",
                do="Make another user an administrator first",
            )

    async def change_password(self, actor: Actor, *, old: str, new: str, keep_secret: str = "") -> None:
        """Set one's own password; all sessions but the given one end."""
        user_id = require_user(actor, "write")
        check_password(new, field="new")
        self._throttle.check(actor.email)
        async with self._context.db.read() as conn:
            row = await self._live_user(conn, user_id)
        if not await self._passwords.matches(row["password_hash"], old):
            raise InvalidInputError("The old password is wrong", where="old", field="old")
        self._throttle.forget(actor.email)
        await self._store_password(actor, user_id, new, keep_secret=keep_secret)

    async def set_password(self, actor: Actor, *, user_id: Key, password: str) -> None:
        """Set the password of a user and end all sessions; for administrators."""
        require_admin(actor)
        await self._store_password(actor, user_id, check_password(password))

    async def _store_password(self, actor: Actor, user_id: Key, password: str, *, keep_secret: str = "") -> None:
        hashed = await self._passwords.hash(password)
        async with self._context.db.write() as conn:
            await self._live_user(conn, user_id)
            await rows.change(conn, tables.users, user_id, {"password_hash": hashed}, expected=None)
            ended: dict[str, Any] = {"user_id": user_id}
            if keep_secret:
                ended["secret_hash"] = rows.Not(hash_secret(keep_secret))
            await rows.delete(conn, tables.sessions, ended)
            await audit.note(conn, actor, "user.password", subject_kind="user", subject_id=user_id)
        self._known.clear()

    async def transfer(self, actor: Actor, *, from_id: Key, to_id: Key) -> dict[str, int]:
        """Make all that one user owns another's, group ownership included; how many of what. For administrators."""
        require_admin(actor)
        if from_id == to_id:
            raise InvalidInputError("The two users are the same", do="Name two different users")
        async with self._context.db.write() as conn:
            await self._live_user(conn, from_id)
            if (await self._live_user(conn, to_id))["disabled_at"] is not None:
                raise ConflictError("The user who would own it is disabled", do="Choose another user")
            moved = await people.hand_over(conn, from_id, to_id)
            owned = await rows.find(
                conn, tables.memberships, {"user_id": from_id, "role": "owner"}, order=("group_id",)
            )
            for row in owned:
                await rows.put(conn, tables.memberships, group_id=row["group_id"], user_id=to_id, role="owner")
                await rows.delete(conn, tables.memberships, {"group_id": row["group_id"], "user_id": from_id})
            if owned:
                moved["groups"] = len(owned)
            await audit.note(
                conn,
                actor,
                "user.transfer",
                subject_kind="user",
                subject_id=from_id,
                detail={"to": to_id.hex24, "moved": moved},
            )
        self._known.clear()
        return moved
