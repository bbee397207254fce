"""Open files: closed when nobody holds them any more, and the hot ones kept open."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict

MAX_OPEN = 256


class Handle:
    """A file descriptor that closes when the last holder lets go, so that no thread meets a reused number."""

    __slots__ = ("fd", "mark", "place")

    def __init__(self, place: str, flags: int, mode: int = 0o640) -> None:
        self.fd = -1
        self.fd = os.open(place, flags | os.O_CLOEXEC, mode)
        self.place = place
        self.mark = mark_of(os.fstat(self.fd))

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def sync(handle: Handle) -> None:
    """Make a file or folder survive a power failure."""
    os.fsync(handle.fd)


def discard(handle: Handle) -> None:
    """Remove a file that was being written, unless it has been renamed. Its space is free at once, whoever holds it."""
    try:
        os.unlink(handle.place)
    except FileNotFoundError:
        return
    os.ftruncate(handle.fd, 0)


def mark_of(status: os.stat_result) -> tuple[int, int, int]:
    """What changes when a file is replaced: inode, time and size."""
    return status.st_ino, status.st_mtime_ns, status.st_size


class HandleCache:
    """The most recently read files, open. A replaced or deleted file is noticed at its next read."""

    def __init__(self, max_open: int = MAX_OPEN) -> None:
        self._max_open = max_open
        self._open: OrderedDict[str, Handle] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, place: str, start: int, length: int) -> bytes:
        """Read up to ``length`` bytes at ``start``; fewer where the file ends.

        Raises
        ------
        FileNotFoundError
            Where there is no such file (now).
        """
        handle = self._open.get(place)
        if handle is None or handle.mark != mark_of(os.stat(place)):
            handle = self._reopen(place)
        else:
            with self._lock:
                if place in self._open:
                    self._open.move_to_end(place)
        data = os.pread(handle.fd, length, start)
        if len(data) == length or start + len(data) >= handle.mark[2]:
            return data
        return data + self._rest(handle, start + len(data), length - len(data))

    def drop(self, place: str) -> None:
        """Let go of a file and of everything below a folder, so that its space is free once deleted."""
        below = place + "/"
        with self._lock:
            for known in [known for known in self._open if known == place or known.startswith(below)]:
                del self._open[known]

    def _reopen(self, place: str) -> Handle:
        with self._lock:
            self._open.pop(place, None)
        handle = Handle(place, os.O_RDONLY)
        with self._lock:
            self._open[place] = handle
            while len(self._open) > self._max_open:
                self._open.popitem(last=False)
        return handle

    @staticmethod
    def _rest(handle: Handle, start: int, length: int) -> bytes:
        """What one call did not give: the system stops at 2 GiB."""
        pieces = []
        while length and (piece := os.pread(handle.fd, length, start)):
            pieces.append(piece)
            start += len(piece)
            length -= len(piece)
        return b"".join(pieces)
