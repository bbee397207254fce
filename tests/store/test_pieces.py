"""Bodies in pieces: every byte once and in order, on a quick disk and on one that is behind."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cytosol.store import pieces as of_store
from cytosol.store.handles import Handle
from cytosol.store.pieces import pump, write_all
from tests.conformance.store import BrokenLineError, pieces


class Recorder:
    """A disk that is behind for its first ``n_slow`` writes."""

    def __init__(self, n_slow: int) -> None:
        self.n_slow = n_slow
        self.data = bytearray()
        self.threads: set[int] = set()

    def __call__(self, batch: list[bytes]) -> None:
        if self.n_slow:
            self.n_slow -= 1
            time.sleep(2 * of_store.SLOW_S)
        self.threads.add(threading.get_ident())
        for piece in batch:
            self.data += piece


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("n_slow", [0, 1, 3])
async def test_every_byte_is_written_once_and_in_order(n_slow: int, fail: bool) -> None:
    data = os.urandom(5_000_001)
    disk = Recorder(n_slow)
    if fail:
        with pytest.raises(BrokenLineError):
            await pump(pieces(data, 1 << 16, fail=True), disk)
    else:
        await pump(pieces(data, 1 << 16), disk)
    assert bytes(disk.data) == data
    here = threading.get_ident()
    assert here in disk.threads  # a busy machine can make any write slow
    assert n_slow == 0 or disk.threads > {here}


async def test_a_quick_disk_is_written_directly_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_store, "SLOW_S", 0.3)  # a busy machine does not make a quick write as slow as that
    disk = Recorder(1)
    seen = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield bytes(1 << 20)
        disk.threads.clear()
        for _ in range(3):
            yield bytes(1 << 20)
            seen.append(set(disk.threads))

    await pump(body(), disk)
    assert len(disk.data) == 73 << 20
    assert seen[-1] == {threading.get_ident()}


async def test_others_are_served_while_the_disk_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_store, "SLOW_S", 0.1)  # for the same reason
    disk = Recorder(8)
    blocked_s = 0.0

    async def watch() -> None:
        nonlocal blocked_s
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            took = time.perf_counter() - begun
            blocked_s += took if took > of_store.SLOW_S else 0

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    begun = time.perf_counter()
    await pump(pieces(bytes(8 << 20), 1 << 20), disk)
    assert time.perf_counter() - begun > 8 * 2 * of_store.SLOW_S
    watcher.cancel()
    assert blocked_s < 4 * 2 * of_store.SLOW_S  # the first one blocks, and is noticed


async def test_an_error_of_the_disk_is_raised(tmp_path: Path) -> None:
    handle = Handle(str(tmp_path / "x"), os.O_RDONLY | os.O_CREAT)

    def write(batch: list[bytes]) -> None:
        write_all(handle, batch, 0)

    with pytest.raises(OSError, match="Bad file descriptor"):
        await pump(pieces(b"123", 1), write)


def test_thousands_of_small_pieces_at_once(tmp_path: Path) -> None:
    handle = Handle(str(tmp_path / "x"), os.O_RDWR | os.O_CREAT)
    batch = [bytes([i % 256]) * (i % 5) for i in range(5000)]
    write_all(handle, batch, 7)
    assert (tmp_path / "x").read_bytes() == bytes(7) + b"".join(batch)
