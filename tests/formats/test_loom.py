"""The Loom reader against h5py itself, with files made here and real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cytosol.base.errors import InvalidInputError
from cytosol.formats.table import obs_columns
from tests.formats.samples import barcodes, counts, ids, open_path, symbols, whole


def write_loom(path: Path, values: np.ndarray, /, **changes: Any) -> Path:
    """A Loom file of cells × features; ``changes`` replace or add datasets (slashes written ``__``), None drops one."""
    n_cells, n_features = values.shape
    parts: dict[str, Any] = {
        "matrix": values.T,
        "row_attrs__Gene": np.array(symbols(n_features), dtype="S"),
        "row_attrs__Accession": np.array(ids(n_features), dtype="S"),
        "col_attrs__CellID": np.array(barcodes(n_cells), dtype="S"),
        "col_attrs__Age": np.arange(n_cells),
    }
    with h5py.File(path, "w") as file:
        file.attrs["LOOM_SPEC_VERSION"] = "3.0.0"
        for name in ("row_attrs", "col_attrs", "layers", "row_graphs", "col_graphs"):
            file.create_group(name)
        for name, value in {**parts, **changes}.items():
            if value is not None:
                file[name.replace("__", "/")] = value
    return path


def test_everything_of_a_file(tmp_path: Path) -> None:
    matrix = counts()
    text = np.array(["a", "ß"] * 15, dtype=h5py.string_dtype())
    path = write_loom(
        tmp_path / "a.loom",
        matrix,
        col_attrs__Type=text,
        col_attrs__pca=np.ones((30, 3)),
        col_attrs__one=np.ones((30, 1)),
    )
    table = open_path(path)
    assert np.array_equal(whole(table), matrix)
    assert np.array_equal(whole(table, block_bytes=1), matrix)
    assert list(table.obs.index) == barcodes(30)
    assert list(table.var.index) == symbols(20)
    assert list(table.var["feature_id"]) == ids(20)
    assert set(obs_columns(table.obs)) == {"Age", "Type", "one"}
    assert list(table.obs["Type"]) == ["a", "ß"] * 15
    assert table.obsm["pca"].shape == (30, 3)
    assert table.notes == []
    table.close()


def test_counts_are_found_in_a_layer_when_the_matrix_is_normalised(tmp_path: Path) -> None:
    matrix = counts()
    path = write_loom(tmp_path / "a.loom", np.log1p(matrix), layers__counts=matrix.T, layers__other=matrix.T * 2)
    table = open_path(path)
    assert np.array_equal(whole(table), matrix)
    assert "taken from layers/counts" in table.notes[0]
    assert np.allclose(whole(open_path(path, matrix="normalized")), np.log1p(matrix))
    assert np.array_equal(whole(open_path(path, options={"slot": "layers/other"})), matrix * 2)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"matrix": None}, "no matrix of numbers"),
        ({"matrix": np.full((20, 30), 0.5)}, "no raw counts: in matrix a value is not a whole number"),
        ({"matrix": np.full((20, 30), -1)}, "is negative"),
        ({"matrix": np.zeros((0, 30))}, "no features|no names"),
        ({"matrix": np.zeros((20, 0))}, "no cells"),
        ({"row_attrs__Gene": None, "row_attrs__Accession": None}, "rows have no names"),
        ({"row_attrs__Gene": np.array(["A"] * 7, dtype="S"), "row_attrs__Accession": None}, "rows have no names"),
        ({"col_attrs__CellID": np.array([""] * 30, dtype="S1")}, "Cell 1 has no barcode"),
    ],
)
def test_must_refuse(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        open_path(write_loom(tmp_path / "bad.loom", counts(), **changes))
    assert "bad.loom" in caught.value.where


def test_what_does_not_fit_is_noted(tmp_path: Path) -> None:
    path = write_loom(tmp_path / "a.loom", counts(), col_attrs__CellID=None, col_attrs__short=np.ones(4))
    table = open_path(path)
    assert table.obs.index[0] == "cell-1"
    assert any("'short'" in note and "4 values instead of 30" in note for note in table.notes)
    assert any("names no cells" in note for note in table.notes)


def test_an_unknown_slot_names_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no matrix 'layers/x'.*Name one of: matrix"):
        open_path(write_loom(tmp_path / "a.loom", counts()), options={"slot": "layers/x"})


@pytest.mark.parametrize(
    ("name", "shape", "columns", "embeddings"),
    [
        ("mpfc-starmap.loom", (3704, 158), {"BatchID", "Clusters"}, {"Spatial_coordinates"}),
        ("osmFISH_SScortex_mouse_all_cell.loom", (64, 33), {"ClusterID", "ClusterName", "X", "Y"}, set()),
    ],
)
def test_real_files(
    shared_data: Path, name: str, shape: tuple[int, int], columns: set[str], embeddings: set[str]
) -> None:
    path = shared_data / "scrna/loom" / name
    table = open_path(path)
    with h5py.File(path) as file:
        assert np.array_equal(whole(table), file["matrix"][()].T)
        assert list(table.var.index) == [text.decode() for text in file["row_attrs/Gene"][()]]
    assert (table.n_cells, table.n_features) == shape
    assert set(table.obs) == columns
    assert set(table.obsm) == embeddings
    table.close()
