"""What a mounted storage offers, whatever it is made of."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cytosol.base.errors import ConflictError
from cytosol.base.protocols import Source
from cytosol.store.handles import Handle, discard
from cytosol.store.paths import check_relative
from cytosol.store.pieces import pump, write_all
from cytosol.store.space import disk_errors

PROGRESS_S = 0.5


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder of a storage.

    Attributes
    ----------
    name : last part of its path
    size : bytes; 0 for a folder
    modified_us : microseconds since 1970 UTC; 0 where unknown
    etag : changes with the content of a file; empty for a folder
    """

    name: str
    is_folder: bool
    size: int
    modified_us: int
    etag: str


class Storage(Protocol):
    """A mounted place that is read, never written. Paths are relative to the mount; "" is the mount itself.

    A path that leaves the mount raises InvalidInputError (by its spelling) or ForbiddenError (by a link); an absent one
    NotFoundError.
    """

    async def list(self, path: str) -> list[Entry]:
        """What a folder holds, folders first, by name. What cannot be addressed or leaves the mount is not shown."""
        ...

    async def stat(self, path: str) -> Entry | None:
        """What is known about a file or folder; None if it is absent."""
        ...

    async def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        ...

    def source(self, path: str) -> Source:
        """A file, to be read in place."""
        ...

    async def place(self, path: str, destination: Path, progress: Callable[[int, int], None] | None = None) -> Entry:
        """Put a file at a path of this machine for reading: a link where it lies here already, else a copy."""
        ...

    async def fetch(self, path: str, destination: Path, progress: Callable[[int, int], None] | None = None) -> Entry:
        """Copy a file to this machine, whole or not at all; ``progress`` hears bytes done and bytes in all."""
        ...


def check_mount_path(path: str) -> str:
    """A path below a mount, or "" for the mount itself."""
    return path if path == "" else check_relative(path)


def sorted_entries(entries: list[Entry]) -> list[Entry]:
    """Folders first, then by name without regard to case."""
    return sorted(entries, key=lambda entry: (not entry.is_folder, entry.name.casefold(), entry.name))


async def copy_down(
    body: AsyncIterator[bytes], size: int, destination: Path, progress: Callable[[int, int], None] | None
) -> None:
    """Write a body of a known size to a file beside ``destination``, then rename it.

    Raises
    ------
    ConflictError
        Where another number of bytes came: the file changed meanwhile.
    """
    part = destination.with_name(destination.name + ".part")
    done = 0
    told = time.monotonic()

    def tell() -> None:
        nonlocal told
        if progress is not None:
            told = time.monotonic()
            progress(done, size)

    async def counted() -> AsyncIterator[bytes]:
        nonlocal done
        async for piece in body:
            done += len(piece)
            if done == len(piece) or time.monotonic() - told >= PROGRESS_S:
                tell()
            yield piece

    with disk_errors(destination.name):
        handle = await asyncio.to_thread(Handle, str(part), os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        with disk_errors(destination.name):
            await pump(counted(), _writer(handle))
            if done != size:
                raise ConflictError("The file changed while it was copied", where=destination.name, do="Try again")
            await asyncio.to_thread(os.replace, part, destination)
        tell()
    except BaseException:
        discard(handle)
        raise


def _writer(handle: Handle) -> Callable[[list[bytes]], None]:
    at = 0

    def write(pieces: list[bytes]) -> None:
        nonlocal at
        write_all(handle, pieces, at)
        at += sum(map(len, pieces))

    return write
