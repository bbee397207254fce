from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.variable_genes import (
    GeneMoments,
    VariableGenesParams,
    choose_variable_genes,
    gene_moments,
)
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts, cell_blocks, feature_blocks


def slow_choice(dense: np.ndarray, n_genes: int) -> np.ndarray:
    """The same by pandas, on the whole dense matrix."""
    mean, variance = dense.mean(axis=0), dense.var(axis=0, ddof=1)
    mean[mean == 0] = 1e-12
    ratio = variance / mean
    ratio[ratio == 0] = np.nan
    table = pd.DataFrame({"mean": np.log1p(mean), "dispersion": np.log(ratio)})
    groups = table.groupby(pd.cut(table["mean"], 20), observed=True)["dispersion"]
    average, spread = groups.transform("mean"), groups.transform("std")
    alone = spread.isna()
    normalized = (table["dispersion"] - average.where(~alone, 0)) / spread.where(~alone, average)
    cutoff = normalized.dropna().sort_values(ascending=False).iloc[n_genes - 1]
    return (normalized >= cutoff).to_numpy()


@pytest.mark.parametrize("n_genes", [10, 200])
def test_blocks_choose_as_the_slow_way(planted: Counts, n_genes: int) -> None:
    n_cells, n_features = planted.counts.shape
    wanted = slow_choice(np.expm1(planted.logged.toarray().astype(np.float64)), n_genes)
    for size in (7, 300, 5000):
        moments = gene_moments(planted.columns(size), n_cells, n_features)
        found = choose_variable_genes(moments, VariableGenesParams(n_genes=n_genes))
        assert found.chosen.sum() == n_genes
        assert (found.chosen == wanted).all()


def test_moments_of_sparse_columns() -> None:
    dense = np.array([[0, 1, 0, 2], [0, 3, 0, 0], [0, 0, 0, 0]], float)
    moments = gene_moments(feature_blocks(sp.csr_matrix(np.log1p(dense)), 2), 3, 4)
    np.testing.assert_allclose(moments.mean, dense.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, dense.var(axis=0, ddof=1), rtol=1e-6)


def test_constant_genes_are_never_chosen() -> None:
    none = choose_variable_genes(GeneMoments(np.zeros(3), np.zeros(3)))
    assert not none.chosen.any()
    some = choose_variable_genes(GeneMoments(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 5.0])))
    assert some.chosen.tolist() == [False, True, True]


def test_what_cannot_be_used_is_refused(planted: Counts) -> None:
    with pytest.raises(InvalidInputError, match="two cells"):
        gene_moments([], 1, 3)
    with pytest.raises(InvalidInputError, match="feature-major"):
        gene_moments(cell_blocks(planted.logged), *planted.logged.shape)
