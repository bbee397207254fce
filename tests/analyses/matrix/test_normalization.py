from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cytosol.analyses.matrix.normalization import log_normalize, log_normalize_blocks, log_normalize_feature
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts, cell_blocks, feature_blocks

matrices = hnp.arrays(
    np.uint16, st.tuples(st.integers(1, 8), st.integers(1, 6)), elements=st.sampled_from([0, 0, 1, 7])
)


@given(matrices, st.sampled_from([1.0, 1e4, 1e6]))
def test_every_way_is_the_plain_formula(counts: np.ndarray, target: float) -> None:
    totals = counts.sum(axis=1).astype(float)
    wanted = np.array(
        [
            [math.log1p(v * target / t) if v else 0.0 for v in row]
            for row, t in zip(counts.tolist(), totals, strict=True)
        ]
    )
    for layout in (sp.csr_matrix, sp.csc_matrix):
        found = log_normalize(layout(counts), totals, target)
        assert found.dtype == np.float32
        assert type(found) is layout
        np.testing.assert_allclose(found.toarray(), wanted, rtol=3e-7)
    for feature in range(counts.shape[1]):
        cells = np.flatnonzero(counts[:, feature])
        one = log_normalize_feature(counts[cells, feature], cells, totals, target)
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, wanted[cells, feature], rtol=3e-7)


def test_a_feature_alone_has_the_same_bits_as_in_the_matrix(planted: Counts) -> None:
    columns = sp.csc_matrix(planted.counts)
    logged = sp.csc_matrix(planted.logged)
    for feature in (0, 17, 400):
        span = slice(*columns.indptr[feature : feature + 2])
        one = log_normalize_feature(columns.data[span], columns.indices[span], planted.totals)
        assert one.tobytes() == logged.data[span].tobytes()


def test_blocks_in_both_orientations(planted: Counts) -> None:
    by_cell = sp.vstack([b.values for b in log_normalize_blocks(cell_blocks(planted.counts), planted.totals)])
    by_gene = sp.hstack([b.values for b in log_normalize_blocks(feature_blocks(planted.counts), planted.totals)])
    assert abs(by_cell - planted.logged).max() == 0
    assert abs(by_gene - planted.logged).max() == 0


def test_counts_stay_as_they_are(planted: Counts) -> None:
    before = planted.counts.data.copy()
    log_normalize(planted.counts, planted.totals)
    assert (planted.counts.data == before).all()


def test_totals_must_fit() -> None:
    with pytest.raises(InvalidInputError, match="2 totals for 3 cells"):
        log_normalize(sp.csr_matrix((3, 4)), np.ones(2))
