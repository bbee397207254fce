"""Analyses of a ready table by real workers: committed with how they were made, all or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytest_asyncio

from cytosol.analyses.registry import DEFAULT_ANALYSES
from cytosol.base.keys import Key
from cytosol.jobs.handlers.registry import DEFAULT_HANDLERS
from cytosol.model.work import Job
from tests.catalog.making import barcodes, counts, h5ad, submit
from tests.jobs.house import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
N_CELLS = 90


@dataclass(frozen=True)
class Lab:
    """A house with one dataset: two kinds of cells, the annotation 'type' with a gap, PCA."""

    house: House
    dataset_id: Key

    async def run(self, analysis: str, name: str = "", **parameters: Any) -> Job:
        catalog, ada = self.house.catalog, self.house.people.ada
        job = await catalog.analyses.submit(
            ada, dataset_id=self.dataset_id, analysis=analysis, name=name, parameters=parameters
        )
        return await self.house.ended(job.id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with open_house(tmp_path_factory.mktemp("house") / "data") as house:
        kinds = ["first"] * (N_CELLS // 2) + ["second"] * (N_CELLS // 2 - 5) + [None] * 5
        obs = pd.DataFrame({"type": pd.Categorical(kinds)}, index=barcodes(N_CELLS))
        data = h5ad(counts(N_CELLS, 40), obs=obs)
        params = {"tsne": False, "umap": False, "markers": False}
        job, dataset_id = await submit(house.catalog, house.people.ada, {"a.h5ad": data}, parameters=params)
        assert (await house.ended(job.id)).error is None
        yield Lab(house, dataset_id)


async def test_runnable_analyses_are_those_that_have_a_function() -> None:
    runnable = [entry.name for entry in DEFAULT_ANALYSES if entry.run is not None]
    assert sorted(handler.analysis for handler in DEFAULT_HANDLERS) == sorted(runnable)


async def test_markers_of_any_annotation(lab: Lab) -> None:
    job = await lab.run("markers", column="type")
    assert (job.state, job.error) == ("succeeded", None)
    catalog = lab.house.catalog
    pinned = await catalog.tables.pin(lab.house.people.ada, dataset_id=lab.dataset_id)
    held = await catalog.tables.markers(pinned, column="type")
    assert held.groups == ["first", "second"]
    best = np.argsort(-held.statistics["z"], axis=1)[:, :10]
    assert set(best[0].tolist()) == set(range(10))
    assert set(best[1].tolist()) == set(range(10, 20))
    made = next(e for e in pinned.part.results if e.kind == "markers").made_by
    assert made["function"] == "markers"
    assert made["parameters"]["column"] == "type"
    assert made["inputs"] == [pinned.part.table.id.hex24]
    assert made["libraries"]["numpy"] == np.__version__
    assert [e["kind"] for e in job.result["elements"]] == ["markers"]
    log = await lab.house.log(job.id)
    assert log[-1] == "DONE !!!"
    assert "Marker genes: 90 cells x 40 features" in log


async def test_clusters_at_another_resolution(lab: Lab) -> None:
    job = await lab.run("leiden", resolutions=[0.3, 0.9], n_neighbors=10)
    assert job.error is None
    again = await lab.run("leiden", name="Mine", resolutions=[0.3])
    assert again.error is None
    catalog = lab.house.catalog
    pinned = await catalog.tables.pin(lab.house.people.ada, dataset_id=lab.dataset_id)
    for name in ("Leiden clustering (resolution 0.3)", "Mine"):
        clusters = await catalog.tables.column(pinned, name)
        assert not set(clusters.values[:45]) & set(clusters.values[45:])
    assert "Leiden clustering (resolution 0.9)" in [e.name for e in pinned.part.columns]


async def test_a_failure_leaves_the_dataset_as_it_was(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    before = await catalog.datasets.get(ada, dataset_id=lab.dataset_id)
    job = await lab.run("markers", column="Batch")
    assert job.state == "failed"
    assert job.error is not None
    assert "one group only" in job.error["detail"]
    after = await catalog.datasets.get(ada, dataset_id=lab.dataset_id)
    assert after.dataset.data_version == before.dataset.data_version
    assert after.dataset.state == before.dataset.state == "published"
