"""Who stands behind a secret, and handing over what somebody owns."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.db.connections import Connection
from cytosol.db.tables import memberships, metadata, sessions, tokens, users

_PERSON = (users.c.id.label("user_id"), users.c.email, users.c.is_admin, users.c.disabled_at, memberships.c.group_id)
_WITH_GROUPS = users.outerjoin(memberships, memberships.c.user_id == users.c.id)
_BY_SESSION = (
    sa.select(*_PERSON, sessions.c.id, sessions.c.expires_at)
    .select_from(_WITH_GROUPS.join(sessions, sessions.c.user_id == users.c.id))
    .where(sessions.c.secret_hash == sa.bindparam("secret"))
)
_BY_TOKEN = (
    sa.select(*_PERSON, tokens.c.id, tokens.c.expires_at, tokens.c.scopes, tokens.c.last_used_at)
    .select_from(_WITH_GROUPS.join(tokens, tokens.c.user_id == users.c.id))
    .where(tokens.c.secret_hash == sa.bindparam("secret"), tokens.c.deleted_at.is_(None))
)
_BY_ID = sa.select(*_PERSON).select_from(_WITH_GROUPS).where(users.c.id == sa.bindparam("id_", type_=users.c.id.type))


async def by_session(conn: Connection, secret_hash: bytes) -> list[RowMapping]:
    """The user with the session's id and expiry, one row per group (at least one); empty for an unknown secret."""
    return (await conn.execute(_BY_SESSION, {"secret": secret_hash})).rows


async def by_token(conn: Connection, secret_hash: bytes) -> list[RowMapping]:
    """The user with the token's id, scopes and expiry, one row per group; empty for an unknown or revoked secret."""
    return (await conn.execute(_BY_TOKEN, {"secret": secret_hash})).rows


async def by_id(conn: Connection, user_id: Key) -> list[RowMapping]:
    """The user, one row per group."""
    return (await conn.execute(_BY_ID, {"id_": user_id})).rows


async def hand_over(conn: Connection, from_id: Key, to_id: Key) -> dict[str, int]:
    """Make everything that one user owns another's; how many rows of which table."""
    moved: dict[str, int] = {}
    for table in metadata.sorted_tables:
        owners = [
            column
            for column in table.columns
            if column.name == "owner_id" and any(key.column.table is users for key in column.foreign_keys)
        ]
        for column in owners:
            values: dict[str, Any] = {column.name: to_id}
            if "version" in table.c:
                values |= {"version": table.c.version + 1, "updated_at": now_us()}
            done = await conn.execute(sa.update(table).where(column == from_id).values(values))
            if done.rowcount:
                moved[str(table.name)] = done.rowcount
    return moved
