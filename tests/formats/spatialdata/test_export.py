"""h5ad files that we write, judged by AnnData."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import column_to_pandas
from cytosol.formats.spatialdata.export import Compression, write_h5ad
from tests.formats.spatialdata.sources import COLUMNS, MemorySource, random_counts, umap, write


@pytest.fixture
def obs() -> pd.DataFrame:
    frame = pd.DataFrame({name: column_to_pandas(column) for name, column in COLUMNS.items() if name != "_index"})
    frame["counts/total"] = np.arange(50, dtype=np.int32)
    frame["numbered"] = pd.Categorical([1, 2] * 25)
    frame.index = pd.Index([f"bc{i}" for i in range(50)], dtype=object)
    return frame


def save(path: Path, matrix: sp.csr_matrix, obs: pd.DataFrame, **more: Any) -> anndata.AnnData:
    var = pd.DataFrame({"feature_id": [f"E{i}" for i in range(12)]}, index=[f"g{i}" for i in range(12)])
    write_h5ad(path, x_blocks=(matrix[start : start + 7] for start in range(0, 50, 7)), obs=obs, var=var, **more)
    return anndata.read_h5ad(path)


@pytest.mark.parametrize("compression", ["gzip", "lzf", None])
def test_anndata_reads_all_of_it(tmp_path: Path, obs: pd.DataFrame, compression: Compression) -> None:
    matrix = random_counts(50, 12)
    judged = save(tmp_path / "a.h5ad", matrix, obs, obsm={"X_umap": umap()}, compression=compression)
    assert judged.X.dtype == np.uint32
    np.testing.assert_array_equal(judged.X.toarray(), matrix.toarray())
    np.testing.assert_array_equal(judged.obsm["X_umap"], umap())
    assert list(judged.var_names) == [f"g{i}" for i in range(12)]
    note = obs.pop("note")
    found = judged.obs.pop("note")
    np.testing.assert_array_equal(found.isna(), note.isna())
    assert found.dropna().astype(str).tolist() == note.dropna().tolist()
    assert list(judged.obs.index) == list(obs.index)
    # pandas 3 reads names and levels as its own type of text
    plain = judged.obs.reset_index(drop=True), obs.reset_index(drop=True)
    pd.testing.assert_frame_equal(*plain, check_categorical=False, check_dtype=False)
    kinds = [[dtype.kind for dtype in frame.dtypes] for frame in plain]
    assert kinds[0] == kinds[1]
    for name in obs.select_dtypes("category"):
        assert list(judged.obs[name].cat.categories) == list(obs[name].cat.categories)


def test_notes_of_every_kind(tmp_path: Path, obs: pd.DataFrame) -> None:
    uns: dict[str, Any] = {
        "title": "naïve",
        "n": 3,
        "share": 0.5,
        "done": True,
        "nothing": None,
        "louvain_colors": ["#ff0000", "#00ff00"],
        "numbers": [1, 2],
        "deep": {"more": {"array": np.eye(2)}},
        "frame": pd.DataFrame({"a": [1.0]}, index=["x"]),
    }
    judged = save(tmp_path / "a.h5ad", random_counts(50, 12), obs, uns=uns).uns
    assert (judged["title"], judged["n"], judged["share"], judged["done"]) == ("naïve", 3, 0.5, True)
    assert judged["louvain_colors"].tolist() == uns["louvain_colors"]
    np.testing.assert_array_equal(judged["deep"]["more"]["array"], np.eye(2))
    pd.testing.assert_frame_equal(judged["frame"], uns["frame"])
    assert judged.get("nothing") is None


@pytest.mark.parametrize("wrong", [{"x": object()}, {"x": [1, "a"]}])
def test_what_has_no_place_is_refused_and_nothing_is_left(
    tmp_path: Path, obs: pd.DataFrame, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        save(tmp_path / "a.h5ad", random_counts(50, 12), obs, uns=wrong)
    assert list(tmp_path.iterdir()) == []


def test_names_that_collide_stay_apart(tmp_path: Path) -> None:
    names = ["a", "a/b", "a_b", "c/d", "c", "_index", "x//y", ""]
    obs = pd.DataFrame({name: np.arange(50) + number for number, name in enumerate(names)})
    judged = save(tmp_path / "a.h5ad", random_counts(50, 12), obs)
    assert judged.obs.shape == (50, len(names))
    for number, name in enumerate(judged.obs.columns):
        np.testing.assert_array_equal(judged.obs[name], np.arange(50) + number)


def test_blocks_that_do_not_fit_are_a_fault(tmp_path: Path, obs: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="49 cells"):
        write_h5ad(tmp_path / "a.h5ad", x_blocks=[random_counts(49, 2)], obs=obs, var=pd.DataFrame(index=["a", "b"]))


def test_an_empty_table(tmp_path: Path) -> None:
    write_h5ad(tmp_path / "a.h5ad", x_blocks=[], obs=pd.DataFrame(index=[]), var=pd.DataFrame(index=["a"]))
    assert anndata.read_h5ad(tmp_path / "a.h5ad").shape == (0, 1)


def test_from_the_store_to_a_file(tmp_path: Path) -> None:
    matrix = random_counts(50, 12)
    store, _ = write(tmp_path, MemorySource(matrix))
    blocks = (block for _, block in CellMatrix(store, "rna").blocks(300))
    obs, var = (pd.DataFrame(index=[str(i) for i in range(n)]) for n in matrix.shape)
    write_h5ad(tmp_path / "a.h5ad", x_blocks=blocks, obs=obs, var=var)
    np.testing.assert_array_equal(anndata.read_h5ad(tmp_path / "a.h5ad").X.toarray(), matrix.toarray())
    with h5py.File(tmp_path / "a.h5ad") as file:
        assert file["X/indptr"].dtype == np.int64
