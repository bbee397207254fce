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


@pytest.fixture(scope="session")
def pbmc_symbols(pbmc: Counts) -> list[str]:
    """Gene symbols of ``pbmc``, made unique."""
    with h5py.File(DEMO) as file:
        group = file["matrix"]
        names = [name.decode() for name in group["features"]["name"][:]]
        shape = tuple(int(n) for n in group["shape"][:])
        parts = (group["data"][:], group["indices"][:], group["indptr"][:])
    counts = sp.csc_matrix(parts, shape=shape).tocsr()
    seen = np.diff(counts.indptr) >= 3
    taken: dict[str, int] = {}
    unique = []
    for name, is_seen in zip(names, seen, strict=True):
        if is_seen:
            taken[name] = taken.get(name, 0) + 1
            unique.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    return unique


@pytest.fixture(scope="session")
def pbmc_kinds(pbmc: Counts, pbmc_symbols: list[str]) -> np.ndarray:
    """Broad kind of each cell of ``pbmc`` by its best expressed group of genes: T, B, myeloid, NK; shape (n_cells,)."""
    groups = (
        ["CD3D", "CD3E", "TRAC", "IL7R"],
        ["CD79A", "MS4A1", "CD79B"],
        ["LYZ", "S100A8", "CST3"],
        ["GNLY", "NKG7"],
    )
    at = {symbol: place for place, symbol in enumerate(pbmc_symbols)}
    means = [np.asarray(pbmc.logged[:, [at[name] for name in names]].mean(axis=1)).ravel() for names in groups]
    centred = np.stack(means) / np.stack(means).std(axis=1, keepdims=True)
    return np.asarray(centred.argmax(axis=0))
