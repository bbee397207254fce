"""From rows to records, and pages of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from typing import Any, Final, Generic, TypeVar

import orjson

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key

R = TypeVar("R")
T = TypeVar("T")
MAX_PAGE = 500


class Unset(Enum):
    """Says that a field was not given, where None is a value of its own."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


def to(record: Callable[..., R], row: Mapping[Any, Any]) -> R:
    """The row as a record; further columns of the row are left out."""
    return record(*[row[name] for name in _names(record)])


def all_to(record: Callable[..., R], rows: Iterable[Mapping[Any, Any]]) -> list[R]:
    """The rows as records."""
    return [to(record, row) for row in rows]


@cache
def _names(record: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list.

    Attributes
    ----------
    next : the cursor of the next part; None at the end
    """

    items: list[T]
    next: str | None


def page_of(items: Sequence[T], limit: int, marks: Sequence[Sequence[Any]]) -> Page[T]:
    """A page from up to ``limit + 1`` items.

    Parameters
    ----------
    marks : what the order of the list is by, for each item; the last one shown becomes the cursor
    """
    if len(items) <= limit:
        return Page(list(items), None)
    return Page(list(items[:limit]), encode_cursor(marks[limit - 1]))


def check_limit(limit: int) -> int:
    """A page size between 1 and 500."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(
            f"A page has 1 to {MAX_PAGE} items, not {limit}", where="limit", do="Ask for less and follow the cursor"
        )
    return limit


def encode_cursor(values: Sequence[Any]) -> str:
    """Where a list goes on, as text for the client to send back."""
    parts = [["k", value.hex24] if isinstance(value, Key) else ["v", value] for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode_cursor(text: str | None, *, length: int) -> list[Any] | None:
    """The values of a cursor; None for no cursor.

    Raises
    ------
    InvalidInputError
        Where the text is no cursor of such a list.
    """
    if not text:
        return None
    try:
        parts = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        values = [Key.parse(value) if kind == "k" else value for kind, value in parts]
    except (ValueError, TypeError, AttributeError, binascii.Error, InvalidInputError) as error:
        raise _bad_cursor() from error
    if len(values) != length or any(isinstance(value, list | dict) for value in values):
        raise _bad_cursor()
    return values


def _bad_cursor() -> InvalidInputError:
    return InvalidInputError(
        "This is not a cursor of this list", where="cursor", do="Take the value of 'next' from the page before"
    )


def decode_key_cursor(text: str | None) -> Key | None:
    """The id in the cursor of a list that is ordered by id alone."""
    values = decode_cursor(text, length=1)
    if values is None:
        return None
    if not isinstance(values[0], Key):
        raise _bad_cursor()
    return values[0]
