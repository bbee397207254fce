"""Spelling that all records share."""

from __future__ import annotations

from typing import Any, Protocol

from cytosol.base.keys import Key
from cytosol.base.times import to_rfc3339


class Versioned(Protocol):
    """A record with id, times and version."""

    @property
    def id(self) -> Key: ...
    @property
    def created_at(self) -> int: ...
    @property
    def updated_at(self) -> int: ...
    @property
    def version(self) -> int: ...


def head(record: Versioned) -> dict[str, Any]:
    """What every record begins with."""
    return {
        "id": record.id.hex(),
        "created_at": to_rfc3339(record.created_at),
        "updated_at": to_rfc3339(record.updated_at),
        "version": record.version,
    }


def hex_of(key: Key | None) -> str | None:
    """An id, or null."""
    return None if key is None else key.hex()


def time_of(at_us: int | None) -> str | None:
    """A time, or null."""
    return None if at_us is None else to_rfc3339(at_us)
