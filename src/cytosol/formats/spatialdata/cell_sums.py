"""What a cell is scaled by when its values are read: its total, or for antibodies the geometric mean (CLR)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from cytosol.base.tables import MatrixKind

CLR_TARGET = 1e4
"""The total to which the log-normalisation scales a cell; CLR is spelt by the same formula."""


class CellSums:
    """Sums over the features of each cell, which grow with the blocks.

    Attributes
    ----------
    totals : shape (n_cells,), float64, sum of the values, unit of the matrix
    """

    def __init__(self, n_cells: int, kind: MatrixKind, *, clr: bool) -> None:
        self.kind = kind
        self.totals = np.zeros(n_cells)
        self._logs = np.zeros(n_cells) if clr else None

    def add_cells(self, start: int, values: sp.csr_matrix) -> None:
        """Take whole cells, ``start`` the first of them."""
        span = slice(start, start + values.shape[0])
        self.totals[span] = row_sums(values)
        if self._logs is not None:
            logs = sp.csr_matrix((np.log1p(values.data, dtype=np.float64), values.indices, values.indptr), values.shape)
            self._logs[span] = row_sums(logs)

    def add_features(self, values: sp.csc_matrix) -> None:
        """Take whole features."""
        self.totals += np.bincount(values.indices, weights=values.data, minlength=len(self.totals))
        if self._logs is not None:
            logs = np.log1p(values.data, dtype=np.float64)
            self._logs += np.bincount(values.indices, weights=logs, minlength=len(self.totals))

    def scale(self, n_features: int) -> np.ndarray:
        """What a cell is scaled by in the log-normalisation: its total, or what makes of that formula CLR.

        Returns
        -------
        shape (n_cells,), float64, unit of the matrix. For CLR 10,000 times the geometric mean of 1 + value over all
        features of the cell, so that ln(1 + 10,000 x / scale) = ln(1 + x / mean).
        """
        if self._logs is None:
            return self.totals
        scale: np.ndarray = CLR_TARGET * np.exp(self._logs / max(1, n_features))
        return scale


def row_sums(matrix: Any) -> np.ndarray:
    """Sum of each row: shape (n_rows,), float64."""
    sums = np.zeros(matrix.shape[0])
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled):
        sums[filled] = np.add.reduceat(matrix.data, matrix.indptr[filled], dtype=np.float64)
    return sums
