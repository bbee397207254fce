"""What all documents share: ids, times, people, compensations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.model.people import User

NAME = "cellengine"
_ID = re.compile(r"[0-9a-fA-F]{24}")
_CONSTANTS = {0: "none", -1: "internal", -2: "own"}
_NUMBERS = {word: number for number, word in _CONSTANTS.items()}


def key_of(text: str, what: str) -> Key:
    """The key behind an id; a text that is none is one that does not exist."""
    if not _ID.fullmatch(text):
        raise NotFoundError(f'There is no {what} "{text[:64]}": an id has 24 hex digits')
    return Key(bytes.fromhex(text))


def given_key(value: Any, name: str) -> Key | None:
    """The key behind an id in a body or query; None for null, which R also calls ``UNGATED`` and spells ""."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidInputError(f'"{name}" must be an id of 24 hex digits')
    return Key(bytes.fromhex(value))


def given_gid(value: Any, name: str = "gid") -> str:
    """The id of a family of gates, which clients choose."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidInputError(f'"{name}" must have 24 hex digits')
    return value.lower()


def id_of(key: Key | None) -> str | None:
    """The id of a record; None for none."""
    return None if key is None else key.hex24


def time_of(at_us: int | None) -> str | None:
    """A time with milliseconds and a Z, which the clients insist on; None for none."""
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_us // 1000 % 1000:03d}Z"


def given_time(value: Any, name: str) -> str | None:
    """A time as documents spell it, from one with or without fraction and zone (none = UTC); None for null."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f'"{name}" must be a time or null') from error
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def own_extra(extra: Mapping[str, Any]) -> dict[str, Any]:
    """What only these clients need of a record."""
    found = extra.get(NAME)
    return dict(found) if isinstance(found, Mapping) else {}


def with_own(extra: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The extra of a record with what only these clients need; nulls are kept, they mean something here."""
    return {**extra, NAME: dict(own)}


def user_document(user: User) -> dict[str, Any]:
    """A person."""
    first, _, last = (user.name or user.email.partition("@")[0]).partition(" ")
    return {
        "_id": user.id.hex24,
        "id": user.id.hex24,
        "username": user.email,
        "email": user.email,
        "firstName": first,
        "lastName": last,
        "fullName": user.name or user.email,
    }


def compensation_said(value: Any, name: str = "compensationId") -> str:
    """A compensation in our words: none, internal, own, or the id of one; null and nothing mean none.

    Queries carry the numbers as text.
    """
    if value is None:
        return "none"
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,2}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value in _CONSTANTS:
        return _CONSTANTS[value]
    if isinstance(value, str) and _ID.fullmatch(value):
        return value.lower()
    raise InvalidInputError(f'"{name}" must be 0, -1, -2 or the id of a compensation')


def compensation_value(said: str) -> int | str:
    """A compensation as these clients spell it."""
    return _NUMBERS.get(said or "none", said)
