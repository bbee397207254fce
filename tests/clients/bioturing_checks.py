"""What every public method of every release and connector has to give: one check a method, values by other programs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import obstore
import pandas as pd
from obstore.store import S3Store

from tests.clients.bioturing_files import N_SMALL, REDUCED
from tests.clients.bioturing_world import CHUNK, GENES, PREFIXES, TSV, World, study
from tests.clients.drivers import Client, Outcome

N_OLD, N_GENES = 40, 300
XENIUM = ("experiment.xenium", "cell_boundaries.csv.gz", "transcripts.csv.gz", "morphology_mip.ome.tif")
LEVELS = ("CD19+ B", "CD34+", "CD56+ NK", "Dendritic", "CD14+ Monocyte")
LEAVES = ("B cell", "hematopoietic precursor cell", "natural killer cell", "dendritic cell", "monocyte")


@dataclass(frozen=True)
class Case:
    """A connector of a release, and where it is driven."""

    world: World
    bucket: S3Store
    release: str
    connector: str
    number: int

    @property
    def client(self) -> Client:
        """The connector, as ada."""
        return self.world.old(self.release, self.connector)

    @property
    def name(self) -> str:
        """For files and columns of this case alone; without blanks, which the client's zip does not stand."""
        return f"{self.connector}-{self.release}"

    def call(self, method: str, **kwargs: Any) -> Outcome:
        """Make a call."""
        return self.client.call(method, **kwargs)

    def file(self, name: str, data: bytes = b"not read") -> str:
        """A local file of this case."""
        path = self.world.folder / "cases" / self.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{threading.get_ident()}")
        fresh.write_bytes(data)
        fresh.replace(path)  # another check of this case may be reading the one before
        return str(path)

    def counts(self) -> str:
        """A small table as people upload it."""
        part = self.world.cells.part(slice(0, N_OLD), slice(0, N_GENES))
        frame = pd.DataFrame(part.counts.T.toarray().astype(int), index=part.genes, columns=part.barcodes)
        return self.file(f"{self.name}.tsv", frame.to_csv(sep="\t").encode())


@cache
def reduced() -> anndata.AnnData:
    """The labelled cells, read by AnnData."""
    return anndata.read_h5ad(REDUCED)


# connection, groups, buckets


def check_connection(case: Case) -> None:
    outcome = case.call("test_connection")
    assert "\nConnection successful" in outcome.printed
    assert outcome.good in (True, None)


def check_groups(case: Case) -> None:
    items = case.call("get_user_groups").good
    assert [item["group_name"] for item in items] == ["Personal workspace", "All members", "Lab"]
    assert items[2]["group_id"] == case.world.group_id


def check_buckets(case: Case) -> None:
    (own,) = case.call("get_user_s3").good
    assert own["prefix"] == "bioturing/own"


def check_shared_buckets(case: Case) -> None:
    (lab,) = case.call("get_shared_s3_of_group", group_id=case.world.group_id).good
    assert lab["prefix"] == "bioturing/lab"


def check_studies(case: Case) -> None:
    found = case.call("get_all_studies_info_in_group", species="human", group_id=case.world.group_id).good
    assert {case.world.uuid("kept"), case.world.uuid("shared s3")} <= {item["uuid"] for item in found}


def check_post(case: Case) -> None:
    body = study(case.world, "local mtx", "primate")
    answer = case.call("post_request", api_route="api/v1/study/get_features", data=body).good
    assert answer == {"status": 200, "data": case.world.cells.part(slice(0, 60), GENES).genes}


# values


def check_genes(case: Case) -> None:
    part = case.world.cells.part(slice(0, 60), GENES)
    names = [part.genes[place] for place in (5, 2, 5)]
    where = study(case.world, "local mtx", "primate")
    raw = case.call("query_genes", **where, gene_names=names).matrix
    np.testing.assert_array_equal(raw.toarray(), part.counts[:, [5, 2, 5]].toarray())
    normal = case.call("query_genes", **where, gene_names=names, unit="lognorm").matrix
    np.testing.assert_allclose(normal.toarray(), part.lognorm([5, 2, 5]), rtol=2e-6)


def check_barcodes(case: Case) -> None:
    found = case.call("get_barcodes", **study(case.world, "local mtx", "primate")).good
    assert found == case.world.cells.barcodes[:60]


def check_features(case: Case) -> None:
    found = case.call("get_features", **study(case.world, "local mtx", "primate")).good
    assert found == case.world.cells.genes[GENES]


def check_fields(case: Case) -> None:
    assert {"bulk_labels", "phase", "S_score"} <= set(
        case.call("get_metadata_fields", **study(case.world, "kept")).good
    )


def check_metadata(case: Case) -> None:
    frame = case.call("get_metadata", **study(case.world, "kept")).frame
    assert frame["bulk_labels"].tolist() == reduced().obs["bulk_labels"].tolist()
    np.testing.assert_array_equal(frame["S_score"].astype(float), reduced().obs["S_score"])


def check_embeddings(case: Case) -> None:
    found = case.call("list_all_custom_embeddings", **study(case.world, "kept")).good
    assert {"X_umap", "X_pca"} <= {item["embedding_name"] for item in found}


def check_embedding(case: Case) -> None:
    where = study(case.world, "kept")
    items = {
        item["embedding_name"]: item["embedding_id"] for item in case.call("list_all_custom_embeddings", **where).good
    }
    found = case.call("retrieve_custom_embedding", **where, embedding_id=items["X_umap"]).good
    np.testing.assert_array_equal(found, reduced().obsm["X_umap"].astype(np.float32))


def check_centers(case: Case) -> None:
    found = case.call("get_study_cell_centers", study_id=case.world.uuid("local")).good
    (frame,) = found.values()
    judged = pd.DataFrame(case.world.raw.obsm["spatial"], index=case.world.raw.obs_names).loc[frame["index"]]
    np.testing.assert_array_equal(np.array(frame["columns"]["x"], np.float32), judged[0])


# metadata


def _sent(case: Case, what: str) -> tuple[dict[str, str], list[str], str]:
    where = study(case.world, "bcs") | {"group_id": "personal"}
    return where, case.world.cells.barcodes[:N_SMALL], f"{case.name} {what}"


def _arrived(case: Case, title: str) -> None:
    seen = case.world.client().call("get_metadata", **study(case.world, "bcs"), fields=[title]).frame[title]
    assert seen.tolist() == [f"t{number % 3}" for number in range(N_SMALL)]


def _table(barcodes: list[str], title: str) -> bytes:
    rows = [f"{barcode}\tt{number % 3}" for number, barcode in enumerate(barcodes)]
    return ("\n".join([f"barcode\t{title}", *rows]) + "\n").encode()


def check_frame(case: Case) -> None:
    where, barcodes, title = _sent(case, "frame")
    columns = {title: [f"t{number % 3}" for number in range(N_SMALL)]}
    frame = {"frame": {"columns": columns, "index": barcodes}}
    assert case.call("submit_metadata_from_dataframe", **where, df=frame).good is not False
    _arrived(case, title)


def check_local_file(case: Case) -> None:
    where, barcodes, title = _sent(case, "file")
    path = case.file("meta.tsv", _table(barcodes, title))
    assert case.call("submit_metadata_from_local", **where, file_path=path).good is not False
    _arrived(case, title)


def check_bucket_file(case: Case) -> None:
    where, barcodes, title = _sent(case, "bucket")
    obstore.put(case.bucket, f"own/{case.name}.tsv", _table(barcodes, title))
    assert case.call("submit_metadata_from_s3", **where, file_path=f"{case.name}.tsv").good is not False
    _arrived(case, title)


def check_shared_bucket_file(case: Case) -> None:
    where, barcodes, title = _sent(case, "shared")
    obstore.put(case.bucket, f"lab/{case.name}.tsv", _table(barcodes, title))
    outcome = case.call(
        "submit_metadata_from_shared_s3", **where, file_path=f"{case.name}.tsv", shared_s3_id=case.world.lab
    )
    assert outcome.good is not False
    _arrived(case, title)


# ontologies


def check_tree(case: Case) -> None:
    tree = case.call("get_ontologies_tree", species="human", group_id="personal").good["tree"]
    assert {root["name"] for root in tree.values()} == {"cell type", "tissue", "disease", "development stage"}
    groups = {group["name"]: {leaf["name"] for leaf in group["children"]} for group in tree["CL"]["children"]}
    assert {"T cell", "monocyte"} <= groups["hematopoietic cell"]


def check_assignment(case: Case) -> None:
    level, leaf = LEVELS[case.number % len(LEVELS)], LEAVES[case.number % len(LEAVES)]
    said = {"species": "human", "group_id": case.world.group_id, "study_id": case.world.uuid("kept")}
    value = {"metadata_field": "bulk_labels", "metadata_value": level, "root_name": "cell type"}
    assert case.call("assign_standardized_meta", **said, **value, leaf_name=leaf).good == "Successul"
    found = case.world.client().call("export_std_meta", study_ids=[case.world.uuid("kept")]).good
    (row,) = (row for row in found if row["metadata_label"] == level)
    assert (row["study_id"], row["metadata_field"], row["node_label"]) == (said["study_id"], "bulk_labels", leaf)
    assert (row["ontology_accession_id"], row["ontology_label"]) == ("CL", "Cell Ontology")
    unknown = case.call("assign_standardized_meta", **said, **value, leaf_name="no such cell")
    assert unknown.error is not None


def check_std(case: Case) -> None:
    def given(client: Client) -> set[tuple[str, ...]]:
        return {tuple(row.values()) for row in client.call("export_std_meta").good}

    newest = case.world.client()
    before = given(newest)
    assert before <= given(case.client) <= given(newest), "other cases give terms meanwhile, and take none away"


# uploads, export


def check_upload(case: Case) -> None:
    path = case.file("chunks.tsv", b"gene\tc1\nA\t1\n" * 1000)
    folder = case.call("upload_chunk", file_names=["chunks.tsv"], files={"paths": [path]}, chunk_size=5000).good
    assert len(folder.replace("-", "")) == 32


def check_upload_folder(case: Case) -> None:
    folder = str(case.world.folder / "processed")
    assert case.call("upload_folder", folder=folder, chunk_size=CHUNK).good


def check_log(case: Case) -> None:
    result = case.call("get_submission_log", group_id="personal", task_id=case.world.task)
    assert result.good is True or result.good["study_info"]["uuid"]
    assert "DONE !!!" in result.printed


def check_export_log(case: Case) -> None:
    outcome = case.call("get_export_log", group_id="personal", task_id=case.world.export_task)
    assert outcome.good["data"]["file_name"].endswith(".h5ad")


def check_link(case: Case) -> None:
    outcome = case.call("get_download_study_url", group_id="personal", study_id=case.world.uuid("bcs"))
    assert outcome.good["status"] is True
    assert f"/{PREFIXES[case.connector]}/" in outcome.good["data"]["url"]


def check_download(case: Case) -> None:
    path = case.file("down.h5ad", b"")
    where = {"group_id": "personal", "study_id": case.world.uuid("bcs"), "dest_path": path}
    assert case.call("download_study", **where).good is True
    found = anndata.read_h5ad(path)
    part = case.world.cells.part(slice(0, N_SMALL), GENES)
    assert (part.counts != found.X).nnz == 0


# submissions that this server takes in


def _is_submitted(case: Case, outcome: Outcome, hash_id: str) -> None:
    assert "Study submitted successfully!" in outcome.printed, (outcome.printed, outcome.error)
    studies = case.world.client().call("get_all_studies_info_in_group", species="human", group_id="personal").good
    uuid = next(item["uuid"] for item in studies if item["study_hash_id"] == hash_id)
    part = case.world.cells.part(slice(0, N_OLD), slice(0, N_GENES))
    matrix = case.world.client().call("query_genes", species="human", study_id=uuid, gene_names=[]).matrix
    np.testing.assert_array_equal(matrix.toarray(), part.counts.toarray())


def _options(case: Case, hash_id: str) -> dict[str, Any]:
    skip = {} if case.release == "1.1.1" else {"skip_dimred": True}
    return {"group_id": "personal", "study_type": TSV, "study_id": hash_id, "input_matrix_type": "raw", **skip}


def check_submit_local(case: Case) -> None:
    if case.connector == "LensBulkConnector":
        parts = {"matrix": case.file("matrix.xlsx"), "image": case.file("image.ome.tiff")}
        outcome = case.call("submit_study_from_local", group_id="personal", batch_info=[{"name": "d1", **parts}])
        is_refused(outcome)
        return
    id = f"LOCAL {case.name}"
    batch_info = [{"matrix": case.counts()}]
    _is_submitted(case, case.call("submit_study_from_local", **_options(case, id), batch_info=batch_info), id)


def check_submit_s3(case: Case) -> None:
    if case.connector == "LensBulkConnector":
        batch_info = [{"matrix": "p/d1/matrix.xlsx", "image": "p/d1/i.ome.tiff"}]
        is_refused(case.call("submit_study_from_s3", group_id="personal", batch_info=batch_info))
        return
    id = f"S3 {case.name}"
    obstore.put(case.bucket, f"own/runs/{case.name}.tsv", Path(case.counts()))
    batch_info = [{"matrix": f"runs/{case.name}.tsv"}]
    _is_submitted(case, case.call("submit_study_from_s3", **_options(case, id), batch_info=batch_info), id)


def check_submit_shared_s3(case: Case) -> None:
    if case.connector == "LensBulkConnector":
        batch_info = [{"matrix": "p/d1/matrix.xlsx", "image": "p/d1/i.ome.tiff"}]
        said = {"group_id": "personal", "shared_s3_id": case.world.lab, "batch_info": batch_info}
        is_refused(case.call("submit_study_from_shared_s3", **said))
        return
    id = f"SHARED {case.name}"
    obstore.put(case.bucket, f"lab/runs/{case.name}.tsv", Path(case.counts()))
    said = {"shared_s3_id": case.world.lab, "batch_info": [{"matrix": f"runs/{case.name}.tsv"}]}
    _is_submitted(case, case.call("submit_study_from_shared_s3", **_options(case, id), **said), id)


def check_submit_processed(case: Case) -> None:
    folder = str(case.world.folder / "processed")
    outcome = case.call("submit_processed_study_from_local", group_id="personal", folder_path=folder)
    assert "Study submitted successfully!" in outcome.printed


# submissions of tissue, which come later


def is_refused(outcome: Outcome) -> None:
    """The server said why, and the client passed it on."""
    said = f"{outcome.error[1] if outcome.error else ''} {outcome.printed}"
    assert "This version does not take in" in said, outcome


def check_lens_local(case: Case) -> None:
    files = [case.file(f"d1/{name}") for name in XENIUM]
    folder = Path(files[0]).parent
    said = {"group_id": "personal", "batch_info": [{"name": "d1", "folder": str(folder)}]}
    is_refused(case.call("submit_study_from_local_lens_sc", **said))


def check_proteomics_local(case: Case) -> None:
    image = case.file("image.ome.tiff")
    is_refused(case.call("submit_study_from_local_proteomics", group_id="personal", batch_info={"image": image}))


def _stored(method: str, batch_info: Any) -> Callable[[Case], None]:
    def check(case: Case) -> None:
        shared = {"shared_s3_id": case.world.lab} if "shared" in method else {}
        is_refused(case.call(method, group_id="personal", batch_info=batch_info, **shared))

    return check


_CELLS, _IMAGE = [{"name": "d1", "folder": "s/f"}], {"image": "s/image.ome.tiff"}
CHECKS: dict[str, Callable[[Case], None]] = {
    "test_connection": check_connection,
    "get_user_groups": check_groups,
    "get_user_s3": check_buckets,
    "get_shared_s3_of_group": check_shared_buckets,
    "get_all_studies_info_in_group": check_studies,
    "post_request": check_post,
    "query_genes": check_genes,
    "get_barcodes": check_barcodes,
    "get_features": check_features,
    "get_metadata_fields": check_fields,
    "get_metadata": check_metadata,
    "list_all_custom_embeddings": check_embeddings,
    "retrieve_custom_embedding": check_embedding,
    "get_study_cell_centers": check_centers,
    "submit_metadata_from_dataframe": check_frame,
    "submit_metadata_from_local": check_local_file,
    "submit_metadata_from_s3": check_bucket_file,
    "submit_metadata_from_shared_s3": check_shared_bucket_file,
    "get_ontologies_tree": check_tree,
    "assign_standardized_meta": check_assignment,
    "export_std_meta": check_std,
    "upload_chunk": check_upload,
    "upload_folder": check_upload_folder,
    "get_submission_log": check_log,
    "get_export_log": check_export_log,
    "get_download_study_url": check_link,
    "download_study": check_download,
    "submit_study_from_local": check_submit_local,
    "submit_study_from_s3": check_submit_s3,
    "submit_study_from_shared_s3": check_submit_shared_s3,
    "submit_processed_study_from_local": check_submit_processed,
    "submit_study_from_local_lens_sc": check_lens_local,
    "submit_study_from_local_proteomics": check_proteomics_local,
    "submit_study_from_s3_lens_sc": _stored("submit_study_from_s3_lens_sc", _CELLS),
    "submit_study_from_s3_proteomics": _stored("submit_study_from_s3_proteomics", _IMAGE),
    "submit_study_from_shared_s3_lens_sc": _stored("submit_study_from_shared_s3_lens_sc", _CELLS),
    "submit_study_from_shared_s3_proteomics": _stored("submit_study_from_shared_s3_proteomics", _IMAGE),
}
