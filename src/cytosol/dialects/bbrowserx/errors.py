"""How this client expects errors: by their HTTP status, with a body that it shows as it is."""

from __future__ import annotations

from typing import Any

from cytosol.asgi.errors import HTTP_STATUS
from cytosol.base import errors
from cytosol.base.errors import CytosolError

STATUS = {**HTTP_STATUS, errors.VersionMismatchError: 409}


def failure(error: CytosolError, status: int, request_id: str) -> dict[str, Any]:
    """The body of an error; the client's exception quotes it."""
    return {"status": status, "message": error.sentence, "code": error.code, "request_id": request_id}
