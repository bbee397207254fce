"""Log-normalisation: every cell is scaled to the same total, then log(1 + x)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock

Matrix = TypeVar("Matrix", sp.csr_matrix, sp.csc_matrix)
_ROWS = 256
"""Rows that are worked on at once, so that they stay in the cache of the processor."""
_PIECE = 1 << 18
"""Values that are worked on at once."""


@dataclass(frozen=True, slots=True)
class NormalizeParams(Params):
    """Parameters of the log-normalisation."""

    target_sum: float = parameter(1e4, "Total to which every cell is scaled", unit="transcripts", minimum=1e-6)


def log_normalize_feature(
    values: np.ndarray, cells: np.ndarray, totals: np.ndarray, target_sum: float = 1e4
) -> np.ndarray:
    """Log-normalise the nonzero counts of one feature.

    Parameters
    ----------
    values : shape (n_nonzero,), counts; any numeric dtype
    cells : shape (n_nonzero,), integer; the cell of each value
    totals : shape (n_cells,), transcripts of each cell, over all features
    target_sum : total to which every cell is scaled, transcripts

    Returns
    -------
    shape (n_nonzero,), float32, unitless; NaN where a total is NaN

    Notes
    -----
    ln(1 + value · target_sum / total), as scanpy's ``normalize_total`` and ``log1p``.
    """
    factor = np.divide(target_sum, totals.take(cells), dtype=np.float64)
    out: np.ndarray = (values * factor).astype(np.float32)
    np.log1p(out, out=out)
    return out


def log_normalize(matrix: Matrix, totals: np.ndarray, target_sum: float = 1e4) -> Matrix:
    """Log-normalise a cells × features matrix; zeros stay zeros, so the pattern is kept and shared.

    Parameters
    ----------
    matrix : shape (n_cells, n_features), CSR or CSC, counts
    totals : shape (n_cells,), transcripts of each cell over all features, of this matrix or of a larger one
    target_sum : total to which every cell is scaled, transcripts

    Returns
    -------
    shape (n_cells, n_features), the same layout, float32, unitless

    Raises
    ------
    InvalidInputError
        Where there is not one total a cell.
    """
    if matrix.shape[0] != len(totals):
        raise InvalidInputError(
            f"There are {len(totals)} totals for {matrix.shape[0]} cells", do="Give the total of each cell"
        )
    if matrix.format == "csr":
        # A cell without values never divides, so that its total of zero is of no consequence.
        factor = np.divide(target_sum, totals, out=np.zeros(len(totals)), where=totals != 0)
        data = np.empty(matrix.nnz, np.float32)
        for first in range(0, len(totals), _ROWS):
            ends = matrix.indptr[first : first + _ROWS + 1]
            piece = slice(ends[0], ends[-1])
            data[piece] = matrix.data[piece] * np.repeat(factor[first : first + _ROWS], np.diff(ends))
            np.log1p(data[piece], out=data[piece])
    else:
        data = np.empty(matrix.nnz, np.float32)
        for start in range(0, matrix.nnz, _PIECE):
            piece = slice(start, start + _PIECE)
            data[piece] = log_normalize_feature(matrix.data[piece], matrix.indices[piece], totals, target_sum)
    made: Matrix = type(matrix)((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    return made


def log_normalize_blocks(
    blocks: Iterable[MatrixBlock], totals: np.ndarray, target_sum: float = 1e4
) -> Iterator[MatrixBlock]:
    """Log-normalise blocks of counts as they pass, in either orientation.

    Parameters
    ----------
    blocks : blocks of counts of one matrix
    totals : shape (n_cells,), transcripts of each cell of the whole matrix
    target_sum : total to which every cell is scaled, transcripts
    """
    for block in blocks:
        here = totals[block.start : block.start + block.values.shape[0]] if block.axis == "cells" else totals
        yield MatrixBlock(block.start, block.axis, log_normalize(block.values, here, target_sum))
