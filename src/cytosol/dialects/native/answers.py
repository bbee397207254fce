"""Answers: records with their version as ETag, pages, nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from starlette.responses import Response

from cytosol.asgi.responses import json_response
from cytosol.dialects.native.conditions import etag

T = TypeVar("T")
_PRIVATE = {"cache-control": "no-store"}


def answer(
    value: Any, *, status: int = 200, version: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer.

    Parameters
    ----------
    version : of the record, as its ETag
    """
    tag = {} if version is None else {"etag": etag(version)}
    return json_response(value, status=status, headers={**_PRIVATE, **tag, **(headers or {})})


def record_answer(value: Mapping[str, Any], *, status: int = 200) -> Response:
    """One record; its version is the ETag."""
    return answer(value, status=status, version=value["version"])


def list_answer(
    items: Iterable[T], spell: Callable[[T], Any], next: str | None = None, *, status: int = 200
) -> Response:
    """A page of a list."""
    return answer({"items": [spell(item) for item in items], "next": next}, status=status)


def no_answer() -> Response:
    """Done, nothing to say."""
    return Response(status_code=204, headers=_PRIVATE)
