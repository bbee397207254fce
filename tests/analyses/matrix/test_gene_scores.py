from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.cell_cycle import G2M_GENES, PHASES, S_GENES, score_cell_cycle
from cytosol.analyses.matrix.gene_scores import (
    ScoredMatrix,
    ScoreParams,
    choose_controls,
    feature_means,
    score_genes,
)
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts

T_CELL = ("CD3D", "CD3E", "CD3G", "TRAC", "IL7R", "CD2", "no such gene")


def scored(data: Counts) -> ScoredMatrix:
    by_feature = sp.csc_matrix(data.logged)
    means = feature_means(data.columns(2000), *data.logged.shape)
    return ScoredMatrix(lambda places: by_feature[:, places], means, data.logged.shape[0])


@pytest.mark.filterwarnings("ignore")
def test_equal_to_scanpy(pbmc: Counts, pbmc_symbols: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import anndata
        import pandas as pd
        import scanpy

        theirs = anndata.AnnData(pbmc.logged.astype(np.float64), var=pd.DataFrame(index=pbmc_symbols))
        scanpy.tl.score_genes(theirs, list(T_CELL), score_name="T")
        scanpy.tl.score_genes(theirs, list(T_CELL), score_name="T10", ctrl_size=10, n_bins=10, random_state=7)
        scanpy.tl.score_genes_cell_cycle(theirs, s_genes=list(S_GENES), g2m_genes=list(G2M_GENES))
    at = {symbol: place for place, symbol in enumerate(pbmc_symbols)}

    def places(symbols: tuple[str, ...]) -> np.ndarray:
        return np.array([at[symbol] for symbol in symbols if symbol in at])

    matrix = scored(pbmc)
    np.testing.assert_allclose(score_genes(matrix, places(T_CELL)), theirs.obs["T"], atol=1e-10)
    other = ScoreParams(n_controls=10, n_levels=10, seed=7)
    np.testing.assert_allclose(score_genes(matrix, places(T_CELL), other), theirs.obs["T10"], atol=1e-10)
    cycle = score_cell_cycle(matrix, places(S_GENES), places(G2M_GENES))
    np.testing.assert_allclose(cycle.s, theirs.obs["S_score"], atol=1e-10)
    np.testing.assert_allclose(cycle.g2m, theirs.obs["G2M_score"], atol=1e-10)
    assert [PHASES[phase] for phase in cycle.phase] == list(theirs.obs["phase"])


def test_the_lists_of_the_cell_cycle_are_those_of_the_paper() -> None:
    assert (len(set(S_GENES)), len(set(G2M_GENES))) == (43, 54)
    assert not set(S_GENES) & set(G2M_GENES)


def test_mean_z(planted: Counts) -> None:
    dense = planted.logged.toarray().astype(np.float64)
    genes = np.array([3, 40, 41, 700])
    wanted = ((dense - dense.mean(axis=0)) / np.maximum(dense.std(axis=0), 1e-12))[:, genes].mean(axis=1)
    found = score_genes(scored(planted), genes, ScoreParams(method="z"))
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_controls_are_alike_and_not_of_the_set(planted: Counts) -> None:
    matrix = scored(planted)
    genes = np.argsort(matrix.means)[[700, 701, 1400]]
    found = choose_controls(matrix.means, genes, ScoreParams(n_controls=20))
    assert not set(found) & set(genes)
    assert 36 <= len(found) <= 40
    assert (found == choose_controls(matrix.means, genes, ScoreParams(n_controls=20))).all()
    near = np.abs(np.argsort(np.argsort(matrix.means))[found][:, None] - np.array([700, 1400])).min(axis=1)
    assert near.max() <= 1500 / 24


def test_an_empty_set_is_refused(planted: Counts) -> None:
    with pytest.raises(InvalidInputError, match="No gene of the set"):
        score_genes(scored(planted), [])
    few = ScoredMatrix(lambda places: sp.csc_matrix((3, len(places))), np.ones(2), 3)
    with pytest.raises(InvalidInputError, match="No gene is left"):
        score_genes(few, [0, 1])


def test_missing_values_leave_the_mean(planted: Counts) -> None:
    values = sp.csc_matrix(np.array([[1.0, np.nan], [3.0, np.nan], [0.0, 2.0]], np.float32))
    from tests.analyses.matrix.cells import feature_blocks

    np.testing.assert_allclose(feature_means(feature_blocks(sp.csr_matrix(values)), 3, 2), [4 / 3, 2])
