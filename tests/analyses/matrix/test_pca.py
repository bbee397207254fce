from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.pca import PcaParams, PcaResult, principal_components
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts


def slow(dense: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Variances and loadings by the singular value decomposition of the centred matrix."""
    _, values, axes = np.linalg.svd(dense - dense.mean(axis=0), full_matrices=False)
    return values[:k] ** 2 / (len(dense) - 1), axes[:k].T


@pytest.mark.parametrize("scale", [False, True])
def test_as_the_singular_value_decomposition(planted: Counts, scale: bool) -> None:
    matrix = planted.logged[:, :400]
    dense = matrix.toarray().astype(np.float64)
    if scale:
        dense = (dense - dense.mean(axis=0)) / dense.std(axis=0, ddof=1)
    variance, axes = slow(dense, 4)
    found = principal_components(matrix, PcaParams(n_components=4, scale=scale))
    np.testing.assert_allclose(found.variance, variance, rtol=1e-6)
    assert np.abs((found.loadings * axes).sum(axis=0)).min() > 1 - 1e-6
    np.testing.assert_allclose(found.scores.var(axis=0, ddof=1), variance, rtol=1e-4)
    np.testing.assert_allclose(found.variance_ratio, variance / dense.var(axis=0, ddof=1).sum(), rtol=1e-6)
    largest = np.abs(found.loadings).argmax(axis=0)
    assert (found.loadings[largest, np.arange(4)] > 0).all()
    assert found.scores.dtype == np.float32


def test_lost_variance_and_blocks(planted: Counts) -> None:
    dense = planted.logged.toarray().astype(np.float64)
    variance, _ = slow(dense, 50)

    def check(found: PcaResult) -> None:
        kept = (dense - dense.mean(axis=0)) @ found.loadings
        assert 1 - kept.var(axis=0, ddof=1).sum() / variance.sum() < 1e-7
        np.testing.assert_allclose(np.abs(found.scores), np.abs(kept), atol=2e-4)

    check(principal_components(planted.logged))
    check(principal_components(planted.logged, PcaParams(block_bytes=1 << 18)))
    cuts = [planted.logged[:100], planted.logged[100:101], planted.logged[101:]]
    check(principal_components(lambda: cuts))


def test_sparse_and_dense_rows_give_the_same() -> None:
    # 600 genes of falling density: the sparse way and Lanczos iteration, against whole dense decomposition.
    rng = np.random.default_rng(4)
    density = np.geomspace(0.35, 0.006, 600)
    dense = (rng.random((3000, 600)) < density) * rng.gamma(2, 1, (3000, 600)) * rng.choice([1, 2], (3000, 1))
    dense = dense.astype(np.float32)
    assert (dense > 0).mean() < 0.1
    variance, _ = slow(dense.astype(np.float64), 40)
    centred = dense.astype(np.float64) - dense.mean(axis=0, dtype=np.float64)
    for order in (np.arange(600), rng.permutation(600)):
        matrix = sp.csr_matrix(dense)[:, order]  # taking columns out of order leaves indices unsorted
        found = principal_components(matrix, PcaParams(n_components=40, block_bytes=1 << 20))
        np.testing.assert_allclose(found.variance, variance, rtol=1e-5)
        np.testing.assert_allclose(found.loadings.T @ found.loadings, np.eye(40), atol=1e-12)
        np.testing.assert_allclose(found.scores, centred[:, order] @ found.loadings, atol=1e-3)
    whole = principal_components(sp.csr_matrix(dense + 1), PcaParams(n_components=40))
    np.testing.assert_allclose(whole.variance, variance, rtol=1e-5)


def test_a_large_offset_does_not_cost_precision() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(500, 12)) * np.arange(1, 13) + 1e4
    variance, _ = slow(dense.astype(np.float32).astype(np.float64), 3)
    np.testing.assert_allclose(
        principal_components(sp.csr_matrix(dense), PcaParams(n_components=3)).variance, variance, rtol=1e-5
    )


def test_few_cells_or_genes_give_fewer_components(planted: Counts) -> None:
    assert principal_components(planted.logged[:8]).scores.shape == (8, 7)
    assert principal_components(planted.logged[:, :3]).scores.shape == (600, 3)
    flat = principal_components(sp.csr_matrix(np.ones((5, 2))))
    assert not flat.scores.any()
    assert not flat.variance_ratio.any()


def test_what_cannot_be_used_is_refused() -> None:
    for shape in ((1, 3), (3, 0), (0, 3)):
        with pytest.raises(InvalidInputError, match="need two cells and one gene"):
            principal_components(sp.csr_matrix(shape))
    with pytest.raises(InvalidInputError, match="missing or infinite"):
        principal_components(sp.csr_matrix([[1.0, np.nan], [2.0, 1.0]]))
