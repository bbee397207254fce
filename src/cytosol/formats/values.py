"""Checks and number types of matrix values: counts become the smallest unsigned integers, other values float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock, MatrixKind

AS_NORMALIZED = "If the values are already normalised, say so (matrix = normalized); else give the raw counts"
_MAX_COUNT = np.iinfo(np.uint32).max
_MAX_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Checker:
    """Turns parsed pieces of a matrix into blocks and refuses values that do not fit the kind.

    Attributes
    ----------
    kind : what the values must be
    place : file and slot that the values come from, for errors
    cells, features : names of the rows and columns of the whole matrix, for errors
    """

    kind: MatrixKind
    place: str
    cells: Any
    features: Any

    def rows(self, start: int, piece: sp.csr_matrix) -> MatrixBlock:
        """Check consecutive cells; ``piece`` has shape (n_block, n_features) and may be changed."""
        return self._block(start, "cells", piece)

    def columns(self, start: int, piece: sp.csc_matrix) -> MatrixBlock:
        """Check consecutive features; ``piece`` has shape (n_cells, n_block) and may be changed."""
        return self._block(start, "features", piece)

    def _block(
        self, start: int, axis: Literal["cells", "features"], piece: sp.csr_matrix | sp.csc_matrix
    ) -> MatrixBlock:
        if not number_like(piece.dtype):
            raise InvalidInputError(
                f"The matrix holds {piece.dtype} values, not numbers", where=self.place, do="Store plain numbers"
            )
        if piece.dtype == np.bool_:
            piece = piece.astype(np.uint8)
        piece.sum_duplicates()
        problem = find_fault(piece.data, self.kind)
        if problem is not None:
            raise self._refusal(problem, start, axis, piece)
        piece.data = convert(piece.data, self.kind)
        if piece.nnz and not piece.data.all():
            piece.eliminate_zeros()
        return MatrixBlock(start=start, axis=axis, values=piece)

    def _refusal(
        self,
        problem: tuple[int, str],
        start: int,
        axis: Literal["cells", "features"],
        piece: sp.csr_matrix | sp.csc_matrix,
    ) -> InvalidInputError:
        at, fault = problem
        major = int(np.searchsorted(piece.indptr, at, side="right")) - 1 + start
        minor = int(piece.indices[at])
        cell, feature = (major, minor) if axis == "cells" else (minor, major)
        value = piece.data[at]
        return InvalidInputError(
            f"The value {value} of feature '{self.features[feature]}' in cell '{self.cells[cell]}' {fault}",
            where=f"{self.place}, cell {cell + 1}, feature {feature + 1}",
            do=AS_NORMALIZED if self.kind == "counts" else "Replace missing and infinite values, or leave them out",
            cell=cell,
            feature=feature,
        )


def number_like(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype holds plain real numbers or booleans."""
    return dtype.kind in "fiub"


def find_fault(values: np.ndarray, kind: MatrixKind) -> tuple[int, str] | None:
    """Find the first value that the kind does not allow.

    Parameters
    ----------
    values : shape (n,), any real dtype
    kind : "counts" wants finite whole numbers from 0 to 2³² − 1; "normalized" finite float32 numbers

    Returns
    -------
    Position and what is wrong, or None.
    """
    if not values.size:
        return None
    floating = values.dtype.kind == "f"
    low, high = values.min(), values.max()
    if floating and not (np.isfinite(low) and np.isfinite(high)):
        return _first(~np.isfinite(values)), "is missing or infinite"
    if kind == "normalized":
        if floating and max(-float(low), float(high)) > _MAX_FLOAT32:
            return _first(np.abs(values) > _MAX_FLOAT32), "is too large"
        return None
    if low < 0:
        return _first(values < 0), "is negative, which a raw count cannot be"
    if high > _MAX_COUNT:
        return _first(values > _MAX_COUNT), "is larger than any raw count"
    if floating:
        fraction = values != np.floor(values)
        if fraction.any():
            return _first(fraction), "is not a whole number, which a raw count must be"
    return None


def _first(mask: np.ndarray) -> int:
    return int(np.argmax(mask))


def convert(values: np.ndarray, kind: MatrixKind) -> np.ndarray:
    """Change checked values to the type that a block carries: smallest unsigned integer, or float32."""
    if kind == "normalized":
        return values.astype(np.float32, copy=False)
    return values.astype(smallest_unsigned(int(values.max()) if values.size else 0), copy=False)


def smallest_unsigned(maximum: int) -> np.dtype[Any]:
    """The smallest unsigned integer type that holds ``maximum`` (below 2³²)."""
    if maximum <= 0xFF:
        return np.dtype(np.uint8)
    return np.dtype(np.uint16 if maximum <= 0xFFFF else np.uint32)
