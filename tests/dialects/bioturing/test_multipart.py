"""Chunks as the client's multipart encoder writes them, arriving in any pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import InvalidInputError
from cytosol.dialects.bioturing.multipart import MAX_PARAMS_BYTES, ChunkForm

TYPE = "multipart/form-data; boundary=7f3a"


def form(params: bytes, file: bytes, *, end: bytes = b"--7f3a--\r\n") -> bytes:
    """The body as requests-toolbelt sends it: no content types, the file's name in raw UTF-8."""
    return (
        b'--7f3a\r\nContent-Disposition: form-data; name="params"\r\n\r\n' + params + b"\r\n"
        b'--7f3a\r\nContent-Disposition: form-data; name="file"; filename="gr\xc3\xb6\xc3\x9fe.tsv"\r\n\r\n'
        + file + b"\r\n" + end
    )  # fmt: skip


async def read(body: bytes, step: int, content_type: str = TYPE) -> tuple[bytes, bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        for first in range(0, len(body), step):
            yield body[first : first + step]

    reader = ChunkForm(content_type, pieces())
    params = await reader.params()
    return params, b"".join([piece async for piece in reader.file()])


@given(st.binary(max_size=300), st.integers(1, 400))
async def test_any_bytes_in_any_pieces(file: bytes, step: int) -> None:
    assert await read(form(b'{"id": "x"}', file), step) == (b'{"id": "x"}', file)


@pytest.mark.parametrize("file", [b"\r\n--7f3", b"\r\n--7f3\r\n", b"--7f3a", b"\r", b""])
async def test_bytes_like_a_boundary(file: bytes) -> None:
    for step in (1, 2, 5, 1000):
        assert (await read(form(b"{}", file), step))[1] == file


async def test_a_form_that_is_cut_off_is_refused() -> None:
    whole = form(b"{}", b"x" * 500)
    with pytest.raises(InvalidInputError, match="middle of the file"):
        await read(whole[:300], 64)
    with pytest.raises(InvalidInputError, match="no part 'file'"):
        await read(whole[:70], 64)


async def test_params_come_first_and_are_short() -> None:
    body = b'--7f3a\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--7f3a--\r\n'
    assert (await read(body, 1000))[0] == b""  # refused later: it is no JSON
    with pytest.raises(InvalidInputError, match="too long"):
        await read(form(b"x" * (MAX_PARAMS_BYTES + 1), b""), 4096)


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data"])
async def test_other_bodies_are_refused(content_type: str) -> None:
    with pytest.raises(InvalidInputError, match="no form"):
        await read(b"{}", 100, content_type)
