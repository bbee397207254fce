"""From a written table to clusters, markers and pictures; each step reads the feature-major index."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.matrix.clustering import Clustering, LeidenParams, LouvainParams, leiden, louvain
from cytosol.analyses.matrix.connectivities import connectivities
from cytosol.analyses.matrix.harmony import HarmonyParams, harmony
from cytosol.analyses.matrix.markers import Markers, find_markers
from cytosol.analyses.matrix.neighbors import NeighborParams, Neighbors, find_neighbors
from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.analyses.matrix.pca import PcaParams, PcaResult, principal_components
from cytosol.analyses.matrix.spectral import SpectralParams, spectral_embedding
from cytosol.analyses.matrix.tsne import TsneParams, tsne
from cytosol.analyses.matrix.umap import UmapParams, umap
from cytosol.analyses.matrix.variable_genes import VariableGenesParams, choose_variable_genes, gene_moments
from cytosol.base.errors import LimitExceededError
from cytosol.base.protocols import Report
from cytosol.base.tables import ColumnData, MatrixBlock, MatrixKind
from cytosol.catalog.pipeline import PipelineParams
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.events import FeatureReader
from cytosol.jobs.frames import ChannelReport
from cytosol.jobs.provenance import made_by

LOUVAIN = "Louvain clustering"
_BLOCK_BYTES = 32 << 20
_MARKER_BYTES = 128  # of sums and results for one cluster and feature
_MARKERS = ("z", "log2_fold_change", "share_in", "share_out", "mean_in", "mean_out")


@dataclass(frozen=True, slots=True)
class Matrix:
    """A written table, both ways round.

    Attributes
    ----------
    totals : shape (n_cells,), float64, sum of the stored values of each cell
    """

    index: FeatureReader
    cells: CellMatrix
    kind: MatrixKind | Literal["events"]
    totals: np.ndarray

    @property
    def is_log(self) -> bool:
        """Whether `feature_blocks` gives logarithms; channels of events are given as they were measured."""
        return self.kind != "events"

    def normalized(self, matrix: Any, totals: np.ndarray, target_sum: float) -> Any:
        """Log-normalised values of a block; of a table that holds no counts, the values as they are."""
        return log_normalize(matrix, totals, target_sum) if self.kind == "counts" else matrix

    def feature_blocks(self, target_sum: float, report: Report | None = None) -> Iterator[MatrixBlock]:
        """All features, log-normalised; a report is told how far it is."""
        for start, block in self.index.blocks(_BLOCK_BYTES):
            yield MatrixBlock(start, "features", self.normalized(block, self.totals, target_sum))
            if report is not None:
                report.progress((start + block.shape[1]) / max(1, self.index.n_features), "Reading the features")


@dataclass(slots=True)
class Analysed:
    """What came out: annotations and embeddings by name, each with how it was made."""

    columns: list[tuple[str, ColumnData, dict[str, Any]]] = field(default_factory=list)
    embeddings: list[tuple[str, np.ndarray, dict[str, Any]]] = field(default_factory=list)
    markers: tuple[Markers, Clustering, dict[str, Any]] | None = None
    notes: list[str] = field(default_factory=list)


def analyse(
    matrix: Matrix,
    params: PipelineParams,
    report: ChannelReport,
    memory_bytes: int,
    *,
    batches: np.ndarray | None = None,
) -> Analysed:
    """Normalise, choose genes, reduce, find neighbours, embed and cluster; small data gets what it allows.

    Parameters
    ----------
    memory_bytes : what the run may use; steps that would need more refuse, or are left out with a note
    batches : shape (n_cells,), integer from 0; integrated by Harmony before neighbours are sought; None = not

    Raises
    ------
    LimitExceededError
        Where there is not enough memory; names ``job_memory_bytes``.
    """
    out = Analysed()
    n_cells = matrix.index.n_cells
    if matrix.kind == "counts":
        report.log("Normalizing expression matrix")
    chosen = _choose_genes(matrix, params, report.part(0.0, 0.1))
    if n_cells < 3 or not len(chosen):
        why = f"{n_cells} cells are too few" if n_cells < 3 else "no gene varies between the cells"
        out.notes.append(f"No embeddings and clusters were computed: {why}")
        return out
    _check_memory(n_cells, params, memory_bytes, with_tsne=False)
    with_tsne = params.tsne and n_cells >= 4
    if with_tsne and _needed_bytes(n_cells, params, with_tsne=True) > memory_bytes:
        with_tsne = False
        out.notes.append("t-SNE was left out: it would need more memory than job_memory_bytes allows")
    report.log("Running PCA")
    report.progress(0.1, "PCA")
    pca = _reduce(matrix, chosen, params, memory_bytes)
    n_components = pca.scores.shape[1]
    if n_components < params.n_components:
        out.notes.append(f"{n_components} principal components were computed: there are no more")
    pca_made = made_by(
        "pca",
        {"n_components": n_components, "n_genes": len(chosen), "target_sum": params.target_sum},
        variance_ratio=[float(round(share, 6)) for share in pca.variance_ratio],
    )
    out.embeddings.append(("X_pca", pca.scores, pca_made))
    points = pca.scores if batches is None else _integrate(pca.scores, batches, params, out)
    report.log("Running kNN")
    report.progress(0.3, "kNN")
    neighbors, graph, facts = _neighbors(points, params, with_tsne, out)
    _embed_and_cluster(matrix, neighbors, graph, _Step(params, out, report, facts, with_tsne, memory_bytes))
    return out


@dataclass(frozen=True, slots=True)
class _Step:
    params: PipelineParams
    out: Analysed
    report: ChannelReport
    facts: dict[str, Any]
    with_tsne: bool
    memory_bytes: int


def _embed_and_cluster(matrix: Matrix, neighbors: Neighbors, graph: sp.csr_matrix, step: _Step) -> None:
    out, report, params = step.out, step.report, step.params
    report.log("Running spectral embedding")
    report.progress(0.45, "Spectral embedding")
    spectral_params = SpectralParams(seed=params.seed)
    spectral = spectral_embedding(graph, spectral_params)
    out.embeddings.append(("X_spectral", spectral, made_by("spectral", spectral_params.to_json(), **step.facts)))
    report.log("Running Louvain clustering")
    report.progress(0.5, "Louvain clustering")
    louvain_params = LouvainParams(seed=params.seed)
    groups = louvain(graph, louvain_params)[0]
    louvain_made = made_by("louvain", louvain_params.to_json(), modularity=groups.modularity, **step.facts)
    out.columns.append((LOUVAIN, _as_column(groups), louvain_made))
    report.log("Running Leiden clustering")
    report.progress(0.52, "Leiden clustering")
    leiden_params = LeidenParams(resolutions=params.resolutions, seed=params.seed)
    for clustering in leiden(graph, leiden_params):
        name = f"Leiden clustering (resolution {clustering.resolution:g})"
        said = {**leiden_params.to_json(), "resolutions": [clustering.resolution]}
        leiden_made = made_by("leiden", said, modularity=clustering.modularity, **step.facts)
        out.columns.append((name, _as_column(clustering), leiden_made))
    if params.markers:
        report.log("Running venice binarizer")
        report.progress(0.55, "Markers")
        _mark(matrix, groups, step)
    if step.with_tsne:
        report.log("Running t-SNE")
        report.progress(0.65, "t-SNE")
        tsne_params = TsneParams(perplexity=params.perplexity, seed=params.seed)
        placed = tsne(neighbors, tsne_params)
        out.embeddings.append(("X_tsne", placed, made_by("tsne", tsne_params.to_json(), **step.facts)))
    if params.umap:
        report.log("Running UMAP")
        report.progress(0.9, "UMAP")
        umap_params = UmapParams(min_dist=params.min_dist, seed=params.seed)
        placed = umap(graph, umap_params, start=spectral)
        out.embeddings.append(("X_umap", placed, made_by("umap", umap_params.to_json(), **step.facts)))


def _mark(matrix: Matrix, groups: Clustering, step: _Step) -> None:
    n_features = matrix.index.n_features
    if _MARKER_BYTES * groups.n_clusters * n_features > step.memory_bytes // 2:
        step.out.notes.append(
            f"Markers were left out: {groups.n_clusters:,} clusters of {n_features:,} features would need more memory "
            f"than job_memory_bytes allows"
        )
        return
    target_sum = step.params.target_sum
    found = find_markers(
        matrix.feature_blocks(target_sum), groups.labels, n_groups=groups.n_clusters, n_features=n_features
    )
    step.out.markers = found, groups, made_by("markers", {"column": LOUVAIN, "target_sum": target_sum})


def _choose_genes(matrix: Matrix, params: PipelineParams, report: ChannelReport) -> np.ndarray:
    """Places of the genes that PCA works on, rising."""
    n_cells, n_features = matrix.index.n_cells, matrix.index.n_features
    if n_cells < 2:
        return np.empty(0, np.int64)

    def told() -> Iterator[MatrixBlock]:
        for block in matrix.feature_blocks(params.target_sum):
            yield block
            report.progress(block.start / max(1, n_features), "Normalizing")

    if matrix.kind == "normalized":
        variance = _variances(told(), n_cells, n_features)
        order = np.argsort(-variance, kind="stable")[: params.n_genes]
        return np.sort(order[variance[order] > 0])
    moments = gene_moments(told(), n_cells, n_features)
    chosen = choose_variable_genes(moments, VariableGenesParams(n_genes=min(params.n_genes, n_features))).chosen
    if chosen.sum() < min(50, int((moments.variance > 0).sum())):
        chosen = moments.variance > 0
    return np.flatnonzero(chosen)


def _variances(blocks: Iterator[MatrixBlock], n_cells: int, n_features: int) -> np.ndarray:
    """Variance of each feature of values that may be scaled already: shape (n_features,), float64."""
    variance = np.zeros(n_features)
    for block in blocks:
        values = block.values.astype(np.float64)
        mean = np.asarray(values.sum(axis=0)).ravel() / n_cells
        square = np.asarray(values.multiply(values).sum(axis=0)).ravel() / n_cells
        variance[block.start : block.start + values.shape[1]] = np.maximum(square - mean**2, 0)
    return variance


def _reduce(matrix: Matrix, chosen: np.ndarray, params: PipelineParams, memory_bytes: int) -> PcaResult:
    pca_params = PcaParams(n_components=params.n_components)
    nnz = int(matrix.index.counts[chosen].sum())
    if 40 * nnz <= memory_bytes // 3:
        selected = matrix.normalized(matrix.index.features(chosen), matrix.totals, params.target_sum)
        return principal_components(selected.tocsr(), pca_params)

    def rows() -> Iterator[sp.csr_matrix]:
        for start, block in matrix.cells.blocks(_BLOCK_BYTES):
            totals = matrix.totals[start : start + block.shape[0]]
            yield matrix.normalized(sp.csr_matrix(block[:, chosen]), totals, params.target_sum)

    return principal_components(rows, pca_params)


def _integrate(points: np.ndarray, batches: np.ndarray, params: PipelineParams, out: Analysed) -> np.ndarray:
    """The components after Harmony; as they are where there is one batch only."""
    present, codes = np.unique(batches, return_inverse=True)
    if len(present) < 2:
        out.notes.append(f"Harmony was left out: '{params.batch}' has one batch only")
        return points
    settings = HarmonyParams(seed=params.seed)
    found = harmony(points, codes, settings)
    facts: dict[str, Any] = {"batch": params.batch, "n_batches": len(present), "converged": found.converged}
    out.embeddings.append(("X_harmony", found.points, made_by("harmony", settings.to_json(), **facts)))
    return found.points


def _neighbors(
    points: np.ndarray, params: PipelineParams, with_tsne: bool, out: Analysed
) -> tuple[Neighbors, sp.csr_matrix, dict[str, Any]]:
    n_cells = len(points)
    n_neighbors = min(params.n_neighbors, n_cells)
    if n_neighbors < params.n_neighbors:
        out.notes.append(f"Neighbourhoods have {n_neighbors} cells: there are no more")
    wanted = n_neighbors - 1
    if with_tsne:
        wanted = max(wanted, min(TsneParams(perplexity=params.perplexity).n_others, n_cells - 1))
    settings = NeighborParams(n_neighbors=max(2, n_neighbors))
    neighbors = find_neighbors(points, wanted, settings)
    facts = {"neighbors": {**settings.to_json(), "method": neighbors.method, "recall": neighbors.recall}}
    return neighbors, connectivities(neighbors, settings), facts


def _needed_bytes(n_cells: int, params: PipelineParams, *, with_tsne: bool) -> int:
    """Memory of the steps after PCA, about."""
    others = params.n_neighbors
    if with_tsne:
        others = max(others, TsneParams(perplexity=params.perplexity).n_others)
    per_cell = 12 * params.n_components + 8 * others + 240 * params.n_neighbors + 400
    if with_tsne:
        per_cell += 40 * others
    return (150 << 20) + 24 * params.n_genes**2 + n_cells * per_cell


def _check_memory(n_cells: int, params: PipelineParams, memory_bytes: int, *, with_tsne: bool) -> None:
    needed = _needed_bytes(n_cells, params, with_tsne=with_tsne)
    if needed > memory_bytes:
        raise LimitExceededError(
            f"Embeddings and clusters of {n_cells:,} cells need about {needed / 2**30:.1f} GiB of memory, and one job "
            f"may use {memory_bytes / 2**30:.1f} GiB",
            do="Ask whoever runs this server to raise job_memory_bytes, or submit with embeddings 'keep'",
            setting="job_memory_bytes",
            needed_bytes=needed,
        )


def _as_column(clustering: Clustering) -> ColumnData:
    return ColumnData(clustering.labels.astype(np.int32), categories=clustering.names)


def markers_file(markers: Markers) -> bytes:
    """Markers as an npz file; p values follow from z and are left out."""
    arrays = {name: getattr(markers, name) for name in _MARKERS}
    small = {name: values if name == "z" else values.astype(np.float32) for name, values in arrays.items()}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **small)
    return file.getvalue()
