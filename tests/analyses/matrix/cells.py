"""Planted clusters, blocks, and measures of agreement for the tests of the matrix analyses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.base.tables import MatrixBlock


@dataclass(frozen=True)
class Counts:
    """Raw counts, their totals, the log-normalised values, and the planted cluster of each cell (if planted)."""

    counts: sp.csr_matrix
    totals: np.ndarray
    logged: sp.csr_matrix
    labels: np.ndarray

    @classmethod
    def of(cls, counts: sp.csr_matrix, labels: np.ndarray) -> Counts:
        totals = np.asarray(counts.sum(axis=1), np.float64).ravel()
        return cls(counts, totals, log_normalize(counts, totals), labels)

    def columns(self, size: int = 300) -> Iterator[MatrixBlock]:
        """Log-normalised values, feature-major."""
        return feature_blocks(self.logged, size)


def feature_blocks(matrix: sp.csr_matrix, size: int = 300) -> Iterator[MatrixBlock]:
    by_feature = sp.csc_matrix(matrix)
    for start in range(0, by_feature.shape[1], size):
        yield MatrixBlock(start, "features", by_feature[:, start : start + size])


def cell_blocks(matrix: sp.csr_matrix, size: int = 70) -> Iterator[MatrixBlock]:
    for start in range(0, matrix.shape[0], size):
        yield MatrixBlock(start, "cells", matrix[start : start + size])


def plant(n_cells: int = 600, n_genes: int = 1500, n_clusters: int = 5, seed: int = 7) -> Counts:
    """Negative binomial counts with clusters that differ in some sixty genes each; sizes fall from first to last."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0, 1.2, n_genes)
    profiles = np.tile(base, (n_clusters, 1))
    for profile in profiles:
        profile[rng.choice(n_genes, 60, replace=False)] *= 8
    profiles /= profiles.sum(axis=1, keepdims=True)
    shares = np.arange(n_clusters, 0, -1) / np.arange(1, n_clusters + 1).sum()
    labels = np.sort(rng.choice(n_clusters, n_cells, p=shares))
    depth = rng.lognormal(np.log(1200), 0.3, n_cells)
    rate = profiles[labels] * depth[:, None] * rng.standard_gamma(4, (n_cells, n_genes)) / 4
    return Counts.of(sp.csr_matrix(rng.poisson(rate).astype(np.uint16)), labels)


def rand_index(one: np.ndarray, other: np.ndarray) -> float:
    """Adjusted Rand index of two labellings."""
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one, other), 1)

    def pairs(count: np.ndarray) -> float:
        return float((count * (count - 1) / 2).sum())

    both, rows, columns, total = pairs(table), pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array([len(one)]))
    expected = rows * columns / total
    return (both - expected) / ((rows + columns) / 2 - expected)


def preserved(high: np.ndarray, low: np.ndarray, k: int = 15) -> float:
    """Share of the k nearest neighbours of each cell that are also nearest in the embedding."""

    def nearest(points: np.ndarray) -> np.ndarray:
        points = points.astype(np.float64)
        squared = (points**2).sum(1)
        distance = squared[:, None] + squared - 2 * points @ points.T
        np.fill_diagonal(distance, np.inf)
        return np.argpartition(distance, k, axis=1)[:, :k]

    one, other = nearest(high), nearest(low)
    return sum(len(np.intersect1d(a, b)) for a, b in zip(one, other, strict=True)) / one.size


def modularity(graph: sp.csr_matrix, labels: np.ndarray) -> float:
    """Modularity of a partition of a graph, from its whole matrix."""
    dense = graph.toarray().astype(np.float64)
    degree, total = dense.sum(axis=1), dense.sum()
    same = labels[:, None] == labels
    return float((dense - np.outer(degree, degree) / total)[same].sum() / total)
