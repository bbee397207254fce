"""An AnnData goes in and comes out with everything that it held; anndata's own equality is the judge."""

from __future__ import annotations

import io
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata.tests.helpers import assert_equal

from cytosol.base.keys import Key
from cytosol.catalog.annotation_edits import ColumnEdit
from cytosol.catalog.catalog import Catalog
from tests.catalog.making import barcodes, run_here, submit
from tests.catalog.people import People
from tests.catalog.test_exports import REDUCED, exported, read

N_CELLS, N_GENES, N_RAW = 90, 30, 50
Slot = str


@pytest.fixture(scope="module")
def full() -> anndata.AnnData:
    """An AnnData with something in every place that there is."""
    rng = np.random.default_rng(5)
    counts = rng.poisson(0.8, (N_CELLS, N_RAW)).astype(np.float32)
    counts[:, 0] += 1
    obs = pd.DataFrame(index=pd.Index(barcodes(N_CELLS), name="barcode"))
    obs["small"] = np.arange(N_CELLS, dtype=np.int8)
    obs["half"] = rng.normal(size=N_CELLS).astype(np.float32)
    obs["gaps"] = pd.array([None if n % 5 == 0 else 2**60 + n for n in range(N_CELLS)], dtype="Int64")
    obs["maybe"] = pd.array([None if n % 7 == 0 else n % 2 == 0 for n in range(N_CELLS)], dtype="boolean")
    obs["plate"] = pd.Categorical(rng.choice([3, 1, 2], N_CELLS), categories=[3, 1, 2])
    obs["dose"] = pd.Categorical(rng.choice([0.5, 10.0], N_CELLS))
    obs["kept"] = rng.random(N_CELLS) < 0.5
    genes = pd.DataFrame({"highly_variable": rng.random(N_RAW) < 0.5}, index=[f"g{n}" for n in range(N_RAW)])
    genes.index.name = "gene"
    genes["rank"] = np.arange(N_RAW, dtype=np.float32)
    graph = sp.random(N_CELLS, N_CELLS, 0.1, "csr", random_state=1)
    whole = anndata.AnnData(sp.csr_matrix(counts), obs=obs, var=genes)
    table = whole[:, :N_GENES].copy()
    table.obs["grade"] = pd.Categorical(rng.choice(["low", "high"], N_CELLS), ["low", "high", "never"], ordered=True)
    table.raw = whole
    table.X = np.log1p(table.X.toarray())
    table.layers["counts"] = sp.csr_matrix(counts[:, :N_GENES])
    table.layers["spliced"] = sp.csc_matrix(rng.random((N_CELLS, N_GENES)))
    table.layers["dense"] = rng.random((N_CELLS, N_GENES))
    table.obsm["X_pca"] = rng.normal(size=(N_CELLS, 4))
    table.obsm["X_umap"] = rng.normal(size=(N_CELLS, 2)).astype(np.float32)
    table.obsm["counts_of"] = sp.csr_matrix(counts[:, :3])
    table.obsm["frame"] = pd.DataFrame({"a": obs["small"], "b": obs["plate"]}, index=obs.index)
    table.obsm["cube"] = rng.random((N_CELLS, 2, 3))
    table.varm["PCs"] = rng.normal(size=(N_GENES, 4))
    table.obsp["connectivities"], table.obsp["distances"] = graph, graph.tocsc()
    table.obsp["dense"] = rng.random((N_CELLS, N_CELLS)).astype(np.float32)
    table.varp["correlation"] = rng.random((N_GENES, N_GENES))
    names = np.array([("g1", "g2"), ("g3", "é")], dtype=[("low", "O"), ("high", "O")])
    table.uns = {
        "grade_colors": ["#FF0000", "#00ff00", "#0000ff"],
        "rank_genes_groups": {"names": names, "scores": np.ones(2, dtype=[("low", "f4"), ("high", "f8")])},
        "neighbors": {"params": {"n_neighbors": 15, "method": "umap", "exact": True, "metric": None}},
        "frame": pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}, index=["r1", "r2"]),
        "matrix": sp.eye(3, format="csr"),
        "words": np.array(["one", "zwei"], dtype=object),
        "one": 1.5,
        "text": "Grüße",
        "empty": {},
    }
    return table


def as_file(table: anndata.AnnData, kind: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"study.{kind}"
        if kind == "h5ad":
            table.write_h5ad(path)
            return {path.name: path.read_bytes()}
        table.write_zarr(path)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file in path.rglob("*"):
                archive.write(file, file.relative_to(path))
        return {"study.zarr.zip": packed.getvalue()}


def compare(found: anndata.AnnData, wanted: anndata.AnnData, *, exact: bool = True) -> None:
    """Everything that was there is there, and equal."""
    assert_equal(np.asarray(dense(found.X)), np.asarray(dense(wanted.X)), exact=True)
    assert_equal(found.obs[list(wanted.obs)], wanted.obs, exact=True)
    assert_equal(found.var[list(wanted.var)], wanted.var, exact=True)
    for slot in ("layers", "obsm", "varm", "obsp", "varp"):
        for name, values in getattr(wanted, slot).items():
            one = getattr(found, slot)[name]
            if f"{slot}/{name}" == found.uns["cytosol"]["matrix"]:  # the matrix of the dataset, with wider pointers
                one, values = dense(one), dense(values)
            assert_equal(one, values, exact=exact, elem_name=f"{slot}/{name}")
    for name, value in wanted.uns.items():
        assert_equal(found.uns[name], value, exact=True, elem_name=f"uns/{name}")
    if wanted.raw is not None:
        assert_equal(dense(found.raw.X), dense(wanted.raw.X), exact=True)
        assert_equal(found.raw.var[list(wanted.raw.var)], wanted.raw.var, exact=True)


def dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


async def taken_in(catalog: Catalog, people: People, files: dict[str, bytes], **what: Any) -> Key:
    _, dataset_id = await submit(catalog, people.ada, files, embeddings="keep", **what)
    await run_here(catalog)
    return dataset_id


@pytest.mark.parametrize(
    ("came", "goes", "slot"),
    [
        ("h5ad", "h5ad", "raw/X"),
        ("h5ad", "zarr", "layers/counts"),
        ("zarr", "h5ad", "layers/counts"),
        ("zarr", "zarr", "raw/X"),
    ],
)
async def test_all_that_was_submitted_comes_back(
    catalog: Catalog, people: People, tmp_path: Path, full: anndata.AnnData, *, came: str, goes: str, slot: Slot
) -> None:
    dataset_id = await taken_in(catalog, people, as_file(full, came), options={"slot": slot})
    found = read(*await exported(catalog, people.ada, dataset_id, format=goes), tmp_path)
    compare(found, full)
    assert found.uns["cytosol"]["matrix"] == slot
    assert (found.obs.index.name, found.var.index.name) == ("barcode", "gene")
    features = found.raw.var if slot == "raw/X" else found.var
    assert set(features["feature_type"]) == {""} or "feature_type" in features


@pytest.mark.parametrize("goes", ["h5ad", "zarr"])
async def test_normalised_values_in_x(
    catalog: Catalog, people: People, tmp_path: Path, full: anndata.AnnData, *, goes: str
) -> None:
    dataset_id = await taken_in(catalog, people, as_file(full, "h5ad"), matrix="normalized")
    compare(read(*await exported(catalog, people.ada, dataset_id, format=goes), tmp_path), full)


@pytest.mark.parametrize("goes", ["h5ad", "zarr"])
async def test_cells_that_a_filter_drops_are_dropped_everywhere(
    catalog: Catalog, people: People, tmp_path: Path, full: anndata.AnnData, *, goes: str
) -> None:
    totals = np.asarray(full.layers["counts"].sum(axis=1)).ravel()
    least = float(np.median(totals))
    files = as_file(full, "h5ad")
    dataset_id = await taken_in(
        catalog, people, files, options={"slot": "layers/counts"}, filters={"min_counts": least}
    )
    kept = full[totals >= least].copy()
    kept.obs["grade"] = full.obs["grade"][totals >= least]  # anndata leaves out levels without cells; we do not
    kept.uns["grade_colors"] = full.uns["grade_colors"]
    assert 0 < kept.n_obs < full.n_obs
    compare(read(*await exported(catalog, people.ada, dataset_id, format=goes), tmp_path), kept)


@pytest.mark.parametrize("goes", ["h5ad", "zarr"])
async def test_features_of_another_type_take_their_part_along(
    catalog: Catalog, people: People, tmp_path: Path, full: anndata.AnnData, *, goes: str
) -> None:
    table = full.copy()
    table.var["feature_types"] = ["Gene Expression", "Antibody Capture"] * (N_GENES // 2)
    dataset_id = await taken_in(catalog, people, as_file(table, "h5ad"), options={"slot": "layers/counts"})
    for name, first in {"": 0, "antibody": 1}.items():
        found = read(*await exported(catalog, people.ada, dataset_id, format=goes, table=name), tmp_path)
        wanted = table[:, first::2]
        np.testing.assert_array_equal(dense(found.X), dense(wanted.X))
        for slot in ("layers", "varm", "varp"):
            for key, values in getattr(wanted, slot).items():
                np.testing.assert_array_equal(dense(getattr(found, slot)[key]), dense(values), err_msg=f"{slot}/{key}")
        assert set(found.obsp) == (set(wanted.obsp) if first == 0 else set())
        assert (found.raw is None) == (first == 1)


async def test_scanpy_goes_on_with_the_graph_of_an_export(catalog: Catalog, people: People, tmp_path: Path) -> None:
    import scanpy

    table = anndata.read_h5ad(REDUCED)
    dataset_id = await taken_in(catalog, people, {"a.h5ad": REDUCED.read_bytes()}, matrix="normalized")
    found = read(*await exported(catalog, people.ada, dataset_id, format="h5ad"), tmp_path)
    compare(found, table, exact=False)  # NaN among the loadings
    for each in (found, table):
        scanpy.tl.leiden(each, flavor="igraph", n_iterations=2, random_state=0)
    assert list(found.obs["leiden"]) == list(table.obs["leiden"])


async def test_edits_come_out_edited(catalog: Catalog, people: People, tmp_path: Path, full: anndata.AnnData) -> None:
    dataset_id = await taken_in(catalog, people, as_file(full, "h5ad"))
    view = await catalog.datasets.get(people.ada, dataset_id=dataset_id)
    ids = {column.name: column.id for column in view.tables[0].columns}
    edits = {"plate": ColumnEdit(rename={"3": "three"}), "grade": ColumnEdit(name="level")}
    for name, edit in edits.items():
        await catalog.annotations.change(people.ada, dataset_id=dataset_id, column_id=ids[name], edit=edit)
    await catalog.annotations.delete(people.ada, dataset_id=dataset_id, column_id=ids["dose"])
    found = read(*await exported(catalog, people.ada, dataset_id, format="h5ad"), tmp_path)
    assert list(found.obs["plate"].cat.categories) == ["three", "1", "2"]
    assert_equal(found.obs[["level"]], full.obs[["grade"]].rename(columns={"grade": "level"}), exact=True)
    assert list(found.uns["level_colors"]) == full.uns["grade_colors"]
    assert "dose" not in found.obs
    assert "grade_colors" not in found.uns
