"""Event tables: what is written is read, by ourselves from any store, and by AnnData."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.abc.store import Store
from zarr.core.sync import sync
from zarr.storage import LocalStore, MemoryStore

from cytosol.base.errors import ConflictError, DamagedDataError, NotFoundError
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.events import EVENTS_PER_CHUNK, EventColumns, chunk_events, read_channels, write_events
from cytosol.formats.spatialdata.layout import DatasetSpec, TableSpec, write_metadata
from cytosol.formats.spatialdata.zarr_io import read_array, write_row_numbers


def make(root: Store, values: np.ndarray, *, step: int | None = None) -> EventColumns:
    """A table ``events`` of values of shape (n_channels, n_events)."""
    n_channels, n_events = values.shape
    names = [f"C{number}" for number in range(n_channels)]
    var = pd.DataFrame(
        {"feature_id": names, "feature_type": "channel", "genome": "", "reagent": ["CD4", *[""] * (n_channels - 1)]},
        index=names,
    )
    size = step or chunk_events(n_events, n_channels)
    blocks = (values[:, at : at + size] for at in range(0, n_events, size))
    write_events(root, "events", blocks, var=var, n_events=n_events, dtype=values.dtype)
    spec = TableSpec("events", n_cells=n_events, n_features=n_channels)
    write_metadata(root, DatasetSpec((spec,)))
    return EventColumns.open(root, "events")


def random(n_channels: int, n_events: int, dtype: str = "f4") -> np.ndarray:
    values = np.random.default_rng(n_events).normal(size=(n_channels, n_events)).astype(dtype)
    if n_events > 2:
        values[0, 1] = np.nan
    return values


@pytest.mark.parametrize("n_events", [0, 1, 7, EVENTS_PER_CHUNK, EVENTS_PER_CHUNK + 1])
@pytest.mark.parametrize("where", ["folder", "memory"])
def test_columns_come_back(tmp_path: Path, n_events: int, where: str) -> None:
    values = random(3, n_events)
    root: Store = LocalStore(tmp_path / "x.zarr") if where == "folder" else MemoryStore()
    events = make(root, values)
    assert events.shape == (n_events, 3)
    for column, wanted in zip(events.columns([2, 0]), values[[2, 0]], strict=True):
        assert column.dtype == np.float32
        np.testing.assert_array_equal(column, wanted)
    (again,) = read_channels(root, "events", [1])
    np.testing.assert_array_equal(again, values[1])
    some = slice(n_events // 3, n_events // 2)
    np.testing.assert_array_equal(events.rows(some.start, some.stop), values[:, some].T)
    with pytest.raises(NotFoundError, match="3 channels"):
        events.columns([3])


def test_the_whole_matrix_in_both_orientations(tmp_path: Path) -> None:
    values = random(4, 1000)
    values[2] = 0
    root = LocalStore(tmp_path / "x.zarr")
    events = make(root, values)
    matrix = events.features([3, 2])
    assert matrix.nnz == 2000  # a 0 that was measured is a value
    np.testing.assert_array_equal(matrix.toarray(), values[[3, 2]].T)
    blocks = list(events.blocks(1))
    assert [first for first, _ in blocks] == [0, 1, 2, 3]
    cells = CellMatrix(root, "events")
    assert (cells.kind, cells.nnz, cells.dtype) == ("events", 4000, np.float32)
    rows = np.concatenate([block.toarray() for _, block in cells.blocks(3000)])
    np.testing.assert_array_equal(rows, values.T)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_anndata_reads_it(tmp_path: Path, dtype: str) -> None:
    values = random(3, 300_000, dtype)
    make(LocalStore(tmp_path / "x.zarr"), values)
    table = anndata.io.read_zarr(tmp_path / "x.zarr/tables/events")
    assert table.X.dtype == values.dtype
    np.testing.assert_array_equal(table.X, values.T)
    assert list(table.var_names) == ["C0", "C1", "C2"]
    assert list(table.var["reagent"]) == ["CD4", "", ""]
    assert list(table.obs_names[[0, 9, 10, 99, 100, 299_999]]) == ["0", "9", "10", "99", "100", "299999"]


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 250_000))
def test_row_numbers_as_text(n: int) -> None:
    root = MemoryStore()
    write_row_numbers(root, "names", n)
    assert read_array(root, "names").tolist() == [str(number) for number in range(n)]


def test_chunks_are_of_like_size_and_bounded() -> None:
    assert chunk_events(100, 20) == 100
    assert chunk_events(0, 20) == 1
    assert chunk_events(EVENTS_PER_CHUNK + 8, 20) == EVENTS_PER_CHUNK // 2 + 8
    for n_events, n_channels in ((10_000_000, 20), (5_000_000, 400), (3_000_000, 60)):
        chunk = chunk_events(n_events, n_channels)
        assert chunk <= EVENTS_PER_CHUNK
        assert 4 * chunk * n_channels <= 65 << 20
        assert -(-n_events // chunk) * chunk - n_events < n_events // 50


def test_lost_chunks_and_taken_names_are_told(tmp_path: Path) -> None:
    root = LocalStore(tmp_path / "x.zarr")
    events = make(root, random(2, 100))
    with pytest.raises(ConflictError, match="lies under this path"):
        make(root, random(2, 100))
    (tmp_path / "x.zarr/tables/events/X/c/0/1").write_bytes(b"short")
    with pytest.raises(DamagedDataError, match="gone or cut short") as caught:
        events.columns([1])
    assert caught.value.where.endswith("X/c/0/1")
    sync(root.delete("tables/events/X/c/0/0"))
    with pytest.raises(DamagedDataError, match="gone"):
        events.columns([0])
