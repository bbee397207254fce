"""The reader of R data files: objects of each kind written here, and Seurat's own sample against its AnnData form."""

from __future__ import annotations

import bz2
import contextlib
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import CytosolError, InvalidInputError
from cytosol.formats.archive import assign_roles
from cytosol.formats.files import FileSource
from cytosol.formats.registry import open_table
from cytosol.formats.table import obs_columns, split_feature_types
from tests.formats.rwriter import R, dense, factor, frame, named, rds, s4, sparse
from tests.formats.samples import barcodes, counts, open_path, open_text, symbols, whole

CELLS, GENES = barcodes(30), symbols(20)


def assay(matrix: np.ndarray, features: list[str], **more: Any) -> R:
    return s4(
        "Assay", counts=sparse(matrix.T, features, CELLS), data=sparse(np.log1p(matrix).T, features, CELLS), **more
    )


def log_map(names: list[str], layers: dict[str, np.ndarray]) -> R:
    marks = np.column_stack(list(layers.values()))
    made = dense(marks.astype(bool), names, list(layers))
    return R(made.value, {**made.attributes, "class": ["LogMap"]})


def seurat(assays: dict[str, R], *, active: str = "RNA", **slots: Any) -> R:
    meta = frame(
        {
            "type": factor([1, 2, None] * 10, ["a", "b"]),
            "n": np.arange(30.0),
            "text": ["x", None, "ß"] * 10,
            "flag": np.arange(30) % 2 == 0,
        },
        CELLS,
    )
    reduction = s4("DimReduc", **{"cell.embeddings": dense(np.arange(60.0).reshape(30, 2), CELLS, ["a", "b"])})
    parts = {
        "assays": named(assays),
        "meta.data": meta,
        "active.assay": [active],
        "reductions": named({"umap": reduction}),
    }
    return s4("Seurat", **{**parts, **slots})


def test_a_seurat_object_of_version_3_and_4() -> None:
    matrix = counts()
    table = open_text(rds(seurat({"RNA": assay(matrix, GENES)})), "a.rds")
    assert np.array_equal(whole(table), matrix)
    assert np.array_equal(whole(table, block_bytes=1), matrix)
    assert (list(table.obs.index), list(table.var.index)) == (CELLS, GENES)
    columns = obs_columns(table.obs)
    assert columns["type"].categories == ["a", "b"]
    assert list(columns["type"].values[:3]) == [0, 1, -1]
    assert list(columns["n"].values) == list(range(30))
    assert list(columns["text"].values[:3]) == ["x", None, "ß"]
    assert columns["flag"].values.dtype == np.bool_
    assert np.array_equal(table.obsm["umap"], np.arange(60).reshape(30, 2))
    assert table.notes == []
    values = whole(open_text(rds(seurat({"RNA": assay(matrix, GENES)})), "a.rds", matrix="normalized"))
    assert np.allclose(values, np.log1p(matrix))


def test_antibodies_become_a_table_of_their_own_and_other_assays_are_noted() -> None:
    rna, protein = counts(), counts(30, 3, seed=2)
    parts = {"SCT": assay(rna, GENES), "RNA": assay(rna, GENES), "ADT": assay(protein, ["CD3", "CD4", "CD8"])}
    table = open_text(rds(seurat(parts, active="SCT")), "a.rds")
    tables = split_feature_types(table)
    assert np.array_equal(whole(tables["rna"]), rna)
    assert np.array_equal(whole(tables["antibody"]), protein)
    assert any("'SCT' was left out; 'RNA' was read" in note for note in table.notes)
    assert list(open_text(rds(seurat(parts)), "a.rds", options={"assay": "ADT"}).var.index) == ["CD3", "CD4", "CD8"]


def test_layers_of_version_5_are_joined() -> None:
    matrix = counts()
    first = np.arange(30) % 3 == 0
    some = np.arange(20) < 15
    matrix[np.ix_(first, ~some)] = 0
    layers = {
        "counts.1": sparse(matrix[first][:, some].T),
        "counts.2": dense(matrix[~first].T),
        "scale.data": dense(np.zeros((20, 30))),
    }
    every = np.ones(30, dtype=bool)
    five = s4(
        "Assay5",
        layers=named(layers),
        cells=log_map(CELLS, {"counts.1": first, "counts.2": ~first, "scale.data": every}),
        features=log_map(GENES, {"counts.1": some, "counts.2": every[:20], "scale.data": every[:20]}),
    )
    table = open_text(rds(seurat({"RNA": five})), "a.rds")
    assert np.array_equal(whole(table), matrix)
    assert (list(table.obs.index), list(table.var.index)) == (CELLS, GENES)


@pytest.mark.parametrize("place", ["NAMES", "partitioning", "ranges"])
def test_a_single_cell_experiment(place: str) -> None:
    matrix = counts()
    assays = s4(
        "SimpleAssays",
        data=s4("SimpleList", listData=named({"counts": sparse(matrix.T), "logcounts": dense(np.log1p(matrix).T)})),
    )
    ranges = s4("GRanges", **{place: s4("IRanges", NAMES=GENES)})
    reduced = s4("DFrame", listData=named({"UMAP": dense(np.arange(60.0).reshape(30, 2))}))
    value = s4(
        "SingleCellExperiment",
        assays=assays,
        colData=s4("DFrame", rownames=CELLS, listData=named({"type": factor([1, 2] * 15, ["a", "b"])})),
        int_colData=s4("DFrame", listData=named({"reducedDims": reduced})),
        **({"NAMES": GENES} if place == "NAMES" else {"rowRanges": ranges}),
    )
    table = open_text(rds(value), "a.rds")
    assert np.array_equal(whole(table), matrix)
    assert (list(table.obs.index), list(table.var.index)) == (CELLS, GENES)
    assert list(table.obs["type"][:2]) == ["a", "b"]
    assert np.array_equal(table.obsm["UMAP"], np.arange(60).reshape(30, 2))
    assert np.allclose(whole(open_text(rds(value), "a.rds", matrix="normalized")), np.log1p(matrix))


@pytest.mark.parametrize("make", [sparse, dense])
def test_a_plain_matrix_in_every_packing(make: Any) -> None:
    matrix = counts()
    content = rds(make(matrix.T.astype(float), GENES, CELLS), packed=False)
    for packed in (content, bz2.compress(content), lzma.compress(content)):
        table = open_text(packed, "a.rds")
        assert np.array_equal(whole(table), matrix)
        assert list(table.obs.index) == CELLS


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (frame({"a": np.arange(3.0)}, ["x", "y", "z"]), "no Seurat or SingleCellExperiment.*data.frame"),
        (named({}), "but VEC"),
        (R(None, {"class": ["seurat"]}), "Seurat version 2"),
        (sparse(counts().T), "names of cells"),
        (sparse(counts().T + 0.5, GENES, CELLS), "no raw counts: in counts a value is not a whole number"),
        (dense(-counts().T.astype(float), GENES, CELLS), "is negative"),
        (seurat({}), "no assay"),
        (seurat({"RNA": s4("Assay")}), "no matrix"),
        (seurat({"RNA": s4("Assay5", layers=named({"counts": s4("BPCells")}))}), "damaged|no matrix"),
    ],
)
def test_must_refuse(value: R, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        open_text(rds(value), "bad.rds")
    assert "bad.rds" in caught.value.where
    assert caught.value.do


def test_an_unknown_assay_names_those_that_are_there() -> None:
    with pytest.raises(InvalidInputError, match=r"no assay 'X'.*Name one of: RNA"):
        open_text(rds(seurat({"RNA": assay(counts(), GENES)})), "a.rds", options={"assay": "X"})


def test_a_file_cut_anywhere_or_with_changed_bytes_is_read_or_refused() -> None:
    whole_file = rds(seurat({"RNA": assay(counts(8, 5), symbols(5))}), packed=False)
    rng = np.random.default_rng(0)
    for number in range(300):
        content = bytearray(whole_file)
        if number % 2:
            content = content[: int(rng.integers(len(content)))]
        else:
            content[int(rng.integers(14, len(content)))] = int(rng.integers(256))
        with contextlib.suppress(CytosolError):
            whole(open_text(bytes(content), "a.rds", format="rds"))
    for cut in range(1, len(rds(value := seurat({"RNA": assay(counts(), GENES)}))), 501):
        with pytest.raises(CytosolError):
            open_text(rds(value)[:cut], "a.rds", format="rds")


@pytest.mark.parametrize("name", ["pbmc_small.rds", "pbmc_small_seurat4.rda"])
def test_the_real_object_equals_its_anndata_form(shared_data: Path, name: str) -> None:
    table = open_path(shared_data / "scrna/seurat" / name)
    other = open_path(shared_data / "scrna/h5ad/pbmc_small.h5ad", matrix="normalized", options={"slot": "raw/X"})
    logged = open_path(shared_data / "scrna/seurat" / name, matrix="normalized")
    assert list(table.obs.index) == list(other.obs.index)
    assert list(table.var.index) == list(other.var.index)
    assert np.allclose(whole(logged), whole(other), atol=1e-5)
    assert np.array_equal(table.obsm["pca"], other.obsm["X_pca"])
    assert np.array_equal(table.obsm["tsne"], other.obsm["X_tsne"])
    assert list(table.obs["letter.idents"].cat.categories) == ["A", "B"]
    triplet = shared_data / "scrna/tenx_mtx_v2/pbmc_small"
    raw = open_table(assign_roles([FileSource(part) for part in triplet.iterdir()]))
    matrix = pd.DataFrame(whole(raw), index=[cell.removesuffix("-1") for cell in raw.obs.index], columns=raw.var.index)
    assert np.array_equal(whole(table), matrix.loc[list(table.obs.index), list(table.var.index)].to_numpy())
