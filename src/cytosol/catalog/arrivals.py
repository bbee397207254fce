"""Files that arrive in one request: their bytes first, then their record with all that is made of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from cytosol.base.errors import LimitExceededError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.context import Context
from cytosol.catalog.records import to
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.work import Original
from cytosol.store.digests import Digest
from cytosol.store.originals import digest_blob, original_path
from cytosol.store.space import check_free


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file whose bytes are in the store, and that no record names yet.

    Attributes
    ----------
    key : of its bytes
    path : as its user has it, with '/' between parts
    """

    key: Key
    path: str
    digest: Digest


async def take_in(context: Context, body: AsyncIterator[bytes], *, path: str, writing: Writing) -> Arrival:
    """Store a body that arrives now.

    Parameters
    ----------
    writing : removes it again, if no record comes to name it

    Raises
    ------
    LimitExceededError
        Where it is larger than ``max_upload_bytes``.
    """
    await check_free(context.blobs, context.settings, 0)
    key = new_key()
    place = original_path(key)
    await writing.begin(place)
    await context.blobs.put(place, _limited(body, path, context.settings.max_upload_bytes))
    return Arrival(key, path, await digest_blob(context.blobs, place))


async def _limited(body: AsyncIterator[bytes], path: str, max_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in body:
        size += len(piece)
        check_size(size, path, max_bytes)
        yield piece


def check_size(size: int, path: str, max_bytes: int) -> None:
    """Refuse a file that is larger than one may be, bytes."""
    if size > max_bytes:
        raise LimitExceededError(f"The file has more than {max_bytes:,} bytes", where=path, setting="max_upload_bytes")


async def insert_original(conn: Connection, owner_id: Key, arrival: Arrival) -> Original:
    """Write down a file in a transaction of the caller; of one that is there already the bytes of that are used."""
    digest = arrival.digest
    same = await rows.first(
        conn,
        tables.originals,
        {"sha256": digest.sha256, "size": digest.size, "bytes_id": rows.Not(None), "deleted_at": None},
    )
    id = await rows.insert(
        conn,
        tables.originals,
        id=new_key(),
        owner_id=owner_id,
        path=arrival.path,
        size=digest.size,
        sha256=digest.sha256,
        md5=digest.md5,
        crc32c=f"{digest.crc32c:08x}",
        bytes_id=same["bytes_id"] if same is not None else arrival.key,
    )
    return to(Original, await rows.need(conn, tables.originals, id))
