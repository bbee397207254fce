"""Analyses of a ready table by real workers: committed with how they were made, all or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytest_asyncio
import scipy.stats

from cytosol.analyses.registry import DEFAULT_ANALYSES
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.annotation_edits import ColumnEdit
from cytosol.catalog.annotations import Group
from cytosol.catalog.comparisons import ComparisonView
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
    await catalog.annotations.change(
        lab.house.people.ada,
        dataset_id=lab.dataset_id,
        column_id=pinned.part.column("type").id,
        edit=ColumnEdit("kind"),
    )
    renamed = await catalog.tables.pin(lab.house.people.ada, dataset_id=lab.dataset_id)
    assert (await catalog.tables.markers(renamed, column="kind")).groups == held.groups
    await catalog.annotations.change(
        lab.house.people.ada,
        dataset_id=lab.dataset_id,
        column_id=pinned.part.column("type").id,
        edit=ColumnEdit("type"),
    )
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


async def compared(lab: Lab, name: str = "", **parameters: Any) -> tuple[ComparisonView, dict[str, np.ndarray]]:
    job = await lab.run("compare", name, **parameters)
    assert (job.state, job.error) == ("succeeded", None)
    id = Key.parse(job.result["elements"][0]["id"])
    return await lab.house.catalog.comparisons.read(lab.house.people.ada, dataset_id=lab.dataset_id, id=id)


@pytest.mark.parametrize("method", ["wilcoxon", "t-test"])
async def test_any_two_selections_are_compared_as_by_scipy(lab: Lab, method: str) -> None:
    first, second = {"column": "type", "groups": ["first"]}, {"column": "type", "groups": ["second", None]}
    view, columns = await compared(lab, first=first, second=second, method=method)
    assert view.name.startswith("first vs second, none")
    assert (view.meta["n_first"], view.meta["n_second"]) == (45, 45)
    catalog = lab.house.catalog
    pinned = await catalog.tables.pin(lab.house.people.ada, dataset_id=lab.dataset_id)
    dense = (await catalog.tables.values(pinned, features=list(range(40)))).dense
    assert dense is not None
    one, other = dense[:, :45].T.astype(np.float64), dense[:, 45:].T.astype(np.float64)
    if method == "wilcoxon":
        p = scipy.stats.mannwhitneyu(one, other, method="asymptotic", use_continuity=False, axis=0).pvalue
    else:
        p = scipy.stats.ttest_ind(one, other, equal_var=False).pvalue
    place = [int(name.removeprefix("GENE")) for name in columns["feature"]]
    np.testing.assert_allclose(columns["p"], p[place], rtol=1e-10)
    np.testing.assert_allclose(columns["p_adjusted"], scipy.stats.false_discovery_control(p)[place], rtol=1e-10)
    np.testing.assert_allclose(columns["mean_first"], one.mean(axis=0)[place], rtol=1e-5)
    np.testing.assert_array_equal(columns["share_second"], (other > 0).mean(axis=0)[place].astype(np.float32))
    assert (np.diff(np.abs(columns["statistic"])) <= 0).all()
    assert set(place[:20]) == set(range(20))


async def test_pseudobulk_takes_its_design_from_the_samples(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    view = await catalog.datasets.get(ada, dataset_id=lab.dataset_id)
    study = view.dataset.study_id
    ill = await catalog.samples.add_attribute(ada, study_id=study, name="ill", kind="boolean")
    for number in range(6):
        await catalog.samples.add(ada, study_id=study, name=f"donor {number}", values={ill.id: number % 2 == 0})
    donors = [Group(f"donor {number}", range(number, N_CELLS, 6)) for number in range(6)]
    await catalog.annotations.add_groups(ada, dataset_id=lab.dataset_id, name="donor", groups=donors)
    sick, well = ({"attribute": "ill", "values": [value]} for value in (True, False))
    told, columns = await compared(lab, first=sick, second=well, method="pseudobulk", replicate="sample", min_cells=5)
    assert (told.meta["n_first"], told.meta["n_second"]) == (45, 45)
    assert told.meta["parameters"]["replicate"] == "sample"
    assert np.isfinite(columns["p"]).all()
    assert (columns["p_adjusted"] > 0.01).all()
    kinds = {"column": "type", "groups": ["first"]}
    paired = {"method": "pseudobulk", "replicate": "donor", "paired": True, "min_cells": 5}
    told, columns = await compared(lab, first=kinds, **paired)
    assert set(columns["feature"][:20]) == {f"GENE{number}" for number in range(20)}
    assert (columns["p_adjusted"][:20] < 0.01).all()
    job = await lab.run("compare", first=kinds, method="pseudobulk", replicate="Batch")
    assert job.error is not None
    assert "at least 2 replicates" in job.error["detail"]
    with pytest.raises(InvalidInputError, match="Pseudobulk needs replicates"):
        await lab.run("compare", first=kinds, method="pseudobulk")


async def test_what_comes_of_a_private_annotation_only_its_owner_sees(lab: Lab) -> None:
    catalog, ada, other = lab.house.catalog, lab.house.people.ada, lab.house.people.admin
    groups = [Group("sure guess", np.arange(40)), Group("wild guess", np.arange(40, 80))]
    added = await catalog.annotations.add_groups(
        ada, dataset_id=lab.dataset_id, name="guess", groups=groups, private=True
    )
    before = await catalog.comparisons.list(other, dataset_id=lab.dataset_id)
    first = {"not": {"or": [{"column": "guess", "groups": ["sure guess"]}, {"cells": [80]}]}}
    jobs = [
        await lab.run("markers", column="guess"),
        await lab.run("compare", first=first),
        await lab.run("harmony", name="X_guess", batch="guess"),
    ]
    assert [job.error for job in jobs] == [None] * 3
    for job in jobs:
        view = (await catalog.jobs.get(other, job_id=job.id)).job
        assert (view.result, await catalog.jobs.log(other, job_id=job.id)) == ({}, [])
        assert (await catalog.jobs.get(ada, job_id=job.id)).job.result["elements"]
    pinned = await catalog.tables.pin(other, dataset_id=lab.dataset_id)
    with pytest.raises(NotFoundError):
        await catalog.tables.markers(pinned, column="guess")
    assert "X_guess" not in [element.name for element in pinned.part.embeddings]
    assert await catalog.comparisons.list(other, dataset_id=lab.dataset_id) == before
    own = await catalog.tables.pin(ada, dataset_id=lab.dataset_id)
    assert (await catalog.tables.markers(own, column="guess")).groups == ["sure guess", "wild guess"]
    assert "X_guess" in [element.name for element in own.part.embeddings]
    mine = (await catalog.comparisons.list(ada, dataset_id=lab.dataset_id))[0]
    n_revisions = len((await catalog.history.list(ada, study_id=own.dataset.study_id)).items)
    await catalog.comparisons.delete(ada, dataset_id=lab.dataset_id, id=mine.id)
    assert len((await catalog.history.list(ada, study_id=own.dataset.study_id)).items) == n_revisions
    await catalog.annotations.publish(ada, dataset_id=lab.dataset_id, column_id=added.columns[0].id)
    pinned = await catalog.tables.pin(other, dataset_id=lab.dataset_id)
    assert (await catalog.tables.markers(pinned, column="guess")).groups == ["sure guess", "wild guess"]
    published = (await catalog.history.list(ada, study_id=own.dataset.study_id)).items[0]
    await catalog.history.undo(ada, revision_id=published.id)
    pinned = await catalog.tables.pin(other, dataset_id=lab.dataset_id)
    assert "markers" not in [element.kind for element in pinned.part.results if element.meta.get("column") == "guess"]


async def test_comparisons_are_listed_removed_and_brought_back(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    view, columns = await compared(lab, "Mine", first={"cells": list(range(50))})
    listed = await catalog.comparisons.list(ada, dataset_id=lab.dataset_id)
    assert listed[0].name == "Mine"
    assert listed[0].meta["second"] == {"rest": True}
    await catalog.comparisons.delete(ada, dataset_id=lab.dataset_id, id=view.id)
    gone = await catalog.comparisons.list(ada, dataset_id=lab.dataset_id)
    assert [each.id for each in gone] == [each.id for each in listed[1:]]
    with pytest.raises(NotFoundError, match="no such comparison"):
        await catalog.comparisons.read(ada, dataset_id=lab.dataset_id, id=view.id)
    study = (await catalog.datasets.get(ada, dataset_id=lab.dataset_id)).dataset.study_id
    revision = (await catalog.history.list(ada, study_id=study)).items[0]
    assert revision.verb == "result.delete"
    await catalog.history.undo(ada, revision_id=revision.id)
    back, again = await catalog.comparisons.read(ada, dataset_id=lab.dataset_id, id=view.id)
    assert back.name == "Mine"
    np.testing.assert_array_equal(again["p"], columns["p"])
