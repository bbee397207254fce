"""bbrowserx_connector 1.0.0, unmodified, in its own environment, against a real server: every public method."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pandas as pd
import pytest
import requests

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.model.rights import SYSTEM
from cytosol.sdk import Client as Sdk
from cytosol.sdk import Table
from tests.catalog.people import Bell
from tests.clients.bioturing_files import Cells, read_cells, write_mtx, write_raw_h5ad, write_tsv
from tests.clients.bioturing_world import bucket_of
from tests.clients.cellengine_world import bd_file, events
from tests.clients.drivers import CALL_S, Client, Driver, Outcome
from tests.clients.environments import client_python
from tests.clients.matrix import listed
from tests.clients.servers import running_server
from tests.services import S3Server

CLIENT, RELEASE, PRO = "bbrowserx_connector", "1.0.0", "BBrowserXProConnector"
DRIVER = Path(__file__).with_name("bbrowserx_driver.py")
GENES = slice(0, 12000)
pytestmark = pytest.mark.timeout(300)


@dataclass
class World:
    """A server, two people of a group, a mounted folder, two buckets, and ada's projects.

    Attributes
    ----------
    project : of the group Lab, with a study of a 10x triplet that was filtered, and one of an uploaded h5ad
    """

    url: str
    folder: Path
    cells: Cells
    tokens: dict[str, str]
    group_id: str
    driver: Driver
    sdk: Sdk
    uploaded: dict[str, Any]
    submitted: dict[str, Any]
    added: dict[str, Any]

    def call(self, method: str, /, who: str = "ada", on: str = PRO, **kwargs: Any) -> Outcome:
        return Client(self.driver, f"{self.url}/bbrowserx/", self.tokens[who], on).call(method, **kwargs)

    @property
    def project(self) -> str:
        return str(self.submitted["project_id"])

    def table(self, study: dict[str, Any]) -> Table:
        """The same study through our own client."""
        return self.sdk.dataset(study["study_id"][:24]).table()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bbrowserx")
    python = client_python("bbrowserx-1.0")
    cells = read_cells()
    shared = folder / "server files"
    write_mtx(shared / "run 1", cells.part(slice(0, 60), GENES), packed=True)
    (shared / ".hidden").write_text("x")
    write_raw_h5ad(folder / "cells.h5ad", cells.part(slice(60, 260), GENES))
    group_id, tokens = asyncio.run(_people(folder / "data", shared, s3_server))
    with running_server(folder / "data", workers="2", min_free_bytes="0") as url:
        driver = Driver(python, DRIVER, folder, client=CLIENT, release=RELEASE)
        with closing(driver), Sdk(url, tokens["ada"]) as sdk:
            made = World(url, folder, cells, tokens, group_id, driver, sdk, {}, {}, {})
            _submit(made)
            yield made


async def _people(data: Path, shared: Path, s3: S3Server) -> tuple[str, dict[str, str]]:
    catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0), notifier=Bell())
    tokens, ids = {}, {}
    try:
        for name in ("ada", "bob"):
            user = await catalog.accounts.create_user(SYSTEM, email=f"{name}@example.org", password="correct horse")
            ids[name] = user.id
            tokens[name], _ = await catalog.accounts.new_token(
                SYSTEM, name="test", scopes=["read", "write"], expires_days=1, user_id=user.id
            )
        group = (await catalog.groups.create(SYSTEM, name="Lab")).group
        await catalog.groups.put_member(SYSTEM, group_id=group.id, user_id=ids["ada"], role="owner")
        obstore.put(bucket_of(s3), "pro/own/notes.tsv", b"barcode\tsite\nAAA\tx\n")
        keys = {
            "access_key": s3.access_key,
            "secret_key": s3.secret_key,
            "region": "us-east-1",
            "endpoint": s3.endpoint,
        }
        for name, owner in {"own bucket": {"owner_id": ids["ada"]}, "lab bucket": {"group_id": group.id}}.items():
            location = {"bucket": s3.bucket, "prefix": "bioturing/pro", **keys}
            await catalog.storages.add(SYSTEM, name=name, kind="s3", location=location, **owner)
        await catalog.storages.add(SYSTEM, name="server data", kind="folder", location={"path": str(shared)})
    finally:
        await catalog.close()
    return group.id.hex32, tokens


def _submit(world: World) -> None:
    """A project with two studies: files of the mounted folder, and an upload in chunks."""
    mounted = "/mounts/server%20data/run 1"
    batch = {
        "class": "MTX10XFormat",
        "name": "run 1",
        "matrix_path": f"{mounted}/matrix.mtx.gz",
        "barcodes_path": f"{mounted}/barcodes.tsv.gz",
        "features_path": f"{mounted}/features.tsv.gz",
    }
    world.submitted = world.call(
        "submit", group="Lab", species="human", title="Blood of donors", normalize=True, study_name="Run 1",
        study_data={"batches": [batch]}, author=["Ada L.", "Bob M."], dataset_ids=["GSE1"],
        filter_params={"min_genes": 300, "max_genes": None, "min_counts": 500, "mito_controls_percentage": 8},
    ).good  # fmt: skip
    path = world.folder / "cells.h5ad"
    assert path.stat().st_size > 1 << 20, "it has to come in chunks"
    world.uploaded = world.call("upload_big_file", file_path=str(path)).good
    files = [{"key": "anndata", "value": world.uploaded["path"]}]
    data = [{"name": "cells", "submission_type": "single", "files": files, "format": "H5AD"}]
    world.added = world.call("add_study", project_id=world.project, name="Cells", study_data=data).good
    for study in (world.submitted, world.added):
        _wait(world, study["study_id"])


def _wait(world: World, study_id: str) -> dict[str, Any]:
    """What the client has no call for: look at a study until it is made."""
    until = time.monotonic() + CALL_S
    while time.monotonic() < until:
        detail = world.call("get_study_detail", on="OpenAPI", study_id=study_id).good["study"]
        if detail["status"] != 2:
            assert (detail["status"], detail["message"]) == (1, "")
            return dict(detail)
        time.sleep(0.5)
    raise AssertionError(detail)


def refused(outcome: Outcome, status: int) -> str:
    """The text of an error that quotes an HTTP status."""
    assert outcome.error is not None, outcome.value
    assert outcome.error[0] == "Exception"
    assert f"failed with status code {status}" in outcome.error[1]
    return outcome.error[1]


# account, groups, files


def test_account_and_groups(world: World) -> None:
    info = world.call("info").good
    assert (info["email"], info["name"], info["sub_dir"]) == ("ada@example.org", "", "uploads")
    assert set(info) == {"email", "sub_dir", "name", "app_base_url", "routing_table"}
    groups = {"Personal workspace": "personal", "All members": "all_members"}
    assert world.call("groups").good == groups | {"Lab": world.group_id}
    assert world.call("groups", who="bob").good == groups


def test_folders_and_buckets(world: World) -> None:
    folders = {"server data": "/mounts/server%20data"}
    assert world.call("external_folders").good == folders
    assert world.call("folders").good == folders | {"My uploads": "/uploads"}
    assert world.call("external_mounts").good == {"lab bucket": "/s3/lab%20bucket"}
    assert world.call("s3").good == {"lab bucket": "/s3/lab%20bucket", "own bucket": "/s3/own%20bucket"}
    assert world.call("s3", who="bob").good == {}


def test_listdir(world: World) -> None:
    assert world.call("listdir", path="/").good == ["uploads", "mounts", "s3"]
    assert world.call("listdir", path="/mounts").good == ["server data"]
    assert world.call("listdir", path="/mounts/server%20data").good == ["run 1"]
    assert world.call("listdir", path="/mounts/server%20data", ignore_hidden=False).good == ["run 1", ".hidden"]
    assert world.call("listdir", path="/s3/own%20bucket/own").good == ["notes.tsv"]
    found = world.call("listdir", path="/mounts/server%20data/run 1", get_details=True).good
    matrix = next(entry for entry in found if entry["name"] == "matrix.mtx.gz")
    assert (matrix["is_dir"], matrix["path"]) == (False, "/mounts/server%20data/run 1/matrix.mtx.gz")
    assert matrix["size"] == (world.folder / "server files/run 1/matrix.mtx.gz").stat().st_size
    refused(world.call("listdir", path="/s3/own%20bucket", who="bob"), 404)
    refused(world.call("listdir", path="/etc"), 404)
    assert world.call("listdir", path="/mounts/server%20data/../..").error is not None


def test_uploads_whole_in_chunks_and_as_folders(world: World) -> None:
    path = world.folder / "cells.h5ad"
    assert world.uploaded["path"] == f"{world.uploaded['root_folder']}/cells.h5ad"
    found = world.call("listdir", path=world.uploaded["root_folder"], get_details=True).good
    assert [(entry["name"], entry["size"]) for entry in found] == [("cells.h5ad", path.stat().st_size)]
    small = world.folder / "notes.txt"
    small.write_text("small")
    simple = world.call("upload_file", file_path=str(small), server_folder_name="my notes").good
    assert simple["path"] == f"{simple['root_folder']}/my notes/notes.txt"
    assert world.call("listdir", path=f"{simple['root_folder']}/my notes").good == ["notes.txt"]
    assert world.call("upload_big_file", file_path=str(small)).good["size"] == 5
    tree = world.folder / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "a.txt").write_text("a")
    (tree / "inner" / "b.bin").write_bytes(bytes(2_621_440))
    folder = world.call("upload_folder", dir_path=str(tree)).good
    assert folder["path"].startswith(folder["root_folder"])
    # the client piles up the names of folders, and opens an upload of its own for a folder that it meets first
    sizes = {entry["name"]: entry["size"] for entry in _below(world, "/uploads")}
    assert (sizes["a.txt"], sizes["b.bin"]) == (1, 2_621_440)
    assert refused(world.call("listdir", path=folder["root_folder"], who="bob"), 404)
    empty = world.folder / "empty"
    empty.mkdir()
    assert world.call("upload_folder", dir_path=str(empty)).error[0] == "KeyError"  # type: ignore[index]


def _below(world: World, path: str) -> Iterator[dict[str, Any]]:
    """All files below a folder."""
    for entry in world.call("listdir", path=path, get_details=True).good:
        if entry["is_dir"]:
            yield from _below(world, entry["path"])
        else:
            yield entry


# projects and studies


def test_list_project(world: World) -> None:
    found = world.call("list_project", group="Lab", species="human").frame
    assert (found.index.name, list(found.index)) == ("Project ID", [world.project])
    row = found.loc[world.project]
    assert (row["Project Title"], row["Dataset ID"], row["Authors"]) == ("Blood of donors", "GSE1", "Ada L., Bob M.")
    assert (row["Total Study"], row["Created By"]) == (2, "ada@example.org")
    assert row["Total Cell"] == world.table(world.submitted).n_cells + world.table(world.added).n_cells
    now = pd.Timestamp.now("UTC")
    # it may have been made before midnight
    assert row["Created Date"] in [(now - pd.Timedelta(minutes=ago)).strftime("%b %d, %Y") for ago in (0, 30)]
    assert world.call("list_project", group="Lab", species="mouse").frame.empty
    assert world.call("list_project", group="Personal workspace", species="human").frame.empty
    assert world.call("list_project", group="Lab", species="human", offset=1).frame.empty
    assert world.call("list_project", group="Lab", species="human", who="bob").error[0] == "KeyError"  # type: ignore[index]


def test_get_project_detail_and_list_study(world: World) -> None:
    detail = world.call("get_project_detail", project_id=world.project).good
    assert detail["project"]["root_path"] == f"/projects/{world.project}"
    assert [study["title"] for study in detail["study"]] == ["Run 1", "Cells"]
    found = world.call("list_study", project_id=world.project).frame
    assert list(found.index) == [world.submitted["study_id"], world.added["study_id"]]
    assert list(found["Study Title"]) == ["Run 1", "Cells"]
    assert found.loc[world.added["study_id"], "Total Cell"] == 200
    refused(world.call("get_project_detail", project_id=world.project, who="bob"), 404)
    refused(world.call("list_study", project_id="nothing"), 404)


def test_get_study_by_dataset_id(world: World) -> None:
    found = world.call("get_study_by_dataset_id", dataset_id="GSE1", group="Lab", species="human").frame
    assert list(found["Study Title"]) == ["Run 1", "Cells"]
    assert set(found["Dataset ID"]) == {"GSE1"}
    assert set(found["Project ID"]) == {world.project}
    none = world.call("get_study_by_dataset_id", dataset_id="GSE2", group="Lab", species="human")
    assert none.error[0] == "ValueError"  # type: ignore[index]


def test_what_was_submitted_is_what_is_there(world: World) -> None:
    cells = world.cells.part(slice(0, 60), GENES)
    counts = cells.counts
    mito = np.asarray(counts[:, [name.startswith("MT-") for name in cells.genes]].sum(axis=1)).ravel()
    totals = np.asarray(counts.sum(axis=1)).ravel()
    kept = (np.asarray((counts > 0).sum(axis=1)).ravel() >= 300) & (totals >= 500) & (mito <= 0.08 * totals)
    table = world.table(world.submitted)
    assert list(table.barcodes()) == [name for name, good in zip(cells.barcodes, kept, strict=True) if good]
    assert (table.matrix(unit="raw").tocsr() != counts[kept]).nnz == 0
    whole = world.cells.part(slice(60, 260), GENES)
    table = world.table(world.added)
    assert list(table.barcodes()) == whole.barcodes
    assert (table.matrix(unit="raw").tocsr() != whole.counts).nnz == 0
    assert {"X_pca", "X_umap"} <= {item["name"] for item in table.embeddings}


def test_submissions_that_cannot_be_are_refused_at_once(world: World) -> None:
    def add(**batch: Any) -> Outcome:
        data = [{"name": "x", "submission_type": "single", **batch}]
        return world.call("add_study", project_id=world.project, name="x", study_data=data)

    assert "no such uploaded file" in refused(
        add(format="H5AD", files=[{"key": "anndata", "value": "/uploads/nothing/x.h5ad"}]), 404
    )
    assert "There is no format" in refused(add(format="LOOM", files=[]), 422)
    assert "mounted" in refused(add(format="TSV", files=[{"key": "matrix", "value": "/etc/passwd"}]), 404)
    assert world.call("add_study", project_id=world.project, name="x", study_data=[]).error[0] == "ValueError"  # type: ignore[index]


def test_a_project_without_studies_is_listed_and_can_be_filled_from_bbrowserx(world: World) -> None:
    made = world.call(
        "create_project", on="OpenAPI", group_id="personal", species="nonHumanPrimate", title="Empty", author=["A"]
    ).good
    listing = world.call("list_project", group="Personal workspace", species="primate").frame
    assert list(listing["Total Study"]) == [0]
    assert world.call("list_study", project_id=made["project_id"]).frame.empty
    studies = world.call(
        "list_bbx_studies", host=f"{world.url}/t2d_index_tool/", token=world.tokens["ada"], group="Lab", species="human"
    ).good
    assert [(study["uuid"], study["group_id"]) for study in studies] == [(world.project, world.group_id)]
    copied = world.call("convert_from_bbx", project_id=made["project_id"], name="Copy", bbx_id=studies[0]["uuid"]).good
    found = world.call("list_study", project_id=made["project_id"]).frame
    assert list(found["Study Title"]) == ["Copy"]
    one, other = world.table(copied), world.table(world.submitted)
    assert (one.matrix(unit="raw") != other.matrix(unit="raw")).nnz == 0
    assert list(one.barcodes()) == list(other.barcodes())
    assert world.call("delete_project", project_id=made["project_id"], is_cleanup=True).good == made["project_id"]
    assert (world.table(world.submitted).matrix(unit="raw") != other.matrix(unit="raw")).nnz == 0


def test_public_projects(world: World) -> None:
    asked = {"group_id": "all_members", "species": "human"}
    assert world.call("list_public_project", on="OpenAPI", **asked).good["total"] == 0
    made = world.call("create_project", on="OpenAPI", group_id="personal", species="human", title="For all").good
    assert world.sdk.http.get(f"studies/{made['project_id'][:24]}")["name"] == "For all"


# what becomes of a study


def test_import_metadata(world: World) -> None:
    barcodes = world.cells.part(slice(60, 260), GENES).barcodes
    frame = pd.DataFrame({"site": ["skin", "blood"] * 100, "dose": np.arange(200) / 4}, index=barcodes)
    frame.to_csv(world.folder / "meta.tsv", sep="\t", index_label="barcode")
    path = world.call("upload_file", file_path=str(world.folder / "meta.tsv")).good["path"]
    study = {"project_id": world.project, "study_id": world.added["study_id"]}
    assert world.call("import_metadata", metadata_path=path, **study).good is None
    found = world.table(world.added).obs(["site", "dose"])
    assert found["site"].tolist() == frame["site"].tolist()
    np.testing.assert_array_equal(found["dose"], frame["dose"])
    refused(world.call("import_metadata", metadata_path="/s3/own%20bucket/own/notes.tsv", **study), 422)
    refused(world.call("import_metadata", metadata_path="/s3/own%20bucket/own/gone.tsv", **study), 404)
    refused(world.call("import_metadata", metadata_path=path, project_id=world.project, study_id="0" * 32), 404)


def test_defaults_and_layers(world: World) -> None:
    study = {"project_id": world.project, "study_id": world.added["study_id"]}
    assert world.call("update_default_info", embedding="X_umap", metadata="label", **study).good is None
    assert world.call("update_default_info", embedding="X_pca", **study).good is None
    detail = world.call("get_study_detail", on="OpenAPI", study_id=study["study_id"]).good["study"]
    assert (detail["default_embedding"], detail["default_metadata"]) == ("X_pca", "label")
    assert detail["layers"] == ["rna"]
    assert world.call("rename_layer", layer="rna", new_layer="Transcripts", **study).good == "Transcripts"
    detail = world.call("get_study_detail", on="OpenAPI", study_id=study["study_id"]).good["study"]
    assert (detail["layers"], detail["default_embedding"]) == (["Transcripts"], "X_pca")
    assert "no embedding 'X_none'" in refused(world.call("update_default_info", embedding="X_none", **study), 404)
    assert "no layer 'rna'" in refused(world.call("rename_layer", layer="rna", new_layer="x", **study), 404)


def test_get_standardized_data(world: World) -> None:
    study = {"project_id": world.project, "study_id": world.added["study_id"]}
    assert world.call("get_standardized_data", ontology_id="CL", **study).frame.empty
    world.table(world.added).set_terms("label", {"T cell": "CL:0000084", "B cell": "CL:0000236"})
    found = world.call("get_standardized_data", ontology_id="CL", **study).frame
    rows = set(zip(found["Ontology ID"], found["Node ID"], found["Metadata"], found["Label"], strict=True))
    assert rows == {("CL", "CL:0000084", "label", "T cell"), ("CL", "CL:0000236", "label", "B cell")}
    assert world.call("get_standardized_data", ontology_id="UBERON", **study).frame.empty
    other = {"project_id": world.project, "study_id": "0" * 32}
    refused(world.call("get_standardized_data", ontology_id="CL", **other), 404)


def test_delete_and_restore(world: World) -> None:
    made = world.call("create_project", on="OpenAPI", group_id="personal", species="mouse", title="Short").good
    project = made["project_id"]
    asked = {"group": "Personal workspace", "species": "mouse"}
    assert world.call("delete_project", project_id=project).good == project
    assert world.call("list_project", **asked).frame.empty
    assert list(world.call("list_project", **asked, active=3, compare=0).frame.index) == [project]
    assert world.call("restore_project", project_id=project).good == project
    assert list(world.call("list_project", **asked).frame.index) == [project]
    study = world.submitted["study_id"]
    assert world.call("delete_study", study_id=study).good == study
    assert list(world.call("list_study", project_id=world.project).frame.index) == [world.added["study_id"]]
    assert world.call("restore_study", study_id=study).good == study
    assert len(world.call("list_study", project_id=world.project).frame) == 2
    refused(world.call("delete_study", study_id=study, who="bob"), 404)


def test_files_of_cytometry_are_neither_studies_nor_make_a_project(world: World) -> None:
    made = world.call("create_project", on="OpenAPI", group_id="personal", species="rat", title="Flow").good
    project, asked = made["project_id"], {"group": "Personal workspace", "species": "rat"}
    assert list(world.call("list_project", **asked).frame.index) == [project]
    url, bearer = f"{world.url}/api/v1/studies/{project[:24]}", {"Authorization": f"Bearer {world.tokens['ada']}"}
    sent = requests.put(f"{url}/fcs/a.fcs", bd_file(events(50, 1)), headers=bearer, timeout=60)
    assert sent.status_code == 201, sent.text
    assert world.call("list_project", **asked).frame.empty
    assert world.call("list_study", project_id=project).frame.empty
    detail = world.call("get_project_detail", project_id=project).good
    assert (detail["study"], detail["total"]) == ([], 0)
    assert world.call("delete_project", project_id=project).good == project


# the client itself


def test_a_wrong_token_and_calls_without_an_api(world: World) -> None:
    stranger = Client(world.driver, f"{world.url}/bbrowserx", "no token of ours", PRO)
    assert "token" in refused(stranger.call("info"), 401)
    assert world.call("post_request", url="account/info").error[0] == "TypeError"  # type: ignore[index]
    url = f"{world.url}/bbrowserx/openapi/directory/entities"
    asked = {"content": {"data": {"path": "/mounts"}}}
    assert world.call("request", url=url, req=asked).good["entities"][0]["name"] == "server data"
    assert [world.call(name).good for name in ("openapi", "pyapi", "api_type")] == ["OpenAPI", "PyAPI", None]


def test_every_public_method_is_in_the_matrix(world: World) -> None:
    names = world.call("public methods").good
    assert {f"{PRO}.{name}" for name in names} <= set(listed(CLIENT, RELEASE))


def test_a_text_matrix(world: World) -> None:
    write_tsv(world.folder / "few.tsv", world.cells.part(slice(0, 40), slice(0, 2000)))
    path = world.call("upload_file", file_path=str(world.folder / "few.tsv")).good["path"]
    project = world.call("create_project", on="OpenAPI", group_id="all_members", species="human", title="Text").good
    files = [{"key": "matrix", "value": path}]
    data = [{"name": "few", "submission_type": "single", "files": files, "format": "TSV"}]
    added = world.call("add_study", project_id=project["project_id"], name="Few", study_data=data).good
    _wait(world, added["study_id"])
    expected = world.cells.part(slice(0, 40), slice(0, 2000))
    assert (world.table(added).matrix(unit="raw").tocsr() != expected.counts).nnz == 0
    assert list(world.call("list_project", group="All members", species="human", who="bob").frame["Total Cell"]) == [40]
