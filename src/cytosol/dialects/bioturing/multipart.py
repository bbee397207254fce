"""A chunk as these clients upload it: a form of two parts, read while it arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cytosol.base.errors import InvalidInputError

MAX_PARAMS_BYTES = 1 << 16
_PARAMS, _FILE = b"params", b"file"


class ChunkForm:
    """Gives the part ``params`` whole and the part ``file`` in pieces; ``params`` has to come first."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise InvalidInputError("The body is no form", do="Send multipart/form-data with the parts params and file")
        self._body = body
        self._events: deque[tuple[str, bytes]] = deque()
        self._name = self._header = self._value = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": lambda: self._events.append(("part", self._name)),
                "on_part_data": lambda data, start, end: self._events.append(("data", data[start:end])),
                "on_part_end": lambda: self._events.append(("end", self._name)),
            },
        )

    async def params(self) -> bytes:
        """The text of the part ``params``; the body then stands at the start of the file."""
        text = b""
        inside = b""
        async for event, value in self._walk():
            if event == "part":
                inside = value
                if value == _FILE:
                    return text
            elif event == "data" and inside == _PARAMS:
                text += value
                if len(text) > MAX_PARAMS_BYTES:
                    raise InvalidInputError("The part is too long", where="params")
        raise InvalidInputError("The form has no part 'file' after 'params'", do="Send both, params first")

    async def file(self) -> AsyncIterator[bytes]:
        """The file, after ``params``."""
        async for event, value in self._walk():
            if event == "data":
                yield value
            elif event == "end":
                return
        raise InvalidInputError("The form ends in the middle of the file", do="Send the chunk again")

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
        self._name = self._header = self._value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name", b"")
        self._header = self._value = b""
