"""Columns and embeddings: every type, gaps, names and limits."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from zarr.storage import LocalStore

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.tables import ColumnData
from cytosol.formats.spatialdata.columns import (
    MAX_LEVELS,
    column_to_pandas,
    pandas_to_column,
    read_column,
    read_embedding,
    write_column,
    write_embedding,
)
from tests.formats.spatialdata.sources import COLUMNS, random_counts, umap, write_study


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "dataset")


def same(one: ColumnData, other: ColumnData) -> None:
    np.testing.assert_array_equal(one.values, other.values)
    assert one.values.dtype == other.values.dtype
    assert (one.categories, one.ordered, one.colors) == (other.categories, other.ordered, other.colors)
    assert one.extra == other.extra


@pytest.mark.parametrize("name", COLUMNS)
def test_every_type_comes_back(store: LocalStore, name: str) -> None:
    write_column(store, "rna", "x", COLUMNS[name])
    same(read_column(store, "rna", "x"), COLUMNS[name])


def test_colors_and_notes_come_back(store: LocalStore) -> None:
    column = ColumnData(np.array([0, -1], np.int32), ["a"], colors=["#ff0000"], extra={"unit": "µm"})
    write_column(store, "rna", "x", column)
    same(read_column(store, "rna", "x"), column)


@pytest.mark.parametrize("n_levels", [1, 128, 129, 32_768, 32_769, MAX_LEVELS])
def test_codes_at_the_edges_of_their_types(store: LocalStore, n_levels: int) -> None:
    codes = np.array([n_levels - 1, -1, 0], dtype=np.int32)
    column = ColumnData(codes, [f"level {i}" for i in range(n_levels)])
    write_column(store, "rna", "x", column)
    same(read_column(store, "rna", "x"), column)


def test_more_levels_become_text(store: LocalStore) -> None:
    levels = [f"c{i}" for i in range(MAX_LEVELS + 1)]
    write_column(store, "rna", "x", ColumnData(np.array([MAX_LEVELS, -1], dtype=np.int32), levels))
    found = read_column(store, "rna", "x")
    assert found.categories is None
    assert found.values.tolist() == [levels[-1], None]


@pytest.mark.parametrize(
    "column",
    [
        ColumnData(np.array([2], np.int32), ["a", "b"]),
        ColumnData(np.array([-2], np.int32), ["a"]),
        ColumnData(np.array([0], np.int32), ["a", "a"]),
        ColumnData(np.array([0.5]), ["a"]),
        ColumnData(np.zeros((2, 2))),
        ColumnData(np.array([1j])),
    ],
)
def test_contradictory_columns_are_refused(store: LocalStore, column: ColumnData) -> None:
    with pytest.raises(InvalidInputError):
        write_column(store, "rna", "x", column)


def test_a_column_is_written_once(store: LocalStore) -> None:
    for column in (COLUMNS["louvain"], COLUMNS["score"]):
        write_column(store, "rna", f"x{column.ordered}{column.values.dtype}", column)
        with pytest.raises(ConflictError):
            write_column(store, "rna", f"x{column.ordered}{column.values.dtype}", COLUMNS["text"])
    with pytest.raises(NotFoundError):
        read_column(store, "rna", "absent")


def test_embedding(store: LocalStore) -> None:
    write_embedding(store, "rna", "X_umap", umap().astype(np.float64))
    found = read_embedding(store, "rna", "X_umap")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, umap())
    wide = np.random.default_rng(0).normal(size=(30_000, 50)).astype(np.float32)
    write_embedding(store, "rna", "X_pca", wide)
    np.testing.assert_array_equal(read_embedding(store, "rna", "X_pca"), wide)
    with pytest.raises(InvalidInputError):
        write_embedding(store, "rna", "flat", np.zeros(3))
    with pytest.raises(ConflictError):
        write_embedding(store, "rna", "X_pca", wide)


@pytest.mark.parametrize(
    ("series", "values", "categories"),
    [
        (pd.Series([1, 2], dtype="uint8"), np.array([1, 2]), None),
        (pd.Series([1.5, np.nan], dtype="float32"), np.array([1.5, np.nan]), None),
        (pd.Series([True, False]), np.array([True, False]), None),
        (pd.Series([1, None], dtype="Int64"), np.array([1, np.nan]), None),
        (pd.Series([True, None], dtype="boolean"), np.array([1, np.nan]), None),
        (pd.Series([1, None], dtype=object), np.array([1, np.nan]), None),
        (pd.Series([2**64 - 1], dtype="uint64"), np.array([2.0**64]), None),
        (pd.Series(["c10", "c2", "c2", None]), np.array([1, 0, 0, -1], np.int32), ["c2", "c10"]),
        (pd.Series(["a", "b", np.nan]), np.array(["a", "b", None], dtype=object), None),
        (pd.Series(["a", "a", pd.NA], dtype="string"), np.array([0, 0, -1], np.int32), ["a"]),
        (pd.Series(pd.Categorical([1, "1", None])), np.array([0, 0, -1], np.int32), ["1"]),
        (pd.Series([np.nan, np.nan], dtype=object), np.array([None, None], dtype=object), None),
        (pd.Series(pd.to_datetime(["2024-01-02", None])), np.array(["2024-01-02 00:00:00", None], dtype=object), None),
        (pd.Series([], dtype=object), np.array([], dtype=object), None),
    ],
)
def test_from_pandas(series: pd.Series, values: np.ndarray, categories: list[str] | None) -> None:
    column = pandas_to_column(series)
    np.testing.assert_array_equal(column.values, values)
    assert column.values.dtype == values.dtype
    assert column.categories == categories


@pytest.mark.parametrize("name", COLUMNS)
def test_to_pandas_and_back(name: str) -> None:
    column = COLUMNS[name]
    back = column_to_pandas(column)
    if name == "note":
        assert [value for value in back if value is not None] == [value for value in column.values if value is not None]
    else:
        same(pandas_to_column(back), column)


def test_anndata_reads_every_column(tmp_path: Path) -> None:
    matrix = random_counts(50, 12)
    _, spec = write_study(tmp_path, matrix)
    judged = anndata.io.read_zarr(tmp_path / "dataset/tables/rna")
    assert judged.X.dtype == np.uint16
    np.testing.assert_array_equal(judged.X.toarray(), matrix.toarray())
    np.testing.assert_array_equal(judged.obsm["X_umap"], umap())
    assert list(judged.obs.columns) == [entry.path for entry in spec.columns]
    for entry in spec.columns:
        found, expected = judged.obs[entry.path], column_to_pandas(COLUMNS[entry.name])
        if isinstance(expected.dtype, pd.CategoricalDtype):
            assert list(found.cat.categories) == list(expected.cat.categories)
            assert found.cat.ordered == expected.cat.ordered
        missing = expected.isna().to_numpy()
        np.testing.assert_array_equal(found.isna(), missing)
        np.testing.assert_array_equal(found.to_numpy(dtype=object)[~missing], expected.to_numpy(dtype=object)[~missing])
