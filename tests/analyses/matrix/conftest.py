"""Data that the tests of the matrix analyses share: planted clusters, and real cells."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from tests.analyses.matrix.cells import Counts, plant

DEMO = Path(__file__).parents[3] / "src" / "cytosol" / "demo_data" / "pbmc8k_2700.h5"


@pytest.fixture(scope="session")
def planted() -> Counts:
    return plant()


@pytest.fixture(scope="session")
def pbmc() -> Counts:
    """2,700 real blood cells (10x Genomics, PBMC 8k), genes of at least three cells."""
    with h5py.File(DEMO) as file:
        group = file["matrix"]
        shape = tuple(int(n) for n in group["shape"][:])
        parts = (group["data"][:], group["indices"][:], group["indptr"][:])
    counts = sp.csr_matrix(sp.csc_matrix(parts, shape=shape).T)
    seen = np.asarray((counts > 0).sum(axis=0)).ravel() >= 3
    return Counts.of(counts[:, seen], np.zeros(counts.shape[0], np.int64))
