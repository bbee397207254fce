"""Readable files wherever they lie: on this machine, or behind range requests."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from cytosol.base.errors import NotFoundError

BLOCK_BYTES = 1 << 20
MAX_BLOCKS = 32
MAX_AHEAD_BLOCKS = 8


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file of this machine."""

    name: str
    size: int
    path: Path

    def open(self) -> BinaryIO:
        """Open for reading."""
        try:
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise NotFoundError("The file is no longer there", where=self.name) from error


@dataclass(frozen=True, slots=True)
class RangeSource:
    """A file that is read by ranges.

    Attributes
    ----------
    name : as the user gave it
    size : bytes
    fetch : gives the bytes from a start up to, not including, an end
    """

    name: str
    size: int
    fetch: Callable[[int, int], bytes]

    def open(self) -> BinaryIO:
        """Open for reading; blocks of 1 MiB are kept, and more are fetched at once where reading goes on in order."""
        return cast(BinaryIO, io.BufferedReader(RangeReader(self.fetch, self.size), 1 << 16))


class RangeReader(io.RawIOBase):
    """A seekable file on top of range requests, with the last blocks in memory (at most 32 MiB)."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block = 0
        self._ahead = 1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("negative seek position")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # typeshed has no name for 'any buffer' before 3.12
        if self._at >= self._size or not view:
            return 0
        number, skip = divmod(self._at, BLOCK_BYTES)
        piece = self._block(number)[skip : skip + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        self._ahead = min(2 * self._ahead, MAX_AHEAD_BLOCKS) if number == self._next_block else 1
        start = number * BLOCK_BYTES
        data = self._fetch(start, min(self._size, start + self._ahead * BLOCK_BYTES))
        if not data:
            raise NotFoundError("The file became shorter while it was read")
        for i in reversed(range(0, len(data), BLOCK_BYTES)):
            self._blocks[number + i // BLOCK_BYTES] = data[i : i + BLOCK_BYTES]
        while len(self._blocks) > MAX_BLOCKS:
            self._blocks.popitem(last=False)
        self._next_block = number + self._ahead
        return self._blocks[number]
