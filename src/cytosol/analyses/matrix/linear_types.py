"""Cell types by a linear model that was trained elsewhere, as those of CellTypist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.special

from cytosol.base.errors import InvalidInputError

_CLIP = 10.0
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Coefficients of a logistic regression on scaled values.

    Attributes
    ----------
    classes : names of the types
    genes : symbols that the model was trained on
    coefficients : shape (n_classes, n_genes), or (1, n_genes) for two classes; float64
    intercepts : shape (n_classes,) or (1,), float64
    mean, scale : shape (n_genes,), float64; of each gene's log-normalised values in training
    """

    classes: list[str]
    genes: list[str]
    coefficients: np.ndarray
    intercepts: np.ndarray
    mean: np.ndarray
    scale: np.ndarray


def predict(model: LinearModel, values: sp.csr_matrix, genes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The most likely type of each cell.

    Parameters
    ----------
    values : shape (n_cells, n_found), CSR; ln(1 + 10,000 × count / total of the cell) of the model's genes that the
        table has
    genes : shape (n_found,); place of each column among the model's genes

    Returns
    -------
    Place of the type, shape (n_cells,), int64; its probability, shape (n_cells,), float64.

    Raises
    ------
    InvalidInputError
        Where the table has none of the genes.

    Notes
    -----
    Domínguez Conde et al. 2022, doi:10.1126/science.abl5197: values are scaled as in training and cut at 10, missing
    genes are left out, the type of the highest decision value is named, and its probability is the logistic function
    of that value.
    """
    chosen = np.asarray(genes, np.int64)
    if not len(chosen) or values.shape[1] != len(chosen):
        raise InvalidInputError("The table has none of the model's genes", do="Check the species, or use another model")
    scale = np.where(model.scale[chosen] > 0, model.scale[chosen], 1.0)
    axes = model.coefficients[:, chosen].T
    places, sure = np.empty(values.shape[0], np.int64), np.empty(values.shape[0])
    for first in range(0, values.shape[0], _ROWS):
        dense = (values[first : first + _ROWS].toarray().astype(np.float64) - model.mean[chosen]) / scale
        decision = np.minimum(dense, _CLIP) @ axes + model.intercepts
        if decision.shape[1] == 1:
            decision = np.hstack([-decision, decision])
        best = decision.argmax(axis=1)
        places[first : first + _ROWS] = best
        sure[first : first + _ROWS] = scipy.special.expit(decision[np.arange(len(best)), best])
    return places, sure
