"""Testing every cluster against the rest, beside illico and scanpy.

Data: seeded negative binomial counts, 15 clusters, 100,000 cells × 20,000 genes, about 5 % nonzero (synthetic), in
memory as CSC. Figures are CPU seconds of the whole process, all threads, interleaved; compiling is not timed. scanpy
runs once, the others n = 3 times, median. Also: one comparison of two selections by each test that takes cells. Needs
about 8 GB. Run: ``python -m bench.compare [--small]``.
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
    for start in range(0, columns.shape[1], width):
        yield MatrixBlock(start, "features", columns[:, start : start + width])


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


def one_vs_rest(columns: sp.csc_matrix, labels: np.ndarray, *, rounds: int) -> dict[str, Any]:
    """Ours, illico and scanpy on the same matrix."""
    import anndata

    table = anndata.AnnData(columns)
    table.obs["group"] = labels.astype(str)
    table.obs["group"] = table.obs["group"].astype("category")
    few = table[:, :50].copy()
    found: dict[str, Any] = {}
    peers = illico_peer(table)
    our_markers(few.X, labels)
    scanpy_z(few, 50)
    for warm in illico_peer(few).values():
        warm()
    times: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
    for _ in range(rounds):
        times["ours"].append(cpu_s(lambda: found.update(ours=our_markers(columns, labels))))
        for name, work in peers.items():
            times[name].append(cpu_s(work))
    times["scanpy"] = [cpu_s(lambda: found.update(scanpy=scanpy_z(table, columns.shape[1])))]
    median = {name: statistics.median(values) for name, values in times.items()}
    faster = {name: value / median["ours"] for name, value in median.items() if name != "ours"}
    off = float(np.abs(found["ours"].z - found["scanpy"]).max())
    shown = ", ".join(f"{name} {median[name]:.2f} ({ratio:.1f} x)" for name, ratio in faster.items())
    print(f"one cluster against the rest: ours {median['ours']:.2f} cpu-s; {shown}; max |dz| {off:.1e}", flush=True)
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
    return [one_vs_rest(columns, labels, rounds=rounds), *two_selections(columns, labels)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few hundred cells, one round")
    parser.add_argument("--json", help="also write the figures to this file")
    given = parser.parse_args()
    measured = main(given.small)
    if given.json:
        Path(given.json).write_text(json.dumps(measured, indent=1), encoding="utf-8")
