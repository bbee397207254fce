"""Buckets of S3-compatible servers: how one is opened, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store

from cytosol.base.errors import (
    CytosolError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from cytosol.store.paths import check_relative
from cytosol.store.records import BlobInfo

if TYPE_CHECKING:
    from obstore import ObjectMeta

MIN_PART_BYTES = 8 << 20
_MAX_PARTS = 9_000  # S3 allows 10,000
_PARTS_MEMORY_BYTES = 64 << 20
_NO_SUCH_RANGE = ("416", "InvalidRange")


@dataclass(frozen=True, slots=True)
class Bucket:
    """How to reach a bucket, or the part of it below a prefix.

    Attributes
    ----------
    endpoint : empty = AWS
    access_key, secret_key : empty = as the machine provides them, or anonymous
    anonymous : do not sign requests, and never use what the machine provides
    """

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    anonymous: bool = False

    def below(self, prefix: str) -> Bucket:
        """The part of this bucket below a further prefix."""
        return replace(self, prefix=f"{self.prefix}/{prefix}" if self.prefix else prefix)

    def open(self) -> S3Store:
        """Make a client; nothing is sent yet."""
        options: dict[str, Any] = {"region": self.region or "us-east-1"}
        if self.prefix:
            options["prefix"] = check_relative(self.prefix)
        if self.endpoint:
            options["endpoint"] = self.endpoint
        if self.anonymous:
            options["skip_signature"] = True
        elif self.access_key:
            options.update(access_key_id=self.access_key, secret_access_key=self.secret_key)
        plain = urlsplit(self.endpoint).scheme == "http"
        try:
            return S3Store(
                self.name,
                client_options={
                    "allow_http": plain,
                    "connect_timeout": "5s",
                    "read_timeout": "60s",
                    "timeout": "24h",  # of a whole request: a large file on a slow line
                },
                retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
                **options,
            )
        except (exceptions.BaseError, ValueError) as error:
            raise InvalidInputError(
                f"The bucket '{self.name}' cannot be used", do="Check its name, endpoint and region"
            ) from error


def parse_s3_url(url: str) -> tuple[str, str]:
    """Bucket and prefix of ``s3://BUCKET/PREFIX``.

    Raises
    ------
    InvalidInputError
        Where the text is no such address.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidInputError(
            "This is no address of a bucket", where=url[:200], do="Write s3://BUCKET/PREFIX"
        ) from error
    prefix = parts.path.strip("/")
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidInputError("This is no address of a bucket", where=url[:200], do="Write s3://BUCKET/PREFIX")
    return parts.netloc, check_relative(prefix) if prefix else ""


@contextmanager
def bucket_errors(where: str) -> Iterator[None]:
    """Turn what the client library raises into errors of ours."""
    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as error:
        raise NotFoundError("The stored bytes are not there", where=where) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
        raise _refused(where) from error
    except exceptions.BaseError as error:
        raise _unavailable(where, error) from error


def no_such_range(error: exceptions.BaseError) -> bool:
    """Whether a server refused a range because the blob ends before it."""
    return any(sign in str(error) for sign in _NO_SUCH_RANGE)


def part_sizes(size: int | None) -> tuple[int, int]:
    """Bytes of a part and parts at once for a blob of a size (None = unknown): S3 limits parts, we limit memory."""
    chunk = 2 * MIN_PART_BYTES if size is None else max(MIN_PART_BYTES, -(-size // _MAX_PARTS))
    return chunk, max(1, min(8, _PARTS_MEMORY_BYTES // chunk))


def info_of(meta: ObjectMeta, path: str = "") -> BlobInfo:
    """What the server says about a blob."""
    modified = meta["last_modified"]
    return BlobInfo(
        path or meta["path"], meta["size"], (meta["e_tag"] or "").strip('"'), int(modified.timestamp() * 1_000_000)
    )


def head(store: S3Store, path: str) -> BlobInfo | None:
    """What the server says about a blob; None if it is absent."""
    with bucket_errors(path):
        try:
            return info_of(obstore.head(store, path), path)
        except FileNotFoundError:
            return None


async def head_async(store: S3Store, path: str) -> BlobInfo | None:
    """The same for an event loop."""
    with bucket_errors(path):
        try:
            return info_of(await obstore.head_async(store, path), path)
        except FileNotFoundError:
            return None


def get_range(store: S3Store, path: str, start: int, end: int) -> bytes:
    """Bytes of a blob, cut at its end."""
    if end <= start:
        return b""
    with bucket_errors(path):
        try:
            return bytes(obstore.get_range(store, path, start=start, end=end))
        except exceptions.BaseError as error:
            if no_such_range(error):
                return b""
            raise


@dataclass(frozen=True, slots=True)
class BlobRanges:
    """Fetches ranges of one object."""

    store: S3Store
    path: str

    def __call__(self, start: int, end: int) -> bytes:
        return get_range(self.store, self.path, start, end)


def _refused(where: str) -> CytosolError:
    return ForbiddenError(
        "The bucket refused the keys, or they do not allow this",
        where=where,
        do="Check the access key, the secret key and their rights",
    )


def _unavailable(where: str, error: Exception) -> CytosolError:
    said = str(error).split("\n", 1)[0]
    if "403 Forbidden" in said:
        return _refused(where)
    if "NoSuchBucket" in str(error):
        return NotFoundError("There is no such bucket", where=where, do="Check its name and region")
    return UnavailableError(
        f"The bucket does not answer as it should: {said[:300]}", where=where, do="Check its endpoint, then try again"
    )
