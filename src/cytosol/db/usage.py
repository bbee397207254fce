"""How much is stored, and of whom."""

from __future__ import annotations

import sqlalchemy as sa

from cytosol.base.keys import Key
from cytosol.db.connections import Connection
from cytosol.db.tables import originals


async def stored_bytes(conn: Connection, user_id: Key) -> int:
    """Bytes of the originals that a user has here; those on mounted storages do not count."""
    total = sa.func.coalesce(sa.func.sum(originals.c.size), 0)
    mine = sa.and_(originals.c.owner_id == user_id, originals.c.bytes_id.is_not(None), originals.c.deleted_at.is_(None))
    return int((await conn.execute(sa.select(total).where(mine))).scalar)
