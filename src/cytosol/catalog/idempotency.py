"""Requests that may be sent twice: the answer to the first is kept under the key that its sender chose."""

from __future__ import annotations

from dataclasses import dataclass

from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.catalog.context import Context
from cytosol.db import rows, tables
from cytosol.model.rights import Actor, require_user

MAX_KEY = 255
_OPEN = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer that was given before."""

    status: int
    body: str


class Idempotency:
    """Keeps answers by user and key; the collector clears them away after a day."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def begin(self, actor: Actor, *, key: str, request: str) -> Answered | None:
        """Claim a key; None = the request is to be done, else the answer that it had.

        Parameters
        ----------
        request : tells requests apart, at most 255 letters

        Raises
        ------
        InvalidInputError
            Where the key stands for another request.
        ConflictError
            While the first request is under way, or was cut off.
        """
        user_id = require_user(actor)
        if not 1 <= len(key) <= MAX_KEY:
            raise InvalidInputError(f"An Idempotency-Key has 1 to {MAX_KEY} letters", where="Idempotency-Key")
        where = {"user_id": user_id, "key": key}
        async with self._context.db.write() as conn:
            row = await rows.first(conn, tables.idempotency, where, order=("key",))
            if row is None:
                claim = {**where, "route": request, "status": _OPEN, "body": ""}
                await rows.insert_many(conn, tables.idempotency, [claim])
                return None
        if row["route"] != request:
            raise InvalidInputError(
                "This Idempotency-Key was sent with another request", where="Idempotency-Key", do="Choose a fresh key"
            )
        if row["status"] == _OPEN:
            raise ConflictError(
                "The same request is under way, or was cut off",
                where="Idempotency-Key",
                do="Look whether it was done; if not, send it again with a fresh key",
            )
        return Answered(row["status"], row["body"])

    async def finish(self, actor: Actor, *, key: str, answer: Answered | None) -> None:
        """Keep the answer under a claimed key; None = let the key go, the request failed."""
        where = {"user_id": require_user(actor), "key": key}
        async with self._context.db.write() as conn:
            if answer is None:
                await rows.delete(conn, tables.idempotency, where)
            else:
                values = {"status": answer.status, "body": answer.body}
                await rows.update(conn, tables.idempotency, where, values)
