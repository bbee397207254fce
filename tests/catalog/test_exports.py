"""Files that go out are the files that came in: AnnData judges h5ad and Zarr, R judges Seurat objects."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp
import scipy.stats
import zarr

import cytosol
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.studies import StudyFields
from cytosol.model.rights import Actor
from tests.catalog.making import barcodes, counts, run_here, submit
from tests.catalog.people import People
from tests.catalog.test_cytometry import add
from tests.formats import fcs_files

REDUCED = Path(cytosol.__file__).parent / "demo_data" / "pbmc68k_reduced.h5ad"
READER = Path(__file__).parents[1] / "r" / "seurat_out.R"
N_CELLS, N_GENES, N_ANTIBODIES = 60, 40, 5


@pytest.fixture
def rich() -> anndata.AnnData:
    """RNA and antibodies of some cells, with every kind of annotation."""
    n_features = N_GENES + N_ANTIBODIES
    obs = pd.DataFrame(
        {
            "type": pd.Categorical(["B", "T", None] * 20, categories=["T", "B", "none"], ordered=True),
            "donor": pd.Categorical(["é 1", "d/2"] * 30),
            "n": np.arange(N_CELLS),
            "kept": np.arange(N_CELLS) % 3 == 0,
            "age": np.where(np.arange(N_CELLS) % 7 == 0, np.nan, np.linspace(0, 1, N_CELLS)),
            "note": pd.Series([None if n == 3 else f"note {n}" for n in range(N_CELLS)], dtype=object).to_numpy(),
        },
        index=barcodes(N_CELLS),
    )
    var = pd.DataFrame(
        {
            "gene_ids": [f"ENSG{number:011d}" for number in range(n_features)],
            "feature_type": ["Gene Expression"] * N_GENES + ["Antibody Capture"] * N_ANTIBODIES,
            "highly_variable": np.arange(n_features) % 4 == 0,
            "means": np.linspace(0, 3, n_features),
            "n/cells": np.arange(n_features),
            "kind": pd.Categorical(["x", "y", None] * (n_features // 3)),
        },
        index=[f"G_{number}" for number in range(N_GENES)] + [f"CD{number}" for number in range(N_ANTIBODIES)],
    )
    points = np.random.default_rng(1).normal(size=(N_CELLS, 5)).astype(np.float32)
    points[4] = np.nan
    uns = {"donor_colors": ["#ff0000", "#00ff00"]}
    obsm = {"X_umap": points[:, :2], "X_pca": points}
    return anndata.AnnData(counts(N_CELLS, n_features), obs=obs, var=var, obsm=obsm, uns=uns)


async def ingest(catalog: Catalog, actor: Actor, file: bytes, **what: Any) -> Key:
    _, dataset_id = await submit(catalog, actor, {"study.h5ad": file}, embeddings="keep", **what)
    await run_here(catalog)
    return dataset_id


async def exported(catalog: Catalog, actor: Actor, dataset_id: Key, **what: Any) -> tuple[str, bytes]:
    job = await catalog.exports.submit(actor, dataset_id=dataset_id, **what)
    await run_here(catalog)
    result = await catalog.exports.result(actor, job_id=job.id)
    download = await catalog.exports.download(secret=result.secret)
    return download.filename, b"".join([piece async for piece in download.body])


def file_of(table: anndata.AnnData) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.h5ad"
        table.write_h5ad(path)
        return path.read_bytes()


def read(filename: str, data: bytes, folder: Path) -> anndata.AnnData:
    path = folder / filename
    path.write_bytes(data)
    if filename.endswith(".h5ad"):
        return anndata.read_h5ad(path)
    with zarr.storage.ZipStore(path, mode="r") as store:
        return anndata.read_zarr(store)


def plain(series: pd.Series) -> list[Any]:
    return [None if gone else value for value, gone in zip(series.tolist(), series.isna(), strict=True)]


def same_columns(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    """All columns of the source are there, with their kind, values, gaps, levels and order."""
    for name in wanted:
        one, other = found[name], wanted[name]
        if isinstance(other.dtype, pd.CategoricalDtype):
            assert list(one.cat.categories) == [str(level) for level in other.cat.categories]
            assert one.cat.ordered == other.cat.ordered
            assert plain(one.astype(object)) == plain(other.astype(object))
        elif other.dtype.kind in "biuf":
            assert one.dtype.kind == other.dtype.kind
            np.testing.assert_array_equal(one.to_numpy(), other.to_numpy())
        else:
            assert plain(one.astype(object)) == plain(other)


def dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


@pytest.mark.parametrize("format", ["h5ad", "zarr"])
async def test_anndata_comes_back_equal(
    catalog: Catalog, people: People, tmp_path: Path, *, format: str, rich: anndata.AnnData
) -> None:
    dataset_id = await ingest(catalog, people.ada, file_of(rich))
    names = {}
    for table, part in {"": slice(0, N_GENES), "antibody": slice(N_GENES, None)}.items():
        filename, data = await exported(catalog, people.ada, dataset_id, format=format, table=table)
        found = names[table] = read(filename, data, tmp_path)
        wanted = rich[:, part]
        np.testing.assert_array_equal(dense(found.X), dense(wanted.X))
        assert list(found.var_names) == list(wanted.var_names)
        assert list(found.obs_names) == list(wanted.obs_names)
        var = wanted.var.rename(columns={"n/cells": "n_cells"}) if format == "zarr" else wanted.var
        same_columns(found.var, var.astype({"feature_type": object}))  # AnnData makes categories of it when it writes
        assert list(found.var["feature_id"]) == list(wanted.var["gene_ids"])
    same_columns(names[""].obs, rich.obs)
    assert set(names[""].obsm) == set(rich.obsm)
    for name in rich.obsm:
        np.testing.assert_array_equal(names[""].obsm[name], rich.obsm[name])
    assert list(names[""].uns["donor_colors"]) == list(rich.uns["donor_colors"])
    assert names[""].uns["cytosol"]["dataset"] == "study.h5ad"
    assert names[""].uns["cytosol"]["values"] == "counts"


@pytest.mark.parametrize("format", ["h5ad", "zarr"])
async def test_a_published_file_comes_back_equal(
    catalog: Catalog, people: People, tmp_path: Path, *, format: str
) -> None:
    wanted = anndata.read_h5ad(REDUCED)
    dataset_id = await ingest(catalog, people.ada, REDUCED.read_bytes(), matrix="normalized")
    found = read(*await exported(catalog, people.ada, dataset_id, format=format), tmp_path)
    values = wanted if wanted.shape == found.shape else wanted.raw.to_adata()
    np.testing.assert_array_equal(dense(found.X), dense(values.X).astype(np.float32))
    same_columns(found.obs, wanted.obs)
    same_columns(found.var, values.var)
    for name in wanted.obsm:
        np.testing.assert_array_equal(found.obsm[name], wanted.obsm[name])
    for name in wanted.obs.select_dtypes("category"):
        if f"{name}_colors" in wanted.uns:
            assert list(found.uns[f"{name}_colors"]) == list(wanted.uns[f"{name}_colors"])


def in_r(rscript: str, data: bytes, folder: Path) -> dict[str, Any]:
    """What R finds in an .rds file."""
    (folder / "study.rds").write_bytes(data)
    command = [rscript, str(READER), str(folder / "study.rds"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return found


def same_in_r(column: dict[str, Any], wanted: pd.Series) -> None:
    if isinstance(wanted.dtype, pd.CategoricalDtype):
        assert column["class"] == (["ordered", "factor"] if wanted.cat.ordered else "factor")
        assert column["levels"] == [str(level) for level in wanted.cat.categories]
        assert column["values"] == plain(wanted.astype(object))
    elif wanted.dtype.kind == "f":
        assert column["class"] == "numeric"
        values = np.array([np.nan if value is None else value for value in column["values"]])
        np.testing.assert_allclose(values, wanted.to_numpy(), rtol=1e-14)
    else:
        assert column["class"] == {"b": "logical", "i": "integer", "O": "character"}[wanted.dtype.kind]
        assert column["values"] == plain(wanted)


async def test_r_finds_the_same_in_a_seurat_object(
    catalog: Catalog, people: People, tmp_path: Path, *, rscript: str, rich: anndata.AnnData
) -> None:
    dataset_id = await ingest(catalog, people.ada, file_of(rich))
    filename, data = await exported(catalog, people.ada, dataset_id, format="rds")
    assert filename == "study.h5ad.rds"
    found = in_r(rscript, data, tmp_path)
    assert (found["active"], found["cells"], found["rows"]) == ("RNA", list(rich.obs_names), list(rich.obs_names))
    assert found["idents"] == rich.obs["donor"].tolist()
    assert found["colors"] == {"donor": {"d/2": "#ff0000", "é 1": "#00ff00"}}
    for name in rich.obs:
        same_in_r(found["metadata"][name], rich.obs[name])
    whole = dense(rich.X)
    for name, part in {"RNA": slice(0, N_GENES), "ADT": slice(N_GENES, None)}.items():
        assay, wanted = found["assays"][name], whole[:, part]
        assert assay["features"] == [symbol.replace("_", "-") for symbol in rich.var_names[part]]
        same_in_r(assay["meta"]["gene_ids"], rich.var["gene_ids"][part].astype(object))
        same_in_r(assay["meta"]["means"], rich.var["means"][part])
        assert assay["key"] == f"{name.lower()}_"
        np.testing.assert_array_equal(scipy.io.mmread(tmp_path / f"{name}_counts.mtx").toarray().T, wanted)
        scale = wanted.sum(axis=1) / 1e4 if name == "RNA" else np.exp(np.log1p(wanted).mean(axis=1))  # CLR
        normalized = np.log1p(wanted / scale[:, None])
        np.testing.assert_allclose(scipy.io.mmread(tmp_path / f"{name}_data.mtx").toarray().T, normalized, rtol=2e-6)
    assert found["assays"]["RNA"]["meta"]["symbol"]["values"] == list(rich.var_names[:N_GENES])
    for name, key in {"umap": "UMAP_", "pca": "PC_"}.items():
        reduction, wanted = found["reductions"][name], rich.obsm[f"X_{name}"]
        assert reduction["columns"] == [f"{key}{number + 1}" for number in range(wanted.shape[1])]
        values = np.array([[np.nan if v in (None, "NA", "NaN") else v for v in row] for row in reduction["values"]])
        np.testing.assert_array_equal(values.astype(np.float32), wanted)


async def test_r_opens_normalised_values_without_counts(
    catalog: Catalog, people: People, tmp_path: Path, *, rscript: str, rich: anndata.AnnData
) -> None:
    table = rich[:, :N_GENES].copy()
    table.X = sp.csr_matrix(np.log1p(table.X.toarray()).astype(np.float32))
    dataset_id = await ingest(catalog, people.ada, file_of(table), matrix="normalized")
    found = in_r(rscript, (await exported(catalog, people.ada, dataset_id, format="rds"))[1], tmp_path)
    assert list(found["assays"]) == ["RNA"]
    assert not (tmp_path / "RNA_counts.mtx").exists()
    judged = scipy.io.mmread(tmp_path / "RNA_data.mtx").toarray().T
    np.testing.assert_array_equal(judged.astype(np.float32), dense(table.X))
    for name in table.obs:
        same_in_r(found["metadata"][name], table.obs[name])


async def test_seurat_goes_on_and_finds_the_same_markers(
    catalog: Catalog, people: People, tmp_path: Path, *, seurat: str, rich: anndata.AnnData
) -> None:
    """The t-test of Seurat is ours; its Wilcoxon test corrects for continuity, as R does, where ours does not."""
    rich.obsm["X_pca"][4] = 0
    dataset_id = await ingest(catalog, people.ada, file_of(rich))
    (tmp_path / "study.rds").write_bytes((await exported(catalog, people.ada, dataset_id, format="rds"))[1])
    command = [
        seurat,
        str(READER.with_name("seurat_goes_on.R")),
        str(tmp_path / "study.rds"),
        str(tmp_path / "found.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["active"], sorted(found["reductions"]), found["same"]) == ("RNA", ["pca", "umap"], True)
    assert found["graphs"] == ["RNA_nn", "RNA_snn"]
    assert found["n_clusters"] >= 1
    first, second = ({"column": "donor", "groups": [group]} for group in found["groups"])
    values = np.log1p(dense(rich.X)[:, :N_GENES] / dense(rich.X)[:, :N_GENES].sum(axis=1, keepdims=True) * 1e4)
    one, other = (values[(rich.obs["donor"] == group).to_numpy()] for group in found["groups"])
    corrected = scipy.stats.mannwhitneyu(one, other, method="asymptotic", use_continuity=True, axis=0).pvalue
    for method, theirs in {"t-test": found["t"], "wilcoxon": found["wilcox"]}.items():
        said = {"first": first, "second": second, "method": method}
        job = await catalog.analyses.submit(people.ada, dataset_id=dataset_id, analysis="compare", parameters=said)
        id = Key.parse((await run_here(catalog)).result["elements"][0]["id"])
        _, columns = await catalog.comparisons.read(people.ada, dataset_id=dataset_id, id=id)
        ours = pd.Series(columns["p"], [name.replace("_", "-") for name in columns["feature"]])
        judged = pd.Series(theirs["p"], theirs["feature"])
        assert (job.kind, set(judged.index)) == ("analyse", set(ours.index))
        if method == "t-test":
            np.testing.assert_allclose(judged, ours[judged.index], rtol=1e-5)
            continue
        place = [int(name.split("-")[1]) for name in judged.index]
        np.testing.assert_allclose(judged, corrected[place], rtol=1e-5)
        without = scipy.stats.mannwhitneyu(one, other, method="asymptotic", use_continuity=False, axis=0).pvalue
        np.testing.assert_allclose(ours[judged.index], without[place], rtol=1e-6)


@pytest.mark.parametrize("format", ["h5ad", "zarr"])
async def test_events_are_exported_as_they_were_measured(
    catalog: Catalog, people: People, tmp_path: Path, format: str
) -> None:
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="Blood"))).study.id
    names = ("FSC-A", "CD4", "Time")
    values = fcs_files.floats(1000, 3)
    values[0, 1] = 0
    file = fcs_files.build(fcs_files.plain(1000, names, _P2S="T helper"), values.tobytes())
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", file)
    filename, data = await exported(catalog, people.ada, dataset.id, format=format)
    found = read(filename, data, tmp_path)
    np.testing.assert_array_equal(dense(found.X), values)
    assert list(found.var_names) == list(names)
    assert list(found.var["reagent"]) == ["", "T helper", ""]
    assert list(found.obs_names[[0, 999]]) == ["0", "999"]
    assert found.uns["cytosol"]["values"] == "events"
