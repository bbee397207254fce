"""A file as a form brings it, read while it arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cytosol.base.errors import InvalidInputError


class FormFile:
    """The first part of a form that has a filename.

    Parameters
    ----------
    content_type : the header of the request
    body : its bytes
    """

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise InvalidInputError(
                "The body is no form", do="Send multipart/form-data with a part that has a filename"
            )
        self._body = body
        self._events: deque[tuple[str, bytes]] = deque()
        self._header = self._value = b""
        self._name: bytes | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": lambda data, start, end: self._events.append(("data", data[start:end])),
                "on_part_end": lambda: self._events.append(("end", b"")),
            },
        )

    async def filename(self) -> str:
        """The name of the file, as UTF-8 or percent-encoded UTF-8 (RFC 5987); the body then stands at its start."""
        async for event, value in self._walk():
            if event == "file":
                return value.decode("utf-8", "replace")
        raise InvalidInputError("The form has no file", do="Send a part that has a filename")

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the file, after `filename`."""
        async for event, value in self._walk():
            if event == "data":
                yield value
            elif event == "end":
                return
        raise InvalidInputError("The form ends in the middle of the file", do="Send it again")

    async def _walk(self) -> AsyncIterator[tuple[str, bytes]]:
        while True:
            while self._events:
                yield self._events.popleft()
            piece = await anext(self._body, None)
            if piece is None:
                return
            try:
                self._parser.write(piece)
            except FormParserError as error:
                raise InvalidInputError(f"The form cannot be read: {error}") from error

    def _on_begin(self) -> None:
        self._header = self._value = b""
        self._name = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            options = parse_options_header(self._value)[1]
            encoded = options.get(b"filename*")
            self._name = options.get(b"filename")
            if encoded and encoded.lower().startswith(b"utf-8''"):
                self._name = unquote(encoded[7:].decode("latin-1")).encode()
        self._header = self._value = b""

    def _on_headers(self) -> None:
        if self._name:
            self._events.append(("file", self._name))
