from __future__ import annotations

import random

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.clustering import LeidenParams, LouvainParams, leiden, louvain, number_by_size
from cytosol.analyses.matrix.connectivities import fuzzy_set, shared_neighbors
from cytosol.analyses.matrix.neighbors import find_neighbors
from cytosol.analyses.matrix.pca import principal_components
from tests.analyses.matrix.cells import Counts, modularity, rand_index


@pytest.fixture(scope="module")
def graph(planted: Counts) -> sp.csr_matrix:
    return fuzzy_set(find_neighbors(principal_components(planted.logged).scores[:, :10], 14))


def test_planted_clusters_are_found(planted: Counts, graph: sp.csr_matrix) -> None:
    for found in (leiden(graph, LeidenParams(resolutions=(0.5,))), louvain(graph, LouvainParams(resolutions=(0.5,)))):
        assert rand_index(found[0].labels, planted.labels) > 0.97
        assert found[0].labels.dtype == np.int32
        assert (np.diff(np.bincount(found[0].labels)) <= 0).all()
        assert found[0].modularity == pytest.approx(modularity(graph, found[0].labels), abs=1e-6)
        assert found[0].names[0] == "Cluster 1"
        assert len(found[0].names) == found[0].n_clusters
    shared = shared_neighbors(find_neighbors(principal_components(planted.logged).scores[:, :10], 10))
    assert rand_index(leiden(shared, LeidenParams((0.5,)))[0].labels, planted.labels) > 0.97


def test_several_resolutions_in_one_call(graph: sp.csr_matrix) -> None:
    resolutions = (0.2, 1.0, 4.0)
    together = leiden(graph, LeidenParams(resolutions))
    assert [one.resolution for one in together] == list(resolutions)
    assert together[0].n_clusters < together[2].n_clusters
    for one in together:
        alone = leiden(graph, LeidenParams((one.resolution,)))[0]
        assert alone.labels.tobytes() == one.labels.tobytes()
    many = louvain(graph, LouvainParams(resolutions))
    assert louvain(graph, LouvainParams((4.0,)))[0].labels.tobytes() == many[2].labels.tobytes()


def test_the_generator_of_others_is_left_alone(graph: sp.csr_matrix) -> None:
    random.seed(5)
    wanted = random.random()
    random.seed(5)
    leiden(graph)
    assert random.random() == wanted


def test_numbers_fall_with_size_and_then_by_first_cell() -> None:
    assert number_by_size(np.array([9, 4, 4, 7, 7, 1])).tolist() == [2, 0, 0, 1, 1, 3]


def test_a_graph_without_edges_has_a_cluster_a_cell() -> None:
    assert leiden(sp.csr_matrix((3, 3)))[0].n_clusters == 3
