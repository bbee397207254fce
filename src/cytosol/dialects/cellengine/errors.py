"""How these clients hear of errors: a status and ``{"error": "<sentence>"}``."""

from __future__ import annotations

from typing import Any

from cytosol.asgi.errors import HTTP_STATUS
from cytosol.base import errors
from cytosol.base.errors import CytosolError

STATUS = {**HTTP_STATUS, errors.InvalidInputError: 400, errors.ConflictError: 400, errors.VersionMismatchError: 400}


def failure(error: CytosolError, request_id: str) -> dict[str, Any]:
    """The body of an error; the clients read ``error``, which has to be a text."""
    return {"error": error.sentence, "code": error.code, "request_id": request_id}
