"""What is computed for a new dataset, and how; checked when it is submitted."""

from __future__ import annotations

from dataclasses import dataclass

from cytosol.analyses.parameters import Params, parameter
from cytosol.analyses.registry import Analysis

SEED_MAX = 2**32 - 1


@dataclass(frozen=True, slots=True)
class PipelineParams(Params):
    """The parameters of the way from counts to clusters and pictures."""

    target_sum: float = parameter(
        1e4, "Total to which every cell is scaled before the logarithm", unit="transcripts", minimum=1e-6
    )
    n_genes: int = parameter(2000, "How many highly variable genes are used", unit="genes", minimum=1, maximum=10_000)
    n_components: int = parameter(50, "How many principal components", unit="components", minimum=1, maximum=200)
    n_neighbors: int = parameter(
        15, "Size of a neighbourhood, counting the cell itself", unit="cells", minimum=2, maximum=200
    )
    resolutions: tuple[float, ...] = parameter(
        (0.5, 1.0, 2.0), "Resolutions of the Leiden clustering, one annotation each", minimum=0, maximum=1000
    )
    perplexity: float = parameter(30.0, "Effective number of neighbours of t-SNE", unit="cells", minimum=1, maximum=300)
    min_dist: float = parameter(0.5, "Smallest distance of cells in UMAP", minimum=0, maximum=10)
    tsne: bool = parameter(True, "Whether t-SNE is computed")
    umap: bool = parameter(True, "Whether UMAP is computed")
    markers: bool = parameter(True, "Whether marker genes of the Louvain clusters are computed")
    batch: str = parameter(
        "", "Annotation of the files whose groups Harmony brings together before neighbours are sought; empty = none"
    )
    doublets: bool = parameter(
        False, "Whether every cell gets a doublet score among the cells of its batch, as the analysis doublets does"
    )
    cell_cycle: bool = parameter(False, "Whether every cell gets scores and the phase of the cell cycle")
    cell_types: bool = parameter(
        False, "Whether the Louvain clusters, or cells where there are none, are named by the shipped reference"
    )
    seed: int = parameter(0, "Seed of everything random", minimum=0, maximum=SEED_MAX)


PIPELINE = Analysis(
    "pipeline", "Making a dataset", "1",
    "The way from counts to clusters, markers and pictures, and what a submission asks for beside it.",
    "",
    PipelineParams, "Half a minute for 3,000 cells; about an hour for a million on two cores.", PipelineParams,
)  # fmt: skip
"""The parameters of a submission, told as those of an analysis are."""
