"""Kernel densities of one feature in groups of cells, for violins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_MOST_POINTS = 4096
"""Values of a group above which they are binned before the kernels are summed."""


@dataclass(frozen=True, slots=True)
class DensityParams(Params):
    """Parameters of the densities."""

    bandwidth: float = parameter(
        1.0, "Factor on Scott's bandwidth: smaller shows more detail, larger is smoother", minimum=0.05, maximum=10
    )
    n_points: int = parameter(100, "Values at which each density is given", unit="points", minimum=8, maximum=1000)


@dataclass(frozen=True, slots=True)
class Densities:
    """Densities of the groups of cells.

    Attributes
    ----------
    n : shape (n_groups,), int64; cells whose value is not missing
    bandwidth : shape (n_groups,), float64, unit of the values; 0 where all values of the group are equal
    points : shape (n_groups, n_points), float64, unit of the values; evenly from the lowest to the highest value
    density : shape (n_groups, n_points), float64, per unit of the values; NaN where the bandwidth is 0 or the group
        has no cells
    """

    n: np.ndarray
    bandwidth: np.ndarray
    points: np.ndarray
    density: np.ndarray


def kernel_densities(
    values: np.ndarray, cells: np.ndarray, groups: np.ndarray, *, n_groups: int, params: DensityParams | None = None
) -> Densities:
    """Estimate the density of one feature in each group, zeros included.

    Parameters
    ----------
    values : shape (n_stored,), float; the stored values in any unit; NaN is missing
    cells : shape (n_stored,), integer; the cell of each; all other cells have zero
    groups : shape (n_cells,), integer; group of each cell, 0 to n_groups - 1, -1 = left out
    n_groups : size of the result
    params : None = defaults

    Raises
    ------
    InvalidInputError
        Where the groups are out of range.

    Notes
    -----
    Gaussian kernels; bandwidth = factor × standard deviation × n^(-1/5) (Scott 1992, doi:10.1002/9780470316849), as
    scipy's ``gaussian_kde``. Nothing is drawn beyond the lowest and highest value. Of more than 4,096 stored values
    in a group each is shared out between the two nearest of 4,096 even places first, in proportion to its nearness.
    """
    params = params or DensityParams()
    groups = np.asarray(groups)
    if len(groups) and (groups.min() < -1 or groups.max() >= n_groups):
        raise InvalidInputError(
            f"The groups of the cells do not lie in 0 to {n_groups - 1}", do="Give -1 to cells without one"
        )
    group = groups[cells]
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(n_groups + 1))
    sizes = np.bincount(groups[groups >= 0], minlength=n_groups)
    shape = (n_groups, params.n_points)
    out = Densities(np.zeros(n_groups, np.int64), np.zeros(n_groups), np.full(shape, np.nan), np.full(shape, np.nan))
    for one in range(n_groups):
        stored = values[order[ends[one] : ends[one + 1]]].astype(np.float64)
        n_zeros = int(sizes[one]) - len(stored)
        stored = stored[~np.isnan(stored)]
        out.n[one] = n_zeros + len(stored)
        if out.n[one]:
            _estimate(out, one, stored, n_zeros=n_zeros, params=params)
    return out


def _estimate(out: Densities, group: int, stored: np.ndarray, *, n_zeros: int, params: DensityParams) -> None:
    n = n_zeros + len(stored)
    ends = np.append(stored, 0.0) if n_zeros else stored
    low, high = float(ends.min()), float(ends.max())
    points = out.points[group] = np.linspace(low, high, params.n_points)
    mean = stored.sum() / n
    deviations = ((stored - mean) ** 2).sum() + n_zeros * mean**2
    if n < 2 or high == low:
        return
    width = out.bandwidth[group] = params.bandwidth * np.sqrt(deviations / (n - 1)) * n ** (-1 / 5)
    at, weights = _binned(stored, low, high) if len(stored) > _MOST_POINTS else (stored, np.ones(len(stored)))
    if n_zeros:
        at, weights = np.append(at, 0.0), np.append(weights, float(n_zeros))
    kernels = np.exp(-0.5 * ((points[:, None] - at[None, :]) / width) ** 2)
    out.density[group] = kernels @ weights / (n * width * np.sqrt(2 * np.pi))


def _binned(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Share each value out between the two nearest of even places; places that got some, and how much."""
    last = _MOST_POINTS - 1
    where = (values - low) / (high - low) * last
    left = np.minimum(where.astype(np.int64), last - 1)
    part = where - left
    weights = np.bincount(left, 1 - part, _MOST_POINTS) + np.bincount(left + 1, part, _MOST_POINTS)
    used = weights > 0
    return np.linspace(low, high, _MOST_POINTS)[used], weights[used]
