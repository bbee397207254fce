from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import gaussian_kde

from cytosol.analyses.matrix.densities import Densities, DensityParams, kernel_densities
from cytosol.base.errors import InvalidInputError
from tests.analyses.matrix.cells import Counts


def of_dense(dense: np.ndarray, groups: np.ndarray, n_groups: int, **params: float) -> Densities:
    matrix = sp.csc_matrix(dense[:, None])
    return kernel_densities(
        matrix.data, matrix.indices, groups, n_groups=n_groups, params=DensityParams(**params) if params else None
    )


def test_densities_of_real_cells_are_those_of_scipy(pbmc: Counts) -> None:
    gene = int(np.argsort(-np.asarray((pbmc.logged > 0).sum(axis=0)).ravel())[200])
    values = pbmc.logged[:, [gene]].toarray().ravel().astype(np.float64)
    groups = np.random.default_rng(3).integers(-1, 4, len(values))
    found = of_dense(values, groups, 4)
    for group in range(4):
        inside = values[groups == group]
        kernel = gaussian_kde(inside)
        assert found.n[group] == len(inside)
        assert found.bandwidth[group] == pytest.approx(kernel.factor * inside.std(ddof=1))
        assert (found.points[group][0], found.points[group][-1]) == (inside.min(), inside.max())
        np.testing.assert_allclose(found.density[group], kernel(found.points[group]), rtol=1e-9)


def test_many_values_are_binned_without_visible_loss() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(2, 0.5, 20_000), rng.normal(5, 1, 10_000), np.zeros(10_000)])
    found = of_dense(values, np.zeros(len(values), int), 1)
    wanted = gaussian_kde(values)(found.points[0])
    assert np.abs(found.density[0] - wanted).max() < 1e-4 * wanted.max()


def test_the_bandwidth_is_multiplied_and_the_points_are_counted() -> None:
    values = np.random.default_rng(2).normal(3, 1, 200)
    one, half = (of_dense(values, np.zeros(200, int), 1, bandwidth=b, n_points=40) for b in (1.0, 0.5))
    assert half.bandwidth[0] == pytest.approx(one.bandwidth[0] / 2)
    assert one.density.shape == (1, 40)
    area = np.trapezoid(half.density[0], half.points[0])
    assert 0.9 < area <= 1


def test_equal_values_single_cells_and_empty_groups_have_no_density() -> None:
    values = np.array([2.0, 2.0, 5.0, 0.0, 0.0, np.nan])
    groups = np.array([0, 0, 1, 2, 2, 3])
    found = of_dense(values, groups, 5)
    np.testing.assert_array_equal(found.n, [2, 1, 2, 0, 0])
    np.testing.assert_array_equal(found.bandwidth, 0)
    assert np.isnan(found.density).all()
    assert found.points[0][0] == found.points[0][-1] == 2


def test_groups_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="do not lie in 0 to 1"):
        of_dense(np.ones(2), np.array([0, 2]), 2)
