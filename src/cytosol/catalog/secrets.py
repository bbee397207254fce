"""Secrets: made here, shown once, stored hashed; passwords with argon2, everything random with SHA-256."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict, deque

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from cytosol.base.errors import InvalidInputError, TooManyError

MIN_PASSWORD = 8
MAX_PASSWORD = 1024
MAX_FAILURES = 10
WINDOW_S = 600.0
_REMEMBERED = 10_000
_AT_ONCE = 2  # argon2 takes 64 MiB and several threads each


def new_secret() -> str:
    """32 random bytes as 43 letters that fit into an address."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """What is stored of a random secret: SHA-256, 32 bytes."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def check_password(password: str, *, field: str = "password") -> str:
    """Refuse a password that is too short to be one."""
    if len(password) < MIN_PASSWORD:
        raise InvalidInputError(
            f"The password has {len(password)} letters; at least {MIN_PASSWORD} are needed",
            where=field,
            do="Choose a longer one",
            field=field,
        )
    if len(password) > MAX_PASSWORD:
        raise InvalidInputError(
            f"The password has more than {MAX_PASSWORD} letters", where=field, do="Choose a shorter one", field=field
        )
    return password


class Passwords:
    """Hashes and checks passwords on a thread, two at once."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, stored: str, password: str) -> bool:
        """Whether the password is the one; takes as long where there is none to compare with."""
        if not stored and not self._nobody:
            self._nobody = await self.hash(new_secret())
        async with self._gate:
            same = await asyncio.to_thread(self._verify, stored or self._nobody, password[:MAX_PASSWORD])
        return same and bool(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


class Throttle:
    """Counts failed attempts per name and refuses further ones for a while; forgets on a success."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, name: str) -> None:
        """Refuse where there were too many failures lately, and count this attempt until `forget`.

        Raises
        ------
        TooManyError
            With ``details["retry_after_s"]``.
        """
        now = time.monotonic()
        seen = self._failures.setdefault(name, deque())
        self._failures.move_to_end(name)
        while seen and seen[0] < now - WINDOW_S:
            seen.popleft()
        if len(seen) >= MAX_FAILURES:
            wait = int(seen[0] + WINDOW_S - now) + 1
            raise TooManyError(
                "Too many failed attempts to sign in", do=f"Try again in {-(-wait // 60)} minutes", retry_after_s=wait
            )
        seen.append(now)
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def forget(self, name: str) -> None:
        """The attempt succeeded."""
        self._failures.pop(name, None)
