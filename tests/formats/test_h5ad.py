"""The .h5ad reader against anndata itself, over all layouts that can be written or lie in the samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.formats.table import obs_columns
from tests.formats.samples import DEMO, barcodes, counts, ids, open_path, symbols, whole

SPARSE = {"dense": np.asarray, "csr": sp.csr_matrix, "csc": sp.csc_matrix}


def make(matrix: Any, **parts: Any) -> anndata.AnnData:
    n_cells, n_features = matrix.shape
    return anndata.AnnData(
        X=matrix,
        obs=pd.DataFrame(index=barcodes(n_cells)),
        var=pd.DataFrame({"gene_ids": ids(n_features), "feature_types": "Gene Expression"}, index=symbols(n_features)),
        **parts,
    )


def save(data: anndata.AnnData, path: Path, **options: Any) -> Path:
    data.write_h5ad(path, **options)
    return path


@pytest.mark.parametrize("layout", SPARSE)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint16"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_counts_in_x(tmp_path: Path, layout: str, dtype: str, compression: str | None) -> None:
    matrix = counts(700, 60).astype(dtype)
    table = open_path(save(make(SPARSE[layout](matrix)), tmp_path / "a.h5ad", compression=compression))
    assert table.kind == "counts"
    assert np.array_equal(whole(table), matrix)
    assert np.array_equal(whole(table, block_bytes=1 << 26), matrix), "a second pass gives the same"
    assert list(table.obs.index) == barcodes(700)
    assert list(table.var.index) == symbols(60)
    assert list(table.var["feature_id"]) == ids(60)
    assert set(table.var["feature_type"]) == {"Gene Expression"}
    assert [block.axis for block in table.blocks(block_bytes=1 << 26)] == ["features" if layout == "csc" else "cells"]
    table.close()
    table.close()


def test_raw_is_preferred_then_layer_then_x(tmp_path: Path) -> None:
    matrix = counts().astype(np.float32)
    logged = np.log1p(matrix)
    with_raw = make(logged[:, :15])
    with_raw.raw = make(sp.csr_matrix(matrix))
    with_raw.layers["counts"] = matrix[:, :15] + 1
    table = open_path(save(with_raw, tmp_path / "raw.h5ad"))
    assert np.array_equal(whole(table), matrix)
    assert "raw/X" in " ".join(table.notes)

    logged_raw = make(logged[:, :15])
    logged_raw.raw = make(sp.csr_matrix(logged))
    logged_raw.layers["counts"] = matrix[:, :15]
    table = open_path(save(logged_raw, tmp_path / "layer.h5ad"))
    assert np.array_equal(whole(table), matrix[:, :15])
    assert "layers/counts" in " ".join(table.notes)

    x_alone = make(matrix)
    x_alone.layers["scaled"] = logged - 1
    table = open_path(save(x_alone, tmp_path / "x.h5ad"))
    assert np.array_equal(whole(table), matrix)
    assert np.allclose(
        whole(open_path(tmp_path / "x.h5ad", matrix="normalized", options={"slot": "layers/scaled"})), logged - 1
    )


def test_log_values_declared_raw_are_refused_with_advice(tmp_path: Path) -> None:
    path = save(make(np.log1p(counts().astype(np.float32))), tmp_path / "log.h5ad")
    with pytest.raises(InvalidInputError, match=r"no raw counts: in X a value is not a whole number.*as normalized"):
        open_path(path)
    table = open_path(path, matrix="normalized")
    assert table.kind == "normalized"
    assert np.allclose(whole(table), np.log1p(counts()), rtol=1e-6)


def test_normalized_takes_x_and_notes_counts(tmp_path: Path) -> None:
    table = open_path(save(make(counts().astype(np.float32)), tmp_path / "a.h5ad"), matrix="normalized")
    assert any("look like raw counts" in note for note in table.notes)
    scaled = open_path(save(make(counts() - 5.5), tmp_path / "b.h5ad"), matrix="normalized")
    assert np.array_equal(whole(scaled), counts() - 5.5)
    assert any("scaled" in note for note in scaled.notes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.5, 1e12])
@pytest.mark.parametrize("layout", SPARSE)
def test_a_bad_value_far_inside_is_named(tmp_path: Path, layout: str, value: float) -> None:
    matrix = counts(3000, 1500, density=0.05).astype(np.float32)
    matrix[2811, 1312] = value
    data = make(SPARSE[layout](matrix))
    try:
        table = open_path(save(data, tmp_path / "a.h5ad"))
        whole(table, block_bytes=1 << 22)
    except InvalidInputError as error:
        refusal = error
    else:
        pytest.fail("the value was taken")
    if "cell" in refusal.details:  # found while streaming; small matrices are judged at once
        assert (refusal.details["cell"], refusal.details["feature"]) == (2811, 1312)
        assert "RPL1312" in refusal.what


def test_missing_values_in_normalized_are_refused(tmp_path: Path) -> None:
    matrix = np.log1p(counts().astype(np.float64))
    matrix[3, 4] = np.nan
    table = open_path(save(make(matrix), tmp_path / "a.h5ad"), matrix="normalized")
    with pytest.raises(InvalidInputError, match=r"RPL4.*is missing or infinite.*cell 4, feature 5"):
        whole(table)


def test_columns_of_obs(tmp_path: Path) -> None:
    data = make(counts(6, 4))
    data.obs["type"] = pd.Categorical(["b", "a", None, "b", "a", "b"], categories=["b", "a", "unused"])
    data.obs["stage"] = pd.Categorical(["lo", "hi"] * 3, categories=["lo", "hi"], ordered=True)
    data.obs["cluster"] = pd.Categorical([3, 1, 2, 3, 1, 2])
    data.obs["score"] = np.array([0.5, np.nan, 1, 2, 3, 4])
    data.obs["n"] = np.arange(6, dtype=np.uint16)
    data.obs["flag"] = [True, False] * 3
    data.obs["text"] = np.array(["x", "y", "z", "u", "v", "é"], dtype=object)
    data.obs["maybe_int"] = pd.array([1, None, 3, 4, 5, 6], dtype="Int64")
    data.obs["maybe_bool"] = pd.array([True, None, False, True, True, True], dtype="boolean")
    data.uns["type_colors"] = np.array(["#FF0000", "#00ff00", "#0000ff"])
    data.uns["stage_colors"] = np.array(["red", "blue"])
    table = open_path(save(data, tmp_path / "a.h5ad", convert_strings_to_categoricals=False))
    columns = obs_columns(table.obs)
    assert list(columns) == list(data.obs.columns)
    assert columns["type"].categories == ["b", "a", "unused"]
    assert columns["type"].values.tolist() == [0, 1, -1, 0, 1, 0]
    assert columns["type"].colors == ["#ff0000", "#00ff00", "#0000ff"]
    assert not columns["type"].ordered
    assert columns["stage"].ordered
    assert columns["stage"].colors is None
    assert columns["cluster"].categories == ["1", "2", "3"]
    assert columns["score"].values.dtype == np.float64
    assert np.array_equal(columns["score"].values, data.obs["score"], equal_nan=True)
    assert columns["n"].values.tolist() == list(range(6))
    assert columns["n"].values.dtype == np.int64
    assert columns["flag"].values.tolist() == [True, False] * 3
    assert columns["text"].values.tolist() == ["x", "y", "z", "u", "v", "é"]
    assert columns["maybe_int"].values.tolist()[2:] == [3, 4, 5, 6]
    assert np.isnan(columns["maybe_int"].values[1])
    assert columns["maybe_bool"].categories == ["False", "True"]
    assert columns["maybe_bool"].values.tolist() == [1, -1, 0, 1, 1, 1]


def test_embeddings(tmp_path: Path) -> None:
    data = make(counts(6, 4))
    rng = np.random.default_rng(0)
    data.obsm["X_umap"] = rng.random((6, 2)).astype(np.float32)
    data.obsm["frame"] = pd.DataFrame({"a": [1, 2, 3, 4, 5, 6], "b": np.arange(6.0)}, index=data.obs_names)
    data.obsm["mixed"] = pd.DataFrame({"a": list("abcdef")}, index=data.obs_names)
    data.obsm["sparse"] = sp.csr_matrix(np.eye(6))
    data.obsm["cube"] = np.zeros((6, 2, 2))
    table = open_path(save(data, tmp_path / "a.h5ad"))
    assert set(table.obsm) == {"X_umap", "frame"}
    assert np.array_equal(table.obsm["X_umap"], data.obsm["X_umap"])
    assert np.array_equal(table.obsm["frame"], np.column_stack([[1, 2, 3, 4, 5, 6], np.arange(6)]))
    for name in ("mixed", "sparse", "cube"):
        assert any(f"'{name}'" in note for note in table.notes)


def test_a_column_that_cannot_be_read_is_left_out_with_a_note(tmp_path: Path) -> None:
    data = make(counts(6, 4))
    data.obs["good"], data.obs["bad"] = np.arange(6), pd.Categorical(list("aabbcc"))
    data.obs["short"] = np.arange(6)
    path = save(data, tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        file["obs/bad/codes"][0] = 100
        del file["obs/short"]
        file["obs/short"] = np.arange(5)
        file["obs/compound"] = np.zeros(6, dtype=[("a", "f4"), ("b", "i4")])
    table = open_path(path)
    assert list(table.obs.columns) == ["good"]
    for name in ("bad", "short", "compound"):
        assert any(f"Column '{name}'" in note for note in table.notes)


@pytest.mark.filterwarnings("ignore:Suffix used")
def test_names_are_made_unique_as_anndata_does(tmp_path: Path) -> None:
    data = make(counts(4, 5))
    data.var_names = ["A", "A", "A-1", "B", "A"]
    data.obs_names = ["c", "c", "d", "e"]
    table = open_path(save(data, tmp_path / "a.h5ad"))
    data.var_names_make_unique()
    data.obs_names_make_unique()
    assert list(table.var.index) == list(data.var_names)
    assert list(table.obs.index) == list(data.obs_names)
    assert len([note for note in table.notes if "made unique" in note]) == 2


def test_ids_as_names_give_way_to_a_symbol_column(tmp_path: Path) -> None:
    data = make(counts(4, 3))
    data.var = pd.DataFrame({"feature_name": ["CD3E", "CD4", "CD8A"]}, index=ids(3))
    table = open_path(save(data, tmp_path / "a.h5ad"))
    assert list(table.var.index) == ["CD3E", "CD4", "CD8A"]
    assert list(table.var["feature_id"]) == ids(3)
    data.var = pd.DataFrame(index=ids(3))
    table = open_path(save(data, tmp_path / "b.h5ad"))
    assert list(table.var.index) == ids(3) == list(table.var["feature_id"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", ["demo", "shared"])
def test_real_files_equal_anndata(source: str, request: pytest.FixtureRequest) -> None:
    folder = DEMO if source == "demo" else request.getfixturevalue("shared_data") / "scrna/h5ad"
    paths = sorted(folder.glob("*.h5ad"))
    assert paths
    for path in paths:
        oracle = anndata.read_h5ad(path)
        table = open_path(path, matrix="normalized")
        x = oracle.X.toarray() if sp.issparse(oracle.X) else oracle.X
        assert np.array_equal(whole(table), x.astype(np.float32)), path.name
        assert list(table.obs.index) == list(oracle.obs_names)
        assert list(table.var.index) == list(oracle.var_names)
        assert list(table.obs.columns) == list(oracle.obs.columns)
        for name in oracle.obs.columns:
            ours, theirs = table.obs[name], oracle.obs[name]
            if isinstance(theirs.dtype, pd.CategoricalDtype):
                assert ours.astype(object).tolist() == theirs.astype(object).tolist()
                assert list(ours.cat.categories) == list(theirs.cat.categories)
            else:
                assert np.array_equal(ours.to_numpy(), theirs.to_numpy())
        for name, values in table.obsm.items():
            assert np.array_equal(values, np.asarray(oracle.obsm[name]))
        for name, colors in table.obs.attrs["colors"].items():
            assert colors == list(oracle.uns[f"{name}_colors"])
        if oracle.raw is not None:
            raw = open_path(path, matrix="normalized", options={"slot": "raw/X"})
            theirs = oracle.raw.X.toarray() if sp.issparse(oracle.raw.X) else oracle.raw.X
            assert np.array_equal(whole(raw), np.asarray(theirs).astype(np.float32))
            assert list(raw.var.index) == list(oracle.raw.var_names)


def test_pbmc68k_has_its_labels_and_no_counts() -> None:
    path = DEMO / "pbmc68k_reduced.h5ad"
    table = open_path(path, matrix="normalized")
    assert (table.n_cells, table.n_features) == (700, 765)
    assert len(obs_columns(table.obs)["bulk_labels"].categories or []) == 10
    assert table.obsm["X_pca"].shape == (700, 50)
    assert table.obsm["X_umap"].shape == (700, 2)
    assert len(table.obs.attrs["colors"]["louvain"]) == 11
    with pytest.raises(InvalidInputError, match="no raw counts"):
        open_path(path)


def edit(path: Path, change: Any) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def _drop(name: str) -> Any:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def _shape(file: h5py.File) -> None:
    file["X"].attrs["shape"] = [30, 21]


def _pointers(file: h5py.File) -> None:
    file["X/indptr"][3] = 10_000


def _indices(file: h5py.File) -> None:
    file["X/indices"][5] = 99


def _negative(file: h5py.File) -> None:
    file["X/indices"][5] = -1


def _cut(file: h5py.File) -> None:
    values = file["X/data"][:-2]
    del file["X/data"]
    file["X/data"] = values


def _text(file: h5py.File) -> None:
    del file["X"]
    file["X"] = np.full((30, 20), b"a")


def _cube(file: h5py.File) -> None:
    del file["X"]
    file["X"] = np.zeros((30, 20, 2))


def _empty_name(file: h5py.File) -> None:
    index = file["obs/_index"]
    (index["values"] if isinstance(index, h5py.Group) else index)[3] = ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_drop("obs"), "no 'obs'"),
        (_drop("var"), "no 'var'"),
        (_drop("X"), "X is missing"),
        (_drop("X/data"), "no numbers"),
        (_drop("X/indptr"), "lacks indptr"),
        (_drop("obs/_index"), "row names"),
        (_shape, "30 cells and 21 features.*20 names of features"),
        (_pointers, "pointers"),
        (_indices, "outside of 0 to 19"),
        (_negative, "outside of 0 to 19"),
        (_cut, "pointers"),
        (_text, "not numbers"),
        (_cube, "3 dimensions"),
        (_empty_name, "Cell 4 has no barcode"),
    ],
)
def test_contradictory_files_are_refused(tmp_path: Path, change: Any, says: str) -> None:
    path = edit(save(make(sp.csr_matrix(counts())), tmp_path / "bad.h5ad"), change)
    with pytest.raises(InvalidInputError, match=says) as caught:
        whole(open_path(path))
    assert "bad.h5ad" in caught.value.where


def test_an_empty_matrix_is_refused(tmp_path: Path) -> None:
    data = anndata.AnnData(X=np.zeros((0, 5), dtype=np.float32), var=pd.DataFrame(index=symbols(5)))
    with pytest.raises(UnreadableFileError, match="no cells"):
        open_path(save(data, tmp_path / "a.h5ad"))


def test_an_unknown_slot_names_those_there(tmp_path: Path) -> None:
    path = save(make(counts()), tmp_path / "a.h5ad")
    with pytest.raises(InvalidInputError, match=r"no matrix 'layers/x'.*Name one of: X"):
        open_path(path, options={"slot": "layers/x"})


def _outside(file: h5py.File, kind: str, secret: Path) -> None:
    del file["X"]
    if kind == "raw bytes":
        file.create_dataset("X", (30, 20), "u1", external=[(str(secret), 0, 600)])
    else:
        layout = h5py.VirtualLayout((30, 20), "u1")
        layout[:] = h5py.VirtualSource(str(secret), "x", shape=(30, 20))
        file.create_virtual_dataset("X", layout)


@pytest.mark.parametrize("kind", ["raw bytes", "virtual"])
def test_values_in_other_files_are_never_read(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(200)) * 3)
    path = save(make(counts()), tmp_path / "a.h5ad")
    with h5py.File(path, "r+") as file:
        _outside(file, kind, secret)
    with pytest.raises(UnreadableFileError, match="values of '/X' lie in another file"):
        open_path(path)
