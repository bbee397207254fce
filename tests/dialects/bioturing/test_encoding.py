"""Arrays inside JSON, whole and in pieces."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import orjson
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from cytosol.asgi.encoding import Base64Stream, encode_embedding, encode_matrix
from cytosol.dialects.bioturing.genes import stream_matrix


def decoded(data: dict[str, str]) -> sp.csc_matrix:
    """The matrix as the client's own code reads it."""
    buffers = {name: base64.b64decode(data[name], validate=True) for name in ("indptr", "indices", "data")}
    parts = (
        np.frombuffer(buffers["data"], "float32"),
        np.frombuffer(buffers["indices"], "uint32"),
        np.frombuffer(buffers["indptr"], "uint64"),
    )
    return sp.csc_matrix(parts, shape=data["shape"])


@given(st.lists(st.binary(max_size=20)))
def test_base64_of_pieces_is_that_of_the_whole(pieces: list[bytes]) -> None:
    stream = Base64Stream()
    assert b"".join(stream.add(piece) for piece in pieces) + stream.end() == base64.b64encode(b"".join(pieces))


@pytest.mark.parametrize("widths", [[7], [1, 2, 4], [3, 0, 4], []])
async def test_streamed_matrix_equals_the_whole_one(widths: list[int]) -> None:
    matrix = sp.random(11, sum(widths), density=0.3, format="csc", dtype=np.float32, random_state=1)
    ends = np.cumsum([0, *widths])

    async def blocks() -> AsyncIterator[sp.csc_matrix]:
        for first, last in pairwise(ends):
            yield matrix[:, first:last]

    text = b"".join([piece async for piece in stream_matrix((11, sum(widths)), blocks)])
    answer = orjson.loads(text)
    assert answer["status"] == 200
    assert answer["data"] == encode_matrix(matrix)
    assert (decoded(answer["data"]) != matrix).nnz == 0


def test_nothing_selected() -> None:
    data = encode_matrix(sp.csc_matrix((5, 0), dtype=np.float32))
    assert data == {"indptr": base64.b64encode(bytes(8)).decode(), "indices": "", "data": "", "shape": [5, 0]}


def test_embeddings_are_row_by_row() -> None:
    data = encode_embedding(np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]))
    assert np.frombuffer(base64.b64decode(data["coord_arr"]), "<f4").tolist() == [1, 2, 3, 4]
    assert data["coord_shape"] == [2, 2]
