"""The MuData reader: modalities made here as AnnData, and a real file, against h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError
from cytosol.formats.table import obs_columns, split_feature_types
from tests.formats.samples import barcodes, counts, ids, open_path, symbols, whole

PROTEINS = ["CD3", "CD4", "RPL0"]


def modality(matrix: Any, cells: list[str], features: list[str], **parts: Any) -> anndata.AnnData:
    n = len(cells)
    return anndata.AnnData(
        X=matrix,
        obs=pd.DataFrame({"n": np.arange(n), "ok": np.arange(n) % 2 == 0}, index=cells),
        var=pd.DataFrame(index=features),
        obsm={"X_umap": np.arange(2.0 * n).reshape(n, 2)},
        **parts,
    )


def write_h5mu(path: Path, modalities: dict[str, anndata.AnnData], cells: list[str], *, axis: int = 0) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "MuData"
        file.attrs["axis"] = axis
        frame = pd.DataFrame({"donor": pd.Categorical(["x", "y"] * (len(cells) // 2))}, index=cells)
        anndata.io.write_elem(file, "obs", frame)
        for name, data in modalities.items():
            anndata.io.write_elem(file.require_group("mod"), name, data)
    return path


@pytest.mark.parametrize("layout", [sp.csr_matrix, sp.csc_matrix, np.asarray])
def test_modalities_become_tables_of_their_own(tmp_path: Path, layout: Any) -> None:
    rna, protein, cells = counts(), counts(24, 3, seed=1), barcodes(30)
    some = cells[5:29][::-1]
    path = write_h5mu(
        tmp_path / "a.h5mu",
        {"prot": modality(layout(protein), some, PROTEINS), "rna": modality(layout(rna), cells, symbols(20))},
        cells,
    )
    table = open_path(path)
    parts = split_feature_types(table)
    assert list(parts) == ["rna", "antibody"]
    assert np.array_equal(whole(parts["rna"]), rna)
    expected = pd.DataFrame(protein, index=some).reindex(cells).fillna(0).to_numpy()
    assert np.array_equal(whole(parts["antibody"]), expected)
    assert list(parts["antibody"].var.index) == PROTEINS
    assert list(table.obs.index) == cells
    assert set(obs_columns(table.obs)) == {"n", "ok", "prot:n", "prot:ok", "donor"}
    assert list(table.obs["n"]) == list(range(30))
    assert np.isnan(table.obs["prot:n"].iloc[0])
    assert table.obs["prot:n"].iloc[5] == 23
    assert list(table.obsm) == ["X_umap"]
    assert any("obsm['X_umap'] of 'prot' was left out" in note for note in table.notes)
    table.close()
    only = open_path(path, options={"modality": "prot"})
    assert list(only.obs.index) == cells[5:29]
    assert np.array_equal(whole(only), protein[::-1])
    assert np.array_equal(only.obsm["X_umap"][0], [46, 47])


def test_a_modality_without_counts_is_left_out_with_a_note(tmp_path: Path) -> None:
    cells = barcodes(30)
    parts = {
        "rna": modality(counts(), cells, symbols(20)),
        "atac": modality(np.full((30, 3), 0.5), cells, ["a", "b", "c"]),
    }
    table = open_path(write_h5mu(tmp_path / "a.h5mu", parts, cells))
    assert table.n_features == 20
    assert any("'atac' was left out" in note and "no raw counts" in note for note in table.notes)


def test_must_refuse(tmp_path: Path) -> None:
    cells = barcodes(30)
    good = {"rna": modality(counts(), cells, symbols(20))}
    with pytest.raises(InvalidInputError, match="share features, not cells"):
        open_path(write_h5mu(tmp_path / "a.h5mu", good, cells, axis=1))
    with pytest.raises(InvalidInputError, match="no modality 'x'.*Name one of: rna"):  # noqa: RUF043
        open_path(write_h5mu(tmp_path / "b.h5mu", good, cells), options={"modality": "x"})
    with pytest.raises(InvalidInputError, match="has no modality"):
        open_path(write_h5mu(tmp_path / "c.h5mu", {}, cells))
    bad = {"rna": modality(np.full((30, 3), 0.5), cells, ids(3))}
    with pytest.raises(InvalidInputError, match="no raw counts") as caught:
        open_path(write_h5mu(tmp_path / "d.h5mu", bad, cells))
    assert "mod/rna" in caught.value.where


def test_a_real_file(shared_data: Path) -> None:
    path = shared_data / "scrna/h5mu/mudata_v0.3.10_axis0.h5mu"
    table = open_path(path, matrix="normalized")
    with h5py.File(path) as file:
        expected = np.hstack([file["mod/mod2/X"][()], file["mod/mod1/X"][()]])
    assert np.array_equal(whole(table), expected)
    assert list(table.obs["arange"]) == list(range(100))
    assert list(table.var["feature_type"].unique()) == ["mod2", "mod1"]
    table.close()
