"""Opens the storages that users mount: a folder of this machine or a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from cytosol.base.errors import InvalidInputError
from cytosol.base.settings import Settings
from cytosol.store.bucket_storages import BucketStorage
from cytosol.store.buckets import Bucket, parse_s3_url
from cytosol.store.folder_storages import FolderStorage
from cytosol.store.mounts import Entry, Storage

__all__ = ["Entry", "Storage", "StorageKind", "open_storage"]

StorageKind = Literal["folder", "s3"]
_TEXTS = ("path", "url", "bucket", "prefix", "endpoint", "region", "access_key", "secret_key")


def open_storage(kind: StorageKind, location: Mapping[str, Any], settings: Settings) -> Storage:
    """Open a mounted storage.

    Parameters
    ----------
    location : for a folder ``path`` (absolute). For a bucket ``url`` (``s3://BUCKET/PREFIX``) or ``bucket`` and
        ``prefix``; ``endpoint`` (empty = AWS), ``region``, ``access_key``, ``secret_key``. Without keys requests are
        anonymous, unless ``machine_keys`` is true: then the keys of the machine are used, which only an
        administrator may grant.
    settings : its data folder and a local store can never be mounted, nor reached by a link

    Raises
    ------
    InvalidInputError, NotFoundError, ForbiddenError
        Where the location cannot be mounted.
    """
    texts = {name: _text(location, name) for name in _TEXTS}
    if kind == "folder":
        closed = [settings.data, *([] if "://" in settings.store_url else [Path(settings.store_url)])]
        return FolderStorage(Path(texts["path"]), closed)
    if kind != "s3":
        raise InvalidInputError(f"A storage of kind '{kind}' is not known", do="Use 'folder' or 's3'")
    name, prefix = parse_s3_url(texts["url"]) if texts["url"] else (texts["bucket"], texts["prefix"].strip("/"))
    if not name:
        raise InvalidInputError("A storage in a bucket needs the bucket's name", do="Give bucket, or url")
    return BucketStorage(
        Bucket(
            name,
            prefix,
            texts["endpoint"],
            texts["region"],
            texts["access_key"],
            texts["secret_key"],
            anonymous=not texts["access_key"] and location.get("machine_keys") is not True,
        )
    )


def _text(location: Mapping[str, Any], name: str) -> str:
    value = location.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInputError(f"'{name}' of a storage is a text", where=name, do="Give it in quotes")
    return value
