"""Originals: files as the user gave them, byte for byte, under their key."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from cytosol.base.errors import DamagedDataError
from cytosol.base.keys import Key
from cytosol.base.protocols import Source
from cytosol.store.digests import Digest, Digester, digest_handle
from cytosol.store.handles import Handle
from cytosol.store.records import BlobStore


def original_path(key: Key) -> str:
    """Where an original lies in the store."""
    return f"originals/{key.hex24}"


def original_source(store: BlobStore, key: Key, name: str) -> Source:
    """An original as a file; ``name`` is its path as the user gave it."""
    return store.source(original_path(key), name)


async def ingest_file(store: BlobStore, key: Key, local: Path, *, move: bool = False) -> Digest:
    """Store a file of this machine as an original.

    Parameters
    ----------
    move : take the file away, without a copy where it lies on the store's disk
    """
    digest = await asyncio.to_thread(_digest_file, local)
    info = await store.put_file(original_path(key), local, move=move)
    if info.size != digest.size:
        await store.delete(original_path(key))
        raise DamagedDataError(
            "The file changed while it was read", where=local.name, do="Try again when it is complete"
        )
    return digest


async def digest_blob(store: BlobStore, path: str) -> Digest:
    """Read a blob and compute its checksums."""
    local = store.local_path(path)
    if local is not None and local.is_file():
        return await asyncio.to_thread(_digest_file, local)
    with Digester() as digester:
        async for piece in store.stream(path):
            await asyncio.to_thread(digester.update, piece)
        return digester.digest()


async def verify(store: BlobStore, key: Key, digest: Digest) -> None:
    """Read an original and compare it with its record.

    Raises
    ------
    NotFoundError
        Where its bytes are gone.
    DamagedDataError
        Where they differ.
    """
    found = await digest_blob(store, original_path(key))
    if found != digest:
        what = "size" if found.size != digest.size else "SHA-256"
        raise DamagedDataError(
            f"The stored file has another {what} than its record",
            where=original_path(key),
            do="Restore it from a backup, or upload it again",
            expected=digest.sha256,
            found=found.sha256,
        )


def _digest_file(local: Path) -> Digest:
    return digest_handle(Handle(str(local), os.O_RDONLY))
