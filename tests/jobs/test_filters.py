"""The filters of a submission against scanpy on real cells, and species that are not known."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from tests.catalog.making import counts, h5ad
from tests.jobs.house import House, open_house
from tests.jobs.test_ingest import DEMO, succeeded

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.filterwarnings("ignore")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("filters") / "data") as opened:
        yield opened


async def test_the_cells_that_scanpy_keeps(house: House) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scanpy

        theirs = scanpy.read_10x_h5(DEMO / "pbmc8k_2700.h5")
        theirs.var_names_make_unique()
        theirs.var["mt"] = theirs.var_names.str.startswith("MT-")
        scanpy.pp.calculate_qc_metrics(theirs, qc_vars=["mt"], percent_top=None, log1p=False, inplace=True)
        scanpy.pp.filter_cells(theirs, min_counts=2000)
        scanpy.pp.filter_cells(theirs, max_counts=8000)
        scanpy.pp.filter_cells(theirs, min_genes=700)
        scanpy.pp.filter_cells(theirs, max_genes=2000)
        theirs = theirs[theirs.obs["pct_counts_mt"] <= 5]
    filters = {"min_counts": 2000, "max_counts": 8000, "min_genes": 700, "max_genes": 2000, "max_mito_share": 0.05}
    data = (DEMO / "pbmc8k_2700.h5").read_bytes()
    job, dataset_id = await succeeded(house, {"pbmc8k.h5": data}, filters=filters, embeddings="keep")
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    kept = list(await house.catalog.tables.barcodes(pinned))
    assert kept == list(theirs.obs_names)
    assert 300 < len(kept) < 2600
    share = (await house.catalog.tables.column(pinned, "Mitochondrial share")).values
    np.testing.assert_allclose(share, theirs.obs["pct_counts_mt"] / 100, rtol=1e-5)
    assert f"Filtered: {len(kept)} cells remain" in await house.log(job.id)


async def test_a_species_without_known_genes_gets_a_note(house: House) -> None:
    matrix = counts(30, 12)
    job, dataset_id = await succeeded(
        house, {"a.h5ad": h5ad(matrix)}, filters={"max_mito_share": 0.1}, embeddings="keep"
    )
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    assert view.n_cells == 30
    assert any("no gene is known as mitochondrial" in line for line in await house.log(job.id))
    assert any("no gene is known as mitochondrial" in note for note in view.dataset.notes)
