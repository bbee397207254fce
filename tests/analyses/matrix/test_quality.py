from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.quality import measure_cells
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import MatrixBlock
from tests.analyses.matrix.cells import Counts, cell_blocks, feature_blocks


def test_both_orientations_measure_the_same(planted: Counts) -> None:
    mito = np.arange(planted.counts.shape[1]) % 50 == 0
    dense = planted.counts.toarray().astype(float)
    for cut in (cell_blocks, feature_blocks):
        found = measure_cells(cut(planted.counts), len(dense), mito)
        assert found.totals.tolist() == dense.sum(axis=1).tolist()
        assert found.n_genes.tolist() == (dense > 0).sum(axis=1).tolist()
        assert found.mito_share is not None
        np.testing.assert_allclose(found.mito_share, dense[:, mito].sum(axis=1) / dense.sum(axis=1), rtol=1e-14)
        assert list(found.columns()) == ["Number of genes", "Number of mRNA transcripts", "Mitochondrial share"]


def test_an_empty_cell_has_no_share() -> None:
    block = MatrixBlock(0, "cells", sp.csr_matrix([[0, 0], [1, 3]]))
    share = measure_cells([block], 2, np.array([True, False])).mito_share
    assert share is not None
    assert np.isnan(share[0])
    assert share[1] == 0.25
    assert list(measure_cells([block], 2).columns()) == ["Number of genes", "Number of mRNA transcripts"]


def test_what_does_not_fit_is_refused() -> None:
    block = MatrixBlock(1, "cells", sp.csr_matrix([[0, 0], [1, 3]]))
    with pytest.raises(InvalidInputError, match="more than 2 cells"):
        measure_cells([block], 2)
    with pytest.raises(InvalidInputError, match="1 features are marked"):
        measure_cells([block], 3, np.array([True]))
