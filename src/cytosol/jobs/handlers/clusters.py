"""Clusters at other resolutions, or of another embedding."""

from __future__ import annotations

from typing import cast

import numpy as np

from cytosol.analyses.matrix.clustering import LeidenRun, leiden
from cytosol.analyses.matrix.connectivities import connectivities
from cytosol.analyses.matrix.neighbors import NeighborParams, find_neighbors
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.jobs.handlers.base import Outcome, TableRun


async def cluster(run: TableRun) -> Outcome:
    """Cluster the graph of nearest neighbours of the cells that have a place in the embedding."""
    params = cast(LeidenRun, run.params)
    points = await run.embedding(params.embedding)
    placed = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(placed) < 3:
        raise InvalidInputError(f"{len(placed)} cells have a place in '{params.embedding}'; 3 are needed")
    run.report.log("Running kNN")
    settings = NeighborParams(n_neighbors=min(params.n_neighbors, len(placed)))
    neighbors = find_neighbors(points[placed], settings.n_neighbors - 1, settings)
    graph = connectivities(neighbors, settings)
    run.report.progress(0.6, "Leiden clustering")
    outcome = Outcome(facts={"neighbors": {"method": neighbors.method, "recall": neighbors.recall}})
    for clustering in leiden(graph, params):
        run.report.log(f"Resolution {clustering.resolution:g}: {clustering.n_clusters} clusters")
        codes = np.full(run.n_cells, -1, np.int32)
        codes[placed] = clustering.labels
        plain = run.name or "Leiden clustering"
        several = len(params.resolutions) > 1 or not run.name
        name = f"{plain} (resolution {clustering.resolution:g})" if several else plain
        outcome.columns[name] = ColumnData(codes, categories=clustering.names)
    return outcome
