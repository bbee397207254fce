"""The interface of all stores, and what they say about a blob."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cytosol.base.protocols import Source

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore

STREAM_BYTES = 1 << 20
"""Bytes of the pieces that `BlobStore.stream` gives; the last one may be shorter."""


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What a store knows about one blob.

    Attributes
    ----------
    path : parts joined by '/'
    size : bytes
    etag : changes whenever the blob is replaced; no checksum
    modified_us : microseconds since 1970 UTC; some servers round to seconds
    """

    path: str
    size: int
    etag: str
    modified_us: int


class BlobStore(Protocol):
    """Where bytes lie. A blob is whole or absent; a path is parts of ids and fixed words joined by '/'.

    A prefix is a folder: ``a/b`` holds ``a/b/c``, but neither ``a/b`` itself nor ``a/bc``. Absent blobs raise
    NotFoundError where bytes are read; deleting them is no error. All methods may raise InvalidInputError for a path
    that cannot be used, OutOfSpaceError and UnavailableError.
    """

    async def put(self, path: str, data: bytes | AsyncIterator[bytes], *, durable: bool = True) -> BlobInfo:
        """Write or replace a blob. It survives a power failure at once if ``durable``, else soon."""
        ...

    async def put_file(self, path: str, local: Path, *, move: bool = False) -> BlobInfo:
        """Write or replace a blob from a file of this machine; ``move`` takes the file, without a copy if possible."""
        ...

    async def get(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes ``start`` up to, not including, ``end``; cut at the end of the blob."""
        ...

    def stream(self, path: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The same in pieces of `STREAM_BYTES`."""
        ...

    async def stat(self, path: str) -> BlobInfo | None:
        """What is known about a blob; None if it is absent."""
        ...

    def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """All blobs below a prefix ("" = all), in no promised order."""
        ...

    async def delete(self, path: str) -> None:
        """Remove a blob if it is there."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Remove all blobs below a prefix; gives the bytes removed."""
        ...

    async def free_bytes(self) -> int | None:
        """Bytes that can still be written; None = no limit known."""
        ...

    async def used_bytes(self, prefix: str) -> int:
        """Bytes of all blobs below a prefix."""
        ...

    async def flush(self, prefix: str) -> None:
        """Make what was written below a prefix, through `zarr` too, survive a power failure; call before a commit."""
        ...

    async def sweep(self) -> int:
        """Remove what writers that died left behind; gives the bytes removed. Live writers are not disturbed."""
        ...

    def read(self, path: str, start: int, length: int) -> bytes:
        """Like `get`, for threads and worker processes; cheap for small pieces of hot files."""
        ...

    def source(self, path: str, name: str) -> Source:
        """A blob as a seekable file; ``name`` is what the user called it."""
        ...

    def zarr(self, prefix: str, *, read_only: bool) -> ZarrStore:
        """The blobs below a prefix as a Zarr store."""
        ...

    def local_path(self, path: str) -> Path | None:
        """The file or folder that holds a blob or prefix; None if it does not lie on this machine."""
        ...
