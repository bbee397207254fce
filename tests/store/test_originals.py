"""Originals: kept byte for byte, and checked against their record."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cytosol.base.errors import DamagedDataError, NotFoundError
from cytosol.base.keys import new_key
from cytosol.store.local import FolderBlobStore
from cytosol.store.originals import ingest_file, original_path, original_source, verify
from cytosol.store.records import BlobStore
from cytosol.store.s3 import S3BlobStore
from tests.store.test_s3 import bucket_of
from tests.store.test_uploads import digest_of


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return FolderBlobStore(tmp_path / "store")
    return S3BlobStore(bucket_of(request.getfixturevalue("s3_server")))


@pytest.mark.parametrize("move", [True, False])
async def test_an_original_is_kept_and_verified(store: BlobStore, tmp_path: Path, move: bool) -> None:
    key, data = new_key(), os.urandom(9_000_001)
    local = tmp_path / "x.fcs"
    local.write_bytes(data)
    digest = await ingest_file(store, key, local, move=move)
    assert digest == digest_of(data)
    assert local.exists() is not move
    await verify(store, key, digest)
    source = original_source(store, key, "plate 1/x.fcs")
    with source.open() as file:
        assert file.read() == data
    assert source.name == "plate 1/x.fcs"


async def test_damage_is_found(store: BlobStore, tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "x").write_bytes(b"content")
    digest = await ingest_file(store, key, tmp_path / "x")
    await store.put(original_path(key), b"c0ntent")
    with pytest.raises(DamagedDataError, match="SHA-256") as caught:
        await verify(store, key, digest)
    assert caught.value.details["expected"] == digest.sha256
    with pytest.raises(DamagedDataError, match="size"):
        await verify(store, key, replace(digest, size=8))
    with pytest.raises(NotFoundError):
        await verify(store, new_key(), digest)
