"""A store in a bucket of an S3-compatible server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore import exceptions
from zarr.storage import ObjectStore

from cytosol.base.errors import NotFoundError
from cytosol.store.buckets import (
    MIN_PART_BYTES,
    BlobRanges,
    Bucket,
    bucket_errors,
    get_range,
    head,
    head_async,
    info_of,
    no_such_range,
    part_sizes,
)
from cytosol.store.paths import check_path, check_prefix
from cytosol.store.records import STREAM_BYTES, BlobInfo
from cytosol.store.sources import RangeSource

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore

_LIST_BATCH = 1000


class S3BlobStore:
    """Blobs as objects of a bucket. The server makes each put whole or absent, and durable."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._store = bucket.open()

    def __reduce__(self) -> tuple[type[S3BlobStore], tuple[Bucket]]:
        return S3BlobStore, (self.bucket,)

    async def put(self, path: str, data: bytes | AsyncIterator[bytes], *, durable: bool = True) -> BlobInfo:
        """Write or replace a blob; `durable` changes nothing here."""
        if isinstance(data, bytes | bytearray | memoryview):
            return await self._put(path, bytes(data), len(data))
        return await self.put_stream(path, data, None)

    async def put_stream(self, path: str, body: AsyncIterator[bytes], size: int | None) -> BlobInfo:
        """Write or replace a blob of a size that may be known, which allows larger ones."""
        first: list[bytes] = []
        n_bytes = 0
        async for piece in body:
            first.append(piece)
            n_bytes += len(piece)
            if n_bytes > MIN_PART_BYTES:
                return await self._put(path, _chain(b"".join(first), body), size)
        return await self._put(path, b"".join(first), n_bytes)

    async def put_file(self, path: str, local: Path, *, move: bool = False) -> BlobInfo:
        """Write or replace a blob from a file."""
        info = await self._put(path, local, await asyncio.to_thread(os.path.getsize, local))
        if move:
            with suppress(FileNotFoundError):
                os.unlink(local)
        return info

    async def _put(self, path: str, data: bytes | Path | AsyncIterator[bytes], size: int | None) -> BlobInfo:
        check_path(path)
        part_bytes, at_once = part_sizes(size)
        small = size is not None and size <= MIN_PART_BYTES
        with bucket_errors(path):
            await obstore.put_async(
                self._store, path, data, use_multipart=not small, chunk_size=part_bytes, max_concurrency=at_once
            )
        info = await self.stat(path)
        if info is None:
            raise NotFoundError("The blob was removed while it was written", where=path)
        return info

    async def get(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes of a blob."""
        return b"".join([piece async for piece in self.stream(path, start, end)])

    async def stream(self, path: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes of a blob in pieces."""
        check_path(path)
        if start < 0:
            raise ValueError("a range starts at or after 0")
        with bucket_errors(path):
            if end is not None and end <= start:
                await obstore.head_async(self._store, path)
                return
            try:
                answer = await obstore.get_async(self._store, path, options=_range(start, end))
            except exceptions.BaseError as error:
                if no_such_range(error):
                    return
                raise
            rest = b""
            async for piece in answer.stream(min_chunk_size=STREAM_BYTES):
                rest += bytes(piece)
                while len(rest) >= STREAM_BYTES:
                    yield rest[:STREAM_BYTES]
                    rest = rest[STREAM_BYTES:]
            if rest:
                yield rest

    async def stat(self, path: str) -> BlobInfo | None:
        """What is known about a blob."""
        return await head_async(self._store, check_path(path))

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """All blobs below a prefix."""
        with bucket_errors(prefix):
            async for batch in obstore.list(self._store, check_prefix(prefix) or None, chunk_size=_LIST_BATCH):
                for meta in batch:
                    yield info_of(meta)

    async def delete(self, path: str) -> None:
        """Remove a blob if it is there."""
        with bucket_errors(path), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, check_path(path))

    async def delete_prefix(self, prefix: str) -> int:
        """Remove all blobs below a prefix."""
        check_path(prefix)
        removed = 0
        batch: list[str] = []
        async for info in self.list(prefix):
            removed += info.size
            batch.append(info.path)
            if len(batch) == _LIST_BATCH:
                await self._delete_all(batch, prefix)
                batch = []
        await self._delete_all(batch, prefix)
        return removed

    async def _delete_all(self, paths: Sequence[str], prefix: str) -> None:
        if paths:
            with bucket_errors(prefix):
                await obstore.delete_async(self._store, paths)

    async def free_bytes(self) -> int | None:
        """A bucket has no limit that could be asked for."""
        return None

    async def used_bytes(self, prefix: str) -> int:
        """Bytes of all blobs below a prefix."""
        return sum([info.size async for info in self.list(prefix)])

    async def flush(self, prefix: str) -> None:
        """Nothing to do: a put that was answered is durable."""
        check_path(prefix)

    async def sweep(self) -> int:
        """Nothing to do: unfinished multipart uploads are the bucket's affair (a lifecycle rule removes them)."""
        return 0

    def read(self, path: str, start: int, length: int) -> bytes:
        """Bytes of a blob, for threads and worker processes."""
        if start < 0 or length < 0:
            raise ValueError("a range starts at or after 0 and has no negative length")
        return get_range(self._store, check_path(path), start, start + length)

    def source(self, path: str, name: str) -> RangeSource:
        """A blob as a file."""
        info = head(self._store, check_path(path))
        if info is None:
            raise NotFoundError("The stored bytes are not there", where=path)
        return RangeSource(name, info.size, BlobRanges(self._store, path))

    def zarr(self, prefix: str, *, read_only: bool) -> ZarrStore:
        """The blobs below a prefix as a Zarr store."""
        return ObjectStore(self.bucket.below(check_path(prefix)).open(), read_only=read_only)

    def local_path(self, path: str) -> Path | None:
        """None: the bytes do not lie on this machine."""
        check_path(path)
        return None


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _range(start: int, end: int | None) -> obstore.GetOptions:
    if end is not None:
        return {"range": (start, end)}
    return {"range": {"offset": start}} if start else {}
