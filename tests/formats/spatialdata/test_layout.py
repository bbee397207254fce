"""Names, metadata, and what a reader sees at every step of a commit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from spatialdata import read_zarr
from spatialdata._core.validation import check_valid_dataframe_column_name
from zarr.abc.store import Store
from zarr.core.buffer import Buffer
from zarr.storage import LocalStore, WrapperStore

from cytosol.base.errors import DamagedDataError, InvalidInputError, NotFoundError, UnsupportedFormatError
from cytosol.base.tables import ColumnData
from cytosol.formats.spatialdata import layout
from cytosol.formats.spatialdata.columns import write_column, write_embedding
from cytosol.formats.spatialdata.layout import (
    ColumnEntry,
    DatasetSpec,
    EmbeddingEntry,
    TableSpec,
    free_name,
    free_path,
    fresh_path,
    path_part,
    write_metadata,
)
from cytosol.formats.spatialdata.plates import AcquisitionSpec, FieldSpec, PlateSpec, WellSpec
from tests.formats.spatialdata.sources import MemorySource, files_below, random_counts, umap, write, write_study
from tests.formats.spatialdata.test_events import make as make_events

PLATE = PlateSpec(
    "screen",
    ("A", "B"),
    ("1", "2", "3"),
    (WellSpec("A", "1", (FieldSpec("0", 0),)), WellSpec("B", "3", (FieldSpec("0", 0),))),
    (AcquisitionSpec(0, "day 1"),),
)


# names


@given(st.text(max_size=300))
def test_any_name_makes_a_path_part_that_spatialdata_takes(name: str) -> None:
    path = path_part(name)
    check_valid_dataframe_column_name(path)
    assert len(path.encode()) <= 255
    assert path_part(path) == path
    assert layout._is_path_part(free_path(name, [path, f"{path}-2"]))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("louvain", "louvain"),
        ("percent mito", "percent_mito"),
        ("a/b", "a_b"),
        ("../../etc", "_.._etc"),
        ("_index", "x_index"),
        ("_Index", "x_Index"),
        ("zarr.json", "xzarr.json"),
        ("__x", "_x"),
        (".zattrs", "_zattrs"),
        ("", "x"),
        ("細胞", "細胞"),
        ("cafe\u0301", "café"),
    ],
)
def test_path_parts(name: str, path: str) -> None:
    assert path_part(name) == path


def test_free_paths_differ_in_lower_case_too() -> None:
    assert free_path("Cluster", ["cluster"]) == "Cluster-2"
    assert free_path("a b", ["a_b", "A_B-2"]) == "a_b-3"


def test_free_names() -> None:
    assert free_name("x", []) == "x"
    assert free_name("x", ["x"]) == "x (1)"
    assert free_name("x", ["x", "x (1)"]) == "x (2)"
    assert free_name("y" * 255, ["y" * 255]) == "y" * 251 + " (1)"


def test_fresh_paths_step_over_what_nobody_lists(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert fresh_path(store, "rna", "obs", "louvain") == "louvain"
    write_column(store, "rna", "louvain", ColumnData(np.zeros(3)))
    assert fresh_path(store, "rna", "obs", "louvain") == "louvain-2"
    assert fresh_path(store, "rna", "obsm", "louvain") == "louvain"


# metadata


def test_the_metadata_say_what_the_spec_says(tmp_path: Path) -> None:
    store, spec = write_study(tmp_path, random_counts(50, 12))
    assert layout.read_format(store) == 1
    assert layout.read_table_spec(store, "rna") == spec
    assert [entry.name for entry in spec.columns][:3] == ["louvain", "dose (mg/kg)", "Louvain"]
    assert [entry.path for entry in spec.columns][:4] == ["louvain", "dose__mg_kg_", "Louvain-2", "x_index"]
    root = json.loads((tmp_path / "dataset/zarr.json").read_text())
    assert root["attributes"] == {"spatialdata_attrs": {"version": "0.2"}, "cytosol": {"format": 1}}


def test_rewriting_changes_nothing(tmp_path: Path) -> None:
    store, spec = write_study(tmp_path, random_counts(50, 12))
    before = files_below(tmp_path)
    write_metadata(store, DatasetSpec((spec,)))
    assert files_below(tmp_path) == before


def test_lost_metadata_are_rebuilt(tmp_path: Path) -> None:
    store, spec = write_study(tmp_path, random_counts(50, 12))
    before = files_below(tmp_path)
    for lost in ("zarr.json", "tables/zarr.json", "tables/rna/zarr.json", "tables/rna/obs/zarr.json"):
        (tmp_path / "dataset" / lost).unlink()
    write_metadata(store, DatasetSpec((spec,)))
    assert files_below(tmp_path) == before


def test_only_allowed_codecs_and_types(tmp_path: Path) -> None:
    write_study(tmp_path, random_counts(50, 12))
    for path in (tmp_path / "dataset").rglob("zarr.json"):
        document = json.loads(path.read_text())
        if document["node_type"] == "array":
            assert {codec["name"] for codec in document["codecs"]} <= {"bytes", "vlen-utf8", "blosc", "zstd"}
            assert document["data_type"] in {
                "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float32", "float64", "string",
            }  # fmt: skip
            assert list(zarr.open_array(path.parent, mode="r").shape) == document["shape"]


def test_a_changed_column_is_a_new_array_and_the_old_one_is_not_seen(tmp_path: Path) -> None:
    store, spec = write_study(tmp_path, random_counts(50, 12))
    path = fresh_path(store, "rna", "obs", "louvain")
    write_column(store, "rna", path, ColumnData(np.arange(50, dtype=np.int32) % 2, ["T cell", "B cell"]))
    columns = tuple(ColumnEntry("louvain", path) if entry.name == "louvain" else entry for entry in spec.columns)
    write_embedding(store, "rna", "X_tsne", umap())
    write_metadata(store, DatasetSpec((TableSpec("rna", columns, (EmbeddingEntry("X_tsne", "X_tsne"),), 50, 12),)))
    judged = anndata.io.read_zarr(tmp_path / "dataset/tables/rna")
    assert path == "louvain-3"  # 'Louvain' took the second
    assert "louvain" not in judged.obs
    assert list(judged.obs[path].cat.categories) == ["T cell", "B cell"]
    assert list(judged.obsm) == ["X_tsne"]
    assert layout.read_table_spec(store, "rna").columns[0] == ColumnEntry("louvain", path)


def test_an_entry_without_its_array_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    store, spec = write_study(tmp_path, random_counts(50, 12))
    with pytest.raises(DamagedDataError):
        write_metadata(store, DatasetSpec((TableSpec("rna", (*spec.columns, ColumnEntry("x", "x")), (), 50, 12),)))
    assert "x" not in anndata.io.read_zarr(tmp_path / "dataset/tables/rna").obs


@pytest.mark.parametrize(
    "columns",
    [(ColumnEntry("a", "a/b"),), (ColumnEntry("a", "_index"),), (ColumnEntry("a", "a"), ColumnEntry("b", "A"))],
)
def test_unsafe_paths_are_refused(tmp_path: Path, columns: tuple[ColumnEntry, ...]) -> None:
    with pytest.raises(InvalidInputError):
        write_metadata(LocalStore(tmp_path), DatasetSpec((TableSpec("rna", columns),)))


def test_foreign_and_newer_stores_are_named(tmp_path: Path) -> None:
    store, _ = write_study(tmp_path, random_counts(50, 12))
    with pytest.raises(NotFoundError):
        layout.read_format(LocalStore(tmp_path / "nothing"))
    path = tmp_path / "dataset/zarr.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UnsupportedFormatError):
        layout.read_format(store)


# the commit, step by step


class SteppedStore(WrapperStore[Store]):
    """A store that calls after every object that was written."""

    def __init__(self, store: Store, after: Callable[[], None]) -> None:
        super().__init__(store)
        self._after = after

    async def set(self, key: str, value: Buffer) -> None:
        """Write and call."""
        await self._store.set(key, value)
        self._after()


def test_a_reader_sees_the_old_or_the_new_state_at_every_step(tmp_path: Path) -> None:
    plain, spec = write_study(tmp_path, random_counts(50, 12))
    copies: list[Path] = []

    def copy() -> None:
        copies.append(tmp_path / f"copy{len(copies)}")
        shutil.copytree(tmp_path / "dataset", copies[-1])

    store = SteppedStore(plain, copy)
    write_column(store, "rna", "new", ColumnData(np.arange(50, dtype=np.int32) % 2, ["x", "y"]))
    write_embedding(store, "rna", "X_new", umap())
    new = TableSpec("rna", (*spec.columns, ColumnEntry("new", "new")), (EmbeddingEntry("X_new", "X_new"),), 50, 12)
    write_metadata(store, DatasetSpec((new,)))
    assert len(copies) > 10
    seen = []
    for place in copies:
        judged = read_zarr(place).tables["rna"]
        assert judged.shape == (50, 12)
        seen.append(("new" in judged.obs, "X_new" in judged.obsm, "X_umap" in judged.obsm))
    assert set(seen) == {(False, False, True), (True, True, False)}
    assert seen == sorted(seen)


def test_a_new_table_shows_only_when_it_is_whole(tmp_path: Path) -> None:
    first, _ = write(tmp_path, MemorySource(random_counts(5, 4)))
    for path in (tmp_path / "dataset").rglob("zarr.json"):
        assert json.loads(path.read_text())["node_type"] == "array" or path.parent.name in {"X", "var"}
    assert not (tmp_path / "dataset/zarr.json").exists()
    write_metadata(first, DatasetSpec((TableSpec("rna", n_cells=5, n_features=4),)))
    assert list(read_zarr(tmp_path / "dataset").tables) == ["rna"]


# a plate beside a table


def write_image(store: Store, path: str, pixels: np.ndarray) -> None:
    """A tiny NGFF 0.5 image of one level: shape (c, y, x)."""
    group = zarr.open_group(store, path=path, mode="w", zarr_format=3)
    group.create_array("0", data=pixels, chunks=(1, *pixels.shape[1:]))
    scale = [{"type": "scale", "scale": [1.0, 0.65, 0.65]}]
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", "unit": "micrometer"} for n in "yx")]
    multiscales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}


def test_spatialdata_opens_a_store_with_a_two_well_plate(tmp_path: Path) -> None:
    matrix = random_counts(50, 12)
    store, spec = write_study(tmp_path, matrix)
    pixels = np.arange(2 * 8 * 9, dtype=np.uint16).reshape(2, 8, 9)
    for well in PLATE.wells:
        write_image(store, f"plate/{well.row}/{well.column}/0", pixels)
    write_metadata(store, DatasetSpec((spec,), plate=PLATE))
    judged = read_zarr(tmp_path / "dataset")
    assert list(judged.tables) == ["rna"]
    np.testing.assert_array_equal(judged.tables["rna"].X.toarray(), matrix.toarray())
    assert judged.attrs["cytosol"]["format"] == 1
    # the plate as any NGFF reader walks it
    root = zarr.open_group(tmp_path / "dataset", mode="r")
    ome = root["plate"].attrs["ome"]
    assert ome["version"] == "0.5"
    assert ome["plate"]["wells"] == [
        {"path": "A/1", "rowIndex": 0, "columnIndex": 0},
        {"path": "B/3", "rowIndex": 1, "columnIndex": 2},
    ]
    for well in ome["plate"]["wells"]:
        for image in root[f"plate/{well['path']}"].attrs["ome"]["well"]["images"]:
            assert image["acquisition"] in [batch["id"] for batch in ome["plate"]["acquisitions"]]
            np.testing.assert_array_equal(root[f"plate/{well['path']}/{image['path']}/0"][...], pixels)


@pytest.mark.parametrize("wells", [(WellSpec("C", "1"),), (WellSpec("A", "1"), WellSpec("A", "1"))])
def test_wells_off_the_plate_or_twice_are_refused(tmp_path: Path, wells: tuple[WellSpec, ...]) -> None:
    with pytest.raises(InvalidInputError):
        write_metadata(LocalStore(tmp_path), DatasetSpec(plate=PlateSpec("p", ("A",), ("1",), wells)))


def test_spatialdata_opens_a_store_of_events(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(3, 1000)).astype(np.float32)
    make_events(LocalStore(tmp_path / "events.zarr"), values)
    table = read_zarr(tmp_path / "events.zarr").tables["events"]
    np.testing.assert_array_equal(table.X, values.T)
    assert list(table.var_names) == ["C0", "C1", "C2"]
    assert table.obs_names[999] == "999"
