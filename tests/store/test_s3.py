"""The store in a bucket: the conformance suite against a real server, and what only a bucket can do wrong."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cytosol.base.errors import ForbiddenError, UnavailableError
from cytosol.base.settings import load_settings
from cytosol.store.blobs import open_store
from cytosol.store.buckets import Bucket
from cytosol.store.s3 import S3BlobStore
from tests.conformance.store import BlobStoreSuite, BrokenLineError, listed, pieces
from tests.services import S3Server

MIB = 1 << 20


@pytest.fixture
def store(s3_server: S3Server) -> S3BlobStore:
    return S3BlobStore(bucket_of(s3_server))


def bucket_of(server: S3Server, secret_key: str = "") -> Bucket:
    return Bucket(
        server.bucket, f"t/{os.urandom(6).hex()}", server.endpoint, "us-east-1", server.access_key,
        secret_key or server.secret_key,
    )  # fmt: skip


class TestS3BlobStore(BlobStoreSuite):
    """Runs the suite."""


def unfinished(server: S3Server) -> int:
    """How many multipart uploads the server holds that were begun and never ended."""
    folder = f"{server.filer}/buckets/{server.bucket}/.uploads/"
    answer = httpx.get(folder, headers={"Accept": "application/json"})
    return 0 if answer.status_code == httpx.codes.NOT_FOUND else len(answer.raise_for_status().json()["Entries"] or [])


async def test_a_broken_multipart_upload_is_aborted_on_the_server(store: S3BlobStore, s3_server: S3Server) -> None:
    seen = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal seen
        async for piece in pieces(bytes(150 * MIB), 10 * MIB):
            yield piece
        seen = await asyncio.to_thread(unfinished, s3_server)
        raise BrokenLineError

    with pytest.raises(BrokenLineError):
        await store.put("broken", body())
    assert seen == 1
    for _ in range(300):
        if not await asyncio.to_thread(unfinished, s3_server):
            break
        await asyncio.sleep(0.1)
    assert unfinished(s3_server) == 0


async def test_prefixes_keep_stores_apart(s3_server: S3Server) -> None:
    one, two = S3BlobStore(bucket_of(s3_server)), S3BlobStore(bucket_of(s3_server))
    await one.put("x", b"1")
    assert await listed(two, "") == {}


async def test_a_store_can_be_sent_to_another_process(store: S3BlobStore) -> None:
    await store.put("x", b"1")
    assert await pickle.loads(pickle.dumps(store)).get("x") == b"1"


async def test_open_store(s3_server: S3Server, tmp_path: Path) -> None:
    settings = load_settings(
        data=tmp_path, store=f"s3://{s3_server.bucket}/t/{os.urandom(6).hex()}", s3_endpoint=s3_server.endpoint,
        s3_access_key=s3_server.access_key, s3_secret_key=s3_server.secret_key,
    )  # fmt: skip
    store = open_store(settings)
    assert await listed(store, "") == {}
    await store.put("a", b"1")
    assert await listed(open_store(settings, probe=False), "") == {"a": 1}


def test_a_wrong_secret_is_named(s3_server: S3Server, tmp_path: Path) -> None:
    settings = load_settings(
        data=tmp_path, store=f"s3://{s3_server.bucket}", s3_endpoint=s3_server.endpoint,
        s3_access_key=s3_server.access_key, s3_secret_key="wrong",
    )  # fmt: skip
    with pytest.raises(ForbiddenError, match="keys") as caught:
        open_store(settings)
    assert "wrong" not in str(caught.value)


async def test_a_wrong_secret_is_named_by_every_call(s3_server: S3Server) -> None:
    store = S3BlobStore(bucket_of(s3_server, "wrong"))
    with pytest.raises(ForbiddenError):
        await listed(store, "")
    with pytest.raises(ForbiddenError):
        await store.get("x")
    with pytest.raises(ForbiddenError):
        store.read("x", 0, 1)


def test_a_server_that_is_down_is_named(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening
        settings = load_settings(
            data=tmp_path, store="s3://bucket/x", s3_endpoint=f"http://127.0.0.1:{held.getsockname()[1]}",
            s3_access_key="a", s3_secret_key="b",
        )  # fmt: skip
        with pytest.raises(UnavailableError, match="endpoint"):
            open_store(settings)
