"""How much features are expressed in groups of cells: sums and counts from which means and shares follow."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

COUNT, SUM, RAW_SUM = 0, 1, 2
"""Places of the three numbers along the second axis."""


def sum_groups(matrix: sp.csc_matrix, codes: np.ndarray, n_groups: int, scaled: np.ndarray | None) -> np.ndarray:
    """Count the cells of each group that express each feature, and add up their values.

    A cell expresses a feature where its value is above zero; values below zero, which only scaled data have, are left
    out of the sums too, so that sum / count is the mean over expressing cells.

    Parameters
    ----------
    matrix : shape (n_cells, n_features) CSC, counts or values as stored
    codes : shape (n_cells,), integer, the group of each cell, from 0
    n_groups : groups, empty ones too
    scaled : shape (nnz,), log-normalised values in the order of ``matrix.data``; None = ``matrix`` holds them itself,
        and there are no counts

    Returns
    -------
    shape (n_features, 3, n_groups), float64: cells that express the feature; sum of log-normalised values, unitless;
    sum of counts, transcripts, NaN where there are none.
    """
    n_features = matrix.shape[1]
    out = np.empty((n_features, 3, n_groups))
    size = n_features * n_groups
    place = codes[matrix.indices].astype(np.int64, copy=False)
    place += np.repeat(np.arange(n_features, dtype=np.int64) * n_groups, np.diff(matrix.indptr))
    values = matrix.data if scaled is None else scaled
    if len(values) and values.min() <= 0:
        kept = values > 0
        place, values = place[kept], values[kept]
        raw = None if scaled is None else matrix.data[kept]
    else:
        raw = None if scaled is None else matrix.data
    shape = (n_features, n_groups)
    out[:, COUNT] = np.bincount(place, minlength=size).reshape(shape)
    out[:, SUM] = np.bincount(place, values, minlength=size).reshape(shape)
    out[:, RAW_SUM] = np.nan if raw is None else np.bincount(place, raw, minlength=size).reshape(shape)
    return out
