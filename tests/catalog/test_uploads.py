"""Uploads: raw bodies, chunks in any order, limits, completion, equal bytes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cytosol.base.errors import (
    ConflictError,
    DamagedDataError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    OutOfSpaceError,
    TooManyError,
)
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.db import rows, tables
from tests.catalog.making import folder_of, pieces
from tests.catalog.people import Bell, People

DATA = bytes(range(256)) * 1000


async def test_a_raw_body_goes_on_where_it_broke_off(catalog: Catalog, people: People) -> None:
    made = await catalog.uploads.create(people.ada, name="a/b.h5ad", size=len(DATA))
    id = made.upload.id

    async def broken() -> AsyncIterator[bytes]:
        yield DATA[:100_000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await catalog.uploads.write_at(people.ada, upload_id=id, offset=0, body=broken())
    assert (await catalog.uploads.get(people.ada, upload_id=id)).received == 100_000
    with pytest.raises(ConflictError, match="100,000"):
        await catalog.uploads.complete(people.ada, upload_id=id)
    assert await catalog.uploads.write_at(people.ada, upload_id=id, offset=100_000, body=pieces(DATA[100_000:])) == len(
        DATA
    )
    original = await catalog.uploads.complete(people.ada, upload_id=id, sha256=hashlib.sha256(DATA).hexdigest())
    assert (original.size, original.md5) == (len(DATA), hashlib.md5(DATA).hexdigest())
    assert original.path == "a/b.h5ad"
    again = await catalog.uploads.complete(people.ada, upload_id=id)
    assert again == original
    assert original.bytes_id is not None
    assert folder_of(catalog, "originals", original.bytes_id.hex24).read_bytes() == DATA
    assert not folder_of(catalog, "uploads", id.hex24).exists()
    with pytest.raises(ConflictError, match="complete"):
        await catalog.uploads.write_at(people.ada, upload_id=id, offset=0, body=pieces(DATA))


async def test_chunks_come_late_twice_and_out_of_order(catalog: Catalog, people: People) -> None:
    chunks = [DATA[start : start + 100_000] for start in range(0, len(DATA), 100_000)]
    made = await catalog.uploads.create(people.ada, name="c.tsv", n_chunks=len(chunks), folder="batch")
    id = made.upload.id
    await catalog.uploads.put_chunk(people.ada, upload_id=id, n=2, body=pieces(b"wrong"))
    with pytest.raises(ConflictError, match="have not arrived"):
        await catalog.uploads.complete(people.ada, upload_id=id)
    for n in (2, 0, 1):
        view = await catalog.uploads.put_chunk(people.ada, upload_id=id, n=n, body=pieces(chunks[n]))
    assert view.all_chunks_here
    assert view.received == len(DATA)
    with pytest.raises(InvalidInputError, match="no chunk 3"):
        await catalog.uploads.put_chunk(people.ada, upload_id=id, n=3, body=pieces(b""))
    assert [listed.upload.id for listed in await catalog.uploads.list(people.ada, folder="batch")] == [id]
    assert await catalog.uploads.list(people.bob, folder="batch") == []
    original = await catalog.uploads.complete(people.ada, upload_id=id)
    assert original.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_equal_bytes_are_stored_once(catalog: Catalog, people: People) -> None:
    originals = []
    for actor in (people.ada, people.bob):
        made = await catalog.uploads.create(actor, name="same.bin", size=len(DATA))
        await catalog.uploads.write_at(actor, upload_id=made.upload.id, offset=0, body=pieces(DATA))
        originals.append(await catalog.uploads.complete(actor, upload_id=made.upload.id))
    assert originals[0].bytes_id == originals[1].bytes_id
    assert originals[0].owner_id != originals[1].owner_id
    assert len(list(folder_of(catalog, "originals").iterdir())) == 1


async def test_an_empty_file_is_a_file(catalog: Catalog, people: People) -> None:
    for announced in ({"size": 0}, {"n_chunks": 0}):
        made = await catalog.uploads.create(people.ada, name="empty.txt", **announced)
        original = await catalog.uploads.complete(people.ada, upload_id=made.upload.id)
        assert (original.size, original.sha256) == (0, hashlib.sha256(b"").hexdigest())


async def test_what_was_announced_and_did_not_come_starts_over(catalog: Catalog, people: People) -> None:
    made = await catalog.uploads.create(people.ada, name="x", size=3)
    await catalog.uploads.write_at(people.ada, upload_id=made.upload.id, offset=0, body=pieces(b"abc"))
    with pytest.raises(DamagedDataError, match="SHA-256"):
        await catalog.uploads.complete(people.ada, upload_id=made.upload.id, sha256="0" * 64)
    assert (await catalog.uploads.get(people.ada, upload_id=made.upload.id)).received == 0
    assert await catalog.uploads.write_at(people.ada, upload_id=made.upload.id, offset=0, body=pieces(b"abd")) == 3
    assert (await catalog.uploads.complete(people.ada, upload_id=made.upload.id)).size == 3


async def test_nobody_touches_the_upload_of_another(catalog: Catalog, people: People) -> None:
    made = await catalog.uploads.create(people.ada, name="x", size=3)
    for act in (
        catalog.uploads.get(people.bob, upload_id=made.upload.id),
        catalog.uploads.complete(people.bob, upload_id=made.upload.id),
        catalog.uploads.drop(people.admin, upload_id=made.upload.id),
        catalog.uploads.write_at(people.eve, upload_id=made.upload.id, offset=0, body=pieces(b"abc")),
    ):
        with pytest.raises(NotFoundError, match="not yours"):
            await act
    await catalog.uploads.drop(people.ada, upload_id=made.upload.id)
    with pytest.raises(NotFoundError):
        await catalog.uploads.get(people.ada, upload_id=made.upload.id)


async def test_limits_name_their_setting(tmp_path: Path) -> None:
    settings = load_settings(
        data=tmp_path,
        min_free_bytes=0,
        max_open_uploads=2,
        max_upload_bytes=2000,
        max_user_bytes=3000,
        max_chunk_bytes=1024,
    )
    catalog = await Catalog.open(settings, notifier=Bell())
    people = await People.come(catalog)

    async def refused(error: type[LimitExceededError], setting: str, act: object) -> None:
        with pytest.raises(error) as caught:
            await act  # type: ignore[misc]
        assert caught.value.details["setting"] == setting

    await refused(LimitExceededError, "max_upload_bytes", catalog.uploads.create(people.ada, name="x", size=2001))
    for _ in range(2):
        made = await catalog.uploads.create(people.ada, name="x", size=2000)
        for start in (0, 1000):
            body = pieces(bytes(1000))
            await catalog.uploads.write_at(people.ada, upload_id=made.upload.id, offset=start, body=body)
    await refused(TooManyError, "max_open_uploads", catalog.uploads.create(people.ada, name="x", size=1))
    await refused(
        LimitExceededError,
        "max_chunk_bytes",
        catalog.uploads.write_at(people.ada, upload_id=made.upload.id, offset=0, body=pieces(bytes(1500))),
    )
    await catalog.uploads.write_at(people.ada, upload_id=made.upload.id, offset=0, body=pieces(bytes(1000)))
    await catalog.uploads.write_at(people.ada, upload_id=made.upload.id, offset=1000, body=pieces(bytes(1000)))
    await catalog.uploads.complete(people.ada, upload_id=made.upload.id)
    await refused(LimitExceededError, "max_user_bytes", catalog.uploads.create(people.ada, name="x", size=1500))
    await catalog.close()
    full = await Catalog.open(load_settings(data=tmp_path, min_free_bytes=1 << 60), notifier=Bell())
    await refused(OutOfSpaceError, "min_free_bytes", full.uploads.create(people.bob, name="x", size=1))
    await full.close()


async def test_names_are_cleaned_and_never_become_paths(catalog: Catalog, people: People) -> None:
    made = await catalog.uploads.create(people.ada, name="..\\../etc//passwd", size=1)
    assert made.upload.name == "etc/passwd"
    with pytest.raises(InvalidInputError, match="control character"):
        await catalog.uploads.create(people.ada, name="a\x00b", size=1)
    with pytest.raises(InvalidInputError, match="no name"):
        await catalog.uploads.create(people.ada, name="../..", size=1)


async def test_two_completions_at_once_make_one_original(catalog: Catalog, people: People) -> None:
    made = await catalog.uploads.create(people.ada, name="x", size=len(DATA))
    await catalog.uploads.write_at(people.ada, upload_id=made.upload.id, offset=0, body=pieces(DATA))
    one, two = await asyncio.gather(*(catalog.uploads.complete(people.ada, upload_id=made.upload.id) for _ in range(2)))
    assert one == two
    async with catalog.context.db.read() as conn:
        assert await rows.count(conn, tables.originals) == 1
