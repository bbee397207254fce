"""Batches integrated by Harmony, with the picture and the clusters that follow from it."""

from __future__ import annotations

from typing import cast

import numpy as np

from cytosol.analyses.matrix.clustering import LeidenParams, leiden
from cytosol.analyses.matrix.connectivities import connectivities
from cytosol.analyses.matrix.harmony import HarmonyRun, harmony
from cytosol.analyses.matrix.mixing import inverse_simpson
from cytosol.analyses.matrix.neighbors import NeighborParams, find_neighbors
from cytosol.analyses.matrix.spectral import SpectralParams, spectral_embedding
from cytosol.analyses.matrix.umap import UmapParams, umap
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.jobs.handlers.base import Outcome, TableRun

_JUDGED = 20_000
_NEAR = 30


async def integrate(run: TableRun) -> Outcome:
    """Move the cells of all batches together; UMAP and clusters of the moved components on request."""
    params = cast(HarmonyRun, run.params)
    points = await run.embedding(params.embedding)
    column = await run.groups(params.batch)
    known = np.flatnonzero(np.isfinite(points).all(axis=1) & (column.values >= 0))
    present, batches = np.unique(column.values[known], return_inverse=True)
    if len(present) < 2:
        raise InvalidInputError(
            f"'{params.batch}' has one batch only",
            where="batch",
            do="Choose an annotation that tells the batches apart",
        )
    run.report.log(f"Integrating {len(present)} batches")
    found = harmony(points[known], batches, params)
    run.report.progress(0.5, "Judging the mixing")
    before, after = (mixing(each, batches) for each in (points[known], found.points))
    run.report.log(f"Batches among {_NEAR} neighbours: {before:.2f} before, {after:.2f} after, of {len(present)}")
    outcome = Outcome(result={"mixing_before": before, "mixing_after": after, "n_batches": len(present)})
    outcome.facts = {"objective": [round(value, 3) for value in found.objective], "converged": found.converged}
    outcome.facts |= {"mixing_before": before, "mixing_after": after}
    if not found.converged:
        outcome.notes.append(f"Harmony had not come to rest after {params.n_rounds} rounds")
    if len(known) < run.n_cells:
        outcome.notes.append(f"{run.n_cells - len(known):,} cells without a batch or a place were left out of Harmony")
    outcome.embeddings[run.name or "X_harmony"] = _spread(found.points, known, run.n_cells)
    if params.umap or params.clusters:
        _follow(run, found.points, known, outcome)
    return outcome


def mixing(points: np.ndarray, batches: np.ndarray) -> float:
    """Mean effective number of batches among 30 neighbours, of a sample of at most 20,000 cells."""
    rows = np.unique(np.linspace(0, len(points) - 1, min(len(points), _JUDGED)).astype(np.int64))
    near = find_neighbors(points[rows], _NEAR, NeighborParams())
    return round(float(inverse_simpson(near.index, batches[rows]).mean()), 4)


def _follow(run: TableRun, points: np.ndarray, known: np.ndarray, outcome: Outcome) -> None:
    params = cast(HarmonyRun, run.params)
    run.report.progress(0.6, "kNN")
    settings = NeighborParams(n_neighbors=min(params.n_neighbors, len(points)))
    graph = connectivities(find_neighbors(points, settings.n_neighbors - 1, settings), settings)
    if params.clusters:
        run.report.progress(0.75, "Leiden clustering")
        found = leiden(graph, LeidenParams((params.resolution,), seed=params.seed))[0]
        codes = np.full(run.n_cells, -1, np.int32)
        codes[known] = found.labels
        outcome.columns["Leiden clustering (Harmony)"] = ColumnData(codes, categories=found.names)
    if params.umap:
        run.report.progress(0.8, "UMAP")
        start = spectral_embedding(graph, SpectralParams(seed=params.seed))
        placed = umap(graph, UmapParams(seed=params.seed), start=start)
        outcome.embeddings["X_umap_harmony"] = _spread(placed, known, run.n_cells)


def _spread(points: np.ndarray, rows: np.ndarray, n_cells: int) -> np.ndarray:
    """Coordinates of all cells: NaN for those that are not among ``rows``."""
    if len(rows) == n_cells:
        return points
    out = np.full((n_cells, points.shape[1]), np.nan, np.float32)
    out[rows] = points
    return out
