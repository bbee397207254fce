"""Conditions that a request states in its headers."""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request

from cytosol.base.errors import InvalidInputError

_VERSION = re.compile(r'^(?:W/)?"?(\d{1,18})"?$')


def expected_version(request: Request) -> int:
    """The version that a change is made for, from ``If-Match``.

    Raises
    ------
    HTTPException
        428 where the header is missing.
    InvalidInputError
        Where it holds no version.
    """
    text = request.headers.get("if-match", "").strip()
    if not text:
        raise HTTPException(428) from InvalidInputError(
            "The change does not say which version it is made for",
            where="If-Match",
            do='Send the header If-Match: "VERSION" with the version of the record as you read it',
        )
    found = _VERSION.match(text)
    if found is None:
        raise InvalidInputError(f"'{text[:64]}' is no version", where="If-Match", do='Send it as If-Match: "3"')
    return int(found.group(1))


def etag(version: int) -> str:
    """A version as an entity tag."""
    return f'"{version}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has the answer already (``If-None-Match``)."""
    known = request.headers.get("if-none-match", "")
    return tag in (part.strip().removeprefix("W/") for part in known.split(","))
