"""A copy of everything in one folder, taken while the server runs, and the way back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from cytosol.base.errors import ConflictError, DamagedDataError, NotFoundError
from cytosol.base.settings import Settings
from cytosol.base.times import now_us
from cytosol.catalog.collector import hold_bytes
from cytosol.catalog.context import Context
from cytosol.db.dump import copy_sqlite, dump_rows, load_rows
from cytosol.db.engine import Database
from cytosol.db.migrate import HEAD, state, upgrade
from cytosol.store.blobs import open_store
from cytosol.store.digests import crc32c
from cytosol.store.space import disk_errors

FORMAT = 1
PREFIXES = ("originals", "datasets", "index", "exports", "uploads")
_DATABASE = {"sqlite": "cytosol.db", "postgresql": "rows.jsonl"}
_HOLD_US = 48 * 3_600_000_000
Progress = Callable[[int, int], None] | None


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds."""

    n_files: int
    n_bytes: int
    database: str


async def back_up(context: Context, target: Path, progress: Progress) -> BackupReport:
    """Copy database and bytes into an empty folder; the collector keeps its hands off meanwhile.

    Raises
    ------
    ConflictError
        Where the folder is not empty.
    """
    await asyncio.to_thread(_make_empty, target)
    async with context.db.write() as conn:
        await hold_bytes(conn, now_us() + _HOLD_US)
    try:
        name = _DATABASE[context.db.kind]
        if context.db.path is not None:
            await asyncio.to_thread(copy_sqlite, context.db.path, target / name)
        else:
            await context.db.run_sync(lambda connection: dump_rows(connection, target / name))
        settings = context.settings.data / "cytosol.toml"
        if await asyncio.to_thread(settings.is_file):
            await asyncio.to_thread(shutil.copyfile, settings, target / "cytosol.toml")
        files = await _copy_blobs(context, target / "store", progress)
    finally:
        async with context.db.write() as conn:
            await hold_bytes(conn, 0)
    manifest = {"format": FORMAT, "schema": HEAD, "database": name, "made_at": now_us(), "files": files}
    await asyncio.to_thread((target / "manifest.json").write_bytes, orjson.dumps(manifest))
    return BackupReport(len(files), sum(size for size, _ in files.values()), name)


async def _copy_blobs(context: Context, target: Path, progress: Progress) -> dict[str, tuple[int, int]]:
    infos = [info for prefix in PREFIXES async for info in context.blobs.list(prefix)]
    total = sum(info.size for info in infos)
    done = 0
    files: dict[str, tuple[int, int]] = {}
    for info in infos:
        try:
            files[info.path] = await _write_down(context.blobs.stream(info.path), target / info.path)
        except NotFoundError:  # an upload that was completed, or a run that was cancelled, since it was listed
            continue
        done += info.size
        if progress is not None:
            progress(done, total)
    return files


async def _write_down(body: AsyncIterator[bytes], place: Path) -> tuple[int, int]:
    """Write a body to a file; its size and CRC-32C."""
    size = checksum = 0
    with disk_errors(str(place)):
        await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
        file = await asyncio.to_thread(place.open, "wb")
        try:
            async for piece in body:
                await asyncio.to_thread(file.write, piece)
                size, checksum = size + len(piece), crc32c(piece, checksum)
        finally:
            await asyncio.to_thread(file.close)
    return size, checksum


async def restore(settings: Settings, source: Path, progress: Progress = None) -> BackupReport:
    """Bring a backup back into an empty data folder, store and database; every byte is compared on the way.

    Raises
    ------
    ConflictError
        Where there is something already, or the backup is of another kind of database.
    DamagedDataError
        Where the backup is not whole.
    """
    manifest = await asyncio.to_thread(_read_manifest, source)
    db = await Database.open(settings.database_url)
    try:
        found = await state(db)
        if found.kind != "empty":
            raise ConflictError("The database is not empty", where=db.url, do="Restore into an empty data folder")
        if _DATABASE[db.kind] != manifest["database"]:
            raise ConflictError(
                f"The backup holds a database of another kind ({manifest['database']})",
                do="Restore into the kind of database that it was made of",
            )
        store = open_store(settings)
        for prefix in PREFIXES:
            async for info in store.list(prefix):
                raise ConflictError("The store is not empty", where=info.path, do="Restore into an empty store")
        await _restore_blobs(store, source / "store", manifest["files"], progress)
        if db.path is None:
            await upgrade(db)
            await db.run_sync(lambda connection: load_rows(connection, source / manifest["database"]))
    finally:
        await db.close()
    if db.path is not None:
        for suffix in ("", "-wal", "-shm"):
            await asyncio.to_thread(Path(f"{db.path}{suffix}").unlink, missing_ok=True)
        await asyncio.to_thread(shutil.copyfile, source / manifest["database"], db.path)
        await asyncio.to_thread(db.path.chmod, 0o600)
    if (source / "cytosol.toml").is_file() and not (settings.data / "cytosol.toml").exists():
        await asyncio.to_thread(shutil.copyfile, source / "cytosol.toml", settings.data / "cytosol.toml")
    await _release(settings)
    sizes = [size for size, _ in manifest["files"].values()]
    return BackupReport(len(sizes), sum(sizes), manifest["database"])


async def _release(settings: Settings) -> None:
    """The copy was taken while the collector was held; here it is free."""
    db = await Database.open(settings.database_url)
    try:
        await upgrade(db)
        async with db.write() as conn:
            await hold_bytes(conn, 0)
    finally:
        await db.close()


async def _restore_blobs(store: Any, source: Path, files: dict[str, list[int]], progress: Progress) -> None:
    total = sum(size for size, _ in files.values())
    done = 0
    for path, (size, checksum) in files.items():
        await store.put(path, _checked(source / path, size, checksum), durable=False)
        done += size
        if progress is not None:
            progress(done, total)


async def _checked(place: Path, size: int, checksum: int) -> AsyncIterator[bytes]:
    found, n_bytes = 0, 0
    try:
        file = await asyncio.to_thread(place.open, "rb")
    except FileNotFoundError as error:
        raise DamagedDataError("A file of the backup is gone", where=place.name) from error
    try:
        while piece := await asyncio.to_thread(file.read, 1 << 20):
            found, n_bytes = crc32c(piece, found), n_bytes + len(piece)
            yield piece
    finally:
        file.close()
    if (n_bytes, found) != (size, checksum):
        raise DamagedDataError(
            "A file of the backup is not what was written", where=str(place), do="Use another backup"
        )


def _make_empty(target: Path) -> None:
    with disk_errors(str(target)):
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise ConflictError("The folder is not empty", where=str(target), do="Give a new one")


def _read_manifest(source: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = orjson.loads((source / "manifest.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("There is no finished backup", where=str(source)) from error
    except ValueError as error:
        raise DamagedDataError("The list of the backup's files cannot be read", where=str(source)) from error
    if manifest.get("format") != FORMAT:
        raise DamagedDataError(f"The backup has the format {manifest.get('format')}, this version reads {FORMAT}")
    return manifest
