"""Uploads, on local disk and in a bucket: late, twice, out of order, broken off, resumed, damaged."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cytosol.base.errors import ConflictError, DamagedDataError, InvalidInputError, LimitExceededError
from cytosol.base.keys import new_key
from cytosol.store import uploads
from cytosol.store.digests import Digest
from cytosol.store.local import FolderBlobStore
from cytosol.store.records import BlobStore
from cytosol.store.s3 import S3BlobStore
from tests.conformance.store import BrokenLineError, listed, pieces
from tests.store.test_s3 import bucket_of

MIB = 1 << 20
LIMIT = 100 * MIB
CALM = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return FolderBlobStore(tmp_path / "store")
    return S3BlobStore(bucket_of(request.getfixturevalue("s3_server")))


def digest_of(data: bytes) -> Digest:
    """By the standard library, in the plainest way."""
    return Digest(len(data), hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest(), google_crc32c.value(data))


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[bytes], list[tuple[int, bytes, int]]]:
    """Chunks of a file, and an order of arrivals: each at least once, some before with other content or again."""
    seed = draw(st.integers(0, 2**32 - 1))
    sizes = draw(st.lists(st.sampled_from([0, 1, 2, 100, 4096, 65_536, 70_001]), min_size=0, max_size=8))
    chunks = [hashlib.shake_256(f"{seed}-{n}".encode()).digest(size) for n, size in enumerate(sizes)]
    order = draw(st.permutations(range(len(chunks))))
    arrivals = []
    for n in order:
        piece = draw(st.sampled_from([1 << 16, 1000, 33]))
        for _ in range(draw(st.integers(0, 2))):
            stale = draw(st.booleans())
            arrivals.append((n, b"stale" * 100 if stale else chunks[n], piece))
        arrivals.append((n, chunks[n], piece))
    return chunks, arrivals


@settings(max_examples=40, deadline=None, suppress_health_check=CALM)
@given(delivery=deliveries())
async def test_chunks_in_any_order_and_repeated_make_the_same_file(
    store: BlobStore, delivery: tuple[list[bytes], list[tuple[int, bytes, int]]]
) -> None:
    chunks, arrivals = delivery
    upload, key = new_key(), new_key()
    infos = {}
    for n, data, piece in arrivals:
        infos[n] = await uploads.write_chunk(
            store, upload, n, pieces(data, piece), max_bytes=LIMIT, expected_crc32c=google_crc32c.value(data)
        )
        assert (infos[n].size, infos[n].crc32c) == (len(data), google_crc32c.value(data))
    assert await uploads.list_chunks(store, upload) == {n: len(data) for n, data in enumerate(chunks)}
    destination = f"originals/{key.hex24}"
    digest = await uploads.assemble(store, upload, len(chunks), destination, expected=list(infos.values()))
    assert digest == digest_of(b"".join(chunks))
    assert await store.get(destination) == b"".join(chunks)
    assert digest == await uploads.assemble(store, upload, len(chunks), destination)  # again, after a crash
    await uploads.drop(store, upload)
    assert await listed(store, f"uploads/{upload.hex24}") == {}
    assert await store.get(destination) == b"".join(chunks)


async def test_large_chunks(store: BlobStore) -> None:
    upload = new_key()
    data = os.urandom(45 * MIB + 13)
    for n in (1, 0, 2):
        await uploads.write_chunk(store, upload, n, pieces(data[n * 20 * MIB :][: 20 * MIB], 1 << 16), max_bytes=LIMIT)
    assert await uploads.assemble(store, upload, 3, "originals/x") == digest_of(data)
    assert await store.get("originals/x") == data


async def test_chunks_at_the_same_time(store: BlobStore) -> None:
    upload = new_key()
    chunks = [os.urandom(300_000) for _ in range(10)]
    await asyncio.gather(
        *(
            uploads.write_chunk(store, upload, n, pieces(data, 1 << 14), max_bytes=LIMIT)
            for n, data in [*enumerate(chunks), *enumerate(chunks)]
        )
    )
    assert await uploads.assemble(store, upload, 10, "o/x") == digest_of(b"".join(chunks))


async def test_a_chunk_over_the_limit_leaves_nothing_and_names_the_setting(store: BlobStore) -> None:
    upload = new_key()
    with pytest.raises(LimitExceededError) as caught:
        await uploads.write_chunk(store, upload, 0, pieces(bytes(3 * MIB), 1 << 16), max_bytes=3 * MIB - 1)
    assert caught.value.details["setting"] == "max_chunk_bytes"
    assert await listed(store, "") == {}
    await uploads.write_chunk(store, upload, 0, pieces(bytes(3 * MIB), 1 << 16), max_bytes=3 * MIB)


@pytest.mark.parametrize(("size", "fail", "crc"), [(None, True, None), (MIB + 1, False, None), (None, False, 1)])
async def test_a_bad_chunk_leaves_the_one_before(
    store: BlobStore, size: int | None, fail: bool, crc: int | None
) -> None:
    upload = new_key()

    async def send() -> None:
        await uploads.write_chunk(
            store, upload, 5, pieces(bytes(MIB), 1 << 16, fail=fail), max_bytes=LIMIT, expected_size=size,
            expected_crc32c=crc,
        )  # fmt: skip

    with pytest.raises((BrokenLineError, InvalidInputError)):
        await send()
    assert await listed(store, "") == {}
    await uploads.write_chunk(store, upload, 5, pieces(b"good", 4), max_bytes=LIMIT)
    with pytest.raises((BrokenLineError, InvalidInputError)):
        await send()
    assert await store.get(f"uploads/{upload.hex24}/5") == b"good"


async def test_missing_chunks_are_named(store: BlobStore) -> None:
    upload = new_key()
    for n in (0, 3):
        await uploads.write_chunk(store, upload, n, pieces(b"x", 1), max_bytes=LIMIT)
    with pytest.raises(ConflictError, match="3 of 5 chunks have not arrived: 1, 2, 4") as caught:
        await uploads.assemble(store, upload, 5, "o/x")
    assert caught.value.details["missing"] == [1, 2, 4]
    with pytest.raises(ConflictError):
        await uploads.assemble(store, new_key(), 1, "o/x")
    with pytest.raises(ConflictError):
        await uploads.assemble(store, new_key(), None, "o/x")
    with pytest.raises(InvalidInputError):
        await uploads.write_chunk(store, upload, -1, pieces(b"x", 1), max_bytes=LIMIT)
    assert await store.stat("o/x") is None


@pytest.mark.parametrize("n_chunks", [1, 2])
async def test_a_chunk_that_was_damaged_on_disk_is_noticed(store: BlobStore, n_chunks: int) -> None:
    upload = new_key()
    infos = [
        await uploads.write_chunk(store, upload, n, pieces(b"content", 3), max_bytes=LIMIT) for n in range(n_chunks)
    ]
    await store.put(f"uploads/{upload.hex24}/0", b"c0ntent")
    with pytest.raises(DamagedDataError):
        await uploads.assemble(store, upload, n_chunks, "o/x", expected=infos)
    assert await store.stat("o/x") is None


# raw bodies


@settings(max_examples=25, deadline=None, suppress_health_check=CALM)
@given(
    bodies=st.lists(
        st.tuples(st.sampled_from([0, 1, 1000, 66_000, 1_500_000]), st.floats(0, 1), st.booleans()), max_size=6
    )
)
async def test_a_raw_upload_that_breaks_and_goes_on(store: BlobStore, bodies: list[tuple[int, float, bool]]) -> None:
    upload = new_key()
    total = sum(size for size, _, _ in bodies)
    data = hashlib.shake_256(upload).digest(total)
    goal = 0
    for size, back, fail in bodies:
        goal += size
        stands = await uploads.received(store, upload)
        offset = int(stands * back)  # go on at the end, or repeat some
        body = pieces(data[offset:goal], 50_000, fail=fail)
        if fail:
            with pytest.raises(BrokenLineError):
                await uploads.write_at(store, upload, offset, body, max_bytes=LIMIT)
            assert await uploads.received(store, upload) == goal
        else:
            written = await uploads.write_at(store, upload, offset, body, max_bytes=LIMIT)
            assert written == uploads.WrittenRange(offset, goal - offset, google_crc32c.value(data[offset:goal]), goal)
    if total:
        assert await uploads.assemble(store, upload, None, "o/x") == digest_of(data)
        assert await store.get("o/x") == data
    await uploads.drop(store, upload)
    assert await listed(store, "uploads") == {}


async def test_a_large_raw_upload(store: BlobStore) -> None:
    upload, data = new_key(), os.urandom(50 * MIB + 1)
    await uploads.write_at(store, upload, 0, pieces(data[: 40 * MIB], 1 << 16), max_bytes=LIMIT)
    await uploads.write_at(store, upload, 40 * MIB, pieces(data[40 * MIB :], 1 << 16), max_bytes=LIMIT)
    assert await uploads.assemble(store, upload, None, f"originals/{upload.hex24}") == digest_of(data)
    assert await store.get(f"originals/{upload.hex24}") == data


async def test_an_empty_raw_body_is_an_empty_file(store: BlobStore) -> None:
    upload, destination = new_key(), f"originals/{new_key().hex24}"
    with pytest.raises(ConflictError, match="Nothing of this upload"):
        await uploads.assemble(store, upload, None, destination)
    written = await uploads.write_at(store, upload, 0, pieces(b"", 1), max_bytes=LIMIT)
    assert (written.size, written.received) == (0, 0)
    assert await uploads.assemble(store, upload, None, destination) == digest_of(b"")
    assert await store.get(destination) == b""


async def test_a_gap_is_refused_and_says_where_to_go_on(store: BlobStore) -> None:
    upload = new_key()
    await uploads.write_at(store, upload, 0, pieces(b"12345", 2), max_bytes=LIMIT)
    with pytest.raises(ConflictError) as caught:
        await uploads.write_at(store, upload, 6, pieces(b"7", 1), max_bytes=LIMIT)
    assert caught.value.details["received"] == 5
    assert await uploads.received(store, upload) == 5
    with pytest.raises(InvalidInputError):
        await uploads.write_at(store, upload, -1, pieces(b"7", 1), max_bytes=LIMIT)


@pytest.mark.parametrize(("max_bytes", "crc"), [(35 * MIB, None), (LIMIT, 7)])
async def test_a_refused_raw_body_leaves_what_was_there(store: BlobStore, max_bytes: int, crc: int | None) -> None:
    upload = new_key()
    await uploads.write_at(store, upload, 0, pieces(b"12345", 2), max_bytes=LIMIT)
    with pytest.raises((LimitExceededError, InvalidInputError)):
        await uploads.write_at(store, upload, 5, pieces(bytes(36 * MIB), MIB), max_bytes=max_bytes, expected_crc32c=crc)
    assert await uploads.received(store, upload) == 5
    assert await store.used_bytes("uploads") == 5


async def test_a_later_body_takes_over_from_one_that_hangs(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path)
    upload = new_key()
    go_on = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield b"a" * 2 * MIB
        yield b"a" * 2 * MIB
        await go_on.wait()
        yield b"X" * 2 * MIB

    old = asyncio.create_task(uploads.write_at(store, upload, 0, hanging(), max_bytes=LIMIT))
    while await uploads.received(store, upload) < 4 * MIB:
        await asyncio.sleep(0.01)
    await uploads.write_at(store, upload, 4 * MIB, pieces(b"b" * 2 * MIB, MIB), max_bytes=LIMIT)
    go_on.set()
    with pytest.raises(ConflictError, match="taken over"):
        await old
    digest = await uploads.assemble(store, upload, None, "o/x")
    assert digest == digest_of(b"a" * 4 * MIB + b"b" * 2 * MIB)


async def test_a_body_that_still_runs_cannot_change_an_assembled_original(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path)
    upload = new_key()
    go_on = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield b"a" * 2 * MIB
        yield b"a"
        await go_on.wait()
        yield b"X" * 2 * MIB

    task = asyncio.create_task(uploads.write_at(store, upload, 0, hanging(), max_bytes=LIMIT))
    while await uploads.received(store, upload) <= 2 * MIB:
        await asyncio.sleep(0.01)
    await uploads.assemble(store, upload, None, "o/x")
    go_on.set()
    with pytest.raises(ConflictError):
        await task
    assert await store.get("o/x") == b"a" * (2 * MIB + 1)


async def test_a_raw_upload_is_moved_not_copied(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path)
    upload = new_key()
    await uploads.write_at(store, upload, 0, pieces(b"12345", 2), max_bytes=LIMIT)
    before = os.stat(tmp_path / "uploads" / upload.hex24 / "data").st_ino
    first = await uploads.assemble(store, upload, None, "o/x")
    assert os.stat(tmp_path / "o" / "x").st_ino == before
    assert await uploads.assemble(store, upload, None, "o/x") == first  # again, after a crash


async def test_a_finish_that_was_cut_off_is_taken_up_again(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path)
    upload = new_key()
    await uploads.write_at(store, upload, 0, pieces(b"12345", 2), max_bytes=LIMIT)
    folder = tmp_path / "uploads" / upload.hex24
    (folder / "data").rename(folder / "data-whole")
    assert await uploads.received(store, upload) == 5
    with pytest.raises(ConflictError, match="being finished"):
        await uploads.write_at(store, upload, 0, pieces(b"X", 1), max_bytes=LIMIT)
    assert await uploads.assemble(store, upload, None, "o/x") == digest_of(b"12345")


async def test_checksums_of_the_standard_check_text(store: BlobStore) -> None:
    upload = new_key()
    await uploads.write_chunk(store, upload, 0, pieces(b"123456789", 9), max_bytes=LIMIT)
    digest = await uploads.assemble(store, upload, 1, "o/x")
    assert digest.crc32c == 0xE3069283  # the check value of CRC-32C
    assert digest.md5 == "25f9e794323b453885f5181f1b624d0b"
    assert digest.sha256 == "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
