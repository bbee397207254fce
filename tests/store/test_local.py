"""The store in a folder: the conformance suite, and what only a folder can do wrong."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cytosol.base.errors import InvalidInputError, UnavailableError
from cytosol.base.settings import load_settings
from cytosol.store.blobs import open_store
from cytosol.store.handles import MAX_OPEN
from cytosol.store.local import FolderBlobStore
from cytosol.store.paths import STAGING
from tests.conformance.store import BlobStoreSuite, listed


@pytest.fixture
def store(tmp_path: Path) -> FolderBlobStore:
    return FolderBlobStore(tmp_path / "store")


class TestFolderBlobStore(BlobStoreSuite):
    """Runs the suite."""


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_hot_files_stay_open_and_no_more_than_allowed(store: FolderBlobStore) -> None:
    before = open_descriptors()
    for i in range(MAX_OPEN + 50):
        await store.put(f"f/{i}", b"x" * 10, durable=False)
        store.read(f"f/{i}", 0, 5)
    assert open_descriptors() - before <= MAX_OPEN + 2
    await store.delete_prefix("f")
    assert open_descriptors() - before <= 2


async def test_a_small_read_of_a_hot_file_costs_microseconds(store: FolderBlobStore) -> None:
    await store.put("frames", os.urandom(4 << 20))
    store.read("frames", 0, 20_000)
    rounds = []
    for _ in range(20):
        start = time.perf_counter()
        for i in range(100):
            store.read("frames", i * 20_000, 20_000)
        rounds.append((time.perf_counter() - start) / 100)
    assert min(rounds) < 100e-6


async def test_a_file_replaced_by_another_process_is_noticed(store: FolderBlobStore) -> None:
    await store.put("x", b"old")
    assert store.read("x", 0, 10) == b"old"
    other = pickle.loads(pickle.dumps(store))
    await other.put("x", b"newer")
    assert store.read("x", 0, 10) == b"newer"


async def test_a_deleted_folder_is_out_of_sight_even_if_the_removal_was_cut_off(store: FolderBlobStore) -> None:
    await store.put("d/1", b"123")
    place = store.local_path("d")
    assert place is not None
    place.rename(place.parent / STAGING / "half-removed")
    assert await listed(store, "") == {}
    assert await store.sweep() == 3
    assert list((place.parent / STAGING).iterdir()) == []


async def test_sweep_takes_orphans_and_leaves_live_writers(store: FolderBlobStore) -> None:
    script = """
import sys, time
from pathlib import Path
from cytosol.store.local import FolderBlobStore
import os
staged = FolderBlobStore(Path(sys.argv[1])).stage()
os.write(staged.fd, b'x' * 1000)
print('staged', flush=True)
time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", script, str(store.root)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"staged\n"
        mine = store.stage()
        assert await store.sweep() == 0
        assert len(list((store.root / STAGING).iterdir())) == 2
        child.kill()
        child.wait()
        assert await store.sweep() == 1000
        assert [str(path) for path in (store.root / STAGING).iterdir()] == [mine.place]
    finally:
        child.kill()
        child.communicate()


async def test_a_killed_writer_leaves_no_blob(store: FolderBlobStore) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from cytosol.store.local import FolderBlobStore
async def endless():
    while True:
        yield bytes(1 << 20)
        print('piece', flush=True)
asyncio.run(FolderBlobStore(Path(sys.argv[1])).put('big', endless()))
"""
    child = subprocess.Popen([sys.executable, "-c", script, str(store.root)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    for _ in range(5):
        child.stdout.readline()
    child.kill()
    child.communicate()
    assert await listed(store, "") == {}
    assert await store.sweep() > 0
    assert list((store.root / STAGING).iterdir()) == []


async def test_a_blob_cannot_replace_a_folder(store: FolderBlobStore) -> None:
    await store.put("a/b", b"1")
    with pytest.raises(InvalidInputError):
        await store.put("a", b"2")
    with pytest.raises(InvalidInputError):
        await store.put("a/b/c", b"2")
    assert await listed(store, "") == {"a/b": 1}


async def test_open_store_makes_the_folder(tmp_path: Path) -> None:
    store = open_store(load_settings(data=tmp_path / "data"))
    await store.put("x", b"1")
    assert (tmp_path / "data" / "store" / "x").read_bytes() == b"1"


def test_open_store_on_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(UnavailableError, match="not a folder"):
        open_store(load_settings(data=tmp_path))


def test_open_store_on_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be"):
        open_store(load_settings(data=tmp_path, store="/proc/cytosol-store"))


@pytest.mark.parametrize("url", ["http://x/y", "s3://", "s3:///prefix", "s3://b/../c", "gs://b", "s3://key:secret@b/x"])
def test_open_store_refuses_what_is_no_store(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInputError):
        open_store(load_settings(data=tmp_path, store=url))


@pytest.mark.parametrize("times", [1, 5])
async def test_a_folder_that_others_remove_while_it_is_made_is_made_again(
    store: FolderBlobStore, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    make, left = os.mkdir, times

    def mkdir(place: str) -> None:
        nonlocal left
        if place.endswith("/a/b") and left:
            left -= 1
            os.rmdir(os.path.dirname(place))
        make(place)

    monkeypatch.setattr(os, "mkdir", mkdir)
    await store.put("a/b/c", b"x")
    assert await store.get("a/b/c") == b"x"
    assert left == 0


async def test_a_flush_reaches_every_file_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderBlobStore(tmp_path / "store")
    paths = [f"datasets/a/tables/events/X/c/0/{number}" for number in range(40)] + ["datasets/a/zarr.json"]
    for path in paths:
        await store.put(path, b"events", durable=False)
    synced: set[str] = set()
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.add(os.readlink(f"/proc/self/fd/{fd}"))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    await store.flush("datasets/a")
    root = str(store.root)
    folders = ("", "/datasets", "/datasets/a", *(f"/datasets/a/{part}" for part in _parents("tables/events/X/c/0")))
    assert synced == {f"{root}/{path}" for path in paths} | {root + folder for folder in folders}


async def test_a_flush_that_the_disk_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderBlobStore(tmp_path / "store")
    await store.put("datasets/a/zarr.json", b"{}", durable=False)

    def fsync(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UnavailableError, match="Input/output error"):
        await store.flush("datasets/a")


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]
