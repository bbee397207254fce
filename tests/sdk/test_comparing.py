"""Differential expression, markers and subsets through the client, on real cells; the numbers are scanpy's."""

from __future__ import annotations

from typing import Any

import anndata
import numpy as np
import pytest
import scanpy
import scipy.stats

from cytosol.base.errors import InvalidInputError, JobFailedError, NotFoundError
from cytosol.sdk import Table
from tests.sdk.conftest import REDUCED, Lab

COLUMN = "bulk_labels"
ONE, OTHER = "CD14+ Monocyte", "CD19+ B"
# scanpy divides by zero where a gene is constant, and takes logarithms of scaled values
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(scope="module")
def reduced() -> anndata.AnnData:
    return anndata.read_h5ad(REDUCED)


@pytest.fixture(scope="module")
def table(lab: Lab) -> Table:
    return lab.study.dataset("reduced").table()


def groups(*names: str) -> dict[str, Any]:
    return {"column": COLUMN, "groups": list(names)}


@pytest.mark.parametrize("method", ["wilcoxon", "t-test"])
def test_two_groups_of_real_cells_as_scanpy(table: Table, reduced: anndata.AnnData, method: Any) -> None:
    found = table.compare(groups(ONE), groups(OTHER), method=method, name=f"{method} of two", progress=False)
    options = {"tie_correct": True} if method == "wilcoxon" else {}
    scanpy.tl.rank_genes_groups(
        reduced, COLUMN, groups=[ONE], reference=OTHER, method=method, n_genes=reduced.n_vars, use_raw=False, **options
    )
    truth = scanpy.get.rank_genes_groups_df(reduced, ONE).set_index("names").loc[found.index]
    known = (truth["scores"] != 0).to_numpy()  # scanpy's t is 0 where a gene is constant in one of the two
    assert known.mean() > 0.9
    np.testing.assert_allclose(found["statistic"][known], truth["scores"][known], atol=1e-5, rtol=1e-5)
    values = np.asarray(reduced[:, list(found.index)].X, np.float64)
    one, other = (values[(reduced.obs[COLUMN] == name).to_numpy()] for name in (ONE, OTHER))
    if method == "wilcoxon":
        exact = scipy.stats.mannwhitneyu(one, other, method="asymptotic", use_continuity=False, axis=0)
    else:
        exact = scipy.stats.ttest_ind(one, other, equal_var=False)
    varied = (values[reduced.obs[COLUMN].isin([ONE, OTHER])].std(axis=0) > 1e-6) & (exact.pvalue > 1e-60)
    np.testing.assert_allclose(found["p"][varied], exact.pvalue[varied], rtol=1e-10)
    assert (np.diff(found["statistic"].abs()) <= 0).all()
    listed = next(each for each in table.comparisons() if each["name"] == f"{method} of two")
    assert (listed["method"], listed["first"], listed["n_first"]) == (method, groups(ONE), len(one_of(reduced)))
    again = table.comparison(listed["id"])
    np.testing.assert_array_equal(again["p"], found["p"])
    table.delete_comparison(listed["id"])
    with pytest.raises(NotFoundError, match="no such comparison"):
        table.comparison(listed["id"])


def one_of(reduced: anndata.AnnData) -> np.ndarray:
    return np.flatnonzero(reduced.obs[COLUMN] == ONE)


def test_markers_of_an_annotation_as_scanpy(table: Table, reduced: anndata.AnnData) -> None:
    table.analyse("markers", column=COLUMN).wait(progress=False)
    found = table.markers(COLUMN, limit=20)
    assert list(found["group"].unique()) == list(reduced.obs[COLUMN].cat.categories)
    scanpy.tl.rank_genes_groups(reduced, COLUMN, method="wilcoxon", tie_correct=True, use_raw=False, n_genes=20)
    for name, best in found.groupby("group", sort=False):
        np.testing.assert_allclose(best["z"], reduced.uns["rank_genes_groups"]["scores"][name], atol=1e-5, rtol=1e-5)


def test_pseudobulk_says_what_it_needs(table: Table) -> None:
    with pytest.raises(InvalidInputError, match="Pseudobulk needs replicates"):
        table.compare(groups(ONE), method="pseudobulk", progress=False)
    with pytest.raises(JobFailedError, match="needs counts"):
        table.compare(groups(ONE), method="pseudobulk", replicate=COLUMN, progress=False)


def test_a_subset_is_the_same_cells(lab: Lab, table: Table, reduced: anndata.AnnData) -> None:
    job = table.subset(groups(ONE, OTHER), name="two kinds").wait(progress=False)
    dataset = lab.study.dataset(job.result["dataset_id"])
    assert (dataset.name, dataset.lineage["selection"]) == ("two kinds", groups(ONE, OTHER))
    mine, kept = dataset.table(), reduced[reduced.obs[COLUMN].isin([ONE, OTHER])]
    assert list(mine.barcodes()) == list(kept.obs_names)
    np.testing.assert_array_equal(mine.matrix().toarray(), np.asarray(kept.X, np.float32))
    np.testing.assert_array_equal(mine.embedding("X_umap"), kept.obsm["X_umap"].astype(np.float32))
    assert set(mine.obs([COLUMN])[COLUMN].cat.categories) == {ONE, OTHER}
