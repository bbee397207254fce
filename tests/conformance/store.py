"""What every blob store has to do. A backend's test file gives the fixture ``store`` and inherits the class."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import new_key
from cytosol.store.originals import digest_blob
from cytosol.store.records import STREAM_BYTES, BlobStore

MIB = 1 << 20


class BrokenLineError(Exception):
    """A client that went away."""


async def pieces(data: bytes, size: int, *, fail: bool = False) -> AsyncIterator[bytes]:
    """A body in pieces, which breaks at the end where asked to."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
        await asyncio.sleep(0)
    if fail:
        raise BrokenLineError


async def listed(store: BlobStore, prefix: str) -> dict[str, int]:
    """Paths and sizes below a prefix; a path that comes twice fails."""
    found = [(info.path, info.size) async for info in store.list(prefix)]
    assert len(found) == len(dict(found))
    return dict(found)


class BlobStoreSuite:
    """Tests of the interface ``BlobStore``."""

    # whole blobs

    @pytest.mark.parametrize("size", [0, 1, 70_000, 9 * MIB + 1])
    async def test_put_of_bytes_is_read_back(self, store: BlobStore, size: int) -> None:
        data = os.urandom(size)
        info = await store.put("a/b", data)
        assert (info.path, info.size) == ("a/b", size)
        assert info == await store.stat("a/b")
        assert await store.get("a/b") == data
        assert store.read("a/b", 0, size + 1) == data
        assert (await digest_blob(store, "a/b")).size == size

    @pytest.mark.parametrize("size", [0, 1, 70_000, 40 * MIB + 3])
    async def test_put_of_a_stream_is_read_back(self, store: BlobStore, size: int) -> None:
        data = os.urandom(size)
        info = await store.put("a/stream", pieces(data, 1 << 16))
        assert info.size == size
        assert await store.get("a/stream") == data

    @pytest.mark.parametrize("move", [False, True])
    async def test_put_of_a_file(self, store: BlobStore, tmp_path: Path, move: bool) -> None:
        local = tmp_path / "local"
        data = os.urandom(20 * MIB)
        local.write_bytes(data)
        info = await store.put_file("a/file", local, move=move)
        assert info.size == len(data)
        assert await store.get("a/file") == data
        assert local.exists() is not move
        assert set(await listed(store, "")) == {"a/file"}

    async def test_overwrite_replaces_content_and_etag(self, store: BlobStore) -> None:
        first = await store.put("a", b"first content")
        assert store.read("a", 0, 100) == b"first content"
        second = await store.put("a", b"second")
        assert first.etag != second.etag
        assert store.read("a", 0, 100) == b"second"
        assert await store.get("a") == b"second"
        assert await listed(store, "") == {"a": 6}

    async def test_absent_blobs(self, store: BlobStore) -> None:
        await store.put("there/x", b"1")
        for path in ("no", "no/no", "there", "there/x/y", "there/xx"):
            assert await store.stat(path) is None
            with pytest.raises(NotFoundError):
                await store.get(path)
            with pytest.raises(NotFoundError):
                await store.get(path, 3, 3)
            with pytest.raises(NotFoundError):
                store.read(path, 0, 5)
            with pytest.raises(NotFoundError):
                store.source(path, "x")
            with pytest.raises(NotFoundError):
                [piece async for piece in store.stream(path)]
            await store.delete(path)
        assert await listed(store, "") == {"there/x": 1}

    async def test_modified_time_is_now(self, store: BlobStore) -> None:
        from cytosol.base.times import now_us

        info = await store.put("a", b"1")
        assert abs(info.modified_us - now_us()) < 5_000_000

    # ranges

    @pytest.mark.parametrize(
        ("start", "end"),
        [(0, None), (0, 1), (10, 20), (5, 5), (2999_990, None), (2999_990, 9999_999), (3_000_000, None),
         (3_000_000, 3_000_001), (4_000_000, 5_000_000), (20, 10)]
    )  # fmt: skip
    async def test_ranges(self, store: BlobStore, start: int, end: int | None) -> None:
        data = np.random.default_rng(1).integers(0, 256, 3_000_000, np.uint8).tobytes()
        await store.put("ranges", data)
        expected = data[start:end]
        assert await store.get("ranges", start, end) == expected
        got = [piece async for piece in store.stream("ranges", start, end)]
        assert b"".join(got) == expected
        assert all(len(piece) == STREAM_BYTES for piece in got[:-1])
        if end is not None and end >= start:
            assert store.read("ranges", start, end - start) == expected

    async def test_ranges_of_an_empty_blob(self, store: BlobStore) -> None:
        await store.put("empty", b"")
        assert await store.get("empty", 0, 10) == b""
        assert await store.get("empty", 5) == b""
        assert store.read("empty", 0, 10) == b""
        with store.source("empty", "x").open() as file:
            assert file.read() == b""

    async def test_negative_ranges_are_a_bug_of_the_caller(self, store: BlobStore) -> None:
        await store.put("a", b"123")
        with pytest.raises(ValueError, match="range"):
            store.read("a", -1, 2)
        with pytest.raises(ValueError, match="range"):
            await store.get("a", -1, 2)

    async def test_reads_from_many_threads(self, store: BlobStore) -> None:
        n_files, length = 12, 50_000
        for i in range(n_files):
            await store.put(f"hot/{i}", bytes([i]) * length)

        def read(k: int) -> bool:
            i, start = k % n_files, k % 100
            return store.read(f"hot/{i}", start, 2000) == bytes([i]) * 2000

        with ThreadPoolExecutor(8) as threads:
            assert all(await asyncio.to_thread(lambda: list(threads.map(read, range(800)))))

    # whole or absent

    @pytest.mark.parametrize("size", [0, 100, 3 * MIB, 30 * MIB])
    async def test_a_put_that_breaks_leaves_nothing(self, store: BlobStore, size: int) -> None:
        with pytest.raises(BrokenLineError):
            await store.put("new/blob", pieces(bytes(size), 1 << 16, fail=True))
        assert await store.stat("new/blob") is None
        assert await listed(store, "") == {}
        assert await store.sweep() == 0

    async def test_a_put_that_breaks_keeps_what_was_there(self, store: BlobStore) -> None:
        await store.put("kept", b"before")
        with pytest.raises(BrokenLineError):
            await store.put("kept", pieces(bytes(20 * MIB), 1 << 16, fail=True))
        assert await store.get("kept") == b"before"

    async def test_a_cancelled_put_leaves_nothing(self, store: BlobStore) -> None:
        begun = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield bytes(1 << 16)
                begun.set()
                await asyncio.sleep(0.001)

        task = asyncio.create_task(store.put("cancelled", endless()))
        await begun.wait()
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await listed(store, "") == {}

    async def test_readers_never_see_half_a_blob(self, store: BlobStore) -> None:
        size = 2 * MIB
        await store.put("swap", bytes(size))
        stop = threading.Event()
        bad: list[str] = []

        def watch() -> None:
            while not stop.is_set():
                data = store.read("swap", 0, size + 1)
                if len(data) != size or len(set(data[:: size // 64])) != 1:
                    bad.append(f"{len(data)} bytes")

        watcher = asyncio.get_running_loop().run_in_executor(None, watch)
        for value in range(1, 9):
            await store.put("swap", pieces(bytes([value]) * size, 1 << 18))
        stop.set()
        await watcher
        assert bad == []

    async def test_concurrent_puts_of_one_path(self, store: BlobStore) -> None:
        contents = [bytes([i]) * 300_000 for i in range(8)]
        await asyncio.gather(*(store.put("one", pieces(data, 1 << 14)) for data in contents))
        assert await store.get("one") in contents
        assert await listed(store, "") == {"one": 300_000}

    async def test_concurrent_puts_and_deletes_below_one_prefix(self, store: BlobStore) -> None:
        async def work(i: int) -> None:
            for _ in range(5):
                await store.put(f"deep/{i % 3}/{i}", b"x")
                await store.delete(f"deep/{i % 3}/{i}")
            await store.put(f"deep/{i % 3}/{i}", b"y")

        await asyncio.gather(*(work(i) for i in range(12)))
        assert await listed(store, "deep") == {f"deep/{i % 3}/{i}": 1 for i in range(12)}

    # listing and removing

    async def test_listing_of_more_than_a_thousand(self, store: BlobStore) -> None:
        names = [f"many/{i % 7}/{i}" for i in range(1203)]
        for start in range(0, len(names), 200):
            await asyncio.gather(*(store.put(name, b"xy", durable=False) for name in names[start : start + 200]))
        assert await listed(store, "many") == dict.fromkeys(names, 2)
        assert await store.used_bytes("many") == 2406
        assert set(await listed(store, "many/3")) == {name for name in names if name.startswith("many/3/")}
        assert await store.delete_prefix("many") == 2406
        assert await listed(store, "") == {}

    async def test_a_prefix_is_a_folder(self, store: BlobStore) -> None:
        for path in ("a/b/c", "a/bc", "ab", "a/b/d/e"):
            await store.put(path, b"1")
        assert set(await listed(store, "a/b")) == {"a/b/c", "a/b/d/e"}
        assert set(await listed(store, "a")) == {"a/b/c", "a/bc", "a/b/d/e"}
        assert set(await listed(store, "")) == {"a/b/c", "a/bc", "ab", "a/b/d/e"}
        assert await listed(store, "ab") == {}
        assert await listed(store, "nothing") == {}
        assert await store.used_bytes("a/b") == 2
        assert await store.used_bytes("") == 4

    async def test_delete_prefix(self, store: BlobStore) -> None:
        for path in ("a/b/c", "a/bc", "a/b/d/e"):
            await store.put(path, b"123")
        store.read("a/b/c", 0, 3)
        assert await store.delete_prefix("a/b") == 6
        assert await listed(store, "") == {"a/bc": 3}
        with pytest.raises(NotFoundError):
            store.read("a/b/c", 0, 3)
        assert await store.delete_prefix("a/b") == 0
        assert await store.delete_prefix("a/bc") == 0
        assert await listed(store, "") == {"a/bc": 3}

    async def test_everything_cannot_be_deleted_by_an_empty_prefix(self, store: BlobStore) -> None:
        with pytest.raises(InvalidInputError):
            await store.delete_prefix("")

    async def test_delete(self, store: BlobStore) -> None:
        await store.put("x/y", b"1")
        await store.delete("x/y")
        await store.delete("x/y")
        assert await store.stat("x/y") is None
        await store.put("x", b"a blob where a folder was")
        assert await store.get("x") == b"a blob where a folder was"

    # paths

    @pytest.mark.parametrize(
        "path",
        ["", "/a", "a//b", "a/", "..", "a/../b", "a/..", ".", "./a", "a/.", "a\\b", "a\x00b", "a\nb", "a\x7f",
         "\x1b[0m", "a\u0085b", "\ud800", "x" * 256, "é" * 128, "/".join(["y" * 100] * 11), ".staging", ".staging/a"],
    )  # fmt: skip
    async def test_paths_that_are_refused(self, store: BlobStore, path: str) -> None:
        for call in (store.put(path, b"1"), store.get(path), store.stat(path), store.delete(path), store.flush(path)):
            with pytest.raises(InvalidInputError):
                await call
        with pytest.raises(InvalidInputError):
            await store.put(path, pieces(b"1", 1))
        with pytest.raises(InvalidInputError):
            store.read(path, 0, 1)
        with pytest.raises(InvalidInputError):
            store.source(path, "x")
        with pytest.raises(InvalidInputError):
            store.zarr(path, read_only=True)
        with pytest.raises(InvalidInputError):
            store.local_path(path)
        if path:
            with pytest.raises(InvalidInputError):
                await listed(store, path)
        assert await listed(store, "") == {}

    @pytest.mark.parametrize(
        "path",
        ["Zelltyp/größe", "细胞/类型", "e\u0301", "a b", "50%", "%2e%2e", "a+b", "q?x=1#y", "..a", "a..", "...",
         "\uff0e\uff0e", "[x]{y}", 'it\'s "q"', "~", "*", "|", "x" * 255, "🧬"],
    )  # fmt: skip
    async def test_paths_that_are_plain_names(self, store: BlobStore, path: str) -> None:
        await store.put(path, b"named")
        await store.put(f"below/{path}", pieces(b"named below", 3))
        assert await store.get(path) == b"named"
        assert await listed(store, "") == {path: 5, f"below/{path}": 11}
        assert (await store.stat(f"below/{path}")).size == 11
        await store.delete(path)
        assert await store.delete_prefix("below") == 11

    # as files and as arrays

    async def test_h5py_reads_a_source(self, store: BlobStore, tmp_path: Path) -> None:
        local = tmp_path / "x.h5"
        values = np.random.default_rng(2).integers(0, 1000, (2000, 700), np.int32)
        with h5py.File(local, "w") as file:
            file.create_dataset("m/values", data=values, chunks=(100, 100), compression="gzip")
            file["text"] = "größe"
        await store.put_file("h5", local)
        source = store.source("h5", "folder/x.h5")
        assert (source.name, source.size) == ("folder/x.h5", local.stat().st_size)

        def read() -> None:
            with source.open() as raw, h5py.File(raw, "r") as file:
                assert file["text"][()].decode() == "größe"
                np.testing.assert_array_equal(file["m/values"][150:1333, 50:690], values[150:1333, 50:690])
                np.testing.assert_array_equal(file["m/values"][:], values)

        await asyncio.to_thread(read)

    async def test_a_source_seeks_like_a_file(self, store: BlobStore) -> None:
        data = np.random.default_rng(3).integers(0, 256, 40 * MIB + 77, np.uint8).tobytes()
        await store.put("big", data)
        with store.source("big", "x").open() as file:
            assert file.seekable()
            assert file.readable()
            assert file.read(10) == data[:10]
            assert file.seek(-7, os.SEEK_END) == len(data) - 7
            assert file.read() == data[-7:]
            assert file.read(5) == b""
            assert file.seek(3 * MIB - 5) == 3 * MIB - 5
            assert file.read(10) == data[3 * MIB - 5 : 3 * MIB + 5]
            assert file.seek(-4, os.SEEK_CUR) == 3 * MIB + 1
            assert file.tell() == 3 * MIB + 1
            buffer = bytearray(100_000)
            assert file.readinto(buffer) == 100_000
            assert bytes(buffer) == data[3 * MIB + 1 :][:100_000]
            file.seek(0)
            assert file.read() == data

    async def test_zarr_group_round_trip(self, store: BlobStore) -> None:
        prefix = f"datasets/{new_key().hex24}"
        values = np.random.default_rng(4).normal(size=(300, 20)).astype("f4")

        def write() -> None:
            root = zarr.open_group(store.zarr(prefix, read_only=False), mode="w", zarr_format=3)
            root.attrs["cytosol"] = {"format": 1}
            group = root.create_group("tables/table/obsm")
            array = group.create_array("X_größe", shape=values.shape, chunks=(64, 20), dtype="f4")
            array[:] = values

        def read() -> np.ndarray:
            root = zarr.open_group(store.zarr(prefix, read_only=True), mode="r")
            assert root.attrs["cytosol"] == {"format": 1}
            assert sorted(name for name, _ in root["tables/table"].members()) == ["obsm"]
            return root["tables/table/obsm/X_größe"][10:200]

        await asyncio.to_thread(write)
        await store.flush(prefix)
        np.testing.assert_array_equal(await asyncio.to_thread(read), values[10:200])
        found = await listed(store, prefix)
        assert f"{prefix}/zarr.json" in found
        assert f"{prefix}/tables/table/obsm/X_größe/c/0/0" in found
        assert await store.delete_prefix(prefix) == sum(found.values())

    async def test_a_zarr_store_for_reading_refuses_writes(self, store: BlobStore) -> None:
        with pytest.raises(ValueError, match=r"read.only"):
            zarr.open_group(store.zarr("ro", read_only=True), mode="w")
        assert await listed(store, "") == {}

    async def test_free_bytes(self, store: BlobStore) -> None:
        free = await store.free_bytes()
        assert (free is None) == (store.local_path("x") is None)
        assert free is None or free > 0
