"""How strongly each cell expresses a set of genes: against control genes of like expression, or as a mean z score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock

_AT_ONCE = 256
"""Genes that are read at once."""
SEED_MAX = 2**32 - 1

ReadGenes = Callable[[np.ndarray], sp.csc_matrix]
"""Gives the log-normalised values of some features: places in, shape (n_cells, n) CSC out."""


@dataclass(frozen=True, slots=True)
class ScoreParams(Params):
    """How a set of genes is scored."""

    method: str = parameter(
        "controls",
        "'controls': mean of the set less the mean of control genes of like expression; 'z': mean of the z scores",
        choices=("controls", "z"),
    )
    n_controls: int = parameter(
        50, "Control genes taken from each level of expression", unit="genes", minimum=1, maximum=1000
    )
    n_levels: int = parameter(25, "Levels of mean expression", unit="levels", minimum=2, maximum=1000)
    seed: int = parameter(0, "Seed of the choice of control genes", minimum=0, maximum=SEED_MAX)


@dataclass(frozen=True, slots=True)
class ScoreRun(ScoreParams):
    """Which sets of genes are scored in a table that is ready, and how."""

    gene_sets: str = parameter("", "Id of the gene sets on the server that are scored", names="gene-sets")
    sets: tuple[str, ...] = parameter((), "Names of the sets among them; none = all", type="strings")
    inline: tuple[dict[str, Any], ...] = parameter(
        (), 'Sets given with the job instead: objects with "name" and "genes"', type="objects"
    )


@dataclass(frozen=True, slots=True)
class ScoredMatrix:
    """A matrix whose gene sets are scored.

    Attributes
    ----------
    read : gives the log-normalised values of some features
    means : shape (n_features,), float64; mean of each feature over the cells, log-normalised
    n_cells : number of cells
    """

    read: ReadGenes
    means: np.ndarray
    n_cells: int


def feature_means(blocks: Iterable[MatrixBlock], n_cells: int, n_features: int) -> np.ndarray:
    """Mean of each feature over the cells.

    Parameters
    ----------
    blocks : log-normalised values, axis "features" (CSC)
    n_cells, n_features : size of the whole matrix

    Returns
    -------
    shape (n_features,), float64, in the unit of the values; missing values count as zero cells fewer
    """
    means = np.zeros(n_features)
    for block in blocks:
        n = block.values.shape[1]
        data = block.values.data.astype(np.float64)
        column = np.repeat(np.arange(n), np.diff(block.values.indptr))
        missing = np.isnan(data)
        known = n_cells - np.bincount(column[missing], minlength=n)
        total = np.bincount(column, np.where(missing, 0.0, data), minlength=n)
        means[block.start : block.start + n] = np.divide(total, known, out=np.full(n, np.nan), where=known > 0)
    return means


def score_genes(
    matrix: ScoredMatrix, genes: Sequence[int] | np.ndarray, params: ScoreParams | None = None
) -> np.ndarray:
    """Score one set of genes in every cell.

    Parameters
    ----------
    genes : shape (n,), places of the features of the set; each counts once
    params : None = defaults

    Returns
    -------
    shape (n_cells,), float64. Method 'controls': in the unit of the values (ln), above 0 = expressed more than genes
    of like mean expression. Method 'z': in standard deviations of a gene, 0 = as the average cell

    Raises
    ------
    InvalidInputError
        Where the set is empty, or no control gene is left.

    Notes
    -----
    'controls' is the score of Tirosh et al. 2016, doi:10.1126/science.aad0501, with the choices of Seurat's
    AddModuleScore and scanpy's ``score_genes``: genes are ranked by mean expression and cut into levels; at most
    ``n_controls`` genes are drawn from each level in which the set has a gene, and those of the set are left out.
    The same seed draws the same controls as scanpy. 'z' is the combined z score of Lee et al. 2008,
    doi:10.1371/journal.pcbi.1000217, divided by n instead of √n; constant genes are left out.
    """
    params = params or ScoreParams()
    chosen = np.unique(np.asarray(genes, np.int64))
    if not len(chosen):
        raise InvalidInputError(
            "No gene of the set is in this table", do="Check the species and the names of the genes"
        )
    if params.method == "z":
        return _mean_z(matrix, chosen)
    controls = choose_controls(matrix.means, chosen, params)
    if not len(controls):
        raise InvalidInputError(
            "No gene is left to compare the set with", do="Use the method 'z', or a table of more genes"
        )
    score: np.ndarray = mean_of(matrix, chosen) - mean_of(matrix, controls)
    return score


def choose_controls(means: np.ndarray, genes: np.ndarray, params: ScoreParams) -> np.ndarray:
    """Draw control genes of like mean expression.

    Parameters
    ----------
    means : shape (n_features,), float64; NaN = not to be drawn
    genes : shape (n,), int64; places of the genes of the set

    Returns
    -------
    shape (n_controls,), int64, rising
    """
    known = np.flatnonzero(np.isfinite(means))
    per_level = max(1, int(np.round(len(known) / (params.n_levels - 1))))
    level = np.full(len(means), -1, np.int64)
    rising = np.sort(means[known])
    level[known] = (np.searchsorted(rising, means[known], side="left") + 1) // per_level
    rng = np.random.RandomState(params.seed)  # its sequence is frozen, and is that of scanpy
    found: list[np.ndarray] = []
    for one in np.unique(level[genes]):
        alike = np.flatnonzero(level == one)
        if one >= 0 and len(alike) > params.n_controls:
            alike = alike[rng.choice(len(alike), params.n_controls, replace=False)]
        found.append(np.setdiff1d(alike, genes) if one >= 0 else alike[:0])
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


def mean_of(matrix: ScoredMatrix, genes: np.ndarray) -> np.ndarray:
    """Mean over some genes in every cell: shape (n_cells,), float64."""
    total: np.ndarray = np.zeros(matrix.n_cells)
    for values in _read(matrix, genes):
        total += values @ np.ones(values.shape[1])
    total /= len(genes)
    return total


def _mean_z(matrix: ScoredMatrix, genes: np.ndarray) -> np.ndarray:
    total, n_varying = np.zeros(matrix.n_cells), 0
    for values in _read(matrix, genes):
        wide = values.astype(np.float64)
        mean = np.asarray(wide.sum(axis=0)).ravel() / matrix.n_cells
        square = np.asarray(wide.multiply(wide).sum(axis=0)).ravel() / matrix.n_cells
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        varies = spread > 1e-9
        weight = np.divide(1, spread, out=np.zeros(len(spread)), where=varies)
        total += wide @ weight - float(mean @ weight)
        n_varying += int(varies.sum())
    return total / max(1, n_varying)


def _read(matrix: ScoredMatrix, genes: np.ndarray) -> Iterator[sp.csc_matrix]:
    for first in range(0, len(genes), _AT_ONCE):
        yield matrix.read(genes[first : first + _AT_ONCE])
