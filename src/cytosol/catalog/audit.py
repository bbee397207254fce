"""Who did what, for the administrator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.context import Context
from cytosol.catalog.records import Page, all_to, check_limit, decode_key_cursor, page_of
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.rights import Actor, require_admin
from cytosol.model.work import AuditEntry


async def note(
    conn: Connection,
    actor: Actor,
    verb: str,
    *,
    subject_kind: str = "",
    subject_id: Key | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Key:
    """Write down an act in the transaction of the act itself.

    Parameters
    ----------
    verb : what was done, for example "user.create"
    detail : JSON values; never a secret
    """
    return await rows.insert(
        conn,
        tables.audit,
        at=now_us(),
        actor=actor.as_json(),
        verb=verb,
        subject_kind=subject_kind,
        subject_id=subject_id,
        request_id=actor.request_id,
        detail=dict(detail or {}),
    )


class Audit:
    """Reads the audit."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(
        self, actor: Actor, *, verb: str = "", limit: int = 100, cursor: str | None = None
    ) -> Page[AuditEntry]:
        """What was done, newest first; for administrators."""
        require_admin(actor)
        async with self._context.db.read(heavy=True) as conn:
            found = await rows.find(
                conn,
                tables.audit,
                {"verb": verb} if verb else {},
                order=("-id",),
                limit=check_limit(limit) + 1,
                after=decode_key_cursor(cursor),
            )
        return page_of(all_to(AuditEntry, found), limit, [(row["id"],) for row in found])
