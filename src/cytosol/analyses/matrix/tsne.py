"""t-SNE by the Barnes-Hut approximation of libscran, from neighbours that are already known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytosol.analyses.matrix.neighbors import Neighbors
from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class TsneParams(Params):
    """Parameters of t-SNE."""

    perplexity: float = parameter(
        30.0, "Effective number of neighbours; lowered where there are few cells", unit="cells", minimum=1, maximum=300
    )
    n_iterations: int = parameter(500, "Steps of the optimisation", unit="steps", minimum=50, maximum=10_000)
    theta: float = parameter(
        1.0, "Coarseness of the approximation of far forces; 0 is exact and slow", minimum=0, maximum=2
    )
    seed: int = parameter(0, "Seed of the first coordinates", minimum=0, maximum=2**32 - 1)
    threads: int = parameter(1, "Threads", minimum=1, maximum=256)

    @property
    def n_others(self) -> int:
        """How many neighbours a cell needs, without itself."""
        return int(np.ceil(self.perplexity * 3))


def tsne(neighbors: Neighbors, params: TsneParams | None = None) -> np.ndarray:
    """Place the cells in the plane so that neighbours stay near.

    Parameters
    ----------
    neighbors : at least ``params.n_others`` a cell, or all there are
    params : None = defaults

    Returns
    -------
    shape (n_cells, 2), float32, unitless

    Raises
    ------
    InvalidInputError
        For fewer than four cells, or too few neighbours.

    Notes
    -----
    Van der Maaten 2014, JMLR 15:3221. The far forces come from a quadtree of depth 7. Random start, so that the
    place of a cluster in the plane means nothing.
    """
    import scranpy  # heavy library; runs in job processes only
    from knncolle import FindKnnResults

    params = params or TsneParams()
    n_cells = len(neighbors.index)
    if n_cells < 4:
        raise InvalidInputError("t-SNE needs at least four cells", do="Loosen the filter of the cells")
    needed = min(params.n_others, n_cells - 1)
    if neighbors.index.shape[1] < needed:
        raise InvalidInputError(
            f"t-SNE of perplexity {params.perplexity:g} needs {needed} neighbours a cell and got "
            f"{neighbors.index.shape[1]}",
            do="Lower the perplexity",
        )
    used = neighbors.first(needed)
    found = FindKnnResults(
        index=np.ascontiguousarray(used.index, np.uint32), distance=np.ascontiguousarray(used.distance, np.float64)
    )
    placed = scranpy.run_tsne(
        found,
        perplexity=min(params.perplexity, needed / 3),
        num_neighbors=needed,
        theta=params.theta,
        max_iterations=params.n_iterations,
        early_exaggeration_iterations=min(250, params.n_iterations // 2),
        momentum_switch_iterations=min(250, params.n_iterations // 2),
        seed=params.seed,
        num_threads=params.threads,
    )
    return np.ascontiguousarray(placed, np.float32)
