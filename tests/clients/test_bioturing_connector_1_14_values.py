"""What bioturing_connector 1.14.0 gets back: values equal those of the files, metadata, embeddings, downloads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anndata
import httpx
import numpy as np
import obstore
import pandas as pd
import pytest
import scipy.sparse as sp
from obstore.store import S3Store

from cytosol.formats.files import FileSource
from cytosol.formats.registry import open_table
from tests.clients.bioturing_files import N_SMALL, REDUCED, Cells
from tests.clients.bioturing_world import GENES, N_RAW, N_TSV, RDS, World, printed_log, refusal, study

pytestmark = pytest.mark.timeout(300)


def test_whole_matrix_equals_the_file(world: World) -> None:
    ada = world.client()
    genes, barcodes = (ada.begin(name, **study(world, "s3")) for name in ("get_features", "get_barcodes"))
    matrix = ada.call("query_genes", **study(world, "s3"), gene_names=[]).matrix
    assert genes.result().good == world.cells.genes
    assert barcodes.result().good == world.cells.barcodes
    assert (matrix.tocsr() != world.cells.counts).nnz == 0


@pytest.mark.parametrize("name", ["rds", "bcs"])
def test_r_objects_and_compressed_studies_come_back_equal(world: World, name: str) -> None:
    expected = world.cells.part(slice(0, N_SMALL), GENES)
    ada = world.client()
    assert ada.call("get_barcodes", **study(world, name)).good == expected.barcodes
    assert ada.call("get_features", **study(world, name)).good == expected.genes
    matrix = ada.call("query_genes", **study(world, name), gene_names=[]).matrix
    assert (matrix.tocsr() != expected.counts).nnz == 0


def test_genes_come_in_the_order_asked_for(world: World) -> None:
    names = ["CD3D", "MS4A1", "CD3D", "GAPDH"]
    places = [world.cells.genes.index(name) for name in names]
    counts = world.cells.counts[:, places].toarray()
    ada = world.client()
    np.testing.assert_array_equal(
        ada.call("query_genes", **study(world, "s3"), gene_names=names).matrix.toarray(), counts
    )
    normal = ada.call("query_genes", **study(world, "s3"), gene_names=names, unit="lognorm").matrix
    np.testing.assert_allclose(normal.toarray(), world.cells.lognorm(places), rtol=2e-6)
    assert counts.sum() > 1000
    one = ada.call("query_genes", **study(world, "s3"), gene_names="CD3D").matrix
    np.testing.assert_array_equal(one.toarray()[:, 0], counts[:, 0])


def test_many_genes_are_streamed_alike(world: World) -> None:
    rng = np.random.default_rng(3)
    places = rng.integers(0, len(world.cells.genes), 300)
    names = [world.cells.genes[place] for place in places]
    matrix = world.client().call("query_genes", **study(world, "s3"), gene_names=names, unit="lognorm").matrix
    np.testing.assert_allclose(matrix.toarray(), world.cells.lognorm(places), rtol=2e-6)


def test_unknown_genes_and_units_are_named(world: World) -> None:
    ada = world.client()
    text = refusal(ada.call("query_genes", **study(world, "s3"), gene_names=["CD3D", "NOGENE1", "NOGENE2"]), 404)
    assert "NOGENE1, NOGENE2" in text
    assert "CD3D" not in text
    assert "tpm" in refusal(ada.call("query_genes", **study(world, "s3"), gene_names=["CD3D"], unit="tpm"), 422)


def test_filters_equal_those_of_scanpy(world: World, filtered: Cells) -> None:
    ada = world.client()
    assert ada.call("get_barcodes", **study(world, "local")).good == filtered.barcodes
    matrix = ada.call("query_genes", **study(world, "local"), gene_names=[]).matrix
    assert (matrix.tocsr() != filtered.counts).nnz == 0
    lines = printed_log(world.submitted["local"])
    assert f"Preprocessing expression matrix: {N_RAW} cells x {len(filtered.genes)} genes" in lines
    assert f"Filtered: {len(filtered.barcodes)} cells remain" in lines
    normal = ada.call("query_genes", **study(world, "local"), gene_names=[], unit="lognorm").matrix
    np.testing.assert_allclose(normal.toarray(), filtered.lognorm(), rtol=2e-6)


def test_embeddings_and_values_of_the_file_are_kept(world: World) -> None:
    judged = anndata.read_h5ad(REDUCED)
    ada = world.client("bob")
    listed = {
        item["embedding_name"]: item["embedding_id"]
        for item in ada.call("list_all_custom_embeddings", **study(world, "kept")).good
    }
    assert set(listed) == set(judged.obsm)
    for name, id in listed.items():
        found = ada.call("retrieve_custom_embedding", **study(world, "kept"), embedding_id=id).good
        np.testing.assert_array_equal(found, judged.obsm[name].astype(np.float32))
    for unit in ("raw", "lognorm"):
        matrix = ada.call("query_genes", **study(world, "kept"), gene_names=[], unit=unit).matrix
        np.testing.assert_array_equal(matrix.toarray(), judged.X)
    assert "Running PCA" not in printed_log(world.submitted["kept"])
    text = refusal(ada.call("retrieve_custom_embedding", **study(world, "kept"), embedding_id="0" * 32), 404)
    assert "embedding" in text


def test_computed_embeddings(world: World) -> None:
    ada = world.client()
    listed = ada.call("list_all_custom_embeddings", **study(world, "s3")).good
    shapes = {}
    for item in listed:
        found = ada.call("retrieve_custom_embedding", **study(world, "s3"), embedding_id=item["embedding_id"]).good
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert found.std(axis=0).min() > 0
        shapes[item["embedding_name"]] = found.shape
    assert {shape[0] for shape in shapes.values()} == {2700}
    assert sum(shape[1] == 2 for shape in shapes.values()) >= 2


def test_batches_become_one_study(world: World) -> None:
    first, second = (world.cells.part(part, GENES) for part in (slice(100, 180), slice(150, 220)))
    ada = world.client()
    barcodes = ada.call("get_barcodes", **study(world, "shared s3")).good
    assert len(set(barcodes)) == 150
    matrix = ada.call("query_genes", **study(world, "shared s3"), gene_names=[]).matrix.toarray()
    np.testing.assert_array_equal(matrix, np.vstack([first.counts.toarray(), second.counts.toarray()]))
    batch = ada.call("get_metadata", **study(world, "shared s3"), fields=["Batch"]).frame["Batch"].tolist()
    assert batch == ["d0"] * 80 + ["d1"] * 70


@pytest.mark.parametrize(
    ("name", "cells", "genes", "species"),
    [("server", slice(0, N_TSV), slice(0, 1500), "mouse"), ("local mtx", slice(0, 60), GENES, "primate")],
)
def test_small_submissions_hold_the_files_values(
    world: World, name: str, cells: slice, genes: slice, species: str
) -> None:
    part = world.cells.part(cells, genes)
    matrix = world.client().call("query_genes", **study(world, name, species), gene_names=[]).matrix
    np.testing.assert_array_equal(matrix.toarray(), part.counts.toarray())
    assert world.client().call("get_barcodes", **study(world, name, species)).good == part.barcodes


# metadata


def test_metadata_equal_the_files(world: World, filtered: Cells) -> None:
    ada = world.client()
    fields = ada.call("get_metadata_fields", **study(world, "local")).good
    assert {"label", "score", "passed", "Batch"} <= set(fields)
    judged = world.raw.obs.loc[filtered.barcodes]
    frame = ada.call("get_metadata", **study(world, "local")).frame
    assert list(frame.columns) == fields
    assert frame["label"].tolist() == judged["label"].tolist()
    np.testing.assert_array_equal(frame["score"].astype(float), judged["score"])
    assert frame["passed"].tolist() == judged["passed"].tolist()
    assert frame["Number of mRNA transcripts"].tolist() == np.asarray(filtered.counts.sum(axis=1)).ravel().tolist()
    assert frame["Number of genes"].tolist() == np.diff(filtered.counts.indptr).tolist()
    chosen = ada.call("get_metadata", **study(world, "local"), group_id="personal", fields=["score", "label"]).frame
    assert list(chosen.columns) == ["score", "label"]
    assert "nothing" in refusal(ada.call("get_metadata", **study(world, "local"), fields=["nothing"]), 404)


def test_submit_metadata(world: World, bucket: S3Store) -> None:
    ada, where = world.client(), study(world, "server", "mouse") | {"group_id": "personal"}
    barcodes = world.cells.barcodes[:N_TSV]
    cluster: list[Any] = [f"cluster {number % 3}" for number in range(N_TSV)]
    cluster[5:7] = [None, float("nan")]  # the client sends the texts None and nan; only the latter means missing
    columns = {"cluster": cluster, "dose": list(np.arange(N_TSV) / 4)}
    order = np.random.default_rng(1).permutation(N_TSV)
    frame = {"frame": {"columns": {n: [v[i] for i in order] for n, v in columns.items()},
                       "index": [barcodes[i] for i in order]}}  # fmt: skip
    outcome = ada.call("submit_metadata_from_dataframe", **where, df=frame)
    assert outcome.good is True
    assert outcome.printed == "Successful\n"
    _write_metadata(world.folder / "own.csv", barcodes, "own", ",")
    _write_metadata(world.folder / "lab.tsv", barcodes[:40], "lab", "\t")
    _write_metadata(world.folder / "local.tsv", barcodes, "local", "\t")
    obstore.put(bucket, "own/meta/own.csv", world.folder / "own.csv")
    obstore.put(bucket, "lab/lab.tsv", world.folder / "lab.tsv")
    assert ada.call("submit_metadata_from_local", **where, file_path=str(world.folder / "local.tsv")).good is True
    assert ada.call("submit_metadata_from_s3", **where, file_path="meta/own.csv").good is True
    lab = ada.call("get_shared_s3_of_group", group_id=world.group_id).good[0]["id"]
    assert ada.call("submit_metadata_from_shared_s3", **where, file_path="lab.tsv", shared_s3_id=lab).good is True
    seen = ada.call("get_metadata", **study(world, "server", "mouse")).frame
    assert [None if pd.isna(value) else value for value in seen["cluster"]] == [
        *cluster[:5], "None", None, *cluster[7:]
    ]  # fmt: skip
    assert seen["dose"].tolist() == columns["dose"]
    for name, count in (("own", N_TSV), ("local", N_TSV), ("lab", 40)):
        assert seen[f"{name} number"].tolist()[:count] == list(range(count))
        assert seen[f"{name} text"].tolist()[:count] == [f"t{number % 4}" for number in range(count)]
        assert seen[f"{name} number"][count:].isna().all()
        assert seen[f"{name} text"][count:].isna().all()


def test_contigs_become_clonotypes(world: World, bucket: S3Store) -> None:
    """V(D)J contigs as metadata of a study: from a bucket those of Cell Ranger, from a shared one those of AIRR."""
    ada, where = world.client(), study(world, "local mtx", "nonHumanPrimate") | {"group_id": "personal"}
    cells = ada.call("get_barcodes", species=where["species"], study_id=where["study_id"]).good
    head = "barcode,is_cell,contig_id,high_confidence,chain,productive,cdr3,umis,raw_clonotype_id\n"
    line = "{0},True,{0}_{1},True,{2},True,{3},{1},clonotype{4}\n"
    rows = [(cells[0], 1, "TRA", "CAAF", 1), (cells[0], 2, "TRB", "CASSF", 1), (cells[3], 1, "TRB", "CASSF", 1)]
    rows += [(cells[5], 4, "TRB", "CASSL", 2), ("no-such-cell", 1, "TRB", "CASSQ", 3)]
    text = head + "".join(line.format(*row) for row in rows)
    obstore.put(bucket, "own/meta/filtered_contig_annotations.csv", text.encode())
    assert ada.call("submit_metadata_from_s3", **where, file_path="meta/filtered_contig_annotations.csv").good is True
    frame = ada.call("get_metadata", species=where["species"], study_id=where["study_id"]).frame
    known = frame["Clonotype"].where(frame["Clonotype"].notna(), None).tolist()
    assert [known[place] for place in (0, 1, 3, 5)] == ["clonotype1", None, "clonotype1", "clonotype2"]
    assert frame["Clone size"][[0, 3, 5]].astype(float).tolist() == [2, 2, 1]
    assert frame["TRB CDR3"][[0, 3, 5]].tolist() == ["CASSF", "CASSF", "CASSL"]
    assert frame["Chains"].tolist()[0] == "TRA+TRB"
    airr = "cell_id\tsequence_id\tlocus\tproductive\tjunction_aa\tduplicate_count\tclone_id\n"
    airr += f"{cells[7]}\t1\tIGH\tT\tCARW\t3\tbig\n{cells[8]}\t2\tIGH\tT\tCARW\t1\tbig\n"
    obstore.put(bucket, "lab/airr_rearrangement.tsv", airr.encode())
    shared = {"file_path": "airr_rearrangement.tsv", "shared_s3_id": world.lab}
    assert ada.call("submit_metadata_from_shared_s3", **where, **shared).good is True
    frame = ada.call("get_metadata", species=where["species"], study_id=where["study_id"]).frame
    assert frame["IGH CDR3"][[7, 8]].tolist() == ["CARW", "CARW"]
    assert frame["Clonotype (1)"][[7, 8]].tolist() == ["big", "big"]


def _write_metadata(path: Path, barcodes: list[str], name: str, separator: str) -> None:
    rows = [[barcode, str(number), f"t{number % 4}"] for number, barcode in enumerate(barcodes)]
    text = [separator.join(row) for row in [["barcode", f"{name} number", f"{name} text"], *rows]]
    path.write_text("\n".join(text) + "\n")


def test_metadata_that_do_not_fit_are_refused(world: World, bucket: S3Store) -> None:
    where = study(world, "server", "mouse") | {"group_id": "personal"}
    frame = {"frame": {"columns": {"a": [1.0]}, "index": ["no such cell"]}}
    refusal(world.client().call("submit_metadata_from_dataframe", **where, df=frame), 422)
    obstore.put(bucket, "own/meta/bad.tsv", b"barcode\nAAA\n")
    outcome = world.client().call("submit_metadata_from_s3", **where, file_path="meta/bad.tsv")
    assert "one column only" in refusal(outcome, 422)
    assert "gone.tsv" in refusal(world.client().call("submit_metadata_from_s3", **where, file_path="gone.tsv"), 404)
    reader = study(world, "s3") | {"group_id": "all_members"}
    assert refusal(world.client("eve").call("submit_metadata_from_dataframe", **reader, df=frame), 422)


# tissue, export, the rest


def test_get_study_cell_centers(world: World, filtered: Cells) -> None:
    lens = world.client(prefix="lens_sc", connector="LensSCConnector")
    found = lens.call("get_study_cell_centers", study_id=world.uuid("local")).good
    judged = pd.DataFrame(world.raw.obsm["spatial"], index=world.raw.obs_names).loc[filtered.barcodes]
    (frame,) = found.values()
    assert (frame["index"], frame["index_name"]) == (filtered.barcodes, "Barcodes")
    np.testing.assert_array_equal(np.array(frame["columns"]["x"], np.float32), judged[0])
    np.testing.assert_array_equal(np.array(frame["columns"]["y"], np.float32), judged[1])
    refusal(lens.call("get_study_cell_centers", study_id=world.uuid("s3")), 404)


def test_download_study_equals_what_was_submitted(world: World, filtered: Cells) -> None:
    ada, path = world.client(), world.folder / "download.h5ad"
    running = ada.begin(
        "download_study", group_id="personal", species="human", study_id=world.uuid("local"), dest_path=str(path)
    )
    link = ada.begin("get_download_study_url", group_id="personal", species="human", study_id=world.uuid("local"))
    outcome = running.result()
    assert outcome.good is True
    assert outcome.printed.endswith("Downloading\nDONE!\n")
    found = anndata.read_h5ad(path)
    assert list(found.obs_names) == filtered.barcodes
    assert list(found.var_names) == filtered.genes
    assert (world.raw[filtered.barcodes].X != found.X).nnz == 0
    assert (filtered.counts != found.raw.X).nnz == 0, "the counts are where the file had them"
    judged = world.raw.obs.loc[filtered.barcodes]
    assert found.obs["label"].tolist() == judged["label"].tolist()
    np.testing.assert_array_equal(found.obs["score"], judged["score"])
    np.testing.assert_array_equal(
        found.obsm["spatial"], pd.DataFrame(world.raw.obsm["spatial"], index=world.raw.obs_names).loc[filtered.barcodes]
    )
    _check_link(link.result().good, path.stat().st_size)


def _check_link(result: dict[str, Any], size: int) -> None:
    assert result["status"] is True
    url = result["data"]["url"]
    assert url.endswith(result["data"]["file_name"].replace(" ", "%20"))
    whole = httpx.get(url)
    assert (whole.status_code, len(whole.content)) == (200, size)
    part = httpx.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    guessed = httpx.get(re.sub(r"/download/[^/]+/", "/download/guessed/", url))
    assert guessed.status_code == 404
    assert "link" in guessed.json()["detail"]


def test_download_study_as_a_seurat_object(world: World, filtered: Cells) -> None:
    path = world.folder / "download.rds"
    outcome = world.client().call(
        "download_study",
        group_id="personal",
        species="human",
        study_id=world.uuid("local"),
        study_type=RDS,
        dest_path=str(path),
    )
    assert outcome.good is True
    found = open_table({"matrix": FileSource(path)}, format="rds")
    counts = sp.vstack([block.values for block in found.blocks(block_bytes=1 << 24)]).tocsr()
    assert (counts != filtered.counts).nnz == 0
    assert list(found.obs.index) == filtered.barcodes
    assert found.obs["label"].tolist() == world.raw.obs.loc[filtered.barcodes]["label"].tolist()


def test_export_log_and_std_meta(world: World) -> None:
    ada = world.client("bob")
    body = {
        "species": "human",
        "group_id": world.group_id,
        "study_id": world.uuid("kept"),
        "context": [],
        "study_type": 2,
    }
    task = ada.call("post_request", api_route="api/v1/export_study", data=body).good["data"]["id"]
    outcome = ada.call("get_export_log", group_id=world.group_id, task_id=task)
    assert outcome.good["data"]["file_name"].endswith(".h5ad")
    assert printed_log(outcome)[-1] == "DONE !!!"
    stranger = world.client("ada").call("post_request", api_route="api/v1/get_export_result", data={"task_id": task})
    assert stranger.good["status"] == 404


def test_export_std_meta(world: World) -> None:
    ada, rds = world.client(), world.uuid("rds")
    assert ada.call("export_std_meta", study_ids=[rds]).good == []
    body = {"species": "human", "group_id": "personal", "study_id": rds, "group": "label"}
    for name, leaf in (("odd", "CL:0000084"), ("even", "CL:0000236")):
        term = {"name": name, "root_id": "CL", "leaf_id": leaf}
        ada.call("post_request", api_route="api/v1/study/assign_standardized_term", data=body | term)
    cell_ontology = {"ontology_accession_id": "CL", "ontology_label": "Cell Ontology"}
    expected = [
        {"study_id": rds, "metadata_field": "label", "metadata_label": label, **cell_ontology, **node}
        for label, node in (
            ("odd", {"node_accession_id": "CL:0000084", "node_label": "T cell"}),
            ("even", {"node_accession_id": "CL:0000236", "node_label": "B cell"}),
        )
    ]
    assert ada.call("export_std_meta", study_ids=[rds]).good == expected
    assert [row for row in ada.call("export_std_meta").good if row["study_id"] == rds] == expected
    assert rds not in {row["study_id"] for row in world.client("bob").call("export_std_meta").good}
    refusal(world.client("bob").call("export_std_meta", study_ids=[rds]), 404)
    for wrong in (
        {"name": "odd", "root_id": "CL", "leaf_id": "UBERON:0002048"},
        {"name": "x", "root_id": "CL", "leaf_id": "CL:0000084"},
    ):
        outcome = ada.call("post_request", api_route="api/v1/study/assign_standardized_term", data=body | wrong)
        assert outcome.error is not None


def test_what_a_reader_submits_only_the_reader_sees(world: World) -> None:
    id = world.uuid("rds")[:24]
    head = {"authorization": f"Bearer {world.tokens['ada']}"}
    path = f"{world.url}/api/v1/studies/{id}"
    version = httpx.get(path, headers=head).json()["version"]
    grants = {"items": [{"principal": {"kind": "user", "name": "eve@example.org"}, "role": "reader"}]}
    httpx.put(f"{path}/grants", json=grants, headers={**head, "if-match": f'"{version}"'}).raise_for_status()
    eve, ada, where = world.client("eve"), world.client(), study(world, "rds")
    frame = {"frame": {"columns": {"guess": ["T"] * 2}, "index": world.cells.barcodes[:2]}}
    assert eve.call("submit_metadata_from_dataframe", **where, group_id="personal", df=frame).good is True
    assert "guess" in eve.call("get_metadata_fields", **where).good
    assert eve.call("get_metadata", **where, fields=["guess"]).frame["guess"].tolist()[:3] == ["T", "T", None]
    assert "guess" not in ada.call("get_metadata_fields", **where).good
    assert "guess" not in ada.call("get_metadata", **where).frame.columns
