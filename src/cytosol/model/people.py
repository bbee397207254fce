"""People, and how they prove who they are.

Times are microseconds since 1970 UTC. Fields equal the columns of the table of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cytosol.base.keys import Key


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    uid: int
    email: str
    name: str
    password_hash: str
    is_admin: bool
    disabled_at: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in at the page; the secret is stored hashed."""

    id: Key
    created_at: int
    user_id: Key
    secret_hash: bytes
    expires_at: int


@dataclass(frozen=True, slots=True)
class Token:
    """A secret for programs, stored hashed; limited to its scopes."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    user_id: Key
    name: str
    secret_hash: bytes
    scopes: list[str]
    expires_at: int | None
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """A secret address that works once (set-up) or until it expires (download)."""

    id: Key
    created_at: int
    kind: str
    secret_hash: bytes
    expires_at: int
    used_at: int | None
    target: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """People."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    name: str


@dataclass(frozen=True, slots=True)
class Membership:
    """That a user belongs to a group."""

    group_id: Key
    user_id: Key
    role: str
    created_at: int
