"""A mounted bucket, or the part of it below a prefix."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import obstore
from obstore import exceptions

from cytosol.base.errors import ConflictError, NotFoundError
from cytosol.store.buckets import BlobRanges, Bucket, bucket_errors, head, head_async, info_of
from cytosol.store.mounts import Entry, check_mount_path, copy_down, sorted_entries
from cytosol.store.records import STREAM_BYTES, BlobInfo
from cytosol.store.sources import RangeSource


class BucketStorage:
    """Objects of a bucket, seen as files and folders."""

    def __init__(self, bucket: Bucket) -> None:
        self._store = bucket.open()

    async def list(self, path: str) -> list[Entry]:
        """What a folder holds. A folder without objects does not exist in a bucket; the mount itself always does."""
        check_mount_path(path)
        with bucket_errors(path):
            found = await obstore.list_with_delimiter_async(self._store, path or None)
        folders = [Entry(_last(prefix), True, 0, 0, "") for prefix in found["common_prefixes"]]
        files = [_entry(info_of(meta)) for meta in found["objects"] if meta["path"] != path]
        if path and not folders and not files:
            raise _absent(path)
        return sorted_entries([entry for entry in folders + files if _is_addressable(entry.name)])

    async def stat(self, path: str) -> Entry | None:
        """What is known about a file or folder."""
        check_mount_path(path)
        if path == "":
            return Entry("", True, 0, 0, "")
        info = await head_async(self._store, path)
        if info is not None:
            return _entry(info)
        with bucket_errors(path):
            async for batch in obstore.list(self._store, path, chunk_size=1):
                if batch:
                    return Entry(_last(path), True, 0, 0, "")
        return None

    async def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return await self.stat(path) is not None

    def source(self, path: str) -> RangeSource:
        """A file, to be read in place by ranges."""
        info = head(self._store, check_mount_path(path)) if path else None
        if info is None:
            raise _absent(path)
        return RangeSource(path, info.size, BlobRanges(self._store, path))

    async def fetch(self, path: str, destination: Path, progress: Callable[[int, int], None] | None = None) -> Entry:
        """Copy a file down, of the version that was there at the start."""
        info = await head_async(self._store, check_mount_path(path)) if path else None
        if info is None:
            raise _absent(path)
        await copy_down(self._pieces(info), info.size, destination, progress)
        return _entry(info)

    async def place(self, path: str, destination: Path, progress: Callable[[int, int], None] | None = None) -> Entry:
        """Copy a file down."""
        return await self.fetch(path, destination, progress)

    async def _pieces(self, info: BlobInfo) -> AsyncIterator[bytes]:
        with bucket_errors(info.path):
            try:
                answer = await obstore.get_async(self._store, info.path, options={"if_match": f'"{info.etag}"'})
            except exceptions.PreconditionError as error:
                raise ConflictError("The file changed while it was copied", where=info.path, do="Try again") from error
            async for piece in answer.stream(min_chunk_size=STREAM_BYTES):
                yield bytes(piece)


def _entry(info: BlobInfo) -> Entry:
    return Entry(_last(info.path), False, info.size, info.modified_us, info.etag)


def _last(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def _is_addressable(name: str) -> bool:
    return bool(name) and name not in (".", "..") and name.isprintable()


def _absent(path: str) -> NotFoundError:
    return NotFoundError("There is no such file on the storage", where=path, do="List the storage to see what is there")
