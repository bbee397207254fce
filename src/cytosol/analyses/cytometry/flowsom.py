"""FlowSOM: a self-organising map of the events, and its nodes joined to populations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_RATE = (0.05, 0.01)
_RADIUS_QUANTILE = 0.67
_DRAWS = 100
_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class FlowSomParams(Params):
    """Parameters of FlowSOM."""

    n_clusters: int = parameter(
        10, "Populations that the nodes of the map are joined to", unit="populations", minimum=2, maximum=200
    )
    grid_width: int = parameter(10, "Nodes of the map from left to right", unit="nodes", minimum=2, maximum=50)
    grid_height: int = parameter(10, "Nodes of the map from below to above", unit="nodes", minimum=2, maximum=50)
    n_rounds: int = parameter(10, "How often the map sees as many events as it learns from", minimum=1, maximum=1000)
    n_training: int = parameter(
        200_000, "Events that the map learns from, drawn at random; all get a population", unit="events", minimum=100
    )
    standardise: bool = parameter(True, "Whether every channel gets mean 0 and standard deviation 1 first")
    seed: int = parameter(42, "Seed of everything that is drawn at random", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True, slots=True)
class FlowSom:
    """A map of events.

    Attributes
    ----------
    nodes : shape (n_events,), int32, the nearest node of each event; -1 where a value is missing
    clusters : shape (n_events,), int32, its population, 0 = the largest; -1 where a value is missing
    weights : shape (n_nodes, n_channels), float64, where the nodes lie, in the unit of the values
    cluster_of : shape (n_nodes,), int32, the population of each node
    """

    nodes: np.ndarray
    clusters: np.ndarray
    weights: np.ndarray
    cluster_of: np.ndarray

    @property
    def n_clusters(self) -> int:
        """Populations that have events."""
        return int(self.clusters.max(initial=-1)) + 1


def flowsom(values: np.ndarray, params: FlowSomParams | None = None) -> FlowSom:
    """Find populations of events.

    Parameters
    ----------
    values : shape (n_events, n_channels), float, compensated and scaled; events with NaN take no part
    params : None = defaults

    Raises
    ------
    InvalidInputError
        Where there are fewer complete events than nodes, or no more nodes than populations.

    Notes
    -----
    Van Gassen et al. 2015, doi:10.1002/cyto.a.22625. The map learns online (Kohonen): the nearest node and those
    within a radius, by the larger of the two distances on the grid, move towards an event by a rate that falls from
    0.05 to 0.01, while the radius falls from the 67th percentile of all distances to 0. Nodes are joined by consensus
    (Monti et al. 2003, doi:10.1023/A:1023949509487): average linkage of 100 draws of 90 % of them, then average
    linkage of how seldom two came together.
    """
    given = params or FlowSomParams()
    points = np.asarray(values, np.float32)
    n_nodes = given.grid_width * given.grid_height
    complete = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(complete) < n_nodes:
        raise InvalidInputError(
            f"{len(complete):,} events with a value in every channel are too few for a map of {n_nodes} nodes",
            do="Make the grid smaller, or choose other channels",
        )
    if given.n_clusters >= n_nodes:
        raise InvalidInputError(
            f"{n_nodes} nodes cannot be joined to {given.n_clusters} populations", do="Make the grid larger"
        )
    from cytosol.analyses.cytometry.som_kernels import nearest_nodes  # loads numba

    rng = np.random.default_rng(given.seed)
    points = points[complete]
    mean, spread = np.zeros(points.shape[1]), np.ones(points.shape[1])
    if given.standardise:
        mean, spread = points.mean(axis=0, dtype=np.float64), points.std(axis=0, dtype=np.float64)
        spread[spread == 0] = 1.0
        points = ((points - mean) / spread).astype(np.float32)
    points = np.ascontiguousarray(points)
    weights = _learn(points, given, rng)
    cluster_of = _consensus(weights, given.n_clusters, rng)
    near = np.empty(len(points), np.int32)
    nearest_nodes(points, weights, near)
    order = np.argsort(-np.bincount(cluster_of[near], minlength=given.n_clusters), kind="stable")
    renamed = np.empty(given.n_clusters, np.int32)
    renamed[order] = np.arange(given.n_clusters, dtype=np.int32)
    cluster_of = renamed[cluster_of]
    nodes, clusters = (np.full(len(values), -1, np.int32) for _ in range(2))
    nodes[complete], clusters[complete] = near, cluster_of[near]
    return FlowSom(nodes, clusters, weights * spread + mean, cluster_of)


def _learn(points: np.ndarray, given: FlowSomParams, rng: np.random.Generator) -> np.ndarray:
    """Weights of the nodes: shape (n_nodes, n_channels), float64."""
    from cytosol.analyses.cytometry.som_kernels import learn  # loads numba

    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(given.grid_width), np.arange(given.grid_height)))
    apart = np.maximum(np.abs(x[:, None] - x), np.abs(y[:, None] - y)).astype(np.float64)
    if len(points) > given.n_training:
        points = points[np.sort(rng.choice(len(points), given.n_training, replace=False))]
    weights = points[rng.choice(len(points), len(x), replace=False)].astype(np.float64)
    radius = float(np.quantile(apart, _RADIUS_QUANTILE))
    n_steps = given.n_rounds * len(points)
    for first in range(0, n_steps, len(points)):
        drawn = rng.integers(0, len(points), len(points))
        learn(points, drawn, weights, apart, np.array([radius, *_RATE, first, n_steps]))
    return weights


def _consensus(weights: np.ndarray, n_clusters: int, rng: np.random.Generator) -> np.ndarray:
    """The population of each node: shape (n_nodes,), int32, from 0."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist, squareform

    n_nodes = len(weights)
    distances = squareform(pdist(weights))
    together, seen = np.zeros((n_nodes, n_nodes)), np.zeros((n_nodes, n_nodes))
    n_drawn = max(n_clusters, round(_SHARE * n_nodes))
    for _ in range(_DRAWS):
        drawn = np.sort(rng.choice(n_nodes, n_drawn, replace=False))
        tree = linkage(squareform(distances[np.ix_(drawn, drawn)], checks=False), "average")
        labels = fcluster(tree, n_clusters, "maxclust")
        seen[np.ix_(drawn, drawn)] += 1
        together[np.ix_(drawn, drawn)] += labels[:, None] == labels
    apart = 1 - np.divide(together, seen, out=np.zeros_like(together), where=seen > 0)
    np.fill_diagonal(apart, 0)
    labels = fcluster(linkage(squareform(apart, checks=False), "average"), n_clusters, "maxclust")
    return np.unique(labels, return_inverse=True)[1].astype(np.int32)
