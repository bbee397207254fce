"""The query language of the lists: ``and(eq(name,"X"),eq(deleted,null))``, and what else a list can be asked.

The clients paste names in without escaping, so a string ends at the first quote with which the rest can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from cytosol.base.errors import InvalidInputError

MAX_QUERY = 100_000
_MAX_STEPS = 50_000
_MAX_CALLS = 100
_MAX_DIGITS = 18
_CALL = re.compile(r"\b(and|or|not)\s*\(")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BLANKS = re.compile(r"\s*")
_WORDS: Mapping[str, Any] = {"null": None, "true": True, "false": False}
_BOOLEAN = ("and", "or", "not")
_COMPARED = ("eq", "ne", "gt", "ge", "lt", "le", "in")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """A property of an item compared with a value; ``in`` has a list."""

    name: str
    field: str
    value: Any


@dataclass(frozen=True, slots=True)
class Joined:
    """Queries joined by and, or, not; ``not`` is none of them."""

    name: str
    parts: tuple[Query, ...]


Query = Compared | Joined


def parse_query(text: str) -> Query:
    """The query in a text.

    Raises
    ------
    InvalidInputError
        Where it is none.
    """
    if len(text) > MAX_QUERY:
        raise InvalidInputError(f'"query" has more than {MAX_QUERY:,} letters')
    if len(_CALL.findall(text)) > _MAX_CALLS:
        raise InvalidInputError(f'"query" has more than {_MAX_CALLS} of and, or, not', do="Use in(name,[...])")
    reader = _Reader(text)
    for query, end in reader.query(reader.skip(0)):
        if reader.skip(end) == len(text):
            return query
    raise InvalidInputError(
        '"query" cannot be read', where=text[:200], do='Write it as and(eq(name,"X"),eq(deleted,null))'
    )


class _Reader:
    """Gives every way in which a query can be read from a place on, shortest strings first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps = 0

    def skip(self, at: int) -> int:
        """Past blanks."""
        found = _BLANKS.match(self._text, at)
        return found.end() if found else at

    def query(self, at: int) -> Iterator[tuple[Query, int]]:
        """A call of and, or, not or a comparison."""
        name = _NAME.match(self._text, at)
        if name is None or not self._is(name.end(), "("):
            return
        inside = self.skip(self.skip(name.end()) + 1)
        if name.group() in _BOOLEAN:
            for parts, end in self._list(inside, ")", self.query):
                yield Joined(name.group(), tuple(parts)), end
        elif name.group() in _COMPARED:
            yield from self._test(name.group(), inside)

    def _test(self, name: str, at: int) -> Iterator[tuple[Query, int]]:
        field = _NAME.match(self._text, at)
        if field is None or not self._is(field.end(), ","):
            return
        start = self.skip(self.skip(field.end()) + 1)
        for value, end in self._value(start):
            if (name == "in") == isinstance(value, list) and self._is(end, ")"):
                yield Compared(name, field.group(), value), self.skip(end) + 1

    def _value(self, at: int) -> Iterator[tuple[Any, int]]:
        if self._text[at : at + 1] == "[":
            yield from self._list(self.skip(at + 1), "]", self._single)
        else:
            yield from self._single(at)

    def _single(self, at: int) -> Iterator[tuple[Any, int]]:
        if self._text[at : at + 1] == '"':
            yield from self._strings(at + 1)
        elif number := _NUMBER.match(self._text, at):
            text = number.group()
            whole = len(text) <= _MAX_DIGITS and not any(c in text for c in ".eE")
            yield int(text) if whole else float(text), number.end()
        elif (word := _NAME.match(self._text, at)) and word.group() in _WORDS:
            yield _WORDS[word.group()], word.end()

    def _strings(self, start: int) -> Iterator[tuple[str, int]]:
        quote = self._text.find('"', start)
        while quote >= 0:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise InvalidInputError('"query" can be read in too many ways', do="Ask for fewer names at once")
            if self._text[self.skip(quote + 1) : self.skip(quote + 1) + 1] in (",", ")", "]"):
                yield self._text[start:quote], quote + 1
            quote = self._text.find('"', quote + 1)

    def _list(self, at: int, close: str, item: Callable[[int], Iterator[Any]]) -> Iterator[tuple[list[Any], int]]:
        """Items between commas up to the closing bracket, without recursion over the items."""
        if self._is(at, close):
            yield [], self.skip(at) + 1
            return
        found: list[Any] = []
        ways = [item(at)]
        while ways:
            step = next(ways[-1], None)
            if step is None:
                ways.pop()
                if found:
                    found.pop()
                continue
            del found[len(ways) - 1 :]
            found.append(step[0])
            end = self.skip(step[1])
            if self._text[end : end + 1] == close:
                yield list(found), end + 1
            elif self._text[end : end + 1] == ",":
                ways.append(item(self.skip(end + 1)))

    def _is(self, at: int, letter: str) -> bool:
        place = self.skip(at)
        return self._text[place : place + 1] == letter


def matches(query: Query, document: Document) -> bool:
    """Whether an item fits; a property that it does not have counts as null."""
    if isinstance(query, Joined):
        if query.name == "and":
            return all(matches(part, document) for part in query.parts)
        found = any(matches(part, document) for part in query.parts)
        return found if query.name == "or" else not found
    value = _property(document, query.field)
    if query.name == "in":
        return any(_equal(value, one) for one in query.value)
    if query.name in ("eq", "ne"):
        return _equal(value, query.value) == (query.name == "eq")
    order = _order(value, query.value)
    if order is None:
        return False
    return {"gt": order > 0, "ge": order >= 0, "lt": order < 0, "le": order <= 0}[query.name]


def names_field(query: Query, field: str) -> bool:
    """Whether a query looks at a property."""
    if isinstance(query, Joined):
        return any(names_field(part, field) for part in query.parts)
    return query.field == field


def _property(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _order(one: Any, other: Any) -> int | None:
    """-1, 0, 1; None where the two cannot be compared."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    if not numbers and not (isinstance(one, str) and isinstance(other, str)):
        return None
    return int(one > other) - int(one < other)


@dataclass(frozen=True, slots=True)
class Listing:
    """What of a list is asked for.

    Attributes
    ----------
    query : None = all that is not deleted
    fields : only these properties besides ``_id``; empty = all but `hidden`
    sort : property and whether it falls, first first
    """

    query: Query | None = None
    fields: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    skip: int = 0
    limit: int | None = None

    @classmethod
    def read(cls, said: Mapping[str, str]) -> Listing:
        """The parameters of a list request; the text ``null`` counts as absent."""
        given = {name: text for name, text in said.items() if text not in ("", "null")}
        signed = [_signed(part) for part in given.get("fields", "").split(",") if part.strip()]
        sort = tuple(_signed(part) for part in given.get("sort", "").split(",") if part.strip())
        return cls(
            parse_query(given["query"]) if "query" in given else None,
            tuple(name for name, is_minus in signed if not is_minus),
            tuple(name for name, is_minus in signed if is_minus),
            sort,
            _whole(given, "skip") or 0,
            _whole(given, "limit"),
        )

    @property
    def shows_deleted(self) -> bool:
        """Whether deleted items take part: only where the query looks at ``deleted``."""
        return self.looks_at("deleted")

    def looks_at(self, *fields: str) -> bool:
        """Whether the query looks at one of some properties."""
        return self.query is not None and any(names_field(self.query, field) for field in fields)

    def of(self, documents: Sequence[Document]) -> list[Document]:
        """The items asked for."""
        found = [one for one in documents if self.query is None or matches(self.query, one)]
        for field, falls in reversed(self.sort):
            found.sort(key=cmp_to_key(_by(field)), reverse=falls)
        stop = None if self.limit is None else self.skip + self.limit
        return [self._cut(document) for document in found[self.skip : stop]]

    def _cut(self, document: Document) -> Document:
        if self.fields:
            return {name: value for name, value in document.items() if name == "_id" or name in self.fields}
        if self.hidden:
            return {name: value for name, value in document.items() if name == "_id" or name not in self.hidden}
        return document


def _signed(text: str) -> tuple[str, bool]:
    """``+name`` (a blank where the + was not escaped), ``-name`` or ``name``."""
    plain = text.strip()
    return plain.lstrip("+-").strip(), plain.startswith("-")


def _whole(given: Mapping[str, str], name: str) -> int | None:
    if name not in given:
        return None
    if not given[name].isascii() or not given[name].isdigit():
        raise InvalidInputError(f'"{name}" must be a whole number, 0 or more')
    return int(given[name][:_MAX_DIGITS])


def _by(field: str) -> Callable[[Document, Document], int]:
    """Orders by a property: missing values first, then by kind, then by value."""

    def compare(one: Document, other: Document) -> int:
        left, right = _property(one, field), _property(other, field)
        order = _order(left, right)
        if order is not None:
            return order
        kinds = [(value is not None, type(value).__name__) for value in (left, right)]
        return int(kinds[0] > kinds[1]) - int(kinds[0] < kinds[1])

    return compare
