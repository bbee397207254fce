"""Arrays as several clients read them: base64 of raw little-endian buffers inside JSON."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import scipy.sparse as sp


def base64_array(values: np.ndarray, dtype: str) -> str:
    """Spell an array, for example with ``dtype="<f4"``."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode()


def encode_matrix(matrix: sp.csc_matrix) -> dict[str, Any]:
    """Spell a cells × genes matrix.

    Parameters
    ----------
    matrix : shape (n_cells, n_genes), CSC

    Returns
    -------
    ``indptr`` uint64 (n_genes + 1), ``indices`` uint32 (row = cell), ``data`` float32, ``shape``
    """
    return {
        "indptr": base64_array(matrix.indptr, "<u8"),
        "indices": base64_array(matrix.indices, "<u4"),
        "data": base64_array(matrix.data, "<f4"),
        "shape": [int(n) for n in matrix.shape],
    }


def encode_embedding(coordinates: np.ndarray) -> dict[str, Any]:
    """Spell coordinates of shape (n_cells, n_dims) as float32, row by row."""
    return {"coord_arr": base64_array(coordinates, "<f4"), "coord_shape": [int(n) for n in coordinates.shape]}


class Base64Stream:
    """Base64 of a long buffer that comes in pieces, without holding it whole."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, piece: bytes) -> bytes:
        """What can be spelled now."""
        whole = self._rest + piece
        cut = len(whole) - len(whole) % 3
        self._rest = whole[cut:]
        return base64.b64encode(whole[:cut])

    def end(self) -> bytes:
        """What is left."""
        return base64.b64encode(self._rest)
