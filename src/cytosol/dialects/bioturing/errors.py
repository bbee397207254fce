"""How these clients expect errors."""

from __future__ import annotations

from typing import Any

from cytosol.asgi.errors import HTTP_STATUS
from cytosol.base import errors
from cytosol.base.errors import CytosolError

# a status that Python's http module does not name raises KeyError in the client: all of these are named
STATUS = {**HTTP_STATUS, errors.VersionMismatchError: 409}


def failure(error: CytosolError, status: int, request_id: str) -> dict[str, Any]:
    """The body of an error: one helper of the client reads ``message``, another ``detail``."""
    sentence = error.sentence
    return {
        "status": status,
        "message": sentence,
        "detail": sentence,
        "code": error.code,
        "request_id": request_id,
    }
