"""Doublets: cells that resemble the sum of two cells, by Scrublet's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.sparse as sp

from cytosol.analyses.matrix.neighbors import NeighborParams, find_neighbors
from cytosol.analyses.matrix.pca import PcaParams, PcaResult, principal_components
from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

MIN_CELLS = 20
_ROWS = 4096
_BINS = 256
_MOST_ROUNDS = 10_000
_TARGET = 1e6
_MOST_NEAR = 100


@dataclass(frozen=True, slots=True)
class DoubletParams(Params):
    """Parameters of the search for doublets."""

    expected_share: float = parameter(
        0.05, "Share of doublets to be expected, about 0.8 % a thousand cells loaded", unit="share of 1",
        minimum=0.001, maximum=0.5,
    )  # fmt: skip
    n_simulated: float = parameter(2.0, "Simulated doublets a cell", unit="doublets", minimum=0.5, maximum=10)
    n_components: int = parameter(30, "How many principal components", unit="components", minimum=2, maximum=200)
    n_neighbors: int = parameter(
        0, "Cells in a neighbourhood before doublets are added; 0 = half the root of the number of cells, at most 100",
        unit="cells", minimum=0, maximum=1000,
    )  # fmt: skip
    threshold: float = parameter(
        0.0, "Score from which a cell is called a doublet; 0 = the valley between the scores of simulated doublets",
        minimum=0, maximum=1,
    )  # fmt: skip
    seed: int = parameter(0, "Seed of the choice of pairs", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True, slots=True)
class DoubletRun(DoubletParams):
    """Parameters of a search for doublets in a table that is ready."""

    batch: str = parameter(
        "", "Annotation or attribute of the runs in which cells were caught together; empty = 'Batch'",
        names="column-or-attribute",
    )  # fmt: skip
    n_genes: int = parameter(2000, "How many highly variable genes are used", unit="genes", minimum=10, maximum=10_000)


@dataclass(frozen=True, slots=True)
class Doublets:
    """How much each cell looks like a doublet.

    Attributes
    ----------
    scores : shape (n_cells,), float64; posterior share of 1 that the cell is a doublet
    simulated : shape (n_simulated,), float64; scores of the simulated doublets
    threshold : score above which a cell is called a doublet; NaN where the simulated scores have no valley
    """

    scores: np.ndarray
    simulated: np.ndarray
    threshold: float

    @property
    def called(self) -> np.ndarray:
        """Which cells are called doublets: shape (n_cells,), bool; none without a threshold."""
        return np.asarray(self.scores > self.threshold)

    @property
    def detectable(self) -> float:
        """Share of 1 of the simulated doublets above the threshold; NaN without one."""
        return float((self.simulated > self.threshold).mean()) if np.isfinite(self.threshold) else float("nan")


def find_doublets(counts: sp.csr_matrix, totals: np.ndarray, params: DoubletParams | None = None) -> Doublets:
    """Score each cell by the share of simulated doublets around it.

    Parameters
    ----------
    counts : shape (n_cells, n_genes), CSR, counts of variable genes, of ONE sample: doublets form within a run
    totals : shape (n_cells,), transcripts of each cell over the genes of ``counts``
    params : None = defaults

    Raises
    ------
    InvalidInputError
        For fewer than 20 cells, or no variable gene.

    Notes
    -----
    Wolock, Lopez and Klein 2019, doi:10.1016/j.cels.2018.11.005. Counts of random pairs are added; cells and pairs
    are scaled to one total and standardised as the cells are, projected on the cells' components, and
    q = (simulated neighbours + 1) / (neighbours + 2) is turned into the share of doublets by Bayes' rule with the
    expected share. The threshold is the lowest point between the two modes of the smoothed histogram of the
    simulated scores (Prewitt and Mendelsohn 1966, doi:10.1111/j.1749-6632.1965.tb11715.x).
    """
    params = params or DoubletParams()
    n_cells = counts.shape[0]
    if n_cells < MIN_CELLS or not counts.shape[1]:
        raise InvalidInputError(
            f"Doublets are sought among at least {MIN_CELLS} cells with variable genes, and there are {n_cells}",
            do="Loosen the filter of the cells, or choose a coarser batch",
        )
    pca = principal_components(_scaled(counts, totals), PcaParams(n_components=params.n_components, scale=True))
    n_simulated = max(1, round(n_cells * params.n_simulated))
    pairs = np.random.default_rng(params.seed).integers(0, n_cells, (n_simulated, 2))
    points = np.vstack([pca.scores, _project(counts, totals, pairs, pca)])
    own = params.n_neighbors or min(_MOST_NEAR, max(1, round(0.5 * np.sqrt(n_cells))))
    ratio = n_simulated / n_cells
    near = find_neighbors(points, round(own * (1 + ratio)), NeighborParams())
    among = (near.index >= n_cells).sum(axis=1)
    scores = _posterior(among, near.index.shape[1], ratio, params.expected_share)
    cells, simulated = scores[:n_cells], scores[n_cells:]
    return Doublets(cells, simulated, params.threshold or valley(simulated))


def _scaled(counts: sp.csr_matrix, totals: np.ndarray) -> sp.csr_matrix:
    factor = np.divide(_TARGET, totals, out=np.zeros(len(totals)), where=totals > 0)
    data = (counts.data * np.repeat(factor, np.diff(counts.indptr))).astype(np.float32)
    return sp.csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)


def _project(counts: sp.csr_matrix, totals: np.ndarray, pairs: np.ndarray, pca: PcaResult) -> np.ndarray:
    """Places of the pairs' sums among the components of the cells: shape (n_pairs, n_components), float32."""
    axes = pca.loadings / pca.deviation[:, None]
    offset = pca.mean @ axes
    out = np.empty((len(pairs), axes.shape[1]), np.float32)
    for first in range(0, len(pairs), _ROWS):
        some = pairs[first : first + _ROWS]
        both = counts[some[:, 0]].astype(np.float64) + counts[some[:, 1]].astype(np.float64)
        out[first : first + _ROWS] = _scaled(both.tocsr(), totals[some].sum(axis=1)) @ axes - offset
    return out


def _posterior(among: np.ndarray, n_neighbors: int, ratio: float, expected: float) -> np.ndarray:
    """Share of doublets among the cells at a place where ``among`` of the neighbours are simulated."""
    q = (among + 1) / (n_neighbors + 2)
    return np.asarray(q * expected / ratio / (1 - expected - q * (1 - expected - expected / ratio)))


def valley(values: np.ndarray) -> float:
    """The lowest point between the two modes of a distribution; NaN where there are never exactly two.

    Parameters
    ----------
    values : shape (n,), float

    Notes
    -----
    The histogram of 256 bins is smoothed by means of three until two peaks are left.
    """
    if len(values) < 2 or values.min() == values.max():
        return float("nan")
    counts, edges = np.histogram(values, _BINS)
    smooth = counts.astype(np.float64)
    for _ in range(_MOST_ROUNDS):
        smooth = scipy.ndimage.uniform_filter1d(smooth, 3)
        peaks = _peaks(smooth)
        if len(peaks) < 3:
            break
    if len(peaks) != 2:
        return float("nan")
    low = peaks[0] + int(np.argmin(smooth[peaks[0] : peaks[1] + 1]))
    return float((edges[low] + edges[low + 1]) / 2)


def _peaks(heights: np.ndarray) -> list[int]:
    """Bins where the heights go from rising to falling."""
    peaks, rising = [], True
    for bin in range(len(heights) - 1):
        if rising and heights[bin + 1] < heights[bin]:
            peaks.append(bin)
            rising = False
        elif not rising and heights[bin + 1] > heights[bin]:
            rising = True
    return peaks
