"""Bodies that arrive in pieces: counted, checked and written while the next ones arrive."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable

from cytosol.base.errors import InvalidInputError, LimitExceededError
from cytosol.store.digests import crc32c
from cytosol.store.handles import Handle

BATCH_BYTES = 1 << 20
SLOW_S = 0.02
"""A write that takes longer has met a disk that is behind."""
ASIDE_BYTES = 64 << 20
"""So many bytes go through a thread before the disk gets another try."""
_MAX_VECTORS = 1000


def write_all(handle: Handle, pieces: list[bytes], offset: int) -> None:
    """Write pieces one after another from ``offset`` on."""
    if len(pieces) > _MAX_VECTORS:
        pieces = [b"".join(pieces)]
    expected = sum(map(len, pieces))
    written = os.pwritev(handle.fd, pieces, offset)
    if written < expected:
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            n = os.pwrite(handle.fd, rest, offset + written)
            written += n
            rest = rest[n:]


async def pump(body: AsyncIterator[bytes], write: Callable[[list[bytes]], None]) -> None:
    """Hand the pieces of a body to ``write`` as they arrive.

    A write into the system's cache takes microseconds, less than handing it to a thread. Once one takes longer, the
    disk is behind: then the next pieces go in batches on a thread, while others are served.

    Whatever ends the body, the batches that were begun are finished before this returns or raises, and what had
    arrived is written; so the caller may clean up or keep it.
    """
    loop = asyncio.get_running_loop()
    running: asyncio.Future[None] | None = None
    batch: list[bytes] = []
    n_bytes = 0
    aside_bytes = 0
    try:
        async for piece in body:
            if aside_bytes <= 0:
                begun = time.perf_counter()
                write([piece])
                if time.perf_counter() - begun > SLOW_S:
                    aside_bytes = ASIDE_BYTES
                continue
            batch.append(piece)
            n_bytes += len(piece)
            if n_bytes >= BATCH_BYTES:
                if running is not None:
                    await running
                running = loop.run_in_executor(None, write, batch)
                aside_bytes -= n_bytes
                batch, n_bytes = [], 0
                if aside_bytes <= 0:
                    await running
    finally:
        if running is not None:
            await running
        if batch:
            await loop.run_in_executor(None, write, batch)


class CheckedBody:
    """Passes a body on, counts it, computes its CRC-32C and holds it to its limit.

    Parameters
    ----------
    body : the pieces
    max_bytes : more raises LimitExceededError, which names ``max_chunk_bytes``
    expected_size : fewer raises InvalidInputError; None = whatever comes
    expected_crc32c : another one raises InvalidInputError; None = not checked
    """

    def __init__(
        self, body: AsyncIterator[bytes], *, max_bytes: int, expected_size: int | None, expected_crc32c: int | None
    ) -> None:
        self._body = body
        self._max_bytes = max_bytes
        self._expected_size = expected_size
        self._expected_crc32c = expected_crc32c
        self.size = 0
        self.crc32c = 0

    @staticmethod
    def refused(error: Exception) -> bool:
        """Whether this is an error for which nothing of the body may stay: not one of the line that broke."""
        return isinstance(error, LimitExceededError | InvalidInputError)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            self.size += len(piece)
            if self.size > self._max_bytes:
                raise LimitExceededError(
                    f"The body is larger than {self._max_bytes:,} bytes",
                    do="Send the file in smaller chunks",
                    setting="max_chunk_bytes",
                )
            self.crc32c = crc32c(piece, self.crc32c)
            yield piece
        self._check()

    def _check(self) -> None:
        if self._expected_size is not None and self.size != self._expected_size:
            raise InvalidInputError(
                f"{self.size:,} bytes arrived, {self._expected_size:,} were announced", do="Send these bytes again"
            )
        if self._expected_crc32c is not None and self.crc32c != self._expected_crc32c:
            raise InvalidInputError(
                f"The bytes changed on their way: their CRC-32C is {self.crc32c:08x}, not {self._expected_crc32c:08x}",
                do="Send these bytes again",
            )
