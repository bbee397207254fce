"""Checksums: of a whole file in one pass, and CRC-32C of pieces on their way in."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import google_crc32c

from cytosol.store.handles import Handle

PIECE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Digest:
    """Size and checksums of a file.

    Attributes
    ----------
    size : bytes
    sha256, md5 : lower-case hex digits
    crc32c : unsigned 32-bit number (Castagnoli)
    """

    size: int
    sha256: str
    md5: str
    crc32c: int


def crc32c(data: bytes, start: int = 0) -> int:
    """CRC-32C of ``data``, going on from the checksum ``start`` of what came before."""
    return int(google_crc32c.extend(start, data))


class Digester:
    """Computes all checksums of a file in one pass; MD5, the slowest, on a thread of its own."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = 0
        self._size = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="md5")

    def update(self, data: bytes) -> None:
        """Take the next bytes of the file."""
        slowest = self._thread.submit(self._md5.update, data)
        self._sha256.update(data)
        self._crc32c = crc32c(data, self._crc32c)
        self._size += len(data)
        slowest.result()

    def digest(self) -> Digest:
        """The checksums of what came so far."""
        return Digest(self._size, self._sha256.hexdigest(), self._md5.hexdigest(), self._crc32c)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()


def digest_handle(handle: Handle) -> Digest:
    """Read an open file from its start to its end and compute its checksums."""
    with Digester() as digester:
        offset = 0
        while piece := os.pread(handle.fd, PIECE_BYTES, offset):
            digester.update(piece)
            offset += len(piece)
        return digester.digest()
