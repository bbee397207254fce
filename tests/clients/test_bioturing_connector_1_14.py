"""bioturing_connector 1.14.0, unmodified, in its own environment, against a real server: connection and submission."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
import requests

from tests.clients.bioturing_world import CHUNK, N_TSV, TSV, World, printed_log, refusal, study
from tests.clients.cellengine_driver import Toolkit
from tests.clients.cellengine_world import bd_file, events
from tests.clients.drivers import Client
from tests.clients.matrix import listed
from tests.formats.samples import barcodes, counts, symbols
from tests.services import S3Server

pytestmark = pytest.mark.timeout(300)


# connection, groups, buckets


@pytest.mark.parametrize(
    ("prefix", "connector"),
    [
        ("t2d_index_tool", "BBrowserXConnector"),
        ("lens_sc", "LensSCConnector"),
        ("lens_bulk", "LensBulkConnector"),
    ],
)
def test_connection(world: World, prefix: str, connector: str) -> None:
    outcome = world.client(prefix=prefix, connector=connector).call("test_connection")
    assert outcome.good is True
    url = f"{world.url}/{prefix}/api/v1/test_connection"
    assert outcome.printed == f"Connecting to host at {url}\nConnection successful\n"


def test_a_wrong_token_is_refused(world: World) -> None:
    stranger = Client(world.driver, f"{world.url}/t2d_index_tool/", "no token of ours")
    assert "token" in refusal(stranger.call("test_connection"), 401)


def test_host_without_trailing_slash_is_told_so(world: World) -> None:
    outcome = Client(world.driver, f"{world.url}/t2d_index_tool", world.tokens["ada"]).call("test_connection")
    assert "trailing slash" in refusal(outcome, 404)


def test_get_user_groups(world: World) -> None:
    for who in ("ada", "bob", "eve"):
        items = world.client(who).call("get_user_groups").good
        assert items[:2] == [
            {
                "group_id": "personal",
                "group_name": "Personal workspace",
                "id": "personal",
                "name": "Personal workspace",
            },
            {"group_id": "all_members", "group_name": "All members", "id": "all_members", "name": "All members"},
        ]
        lab = {"group_id": world.group_id, "group_name": "Lab", "id": world.group_id, "name": "Lab"}
        assert items[2:] == ([] if who == "eve" else [lab])


def test_get_user_s3_and_shared_s3(world: World, s3_server: S3Server) -> None:
    (own,) = world.client().call("get_user_s3").good
    assert (own["bucket"], own["prefix"]) == (s3_server.bucket, "bioturing/own")
    assert world.client("bob").call("get_user_s3").good == []
    (lab,) = world.client("bob").call("get_shared_s3_of_group", group_id=world.group_id).good
    assert (lab["bucket"], lab["prefix"]) == (s3_server.bucket, "bioturing/lab")
    assert lab["id"] != own["id"]
    assert world.client().call("get_shared_s3_of_group", group_id="all_members").good == []
    assert "group" in refusal(world.client("eve").call("get_shared_s3_of_group", group_id=world.group_id), 404)
    for item in (own, lab):
        assert not {"access_key", "secret_key"} & set(item)


# submission


def test_log_of_a_submission_from_s3(world: World) -> None:
    outcome = world.submitted["s3"]
    lines = printed_log(outcome)
    assert lines[0] == "Waiting in queue"
    downloads = [line for line in lines if line.startswith("Downloading ")]
    assert re.fullmatch(r"Downloading pbmc8k\.h5 from s3: [\d.]+ (B|KB|MB) / [\d.]+ MB", downloads[-1])
    rest = [line for line in lines[1:] if line not in downloads]
    steps = [
        "File downloaded", "Reading batch: pbmc8k.h5", "Preprocessing expression matrix: 2700 cells x 33694 genes",
        "Filtered: 2700 cells remain", "Start processing study", "Normalizing expression matrix", "Running PCA",
        "Running kNN", "Running spectral embedding", "Running venice binarizer", "Running t-SNE",
        "Study was successfully submitted", "DONE !!!",
    ]  # fmt: skip
    assert [line for line in rest if line in steps] == steps
    assert rest[-1] == "DONE !!!"
    assert outcome.printed.endswith("Study submitted successfully!\n")


def test_what_a_submission_returns(world: World) -> None:
    result = world.submitted["local"].good
    assert result["status"] is True
    info = result["study_info"]
    assert re.fullmatch(r"[0-9a-f]{32}", info["uuid"])
    assert (info["study_hash_id"], info["name"], info["created_by"]) == ("GSE_LOCAL", "Raw PBMC", "ada@example.org")
    assert len(world.submitted["s3"].good["study_info"]["uuid"]) == 32


def test_an_undocumented_study_ends_in_an_error_that_says_what_to_give(world: World) -> None:
    outcome = world.submitted["bbrowser"]
    assert outcome.good is False
    assert "not BBrowser study (bbrowser)" in printed_log(outcome)[-1]
    assert "Export it from BBrowser as .bcs or .h5ad" in printed_log(outcome)[-1]


@pytest.mark.parametrize("name", ["tiledb", "processed"])
def test_studies_that_are_folders(world: World, name: str) -> None:
    ada, what = world.client(), study(world, name)
    matrix = ada.call("query_genes", gene_names=[], unit="raw", **what).matrix
    np.testing.assert_array_equal(matrix.toarray(), counts())
    assert ada.call("get_barcodes", **what).good == barcodes(30)
    assert ada.call("get_features", **what).good == symbols(20)


def test_damaged_and_empty_results_end_in_an_error_with_the_reason(world: World) -> None:
    for name, reason in (("damaged", "broken.h5ad"), ("nothing left", "No cell is left")):
        outcome = world.submitted[name]
        assert outcome.good is False
        assert reason in printed_log(outcome)[-1]


def test_a_zip_bomb_is_told_and_leaves_nothing(world: World) -> None:
    outcome = world.submitted["bomb"]
    assert outcome.good is False
    assert "unpacks to far more than its own size" in printed_log(outcome)[-1]
    assert "max_decompression_ratio" in printed_log(outcome)[-1]
    studies = world.client().call("get_all_studies_info_in_group", group_id="personal", species="human").good
    assert {item["uuid"] for item in studies} >= {world.uuid("local")}
    assert "bomb" not in str(studies)
    scratch = world.folder / "data" / "scratch"
    assert list(scratch.rglob("counts.tsv")) == []


def test_spatial_study_types_are_refused_with_a_sentence(world: World) -> None:
    lens = world.client(prefix="lens_sc", connector="LensSCConnector")
    batch_info = [{"name": "d1", "folder": "s/f"}]
    outcome = lens.call("submit_study_from_s3_lens_sc", group_id="personal", batch_info=batch_info, study_type=11)
    assert "single-cell spatial" in refusal(outcome, 422)


def test_files_that_are_not_there_are_named(world: World) -> None:
    ada = world.client()
    gone = ada.call("submit_study_from_s3", group_id="personal", batch_info=[{"matrix": "runs/gone.h5ad"}])
    assert "runs/gone.h5ad" in refusal(gone, 404)
    for path in ("/etc", "no such storage"):
        outcome = ada.call(
            "submit_study_from_sever", group_id="personal", shared_folder_path=path, batch_info=[{"matrix": "passwd"}]
        )
        assert "mount" in refusal(outcome, 404)
    outside = [{"matrix": "server-data/../data/cytosol.db"}]
    outcome = ada.call(
        "submit_study_from_sever", group_id="personal", shared_folder_path="server-data", batch_info=outside
    )
    refusal(outcome, 403)


def test_nothing_is_seen_before_the_commit(world: World) -> None:
    ada = world.client()
    body = {
        "species": "human", "group_id": "personal", "study_type": TSV, "normalize": True, "skip_dimred": True,
        "shared_folder_path": "server-data", "batch_info": {"counts.tsv": {"matrix": "server-data/counts.tsv"}},
        "study_info": {"study_hash_id": "LATER", "name": "Later", "authors": [], "abstract": ""},
    }  # fmt: skip
    task = ada.call("post_request", api_route="api/v1/submit_study_from_server", data=body).good["data"]["id"]
    until = time.monotonic() + 60
    while ada.call("post_request", api_route="api/v1/get_submission_log", data={"task_id": task}).good["data"][
        "status"
    ] in ("QUEUED", "PROCESSING"):
        assert time.monotonic() < until
        time.sleep(0.3)
    assert "LATER" not in _listed(ada, "personal")
    wrong = ada.call(
        "post_request", api_route="api/v1/commit_submission_result", data={"group_id": "all_members", "task_id": task}
    ).good
    assert wrong["status"] == 409
    assert "another group" in wrong["detail"]
    stranger = world.client("eve").call("get_submission_log", group_id="personal", task_id=task)
    assert stranger.good is False
    assert "There is no such job" in stranger.printed
    first = ada.call("get_submission_log", group_id="personal", task_id=task).good
    again = ada.call("get_submission_log", group_id="personal", task_id=task).good
    assert first == again
    assert _listed(ada, "personal")["LATER"] == first["study_info"]["uuid"]


def _listed(client: Client, group_id: str, species: str = "human") -> dict[str, str]:
    found = client.call("get_all_studies_info_in_group", species=species, group_id=group_id).good
    assert {item["created_by"] for item in found} <= {"ada@example.org"}
    return {item["study_hash_id"]: item["uuid"] for item in found}


def test_studies_are_listed_by_group_and_species(world: World) -> None:
    ada, bob, eve = (world.client(who) for who in ("ada", "bob", "eve"))
    assert _listed(ada, "personal")["GSE_LOCAL"] == world.uuid("local")
    assert "PBMC68K" not in _listed(ada, "personal")
    assert set(_listed(ada, world.group_id).values()) == {world.uuid("kept"), world.uuid("shared s3")}
    assert _listed(bob, world.group_id) == _listed(ada, world.group_id)
    assert _listed(bob, "personal") == {}
    assert _listed(eve, "all_members") == {"PBMC8K": world.uuid("s3")}
    assert list(_listed(ada, "personal", "mouse").values()) == [world.uuid("server")]
    for spelling in ("primate", "nonHumanPrimate"):
        assert list(_listed(ada, "personal", spelling).values()) == [world.uuid("local mtx")]
    assert _listed(ada, "bioturing_public_studies") == {}
    assert "group" in refusal(eve.call("get_all_studies_info_in_group", species="human", group_id=world.group_id), 404)


def test_studies_of_cytometry_alone_are_not_listed(world: World) -> None:
    ada, before = world.client(), _listed(world.client(), "personal")
    toolkit = Toolkit(f"{world.url}/cellengine", token=world.tokens["ada"])
    flow = toolkit.create_experiment("Flow")["_id"]
    toolkit.upload_fcs_file(flow, "a.fcs", bd_file(events(50, 1)))
    native, headers = f"{world.url}/api/v1/studies/{flow}", {"Authorization": f"Bearer {world.tokens['ada']}"}
    headers["If-Match"] = requests.get(native, headers=headers, timeout=60).headers["ETag"]
    requests.patch(native, json={"species": "human"}, headers=headers, timeout=60).raise_for_status()
    assert [one["_id"] for one in toolkit.get_experiments()] == [flow], "nor are those of single cells among these"
    assert _listed(ada, "personal") == before
    toolkit.delete_experiment(flow)


def test_who_may_read_what(world: World) -> None:
    assert world.client("bob").call("get_barcodes", **study(world, "kept")).good
    assert world.client("eve").call("get_barcodes", **study(world, "s3")).good == world.cells.barcodes
    for name in ("local", "kept"):
        assert "study" in refusal(world.client("eve").call("get_barcodes", **study(world, name)), 404)
    assert "study" in refusal(world.client().call("get_features", species="human", study_id="not an id"), 404)
    outcome = world.client("eve").call("submit_study_from_s3", group_id="personal", batch_info=[{"matrix": "x.h5ad"}])
    assert "bucket" in refusal(outcome, 404)


def test_uploads_of_any_chunk_size_and_name(world: World) -> None:
    ada = world.client()
    path = world.folder / "server files" / "counts.tsv"
    names = ["größe 細胞.tsv"]
    folder = ada.call("upload_chunk", file_names=names, files={"paths": [str(path)]}, chunk_size=30_011).good
    assert re.fullmatch(r"[0-9a-f-]{32,36}", folder)
    body = {
        "species": "human", "group_id": "personal", "study_type": TSV, "normalize": True, "skip_dimred": True,
        "study_path": folder, "batch_info": names, "study_info": {"study_hash_id": "CHUNKS", "name": "Chunks"},
    }  # fmt: skip
    stolen = world.client("eve").call("post_request", api_route="api/v1/submit_study_from_local", data=body)
    assert "uploaded" in refusal(stolen, 404)
    task = ada.call("post_request", api_route="api/v1/submit_study_from_local", data=body).good["data"]["id"]
    info = ada.call("get_submission_log", group_id="personal", task_id=task).good["study_info"]
    matrix = ada.call("query_genes", species="human", study_id=info["uuid"], gene_names=[]).matrix
    part = world.cells.part(slice(0, N_TSV), slice(0, 1500))
    np.testing.assert_array_equal(matrix.toarray(), part.counts.toarray())


def test_upload_folder(world: World) -> None:
    outcome = world.client().call("upload_folder", folder=str(world.folder / "processed"), chunk_size=CHUNK)
    assert re.fullmatch(r"[0-9a-f-]{32,36}", outcome.good)


# faults of the client itself


def test_an_empty_file_is_a_fault_of_the_client(world: World) -> None:
    (world.folder / "empty.h5ad").write_bytes(b"")
    batch_info = [{"matrix": str(world.folder / "empty.h5ad")}]
    outcome = world.client().call("submit_study_from_local", group_id="personal", batch_info=batch_info)
    assert outcome.error is not None
    assert outcome.error[0] == "UnboundLocalError"


def test_missing_numbers_never_leave_the_client(world: World) -> None:
    nowhere = Client(world.driver, "http://127.0.0.1:9/t2d_index_tool/", "token")
    frame = {"frame": {"columns": {"a": [1.0, float("nan")]}, "index": ["x", "y"]}}
    outcome = nowhere.call(
        "submit_metadata_from_dataframe", species="human", study_id="s", group_id="personal", df=frame
    )
    assert outcome.error is not None
    assert outcome.error[0] == "InvalidJSONError"  # not a ConnectionError: no request was made


def test_other_chunk_sizes_are_refused_by_the_client(world: World) -> None:
    value = (
        world.client()
        .call("submit_study_from_local", group_id="personal", batch_info=[{"matrix": "x.h5ad"}], chunk_size=1000)
        .good
    )
    assert value.startswith("only support:")


@pytest.mark.parametrize("connector", ["BBrowserXConnector"])
def test_every_public_method_is_driven(world: World, connector: str) -> None:
    methods = world.client(connector=connector).call("public methods").good
    driven = listed("bioturing_connector", "1.14.0")  # a run of all tests holds it against the calls
    assert len(methods) > 15
    assert [name for name in methods if f"{connector}.{name}" not in driven] == []
