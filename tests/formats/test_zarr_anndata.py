"""AnnData in Zarr stores: the same as the .h5ad of the same object, from folders and archives, Zarr 2 and 3."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import zarr

from cytosol.base.errors import InvalidInputError, LimitExceededError, UnreadableFileError
from cytosol.base.tables import TableSource
from cytosol.formats.archive import ArchiveLimits
from cytosol.formats.files import BytesSource
from cytosol.formats.folders import FolderSource
from cytosol.formats.registry import FormatRegistry, open_table
from tests.formats.samples import barcodes, counts, ids, open_path, symbols, whole
from tests.formats.stores import tar_of_folder, write_zarr, zip_of

LAYOUTS = {"dense": np.asarray, "csr": sp.csr_matrix, "csc": sp.csc_matrix}


def example(layout: str) -> anndata.AnnData:
    matrix = counts()
    data = anndata.AnnData(
        X=LAYOUTS[layout](np.log1p(matrix).astype(np.float32)),
        obs=pd.DataFrame(
            {
                "type": pd.Categorical(["a", "b", None] * 10, categories=["b", "a"], ordered=True),
                "n": range(30),
                "score": np.linspace(0, 1, 30),
                "good": [True, False] * 15,
                "text": [f"é{number}" for number in range(30)],
            },
            index=barcodes(30),
        ),
        var=pd.DataFrame({"gene_ids": ids(20)}, index=symbols(20)),
        obsm={"X_umap": np.arange(60.0).reshape(30, 2), "frame": pd.DataFrame({"x": range(30)}, index=barcodes(30))},
        layers={"counts": LAYOUTS[layout](matrix), "scaled": np.asarray(matrix - 1.5)},
    )
    data.uns["type_colors"] = ["#112233", "#ff0000"]
    return data


def assert_same(one: TableSource, other: TableSource) -> None:
    assert np.array_equal(whole(one), whole(other))
    pd.testing.assert_frame_equal(one.obs, other.obs)
    pd.testing.assert_frame_equal(one.var, other.var)
    assert one.obs.attrs == other.obs.attrs
    assert set(one.obsm) == set(other.obsm)
    for name in one.obsm:
        assert np.array_equal(one.obsm[name], other.obsm[name])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_store_equals_the_h5ad(tmp_path: Path, layout: str, zarr_format: int) -> None:
    data = example(layout)
    data.write_h5ad(tmp_path / "a.h5ad")
    write_zarr(data, tmp_path / "a.zarr", zarr_format)
    folder = FolderSource(tmp_path / "a.zarr")
    for options, matrix in (({}, "raw"), ({"slot": "layers/scaled"}, "normalized")):
        wanted = open_path(tmp_path / "a.h5ad", options=options, matrix=matrix)
        found = open_table({"matrix": folder}, options=options, matrix=matrix)  # type: ignore[arg-type]
        assert_same(found, wanted)
        found.close()
    for content in (
        ()
        if layout != "csr"
        else (
            zip_of(folder.path),
            zip_of(folder.path, below="a/b.zarr/", junk=True),
            tar_of_folder(folder.path),
            tar_of_folder(folder.path, below="b.zarr/"),
        )
    ):
        packed = open_table({"matrix": BytesSource("a.zarr.zip", content)})
        assert_same(packed, open_path(tmp_path / "a.h5ad"))
        packed.close()


def test_the_real_store_equals_the_real_h5ad(shared_data: Path) -> None:
    folder = shared_data / "scrna"
    for slot in ("", "raw/X", "layers/sparse", "layers/array"):
        options: Any = {"matrix": "normalized", "options": {"slot": slot} if slot else {}}
        found = open_path(folder / "zarr/anndata_v0.7.8_adata.zarr.zip", **options)
        assert_same(found, open_path(folder / "h5ad/anndata_v0.7.8_adata.h5ad", **options))
        found.close()


def test_a_table_of_a_spatialdata_store_is_named_or_the_only_one(tmp_path: Path) -> None:
    root = zarr.open_group(str(tmp_path / "s.zarr"), mode="w")
    root.create_group("tables")
    for name in ("one", "two"):
        write_zarr(example("csr"), tmp_path / "s.zarr" / "tables" / name)
    with pytest.raises(InvalidInputError, match=r"2 tables.*one, two"):
        open_table({"matrix": FolderSource(tmp_path / "s.zarr")})
    table = open_table({"matrix": FolderSource(tmp_path / "s.zarr")}, options={"table": "two"})
    assert np.array_equal(whole(table), counts())
    table.close()


def test_bad_stores_are_refused_with_a_sentence(tmp_path: Path) -> None:
    zarr.open_group(str(tmp_path / "empty.zarr"), mode="w")
    with pytest.raises(UnreadableFileError, match=r"no 'obs' and 'var'.*write_zarr"):
        open_table({"matrix": FolderSource(tmp_path / "empty.zarr")})
    write_zarr(example("csr"), tmp_path / "a.zarr")
    with pytest.raises(InvalidInputError, match=r"no matrix 'layers/nothing'.*Name one of: layers/counts, X, layers/s"):
        open_table({"matrix": FolderSource(tmp_path / "a.zarr")}, options={"slot": "layers/nothing"})
    limits = ArchiveLimits(max_archive_paths=10)
    with pytest.raises(LimitExceededError, match="max_archive_paths"):
        open_table(
            {"matrix": BytesSource("a.zarr.zip", zip_of(tmp_path / "a.zarr"))}, registry=FormatRegistry(limits=limits)
        )


def test_no_code_of_a_store_is_run_and_no_claim_believed(tmp_path: Path) -> None:
    write_zarr(example("csr"), tmp_path / "a.zarr", 2)
    (tmp_path / "a.zarr/.zmetadata").unlink()  # a second copy of all metadata
    path = tmp_path / "a.zarr/layers/counts/data/.zarray"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "filters": [{"id": "pickle", "protocol": 5}]}))
    with pytest.raises(UnreadableFileError, match="pickle"):
        open_table({"matrix": FolderSource(tmp_path / "a.zarr")})
    path.write_text(json.dumps({**document, "shape": [10**13], "chunks": [10**6]}))
    with pytest.raises(UnreadableFileError, match="far more than the store holds"):
        open_table({"matrix": FolderSource(tmp_path / "a.zarr")})


def test_an_archive_that_leads_out_of_itself_is_refused(tmp_path: Path) -> None:
    write_zarr(example("csr"), tmp_path / "a.zarr")
    for name in ("../evil", "/evil", "a/../../evil", "..\\evil"):
        target = io.BytesIO(zip_of(tmp_path / "a.zarr"))
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr(name, b"x")
        with pytest.raises(UnreadableFileError, match=r"leads out of the archive.*relative paths"):
            open_table({"matrix": BytesSource("a.zip", target.getvalue())})
