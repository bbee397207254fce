"""R's serialization as we write it, read back by the library rdata; R itself judges it in the tests of exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdata
import scipy.sparse as sp

from cytosol.base.errors import LimitExceededError
from cytosol.base.tables import ColumnData
from cytosol.formats.files import FileSource
from cytosol.formats.registry import open_table
from cytosol.formats.rstream import RList, RNumbers, RValue, data_frame, factor, matrix, named, numbers, text, write_rds
from cytosol.formats.seurat_writer import (
    SeuratAssay,
    SeuratStudy,
    check_seurat_size,
    seurat_feature_names,
    write_seurat,
)


def test_values_come_back(tmp_path: Path) -> None:
    names = text(["a", "b", "c"])
    frame: dict[str, RValue] = {
        "x": numbers(np.array([1.5, np.nan, 3.0])),
        "n": numbers(np.array([1, -2, 3])),
        "yes": numbers(np.array([True, False, True])),
        "word": text(["é", None, ""]),
        "group": factor(np.array([1, -1, 0]), ["low", "high"]),
    }
    value = named(
        {
            "frame": data_frame(frame, names),
            "matrix": matrix(np.arange(6.0).reshape(3, 2), names, ["u", "v"]),
            "large": numbers(np.array([2**40])),
            "nothing": RList([]),
        }
    )
    write_rds(tmp_path / "a.rds", value)
    found = rdata.read_rds(tmp_path / "a.rds")
    judged = found["frame"]
    assert list(judged.index) == ["a", "b", "c"]
    np.testing.assert_array_equal(judged["x"], [1.5, np.nan, 3])
    assert list(judged["n"]) == [1, -2, 3]
    assert list(judged["yes"]) == [True, False, True]
    assert judged["word"].iloc[0] == "é"
    assert pd.isna(judged["word"].iloc[1])
    assert [None if pd.isna(level) else level for level in judged["group"]] == ["high", None, "low"]
    np.testing.assert_array_equal(found["matrix"], np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(found["large"], [2**40])
    assert len(found["nothing"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.rds"]


def test_a_vector_that_comes_short_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 values came with 2"):
        write_rds(tmp_path / "a.rds", RNumbers("double", 3, lambda: [np.zeros(1), np.zeros(1)]))
    assert list(tmp_path.iterdir()) == []


def test_a_seurat_object_is_one_that_we_read(tmp_path: Path) -> None:
    counts = sp.random(30, 20, 0.3, format="csr", random_state=0)
    counts.data = np.ceil(counts.data * 300).astype(np.uint16)
    data = sp.csr_matrix((np.log1p(counts.data.astype(np.float32)), counts.indices, counts.indptr), shape=counts.shape)
    barcodes = np.array([f"cell {number}" for number in range(30)], dtype=object)
    var = pd.DataFrame({"feature_id": ["x"] * 20}, index=[f"g{number}" for number in range(20)])
    assay = SeuratAssay(
        "RNA",
        var,
        counts.indptr.astype(np.int64),
        lambda: (counts[start : start + 7] for start in range(0, 30, 7)),
        lambda: (data[start : start + 11] for start in range(0, 30, 11)),
    )
    columns = {"type": ColumnData(np.arange(30, dtype=np.int32) % 3 - 1, ["B", "T"])}
    umap = np.random.default_rng(0).normal(size=(30, 2))
    write_seurat(tmp_path / "a.rds", SeuratStudy("Blood", barcodes, [assay], columns, embeddings={"X_umap": umap}))
    for values, wanted in {"raw": counts, "normalized": data}.items():
        found = open_table({"matrix": FileSource(tmp_path / "a.rds")}, format="rds", matrix=values)  # type: ignore[arg-type]
        blocks = sp.vstack([block.values for block in found.blocks(block_bytes=1 << 20)])
        np.testing.assert_array_equal(blocks.toarray(), wanted.toarray())
        assert list(found.obs.index) == list(barcodes)
        assert list(found.var.index) == list(var.index)
        assert [None if pd.isna(level) else level for level in found.obs["type"]] == [None, "B", "T"] * 10
        assert [values.shape for values in found.obsm.values()] == [(30, 2)]
        np.testing.assert_allclose(next(iter(found.obsm.values())), umap)
        found.close()


def test_what_r_cannot_hold_is_refused_with_what_to_do() -> None:
    check_seurat_size(2**31 - 1)
    with pytest.raises(LimitExceededError, match="a sparse matrix of R holds at most 2,147,483,647") as caught:
        check_seurat_size(2**31)
    assert "h5ad" in caught.value.do


def test_names_that_seurat_would_change_stay_apart() -> None:
    assert seurat_feature_names(["a_b", "a-b", "a|b", "c"]) == ["a-b", "a-b-1", "a-b-2", "c"]
