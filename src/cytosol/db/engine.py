"""Opens the database and gives connections: many readers, and on SQLite one queue of writers."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cytosol.base.errors import InvalidInputError, UnavailableError
from cytosol.base.waiting import to_the_end
from cytosol.db.connections import Connection, InlineConnection, Kind, PostgresConnection, translated

T = TypeVar("T")
BUSY_MS = 30_000
READ_BUSY_MS = 5_000


class Backend(Protocol):
    """What a kind of database has to offer."""

    kind: Kind

    def read(self, *, heavy: bool) -> AbstractAsyncContextManager[Connection]: ...
    def write(self) -> AbstractAsyncContextManager[Connection]: ...
    async def close(self) -> None: ...
    def change_mark(self) -> int | None: ...
    async def run_sync(self, work: Callable[[sa.Connection], T]) -> T:
        """Run work that needs a plain connection, in one transaction."""
        ...


class Database:
    """An open database; belongs to the event loop that opened it.

    Attributes
    ----------
    url : where it is, without a password
    path : the file of an SQLite database; None for PostgreSQL
    """

    def __init__(self, backend: Backend, url: sa.URL, path: Path | None) -> None:
        self._backend = backend
        self.kind: Kind = backend.kind
        self.url = url.render_as_string(hide_password=True)
        self.path = path

    @classmethod
    async def open(cls, url: str, *, read_only: bool = False) -> Database:
        """Connect.

        Parameters
        ----------
        url : an SQLAlchemy URL; drivers are chosen here
        read_only : refuse writing; only for SQLite, whose file has to exist

        Raises
        ------
        InvalidInputError
            Where the URL is not one of SQLite or PostgreSQL.
        UnavailableError
            Where the database cannot be opened.
        """
        try:
            parsed = sa.make_url(url)
        except exc.ArgumentError as error:
            raise _bad_url(url) from error
        family = parsed.drivername.partition("+")[0]
        if family == "sqlite":
            path = Path(parsed.database or "cytosol.db")
            return cls(await _Sqlite.open(path, read_only=read_only), parsed, path)
        if family in ("postgresql", "postgres"):
            return cls(await _Postgres.open(parsed.set(drivername="postgresql+asyncpg")), parsed, None)
        raise _bad_url(url)

    def read(self, *, heavy: bool = False) -> AbstractAsyncContextManager[Connection]:
        """A connection for reading; each statement sees what is committed when it starts.

        Parameters
        ----------
        heavy : for statements that may take longer than a millisecond; SQLite runs them on a thread
        """
        return self._backend.read(heavy=heavy)

    def write(self) -> AbstractAsyncContextManager[Connection]:
        """A connection in one transaction: commits at the end, rolls back on an error; must not be nested."""
        return self._backend.write()

    async def run_sync(self, work: Callable[[sa.Connection], T]) -> T:
        """Run work that needs a plain SQLAlchemy connection, in one transaction (migrations)."""
        return await self._backend.run_sync(work)

    def change_mark(self) -> int | None:
        """A number that differs as soon as anybody has committed anything; None where the database has none."""
        return self._backend.change_mark()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._backend.close()


def _bad_url(url: str) -> InvalidInputError:
    scheme = url.partition(":")[0][:32]
    return InvalidInputError(
        f"The setting database is no URL that Cytosol can use: it begins with '{scheme}'",
        do="Leave it empty for SQLite, or give postgresql+asyncpg://USER:PASSWORD@HOST/NAME",
    )


class _Sqlite:
    """SQLite in WAL mode. Reads run on the loop's thread; what waits for locks or the disk runs on a thread."""

    kind: Kind = "sqlite"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._path = path
        self._read_only = read_only
        self._lock = asyncio.Lock()
        self._heavy_lock = asyncio.Lock()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="cytosol-db")
        self._holder: asyncio.Task[Any] | None = None
        self._engines: list[sa.Engine] = []
        self._writer = self._connect(BUSY_MS)
        self._marked = self._connect(READ_BUSY_MS)
        self._reader = InlineConnection(self._marked)
        self._heavy = self._connect(BUSY_MS)

    @classmethod
    async def open(cls, path: Path, *, read_only: bool) -> _Sqlite:
        try:
            if not read_only:
                await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
            return await asyncio.to_thread(lambda: cls(path, read_only=read_only))
        except (exc.DBAPIError, OSError) as error:
            reason = error.orig if isinstance(error, exc.DBAPIError) else error
            raise UnavailableError(
                f"The database cannot be opened: {reason}", where=str(path), do="Check that the file is there and yours"
            ) from error

    def _connect(self, busy_ms: int) -> sa.Connection:
        engine = sa.create_engine(
            "sqlite://",
            creator=lambda: self._dbapi(busy_ms),
            poolclass=sa.pool.StaticPool,
            isolation_level="AUTOCOMMIT",  # transactions are begun and ended here, by word
            query_cache_size=2000,
        )
        self._engines.append(engine)
        return engine.connect()

    def _dbapi(self, busy_ms: int) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        fresh = not self._path.exists()
        plain = str(self._path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        connection = sqlite3.connect(
            f"file:{plain}?mode={mode}",
            uri=True,
            timeout=busy_ms / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        if fresh:
            os.chmod(self._path, 0o600)
        if not self._read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-16384")
        return connection

    @asynccontextmanager
    async def read(self, *, heavy: bool) -> AsyncIterator[Connection]:
        if not heavy:
            yield self._reader
            return
        async with self._heavy_lock:
            yield _Threaded(self, InlineConnection(self._heavy))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        if self._holder is not None and self._holder is asyncio.current_task():
            raise RuntimeError("a write transaction inside a write transaction")
        async with self._lock:
            self._holder = asyncio.current_task()
            try:
                await self.in_thread(lambda: self._order("BEGIN IMMEDIATE"))
                yield InlineConnection(self._writer)
                await self.in_thread(lambda: self._order("COMMIT"))
            finally:
                self._holder = None
                if self._in_transaction():
                    self._order("ROLLBACK")

    def change_mark(self) -> int | None:
        raw: Any = self._marked.connection.dbapi_connection
        return int(raw.execute("PRAGMA data_version").fetchone()[0])

    def _in_transaction(self) -> bool:
        raw: Any = self._writer.connection.dbapi_connection
        return bool(raw is not None and raw.in_transaction)

    def _order(self, word: str) -> None:
        try:
            self._writer.exec_driver_sql(word)
        except exc.DBAPIError as error:
            raise translated(error) from error

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run on a thread; also when cancelled, come back only when the thread is done with the connection."""
        return await to_the_end(asyncio.get_running_loop().run_in_executor(self._threads, work))

    async def run_sync(self, work: Callable[[sa.Connection], T]) -> T:
        async with self.write():
            return await self.in_thread(lambda: work(self._writer))

    async def close(self) -> None:
        async with self._lock, self._heavy_lock:
            self._writer.close()
            self._reader.close()
            self._heavy.close()
            for engine in self._engines:
                engine.dispose()
            self._threads.shutdown(wait=True)


class _Threaded:
    """An SQLite connection whose statements run on a thread."""

    kind: Kind = "sqlite"

    def __init__(self, backend: _Sqlite, inner: InlineConnection) -> None:
        self._backend = backend
        self._inner = inner

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> Any:
        return await self._backend.in_thread(lambda: self._inner.run(statement, parameters))


class _Postgres:
    """PostgreSQL through a pool."""

    kind: Kind = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")

    @classmethod
    async def open(cls, url: sa.URL) -> _Postgres:
        try:
            engine = create_async_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True, query_cache_size=2000)
        except ModuleNotFoundError as error:
            raise UnavailableError(
                "The driver for PostgreSQL is not installed", do="Install it: pip install 'cytosol[postgres]'"
            ) from error
        try:
            async with engine.connect() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except (exc.DBAPIError, OSError) as error:
            await engine.dispose()
            reason = error.orig if isinstance(error, exc.DBAPIError) else error
            raise UnavailableError(
                f"The database does not answer: {reason}",
                where=url.render_as_string(hide_password=True),
                do="Check the setting database, and that PostgreSQL runs",
            ) from error
        return cls(engine)

    @asynccontextmanager
    async def read(self, *, heavy: bool) -> AsyncIterator[Connection]:
        async with self._autocommit.connect() as connection:
            yield PostgresConnection(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        async with self._engine.begin() as connection:
            yield PostgresConnection(connection)

    def change_mark(self) -> int | None:
        return None

    async def run_sync(self, work: Callable[[sa.Connection], T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()
