"""A server with people, a group, buckets and a shared folder, and everything that the client submits to it."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anndata
import obstore
from obstore.store import S3Store

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.model.rights import SYSTEM
from tests.catalog.people import Bell
from tests.clients.bioturing_files import (
    N_RAW,
    N_SMALL,
    N_TSV,
    REDUCED,
    TENX_H5,
    Cells,
    read_cells,
    write_bcs,
    write_mtx,
    write_raw_h5ad,
    write_seurat,
    write_tsv,
)
from tests.clients.drivers import CALL_S, Client, Driver, Outcome
from tests.clients.environments import client_python
from tests.clients.servers import running_server
from tests.formats.samples import counts
from tests.formats.stores import write_processed, write_soma
from tests.services import S3Server

DRIVER = Path(__file__).with_name("bioturing_driver.py")
NEWEST = "1.14.0"
PREFIXES = {"BBrowserXConnector": "t2d_index_tool", "LensSCConnector": "lens_sc", "LensBulkConnector": "lens_bulk"}
BBROWSERX = "BBrowserXConnector"
CHUNK = 5 * 1024 * 1024
H5_10X, H5AD, MTX, BCS, RDS, TSV, TILE_DB, BBROWSER = 1, 2, 3, 4, 5, 6, 15, 0
GENES = slice(0, 3000)
STAMP = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d\] ")


@dataclass
class World:
    """All that the tests look at.

    Attributes
    ----------
    group_id : of the group Lab: ada and bob are in it, eve is not
    submitted : what each submission of ada gave, by name
    lab : the group's bucket
    task, export_task : a finished submission and a finished export of ada
    """

    url: str
    folder: Path
    cells: Cells
    raw: anndata.AnnData
    tokens: dict[str, str]
    group_id: str
    driver: Driver
    submitted: dict[str, Outcome] = field(default_factory=dict)
    drivers: dict[str, Driver] = field(default_factory=dict)
    lab: str = ""
    task: str = ""
    export_task: str = ""

    def client(
        self, who: str = "ada", *, prefix: str = "t2d_index_tool", connector: str = "BBrowserXConnector"
    ) -> Client:
        """A connector of one of the people."""
        return Client(self.driver, f"{self.url}/{prefix}/", self.tokens[who], connector)

    def old(self, release: str, connector: str) -> Client:
        """A connector of ada in another release, whose environment is made on the first call."""
        if release == NEWEST:
            driver = self.driver
        elif release not in self.drivers:
            python = client_python(f"bioturing-{release.rpartition('.')[0]}")
            driver = Driver(python, DRIVER, self.folder, client="bioturing_connector", release=release)
            self.drivers[release] = driver
        else:
            driver = self.drivers[release]
        return Client(driver, f"{self.url}/{PREFIXES[connector]}/", self.tokens["ada"], connector)

    def uuid(self, name: str) -> str:
        """The uuid of a study that was submitted."""
        result = self.submitted[name].good
        assert result is not False, self.submitted[name].printed
        return str(result["study_info"]["uuid"])


@contextmanager
def running_world(folder: Path, s3: S3Server) -> Iterator[World]:
    """Make everything, submit everything side by side, and wait for it."""
    python = client_python("bioturing-1.14")
    data = folder / "data"
    shared = folder / "server files"
    shared.mkdir()
    cells = read_cells()
    raw = write_raw_h5ad(folder / "raw.h5ad", cells.part(slice(0, N_RAW)))
    group_id, tokens = asyncio.run(_people(data, shared, s3))
    with running_server(data, workers="2", min_free_bytes="0") as url:
        driver = Driver(python, DRIVER, folder, client="bioturing_connector", release=NEWEST)
        try:
            world = World(url, folder, cells, raw, tokens, group_id, driver)
            world.submitted = _submit(world, shared, bucket_of(s3))
            _finish_tasks(world)
            try:
                yield world
            finally:
                for other in world.drivers.values():
                    other.close()
        finally:
            driver.close()


async def _people(data: Path, shared: Path, s3: S3Server) -> tuple[str, dict[str, str]]:
    catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0), notifier=Bell())
    accounts, tokens, ids = catalog.accounts, {}, {}
    try:
        for name in ("ada", "bob", "eve"):
            user = await accounts.create_user(SYSTEM, email=f"{name}@example.org", password="correct horse")
            ids[name] = user.id
            tokens[name], _ = await accounts.new_token(
                SYSTEM, name="test", scopes=["read", "write", "share"], expires_days=1, user_id=user.id
            )
        group = (await catalog.groups.create(SYSTEM, name="Lab")).group
        for name, role in (("ada", "owner"), ("bob", "member")):
            await catalog.groups.put_member(SYSTEM, group_id=group.id, user_id=ids[name], role=role)
        keys = {
            "access_key": s3.access_key,
            "secret_key": s3.secret_key,
            "region": "us-east-1",
            "endpoint": s3.endpoint,
        }
        own = {"url": f"s3://{s3.bucket}/bioturing/own", **keys, "region": "us-east-1"}
        lab = {"bucket": s3.bucket, "prefix": "bioturing/lab", **keys, "region": "us-east-1"}
        await catalog.storages.add(SYSTEM, name="ada's bucket", kind="s3", location=own, owner_id=ids["ada"])
        await catalog.storages.add(SYSTEM, name="lab bucket", kind="s3", location=lab, group_id=group.id)
        await catalog.storages.add(SYSTEM, name="server-data", kind="folder", location={"path": str(shared)})
    finally:
        await catalog.close()
    return group.id.hex32, tokens


def bucket_of(s3: S3Server) -> S3Store:
    """The part of the bucket in which ada's and the group's buckets are."""
    return S3Store(
        s3.bucket,
        prefix="bioturing",
        endpoint=s3.endpoint,
        access_key_id=s3.access_key,
        secret_access_key=s3.secret_key,
        region="us-east-1",
        client_options={"allow_http": True},
    )


def _submit(world: World, shared: Path, bucket: S3Store) -> dict[str, Outcome]:
    """Every way of submitting, side by side, because the client sleeps between two looks at a log."""
    running = _from_local(world) | _from_storages(world, shared, bucket) | _refused(world, bucket)
    return {name: future.result(CALL_S) for name, future in running.items()}


def _finish_tasks(world: World) -> None:
    """A submission and an export whose tasks are known, which the methods that submit and export do not tell."""
    ada = world.client()
    world.lab = ada.call("get_shared_s3_of_group", group_id=world.group_id).good[0]["id"]
    body = {
        "species": "mouse", "group_id": "personal", "study_type": TSV, "normalize": True, "skip_dimred": True,
        "shared_folder_path": "server-data", "batch_info": {"counts.tsv": {"matrix": "server-data/counts.tsv"}},
        "study_info": {"study_hash_id": "TASK", "name": "Known task"},
    }  # fmt: skip
    submitted = ada.call("post_request", api_route="api/v1/submit_study_from_server", data=body)
    export = {"species": "human", "group_id": "personal", "study_id": world.uuid("bcs"), "study_type": 2}
    exported = ada.call("post_request", api_route="api/v1/export_study", data=export)
    world.task, world.export_task = submitted.good["data"]["id"], exported.good["data"]["id"]


def _from_local(world: World) -> dict[str, Future[Outcome]]:
    ada, folder = world.client(), world.folder
    triplet = write_mtx(folder / "mtx", world.cells.part(slice(0, 60), GENES), packed=True)
    small = world.cells.part(slice(0, N_SMALL), GENES)
    return {
        "local": ada.begin(
            "submit_study_from_local", group_id="personal", batch_info=[{"matrix": str(folder / "raw.h5ad")}],
            study_id="GSE_LOCAL", name="Raw PBMC", authors=["Ada L.", "Bob M."], abstract="From 10x", species="human",
            input_matrix_type="raw", min_counts=1000, min_genes=600, max_counts=9000, max_genes=2500, mt_percentage=5,
            chunk_size=CHUNK,
        ),
        "kept": ada.begin(
            "submit_study_from_local", group_id=world.group_id, batch_info=[{"matrix": str(REDUCED)}],
            study_id="PBMC68K", name="Labelled PBMC", species="Human", skip_dimred=True,
        ),
        "local mtx": ada.begin(
            "submit_study_from_local", group_id="personal", study_type=MTX, input_matrix_type="raw",
            batch_info=[{"name": "data_1", **triplet}], species="nonHumanPrimate",
        ),
        "rds": ada.begin(
            "submit_study_from_local", group_id="personal", study_type=RDS, input_matrix_type="raw",
            batch_info=[{"matrix": write_seurat(folder / "study.rds", small)}], species="human",
        ),
        "bcs": ada.begin(
            "submit_study_from_local", group_id="personal", study_type=BCS, input_matrix_type="raw",
            batch_info=[{"matrix": write_bcs(folder / "study.bcs", small)}], species="human",
        ),
    }  # fmt: skip


def _from_storages(world: World, shared: Path, bucket: S3Store) -> dict[str, Future[Outcome]]:
    ada, cells = world.client(), world.cells
    obstore.put(bucket, "own/runs/pbmc8k.h5", TENX_H5)
    batches = []
    for number, part in enumerate((slice(100, 180), slice(150, 220))):  # some barcodes are in both
        paths = write_mtx(world.folder / f"lab{number}", cells.part(part, GENES), packed=bool(number))
        batches.append({role: f"d{number}/{Path(path).name}" for role, path in paths.items()})
        for role, path in paths.items():
            obstore.put(bucket, f"lab/{batches[-1][role]}", Path(path))
    write_tsv(shared / "counts.tsv", cells.part(slice(0, N_TSV), slice(0, 1500)))
    soma = write_soma(world.folder / "soma")
    for path in soma.rglob("*"):
        if path.is_file():
            obstore.put(bucket, f"own/soma/{path.relative_to(soma).as_posix()}", path)
    processed = write_processed(world.folder / "processed", counts())
    lab = ada.call("get_shared_s3_of_group", group_id=world.group_id).good[0]["id"]
    return {
        "s3": ada.begin(
            "submit_study_from_s3", group_id="all_members", batch_info=[{"matrix": "runs/pbmc8k.h5"}],
            study_id="PBMC8K", name="PBMC 8k", study_type=H5_10X, input_matrix_type="raw",
        ),
        "shared s3": ada.begin(
            "submit_study_from_shared_s3", group_id=world.group_id, shared_s3_id=lab, batch_info=batches,
            study_type=MTX, input_matrix_type="raw", name="Two runs",
        ),
        "tiledb": ada.begin(
            "submit_study_from_s3", group_id="personal", batch_info=[{"folder": "soma"}], study_type=TILE_DB,
            input_matrix_type="raw",
        ),
        "processed": ada.begin("submit_processed_study_from_local", group_id="personal", folder_path=str(processed)),
        "server": ada.begin(
            "submit_study_from_sever", group_id="personal", shared_folder_path=str(shared), study_type=TSV,
            batch_info=[{"matrix": f"{shared}/counts.tsv"}], input_matrix_type="raw", species="mouse",
        ),
    }  # fmt: skip


def _refused(world: World, bucket: S3Store) -> dict[str, Future[Outcome]]:
    """Formats that this version does not read, a damaged file, a filter that keeps nothing."""
    ada, folder = world.client(), world.folder
    (folder / "broken.h5ad").write_bytes((folder / "raw.h5ad").read_bytes()[:200_000])
    (folder / "study.bbrowser").write_bytes(b"not read")
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("counts.tsv", bytes(400 << 20))

    def local(name: str, **options: Any) -> Future[Outcome]:
        batch_info = [{"matrix": str(folder / name)}]
        return ada.begin("submit_study_from_local", group_id="personal", batch_info=batch_info, **options)

    return {
        "bbrowser": local("study.bbrowser", study_type=BBROWSER),
        "damaged": local("broken.h5ad"),
        "bomb": local("bomb.zip", study_type=TSV, input_matrix_type="raw"),
        "nothing left": local("raw.h5ad", input_matrix_type="raw", min_counts=10**7),
    }


def study(world: World, name: str, species: str = "human") -> dict[str, str]:
    return {"species": species, "study_id": world.uuid(name)}


def printed_log(outcome: Outcome) -> list[str]:
    """The log as the client printed it, every line stamped, without the stamps."""
    lines = [line for line in outcome.printed.splitlines() if line.startswith("[")]
    assert all(STAMP.match(line) for line in lines)
    return [STAMP.sub("", line) for line in lines]


def refusal(outcome: Outcome, status: int) -> str:
    """The text of an error that the client raised because of an HTTP status."""
    assert outcome.error is not None, outcome.value
    name, text = outcome.error
    assert (name, text.split(",")[0]) == ("RequestError", f"Request failed with status {status}")
    return text
