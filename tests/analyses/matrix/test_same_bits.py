"""A fixed seed gives the same bits in two processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CODE = """
import hashlib, json
from cytosol.analyses.matrix.clustering import leiden, louvain
from cytosol.analyses.matrix.connectivities import fuzzy_set, shared_neighbors
from cytosol.analyses.matrix.markers import find_markers
from cytosol.analyses.matrix.neighbors import NeighborParams, find_neighbors
from cytosol.analyses.matrix.pca import principal_components
from cytosol.analyses.matrix.spectral import spectral_embedding
from cytosol.analyses.matrix.tsne import tsne
from cytosol.analyses.matrix.umap import umap
from cytosol.analyses.matrix.variable_genes import choose_variable_genes, gene_moments
from tests.analyses.matrix.cells import plant

data = plant(n_cells=1200)
n_cells, n_features = data.logged.shape
moments = gene_moments(data.columns(), n_cells, n_features)
chosen = choose_variable_genes(moments).chosen
pca = principal_components(data.logged[:, chosen])
exact = find_neighbors(pca.scores, 90)
near = find_neighbors(pca.scores, 14, NeighborParams(method="hnsw"))
graph = fuzzy_set(exact.first(14))
clusters = leiden(graph)[0].labels
markers = find_markers(data.columns(), clusters, n_groups=int(clusters.max()) + 1, n_features=n_features)
results = {
    "values": data.logged.data, "moments": moments.variance, "scores": pca.scores, "loadings": pca.loadings,
    "exact": exact.index, "distances": exact.distance, "hnsw": near.index, "graph": graph.data,
    "shared": shared_neighbors(exact.first(14)).data, "spectral": spectral_embedding(graph), "tsne": tsne(exact),
    "umap": umap(graph), "leiden": clusters, "louvain": louvain(graph)[0].labels,
    "z": markers.z, "p": markers.p_adjusted,
}
assert near.method == "hnsw"
print(json.dumps({name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in results.items()}))
"""


def run() -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, cwd=ROOT, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_two_processes_agree_bit_by_bit() -> None:
    one, other = run(), run()
    assert len(one) == 16
    assert {name for name in one if one[name] != other[name]} == set()
