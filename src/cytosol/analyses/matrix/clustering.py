"""Communities of the graph of cells: Leiden at several resolutions, and Louvain; numbered by size."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_generator_lock = threading.Lock()
"""igraph draws from one generator in the whole process."""


@dataclass(frozen=True, slots=True)
class LeidenParams(Params):
    """Parameters of the Leiden clustering."""

    resolutions: tuple[float, ...] = parameter(
        (1.0,), "Resolutions, one clustering each; a higher one gives more clusters", minimum=0, maximum=1000
    )
    n_iterations: int = parameter(2, "Rounds of refinement", unit="rounds", minimum=1, maximum=1000)
    seed: int = parameter(0, "Seed of the random order in which cells are moved", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True, slots=True)
class LeidenRun(LeidenParams):
    """Parameters of a clustering of a table that is ready."""

    embedding: str = parameter("X_pca", "Coordinates whose nearest neighbours make the graph", names="embedding")
    n_neighbors: int = parameter(
        15, "Size of a neighbourhood, counting the cell itself", unit="cells", minimum=2, maximum=200
    )


@dataclass(frozen=True, slots=True)
class LouvainParams(Params):
    """Parameters of the Louvain clustering."""

    resolutions: tuple[float, ...] = parameter(
        (1.0,), "Resolutions, one clustering each; a higher one gives more clusters", minimum=0, maximum=1000
    )
    seed: int = parameter(0, "Seed of the random order in which cells are moved", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True, slots=True)
class Clustering:
    """One clustering of the cells.

    Attributes
    ----------
    resolution : that it was made with
    labels : shape (n_cells,), int32; 0 = the largest cluster, equal sizes in order of their first cell
    modularity : of the partition, at resolution 1
    """

    resolution: float
    labels: np.ndarray
    modularity: float

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max()) + 1

    @property
    def names(self) -> list[str]:
        """'Cluster 1' is the largest."""
        return [f"Cluster {number + 1}" for number in range(self.n_clusters)]


def leiden(graph: sp.csr_matrix, params: LeidenParams | None = None) -> list[Clustering]:
    """Cluster by the Leiden algorithm, maximising modularity.

    Parameters
    ----------
    graph : shape (n_cells, n_cells), symmetric, weights above 0
    params : None = defaults

    Returns
    -------
    One clustering a resolution, in their order; each is the same whether asked for alone or with others.

    Notes
    -----
    Traag et al. 2019, doi:10.1038/s41598-019-41695-z, as scanpy's ``leiden(flavor="igraph")``.
    """
    params = params or LeidenParams()
    made = _to_igraph(graph)

    def run(resolution: float) -> Any:
        return made.community_leiden(
            objective_function="modularity", weights="weight", resolution=resolution, n_iterations=params.n_iterations
        )

    return [_seeded(run, resolution, params.seed) for resolution in params.resolutions]


def louvain(graph: sp.csr_matrix, params: LouvainParams | None = None) -> list[Clustering]:
    """Cluster by the Louvain algorithm, maximising modularity.

    Parameters
    ----------
    graph : shape (n_cells, n_cells), symmetric, weights above 0
    params : None = defaults

    Returns
    -------
    One clustering a resolution, in their order; each is the same whether asked for alone or with others.

    Notes
    -----
    Blondel et al. 2008, doi:10.1088/1742-5468/2008/10/P10008.
    """
    params = params or LouvainParams()
    made = _to_igraph(graph)

    def run(resolution: float) -> Any:
        return made.community_multilevel(weights="weight", resolution=resolution)

    return [_seeded(run, resolution, params.seed) for resolution in params.resolutions]


def _to_igraph(graph: sp.csr_matrix) -> Any:
    import igraph  # heavy library; runs in job processes only

    if graph.shape[0] < 1:
        raise InvalidInputError("There are no cells to cluster", do="Loosen the filter of the cells")
    half = sp.triu(graph, k=1, format="coo")
    ends = np.column_stack([half.row, half.col])
    made = igraph.Graph(n=graph.shape[0], edges=ends, directed=False)
    made.es["weight"] = half.data.astype(np.float64)
    return made


def _seeded(run: Any, resolution: float, seed: int) -> Clustering:
    import igraph  # heavy library; runs in job processes only

    with _generator_lock:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            partition = run(resolution)
        finally:
            igraph.set_random_number_generator(random)
    labels = number_by_size(np.asarray(partition.membership))
    return Clustering(float(resolution), labels, float(partition.graph.modularity(labels.tolist(), weights="weight")))


def number_by_size(labels: np.ndarray) -> np.ndarray:
    """Number groups from 0 by decreasing size; equal sizes in order of their first member.

    Parameters
    ----------
    labels : shape (n_cells,), any integers

    Returns
    -------
    shape (n_cells,), int32
    """
    _, first, inverse, count = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(count), np.int32)
    rank[np.lexsort((first, -count))] = np.arange(len(count), dtype=np.int32)
    return np.asarray(rank[inverse])
