"""Writing tables: what goes in comes out of the matrix, of the index and of AnnData."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anndata
import numpy as np
import obstore
import pytest
import scipy.sparse as sp
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.abc.store import Store
from zarr.storage import LocalStore, MemoryStore, ObjectStore

from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.formats.spatialdata.cells import CellMatrix, read_rows
from cytosol.formats.spatialdata.columns import read_barcodes, read_features, write_column
from cytosol.formats.spatialdata.layout import (
    ColumnEntry,
    DatasetSpec,
    TableSpec,
    fresh_path,
    read_table_spec,
    write_metadata,
)
from cytosol.formats.spatialdata.tables import scan_cells, write_table
from cytosol.formats.spatialdata.zarr_v2_view import ZarrV2View
from tests.formats.spatialdata.sources import COLUMNS, Axis, MemorySource, Steps, open_index, random_counts, write


@st.composite
def matrices(draw: st.DrawFn) -> sp.csr_matrix:
    shape = draw(st.tuples(st.integers(0, 25), st.integers(1, 25)))
    most = draw(st.sampled_from([1, 255, 256, 65_535, 65_536, 2**32 - 1]))
    seed, density = draw(st.integers(0, 2**16)), draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random(shape) < density, rng.integers(1, most, shape, endpoint=True), 0)
    if draw(st.booleans()):
        return sp.csr_matrix(dense.astype(np.uint32))
    return sp.csr_matrix((dense / draw(st.sampled_from([1, 8]))).astype(np.float32))


@settings(max_examples=40, deadline=None)
@given(matrix=matrices(), axis=st.sampled_from(["cells", "features"]), per_block=st.integers(1, 9), data=st.data())
def test_any_matrix_comes_back_the_same(matrix: sp.csr_matrix, axis: Axis, per_block: int, data: st.DataObject) -> None:
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=matrix.shape[0], max_size=matrix.shape[0])), dtype=bool)
    expected = matrix.toarray()[keep]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        store, written = write(place, MemorySource(matrix, axis, per_block=per_block), keep=keep)
        write_metadata(store, DatasetSpec((TableSpec("rna", n_cells=written.n_cells, n_features=written.n_features),)))
        index = open_index(place / "index")
        judged = anndata.io.read_zarr(place / "dataset" / "tables" / "rna")
        stored = read_rows(store, "rna", 0, written.n_cells)
    np.testing.assert_array_equal(stored.toarray(), expected)
    assert stored.has_canonical_format
    np.testing.assert_array_equal(judged.X.toarray(), expected)
    assert list(judged.obs_names) == [f"bc{i}" for i in np.flatnonzero(keep)]
    np.testing.assert_array_equal(index.features(np.arange(matrix.shape[1])).toarray(), expected.astype(np.float32))
    np.testing.assert_allclose(index.totals, expected.sum(axis=1, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(written.totals, index.totals)
    np.testing.assert_array_equal(written.n_genes, (expected != 0).sum(axis=1))
    assert written.nnz == np.count_nonzero(expected)


@pytest.mark.parametrize("axis", ["cells", "features"])
@pytest.mark.parametrize(
    ("most", "dtype"), [(255, "uint8"), (256, "uint16"), (65_535, "uint16"), (65_536, "uint32"), (2**32 - 1, "uint32")]
)
def test_counts_take_the_narrowest_type(tmp_path: Path, axis: Axis, most: int, dtype: str) -> None:
    matrix = random_counts(40, 30, most=200).tolil()
    matrix[39, 29] = most  # in the last block, so that what was written before must widen
    store, written = write(tmp_path, MemorySource(sp.csr_matrix(matrix), axis))
    assert written.dtype == dtype
    assert CellMatrix(store, "rna").dtype == np.dtype(dtype)
    np.testing.assert_array_equal(read_rows(store, "rna", 0, 40).toarray(), matrix.toarray())


def test_a_fraction_in_the_last_block_turns_all_to_float(tmp_path: Path) -> None:
    matrix = random_counts(40, 30).astype(np.float32).tolil()
    matrix[39, 29] = 0.5
    store, written = write(tmp_path, MemorySource(sp.csr_matrix(matrix)))
    assert written.dtype == "float32"
    np.testing.assert_array_equal(read_rows(store, "rna", 0, 40).toarray(), matrix.toarray())


def test_normalised_values_stay_float_even_when_whole(tmp_path: Path) -> None:
    _, written = write(tmp_path, MemorySource(random_counts(10, 10).astype(np.float32), kind="normalized"))
    assert (written.dtype, written.kind) == ("float32", "normalized")


def test_zeros_duplicates_and_disorder_are_mended(tmp_path: Path) -> None:
    rough = sp.csr_matrix((np.array([2, 0, 1, 3], np.uint8), np.array([2, 1, 0, 2]), np.array([0, 4])), shape=(1, 3))
    store, written = write(tmp_path, MemorySource(rough))
    assert written.nnz == 2
    np.testing.assert_array_equal(read_rows(store, "rna", 0, 1).toarray(), [[1, 0, 5]])


def test_many_chunks_and_groups(tmp_path: Path) -> None:
    """More values than one chunk holds, so few bytes that the transpose gathers in many groups."""
    matrix = random_counts(3000, 400, seed=5, density=0.5)
    assert matrix.nnz > 1 << 19
    for axis in ("cells", "features"):
        place = tmp_path / axis
        place.mkdir()
        store = LocalStore(place / "dataset")
        steps = Steps()
        source = MemorySource(matrix, axis, per_block=150)
        write_table(
            store,
            "rna",
            source,
            keep=None,
            index_path=place / "index",
            scratch=place,
            memory_bytes=1 << 20,
            report=steps,
        )
        assert steps.fractions == sorted(steps.fractions)
        assert steps.fractions[-1] == 1.0
        assert (place / "dataset/tables/rna/X/data/c/1").exists()
        np.testing.assert_array_equal(open_index(place / "index").features(np.arange(400)).toarray(), matrix.toarray())
        seen = [(start, block.toarray()) for start, block in CellMatrix(store, "rna").blocks(200_000)]
        assert len(seen) > 3
        np.testing.assert_array_equal(np.concatenate([block for _, block in seen]), matrix.toarray())
        assert sorted(path.name for path in place.iterdir()) == ["dataset", "index"]


def test_read_some_rows(tmp_path: Path) -> None:
    matrix = random_counts(50, 20)
    store, _ = write(tmp_path, MemorySource(matrix))
    np.testing.assert_array_equal(read_rows(store, "rna", 13, 29).toarray(), matrix[13:29].toarray())
    assert read_rows(store, "rna", 20, 20).shape == (0, 20)
    with pytest.raises(InvalidInputError):
        read_rows(store, "rna", 20, 51)


@pytest.mark.parametrize("axis", ["cells", "features"])
def test_scan_cells(axis: Axis) -> None:
    matrix = random_counts(50, 20).tolil()
    matrix[7] = 0
    matrix = sp.csr_matrix(matrix)
    mito = np.arange(20) >= 16
    dense = matrix.toarray().astype(float)
    stats = scan_cells(MemorySource(matrix, axis), mito=mito, report=Steps())
    np.testing.assert_array_equal(stats.totals, dense.sum(axis=1))
    np.testing.assert_array_equal(stats.n_genes, (dense > 0).sum(axis=1))
    total = dense.sum(axis=1)
    np.testing.assert_allclose(
        stats.mito_share, np.where(total > 0, dense[:, mito].sum(axis=1) / np.maximum(total, 1), 0)
    )
    assert not scan_cells(MemorySource(matrix, axis), mito=None, report=Steps()).mito_share.any()


def test_axes_come_back(tmp_path: Path) -> None:
    source = MemorySource(random_counts(5, 4))
    source.obs.index = ["α", "b/c", "", "nan", "e"]
    source.var["genome"] = ["GRCh38", "", "mm10", "mm10"]
    keep = np.array([True, True, False, True, True])
    store, _ = write(tmp_path, source, keep=keep)
    assert read_barcodes(store, "rna").tolist() == ["α", "b/c", "nan", "e"]
    features = read_features(store, "rna")
    assert features.to_dict() == source.var.to_dict()
    assert list(features.index) == list(source.var.index)


def test_a_listed_table_is_never_written_over(tmp_path: Path) -> None:
    store, written = write(tmp_path, MemorySource(random_counts(5, 4)))
    write_metadata(store, DatasetSpec((TableSpec("rna", n_cells=5, n_features=4),)))
    with pytest.raises(ConflictError):
        write(tmp_path, MemorySource(random_counts(6, 4)))
    assert CellMatrix(store, "rna").shape == (5, 4)
    assert written.n_cells == 5


def test_leftovers_of_a_dead_attempt_are_replaced(tmp_path: Path) -> None:
    write(tmp_path, MemorySource(random_counts(50, 40)))
    small = random_counts(6, 4, seed=9)
    store, _ = write(tmp_path, MemorySource(small))
    np.testing.assert_array_equal(read_rows(store, "rna", 0, 6).toarray(), small.toarray())


def test_a_mask_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        write(tmp_path, MemorySource(random_counts(5, 4)), keep=np.ones(4, dtype=bool))


def test_a_failed_write_leaves_no_index(tmp_path: Path) -> None:
    class Broken(MemorySource):
        def blocks(self, *, block_bytes: int):  # type: ignore[no-untyped-def]
            yield from list(super().blocks(block_bytes=block_bytes))[:2]
            raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        write(tmp_path, Broken(random_counts(50, 4)))
    assert not [path.name for path in tmp_path.iterdir() if path.name != "dataset"]


@pytest.mark.parametrize("kind", ["memory", "obstore memory", "obstore folder"])
def test_every_kind_of_store(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "objects"
    place.mkdir()
    stores: dict[str, Store] = {
        "memory": MemoryStore(),
        "obstore memory": ObjectStore(obstore.store.MemoryStore()),
        "obstore folder": ObjectStore(obstore.store.LocalStore(str(place))),
    }
    store, matrix = stores[kind], random_counts(50, 12, most=200).tolil()
    matrix[49, 11] = 1000
    matrix = sp.csr_matrix(matrix)
    for _ in range(2):  # the second time over what the first one left
        write_table(
            store,
            "rna",
            MemorySource(matrix),
            keep=None,
            index_path=tmp_path / "index",
            scratch=tmp_path,
            memory_bytes=1 << 20,
            report=Steps(),
        )
    path = fresh_path(store, "rna", "obs", "louvain")
    write_column(store, "rna", path, COLUMNS["note"])
    assert (path, fresh_path(store, "rna", "obs", "louvain")) == ("louvain", "louvain-2")
    spec = TableSpec("rna", (ColumnEntry("louvain", path),), n_cells=50, n_features=12)
    write_metadata(store, DatasetSpec((spec,)))
    assert read_table_spec(store, "rna") == spec
    np.testing.assert_array_equal(read_rows(store, "rna", 0, 50).toarray(), matrix.toarray())
    judged = anndata.io.read_zarr(zarr.open_group(store, path="tables/rna", mode="r"))
    np.testing.assert_array_equal(judged.X.toarray(), matrix.toarray())
    assert judged.obs["louvain"].isna().sum() == 10
    view = ZarrV2View(store, spec)
    assert {"X/data/0", "obs/louvain/codes/0"} <= set(view.paths())
    assert all(view.get(file) is not None for file in view.paths())
