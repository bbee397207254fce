"""The 10x HDF5 reader: both layouts, several genomes and feature types, and contradictory files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.formats.table import split_feature_types
from tests.formats.samples import DEMO, barcodes, counts, ids, open_path, symbols, whole, write_tenx_v2, write_tenx_v3


def test_v3(tmp_path: Path) -> None:
    matrix = counts(500, 40)
    table = open_path(write_tenx_v3(tmp_path / "m.h5", matrix))
    assert np.array_equal(whole(table), matrix)
    assert list(table.obs.index) == barcodes(500)
    assert list(table.var.index) == symbols(40)
    assert list(table.var["feature_id"]) == ids(40)
    assert set(table.var["genome"]) == {"GRCh38"}


def test_entries_in_any_order_and_repeated_are_summed(tmp_path: Path) -> None:
    changes = {
        "data": np.array([1, 250, 250, 0, 7]),
        "indices": np.array([3, 1, 1, 2, 0]),
        "indptr": np.array([0, 4, 5]),
    }
    table = open_path(write_tenx_v3(tmp_path / "m.h5", np.zeros((2, 4), dtype=int), **changes))
    assert whole(table).tolist() == [[0, 500, 0, 1], [7, 0, 0, 0]]


def test_v2_with_one_genome(tmp_path: Path) -> None:
    matrix = counts(50, 10)
    table = open_path(write_tenx_v2(tmp_path / "m.h5", {"hg19": (matrix, barcodes(50))}))
    assert np.array_equal(whole(table), matrix)
    assert set(table.var["genome"]) == {"hg19"}


def test_v2_with_two_genomes_and_partly_different_cells(tmp_path: Path) -> None:
    human, mouse, cells = counts(6, 4, seed=1), counts(5, 3, seed=2), barcodes(9)
    table = open_path(
        write_tenx_v2(tmp_path / "m.h5", {"hg19": (human, cells[:6]), "mm10": (mouse, cells[8:3:-1])}),
    )
    expected = np.zeros((9, 7))
    expected[:6, :4] = human
    expected_mouse = dict(zip(cells[8:3:-1], mouse, strict=True))
    for row, name in enumerate(table.obs.index):
        expected[row, 4:] = expected_mouse.get(name, 0)
    assert set(table.obs.index) == set(cells)
    assert np.array_equal(whole(table), expected)
    assert list(table.var["genome"]) == ["hg19"] * 4 + ["mm10"] * 3


def test_feature_types_split(tmp_path: Path) -> None:
    matrix = counts(40, 6)
    types = ["Gene Expression"] * 3 + ["Antibody Capture"] * 2 + ["CRISPR Guide Capture"]
    names = np.array(["CD4", "CD8A", "CD19", "CD4", "CD8A", "guide"], dtype="S")
    table = open_path(write_tenx_v3(tmp_path / "m.h5", matrix, types=types, **{"features/name": names}))
    assert list(table.var.index) == ["CD4", "CD8A", "CD19", "CD4-1", "CD8A-1", "guide"]
    parts = split_feature_types(table)
    assert list(parts) == ["rna", "antibody", "crispr"]
    assert np.array_equal(whole(parts["rna"]), matrix[:, :3])
    assert np.array_equal(whole(parts["antibody"]), matrix[:, 3:5])
    assert np.array_equal(whole(parts["crispr"]), matrix[:, 5:])
    assert list(parts["antibody"].var.index) == ["CD4", "CD8A"], "named as the file has it, without the RNA's names"
    parts["rna"].close()
    assert np.array_equal(whole(parts["antibody"]), matrix[:, 3:5]), "the others stay open"


def test_one_feature_type_is_not_split(tmp_path: Path) -> None:
    table = open_path(write_tenx_v3(tmp_path / "m.h5", counts()))
    assert split_feature_types(table) == {"rna": table}


def test_demo_file() -> None:
    table = open_path(DEMO / "pbmc8k_2700.h5")
    blocks = list(table.blocks(block_bytes=8 << 20))
    assert (table.n_cells, table.n_features) == (2700, 33_694)
    assert sum(int(block.values.sum()) for block in blocks) == 12_655_047
    assert sum(block.values.nnz for block in blocks) == 3_813_293


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shape": np.array([20, 31])}, "20 x 31.*20 features and 30 barcodes"),
        ({"shape": np.array([21, 30])}, "21 x 30.*20 features and 30 barcodes"),
        ({"barcodes": None}, "lacks barcodes"),
        ({"features/id": None, "features/name": None}, "'name' is missing"),
        ({"indptr": np.zeros(31, dtype=int)}, "pointers"),
        ({"indptr": np.zeros(30, dtype=int)}, "29 cells.*30"),
        ({"data": np.array([1.5])}, "pointers"),
        ({"features/name": np.array([b""] * 20), "features/id": np.array([b""] * 20)}, "Feature 1 has no name"),
    ],
)
def test_contradictory_files_are_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    path = write_tenx_v3(tmp_path / "bad.h5", counts(), **changes)
    with pytest.raises(UnreadableFileError, match=says) as caught:
        whole(open_path(path))
    assert "bad.h5" in caught.value.where


def test_a_negative_count_is_named(tmp_path: Path) -> None:
    matrix = counts()
    matrix[4, 5] = -2
    assert sp.csr_matrix(matrix).nnz
    with pytest.raises(InvalidInputError, match=r"-2 of feature 'RPL5'.*is negative.*cell 5, feature 6"):
        whole(open_path(write_tenx_v3(tmp_path / "m.h5", matrix)))
