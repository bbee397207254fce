"""How well batches are mixed among neighbours."""

from __future__ import annotations

import numpy as np

from cytosol.base.errors import InvalidInputError


def inverse_simpson(index: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Effective number of labels among the neighbours of each cell (LISI).

    Parameters
    ----------
    index : shape (n_cells, k), integer; the nearest other cells of each cell
    labels : shape (n_cells,), integer from 0; batch or kind of each cell

    Returns
    -------
    shape (n_cells,), float64; from 1 (all neighbours are of one label) to the number of labels

    Raises
    ------
    InvalidInputError
        Where the arrays do not fit.

    Notes
    -----
    1 / Σ p², of Korsunsky et al. 2019, doi:10.1038/s41592-019-0619-0, with all neighbours weighing alike.
    """
    if len(index) != len(labels) or (len(labels) and labels.min() < 0):
        raise InvalidInputError("The neighbours and the labels are not of the same cells", do="Give one label a cell")
    n_labels = int(labels.max()) + 1 if len(labels) else 0
    squares = np.zeros(len(index))
    for label in range(n_labels):
        squares += (labels[index] == label).mean(axis=1) ** 2
    return np.asarray(1 / np.maximum(squares, 1e-12))
