"""A mounted folder of this machine. No path and no link leads out of it, or into the server's own data."""

from __future__ import annotations

import asyncio
import errno
import os
import stat as modes
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cytosol.base.errors import ForbiddenError, InvalidInputError, NotFoundError, UnavailableError
from cytosol.store.handles import mark_of
from cytosol.store.mounts import Entry, check_mount_path, copy_down, sorted_entries
from cytosol.store.records import STREAM_BYTES
from cytosol.store.space import disk_errors

_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR})
_NO_ACCESS = frozenset({errno.EACCES, errno.EPERM})


class FolderStorage:
    """Files below ``root``.

    Parameters
    ----------
    root : the folder that is mounted
    closed : folders that stay out of sight wherever links lead, such as the server's own data
    """

    def __init__(self, root: Path, closed: Sequence[Path] = ()) -> None:
        if not root.is_absolute():
            raise InvalidInputError("A storage needs an absolute path", where=str(root), do="Begin it with '/'")
        try:
            self._root = os.path.realpath(root, strict=True)
        except OSError as error:
            raise NotFoundError("There is no such folder", where=str(root), do="Check the path") from error
        if not os.path.isdir(self._root):
            raise InvalidInputError("This is not a folder", where=str(root), do="Name a folder")
        self._closed = [os.path.realpath(folder) for folder in closed]
        if any(_is_below(self._root, folder) for folder in self._closed):
            raise ForbiddenError("The server's own data cannot be mounted", where=str(root), do="Name another folder")

    async def list(self, path: str) -> list[Entry]:
        """What a folder holds."""
        return list(await asyncio.to_thread(self._read_folder, path))

    async def stat(self, path: str) -> Entry | None:
        """What is known about a file or folder."""
        return await asyncio.to_thread(self._stat, path)

    async def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return await self.stat(path) is not None

    def source(self, path: str) -> MountedSource:
        """A file, to be read in place."""
        entry = self._stat(path)
        if entry is None or entry.is_folder:
            raise _absent(path)
        return MountedSource(path, entry.size, self)

    async def fetch(self, path: str, destination: Path, progress: Callable[[int, int], None] | None = None) -> Entry:
        """Copy a file."""
        entry = await self.stat(path)
        if entry is None or entry.is_folder:
            raise _absent(path)
        await copy_down(self._pieces(path), entry.size, destination, progress)
        return entry

    async def place(self, path: str, destination: Path, progress: Callable[[int, int], None] | None = None) -> Entry:
        """Link to a file, at its real place."""
        entry = await self.stat(path)
        if entry is None or entry.is_folder:
            raise _absent(path)
        place = await asyncio.to_thread(self.resolve, path)
        with disk_errors(destination.name):
            await asyncio.to_thread(os.symlink, place, destination)
        return entry

    def open(self, path: str) -> BinaryIO:
        """Open a file; what was opened is checked, so that no link can be put in its way meanwhile."""
        place = self.resolve(path)
        try:
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _os_error(path, error) from error
        file = os.fdopen(fd, "rb")
        try:
            opened = os.path.realpath(f"/proc/self/fd/{fd}") if os.path.exists("/proc/self/fd") else place
            if not modes.S_ISREG(os.fstat(fd).st_mode) or not self._is_inside(opened):
                raise _leaves(path)
        except BaseException:
            file.close()
            raise
        return file

    def resolve(self, path: str) -> str:
        """The real place of a file or folder, after all links.

        Raises
        ------
        NotFoundError, ForbiddenError
            Where there is none, or where it lies outside.
        """
        joined = os.path.join(self._root, check_mount_path(path))
        try:
            place = os.path.realpath(joined, strict=True)
        except OSError as error:
            self._check_above(path, joined)
            raise _os_error(path, error) from error
        if not self._is_inside(place):
            raise _leaves(path)
        return place

    def _check_above(self, path: str, joined: str) -> None:
        """What lies outside looks the same whether it exists or not."""
        if not self._is_inside(os.path.realpath(joined)):
            raise _leaves(path)

    def _is_inside(self, place: str) -> bool:
        return _is_below(place, self._root) and not any(_is_below(place, folder) for folder in self._closed)

    def _stat(self, path: str) -> Entry | None:
        try:
            place = self.resolve(path)
            status = os.stat(place)
        except (NotFoundError, FileNotFoundError, NotADirectoryError):
            return None
        return _entry(path.rsplit("/", 1)[-1], status)

    def _read_folder(self, path: str) -> Sequence[Entry]:
        place = self.resolve(path)
        try:
            names = os.listdir(place)
        except OSError as error:
            raise _os_error(path, error) from error
        entries = []
        for name in names:
            try:
                entry = self._stat(f"{path}/{name}" if path else name)
            except (InvalidInputError, ForbiddenError, UnavailableError):  # cannot be addressed, or leads out
                continue
            if entry is not None:
                entries.append(entry)
        return sorted_entries(entries)

    async def _pieces(self, path: str) -> AsyncIterator[bytes]:
        file = await asyncio.to_thread(self.open, path)
        with file:
            while piece := await asyncio.to_thread(file.read, STREAM_BYTES):
                yield piece


@dataclass(frozen=True, slots=True)
class MountedSource:
    """A file of a mounted folder."""

    name: str
    size: int
    storage: FolderStorage

    def open(self) -> BinaryIO:
        """Open for reading."""
        return self.storage.open(self.name)


def _is_below(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip("/") + "/")


def _entry(name: str, status: os.stat_result) -> Entry | None:
    modified_us = status.st_mtime_ns // 1000
    if modes.S_ISDIR(status.st_mode):
        return Entry(name, True, 0, modified_us, "")
    if not modes.S_ISREG(status.st_mode):
        return None
    inode, modified_ns, size = mark_of(status)
    return Entry(name, False, size, modified_us, f"{inode:x}-{modified_ns:x}-{size:x}")


def _absent(path: str) -> NotFoundError:
    return NotFoundError("There is no such file on the storage", where=path, do="List the storage to see what is there")


def _leaves(path: str) -> ForbiddenError:
    return ForbiddenError("This path leads out of the storage", where=path, do="Choose a file that lies on the storage")


def _os_error(path: str, error: OSError) -> NotFoundError | ForbiddenError | UnavailableError:
    if error.errno in _NO_FILE:
        return _absent(path)
    if error.errno in _NO_ACCESS:
        return ForbiddenError("The server may not read this", where=path, do="Give its user the right to read it")
    return UnavailableError(f"The storage cannot be read: {error.strerror}", where=path, do="Check that it is mounted")
