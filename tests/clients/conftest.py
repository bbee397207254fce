"""The worlds that the published clients see, each made once."""

from __future__ import annotations

from collections.abc import Iterator

import anndata
import numpy as np
import pandas as pd
import pytest
from obstore.store import S3Store

from tests.clients.across_world import AcrossWorld, running_across
from tests.clients.bioturing_files import Cells
from tests.clients.bioturing_world import N_RAW, World, bucket_of, running_world
from tests.clients.cellengine_driver import Toolkit, generate_id
from tests.clients.cellengine_world import CellEngineWorld, running_cellengine
from tests.services import S3Server


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("bioturing"), s3_server) as made:
        yield made


@pytest.fixture(scope="session")
def bucket(s3_server: S3Server) -> S3Store:
    return bucket_of(s3_server)


@pytest.fixture(scope="session")
def filtered(world: World) -> Cells:
    """What scanpy's filter leaves of the locally submitted cells."""
    import scanpy as sc  # takes seconds

    cells = world.cells.part(slice(0, N_RAW))
    object_ = anndata.AnnData(cells.counts.copy(), obs=pd.DataFrame(index=cells.barcodes))
    object_.obs["place"] = np.arange(N_RAW)
    object_.obs["mito"] = (
        np.asarray(cells.counts[:, [name.startswith("MT-") for name in cells.genes]].sum(axis=1)).ravel()
        / np.asarray(cells.counts.sum(axis=1)).ravel()
    )
    for bound in ({"min_counts": 1000}, {"min_genes": 600}, {"max_counts": 9000}, {"max_genes": 2500}):
        sc.pp.filter_cells(object_, **bound)
    kept = object_.obs["place"][object_.obs["mito"] <= 0.05].to_numpy()
    assert 50 < len(kept) < N_RAW - 20, "each bound has to matter"
    return Cells(cells.counts[kept], [cells.barcodes[i] for i in kept], cells.genes)


@pytest.fixture(scope="session")
def across(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AcrossWorld]:
    with running_across(tmp_path_factory.mktemp("across")) as made:
        yield made


@pytest.fixture(scope="session")
def cellengine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CellEngineWorld]:
    with running_cellengine(tmp_path_factory.mktemp("cellengine")) as made:
        yield made


@pytest.fixture(scope="session")
def client(cellengine: CellEngineWorld) -> Toolkit:
    """CellEngine's toolkit, by token."""
    return cellengine.toolkit()


@pytest.fixture
def e(client: Toolkit) -> Iterator[str]:
    """The id of a blank experiment of CellEngine, which is deleted whatever the test did."""
    id = client.create_experiment(f"Blank {generate_id()[-6:]}")["_id"]
    yield id
    client.delete_experiment(id)
