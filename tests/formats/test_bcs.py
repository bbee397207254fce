"""The reader of BioTuring compressed studies: one written here to the documented layout, and the shared one."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.base.errors import CytosolError, InvalidInputError
from cytosol.formats.table import obs_columns, split_feature_types
from tests.formats.samples import barcodes, counts, open_path, open_text, symbols, whole

ROOT = "8b4ae5f1/"


def bcs(matrix: np.ndarray, *, types: list[str] | None = None, **changes: Any) -> bytes:
    """A study of cells × features; ``changes`` replace members by their last name, None drops one."""
    n_cells, n_features = matrix.shape
    features = symbols(n_features)
    if types:
        features = [f"ADT-{name}" if kind == "ADT" else name for name, kind in zip(features, types, strict=True)]
    book = io.BytesIO()
    with h5py.File(book, "w") as file:
        layouts = {"bioturing": sp.csr_matrix(matrix), "normalizedT": sp.csc_matrix(np.log1p(matrix))}
        for name, made in layouts.items():
            file[f"{name}/data"] = made.data.astype(float)
            file[f"{name}/indices"] = made.indices
            file[f"{name}/indptr"] = made.indptr
        file["bioturing/barcodes"] = np.array(barcodes(n_cells), dtype="S")
        file["bioturing/features"] = np.array(features, dtype="S")
        file["bioturing/feature_type"] = np.array(types or ["RNA"] * n_features, dtype="S")
    notes = {
        "g": {"name": "Clusters", "type": "category", "clusterName": ["Unassigned", "a", "b"]},
        "n": {"name": "Depth", "type": "numeric", "clusterName": "NaN"},
        "short": {"name": "Short", "type": "numeric", "clusterName": "NaN"},
    }
    members: dict[str, Any] = {
        "run_info.json": {"version": 16, "n_cell": n_cells},
        "main/matrix.hdf5": book.getvalue(),
        "main/metadata/metalist.json": {"version": 1, "content": notes},
        "main/metadata/g.json": {"clusters": [number % 3 for number in range(n_cells)]},
        "main/metadata/n.json": {"clusters": [str(number) for number in range(n_cells)]},
        "main/metadata/short.json": {"clusters": ["1"]},
        "main/dimred/meta": {"data": {"e": {"name": "umap"}}},
        "main/dimred/e": {"coords": [[number, -number] for number in range(n_cells)]},
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            content = changes.get(name.rsplit("/", 1)[-1].replace(".", "_"), content)
            if content is not None:
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                archive.writestr(zipfile.ZipInfo(ROOT + name), text)
    return target.getvalue()


def test_everything_of_a_study() -> None:
    matrix = counts()
    table = open_text(bcs(matrix), "a.bcs")
    assert np.array_equal(whole(table), matrix)
    assert (list(table.obs.index), list(table.var.index)) == (barcodes(30), symbols(20))
    columns = obs_columns(table.obs)
    assert columns["Clusters"].categories == ["a", "b"]
    assert list(columns["Clusters"].values[:3]) == [-1, 0, 1]
    assert list(columns["Depth"].values) == list(range(30))
    assert np.array_equal(table.obsm["umap"][2], [2, -2])
    assert any("'Short' was left out" in note and "1 values for 30 cells" in note for note in table.notes)
    table.close()
    assert np.allclose(whole(open_text(bcs(matrix), "a.bcs", matrix="normalized")), np.log1p(matrix))
    assert np.array_equal(whole(open_text(bcs(matrix), "study", format="bbrowser")), matrix)  # study type 0


def test_antibodies_become_a_table_of_their_own() -> None:
    parts = split_feature_types(open_text(bcs(counts(), types=["RNA"] * 15 + ["ADT"] * 5), "a.bcs"))
    assert list(parts["antibody"].var.index) == symbols(20)[15:]
    assert np.array_equal(whole(parts["antibody"]), counts()[:, 15:])


def test_must_refuse() -> None:
    book = io.BytesIO()
    with h5py.File(book, "w") as file:
        file["x"] = 1
    with pytest.raises(InvalidInputError, match="bioturing"):
        open_text(bcs(counts(), matrix_hdf5=book.getvalue()), "a.bcs")
    with pytest.raises(InvalidInputError, match="damaged"):
        open_text(bcs(counts(), matrix_hdf5=b"no"), "a.bcs")
    with pytest.raises(InvalidInputError, match="damaged"):
        open_text(bcs(counts(), metalist_json=b"{"), "a.bcs")
    with pytest.raises(InvalidInputError, match="is not a whole number"):
        whole(open_text(bcs(counts() + 0.5), "a.bcs"))


def test_a_cut_study_is_refused() -> None:
    content = bcs(counts())
    for cut in range(0, len(content) - 1, 401):
        with pytest.raises(CytosolError):
            open_text(content[:cut], "a.bcs", format="bcs")


def test_the_shared_study(shared_data: Path) -> None:
    path = shared_data / "scrna/bcs/derived_pbmc8k_500.bcs"
    table = open_path(path)
    assert (table.n_cells, table.n_features) == (500, 2000)
    assert list(table.obs["nCount_RNA"][:3]) == [592, 534, 509]
    assert len(table.obs["Graph-based clusters"].cat.categories) == 10
    assert table.obsm["umap"].shape == (500, 2)
    with zipfile.ZipFile(path) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith("matrix.hdf5"))
        with h5py.File(io.BytesIO(archive.read(name))) as file:
            sums = file["colsum/raw"][()]
    assert np.array_equal(whole(table).sum(axis=1), sums)
    table.close()
