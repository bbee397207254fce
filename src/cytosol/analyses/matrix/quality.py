"""How much was measured in each cell: number of genes, number of mRNA transcripts, share of mitochondrial ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock

N_GENES = "Number of genes"
"""Name of the obs column: features with a count above zero."""
N_TRANSCRIPTS = "Number of mRNA transcripts"
"""Name of the obs column: sum of the counts."""
MITO_SHARE = "Mitochondrial share"
"""Name of the obs column: sum of the counts of mitochondrial genes over the sum of all, share of 1."""


@dataclass(frozen=True, slots=True)
class CellQuality:
    """Measures of the cells of one matrix.

    Attributes
    ----------
    totals : shape (n_cells,), float64; sum of the counts, transcripts
    n_genes : shape (n_cells,), int64; features with a count above zero
    mito_share : shape (n_cells,), float64, share of 1; NaN for a cell without transcripts; None if not asked for
    """

    totals: np.ndarray
    n_genes: np.ndarray
    mito_share: np.ndarray | None = None

    def columns(self) -> dict[str, np.ndarray]:
        """The obs columns by name."""
        columns = {N_GENES: self.n_genes, N_TRANSCRIPTS: self.totals}
        return columns if self.mito_share is None else columns | {MITO_SHARE: self.mito_share}


def measure_cells(blocks: Iterable[MatrixBlock], n_cells: int, mito: np.ndarray | None = None) -> CellQuality:
    """Measure every cell in one pass over the blocks of a matrix, in either orientation.

    Parameters
    ----------
    blocks : blocks of raw counts
    n_cells : cells of the whole matrix
    mito : shape (n_features,), bool; which features are mitochondrial, None = unknown

    Raises
    ------
    InvalidInputError
        Where a block reaches beyond the cells, or ``mito`` does not fit.
    """
    totals = np.zeros(n_cells)
    n_genes = np.zeros(n_cells, np.int64)
    of_mito = np.zeros(n_cells)
    for block in blocks:
        values, start = block.values, block.start
        first, stop = (start, start + values.shape[0]) if block.axis == "cells" else (0, values.shape[0])
        if stop > n_cells:
            raise InvalidInputError(f"The matrix has more than {n_cells} cells", do="Read the file again")
        cells = _cells_of(block)
        data = values.data.astype(np.float64)
        size = stop - first
        totals[first:stop] += np.bincount(cells, data, size)
        n_genes[first:stop] += np.bincount(cells, data > 0, size).astype(np.int64)
        if mito is not None:
            of_mito[first:stop] += np.bincount(cells, data * _is_mito(block, mito), size)
    if mito is None:
        return CellQuality(totals, n_genes)
    share = np.divide(of_mito, totals, out=np.full(n_cells, np.nan), where=totals > 0)
    return CellQuality(totals, n_genes, share)


def _cells_of(block: MatrixBlock) -> np.ndarray:
    """Cell of each value, counted from the first of the block."""
    if block.axis == "features":
        return np.asarray(block.values.indices)
    return np.repeat(np.arange(block.values.shape[0]), np.diff(block.values.indptr))


def _is_mito(block: MatrixBlock, mito: np.ndarray) -> np.ndarray:
    values = block.values
    first, stop = (0, values.shape[1]) if block.axis == "cells" else (block.start, block.start + values.shape[1])
    here = mito[first:stop]
    if len(here) != values.shape[1]:
        raise InvalidInputError(
            f"{len(mito)} features are marked as mitochondrial or not, and the matrix has more",
            do="Give one mark a feature",
        )
    if block.axis == "cells":
        return np.asarray(here[values.indices])
    return np.repeat(here, np.diff(values.indptr))
