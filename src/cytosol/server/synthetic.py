"""A large study with planted clusters, to try the explorer at size; called synthetic everywhere."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

N_FEATURES = 2_000
N_CLUSTERS = 15
_BLOCK = 5_000
_MARKERS = 60


def write_synthetic(path: Path, *, n_cells: int, seed: int = 0) -> None:
    """Write a seeded negative binomial h5ad by blocks.

    Parameters
    ----------
    n_cells : cells of the study; each belongs to one of 15 planted clusters, kept in ``obs/planted``
    """
    random = np.random.default_rng(seed)
    base = random.lognormal(-2.6, 1.1, N_FEATURES)
    means = np.tile(base, (N_CLUSTERS, 1))
    for cluster in range(N_CLUSTERS):
        means[cluster, random.choice(N_FEATURES, _MARKERS, replace=False)] *= random.uniform(6, 25, _MARKERS)
    planted = random.choice(N_CLUSTERS, n_cells, p=random.dirichlet(np.full(N_CLUSTERS, 6.0)))
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        x = file.create_group("X")
        x.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [n_cells, N_FEATURES]})
        options = {"maxshape": (None,), "chunks": (1 << 18,)}
        data = x.create_dataset("data", (0,), "f4", **options)
        indices = x.create_dataset("indices", (0,), "i4", **options)
        lengths = [np.zeros(1, np.int64)]
        for start in range(0, n_cells, _BLOCK):
            rates = means[planted[start : start + _BLOCK]]
            depth = random.lognormal(0.0, 0.35, (len(rates), 1))
            counts = random.poisson(random.gamma(0.8, rates * depth / 0.8))
            rows, columns = np.nonzero(counts)
            for dataset, values in ((data, counts[rows, columns]), (indices, columns)):
                dataset.resize((dataset.shape[0] + len(columns),))
                dataset[-len(columns) :] = values
            lengths.append(np.bincount(rows, minlength=len(rates)))
        x.create_dataset("indptr", data=np.cumsum(np.concatenate(lengths)))
        _write_axis(file, "var", [f"SYN{number:04d}" for number in range(N_FEATURES)])
        obs = _write_axis(file, "obs", [f"synthetic-{number:06d}" for number in range(n_cells)], columns=["planted"])
        labels = obs.create_group("planted")
        labels.attrs.update({"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False})
        labels.create_dataset("codes", data=planted.astype("i1"))
        _write_text(labels, "categories", [f"Planted {number + 1}" for number in range(N_CLUSTERS)])


def _write_axis(file: h5py.File, name: str, index: list[str], *, columns: list[str] | None = None) -> h5py.Group:
    group = file.create_group(name)
    order = np.array(columns or [], dtype=h5py.string_dtype())
    group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index"})
    group.attrs["column-order"] = order
    _write_text(group, "_index", index)
    return group


def _write_text(group: h5py.Group, name: str, texts: list[str]) -> None:
    dataset = group.create_dataset(name, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())
    dataset.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
