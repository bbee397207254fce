from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.summaries import QUANTILES, GroupSummary, SummaryParams, summarize
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts


def by_pandas(dense: np.ndarray, groups: np.ndarray, n_groups: int, threshold: float = 0.0) -> GroupSummary:
    """The same, slowly: one data frame, groups without cells put back."""
    frame = pd.DataFrame(dense)[groups >= 0].groupby(groups[groups >= 0])
    every = range(n_groups)
    quantiles = np.stack([frame.quantile(q).reindex(every).to_numpy().T for q in QUANTILES], axis=-1)
    share = frame.agg(lambda column: (column[column.notna()] > threshold).mean())
    return GroupSummary(
        frame.count().reindex(every, fill_value=0).to_numpy().T,
        frame.mean().reindex(every).to_numpy().T,
        share.reindex(every).to_numpy().T,
        quantiles,
    )


def is_same(found: GroupSummary, wanted: GroupSummary) -> None:
    np.testing.assert_array_equal(found.n, wanted.n)
    for name in ("mean", "share", "quantiles"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-12, atol=1e-12, err_msg=name)


def test_real_cells_are_summarised_as_pandas_does(pbmc: Counts) -> None:
    genes = np.argsort(-np.asarray((pbmc.logged > 0).sum(axis=0)).ravel())[[0, 5, 50, 500, 3000, 9000]]
    matrix = sp.csc_matrix(pbmc.logged)[:, genes]
    groups = np.random.default_rng(3).integers(-1, 9, matrix.shape[0])
    groups[groups == 4] = -1
    is_same(summarize(matrix, groups, n_groups=9), by_pandas(matrix.toarray().astype(float), groups, 9))


def test_values_below_zero_missing_values_and_a_threshold() -> None:
    rng = np.random.default_rng(5)
    dense = np.round(rng.normal(0, 1, (300, 4)), 1)
    dense[rng.random(dense.shape) < 0.5] = 0
    dense[rng.random(dense.shape) < 0.1] = np.nan
    dense[:, 3] = 0
    groups = rng.integers(-1, 5, 300)
    matrix = sp.csc_matrix(dense)
    for threshold in (0.0, 0.5, -0.5):
        found = summarize(matrix, groups, n_groups=6, params=SummaryParams(threshold=threshold))
        is_same(found, by_pandas(dense, groups, 6, threshold))
    assert (found.n[:, 5] == 0).all()
    assert np.isnan(found.quantiles[:, 5]).all()


def test_one_cell_and_none() -> None:
    matrix = sp.csc_matrix(np.array([[2.0], [0.0]]))
    found = summarize(matrix, np.array([0, 1]), n_groups=2)
    np.testing.assert_array_equal(found.quantiles[0], [[2] * 5, [0] * 5])
    np.testing.assert_array_equal(found.share[0], [1, 0])
    assert summarize(sp.csc_matrix((0, 1)), np.zeros(0, int), n_groups=1).n[0, 0] == 0


def test_groups_that_do_not_fit_are_refused() -> None:
    for groups in (np.array([0]), np.array([0, 2]), np.array([-2, 0])):
        with pytest.raises(InvalidInputError, match=r"groups do not fit.*one number a cell"):
            summarize(sp.csc_matrix((2, 1)), groups, n_groups=2)
