"""Processed study folders: what is read with certainty, and what is left out or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytosol.base.errors import UnreadableFileError
from cytosol.formats.files import BytesSource, FileSource
from cytosol.formats.folders import FolderSource
from cytosol.formats.processed import folder_parts
from cytosol.formats.registry import open_table
from tests.formats.samples import counts, whole
from tests.formats.stores import write_processed, zip_of


def test_the_parts_that_are_sure_are_read(tmp_path: Path) -> None:
    folder = write_processed(tmp_path / "study", counts())
    sources = (
        {"matrix": FolderSource(folder)},
        {"matrix": BytesSource("study.zip", zip_of(folder, below="study/", junk=True))},
        folder_parts(FolderSource(folder)),
    )
    for files in sources:
        table = open_table(files, format="processed-folder")  # type: ignore[arg-type]
        assert np.array_equal(whole(table), counts())
        assert list(table.obs["label"][:3]) == ["A", "B", "A"]
        assert np.array_equal(table.obs["score"], np.arange(30) / 2)
        assert np.array_equal(table.obsm["coords"], np.arange(60.0).reshape(30, 2))
        assert np.array_equal(table.obsm["tsne"], np.arange(60.0).reshape(30, 2) * 2)
        assert table.notes == [
            "embeddings.db was left out: it holds no table with one row a cell and a column of barcodes."
        ]
        table.close()


def test_normalised_values_are_taken_as_such(tmp_path: Path) -> None:
    folder = write_processed(tmp_path / "study", counts(), normalized_only=True)
    table = open_table({"matrix": FolderSource(folder)})
    assert table.kind == "normalized"
    assert any("taken as normalised" in note for note in table.notes)
    np.testing.assert_allclose(whole(table), np.log1p(counts()), rtol=1e-6)


def test_other_content_is_left_out_or_refused_with_what_was_expected(tmp_path: Path) -> None:
    folder = write_processed(tmp_path / "study", counts())
    (folder / "metadata.db").write_bytes(b"not a database at all")
    np.save(folder / "coords.npy", np.zeros((7, 2)))
    (folder / "custom_embeddings/tsne.npy").write_bytes(b"\x93NUMPY\x01\x00")
    table = open_table({"matrix": FolderSource(folder)})
    assert table.obsm == {}
    assert [note.split(" was left out: ")[0] for note in table.notes] == [
        "The embedding 'coords'",
        "The embedding 'tsne'",
        "metadata.db",
        "embeddings.db",
    ]
    table.close()
    (folder / "matrix.hdf5").write_bytes(b"bytes")
    with pytest.raises(UnreadableFileError, match=r"not Processed study folder.*with the group 'bioturing'"):
        open_table({"matrix": FileSource(folder / "matrix.hdf5")}, format="processed-folder")
