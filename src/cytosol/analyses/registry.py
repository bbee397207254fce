"""The registry of analyses: what forms, documents, the command line and OpenAPI say about each comes from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cytosol.analyses.cytometry.batches import BatchParams, learn_batches
from cytosol.analyses.cytometry.beads import BeadParams, follow_beads
from cytosol.analyses.cytometry.event_params import BatchRun, BeadRun, EventMapParams, FlowSomRun, QualityRun
from cytosol.analyses.cytometry.flowsom import FlowSomParams, flowsom
from cytosol.analyses.cytometry.quality import QualityParams, check_quality
from cytosol.analyses.matrix.cell_cycle import CellCycleParams, score_cell_cycle
from cytosol.analyses.matrix.cell_types import TypingParams, TypingRun, name_types
from cytosol.analyses.matrix.clustering import LeidenParams, LeidenRun, LouvainParams, leiden, louvain
from cytosol.analyses.matrix.comparison import CompareParams, CompareRun, compare_cells
from cytosol.analyses.matrix.densities import DensityParams, kernel_densities
from cytosol.analyses.matrix.doublets import DoubletParams, DoubletRun, find_doublets
from cytosol.analyses.matrix.filtering import FilterParams, keep_cells
from cytosol.analyses.matrix.gene_scores import ScoreParams, ScoreRun, score_genes
from cytosol.analyses.matrix.harmony import HarmonyParams, HarmonyRun, harmony
from cytosol.analyses.matrix.markers import MarkerParams, MarkerRun, find_markers
from cytosol.analyses.matrix.neighbors import NeighborParams, find_neighbors
from cytosol.analyses.matrix.normalization import NormalizeParams, log_normalize
from cytosol.analyses.matrix.pca import PcaParams, principal_components
from cytosol.analyses.matrix.spectral import SpectralParams, spectral_embedding
from cytosol.analyses.matrix.summaries import SummaryParams, summarize
from cytosol.analyses.matrix.tsne import TsneParams, tsne
from cytosol.analyses.matrix.umap import UmapParams, umap
from cytosol.analyses.matrix.variable_genes import VariableGenesParams, choose_variable_genes
from cytosol.analyses.parameters import Parameter, Params
from cytosol.base.errors import InvalidInputError, NotFoundError

__all__ = ["DEFAULT_ANALYSES", "Analysis", "AnalysisRegistry", "Parameter", "Params"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis and everything about it.

    Attributes
    ----------
    name : stable key, lower case
    title : as a person reads it
    version : of our formula; a change of results raises it
    description : one or two sentences
    reference : DOI or address of the formula; "" for a definition of our own
    params : class of its parameter record
    cost : one sentence about time and memory
    function : the pure function
    run : class of the parameters of a job that runs it on a table that is ready; None = a step of the pipeline only
    """

    name: str
    title: str
    version: str
    description: str
    reference: str
    params: type[Params]
    cost: str
    function: Callable[..., Any]
    run: type[Params] | None = None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in their order: those of a job where there can be one."""
        return (self.run or self.params).parameters()

    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.title,
            "description": self.description,
            "type": "object",
            "properties": {entry.name: entry.schema() for entry in self.parameters},
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class AnalysisRegistry:
    """An unchangeable set of analyses.

    Raises
    ------
    InvalidInputError
        Where two have the same name.
    """

    analyses: tuple[Analysis, ...] = ()

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.analyses]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInputError(
                f"There are two analyses of the name '{twice[0]}'", where=twice[0], do="Give one of them another name"
            )

    def register(self, analysis: Analysis) -> AnalysisRegistry:
        """A new registry with one more analysis."""
        return AnalysisRegistry((*self.analyses, analysis))

    def entries(self) -> tuple[Analysis, ...]:
        """All analyses in the order of their registration."""
        return self.analyses

    def get(self, name: str) -> Analysis:
        """One analysis.

        Raises
        ------
        NotFoundError
            Names those that there are.
        """
        for entry in self.analyses:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.analyses)
        raise NotFoundError(f"There is no analysis '{name}'", where=name, do=f"Known are {known}")

    def schema(self, name: str) -> dict[str, Any]:
        """JSON schema of the parameters of one analysis, for forms and OpenAPI."""
        return self.get(name).schema()

    def build(self, name: str, values: Mapping[str, Any]) -> Params:
        """Make the parameter record of one analysis, of its job where there can be one, from JSON values."""
        entry = self.get(name)
        return (entry.run or entry.params).from_json(values)


DEFAULT_ANALYSES: tuple[Analysis, ...] = (
    Analysis(
        "filter", "Filter cells", "1",
        "Keeps the cells whose transcripts, genes and mitochondrial share lie within bounds, all inclusive.",
        "https://doi.org/10.15252/msb.20188746",
        FilterParams, "Negligible.", keep_cells,
    ),
    Analysis(
        "log-normalize", "Log-normalise", "1",
        "Scales every cell to the same total and takes ln(1 + x).",
        "https://doi.org/10.1186/s13059-017-1382-0",
        NormalizeParams, "One pass over the values.", log_normalize,
    ),
    Analysis(
        "variable-genes", "Highly variable genes", "1",
        "Chooses the genes whose dispersion is highest among genes of similar mean expression.",
        "https://doi.org/10.1038/nbt.3192",
        VariableGenesParams, "One pass over the values, feature by feature.", choose_variable_genes,
    ),
    Analysis(
        "pca", "Principal components", "1",
        "Finds the directions of greatest variance among the chosen genes, exactly, through their covariance matrix.",
        "https://doi.org/10.1098/rsta.2015.0202",
        PcaParams, "Time grows with cells × genes²; memory 24 bytes × genes² and one block.", principal_components,
    ),
    Analysis(
        "neighbors", "Nearest neighbours", "1",
        "Finds the nearest other cells of each cell by Euclidean distance, and states the recall.",
        "https://doi.org/10.1109/TPAMI.2018.2889473",
        NeighborParams, "Exact: time grows with cells²; HNSW: slightly faster than with cells.", find_neighbors,
    ),
    Analysis(
        "spectral", "Spectral embedding", "1",
        "Embeds the graph of cells by the leading eigenvectors of its normalised Laplacian.",
        "https://doi.org/10.1162/089976603321780317",
        SpectralParams, "About a minute for a million cells.", spectral_embedding,
    ),
    Analysis(
        "tsne", "t-SNE", "1",
        "Places the cells in the plane so that neighbours stay near; distances between clusters mean little.",
        "https://jmlr.org/papers/v15/vandermaaten14a.html",
        TsneParams, "About 14 seconds for 20,000 cells; time grows slightly faster than with cells.", tsne,
    ),
    Analysis(
        "umap", "UMAP", "1",
        "Lays the graph of cells out in the plane so that its edges become short.",
        "https://arxiv.org/abs/1802.03426",
        UmapParams, "About 2 seconds for 20,000 cells; time grows with cells.", umap,
    ),
    Analysis(
        "leiden", "Leiden clustering", "1",
        "Finds well connected communities of the graph of cells, at one or several resolutions.",
        "https://doi.org/10.1038/s41598-019-41695-z",
        LeidenParams, "Under a second for 20,000 cells and one resolution.", leiden, LeidenRun,
    ),
    Analysis(
        "louvain", "Louvain clustering", "1",
        "Finds communities of the graph of cells by greedy modularity, at one or several resolutions.",
        "https://doi.org/10.1088/1742-5468/2008/10/P10008",
        LouvainParams, "Under a second for 20,000 cells and one resolution.", louvain,
    ),
    Analysis(
        "markers", "Marker genes", "1",
        "Tests every gene in every cluster against all other cells by the Wilcoxon rank-sum test with tie correction.",
        "https://doi.org/10.1214/aoms/1177730491",
        MarkerParams, "One sort of the nonzero values of each gene, for all clusters together.", find_markers,
        MarkerRun,
    ),
    Analysis(
        "summary", "Summary by group", "1",
        "Tells the mean, the share of expressing cells and the quartiles of features in groups of cells.",
        "https://doi.org/10.1080/00031305.1996.10473566",
        SummaryParams, "One sort of the nonzero values of each feature.", summarize,
    ),
    Analysis(
        "densities", "Densities by group", "1",
        "Estimates how the values of a feature spread in groups of cells, by Gaussian kernels of Scott's bandwidth.",
        "https://doi.org/10.1002/9780470316849",
        DensityParams, "Time grows with groups × points, hardly with cells.", kernel_densities,
    ),
    Analysis(
        "compare", "Differential expression", "1",
        "Compares two selections of cells in every feature: Wilcoxon, Welch's t-test, or pseudobulk by DESeq2's model.",
        "https://doi.org/10.1186/s13059-014-0550-8",
        CompareParams, "As the marker search; pseudobulk about a minute for 20,000 genes.", compare_cells, CompareRun,
    ),
    Analysis(
        "scores", "Gene-set scores", "1",
        "Scores gene sets in every cell: against control genes of like expression, or as a mean z score.",
        "https://doi.org/10.1126/science.aad0501",
        ScoreParams, "One pass over the values, and one read of the genes of each set.", score_genes, ScoreRun,
    ),
    Analysis(
        "cell-cycle", "Cell cycle", "1",
        "Scores the genes of the S phase and of G2 and M in every cell, and names the phase.",
        "https://doi.org/10.1126/science.aad0501",
        CellCycleParams, "One pass over the values.", score_cell_cycle, CellCycleParams,
    ),
    Analysis(
        "doublets", "Doublets", "1",
        "Scores how much each cell resembles the sum of two cells of its batch, and calls doublets (Scrublet).",
        "https://doi.org/10.1016/j.cels.2018.11.005",
        DoubletParams, "About 10 seconds for 3,000 cells of a batch, minutes for 30,000.", find_doublets, DoubletRun,
    ),
    Analysis(
        "harmony", "Harmony", "1",
        "Moves cells in the space of components so that batches mix while kinds of cells stay apart.",
        "https://doi.org/10.1038/s41592-019-0619-0",
        HarmonyParams, "About 5 seconds for 3,000 cells; time grows with cells × clusters.", harmony, HarmonyRun,
    ),
    Analysis(
        "cell-types", "Cell types", "1",
        "Names the type of each cluster, or cell, by the marker genes that it expresses and lacks, or by a model.",
        "https://doi.org/10.1038/s41467-022-28803-w",
        TypingParams, "One read of the marker genes; seconds.", name_types, TypingRun,
    ),
    Analysis(
        "flowsom", "FlowSOM", "1",
        "Finds populations of events: a self-organising map of scaled channels, its nodes joined by consensus.",
        "https://doi.org/10.1002/cyto.a.22625",
        FlowSomParams, "About a second for 20,000 events; time grows with events × nodes.", flowsom, FlowSomRun,
    ),
    Analysis(
        "event-map", "Map and clusters of channels", "1",
        "Embeds events by UMAP, t-SNE or spectrally, and clusters them by Leiden, from neighbours in scaled channels.",
        "https://doi.org/10.1038/nbt.4314",
        EventMapParams, "About 30 seconds for 50,000 events.", find_neighbors, EventMapParams,
    ),
    Analysis(
        "flow-quality", "Quality of a run", "1",
        "Marks events that were measured while the flow was unsteady, the signal drifted or a detector was full.",
        "https://doi.org/10.1093/bioinformatics/btw191",
        QualityParams, "Seconds for a million events.", check_quality, QualityRun,
    ),
    Analysis(
        "bead-normalisation", "Bead normalisation", "1",
        "Finds the beads in a file of mass cytometry, and makes a new file in which they stay alike in time.",
        "https://doi.org/10.1002/cyto.a.22271",
        BeadParams, "Seconds for a million events.", follow_beads, BeadRun,
    ),
    Analysis(
        "batch-normalisation", "Normalisation across runs", "1",
        "Makes new files in which the controls of all batches have the same distributions, within populations.",
        "https://doi.org/10.1002/cyto.a.23904",
        BatchParams, "Seconds for a million events.", learn_batches, BatchRun,
    ),
)  # fmt: skip
"""The analyses that ship with Cytosol."""
