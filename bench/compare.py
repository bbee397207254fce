"""Testing every cluster against the rest, beside illico and scanpy.

Data: seeded negative binomial counts, 15 clusters, 100,000 cells × 20,000 genes, about 5 % nonzero (synthetic), in
memory as CSC. Figures are CPU seconds of the whole process, all threads, interleaved, median of n = 3; compiling is not
timed. scanpy, which takes a quarter of an hour for all genes, runs once on every fiftieth of them, beside ours on the
same. Also: one comparison of two clusters by each test that takes cells. Needs about 8 GB.
Run: ``python -m bench.compare [--small]``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from bench.pipeline import cpu_s, illico_peer, plant
from cytosol.analyses.matrix.comparison import CompareParams, compare_cells
from cytosol.analyses.matrix.markers import Markers, find_markers
from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.base.tables import MatrixBlock


def our_markers(columns: sp.csc_matrix, labels: np.ndarray) -> Markers:
    """One pass over blocks of features, as a job reads them."""
    return find_markers(_blocks(columns), labels, n_groups=int(labels.max()) + 1, n_features=columns.shape[1])


def _blocks(columns: sp.csc_matrix, width: int = 2000) -> Any:
    """Pieces of the matrix as views."""
    for start in range(0, columns.shape[1], width):
        pointers = columns.indptr[start : start + width + 1]
        first, last = pointers[0], pointers[-1]
        parts = (columns.data[first:last], columns.indices[first:last], pointers - first)
        yield MatrixBlock(start, "features", sp.csc_matrix(parts, shape=(columns.shape[0], len(pointers) - 1)))


def scanpy_z(table: Any, n_genes: int) -> np.ndarray:
    """The scores of scanpy, tie-corrected: shape (n_groups, n_genes), in the order of the genes."""
    import scanpy

    scanpy.tl.rank_genes_groups(table, "group", method="wilcoxon", tie_correct=True, n_genes=n_genes)
    found = table.uns["rank_genes_groups"]
    place = {name: number for number, name in enumerate(table.var_names)}
    z = np.empty((len(found["scores"].dtype.names), n_genes))
    for row, group in enumerate(sorted(found["scores"].dtype.names, key=int)):
        z[row, [place[name] for name in found["names"][group]]] = found["scores"][group]
    return z


def one_vs_rest(columns: sp.csc_matrix, labels: np.ndarray, *, rounds: int, every: int) -> dict[str, Any]:
    """Ours and illico on the whole matrix, ours and scanpy on every ``every``-th gene."""
    import anndata

    table = anndata.AnnData(columns)
    table.obs["group"] = labels.astype(str)
    table.obs["group"] = table.obs["group"].astype("category")
    some = table[:, ::every].copy()
    few = table[:, :50].copy()
    our_markers(few.X, labels)
    scanpy_z(few, 50)
    for warm in illico_peer(few).values():
        warm()
    runs = {"ours": lambda: our_markers(columns, labels), **illico_peer(table)}
    runs["ours, some genes"] = lambda: our_markers(some.X, labels)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, work in runs.items():
            times[name].append(cpu_s(work))
    found: dict[str, np.ndarray] = {}
    times["scanpy, some genes"] = [cpu_s(lambda: found.update(scanpy=scanpy_z(some, some.n_vars)))]
    median = {name: statistics.median(values) for name, values in times.items()}
    faster = {name: median[name] / median["ours"] for name in median if name == "illico"}
    faster["scanpy"] = median["scanpy, some genes"] / median["ours, some genes"]
    off = float(np.abs(our_markers(some.X, labels).z - found["scanpy"]).max())
    shown = ", ".join(f"{name} {ratio:.2f} x" for name, ratio in faster.items())
    print(f"one cluster against the rest: {median} cpu-s; {shown}; max |dz| {off:.1e}", flush=True)
    return {"question": "one against the rest", "median_s": median, "times_s": times, "faster": faster, "max_dz": off}


def two_selections(columns: sp.csc_matrix, labels: np.ndarray) -> list[dict[str, Any]]:
    """Cluster 0 against cluster 1 by each test."""
    sides = np.where(labels == 0, 0, np.where(labels == 1, 1, -1))
    results = []
    for method in ("wilcoxon", "t-test"):
        params = CompareParams(method=method)
        took = cpu_s(
            lambda params=params: compare_cells(_blocks(columns), sides, n_features=columns.shape[1], params=params)
        )
        print(f"two clusters, {method}: {took:.2f} cpu-s", flush=True)
        results.append({"question": f"two clusters, {method}", "median_s": {"ours": took}})
    return results


def main(small: bool = False) -> list[dict[str, Any]]:
    """Measure and print.

    Parameters
    ----------
    small : a few hundred cells and one round, to see that it runs
    """
    warnings.simplefilter("ignore")
    n_cells, n_genes, rounds = (400, 600, 1) if small else (100_000, 20_000, 3)
    counts, labels = plant(n_cells, n_genes, n_clusters=4 if small else 15)
    share = counts.nnz / n_cells / n_genes
    print(f"{n_cells} cells × {n_genes} genes, synthetic, {share:.1%} nonzero, n = {rounds}", flush=True)
    totals = np.asarray(counts.sum(axis=1), np.float64).ravel()
    columns = sp.csc_matrix(log_normalize(counts, totals))
    del counts
    return [one_vs_rest(columns, labels, rounds=rounds, every=2 if small else 50), *two_selections(columns, labels)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few hundred cells, one round")
    parser.add_argument("--json", help="also write the figures to this file")
    given = parser.parse_args()
    measured = main(given.small)
    if given.json:
        Path(given.json).write_text(json.dumps(measured, indent=1), encoding="utf-8")
