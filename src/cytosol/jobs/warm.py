"""Runs the compiled loops once when imported, so that workers forked afterwards have them in memory."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.matrix.markers import find_markers
from cytosol.analyses.matrix.umap import UmapParams, umap
from cytosol.base.tables import MatrixBlock


def warm() -> None:
    """Test and lay out a handful of cells."""
    values = sp.csc_matrix(np.array([[1, 0], [2, 1], [0, 3], [1, 1]], np.float32))
    find_markers([MatrixBlock(0, "features", values)], np.array([0, 0, 1, 1]), n_groups=2, n_features=2)
    graph = sp.csr_matrix(np.ones((4, 4), np.float32) - np.eye(4, dtype=np.float32))
    umap(graph, UmapParams(n_epochs=1), start=np.eye(4, 2))


warm()
