"""Files as these clients send them: a form with one part that has a filename."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cytosol.asgi.multipart import FormFile
from cytosol.asgi.requests import limited_stream
from cytosol.dialects.cellengine.calls import Asked

_FORM_BYTES = 1 << 16
"""What the form may add to the file."""


async def file_in(asked: Asked) -> tuple[str, AsyncIterator[bytes]]:
    """The name of the file of a form, and its bytes as they arrive."""
    limit = asked.services.settings.max_upload_bytes + _FORM_BYTES
    body = limited_stream(asked.request, max_bytes=limit, setting="max_upload_bytes")
    form = FormFile(asked.request.headers.get("content-type", ""), body)
    return await form.filename(), form.content()
