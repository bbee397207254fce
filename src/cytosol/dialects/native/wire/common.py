"""What all wire models share: ids, times, pages, problems."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key

T = TypeVar("T")
_EXAMPLE_ID = "0199c8a2f3b04c5d6e7f8091"


class Wire(BaseModel):
    """A JSON object of the API; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


def _key(value: Any) -> Key:
    if isinstance(value, Key):
        return value
    if not isinstance(value, str):
        raise ValueError("an id is a text of 24 hex digits")
    try:
        return Key.parse(value)
    except InvalidInputError as error:
        raise ValueError(error.what) from error


Id = Annotated[
    Key,
    PlainValidator(_key),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{24}$", "examples": [_EXAMPLE_ID]}),
]
"""An id in a request."""
HexId = Annotated[str, Field(pattern="^[0-9a-f]{24}$", examples=[_EXAMPLE_ID])]
"""An id in an answer."""
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in an answer: RFC 3339, UTC."""
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many items")]
Cursor = Annotated[str | None, Query(description="The value of `next` of the page before")]
Role = Literal["owner", "editor", "reader", "limited_reader"]
Scope = Literal["read", "write", "share", "admin"]


class Record(Wire):
    """What every record has."""

    id: HexId
    created_at: Time
    updated_at: Time
    version: int
    """Raised by every change; send it back as ``If-Match``."""


class Page(Wire, Generic[T]):
    """A part of a list."""

    # docstrings would be looked for anew for every kind of item, which takes longer than loading all else here
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: list[T]
    next: str | None = Field(None, description="Send it as ``cursor`` for the next part; null at the end.")


class Problem(BaseModel):
    """What was wrong, where, and what to do (RFC 9457)."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    detail: str
    """The whole message, to be shown."""
    code: str
    """Stable name of the kind of error."""
    where: str
    do: str
    request_id: str
    """Names the request in the server's log."""


class Person(Wire):
    """A user, shortly."""

    id: HexId
    name: str
    email: str
