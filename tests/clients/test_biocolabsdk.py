"""biocolabsdk 1.0.8 and 1.0.2, unmodified, each in its own environment: the walk through the README, the settings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.model.rights import SYSTEM
from tests.catalog.people import Bell
from tests.clients.bioturing_files import Cells, read_cells, write_raw_h5ad
from tests.clients.bioturing_world import bucket_of
from tests.clients.drivers import Driver, Outcome
from tests.clients.environments import client_python
from tests.clients.matrix import listed
from tests.clients.servers import running_server
from tests.services import S3Server

RELEASES = ("1.0.8", "1.0.2")
DRIVER = Path(__file__).with_name("biocolabsdk_driver.py")
N_GENES, HALF = 3000, 40
EMAIL = "ada@example.org"
pytestmark = pytest.mark.timeout(300)


@dataclass
class World:
    """A server, and what ada uses; ``drivers`` by release."""

    url: str
    folder: Path
    cells: Cells
    token: str
    drivers: dict[str, Driver]

    def call(self, release: str, method: str, /, init: dict[str, Any] | None = None, **kwargs: Any) -> Outcome:
        driver = self.drivers[release]
        asked = {"init": init or {}, **kwargs}
        running = driver.begin(method, host=self.url, token=self.token, connector="EConnector", kwargs=asked)
        return running.result(150)

    @property
    def private(self) -> dict[str, str]:
        return {"private_host": f"{self.url}/t2d_index_tool/", "private_token": self.token}

    @property
    def studio(self) -> dict[str, Any]:
        return {
            "studio_host": f"{self.url}/studio", "studio_token": self.token, "studio_email": EMAIL,
            "use_token_from_api": True,
        }  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("biocolab")
    pythons = {release: client_python(f"biocolabsdk-{release}") for release in RELEASES}
    cells = read_cells().part(slice(0, 2 * HALF), slice(0, N_GENES))
    for number in (1, 2):
        path = folder / f"GSE128223_{number}.h5ad"
        write_raw_h5ad(path, cells.part(slice((number - 1) * HALF, number * HALF)))
        obstore.put(bucket_of(s3_server), f"biocolab/s3_path/{path.name}", path)
    token = asyncio.run(_ada(folder / "data", s3_server))
    with running_server(folder / "data", workers="2", min_free_bytes="0") as url:
        drivers = {}
        try:
            for release, python in pythons.items():
                drivers[release] = Driver(python, DRIVER, folder, client="biocolabsdk", release=release)
            yield World(url, folder, cells, token, drivers)
        finally:
            for driver in drivers.values():
                driver.close()


async def _ada(data: Path, s3: S3Server) -> str:
    catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0), notifier=Bell())
    try:
        user = await catalog.accounts.create_user(SYSTEM, email=EMAIL, password="correct horse")
        token, _ = await catalog.accounts.new_token(
            SYSTEM, name="test", scopes=["read", "write"], expires_days=1, user_id=user.id
        )
        keys = {"access_key": s3.access_key, "secret_key": s3.secret_key, "endpoint": s3.endpoint}
        bucket = {"bucket": s3.bucket, "prefix": "bioturing/biocolab", "region": "us-east-1", **keys}
        await catalog.storages.add(SYSTEM, name="bucket", kind="s3", location=bucket, owner_id=user.id)
        return token
    finally:
        await catalog.close()


def submitted(world: World, release: str, *, where: str, method: str) -> str:
    """A submission of the README: two files become one study; its uuid."""
    batches = [{"matrix": f"{where}/GSE128223_{number}.h5ad"} for number in (1, 2)]
    study = {
        "group_id": "personal", "batch_info": batches, "study_id": f"GSE128223-{method[18:]}-{release}",
        "name": "This is my first study", "authors": ["Huy Nguyen"], "species": "human", "input_matrix_type": "raw",
        "study_type": 2,
    }  # fmt: skip
    outcome = world.call(release, "get_bbrowserx", world.private, then=[[method, study]])
    assert outcome.good, outcome.printed
    listing = {"species": "human", "group_id": "personal"}
    found = world.call(release, "get_bbrowserx", world.private, then=[["get_all_studies_info_in_group", listing]]).good
    return str(next(one["uuid"] for one in found if one["study_hash_id"] == study["study_id"]))


@pytest.mark.parametrize("release", RELEASES)
def test_the_walk_through_the_readme(world: World, release: str) -> None:
    outcome = world.call(release, "get_bbrowserx", world.private, then=[["test_connection", {}]])
    url = f"{world.url}/t2d_index_tool/api/v1/test_connection"
    assert outcome.printed == f"Connecting to host at {url}\nConnection successful\n"
    groups = world.call(release, "get_bbrowserx", world.private, then=[["get_user_groups", {}]]).good
    assert [(group["id"], group["name"]) for group in groups] == [
        ("personal", "Personal workspace"),
        ("all_members", "All members"),
    ]
    for method, where in {"submit_study_from_s3": "s3_path", "submit_study_from_local": str(world.folder)}.items():
        study = {"species": "human", "study_id": submitted(world, release, where=where, method=method)}
        asked = {**study, "gene_names": [], "unit": "raw"}
        matrix = world.call(release, "get_bbrowserx", world.private, then=[["query_genes", asked]]).matrix
        assert (matrix.tocsr() != world.cells.counts).nnz == 0
    outcome = world.call(release, "get_talk2data", {"public_token": world.token}, then=[["test_connection", {}]])
    assert outcome.printed == f"Connecting to host at {url}\nConnection successful\n"
    barcodes = world.call(release, "get_talk2data", {"public_token": world.token}, then=[["get_barcodes", study]])
    assert barcodes.good == world.cells.barcodes
    _check_bioflex(world, release)


def _check_bioflex(world: World, release: str) -> None:
    token = {"bioflex_token": world.token}
    databases = world.call(release, "get_bioflex", token, then=[["databases", {}]]).good
    place = next(n for n, database in enumerate(databases) if database["species"] == "human")
    human: list[Any] = [["databases", {}], [place]]
    study: list[Any] = [*human, ["get_study", {"study_hash_id": f"GSE128223-local-{release}"}]]
    assert world.call(release, "get_bioflex", token, then=[*study, ["title"]]).good == "This is my first study"
    assert world.call(release, "get_bioflex", token, then=[*study, ["barcodes", {}]]).good == world.cells.barcodes
    asked = {"gene_names": ["RPL22", "ENO1"], "unit": "raw"}
    genes = [world.cells.genes.index(name) for name in asked["gene_names"]]
    found = world.call(release, "get_bioflex", token, then=[*study, ["query_genes", asked]]).matrix
    np.testing.assert_array_equal(found.toarray(), world.cells.counts[:, genes].toarray())


def test_settings_from_the_service(world: World) -> None:
    settings = world.call("1.0.8", "get_settings", world.studio).good
    assert settings == {
        "bio_bbx_private_domain": f"{world.url}/t2d_index_tool/",
        "bio_bbx_private_key": world.token,
        "bio_bbx_t2d_key": world.token,
        "bio_bioflex_public_key": world.token,
    }
    for method in ("get_bbrowserx", "get_lensbulk", "get_lenssc", "get_talk2data"):
        assert world.call("1.0.8", method, world.studio, then=[["test_connection", {}]]).good is True
    assert world.call("1.0.8", "get_bioflex", world.studio, then=[["databases", {}]]).good


@pytest.mark.parametrize(
    "wrong",
    [{"studio_token": "nobody's"}, {"studio_email": "bob@example.org"}, {"studio_token": ""}, {"studio_email": ""}],
)
def test_settings_are_for_the_holder_of_token_and_e_mail(world: World, wrong: dict[str, str], tmp_path: Path) -> None:
    told = world.call("1.0.8", "get_settings", world.studio | wrong, home=str(tmp_path))
    assert told.good == {}
    outcome = world.call("1.0.8", "get_bbrowserx", world.studio | wrong, home=str(tmp_path))
    assert outcome.error == ("Exception", "Empty BBrowserX setting (Host - Token)")


def test_a_token_file_of_the_client_sends_no_token(world: World, tmp_path: Path) -> None:
    (tmp_path / ".local/share").mkdir(parents=True)
    (tmp_path / ".local/share/.mybtk.json").write_text(json.dumps([{"email": EMAIL, "token": world.token}]))
    asked = {"studio_host": f"{world.url}/studio", "use_token_from_api": True}
    assert world.call("1.0.8", "get_settings", asked, home=str(tmp_path)).good == {}


@pytest.mark.parametrize("release", RELEASES)
def test_settings_from_the_file(world: World, release: str, tmp_path: Path) -> None:
    keys = {"bio_bbx_private_domain": f"{world.url}/t2d_index_tool/", "bio_bbx_private_key": world.token}
    keys |= {"bio_bbx_t2d_key": world.token, "bio_bioflex_public_key": world.token}
    (tmp_path / ".bioapi.key").write_text(json.dumps(keys))
    home = {"home": str(tmp_path)}
    for method in ("get_bbrowserx", "get_talk2data"):
        outcome = world.call(release, method, then=[["test_connection", {}]], **home)
        assert outcome.printed.endswith("Connection successful\n")
    assert world.call(release, "get_bioflex", then=[["databases", {}]], **home).good


@pytest.mark.parametrize("release", RELEASES)
def test_every_public_method_is_in_the_matrix(world: World, release: str) -> None:
    names = world.call(release, "public methods").good
    assert {f"EConnector.{name}" for name in names} == set(listed("biocolabsdk", release))
