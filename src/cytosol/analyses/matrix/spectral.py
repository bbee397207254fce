"""Spectral embedding of the graph of cells: leading eigenvectors of its normalised Laplacian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from cytosol.analyses.matrix.pca import fix_signs
from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_DENSE_BELOW = 200


@dataclass(frozen=True, slots=True)
class SpectralParams(Params):
    """Parameters of the spectral embedding."""

    n_components: int = parameter(10, "How many dimensions", unit="dimensions", minimum=1, maximum=100)
    seed: int = parameter(0, "Seed of the start vector", minimum=0, maximum=2**32 - 1)


def spectral_embedding(graph: sp.csr_matrix, params: SpectralParams | None = None) -> np.ndarray:
    """Embed the cells by the eigenvectors that vary least along the edges.

    Parameters
    ----------
    graph : shape (n_cells, n_cells), symmetric, weights above 0
    params : None = defaults; at most n_cells - 1 dimensions are found

    Returns
    -------
    shape (n_cells, n_components), float32, unitless; columns of length 1, smoothest first, without the constant one;
    the largest absolute entry is positive

    Raises
    ------
    InvalidInputError
        For fewer than three cells.

    Notes
    -----
    Belkin and Niyogi 2003, doi:10.1162/089976603321780317: I - D^(-1/2) A D^(-1/2). Where the graph falls into
    pieces, the first dimensions tell the pieces apart.
    """
    params = params or SpectralParams()
    n_cells = graph.shape[0]
    if n_cells < 3:
        raise InvalidInputError("A spectral embedding needs at least three cells", do="Loosen the filter of the cells")
    n_components = min(params.n_components, n_cells - 1)
    degree = np.asarray(graph.sum(axis=1), np.float64).ravel()
    root = np.sqrt(np.divide(1.0, degree, out=np.zeros(n_cells), where=degree > 0))
    similarity = sp.diags_array(root) @ graph.astype(np.float64) @ sp.diags_array(root)
    if n_cells < max(_DENSE_BELOW, 3 * n_components):
        vectors = scipy.linalg.eigh(similarity.toarray())[1][:, ::-1]
    else:
        # Shifted to be positive, so that the largest in size are the largest; the shift changes no vector.
        start = np.random.default_rng(params.seed).standard_normal(n_cells)
        shifted = sp.csr_array(similarity + sp.eye_array(n_cells))
        values, vectors = scipy.sparse.linalg.eigsh(
            shifted, k=n_components + 1, v0=start, tol=1e-6, ncv=max(3 * n_components, 30), maxiter=50 * n_cells
        )
        vectors = vectors[:, np.argsort(-values, kind="stable")]
    return fix_signs(vectors[:, 1 : n_components + 1]).astype(np.float32)
