"""Ingest by real workers: values, annotations, embeddings, log, small and odd data."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import pytest_asyncio
import scipy.sparse as sp

from cytosol.base.keys import Key
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, NewStudy, Submission
from cytosol.formats.spatialdata.layout import read_table_spec
from cytosol.model.work import Job
from tests.catalog.making import counts, folder_of, h5ad, pieces, submit, tsv
from tests.jobs.house import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEMO = Path(__file__).parents[2] / "src/cytosol/demo_data"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("house") / "data") as opened:
        yield opened


async def ingest(house: House, files: dict[str, bytes], **what: Any) -> tuple[Job, Key]:
    job, dataset_id = await submit(house.catalog, house.people.ada, files, **what)
    return await house.ended(job.id), dataset_id


async def succeeded(house: House, files: dict[str, bytes], **what: Any) -> tuple[Job, Key]:
    job, dataset_id = await ingest(house, files, **what)
    assert (job.state, job.error) == ("succeeded", None)
    return job, dataset_id


async def test_the_log_reads_as_the_client_prints_it(house: House) -> None:
    matrix = counts(80, 60)
    job, dataset_id = await succeeded(house, {"blood.tsv": tsv(matrix)})
    lines = await house.log(job.id)
    wanted = [
        "Waiting in queue",
        "Reading batch: blood.tsv",
        "Preprocessing expression matrix: 80 cells x 60 genes",
        "Filtered: 80 cells remain",
        "Start processing study",
        "Normalizing expression matrix",
        "Running PCA",
        "Running kNN",
        "Running spectral embedding",
        "Running venice binarizer",
        "Running t-SNE",
        "Study was successfully submitted",
        "DONE !!!",
    ]
    assert [line for line in lines if line in wanted] == wanted
    assert lines[-1] == "DONE !!!"
    assert job.progress == 1.0
    assert job.attempt == 1
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    table = view.tables[0]
    assert [column.name for column in table.columns] == [
        "Number of genes",
        "Number of mRNA transcripts",
        "Mitochondrial share",
        "Louvain clustering",
        "Leiden clustering (resolution 0.5)",
        "Leiden clustering (resolution 1)",
        "Leiden clustering (resolution 2)",
        "Batch",
    ]
    assert {e.name: e.n_dims for e in table.embeddings} == {"X_pca": 50, "X_spectral": 10, "X_tsne": 2, "X_umap": 2}
    assert (table.kind, table.has_markers, view.dataset.state) == ("counts", True, "published")
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    columns = await house.catalog.tables.columns(pinned)
    dense = matrix.toarray()
    np.testing.assert_array_equal(columns["Number of genes"].values, (dense > 0).sum(axis=1))
    np.testing.assert_array_equal(columns["Number of mRNA transcripts"].values, dense.sum(axis=1))
    np.testing.assert_allclose(columns["Mitochondrial share"].values, dense[:, 1] / dense.sum(axis=1))
    clusters = columns["Leiden clustering (resolution 0.5)"]
    assert not set(clusters.values[:40]) & set(clusters.values[40:])
    markers = await house.catalog.tables.markers(pinned)
    assert markers.statistics["z"].shape == (len(markers.groups), 60)
    best = set(np.argsort(-markers.statistics["z"], axis=1)[:, 0].tolist())
    assert best <= set(range(30))
    made = next(column.made_by for column in table.columns if column.name == "Louvain clustering")
    assert made["function"] == "louvain"
    assert made["libraries"]["numpy"] == np.__version__
    assert made["inputs"] == [pinned.part.table.id.hex24]
    assert made["parameters"]["seed"] == 0


async def test_the_store_is_what_anndata_reads(house: House) -> None:
    matrix = counts(50, 30)
    _, dataset_id = await succeeded(house, {"a.h5ad": h5ad(matrix)}, parameters={"tsne": False})
    path = f"datasets/{dataset_id.hex24}"
    table = anndata.io.read_zarr(folder_of(house.catalog, path, "tables", "rna"))
    np.testing.assert_array_equal(table.X.toarray(), matrix.toarray())
    spec = read_table_spec(house.catalog.context.blobs.zarr(path, read_only=True), "rna")
    assert {entry.name for entry in spec.embeddings} == set(table.obsm) == {"X_pca", "X_spectral", "X_umap"}
    assert [entry.path for entry in spec.columns] == list(table.obs.columns)


async def test_the_same_input_gives_the_same_bits(house: House) -> None:
    data = tsv(counts(70, 50))
    found = []
    for _ in range(2):
        _, dataset_id = await succeeded(house, {"a.tsv": data})
        pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
        names = ["X_pca", "X_spectral", "X_tsne", "X_umap"]
        found.append([(await house.catalog.tables.embedding(pinned, name=name)).tobytes() for name in names])
        found[-1].append((await house.catalog.tables.column(pinned, "Louvain clustering")).values.tobytes())
    assert found[0] == found[1]


async def test_batches_become_one_table(house: House) -> None:
    files = {"one.tsv": tsv(counts(30, 20, seed=1)), "two.tsv": tsv(counts(40, 20, seed=2))}
    job, dataset_id = await succeeded(house, files)
    lines = await house.log(job.id)
    assert [line for line in lines if line.startswith("Reading batch")] == [
        "Reading batch: one.tsv",
        "Reading batch: two.tsv",
    ]
    assert "Preprocessing expression matrix: 70 cells x 20 genes" in lines
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    batch = await house.catalog.tables.column(pinned, "Batch")
    assert batch.categories == ["one.tsv", "two.tsv"]
    assert np.bincount(batch.values).tolist() == [30, 40]
    names = await house.catalog.tables.barcodes(pinned)
    assert len(set(names)) == 70


async def test_cells_are_filtered_and_everything_follows(house: House) -> None:
    matrix = counts(60, 40)
    obs = pd.DataFrame({"number": np.arange(60)}, index=[f"c{n}" for n in range(60)])
    data = h5ad(matrix, obs=obs, obsm={"X_map": np.arange(120.0).reshape(60, 2)})
    totals = matrix.toarray().sum(axis=1)
    low, high = np.quantile(totals, [0.2, 0.9])
    keep = (totals >= low) & (totals <= high)
    filters = {"min_counts": float(low), "max_counts": float(high)}
    job, dataset_id = await succeeded(house, {"a.h5ad": data}, filters=filters)
    assert f"Filtered: {keep.sum()} cells remain" in await house.log(job.id)
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    values = await house.catalog.tables.values(pinned, features=[], unit="raw", layout="sparse")
    assert values.sparse is not None
    np.testing.assert_array_equal(values.sparse.toarray(), matrix.toarray()[keep])
    number = await house.catalog.tables.column(pinned, "number")
    np.testing.assert_array_equal(number.values, np.flatnonzero(keep))
    kept = await house.catalog.tables.embedding(pinned, name="X_map")
    np.testing.assert_array_equal(kept, np.arange(120.0).reshape(60, 2)[keep])
    failed, gone = await ingest(house, {"a.h5ad": data}, filters={"min_counts": 1e7})
    assert failed.state == "failed"
    assert failed.error is not None
    assert re.search("No cell is left: 60 were read", failed.error["detail"])
    assert failed.attempt == 1
    assert not folder_of(house.catalog, "datasets", gone.hex24).exists()


@pytest.mark.parametrize("shape", [(2, 3), (1, 1), (3, 2), (4, 5), (12, 4)])
async def test_tiny_data_gets_what_it_allows(house: House, shape: tuple[int, int]) -> None:
    n_cells, n_features = shape
    matrix = sp.csr_matrix(np.arange(1, n_cells * n_features + 1, dtype=np.float32).reshape(shape) % 7)
    job, dataset_id = await succeeded(house, {"tiny.h5ad": h5ad(matrix)})
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    assert (view.tables[0].n_cells, view.tables[0].n_features) == shape
    if n_cells < 3:
        assert view.tables[0].embeddings == ()
        assert any("too few" in note for note in view.dataset.notes)
        assert any("too few" in line for line in await house.log(job.id))
    else:
        assert "X_umap" in {embedding.name for embedding in view.tables[0].embeddings}


async def test_cells_without_counts_are_no_trouble(house: House) -> None:
    matrix = counts(40, 20).tolil()
    matrix[5] = 0
    matrix[:, 3] = 0
    _, dataset_id = await succeeded(house, {"a.h5ad": h5ad(matrix.tocsr())})
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    for name in ("X_pca", "X_umap"):
        assert np.isfinite(await house.catalog.tables.embedding(pinned, name=name)).all()
    same = sp.csr_matrix(np.ones((10, 5), np.float32))
    _, dataset_id = await succeeded(house, {"flat.h5ad": h5ad(same)})
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    assert any("no gene varies" in note for note in view.dataset.notes)


async def test_normalised_and_scaled_values_are_taken_as_they_are(house: House) -> None:
    logs = np.log1p(counts(50, 30).toarray()).astype(np.float32)
    scaled = ((logs - logs.mean(axis=0)) / logs.std(axis=0)).astype(np.float32)
    for values in (sp.csr_matrix(logs), scaled):
        job, dataset_id = await succeeded(house, {"n.h5ad": h5ad(values)}, matrix="normalized")
        assert "Normalizing expression matrix" not in await house.log(job.id)
        view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
        assert view.tables[0].kind == "normalized"
        assert "Number of mRNA transcripts" not in {column.name for column in view.tables[0].columns}
        clusters = await house.catalog.tables.column(
            await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id),
            "Leiden clustering (resolution 0.5)",
        )
        assert not set(clusters.values[:25]) & set(clusters.values[25:])
    refused, _ = await ingest(house, {"n.h5ad": h5ad(scaled)})
    assert refused.state == "failed"
    assert refused.error is not None
    assert refused.error["code"] == "invalid-input"


async def test_keep_takes_the_embeddings_of_the_file_alone(house: House) -> None:
    data = h5ad(counts(30, 20), obsm={"X_umap": np.ones((30, 2)), "X_wide": np.ones((30, 7))})
    _, kept = await succeeded(house, {"a.h5ad": data}, embeddings="keep")
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=kept)
    assert {e.name: e.n_dims for e in view.tables[0].embeddings} == {"X_umap": 2, "X_wide": 7}
    assert not view.tables[0].has_markers
    _, both = await succeeded(house, {"a.h5ad": data})
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=both)
    names = {e.name for e in view.tables[0].embeddings}
    assert {"X_umap", "X_umap (1)", "X_wide"} <= names


def tenx_h5(path: Path, matrix: sp.csr_matrix, types: list[str]) -> bytes:
    """A Cell Ranger file."""
    n_cells, n_features = matrix.shape
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array([f"AAAC{n:04d}-1" for n in range(n_cells)], dtype="S")
        group["data"] = matrix.data.astype(np.int32)
        group["indices"] = matrix.indices.astype(np.int64)
        group["indptr"] = matrix.indptr.astype(np.int64)
        group["shape"] = np.array([n_features, n_cells], dtype=np.int32)
        features = group.create_group("features")
        features["id"] = np.array([f"ENSG{n:011d}" for n in range(n_features)], dtype="S")
        features["name"] = np.array([f"GENE{n}" for n in range(n_features)], dtype="S")
        features["feature_type"] = np.array(types, dtype="S")
        features["genome"] = np.array(["GRCh38"] * n_features, dtype="S")
    return path.read_bytes()


async def test_antibodies_are_a_table_of_their_own(house: House, tmp_path: Path) -> None:
    matrix = counts(40, 24)
    types = ["Gene Expression"] * 20 + ["Antibody Capture"] * 4
    _, dataset_id = await succeeded(house, {"cite.h5": tenx_h5(tmp_path / "cite.h5", matrix, types)})
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    assert [(table.name, table.n_features) for table in view.tables] == [("rna", 20), ("antibody", 4)]
    assert view.tables[1].columns == ()
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id, table="antibody")
    values = await house.catalog.tables.values(pinned, features=["GENE21"], unit="raw")
    assert values.dense is not None
    np.testing.assert_array_equal(values.dense[0], matrix.toarray()[:, 21])


async def test_a_chunked_upload_is_completed_by_the_job(house: House) -> None:
    data = tsv(counts(20, 15))
    made = await house.catalog.uploads.create(house.people.ada, name="c.tsv", n_chunks=3, folder="f")
    cuts = [data[:100], data[100:500], data[500:]]
    for n, part in enumerate(cuts):
        await house.catalog.uploads.put_chunk(house.people.ada, upload_id=made.upload.id, n=n, body=pieces(part))
    job, dataset = await house.catalog.submissions.submit(
        house.people.ada,
        study=NewStudy(StudyFields(name="S")),
        what=Submission(
            [Batch("c", {"matrix": FileRef(upload_id=made.upload.id)})],
            embeddings="keep",
            options={"orientation": "genes-by-cells"},
        ),
    )
    assert (await house.ended(job.id)).state == "succeeded"
    view = await house.catalog.uploads.get(house.people.ada, upload_id=made.upload.id)
    assert view.original is not None
    assert view.original.dataset_id == dataset.id


async def test_foreign_and_unread_files_fail_with_a_sentence(house: House) -> None:
    for name, data, said in (
        ("a.h5ad", b"this is not hdf5", "a.h5ad"),
        ("a.rds", b"\x1f\x8b\x08\x00" + bytes(50), "a.rds|Seurat|gzip"),
        ("a.loom", b"\x89HDF\r\n\x1a\n" + bytes(100), "a.loom"),
    ):
        job, _ = await ingest(house, {name: data})
        assert job.state == "failed"
        assert job.error is not None
        assert re.search(said, job.error["detail"])
        assert (await house.log(job.id))[-1] == job.error["detail"]
        assert job.error["code"] != "internal-error"


async def test_the_shipped_study(house: House) -> None:
    data = (DEMO / "pbmc8k_2700.h5").read_bytes()
    _, dataset_id = await succeeded(house, {"pbmc8k.h5": data})
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    assert (view.tables[0].n_cells, view.tables[0].n_features) == (2700, 33694)
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    values = await house.catalog.tables.values(pinned, features=["CD3E", "LYZ"])
    assert values.dense is not None
    louvain = await house.catalog.tables.column(pinned, "Louvain clustering")
    assert louvain.categories is not None
    assert len(louvain.categories) >= 5
    markers = await house.catalog.tables.markers(pinned)
    lyz = values.features[1]
    best = int(np.argmax(markers.statistics["z"][:, lyz]))
    inside = values.dense[1][louvain.values == best].mean()
    assert inside > 2 * values.dense[1][louvain.values != best].mean()
    assert 0.0 < np.nanmedian((await house.catalog.tables.column(pinned, "Mitochondrial share")).values) < 0.2


async def test_the_real_files(house: House, shared_data: Path) -> None:
    scrna = shared_data / "scrna"
    data = (scrna / "tenx_h5/v3_filtered_feature_bc_matrix.h5").read_bytes()
    _, dataset_id = await succeeded(house, {"v3.h5": data}, embeddings="keep")
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    found = await house.catalog.tables.values(pinned, features=[], unit="raw", layout="sparse")
    assert found.sparse is not None
    assert (found.sparse.shape, found.sparse.nnz, found.sparse.sum()) == ((1107, 507), 23866, 41549)
    data = (scrna / "h5ad/pbmc68k_reduced.h5ad").read_bytes()
    _, dataset_id = await succeeded(house, {"68k.h5ad": data}, matrix="normalized", embeddings="keep")
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    assert (view.n_cells, view.tables[0].n_features) == (700, 765)
    names = {column.name: column.n_categories for column in view.tables[0].columns}
    assert names["bulk_labels"] == 10
    assert {e.name: e.n_dims for e in view.tables[0].embeddings} == {"X_pca": 50, "X_umap": 2}


async def test_the_real_text_matrix(house: House, shared_data: Path) -> None:
    path = shared_data / "scrna/tsv/pbmc8k_subset2700.tsv.gz"
    _, dataset_id = await succeeded(house, {path.name: path.read_bytes()}, embeddings="keep")
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    frame = pd.read_csv(path, sep="\t", index_col=0)
    dense = frame.to_numpy(dtype=np.float64)
    gene = int(np.argsort(-(dense > 0).sum(axis=1))[500])
    found = await house.catalog.tables.values(pinned, features=[str(frame.index[gene])])
    assert found.dense is not None
    expected = np.log1p(dense[gene] / dense.sum(axis=0) * 1e4)
    np.testing.assert_allclose(found.dense[0], expected, rtol=1e-6)
    assert await house.catalog.tables.barcodes(pinned) is not None
