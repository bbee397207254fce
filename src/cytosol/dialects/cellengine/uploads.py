"""Files as these clients send them: a form with one part that has a filename."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cytosol.asgi.multipart import FormFile
from cytosol.asgi.requests import limited_stream
from cytosol.base.keys import Key
from cytosol.dialects.cellengine.calls import Asked

_FORM_BYTES = 1 << 16
"""What the form may add to the file."""


@asynccontextmanager
async def taken_in(asked: Asked) -> AsyncIterator[tuple[Key, str]]:
    """The file of a form as a complete upload: its id and the name of the file; nothing of it stays after an error."""
    upload_id, filename = await _take_in(asked)
    try:
        yield upload_id, filename
    except BaseException:
        await asyncio.shield(asked.catalog.uploads.discard(upload_id))
        raise


async def file_in(asked: Asked) -> tuple[str, AsyncIterator[bytes]]:
    """The name of the file of a form, and its bytes as they arrive."""
    limit = asked.services.settings.max_upload_bytes + _FORM_BYTES
    body = limited_stream(asked.request, max_bytes=limit, setting="max_upload_bytes")
    form = FormFile(asked.request.headers.get("content-type", ""), body)
    return await form.filename(), form.content()


async def _take_in(asked: Asked) -> tuple[Key, str]:
    settings, uploads = asked.services.settings, asked.catalog.uploads
    filename, content = await file_in(asked)
    upload_id = (await uploads.create(asked.actor, name=filename.replace("/", "_"))).upload.id
    try:
        pieces = _Pieces(content, settings.max_chunk_bytes)
        received = 0
        while not pieces.ended:
            received = await uploads.write_at(asked.actor, upload_id=upload_id, offset=received, body=pieces.next())
        await uploads.complete(asked.actor, upload_id=upload_id)
    except BaseException:
        await uploads.drop(asked.actor, upload_id=upload_id)
        raise
    return upload_id, filename


class _Pieces:
    """A long body in parts of at most so many bytes."""

    def __init__(self, body: AsyncIterator[bytes], max_bytes: int) -> None:
        self._body = body
        self._max_bytes = max_bytes
        self._rest = b""
        self.ended = False

    async def next(self) -> AsyncIterator[bytes]:
        """The next part."""
        left = self._max_bytes
        while left:
            piece = self._rest or await anext(self._body, b"")
            if not piece:
                self.ended = True
                return
            self._rest = piece[left:]
            yield piece[:left]
            left -= min(left, len(piece))
