"""The client against a real server, with the shipped files; the numbers are those of AnnData."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import zarr

from cytosol.base.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    JobFailedError,
    NotFoundError,
    NotSignedInError,
    UnavailableError,
    UnreadableFileError,
    VersionMismatchError,
)
from cytosol.sdk import Client, Table
from tests.sdk.conftest import COUNTS, REDUCED, Lab


@pytest.fixture(scope="session")
def reduced() -> anndata.AnnData:
    return anndata.read_h5ad(REDUCED)


@pytest.fixture(scope="session")
def counts() -> anndata.AnnData:
    import scanpy

    found = scanpy.read_10x_h5(COUNTS)
    found.var_names_make_unique()
    n_genes = np.asarray((found.X > 0).sum(axis=1)).ravel()
    return found[n_genes >= 600]


@pytest.fixture
def table(lab: Lab) -> Table:
    return lab.study.dataset("reduced").table()


@pytest.fixture
def raw(lab: Lab) -> Table:
    return lab.study.dataset("counts").table()


def dense(values: object) -> np.ndarray:
    return values.toarray() if sp.issparse(values) else np.asarray(values)  # type: ignore[attr-defined]


def test_counts_are_those_of_the_file(raw: Table, counts: anndata.AnnData) -> None:
    assert (raw.n_cells, raw.n_features, raw.kind) == (counts.n_obs, counts.n_vars, "counts")
    assert list(raw.barcodes()) == list(counts.obs_names)
    whole = raw.matrix(unit="raw")
    assert (whole != counts.X.tocsc()).nnz == 0
    genes = ["CD3E", "MS4A1", "LYZ"]
    frame = raw.values(genes, unit="raw")
    np.testing.assert_array_equal(frame.to_numpy(), dense(counts[:, genes].X))
    assert list(frame.index) == list(counts.obs_names)


def test_files_are_measured_before_they_are_submitted(lab: Lab) -> None:
    import scanpy

    found = scanpy.read_10x_h5(COUNTS)
    cells = lab.study.inspect(COUNTS, progress=False)
    whole = found.X.astype(np.float64)
    np.testing.assert_array_equal(cells["n_counts"], dense(whole.sum(axis=1)).ravel())
    np.testing.assert_array_equal(cells["n_genes"], dense((whole > 0).sum(axis=1)).ravel())
    mito = dense(whole[:, found.var_names.str.startswith("MT-")].sum(axis=1)).ravel()
    np.testing.assert_allclose(cells["mito_share"], mito / cells["n_counts"])


def test_lognormal_values_follow_the_formula(raw: Table, counts: anndata.AnnData) -> None:
    totals = np.asarray(counts.X.sum(axis=1), np.float64).ravel()
    expected = np.log1p(1e4 * dense(counts[:, ["CD3E"]].X)[:, 0].astype(np.float64) / totals)
    np.testing.assert_allclose(raw.values(["CD3E"])["CD3E"], expected, rtol=2e-6)
    some = raw.matrix(["LYZ", "CD3E"])
    assert some.shape == (counts.n_obs, 2)
    np.testing.assert_allclose(some.toarray()[:, 1], expected, rtol=2e-6)


def test_features_are_found_by_id_too(raw: Table, counts: anndata.AnnData) -> None:
    features = raw.features()
    assert list(features.index) == list(counts.var_names)
    assert list(features["feature_id"]) == list(counts.var["gene_ids"])
    gene_id = counts.var["gene_ids"]["CD3E"]
    by_id = raw.values([gene_id], unit="raw")
    np.testing.assert_array_equal(by_id[gene_id], raw.values(["CD3E"], unit="raw")["CD3E"])


def test_annotations_and_embeddings_are_those_of_the_file(table: Table, reduced: anndata.AnnData) -> None:
    obs = table.obs(["bulk_labels", "n_genes", "louvain"])
    assert list(obs["bulk_labels"].cat.categories) == list(reduced.obs["bulk_labels"].cat.categories)
    assert list(obs["bulk_labels"]) == list(reduced.obs["bulk_labels"])
    np.testing.assert_array_equal(obs["n_genes"], reduced.obs["n_genes"])
    assert set(table.obs().columns) >= set(reduced.obs.columns)
    np.testing.assert_array_equal(table.embedding("X_umap"), reduced.obsm["X_umap"].astype(np.float32))


def test_normalised_tables_hold_no_counts(table: Table, reduced: anndata.AnnData) -> None:
    assert table.kind == "normalized"
    gene = reduced.raw.var_names[0]
    assert np.isfinite(table.values([gene]).to_numpy()).all()
    with pytest.raises(ConflictError, match="no counts"):
        table.values([gene], unit="raw")


def test_numbers_become_an_annotation_of_numbers(lab: Lab, table: Table) -> None:
    names = table.barcodes()
    scores = pd.Series([0.5, 2.0, float("nan"), 7.25, 1.0], index=[*names[:4], "NOBODY-1"])
    report = table.annotate("my score", scores)
    assert (report["unmatched"], report["columns"][0]["kind"]) == (["NOBODY-1"], "numeric")
    found = lab.study.dataset("reduced").events(["obs:my score"])["obs:my score"]
    assert found.dropna().tolist() == [0.5, 2.0, 7.25]
    lab.study.dataset("reduced").table().delete_annotation("my score")


def test_an_annotation_lives_through_edits_and_undo(lab: Lab, table: Table) -> None:
    names = table.barcodes()
    series = pd.Series(["left"] * 10 + ["right"] * 5, index=[*names[:14], "NOBODY-1"])
    report = table.annotate("side", series)
    assert report["unmatched"] == ["NOBODY-1"]
    assert table.obs(["side"])["side"].notna().sum() == 14
    table = lab.study.dataset("reduced").table()
    table.change_annotation("side", rename={"left": "west"})
    table.change_annotation("side", merge={"anywhere": ["west", "right"]})
    assert set(table.obs(["side"])["side"].dropna()) == {"anywhere"}
    revisions = lab.client.http.get(f"studies/{lab.study.id}/revisions")["items"]
    lab.client.http.post(f"revisions/{revisions[0]['id']}/undo")
    assert table.obs(["side"])["side"].value_counts().to_dict() == {"west": 10, "right": 4}
    lab.client.http.post(f"revisions/{revisions[1]['id']}/undo")
    assert set(table.obs(["side"])["side"].dropna()) == {"left", "right"}
    table.delete_annotation("side")
    with pytest.raises(NotFoundError, match="side"):
        table.obs(["side"])
    with pytest.raises(InvalidInputError, match="No barcode"):
        table.annotate("x", pd.Series(["a"], index=["NOBODY-1"]))


def test_an_export_is_the_same_data(lab: Lab, counts: anndata.AnnData, tmp_path: Path) -> None:
    dataset = lab.study.dataset("counts")
    path = dataset.download(tmp_path / "counts.h5ad", progress=False)
    assert [found.name for found in tmp_path.iterdir()] == ["counts.h5ad"]
    exported = anndata.read_h5ad(path)
    whole = dataset.to_anndata(progress=False)
    zipped = dataset.download(tmp_path / "counts.zarr.zip", progress=False)
    with zarr.storage.ZipStore(zipped, mode="r") as store:
        packed = anndata.read_zarr(store)
    for found in (exported, whole, packed):
        assert (sp.csr_matrix(found.X) != sp.csr_matrix(counts.X)).nnz == 0
    job = dataset.export(format="rds").wait(progress=False)
    assert job.result["filename"].endswith(".rds")
    lab.server.command("export", dataset.id, str(tmp_path / "counts.rds"))
    assert (tmp_path / "counts.rds").read_bytes()[:2] == b"\x1f\x8b"
    with pytest.raises(AssertionError, match="There is no format 'loom'"):
        lab.server.command("export", dataset.id, str(tmp_path / "counts.loom"), "--format", "loom")
    assert list(exported.obs_names) == list(counts.obs_names)
    assert list(exported.var_names) == list(counts.var_names)


def test_the_sample_table_is_a_frame(lab: Lab) -> None:
    study = lab.client.create_study("Samples")
    sent = pd.DataFrame({"dose": [1.5, None], "site": ["blood", "bone"]}, index=["donor 1", "donor 2"])
    assert study.set_samples(sent)["created"] == 2
    back = study.samples()
    assert list(back.index) == ["donor 1", "donor 2"]
    assert back["dose"].iloc[0] == 1.5
    assert pd.isna(back["dose"].iloc[1])
    assert list(back["site"]) == ["blood", "bone"]


def test_ontologies_and_terms(lab: Lab, table: Table, reduced: anndata.AnnData) -> None:
    ontologies = lab.client.ontologies
    assert list(ontologies.list().index) == ["CL", "UBERON", "MONDO", "HsapDv"]
    assert ontologies.search("CD4 T cells").index[0] == "CL:0000624"
    assert ontologies.search("lung", ontology="UBERON", limit=3)["label"].iloc[0] == "lung"
    tree = ontologies.tree("UBERON", root="UBERON:0002048")
    assert tree["terms"][0]["label"] == "lung"
    assert "anatomical entity" in [term["label"] for term in tree["ancestors"]]
    with pytest.raises(NotFoundError):
        ontologies.search("x", ontology="GO")
    terms = table.terms("bulk_labels")
    assert list(terms.index) == list(reduced.obs["bulk_labels"].cat.categories)
    assert terms["term_id"].isna().all()
    best = {level: found[0]["label"] for level, found in terms["suggestions"].items() if found}
    assert best["Dendritic"] == "dendritic cell"
    assert best["CD56+ NK"] == "natural killer cell"
    table.set_terms("bulk_labels", {"Dendritic": "CL:0000451", "CD56+ NK": "CL:0000623"})
    assert table.terms("bulk_labels")["term"].dropna().to_dict() == {
        "Dendritic": "dendritic cell",
        "CD56+ NK": "natural killer cell",
    }
    with pytest.raises(InvalidInputError, match="no term"):
        table.set_terms("bulk_labels", {"Dendritic": "CL:1"})
    table.set_terms("bulk_labels", {"Dendritic": None, "CD56+ NK": None})


def test_own_annotations(lab: Lab) -> None:
    table = lab.study.dataset("counts").table()
    made = table.annotate("draft", pd.Series(["a"], index=table.barcodes()[:1]), private=True)
    assert made["columns"][0]["private"] is True
    with lab.sign("eve@example.org") as eve:
        version = lab.client.http.get(f"studies/{lab.study.id}")["version"]
        items = [{"principal": {"kind": "user", "name": "eve@example.org"}, "role": "reader"}]
        lab.client.http.change("PUT", f"studies/{lab.study.id}/grants", {"items": items}, version=version)
        seen = eve.study("PBMC").dataset("counts").table()
        assert "draft" not in seen.obs().columns
        assert seen.annotate("guess", pd.Series(["b"], index=seen.barcodes()[:1]))["columns"][0]["private"] is True
        assert "guess" in seen.obs().columns
        assert "guess" not in table.obs().columns
        with pytest.raises(ForbiddenError):
            seen.publish_annotation("guess")
        seen.delete_annotation("guess")
        assert table.publish_annotation("draft")["private"] is False
        assert "draft" in eve.study("PBMC").dataset("counts").table().obs().columns
    table.delete_annotation("draft")


def test_sharing_and_scopes(lab: Lab) -> None:
    with lab.sign("bob@example.org") as bob, lab.sign("bob@example.org", "read") as reading:
        with pytest.raises(NotFoundError):
            bob.study("PBMC")
        version = lab.client.http.get(f"studies/{lab.study.id}")["version"]
        items = [{"principal": {"kind": "user", "name": "bob@example.org"}, "role": "editor"}]
        path = f"studies/{lab.study.id}/grants"
        lab.client.http.change("PUT", path, {"items": items}, version=version)
        seen = bob.study("PBMC").dataset("reduced").table()
        seen.annotate("mine", pd.Series(["a"], index=seen.barcodes()[:1]))
        same = reading.study("PBMC").dataset("reduced").table()
        assert "mine" in same.obs().columns
        with pytest.raises(ForbiddenError, match="study 'PBMC'"):
            same.delete_annotation("mine")
        bob.study("PBMC").dataset("reduced").table().delete_annotation("mine")
        with pytest.raises(VersionMismatchError):
            lab.client.http.change("PUT", path, {"items": []}, version=version)
        lab.client.http.change("PUT", path, {"items": []}, version=version + 1)
        with pytest.raises(NotFoundError):
            seen.obs()


def test_refusals_are_the_errors_of_the_server(lab: Lab, tmp_path: Path) -> None:
    with Client(lab.server.url, "nonsense") as client, pytest.raises(NotSignedInError, match="token") as caught:
        client.studies()
    assert caught.value.details["status"] == 401
    assert len(caught.value.details["request_id"]) > 10
    with pytest.raises(NotFoundError, match="no study"):
        lab.client.study("nothing")
    with pytest.raises(UnreadableFileError):
        lab.study.submit(tmp_path / "none.h5ad", progress=False)
    with pytest.raises(UnreadableFileError, match="directory"):
        lab.study.submit(tmp_path, progress=False)
    with pytest.raises(InvalidInputError, match="one by one"):
        lab.study.submit([REDUCED], progress=False)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="max_genes"):
        lab.study.submit(REDUCED, filters={"max_genes": -1}, progress=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", "x") as nobody, pytest.raises(UnavailableError, match="Check the address"):
        nobody.server()


def test_a_file_that_cannot_be_read_fails_its_job(lab: Lab, tmp_path: Path) -> None:
    study = lab.client.create_study("Broken")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(COUNTS.read_bytes()[:20_000])
    job = study.submit(cut, progress=False)
    with pytest.raises(JobFailedError) as caught:
        job.wait(progress=False, timeout_s=120)
    assert "cut.h5" in str(caught.value)
    assert caught.value.details["state"] == "failed"
    assert job.log()[-1] != "DONE !!!"


def test_the_trash_gives_back(lab: Lab) -> None:
    http = lab.client.http
    study = lab.client.create_study("Away")
    http.change("DELETE", f"studies/{study.id}", version=1)
    assert "Away" not in [found.name for found in lab.client.studies()]
    assert "Away" in [item["name"] for item in http.pages("studies", trash=True)]
    http.post(f"studies/{study.id}/undelete")
    assert lab.client.study("Away").id == study.id


def test_an_upload_goes_on_after_the_connection_broke(lab: Lab, tmp_path: Path) -> None:
    data = REDUCED.read_bytes()
    http = lab.client.http
    upload = http.post("uploads", {"name": "a.h5ad", "size": len(data)})
    token = http.post("tokens", {"name": "broken"})["token"]
    place = urlsplit(lab.server.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as broken:
        head = (
            f"PUT /api/v1/uploads/{upload['id']}/data?offset=0 HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        broken.sendall(head.encode() + data[:300_000])
    offset = _settled(lab, upload["id"])
    assert 0 <= offset <= 300_000
    answer = http.put_bytes(f"uploads/{upload['id']}/data", data[offset:], {}, offset=offset)
    assert answer == {"offset": len(data)}
    assert http.post(f"uploads/{upload['id']}/complete")["size"] == len(data)


def _settled(lab: Lab, upload_id: str) -> int:
    """The offset, once the server has noticed that the connection broke."""
    import time

    before = -1
    while True:
        offset = int(lab.client.http.get(f"uploads/{upload_id}")["offset"])
        if offset == before:
            return offset
        before = offset
        time.sleep(0.3)


def test_the_data_come_through_a_link_of_a_storage(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    shutil.copy(COUNTS, folder / "matrix.h5")
    lab.client.http.post("storages", {"name": "mounted", "kind": "folder", "location": str(folder)})
    storage = next(found for found in lab.client.storages() if found["name"] == "mounted")
    entries = lab.client.http.get(f"storages/{storage['id']}/entries")["items"]
    assert [(entry["name"], entry["size"]) for entry in entries] == [("matrix.h5", COUNTS.stat().st_size)]


def test_records_show_what_they_are(lab: Lab) -> None:
    study = lab.client.study(lab.study.id)
    assert repr(study).startswith("Study(name='PBMC'")
    assert "<table>" in study._repr_html_()
    assert lab.client.me()["user"]["email"] == "ada@example.org"
    assert lab.client.server()["name"] == "Cytosol"
    assert {job.kind for job in lab.client.jobs()} >= {"ingest"}
    with pytest.raises(AttributeError, match="Study has no field 'nothing'"):
        _ = study.nothing


def test_an_analysis_runs_on_the_server(table: Table) -> None:
    job = table.analyse("leiden", name="my clusters", resolutions=[0.8], n_neighbors=12).wait(progress=False)
    assert [element["name"] for element in job.result["elements"]] == ["my clusters"]
    assert table.obs(["my clusters"])["my clusters"].nunique() > 3
    with pytest.raises(NotFoundError, match="no annotation"):
        table.analyse("markers", column="nothing")


def test_groups_are_summarised_as_pandas_does(table: Table) -> None:
    values = table.values(["CD3D", "LYZ"])
    groups = values.groupby(table.obs(["louvain"])["louvain"], observed=True)
    found = table.summary(["CD3D", "LYZ"], by="louvain").pivot(index="group", columns="feature", values="mean")
    wanted = groups.mean()
    np.testing.assert_allclose(found.loc[list(wanted.index)], wanted, rtol=1e-5, atol=1e-7)
    chosen = {"column": "phase", "groups": ["G1"]}
    some = table.summary(["LYZ"], by="louvain", selection=chosen).set_index("group")
    g1 = (table.obs(["phase"])["phase"] == "G1").to_numpy()
    values = table.values(["LYZ"])["LYZ"].to_numpy()
    assert some["n"].sum() == g1.sum() < len(g1)
    assert (some["mean"] * some["n"]).sum() / g1.sum() == pytest.approx(values[g1].mean(), rel=1e-5)
    assert table.violins("LYZ", selection=chosen)["n"].unique().tolist() == [g1.sum()]
    densities = table.violins("LYZ", by="louvain", bandwidth=0.5)
    assert set(densities["group"]) == set(found.index)
    assert set(densities["feature"]) == {"LYZ"}
