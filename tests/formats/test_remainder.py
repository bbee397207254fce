"""What is kept of an AnnData file beyond its table: only numbers and text, and never more than the file holds."""

from __future__ import annotations

from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from cytosol.base.tables import Kept
from tests.formats.samples import barcodes, counts, open_path, symbols


@pytest.fixture
def path(tmp_path: Path) -> Path:
    obs, var = pd.DataFrame(index=barcodes(30)), pd.DataFrame(index=symbols(20))
    anndata.AnnData(counts(), obs=obs, var=var, uns={"fine": 1}).write_h5ad(tmp_path / "a.h5ad")
    return tmp_path / "a.h5ad"


def kept(path: Path, keep: np.ndarray | None = None) -> tuple[Kept, dict[str, list[str]]]:
    """What was said, and the names that each slot holds."""
    table = open_path(path)
    assert table.remainder is not None
    said = table.remainder.write(path.with_name("kept.h5"), keep)
    table.close()
    with h5py.File(path.with_name("kept.h5")) as file:
        return said, {name: sorted(item) for name, item in file.items() if isinstance(item, h5py.Group)}


def test_references_and_links_are_left_out(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other.h5").write_bytes(path.read_bytes())
    with h5py.File(path, "r+") as file:
        file["uns"]["outside"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/uns/fine")
        file["uns"]["soft"] = h5py.SoftLink("/X")
        file["uns"].create_dataset("pointer", (1,), dtype=h5py.ref_dtype)
    said, names = kept(path)
    assert names["uns"] == ["fine"]
    assert [note.split(":")[0] for note in said.notes] == ["uns/pointer is not kept for exports"]


def test_groups_without_end_are_left_out(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        circle = file["uns"].create_group("circle")
        circle["again"] = circle
    said, names = kept(path)
    assert names["uns"] == ["fine"]
    assert "more than 32 levels" in said.notes[0]


def test_claims_beyond_the_file_are_left_out(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["uns"].create_dataset("huge", (1 << 20, 1 << 12), "f8", chunks=(1, 1 << 12))
    said, names = kept(path)
    assert names["uns"] == ["fine"]
    assert "far more than the file holds" in said.notes[0]


def test_an_entry_that_does_not_fit_its_table_is_left_out(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["layers"]["short"] = np.zeros((10, 20))
    keep = np.ones(30, dtype=bool)
    keep[0] = False
    said, names = kept(path, keep)
    assert names["layers"] == []
    assert "does not fit its table" in said.notes[0]
    assert kept(path)[1]["layers"] == [], "nor where all cells are kept"


def test_names_of_columns_lead_nowhere_else(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["obs"].attrs["column-order"] = np.array(["/X", "../X", "half"], dtype=object)
        file["obs"]["half"] = np.zeros(30, np.float32)
    assert kept(path)[1]["obs"] == ["half"]
