"""The store that the settings name."""

from __future__ import annotations

import secrets
from pathlib import Path

import obstore

from cytosol.base.errors import InvalidInputError
from cytosol.base.settings import Settings
from cytosol.store.buckets import Bucket, bucket_errors, parse_s3_url
from cytosol.store.handles import discard
from cytosol.store.local import FolderBlobStore
from cytosol.store.pieces import write_all
from cytosol.store.records import BlobInfo, BlobStore
from cytosol.store.s3 import S3BlobStore
from cytosol.store.space import disk_errors

__all__ = ["BlobInfo", "BlobStore", "open_store"]


def open_store(settings: Settings, *, probe: bool = True) -> BlobStore:
    """Open the store and check that it can be written.

    Parameters
    ----------
    settings : ``store`` names a folder or ``s3://BUCKET/PREFIX``
    probe : write and remove a few bytes; a worker that runs beside a server needs no check of its own

    Raises
    ------
    InvalidInputError
        Where the setting names no store.
    UnavailableError, ForbiddenError, NotFoundError, OutOfSpaceError
        Where it cannot be reached or written.
    """
    url = settings.store_url
    if "://" not in url:
        return _open_folder(Path(url), probe)
    if not url.startswith("s3://"):
        raise InvalidInputError(
            "This is no store", where=url[:200], do="Set store to a folder or to s3://BUCKET/PREFIX"
        )
    name, prefix = parse_s3_url(url)
    bucket = Bucket(
        name, prefix, settings.s3_endpoint, settings.s3_region, settings.s3_access_key, settings.s3_secret_key
    )
    store = S3BlobStore(bucket)
    if probe:
        client = bucket.open()
        path = f"probe-{secrets.token_hex(8)}"
        with bucket_errors(url):
            obstore.put(client, path, b"probe")
            obstore.delete(client, path)
    return store


def _open_folder(folder: Path, probe: bool) -> FolderBlobStore:
    store = FolderBlobStore(folder)
    if probe:
        staged = store.stage()
        try:
            with disk_errors(str(folder)):
                write_all(staged, [b"probe"], 0)
        finally:
            discard(staged)
    return store
