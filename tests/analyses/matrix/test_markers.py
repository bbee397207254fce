from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cytosol.analyses.matrix.markers import MarkerParams, Markers, adjust_p, find_markers
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock
from tests.analyses.matrix.cells import Counts, cell_blocks, feature_blocks


def run(dense: np.ndarray, labels: np.ndarray, n_groups: int, size: int = 3) -> Markers:
    blocks = feature_blocks(sp.csr_matrix(dense), size)
    return find_markers(blocks, labels, n_groups=n_groups, n_features=dense.shape[1])


def slow_z(inside: np.ndarray, outside: np.ndarray) -> float:
    """By the ranks of all values."""
    n, m = len(inside), len(outside)
    if not n or not m:
        return 0.0
    both = np.r_[inside, outside]
    _, ties = np.unique(both, return_counts=True)
    spread = np.sqrt(n * m / 12 * ((n + m + 1) - (ties**3 - ties).sum() / ((n + m) * (n + m - 1))))
    return (scipy.stats.rankdata(both)[:n].sum() - n * (n + m + 1) / 2) / spread if spread > 0 else 0.0


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(1, 14), st.integers(1, 5)), elements=st.sampled_from([0, 0, 0, 1, 1, 2.5, -1])
    ),
    st.data(),
)
def test_ties_zeros_negatives_and_tiny_groups(dense: np.ndarray, data: st.DataObject) -> None:
    labels = data.draw(hnp.arrays(np.int64, len(dense), elements=st.integers(-1, 2)))
    found = run(dense, labels, 3)
    for group in range(3):
        inside, outside = dense[labels == group], dense[(labels != group) & (labels >= 0)]
        for feature in range(dense.shape[1]):
            wanted = slow_z(inside[:, feature], outside[:, feature])
            assert found.z[group, feature] == pytest.approx(wanted, abs=1e-10)
            if len(inside):
                assert found.share_in[group, feature] == (inside[:, feature] != 0).mean()
                assert found.mean_in[group, feature] == pytest.approx(inside[:, feature].mean(), abs=1e-6)
            else:
                assert np.isnan(found.share_in[group, feature])
    np.testing.assert_allclose(found.p, 2 * scipy.stats.norm.sf(np.abs(found.z)), rtol=1e-10)
    assert np.isfinite(found.p_adjusted).all()


def test_as_scipy(planted: Counts) -> None:
    dense = planted.logged.toarray().astype(np.float64)
    found = find_markers(planted.columns(), planted.labels, n_groups=5, n_features=dense.shape[1])
    for group in range(5):
        mine = planted.labels == group
        truth = scipy.stats.mannwhitneyu(dense[mine], dense[~mine], method="asymptotic", use_continuity=False, axis=0)
        expressed = dense.any(axis=0)
        np.testing.assert_allclose(found.p[group, expressed], truth.pvalue[expressed], rtol=1e-8, atol=1e-300)
        n, m = mine.sum(), (~mine).sum()
        above = np.sign(truth.statistic - n * m / 2)
        z = scipy.stats.norm.isf(truth.pvalue / 2) * above
        sure = expressed & (truth.pvalue > 1e-200) & (truth.pvalue < 0.5)
        np.testing.assert_allclose(found.z[group, sure], z[sure], atol=1e-10, rtol=1e-10)
        adjusted = scipy.stats.false_discovery_control(found.p[group])
        np.testing.assert_allclose(found.p_adjusted[group], adjusted, rtol=1e-12)


def test_block_size_does_not_matter(planted: Counts) -> None:
    n_features = planted.logged.shape[1]
    one = find_markers(planted.columns(1), planted.labels, n_groups=5, n_features=n_features)
    other = find_markers(planted.columns(10_000), planted.labels, n_groups=5, n_features=n_features)
    for name in ("z", "p", "p_adjusted", "log2_fold_change", "share_in", "share_out"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_a_planted_marker_comes_first() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [30, 50])
    dense = rng.poisson(1, (80, 20)).astype(np.float32)
    dense[labels == 1, 13] += 4
    found = run(dense, labels, 2)
    assert found.ranking(1)[0] == 13
    assert found.ranking(0)[-1] == 13
    assert found.z[1, 13] == -found.z[0, 13] > 5
    change = np.log2(np.expm1(dense[30:, 13].mean()) / np.expm1(dense[:30, 13].mean()))
    assert found.log2_fold_change[1, 13] == pytest.approx(change, rel=1e-5)


def test_features_that_no_block_brings_are_all_zero() -> None:
    labels = np.array([0, 0, 1])
    found = find_markers([], labels, n_groups=2, n_features=4, params=MarkerParams())
    assert not found.z.any()
    assert (found.p == 1).all()
    assert not found.share_in.any()
    assert not found.log2_fold_change.any()


@settings(deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 30)), elements=st.floats(0, 1)))
def test_adjusted_p_as_scipy(p: np.ndarray) -> None:
    np.testing.assert_allclose(adjust_p(p), scipy.stats.false_discovery_control(p, axis=-1), rtol=1e-12)


def test_what_cannot_be_used_is_refused(planted: Counts) -> None:
    labels = np.zeros(3, int)
    with pytest.raises(InvalidInputError, match="0 to 1"):
        find_markers([], np.array([0, 2]), n_groups=2, n_features=1)
    with pytest.raises(InvalidInputError, match="does not fit"):
        find_markers(cell_blocks(planted.logged), planted.labels, n_groups=5, n_features=1500)
    missing = sp.csc_matrix(np.array([[1.0], [np.nan], [2.0]]))
    with pytest.raises(InvalidInputError, match="missing values"):
        find_markers([MatrixBlock(0, "features", missing)], labels, n_groups=1, n_features=1)
