"""TileDB-SOMA experiments: folders and archives, measurements, layers, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.formats.files import BytesSource
from cytosol.formats.folders import FolderSource
from cytosol.formats.registry import open_table
from cytosol.formats.table import split_feature_types
from tests.formats.samples import barcodes, counts, symbols, whole
from tests.formats.stores import tar_of_folder, write_soma, zip_of


def test_an_experiment_comes_out_whole(tmp_path: Path) -> None:
    root = write_soma(tmp_path / "a.soma")
    for source in (
        FolderSource(root),
        BytesSource("a.soma.tar.gz", tar_of_folder(root)),
        BytesSource("a.zip", zip_of(root, below="deep/a.soma/", junk=True)),
    ):
        table = open_table({"matrix": source})
        assert np.array_equal(whole(table), counts(30, 20))
        assert list(table.obs.index) == barcodes(30)
        assert list(table.var.index) == symbols(20)
        assert list(table.obs.columns) == ["score", "type"]
        assert list(table.obs["type"].cat.categories) == ["B", "T"]
        assert list(table.obs["type"][:2]) == ["B", "T"]
        assert np.array_equal(table.obsm["X_umap"], np.arange(1.0, 61).reshape(30, 2))
        assert table.notes == ["Values were taken from the layer counts of counts, data."]
        table.close()
    table = open_table({"matrix": FolderSource(root)}, matrix="normalized")
    np.testing.assert_allclose(whole(table), np.log1p(counts(30, 20)), rtol=1e-6)


def test_counts_that_only_raw_holds(tmp_path: Path) -> None:
    root = write_soma(tmp_path / "a.soma", raw=True)
    table = open_table({"matrix": FolderSource(root)}, format="tiledb-soma")
    assert np.array_equal(whole(table), counts(30, 20))
    assert "Raw counts were taken from the measurement 'raw'." in table.notes


def test_measurements_become_tables_of_their_own(tmp_path: Path) -> None:
    root = write_soma(tmp_path / "a.soma", with_adt=True)
    parts = split_feature_types(open_table({"matrix": FolderSource(root)}))
    assert list(parts) == ["rna", "antibody"]
    assert np.array_equal(whole(parts["rna"]), counts(30, 20))
    assert np.array_equal(whole(parts["antibody"]), counts(30, 20)[:, :2] + 1)
    only = open_table({"matrix": FolderSource(root)}, options={"measurement": "ADT"})
    assert list(only.var.index) == ["CD3", "CD19"]


def test_the_wrong_slot_and_damage_are_refused_with_a_sentence(tmp_path: Path) -> None:
    root = write_soma(tmp_path / "a.soma")
    with pytest.raises(InvalidInputError, match=r"no layer 'spliced'.*Name one of: counts, data"):
        open_table({"matrix": FolderSource(root)}, options={"layer": "spliced"})
    with pytest.raises(InvalidInputError, match=r"no measurement 'ATAC'.*Name one of: RNA"):
        open_table({"matrix": FolderSource(root)}, options={"measurement": "ATAC"})
    with pytest.raises(InvalidInputError, match=r"in data a value is not a whole number.*normalized"):
        open_table({"matrix": FolderSource(root)}, options={"layer": "data"})
    shutil.rmtree(root / "obs")
    with pytest.raises(UnreadableFileError, match="damaged, cut short or not of its kind"):
        open_table({"matrix": FolderSource(root)})


def test_what_a_group_says_of_other_places_is_not_followed(tmp_path: Path) -> None:
    root, other = write_soma(tmp_path / "a.soma"), write_soma(tmp_path / "secret.soma")
    shutil.rmtree(root / "ms" / "RNA" / "X" / "counts")
    import tiledb

    with tiledb.Group(str(root / "ms" / "RNA" / "X"), "w") as group:
        group.add(str(other / "ms/RNA/X/counts"), name="counts")
    with pytest.raises(InvalidInputError, match=r"not a whole number"):
        open_table({"matrix": FolderSource(root)})
