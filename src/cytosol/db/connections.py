"""What a statement is run on: one small interface over SQLite and PostgreSQL, and the translation of their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import CursorResult, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from cytosol.base.errors import ConflictError, CytosolError, OutOfSpaceError, UnavailableError

Kind = Literal["sqlite", "postgresql"]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Fetched:
    """The whole answer of a statement.

    Attributes
    ----------
    rows : what it returned, in order
    rowcount : how many rows it changed
    """

    __slots__ = ("rowcount", "rows")

    def __init__(self, result: CursorResult[Any]) -> None:
        self.rows: list[RowMapping] = list(result.mappings().all()) if result.returns_rows else []
        self.rowcount: int = result.rowcount

    @property
    def first(self) -> RowMapping | None:
        """The first row, if any."""
        return self.rows[0] if self.rows else None

    def column(self, name: str | None = None) -> list[Any]:
        """The values of one column; without a name, of the first."""
        return [row[name] if name else next(iter(row.values())) for row in self.rows]

    @property
    def scalar(self) -> Any:
        """The first value of the first row; None without a row."""
        return next(iter(self.rows[0].values())) if self.rows else None


class Connection(Protocol):
    """Runs statements; each answer is fetched whole."""

    kind: Kind

    async def execute(self, statement: sa.Executable, parameters: Parameters = None) -> Fetched:
        """Run one statement, or once per element of a sequence of parameters."""
        ...


class InlineConnection:
    """SQLite on the thread of the event loop: a look-up in its page cache costs less than a change of threads."""

    kind: Kind = "sqlite"

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    async def execute(self, statement: sa.Executable, parameters: Parameters = None) -> Fetched:
        return self.run(statement, parameters)

    def run(self, statement: sa.Executable, parameters: Parameters = None) -> Fetched:
        """The same for callers on another thread."""
        try:
            return Fetched(self._connection.execute(statement, parameters))
        except exc.DBAPIError as error:
            raise translated(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class PostgresConnection:
    """A connection of the pool to a PostgreSQL server."""

    kind: Kind = "postgresql"

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, statement: sa.Executable, parameters: Parameters = None) -> Fetched:
        try:
            return Fetched(await self._connection.execute(statement, parameters))
        except exc.DBAPIError as error:
            raise translated(error) from error


def translated(error: exc.DBAPIError) -> CytosolError | exc.DBAPIError:
    """The error of a database in words of ours, where a user can meet it; else the error itself."""
    text = str(error.orig)
    lower = text.lower()
    if isinstance(error, exc.IntegrityError):
        unique = _unique_columns(text, str(getattr(getattr(error.orig, "__cause__", None), "detail", "")))
        return ConflictError(f"There is one already with the same {unique}") if unique else error
    if "disk is full" in lower or "no space left" in lower or "disk full" in lower:
        return OutOfSpaceError(
            "The disk of the database is full", do="Free some space and try again", setting="min_free_bytes"
        )
    if "deadlock detected" in lower or "could not serialize" in lower:
        return UnavailableError("Somebody else changed the same things at the same moment", do="Try again")
    if "database is locked" in lower:
        return UnavailableError("The database is busy with another process", do="Try again in a moment")
    if "readonly database" in lower:
        return UnavailableError("The database cannot be written", do="Check the permissions of the data folder")
    if error.connection_invalidated or isinstance(error, exc.InterfaceError):
        return UnavailableError("The database does not answer", do="Check that it runs and can be reached")
    return error


def _unique_columns(text: str, detail: str) -> str:
    """Words for the columns of a violated unique constraint; "" for another violation."""
    if "UNIQUE constraint failed:" in text:
        names = text.split("UNIQUE constraint failed:")[1]
        return " and ".join(part.strip().split(".")[-1] for part in names.split(","))
    if "duplicate key value" in text:
        return detail.partition("Key (")[2].partition(")=")[0].replace(", ", " and ") or "key"
    return ""
