"""Which cells are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_INF = float("inf")


@dataclass(frozen=True, slots=True)
class FilterParams(Params):
    """Bounds within which a cell is kept; all inclusive."""

    min_counts: float = parameter(0.0, "Fewest mRNA transcripts of a cell", unit="transcripts", minimum=0)
    max_counts: float = parameter(_INF, "Most mRNA transcripts of a cell", unit="transcripts", minimum=0)
    min_genes: float = parameter(0.0, "Fewest genes that a cell expresses", unit="genes", minimum=0)
    max_genes: float = parameter(_INF, "Most genes that a cell expresses", unit="genes", minimum=0)
    max_mito_share: float = parameter(
        1.0, "Largest share of a cell's transcripts from mitochondrial genes", unit="share of 1", minimum=0, maximum=1
    )


def keep_cells(
    totals: np.ndarray, n_genes: np.ndarray, mito_share: np.ndarray | None, params: FilterParams
) -> np.ndarray:
    """Decide for each cell whether it is kept.

    Parameters
    ----------
    totals : shape (n_cells,), transcripts of a cell
    n_genes : shape (n_cells,), genes with at least one transcript
    mito_share : shape (n_cells,), share of 1; NaN (a cell without transcripts) passes. None if unknown: no bound
    params : the bounds

    Returns
    -------
    shape (n_cells,), bool; True = kept

    Raises
    ------
    InvalidInputError
        Where the arrays differ in length.
    """
    if len(totals) != len(n_genes) or (mito_share is not None and len(mito_share) != len(totals)):
        raise InvalidInputError("The measures of the cells differ in length", do="Give one value a cell in each")
    keep: np.ndarray = (totals >= params.min_counts) & (totals <= params.max_counts)
    keep &= (n_genes >= params.min_genes) & (n_genes <= params.max_genes)
    if mito_share is not None:
        keep &= ~(mito_share > params.max_mito_share)
    return keep
