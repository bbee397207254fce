"""Uploads on their way in: numbered chunks, or one raw body resumed at an offset; assembled and hashed in one pass.

Chunks lie at ``uploads/<id>/<n>`` and may come late, twice and out of order. A raw upload on local disk is one file,
``uploads/<id>/data``; in a bucket it is parts named by their offset, ``uploads/<id>/at/<offset>``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from cytosol.base.errors import ConflictError, DamagedDataError, InvalidInputError
from cytosol.base.keys import Key
from cytosol.store.digests import Digest, Digester, crc32c
from cytosol.store.local import FolderBlobStore
from cytosol.store.local_uploads import LocalUpload
from cytosol.store.pieces import CheckedBody
from cytosol.store.records import BlobStore
from cytosol.store.s3 import S3BlobStore

PART_BYTES = 16 << 20
_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ChunkInfo:
    """One chunk as it was stored: its number from 0, bytes, and CRC-32C."""

    n: int
    size: int
    crc32c: int


@dataclass(frozen=True, slots=True)
class WrittenRange:
    """What one raw body added.

    Attributes
    ----------
    offset, size : the range that the body filled, bytes
    crc32c : of the body
    received : bytes of the upload from its start without a gap; the next body goes on here
    """

    offset: int
    size: int
    crc32c: int
    received: int


def upload_path(upload: Key) -> str:
    """The prefix that holds everything of an upload."""
    return f"uploads/{upload.hex24}"


async def write_chunk(
    store: BlobStore,
    upload: Key,
    n: int,
    body: AsyncIterator[bytes],
    *,
    max_bytes: int,
    expected_crc32c: int | None = None,
    expected_size: int | None = None,
) -> ChunkInfo:
    """Store one chunk; a chunk that came before is replaced. Whatever fails leaves the earlier one, or nothing.

    Raises
    ------
    LimitExceededError
        Where the body is larger than ``max_bytes``; names ``max_chunk_bytes``.
    InvalidInputError
        Where size or CRC-32C are not as announced, or the number is negative.
    """
    checked = CheckedBody(body, max_bytes=max_bytes, expected_size=expected_size, expected_crc32c=expected_crc32c)
    await store.put(_chunk_path(upload, n), aiter(checked), durable=False)
    return ChunkInfo(n, checked.size, checked.crc32c)


async def write_at(
    store: BlobStore,
    upload: Key,
    offset: int,
    body: AsyncIterator[bytes],
    *,
    max_bytes: int,
    expected_crc32c: int | None = None,
) -> WrittenRange:
    """Store a raw body from ``offset`` on; where it breaks off, what arrived stays and `received` says how much.

    A later body takes over from one that still runs, which then ends with ConflictError.

    Raises
    ------
    ConflictError
        Where the offset would leave a gap; ``details["received"]`` is the offset to go on from.
    LimitExceededError, InvalidInputError
        As in `write_chunk`; then nothing of this body stays.
    """
    if offset < 0:
        raise InvalidInputError("An offset is not negative", where=str(offset), do="Go on from where the upload stands")
    checked = CheckedBody(body, max_bytes=max_bytes, expected_size=None, expected_crc32c=expected_crc32c)
    if isinstance(store, FolderBlobStore):
        total = await LocalUpload(store, _data_path(upload)).write(offset, checked)
    else:
        total = await _write_parts(store, upload, offset, checked)
    return WrittenRange(offset, checked.size, checked.crc32c, total)


async def received(store: BlobStore, upload: Key) -> int:
    """Bytes of a raw upload from its start without a gap; 0 if nothing came."""
    if isinstance(store, FolderBlobStore):
        return await asyncio.to_thread(LocalUpload(store, _data_path(upload)).received)
    return _reach(await _parts(store, upload))


async def list_chunks(store: BlobStore, upload: Key) -> dict[int, int]:
    """Numbers and sizes in bytes of the chunks that are there."""
    prefix = upload_path(upload)
    names = {info.path[len(prefix) + 1 :]: info.size async for info in store.list(prefix)}
    return {int(name): size for name, size in names.items() if name.isdecimal()}


async def assemble(
    store: BlobStore,
    upload: Key,
    n_chunks: int | None,
    destination: str,
    *,
    expected: Sequence[ChunkInfo] | None = None,
) -> Digest:
    """Join an upload into one blob, computing all checksums in the same pass.

    The chunks stay until `drop`, except a single one on local disk, which is moved; so is a raw upload. After a crash
    it may be called again.

    Parameters
    ----------
    n_chunks : chunks 0 … n-1 make the file; None = a raw upload
    destination : path of the blob, a fresh one
    expected : the chunks as `write_chunk` gave them; None = not checked

    Raises
    ------
    ConflictError
        Where chunks are missing; ``details["missing"]`` numbers the first of them.
    DamagedDataError
        Where a chunk is no longer what `write_chunk` stored.
    """
    chunks = [] if n_chunks is None else [_chunk_path(upload, n) for n in range(n_chunks)]
    if n_chunks is not None:
        await _check_chunks(store, upload, n_chunks, destination)
    marks = _marks(chunks, expected)
    if isinstance(store, FolderBlobStore):
        local = LocalUpload(store, _data_path(upload))
        if n_chunks is None:
            return await asyncio.to_thread(local.finish, destination)
        return await asyncio.to_thread(local.assemble, chunks, destination, marks)
    if n_chunks is not None:
        return await _join(store, [(path, 0) for path in chunks], destination, marks)
    parts = await _parts(store, upload)
    if not parts:
        raise ConflictError("Nothing of this upload has arrived", do="Send its bytes first")
    return await _join(store, _cut(parts), destination, {})


async def drop(store: BlobStore, upload: Key) -> None:
    """Remove all that is left of an upload."""
    await store.delete_prefix(upload_path(upload))


def _chunk_path(upload: Key, n: int) -> str:
    if n < 0:
        raise InvalidInputError("Chunks are numbered from 0", where=str(n), do="Give the number of the chunk")
    return f"{upload_path(upload)}/{n}"


def _data_path(upload: Key) -> str:
    return f"{upload_path(upload)}/data"


def _marks(paths: list[str], expected: Sequence[ChunkInfo] | None) -> dict[str, tuple[int, int]]:
    """Size and CRC-32C that the bytes of a path must have."""
    known = {chunk.n: (chunk.size, chunk.crc32c) for chunk in expected or ()}
    return {path: known[n] for n, path in enumerate(paths) if n in known}


async def _check_chunks(store: BlobStore, upload: Key, n_chunks: int, destination: str) -> None:
    there = await list_chunks(store, upload)
    missing = [n for n in range(n_chunks) if n not in there]
    if not missing or (n_chunks == 1 and await store.stat(destination)):  # moved before a crash
        return
    shown = ", ".join(map(str, missing[:_MAX_SHOWN])) + (" …" if len(missing) > _MAX_SHOWN else "")
    raise ConflictError(
        f"{len(missing)} of {n_chunks} chunks have not arrived: {shown}",
        where=f"upload {upload.hex24}",
        do="Send them, then finish the upload again",
        missing=missing[:1000],
    )


async def _write_parts(store: BlobStore, upload: Key, offset: int, body: CheckedBody) -> int:
    """Store a raw body as parts named by offset; a bucket cannot write into a blob."""
    stands = await received(store, upload)
    if offset > stands:
        raise ConflictError(f"The upload stands at byte {stands:,}", do="Go on from there", received=stands)
    held = bytearray()
    start = offset
    stored: list[str] = []

    async def flush() -> None:
        nonlocal start
        path = f"{upload_path(upload)}/at/{start:020d}"
        await store.put(path, bytes(held))
        stored.append(path)
        start += len(held)
        held.clear()

    try:
        async for piece in body:
            held += piece
            if len(held) >= PART_BYTES:
                await flush()
    except Exception as error:
        if body.refused(error):
            for path in stored:
                await store.delete(path)
        elif held:
            await flush()
        raise
    if held or not (stands or stored):  # an empty body, too, has arrived
        await flush()
    return await received(store, upload)


async def _parts(store: BlobStore, upload: Key) -> list[tuple[str, int, int]]:
    """Path, offset and size of the parts of a raw upload, by offset."""
    prefix = f"{upload_path(upload)}/at"
    found = [(info.path, int(info.path[len(prefix) + 1 :]), info.size) async for info in store.list(prefix)]
    return sorted(found, key=lambda part: (part[1], -part[2]))


def _reach(parts: list[tuple[str, int, int]]) -> int:
    at = 0
    for _, start, size in parts:
        if start > at:
            break
        at = max(at, start + size)
    return at


def _cut(parts: list[tuple[str, int, int]]) -> list[tuple[str, int]]:
    """Which parts make the file, and how many bytes of each repeat the one before."""
    taken = []
    at = 0
    for path, start, size in parts:
        if start > at:
            break
        if start + size > at:
            taken.append((path, at - start))
            at = start + size
    return taken


async def _join(
    store: BlobStore, pieces: list[tuple[str, int]], destination: str, marks: dict[str, tuple[int, int]]
) -> Digest:
    """Stream pieces, each without its first bytes, into one blob."""
    total = 0
    for path, _ in pieces:
        info = await store.stat(path)
        total += info.size if info else 0
    with Digester() as digester:

        async def body() -> AsyncIterator[bytes]:
            for path, skip in pieces:
                size = checksum = 0
                async for data in store.stream(path, skip):
                    await asyncio.to_thread(digester.update, data)
                    size += len(data)
                    checksum = crc32c(data, checksum)
                    yield data
                if marks.get(path, (size, checksum)) != (size, checksum):
                    raise DamagedDataError("A chunk is no longer what was stored", where=path, do="Send it again")

        if isinstance(store, S3BlobStore):
            await store.put_stream(destination, body(), total)
        else:
            await store.put(destination, body())
        return digester.digest()
