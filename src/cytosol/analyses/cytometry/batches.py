"""Normalisation across runs: the distributions of controls of each batch are led to one goal, within populations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cytosol.analyses.cytometry.flowsom import FlowSomParams, flowsom
from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_FEWEST_EVENTS = 50
_LOWEST, _HIGHEST = 0.01, 0.99
_GRID = 10


@dataclass(frozen=True, slots=True)
class BatchParams(Params):
    """Parameters of normalisation across runs."""

    n_clusters: int = parameter(
        5,
        "Populations of the controls, found by FlowSOM, that are normalised each by itself; 1 = all events alike",
        unit="populations",
        minimum=1,
        maximum=50,
    )
    n_quantiles: int = parameter(
        99, "Quantiles that a distribution is known by, from 1 to 99 percent", unit="quantiles", minimum=3, maximum=999
    )
    n_training: int = parameter(
        200_000, "Events of the controls that are looked at, drawn at random", unit="events", minimum=1000
    )
    seed: int = parameter(42, "Seed of everything that is drawn at random", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True, slots=True)
class BatchModel:
    """How values of each batch become those of the goal.

    Attributes
    ----------
    weights : shape (n_nodes, n_channels), float64, nodes of the map, scaled; no rows = one population
    spread : shape (n_channels,), float64, what distances to nodes are divided by
    cluster_of : shape (n_nodes,), int32
    source : shape (n_batches, n_clusters, n_channels, n_quantiles), float64, scaled
    goal : shape (n_clusters, n_channels, n_quantiles), float64, scaled
    n_poor : pairs of batch and population with too few events, which are normalised by all events of the batch
    """

    weights: np.ndarray
    spread: np.ndarray
    cluster_of: np.ndarray
    source: np.ndarray
    goal: np.ndarray
    n_poor: int = 0


def learn_batches(
    controls: Sequence[np.ndarray], batches: Sequence[int], params: BatchParams | None = None, *, goal: int = -1
) -> BatchModel:
    """Learn from controls, which would look alike if they had been measured in one run.

    Parameters
    ----------
    controls : each of shape (n_events, n_channels), float, compensated and scaled; events with NaN take no part
    batches : of each control, from 0; each batch has one at least
    params : None = defaults
    goal : the batch that the others are led to; -1 = the mean of all

    Raises
    ------
    InvalidInputError
        Where a batch has fewer than 50 events.

    Notes
    -----
    CytoNorm, Van Gassen et al. 2020, doi:10.1002/cyto.a.23904: populations of all controls by FlowSOM; in each the
    quantiles of every channel and batch, and their mean over the batches as the goal; a monotone cubic spline leads
    from one to the other. A population with fewer than 50 events in a batch takes the quantiles of all its events.
    """
    given = params or BatchParams()
    n_batches = max(batches) + 1
    rng = np.random.default_rng(given.seed)
    share = max(1, given.n_training // max(1, len(controls)))
    values, codes = [], []
    for part, batch in zip(controls, batches, strict=True):
        whole = np.asarray(part, np.float32)[np.isfinite(part).all(axis=1)]
        if len(whole) > share:
            whole = whole[np.sort(rng.choice(len(whole), share, replace=False))]
        values.append(whole)
        codes.append(np.full(len(whole), batch))
    pooled, batch_of = np.concatenate(values), np.concatenate(codes)
    counts = np.bincount(batch_of, minlength=n_batches)
    if counts.min() < _FEWEST_EVENTS:
        raise InvalidInputError(
            f"A batch has {counts.min()} events of controls, and at least {_FEWEST_EVENTS} are needed",
            do="Choose controls with more events",
        )
    weights, cluster_of = np.empty((0, pooled.shape[1])), np.zeros(0, np.int32)
    clusters = np.zeros(len(pooled), np.int32)
    if given.n_clusters > 1:
        made = flowsom(
            pooled,
            FlowSomParams(n_clusters=given.n_clusters, grid_width=_GRID, grid_height=_GRID, seed=given.seed),
        )
        weights, cluster_of, clusters = made.weights, made.cluster_of, made.clusters
    shares = np.linspace(_LOWEST, _HIGHEST, given.n_quantiles)
    source = np.empty((n_batches, given.n_clusters, pooled.shape[1], given.n_quantiles))
    sizes = np.zeros((n_batches, given.n_clusters), np.int64)
    np.add.at(sizes, (batch_of, clusters), 1)
    poor = sizes.min(axis=0) < _FEWEST_EVENTS
    for batch in range(n_batches):
        for cluster in range(given.n_clusters):
            chosen = batch_of == batch if poor[cluster] else (batch_of == batch) & (clusters == cluster)
            source[batch, cluster] = np.quantile(pooled[chosen], shares, axis=0).T
    spread = pooled.std(axis=0, dtype=np.float64)
    spread[spread == 0] = 1.0
    target = source.mean(axis=0) if goal < 0 else source[goal]
    return BatchModel(weights, spread, cluster_of, source, target, int(poor.sum()))


def clusters_of(model: BatchModel, values: np.ndarray) -> np.ndarray:
    """The population of each event: shape (n_events, n_channels), scaled, to shape (n_events,), int32; 0 with a NaN."""
    out = np.zeros(len(values), np.int32)
    complete = np.flatnonzero(np.isfinite(values).all(axis=1))
    if not len(model.weights) or not len(complete):
        return out
    from cytosol.analyses.cytometry.som_kernels import nearest_nodes  # loads numba

    near = np.empty(len(complete), np.int32)
    points = np.ascontiguousarray(values[complete] / model.spread, np.float32)
    nearest_nodes(points, model.weights / model.spread, near)
    out[complete] = model.cluster_of[near]
    return out


def apply_batches(model: BatchModel, values: np.ndarray, batch: int) -> np.ndarray:
    """Normalise events of a batch: shape (n_events, n_channels), scaled, float32 to the same; NaN stays.

    Beyond the lowest and the highest quantile values move as far as these.
    """
    out = np.array(values, np.float32)
    clusters = clusters_of(model, values)
    for cluster in np.unique(clusters):
        rows = np.flatnonzero(clusters == cluster)
        for channel in range(out.shape[1]):
            out[rows, channel] = _led(
                out[rows, channel], model.source[batch, cluster, channel], model.goal[cluster, channel]
            )
    return out


def _led(values: np.ndarray, source: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Values of shape (n,) moved as quantiles of shape (n_quantiles,) are."""
    from scipy.interpolate import PchipInterpolator

    # quantiles that are alike, such as those of many zeros, are one
    x, first = np.unique(source, return_inverse=True)
    y = np.bincount(first, goal) / np.bincount(first)
    if len(x) < 2:
        return np.asarray(values + (y[0] - x[0]), np.float32)
    inside = PchipInterpolator(x, y)(np.clip(values, x[0], x[-1]))
    return np.asarray(inside + (values - np.clip(values, x[0], x[-1])), np.float32)
