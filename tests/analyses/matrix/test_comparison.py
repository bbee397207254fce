"""Two sets of cells compared: against scipy, and against a slow look at every value."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cytosol.analyses.matrix.comparison import CompareParams, CompareRun, Comparison, compare_cells, moments
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts, feature_blocks


def run(dense: np.ndarray, labels: np.ndarray, method: str = "wilcoxon", size: int = 3) -> Comparison:
    blocks = feature_blocks(sp.csr_matrix(dense.astype(np.float32)), size)
    return compare_cells(blocks, labels, n_features=dense.shape[1], params=CompareParams(method=method))


def two_sets(dense: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    exact = dense.astype(np.float32).astype(np.float64)
    return exact[labels == 0], exact[labels == 1]


VALUES = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 2.5, -1.0, 0.125])
TABLES = hnp.arrays(np.float32, st.tuples(st.integers(4, 24), st.integers(2, 5)), elements=VALUES)


@settings(max_examples=40, deadline=None)
@given(TABLES, st.data())
def test_wilcoxon_is_scipys_from_two_features_up(dense: np.ndarray, data: st.DataObject) -> None:
    labels = data.draw(hnp.arrays(np.int64, len(dense), elements=st.integers(-1, 1)))
    labels[:2] = [0, 1]
    found = run(dense, labels)
    first, second = two_sets(dense, labels)
    truth = scipy.stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=False, axis=0)
    together = np.vstack([first, second])
    varied = (together != together[0]).any(axis=0)
    np.testing.assert_allclose(found.p[varied], truth.pvalue[varied], rtol=1e-10)
    assert (found.p[~varied] == 1).all()
    assert (found.statistic[~varied] == 0).all()
    side = np.sign(truth.statistic - len(first) * len(second) / 2)
    np.testing.assert_array_equal(np.sign(np.round(found.statistic, 12))[varied], side[varied])
    check_summary(found, first, second)


@settings(max_examples=40, deadline=None)
@given(TABLES, st.data())
def test_t_is_scipys(dense: np.ndarray, data: st.DataObject) -> None:
    labels = data.draw(hnp.arrays(np.int64, len(dense), elements=st.integers(-1, 1)))
    labels[:4] = [0, 0, 1, 1]
    found = run(dense, labels, "t-test")
    first, second = two_sets(dense, labels)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(first.var(axis=0, ddof=1) / len(first) + second.var(axis=0, ddof=1) / len(second))
        t = (first.mean(axis=0) - second.mean(axis=0)) / spread
    same = (spread == 0) & (first.mean(axis=0) == second.mean(axis=0))
    np.testing.assert_allclose(found.statistic[~same], t[~same], rtol=1e-10, atol=1e-12)
    assert (found.p[same] == 1).all()
    some = spread > 0
    if some.any():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # scipy's, where a set is nearly constant
            truth = scipy.stats.ttest_ind(first[:, some], second[:, some], equal_var=False)
        np.testing.assert_allclose(found.p[some], truth.pvalue, rtol=1e-10)
    check_summary(found, first, second)


def check_summary(found: Comparison, first: np.ndarray, second: np.ndarray) -> None:
    np.testing.assert_allclose(found.mean_first, first.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.mean_second, second.mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(found.share_first, (first != 0).mean(axis=0))
    np.testing.assert_array_equal(found.share_second, (second != 0).mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):  # nobody has less than nothing: NaN
        change = np.log2(np.expm1(first.mean(axis=0)) + 1e-9) - np.log2(np.expm1(second.mean(axis=0)) + 1e-9)
    steady = (np.abs(first.mean(axis=0)) > 1e-3) & (np.abs(second.mean(axis=0)) > 1e-3)
    np.testing.assert_allclose(found.log2_fold_change[steady], change[steady], atol=1e-6)
    np.testing.assert_allclose(found.p_adjusted, scipy.stats.false_discovery_control(found.p), rtol=1e-12)


@pytest.mark.parametrize("method", ["wilcoxon", "t-test"])
def test_real_counts_and_the_far_tail(planted: Counts, method: str) -> None:
    dense = planted.logged.toarray()
    labels = np.where(planted.labels == 0, 0, np.where(planted.labels <= 2, 1, -1))
    blocks = planted.columns()
    found = compare_cells(blocks, labels, n_features=dense.shape[1], params=CompareParams(method=method))
    first, second = two_sets(dense, labels)
    if method == "wilcoxon":
        truth = scipy.stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=False, axis=0)
    else:
        truth = scipy.stats.ttest_ind(first, second, equal_var=False)
    expressed = np.vstack([first, second]).any(axis=0)
    near = expressed & (truth.pvalue > 1e-60)
    np.testing.assert_allclose(found.p[near], truth.pvalue[near], rtol=1e-10)
    if method == "wilcoxon":
        n, m = len(first), len(second)
        ranks = scipy.stats.rankdata(np.vstack([first, second]), axis=0)[:n].sum(axis=0)
        ties = [np.unique(column, return_counts=True)[1] for column in np.vstack([first, second]).T]
        tied = np.array([(t**3 - t).sum() for t in ties]) / ((n + m) * (n + m - 1))
        z = (ranks - n * (n + m + 1) / 2)[expressed] / np.sqrt(n * m / 12 * (n + m + 1 - tied))[expressed]
        np.testing.assert_allclose(found.statistic[expressed], z, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("method", ["wilcoxon", "t-test"])
def test_values_that_are_no_logarithms_change_by_the_ratio_of_their_means(method: str) -> None:
    dense = np.array([[800, 50, -2], [200, 50, -1], [125, 25, 1], [125, 25, 1]], np.float32)
    found = compare_cells(
        feature_blocks(sp.csr_matrix(dense), 3), np.array([0, 0, 1, 1]), n_features=3,
        params=CompareParams(method=method), is_log=False,
    )  # fmt: skip
    np.testing.assert_allclose(found.log2_fold_change, [2, 1, np.nan], atol=1e-9)


def test_labels_that_are_left_out_count_for_nothing(planted: Counts) -> None:
    dense = planted.logged.toarray()
    labels = np.where(planted.labels == 1, 0, np.where(planted.labels == 3, 1, -1))
    kept = labels >= 0
    for method in ("wilcoxon", "t-test"):
        all_cells, fewer = run(dense, labels, method, 50), run(dense[kept], labels[kept], method, 7)
        np.testing.assert_allclose(all_cells.p, fewer.p, rtol=1e-12)


def test_features_that_no_block_brings_are_zero() -> None:
    labels = np.array([0, 0, 1, 1])
    found = moments([], labels, n_features=3)
    assert found.mean.tolist() == [[0, 0, 0], [0, 0, 0]]
    for method in ("wilcoxon", "t-test"):
        params = CompareParams(method=method)
        assert compare_cells([], labels, n_features=3, params=params).p.tolist() == [1, 1, 1]


def test_what_cannot_be_compared_is_refused() -> None:
    dense = np.eye(4)
    with pytest.raises(InvalidInputError, match=r"1 cells, 2 are needed \(second\)"):
        run(dense, np.array([0, 0, 1, -1]), "t-test")
    with pytest.raises(InvalidInputError, match=r"0 cells, 1 are needed \(first\)"):
        run(dense, np.array([1, 1, 1, -1]))
    with pytest.raises(InvalidInputError, match="does not test cells"):
        run(dense, np.array([0, 0, 1, 1]), "pseudobulk")
    with pytest.raises(InvalidInputError, match="missing values"):
        run(np.array([[np.nan, 1], [0, 2], [1, 1], [2, 2]]), np.array([0, 0, 1, 1]), "t-test")
    with pytest.raises(InvalidInputError, match=r"needs replicates.*use wilcoxon"):
        CompareRun(first={"cells": [1]}, method="pseudobulk")
    with pytest.raises(InvalidInputError, match="'first' is needed"):
        CompareRun()
    assert CompareRun(first={"cells": [1]}).to_json()["second"] == {"rest": True}
