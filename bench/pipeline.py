"""Does our single-cell pipeline cost less than its peers'? CPU seconds, side by side in one run.

Data: seeded negative binomial counts, 15 clusters, 20,000 cells × 20,000 genes, about 5 % nonzero (synthetic). Each
figure is the processor time of the whole process, all threads and children, interleaved, median of n = 3 after one
run of each that is not counted (so that compiling is not timed). Run: ``python -m bench.pipeline [--small]``.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.matrix.clustering import leiden
from cytosol.analyses.matrix.connectivities import connectivities
from cytosol.analyses.matrix.markers import find_markers
from cytosol.analyses.matrix.neighbors import find_neighbors
from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.analyses.matrix.pca import principal_components
from cytosol.analyses.matrix.tsne import tsne
from cytosol.analyses.matrix.umap import umap
from cytosol.analyses.matrix.variable_genes import VariableGenesParams, choose_variable_genes, gene_moments
from cytosol.base.tables import MatrixBlock

Work = Callable[[], Any]


def plant(n_cells: int, n_genes: int, *, n_clusters: int = 15, seed: int = 0) -> tuple[sp.csr_matrix, np.ndarray]:
    """Counts (cells × genes, float32) and the planted cluster of each cell."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0, 1.6, n_genes)
    profiles = np.tile(base, (n_clusters, 1))
    for profile in profiles:
        up = rng.choice(n_genes, n_genes // 100, replace=False)
        profile[up] *= rng.lognormal(1.2, 0.5, len(up))
    profiles /= profiles.sum(axis=1, keepdims=True)
    labels = rng.integers(0, n_clusters, n_cells)
    depth = rng.lognormal(np.log(0.0675 * n_genes), 0.35, n_cells)
    blocks = []
    for start in range(0, n_cells, 1000):
        here = slice(start, start + 1000)
        mean = profiles[labels[here]] * depth[here, None]
        blocks.append(sp.csr_matrix(rng.poisson(mean * rng.standard_gamma(3, mean.shape) / 3).astype(np.float32)))
    return sp.vstack(blocks, format="csr"), labels


def cpu_s(work: Work) -> float:
    """Processor seconds of this process and its children while it works."""
    gc.collect()

    def used() -> float:
        parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(part.ru_utime + part.ru_stime for part in parts)

    before = used()
    work()
    return used() - before


def compare(question: str, ours: Work, peers: dict[str, Work], *, rounds: int) -> dict[str, Any]:
    """Medians and ratios of interleaved rounds."""
    runs = {"ours": ours, **peers}
    for work in runs.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, work in runs.items():
            times[name].append(cpu_s(work))
    median = {name: statistics.median(values) for name, values in times.items()}
    ratios = {name: median["ours"] / median[name] for name in peers}
    shown = ", ".join(f"{name} {median[name]:.2f} (ratio {ratios[name]:.2f})" for name in peers)
    print(f"{question}: ours {median['ours']:.2f} cpu-s; {shown}", flush=True)
    return {"question": question, "median_s": median, "ratio": ratios, "times_s": times}


def our_pipeline(counts: sp.csr_matrix, n_top: int) -> np.ndarray:
    """Normalise to Leiden."""
    totals = np.asarray(counts.sum(axis=1), np.float64).ravel()
    columns = sp.csc_matrix(log_normalize(counts, totals))
    moments = gene_moments([MatrixBlock(0, "features", columns)], *counts.shape)
    chosen = choose_variable_genes(moments, VariableGenesParams(n_genes=n_top)).chosen
    scores = principal_components(sp.csr_matrix(columns[:, chosen])).scores
    return leiden(connectivities(find_neighbors(scores, 14)))[0].labels


def scanpy_pipeline(counts: sp.csr_matrix, n_top: int) -> np.ndarray:
    """The same by scanpy's defaults."""
    import anndata
    import scanpy

    data = anndata.AnnData(counts.copy())
    scanpy.pp.normalize_total(data, target_sum=1e4)
    scanpy.pp.log1p(data)
    scanpy.pp.highly_variable_genes(data, n_top_genes=n_top)
    scanpy.pp.pca(data, n_comps=50)
    scanpy.pp.neighbors(data, n_neighbors=15)
    scanpy.tl.leiden(data, flavor="igraph", n_iterations=2, directed=False)
    return data.obs["leiden"].cat.codes.to_numpy()


def rand_index(one: np.ndarray, other: np.ndarray) -> float:
    """Adjusted Rand index."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one, other))


def lost_variance(chosen: sp.csr_matrix, loadings: np.ndarray) -> float:
    """Share of the variance of the best components that these do not hold."""
    dense = chosen.toarray().astype(np.float64)
    covariance = np.cov(dense, rowvar=False)
    best = np.linalg.eigvalsh(covariance)[-loadings.shape[1] :].sum()
    return float(1 - np.trace(loadings.T @ covariance @ loadings) / best)


def preserved(high: np.ndarray, low: np.ndarray) -> float:
    """Share of the 15 nearest neighbours that stay among the 15 nearest."""
    one, other = find_neighbors(high, 15).index, find_neighbors(low, 15).index
    return sum(len(np.intersect1d(a, b)) for a, b in zip(one, other, strict=True)) / one.size


def steps(logged: sp.csr_matrix, labels: np.ndarray, *, n_top: int, rounds: int) -> list[dict[str, Any]]:
    """Each step alone, from the same input, against its peer."""
    import anndata
    import knncolle
    import scanpy

    columns = sp.csc_matrix(logged)
    block = MatrixBlock(0, "features", columns)
    n_cells, n_genes = logged.shape
    moments = gene_moments([block], n_cells, n_genes)
    chosen = sp.csr_matrix(columns[:, choose_variable_genes(moments, VariableGenesParams(n_genes=n_top)).chosen])
    pca = principal_components(chosen)
    graph = connectivities(find_neighbors(pca.scores, 14))
    table = anndata.AnnData(columns)
    table.obs["group"] = labels.astype(str)
    table.obs["group"] = table.obs["group"].astype("category")
    n_groups = int(labels.max()) + 1

    def hnsw() -> None:
        index = knncolle.build_index(knncolle.HnswParameters(ef_search=64), pca.scores.astype(np.float64))
        knncolle.find_knn(index, 14)

    def their_leiden() -> None:
        scanpy.tl.leiden(table, adjacency=graph, flavor="igraph", n_iterations=2, directed=False)

    # Chosen genes are nearly empty in these data; widely expressed ones show the other end.
    distance = np.abs(np.diff(columns.indptr) / n_cells - 0.28)
    dense = sp.csr_matrix(columns[:, np.sort(np.argsort(distance, kind="stable")[:n_top])])

    def scanpy_pca(values: sp.csr_matrix) -> None:
        scanpy.pp.pca(values, n_comps=50, svd_solver="arpack")

    def compare_pca(name: str, values: sp.csr_matrix) -> dict[str, Any]:
        share = values.nnz / values.shape[0] / values.shape[1]
        question = f"PCA, 50 components, {name} genes, {share:.0%} nonzero"
        peers = {"scanpy": lambda: scanpy_pca(values)}
        return compare(question, lambda: principal_components(values), peers, rounds=rounds)

    def our_markers() -> None:
        find_markers([block], labels, n_groups=n_groups, n_features=n_genes)

    results = [
        compare_pca("chosen", chosen),
        compare_pca("widely expressed", dense),
        compare("15 neighbours", lambda: find_neighbors(pca.scores, 14), {"HNSW, ef 64": hnsw}, rounds=rounds),
        compare("Leiden", lambda: leiden(graph), {"scanpy igraph": their_leiden}, rounds=rounds),
        compare("Wilcoxon markers", our_markers, illico_peer(table), rounds=rounds),
    ]
    print(f"variance that our PCA loses: {lost_variance(chosen, pca.loadings):.1e}")
    return results + embeddings(pca.scores, rounds=rounds)


def embeddings(points: np.ndarray, *, rounds: int) -> list[dict[str, Any]]:
    """UMAP from known neighbours, and t-SNE with its search, against their peers."""
    import scranpy
    import umap as umap_learn

    near = find_neighbors(points, 14)
    known = (
        np.column_stack([np.arange(len(points)), near.index]),
        np.column_stack([np.zeros(len(points), np.float32), near.distance]),
        None,
    )
    placed: dict[str, np.ndarray] = {}

    def our_umap() -> None:
        placed["umap"] = umap(connectivities(near))

    def their_umap() -> None:
        model = umap_learn.UMAP(n_neighbors=15, min_dist=0.5, random_state=0, n_jobs=1, precomputed_knn=known)
        placed["umap-learn"] = model.fit_transform(points)

    def our_tsne() -> None:
        placed["tsne"] = tsne(find_neighbors(points, 90))

    def their_tsne() -> None:
        placed["scranpy"] = scranpy.run_tsne(points.T.astype(np.float64))

    results = [
        compare("UMAP from neighbours", our_umap, {"umap-learn": their_umap}, rounds=rounds),
        compare("t-SNE with its search", our_tsne, {"scranpy": their_tsne}, rounds=rounds),
    ]
    print("neighbours preserved: " + ", ".join(f"{name} {preserved(points, at):.3f}" for name, at in placed.items()))
    return results


def illico_peer(table: Any) -> dict[str, Work]:
    """The fastest published test, where it is installed."""
    try:
        from illico.asymptotic_wilcoxon import asymptotic_wilcoxon
        from loguru import logger
    except ImportError:
        return {}
    logger.disable("illico")
    return {"illico": lambda: asymptotic_wilcoxon(table, True, "group", use_continuity=False, exp_post_agg=True)}


def main(small: bool = False) -> list[dict[str, Any]]:
    """Measure everything and print it.

    Parameters
    ----------
    small : a few hundred cells and one round, to see that it runs
    """
    warnings.simplefilter("ignore")
    n_cells, n_genes, n_top, rounds = (400, 600, 200, 1) if small else (20_000, 20_000, 2000, 3)
    counts, labels = plant(n_cells, n_genes, n_clusters=4 if small else 15)
    print(f"{n_cells} cells × {n_genes} genes, synthetic, {counts.nnz / n_cells / n_genes:.1%} nonzero, n = {rounds}")
    found: dict[str, np.ndarray] = {}
    results = [
        compare(
            "normalise to Leiden",
            lambda: found.update(ours=our_pipeline(counts, n_top)),
            {"scanpy": lambda: found.update(scanpy=scanpy_pipeline(counts, n_top))},
            rounds=rounds,
        )
    ]
    print(
        "agreement with the planted clusters: "
        + ", ".join(f"{n} {rand_index(x, labels):.3f}" for n, x in found.items())
    )
    totals = np.asarray(counts.sum(axis=1), np.float64).ravel()
    return results + steps(log_normalize(counts, totals), labels, n_top=n_top, rounds=rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few hundred cells, one round")
    parser.add_argument("--json", help="also write the figures to this file")
    given = parser.parse_args()
    measured = main(given.small)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(measured, file, indent=1)
