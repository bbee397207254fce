"""A table through the Zarr v2 view, read by Zarr 2.18 and AnnData 0.10 in an environment of their own."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import anndata
import numpy as np
import pytest

from cytosol.formats.spatialdata.columns import column_to_pandas
from cytosol.formats.spatialdata.zarr_v2_view import ZarrV2View
from tests.clients.environments import client_python
from tests.formats.spatialdata.sources import COLUMNS, files_below, random_counts, umap, write_study

READER = """
import json, sys, anndata, numpy, zarr
table = anndata.read_zarr(sys.argv[1])
columns = {}
for name in table.obs:
    column = table.obs[name]
    values = [None if missing else value for value, missing in zip(column.tolist(), column.isna())]
    levels = list(column.cat.categories) if column.dtype.name == "category" else None
    columns[name] = [values, levels, bool(levels is not None and column.cat.ordered)]
print(json.dumps({
    "versions": [zarr.__version__, anndata.__version__],
    "x": table.X.toarray().tolist(), "x_dtype": str(table.X.dtype), "format": table.X.format,
    "barcodes": list(table.obs_names), "features": list(table.var_names),
    "feature_id": [str(v) for v in table.var["feature_id"]],
    "umap": numpy.nan_to_num(table.obsm["X_umap"], nan=-99).tolist(), "columns": columns,
}))
"""


@pytest.fixture(scope="session")
def old_python() -> Path:
    """The environment of an old SpatialX client."""
    return client_python("spatialx-old")


def test_old_zarr_and_anndata_read_our_table(tmp_path: Path, old_python: Path) -> None:
    matrix = random_counts(50, 12, most=70_000)
    store, spec = write_study(tmp_path, matrix)
    ZarrV2View(store, spec).write_folder(tmp_path / "view")
    done = subprocess.run(
        [old_python, "-c", READER, str(tmp_path / "view")], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["versions"] == ["2.18.2", "0.10.8"]
    assert (seen["x_dtype"], seen["format"]) == ("uint32", "csr")
    np.testing.assert_array_equal(seen["x"], matrix.toarray())
    np.testing.assert_array_equal(np.array(seen["umap"], np.float32), np.nan_to_num(umap(), nan=-99))
    assert seen["barcodes"] == [f"bc{i}" for i in range(50)]
    assert seen["features"] == [f"gene{i}" for i in range(12)]
    assert seen["feature_id"] == [f"E{i}" for i in range(12)]
    assert list(seen["columns"]) == [
        "louvain", "dose__mg_kg_", "Louvain", "_index (1)", "is_doublet", "note", "text", "score",
    ]  # fmt: skip
    for (values, levels, ordered), column in zip(seen["columns"].values(), COLUMNS.values(), strict=True):
        expected = column_to_pandas(column)
        assert values == [
            None if gone else value for value, gone in zip(expected.tolist(), expected.isna(), strict=True)
        ]
        if column.categories is not None:
            assert (levels, ordered) == (column.categories, column.ordered)


def test_folder_and_zip_hold_the_same(tmp_path: Path) -> None:
    store, spec = write_study(tmp_path, random_counts(50, 12))
    view = ZarrV2View(store, spec)
    view.write_folder(tmp_path / "view")
    view.write_zip(tmp_path / "view.zip")
    expected = files_below(tmp_path / "view")
    assert {key: view.get(key) for key in view.paths()} == expected
    with zipfile.ZipFile(tmp_path / "view.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == expected
    assert view.get("obs/absent/0") is None


def test_todays_anndata_reads_the_view_too(tmp_path: Path) -> None:
    matrix = random_counts(50, 12)
    store, spec = write_study(tmp_path, matrix)
    ZarrV2View(store, spec).write_folder(tmp_path / "view")
    judged = anndata.io.read_zarr(tmp_path / "view")
    np.testing.assert_array_equal(judged.X.toarray(), matrix.toarray())
    assert judged.obs["note"].isna().sum() == 10
    assert set(judged.obs["note"].dropna()) == {"x", "naïve", "nan", "細胞"}
