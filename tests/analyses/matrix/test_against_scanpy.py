"""The whole pipeline against scanpy on 2,700 real blood cells; the only module here that imports scanpy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy
import scipy.linalg
import scipy.sparse as sp

from cytosol.analyses.matrix.clustering import LeidenParams, leiden
from cytosol.analyses.matrix.connectivities import connectivities
from cytosol.analyses.matrix.markers import find_markers
from cytosol.analyses.matrix.neighbors import Neighbors, find_neighbors
from cytosol.analyses.matrix.pca import PcaParams, PcaResult, principal_components
from cytosol.analyses.matrix.tsne import tsne
from cytosol.analyses.matrix.umap import umap
from cytosol.analyses.matrix.variable_genes import VariableGenesParams, choose_variable_genes, gene_moments
from tests.analyses.matrix.cells import Counts, feature_blocks, modularity, preserved, rand_index

pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass(frozen=True)
class Ours:
    chosen: np.ndarray
    pca: PcaResult
    neighbors: Neighbors
    graph: sp.csr_matrix


@pytest.fixture(scope="module")
def theirs(pbmc: Counts) -> anndata.AnnData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = anndata.AnnData(pbmc.counts.astype(np.float32))
        scanpy.pp.normalize_total(data, target_sum=1e4)
        scanpy.pp.log1p(data)
        scanpy.pp.highly_variable_genes(data, n_top_genes=2000)
        scanpy.pp.pca(data, n_comps=50, svd_solver="arpack")
        scanpy.pp.neighbors(data, n_neighbors=15)
        scanpy.tl.leiden(data, flavor="igraph", n_iterations=2, directed=False, random_state=0)
        scanpy.tl.umap(data, random_state=0)
    return data


@pytest.fixture(scope="module")
def ours(pbmc: Counts) -> Ours:
    moments = gene_moments(pbmc.columns(2000), *pbmc.counts.shape)
    chosen = choose_variable_genes(moments, VariableGenesParams(n_genes=2000)).chosen
    found = principal_components(pbmc.logged[:, chosen])
    neighbors = find_neighbors(found.scores, 90)
    return Ours(chosen, found, neighbors, connectivities(neighbors))


def test_log_normalised_values(pbmc: Counts, theirs: anndata.AnnData) -> None:
    np.testing.assert_allclose(pbmc.logged.data, sp.csr_matrix(theirs.X).data, rtol=1e-6)


def test_the_same_genes_are_chosen(ours: Ours, theirs: anndata.AnnData) -> None:
    assert (ours.chosen == theirs.var["highly_variable"].to_numpy()).all()
    assert ours.chosen.sum() == 2000


def test_the_same_space_of_components(pbmc: Counts, ours: Ours, theirs: anndata.AnnData) -> None:
    axes = theirs.varm["PCs"][ours.chosen]
    dense = pbmc.logged[:, ours.chosen].toarray().astype(np.float64)
    dense -= dense.mean(axis=0)

    def kept(loadings: np.ndarray) -> float:
        return float((dense @ loadings).var(axis=0, ddof=1).sum())

    lost = 1 - kept(ours.pca.loadings) / kept(axes)
    angle = np.rad2deg(scipy.linalg.subspace_angles(ours.pca.loadings[:, :10], axes[:, :10])).max()
    print(f"PCA: lost variance {lost:.1e} of 50 components, largest angle {angle:.4f} degrees of the first 10")
    assert lost < 1e-6
    np.testing.assert_allclose(ours.pca.variance, theirs.uns["pca"]["variance"], rtol=1e-4)
    assert angle < 0.1


def test_the_same_neighbours_and_graph(theirs: anndata.AnnData) -> None:
    # From scanpy's own components, so that only this step is compared; scanpy is exact for so few cells.
    found = find_neighbors(theirs.obsm["X_pca"], 14)
    distance = theirs.obsp["distances"].tocsr()
    hits = sum(
        len(np.intersect1d(row, distance.indices[distance.indptr[cell] : distance.indptr[cell + 1]]))
        for cell, row in enumerate(found.index)
    )
    print(f"neighbours: {hits / found.index.size:.6f} of scanpy's")
    assert hits / found.index.size > 0.9999
    assert found.recall == 1
    difference = np.abs((connectivities(found) - theirs.obsp["connectivities"]).data)
    # A rounding of one distance at the edge of a neighbourhood may swap a neighbour.
    assert (difference > 1e-3).mean() < 1e-3


def test_leiden_agrees(ours: Ours, theirs: anndata.AnnData) -> None:
    labels = theirs.obs["leiden"].cat.codes.to_numpy()
    same_graph = leiden(sp.csr_matrix(theirs.obsp["connectivities"]))[0]
    own_graph = leiden(ours.graph)[0]
    other = scanpy.tl.leiden(
        theirs, flavor="igraph", n_iterations=2, directed=False, random_state=1, key_added="other", copy=True
    )
    # Two seeds of scanpy's own agree no better than this.
    among_seeds = rand_index(labels, other.obs["other"].cat.codes.to_numpy())
    one, two = (rand_index(graph.labels, labels) for graph in (same_graph, own_graph))
    print(f"Leiden: ARI {one:.3f} on scanpy's graph, {two:.3f} on our own; two seeds of scanpy {among_seeds:.3f}")
    assert one > min(0.9, among_seeds - 0.1)
    assert two > min(0.85, among_seeds - 0.15)
    assert same_graph.modularity > modularity(theirs.obsp["connectivities"], labels) - 0.005


def test_umap_preserves_as_much(ours: Ours, theirs: anndata.AnnData) -> None:
    points = theirs.obsm["X_pca"]
    own, other = preserved(points, umap(ours.graph)), preserved(points, theirs.obsm["X_umap"])
    print(f"UMAP: {own:.3f} of the 15 nearest neighbours kept, scanpy {other:.3f}")
    assert own >= other - 0.01


def test_tsne_preserves_as_much(theirs: anndata.AnnData) -> None:
    some = theirs[::6].copy()
    scanpy.tl.tsne(some, n_pcs=50, random_state=0)
    points = some.obsm["X_pca"]
    wanted = preserved(points, some.obsm["X_tsne"])
    own = preserved(points, tsne(find_neighbors(points, 90)))
    print(f"t-SNE: {own:.3f} of the 15 nearest neighbours kept, scanpy {wanted:.3f}")
    assert own >= wanted - 0.01


def test_markers_agree(theirs: anndata.AnnData) -> None:
    some = theirs[::3, ::6].copy()
    scanpy.tl.rank_genes_groups(some, "leiden", method="wilcoxon", tie_correct=True, pts=True)
    names = some.obs["leiden"].cat.categories
    labels = some.obs["leiden"].cat.codes.to_numpy()
    # On scanpy's own values: where last bits differ, values that tie there do not always tie here.
    values = feature_blocks(sp.csr_matrix(some.X), 2000)
    found = find_markers(values, labels, n_groups=len(names), n_features=some.n_vars)
    for group, name in enumerate(names):
        table = scanpy.get.rank_genes_groups_df(some, name).set_index("names").loc[some.var_names]
        np.testing.assert_allclose(found.z[group], table["scores"], atol=1e-5, rtol=1e-6)
        np.testing.assert_allclose(found.p_adjusted[group], table["pvals_adj"], rtol=1e-6, atol=1e-300)
        both = (found.share_in[group] > 0) & (found.share_out[group] > 0)
        np.testing.assert_allclose(
            found.log2_fold_change[group, both], table["logfoldchanges"][both], rtol=1e-3, atol=1e-3
        )
        np.testing.assert_allclose(found.share_in[group], table["pct_nz_group"], rtol=1e-6)
        np.testing.assert_allclose(found.share_out[group], table["pct_nz_reference"], rtol=1e-6)


def test_the_published_labels_come_out() -> None:
    path = Path(__file__).parents[3] / "src" / "cytosol" / "demo_data" / "pbmc68k_reduced.h5ad"
    data = anndata.read_h5ad(path)
    found = principal_components(sp.csr_matrix(data.X), PcaParams(n_components=50))
    graph = connectivities(find_neighbors(found.scores, 14))
    labels = leiden(graph, LeidenParams((1.0,)))[0].labels
    assert rand_index(labels, data.obs["louvain"].cat.codes.to_numpy()) > 0.6
    assert pd.Series(labels).nunique() >= 5
