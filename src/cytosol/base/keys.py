"""Record keys and the spellings that the dialects give them.

A key is 12 bytes: 48 bits of milliseconds since 1970 and 48 random bits, monotonic within a process. Where a spelling
is 16 bytes wide (UUID, ULID), four zero bytes are appended.
"""

from __future__ import annotations

import base64
import binascii
import os
import threading
import time

from cytosol.base.errors import InvalidInputError

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD_VALUE = {letter: value for value, letter in enumerate(_CROCKFORD)}
_PAD = bytes(4)
_RANDOM_BITS = 48


class Key(bytes):
    """The identity of a record, 12 bytes; sorts by time of creation."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Key:
        if len(raw) != 12:
            raise InvalidInputError(f"A key has 12 bytes, not {len(raw)}", do="Give an id as this server printed it")
        return super().__new__(cls, raw)

    @property
    def hex24(self) -> str:
        """24 hex digits: the spelling of the native API and of CellEngine."""
        return self.hex()

    @property
    def hex32(self) -> str:
        """32 hex digits, a UUID without dashes: the spelling of BioTuring's clients."""
        return (self + _PAD).hex()

    @property
    def base64url(self) -> str:
        """16 letters: the spelling of TissueMAPS."""
        return base64.urlsafe_b64encode(self).decode()

    def ulid(self, prefix: str = "") -> str:
        """A prefix and 26 Crockford letters: the spelling of SpatialX."""
        number = int.from_bytes(self + _PAD, "big")
        return prefix + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))

    @property
    def milliseconds(self) -> int:
        """Time of creation, ms since 1970 UTC."""
        return int.from_bytes(self[:6], "big")

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"Key({self.hex()})"

    def __reduce__(self) -> tuple[type[Key], tuple[bytes]]:
        return Key, (bytes(self),)

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read a key in any spelling without a prefix.

        Parameters
        ----------
        text : 24 or 32 hex digits (dashes allowed in the latter), 26 Crockford letters, or 16 base64url letters

        Raises
        ------
        InvalidInputError
            Where the text is no key.
        """
        plain = text.replace("-", "") if len(text) == 36 else text
        try:
            if len(plain) == 24:
                return cls(bytes.fromhex(plain))
            if len(plain) == 32:
                return cls(_strip(bytes.fromhex(plain)))
            if len(plain) == 26:
                return cls(_strip(_from_crockford(plain)))
            if len(plain) == 16:
                return cls(base64.b64decode(plain, altchars=b"-_", validate=True))
        except (ValueError, KeyError, OverflowError, binascii.Error) as error:
            raise InvalidInputError(f"'{text[:64]}' is not an id", do="Give an id as this server printed it") from error
        raise InvalidInputError(f"'{text[:64]}' is not an id", do="Give an id as this server printed it")


def _strip(wide: bytes) -> bytes:
    if wide[12:] != _PAD:
        raise ValueError("not a key of this server")
    return wide[:12]


def _from_crockford(text: str) -> bytes:
    number = 0
    for letter in text.upper():
        number = number << 5 | _CROCKFORD_VALUE[letter]
    return number.to_bytes(16, "big")


class _Clock:
    """Gives keys that grow, also within one millisecond and when the clock steps back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> bytes:
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | int.from_bytes(os.urandom(6), "big")
        with self._lock:
            self._last = fresh if fresh > self._last else self._last + 1
            return self._last.to_bytes(12, "big")


_clock = _Clock()


def new_key() -> Key:
    """Make a fresh key."""
    return Key(_clock.next())
