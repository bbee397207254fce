"""What happened, for who watches."""

from __future__ import annotations

from cytosol.base.keys import Key
from cytosol.catalog.access import study_access, who
from cytosol.catalog.context import Context
from cytosol.catalog.records import all_to, check_limit
from cytosol.db import rights
from cytosol.db.work import append_event as append
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.work import Event

__all__ = ["Events", "append"]


class Events:
    """Reads events.

    `append` writes one in the transaction of the change; after the commit call ``notifier.events_stored()``.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    async def after(self, actor: Actor, *, last_id: int, study_id: Key | None = None, limit: int = 500) -> list[Event]:
        """The events after one, in order.

        Parameters
        ----------
        last_id : serial of the last event that was seen; 0 = from the start
        study_id : only those of one study; None = of all that the actor may see, and of the actor's own jobs
        """
        async with self._context.db.read() as conn:
            if study_id is not None:
                await study_access(conn, actor, study_id, Permission.STUDY_READ)
            else:
                require_user(actor)
            found = await rights.readable_events(
                conn, who(actor), after=last_id, limit=check_limit(limit), study_id=study_id
            )
        return all_to(Event, found)

    async def latest(self, actor: Actor) -> int:
        """The serial of the newest event, from which a new watcher starts."""
        async with self._context.db.read() as conn:
            return await rights.last_event(conn)
