"""Harmony: components of several batches are moved so that cells of one kind lie together whatever their batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_WINDOW = 3


@dataclass(frozen=True, slots=True)
class HarmonyParams(Params):
    """Parameters of the integration."""

    diversity: float = parameter(
        2.0, "How strongly clusters of a single batch are avoided (θ); 0 = not at all", minimum=0, maximum=20
    )
    width: float = parameter(
        0.1, "How soft the clusters are (σ); larger = softer", unit="squared cosine distance", minimum=0.001, maximum=10
    )
    ridge: float = parameter(1.0, "How cautiously cells are moved (λ); larger = less", minimum=0.001, maximum=1e6)
    n_clusters: int = parameter(
        0, "Soft clusters; 0 = one for 30 cells, 100 at most", unit="clusters", minimum=0, maximum=1000
    )
    n_rounds: int = parameter(10, "Most rounds of clustering and moving", unit="rounds", minimum=1, maximum=100)
    n_inner: int = parameter(
        20, "Most rounds of clustering before cells are moved", unit="rounds", minimum=1, maximum=200
    )
    block_share: float = parameter(
        0.05, "Share of the cells that are assigned at once", unit="share of 1", minimum=0.001, maximum=1
    )
    seed: int = parameter(0, "Seed of the first clusters and of the order of the cells", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True, slots=True)
class HarmonyRun(HarmonyParams):
    """Parameters of an integration of a table that is ready."""

    batch: str = parameter(
        "", "Annotation or attribute whose groups are the batches", names="column-or-attribute", required=True
    )
    embedding: str = parameter("X_pca", "Components that are integrated", names="embedding")
    umap: bool = parameter(True, "Whether UMAP of the integrated components is computed")
    clusters: bool = parameter(True, "Whether Leiden clusters of the integrated components are computed")
    resolution: float = parameter(1.0, "Resolution of these clusters", minimum=0, maximum=1000)
    n_neighbors: int = parameter(
        15, "Size of a neighbourhood, counting the cell itself", unit="cells", minimum=2, maximum=200
    )


@dataclass(frozen=True, slots=True)
class HarmonyResult:
    """Moved components.

    Attributes
    ----------
    points : shape (n_cells, n_components), float32; in the unit of the components
    objective : value after the first clusters and after each round, falling
    converged : whether a round changed the objective by less than one in ten thousand
    """

    points: np.ndarray
    objective: list[float]
    converged: bool


def harmony(points: np.ndarray, batches: np.ndarray, params: HarmonyParams | None = None) -> HarmonyResult:
    """Integrate batches in the space of principal components.

    Parameters
    ----------
    points : shape (n_cells, n_components), float; principal components
    batches : shape (n_cells,), integer from 0; batch of each cell
    params : None = defaults

    Raises
    ------
    InvalidInputError
        For fewer than two batches, or components that are missing.

    Notes
    -----
    Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0. On cosine distances 2 (1 - z · y), cells are assigned softly
    to clusters so that Σ R d + σ Σ R ln R + σ θ Σ R ln ((O + 1) / (E + 1)) falls, O and E being the observed and
    expected cells of each batch in each cluster; then each cluster's ridge regression on the batches, without its
    intercept, is taken from its cells. With one batch a cell, that regression is solved in closed form.
    """
    params = params or HarmonyParams()
    n_batches = _check(points, batches)
    state = _begin(points.astype(np.float32), batches, n_batches, params)
    objective = [state.objective()]
    converged = False
    rng = np.random.default_rng(params.seed)
    for _ in range(params.n_rounds):
        _cluster(state, rng)
        objective.append(state.objective())
        _move(state)
        if objective[-2] - objective[-1] < 1e-4 * abs(objective[-2]):
            converged = True
            break
    return HarmonyResult(state.moved, objective, converged)


def _check(points: np.ndarray, batches: np.ndarray) -> int:
    if len(points) != len(batches) or not np.isfinite(points).all():
        raise InvalidInputError("Some components of the cells are missing", do="Leave these cells out")
    n_batches = len(np.unique(batches))
    if n_batches < 2 or int(batches.max()) + 1 != n_batches or batches.min() < 0:
        raise InvalidInputError(
            f"Harmony integrates at least two batches, and there is {n_batches}",
            do="Choose an annotation that tells the batches apart",
        )
    return n_batches


@dataclass(slots=True)
class _State:
    """What is known of cells, clusters and batches.

    Attributes
    ----------
    original, moved : shape (n_cells, n_dims), float32; before, and after the last round
    unit : the same, scaled to length 1
    members : row numbers of each batch
    shares : shape (n_cells, n_clusters), float32; R, rows add up to 1
    centres : shape (n_clusters, n_dims), float32, of length 1
    observed, expected : shape (n_batches, n_clusters), float64; O and E
    """

    original: np.ndarray
    moved: np.ndarray
    unit: np.ndarray
    batches: np.ndarray
    members: list[np.ndarray]
    shares: np.ndarray
    centres: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    params: HarmonyParams
    frequency: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def distances(self) -> np.ndarray:
        """Squared cosine distance of every cell from every cluster: shape (n_cells, n_clusters), float32."""
        return np.asarray(2 * (1 - self.unit @ self.centres.T))

    def objective(self) -> float:
        """The sum that the clustering makes smaller."""
        logs = np.log(self.shares, where=self.shares > 0, out=np.zeros_like(self.shares))
        entropy = np.sum(self.shares * logs, dtype=np.float64)
        ratio = np.log((self.observed + 1) / (self.expected + 1))
        diversity = self.params.diversity * float((self.observed * ratio).sum())
        error = float(np.sum(self.shares * self.distances(), dtype=np.float64))
        return error + self.params.width * (float(entropy) + diversity)

    def count(self) -> None:
        """Set observed and expected from the shares."""
        self.observed = np.stack([self.shares[rows].sum(axis=0, dtype=np.float64) for rows in self.members])
        self.expected = np.outer(self.frequency, self.observed.sum(axis=0))


def _begin(points: np.ndarray, batches: np.ndarray, n_batches: int, params: HarmonyParams) -> _State:
    import scranpy  # heavy library; runs in job processes only

    n_cells = len(points)
    n_clusters = params.n_clusters or int(max(2, min(round(n_cells / 30), 100)))
    n_clusters = min(n_clusters, n_cells)
    unit = _unit(points)
    found = scranpy.cluster_kmeans(
        unit.T.astype(np.float64), n_clusters, init_method="kmeans++", refine_method="lloyd",
        lloyd_iterations=25, seed=params.seed,
    )  # fmt: skip
    centres = _unit(np.asarray(found["centers"]).T.astype(np.float32))
    members = [np.flatnonzero(batches == batch) for batch in range(n_batches)]
    empty = np.zeros((n_batches, len(centres)))
    state = _State(points, points, unit, batches, members, np.zeros((0, 0), np.float32), centres, empty, empty, params)
    state.frequency = np.array([len(rows) for rows in members]) / n_cells
    nearness = _nearness(state)
    state.shares = nearness / nearness.sum(axis=1, keepdims=True)
    state.count()
    return state


def _unit(points: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.where(length > 0, length, 1))


def _nearness(state: _State) -> np.ndarray:
    """exp(-distance / σ), each row over its largest: shape (n_cells, n_clusters), float32."""
    out = -state.distances() / np.float32(state.params.width)
    out -= out.max(axis=1, keepdims=True)
    return np.asarray(np.exp(out, out=out))


def _cluster(state: _State, rng: np.random.Generator) -> None:
    """Rounds of new centres and new shares until the objective stands still."""
    n_cells = len(state.unit)
    n_blocks = min(n_cells, int(np.ceil(1 / state.params.block_share)))
    history: list[float] = []
    for turn in range(state.params.n_inner):
        state.centres = _unit(state.shares.T @ state.unit)
        nearness = _nearness(state)
        for block in np.array_split(rng.permutation(n_cells), n_blocks):
            _assign(state, nearness, block)
        history.append(state.objective())
        if turn > _WINDOW:
            old, new = sum(history[-1 - _WINDOW : -1]), sum(history[-_WINDOW:])
            if abs(old - new) < 1e-5 * abs(old):
                break
    state.count()  # without the roundings of the steps


def _assign(state: _State, nearness: np.ndarray, block: np.ndarray) -> None:
    """Take some cells out, and give them new shares that favour clusters in which their batch is rare."""
    batch = state.batches[block]
    _add(state, state.shares[block], batch, -1)
    rarity = np.power((state.expected + 1) / (state.observed + 1), state.params.diversity).astype(np.float32)
    fresh = nearness[block] * rarity[batch]
    fresh /= np.maximum(fresh.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    state.shares[block] = fresh
    _add(state, fresh, batch, 1)
    np.maximum(state.observed, 0, out=state.observed)
    np.maximum(state.expected, 0, out=state.expected)


def _add(state: _State, shares: np.ndarray, batch: np.ndarray, sign: int) -> None:
    onehot = np.zeros((len(state.members), len(batch)), np.float32)
    onehot[batch, np.arange(len(batch))] = 1
    counts = (onehot @ shares).astype(np.float64)
    state.observed = state.observed + sign * counts
    state.expected = state.expected + sign * np.outer(state.frequency, counts.sum(axis=0))


def _move(state: _State) -> None:
    """Take each cluster's mean of each batch, less the cluster's own, from its cells."""
    sums = np.stack([state.shares[rows].T @ state.original[rows] for rows in state.members]).astype(np.float64)
    weight = state.observed + state.params.ridge  # (n_batches, n_clusters)
    # The intercept is what is left when the batches are eliminated from the normal equations.
    kept = state.observed / weight
    intercept_weight = (state.observed * (1 - kept)).sum(axis=0)
    intercept_sum = ((1 - kept)[:, :, None] * sums).sum(axis=0)
    safe = np.maximum(intercept_weight, 1e-12)[:, None]
    intercept = np.where(intercept_weight[:, None] > 1e-12, intercept_sum / safe, 0.0)
    offsets = (sums - state.observed[:, :, None] * intercept[None]) / weight[:, :, None]
    moved = state.original.copy()
    for rows, offset in zip(state.members, offsets, strict=True):
        moved[rows] -= state.shares[rows] @ offset.astype(np.float32)
    state.moved, state.unit = moved, _unit(moved)
