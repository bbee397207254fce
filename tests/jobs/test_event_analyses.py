"""FlowSOM, maps and quality of events as jobs: annotations, embeddings and a report each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.gates import NewGate
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.tables import Pinned
from cytosol.model.work import Job
from tests.analyses.cytometry.test_flowsom import adjusted_rand
from tests.catalog.making import make_dataset, upload
from tests.formats.fcs_files import build, plain
from tests.jobs.house import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAMES = ("FSC-A", "FITC-A", "PE-A", "APC-A", "Time")
N = 9000


@dataclass(frozen=True)
class Lab:
    """A study with one file: three populations, and a drift of PE-A near its end."""

    house: House
    study_id: Key
    dataset_id: Key
    truth: np.ndarray
    drift: np.ndarray

    async def run(self, analysis: str, name: str = "", **parameters: Any) -> Job:
        catalog, ada = self.house.catalog, self.house.people.ada
        job = await catalog.analyses.submit(
            ada, dataset_id=self.dataset_id, analysis=analysis, name=name, parameters=parameters
        )
        ended = await self.house.ended(job.id)
        assert (ended.state, ended.error) == ("succeeded", None)
        return ended

    async def pinned(self) -> Pinned:
        return await self.house.catalog.tables.pin(self.house.people.ada, dataset_id=self.dataset_id)

    async def column(self, name: str) -> ColumnData:
        return await self.house.catalog.tables.column(await self.pinned(), name)

    async def report(self, name: str) -> str:
        catalog, ada = self.house.catalog, self.house.people.ada
        found = [one for one in await catalog.reports.list(ada, dataset_id=self.dataset_id) if one.name == name]
        _, page = await catalog.reports.read(ada, dataset_id=self.dataset_id, id=found[0].id)
        return page.decode()


def events() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of shape (N, 5), the population of each event, and whether it was measured during the drift."""
    rng = np.random.default_rng(12)
    truth = rng.permutation(np.repeat([0, 1, 2], [5000, 3000, 1000]))
    centres = np.array([[8, 5, 5], [5, 8.5, 5], [5, 5, 9]])
    logs = centres[truth] + rng.normal(0, 0.35, (N, 3))
    time = np.sort(rng.uniform(0, 900, N))
    drift = (time > 700) & (time < 790)
    logs[drift, 1] += 1.2
    return np.column_stack([rng.normal(60_000, 8000, N), np.exp(logs), time]).astype(np.float32), truth, drift


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with open_house(tmp_path_factory.mktemp("events") / "data") as house:
        values, truth, drift = events()
        said = plain(N, NAMES, _P2S="CD4", _P3S="CD8", _P4S="CD19")
        data = build({"$" + k[1:] if k.startswith("_") else k: v for k, v in said.items()}, values.tobytes())
        ada = house.people.ada
        study = (await house.catalog.studies.create(ada, fields=StudyFields(name="Blood"))).study.id
        upload_id = await upload(house.catalog, ada, "a.fcs", data)
        (dataset,) = await house.catalog.cytometry.add_file(ada, study_id=study, upload_id=upload_id)
        yield Lab(house, study, dataset.id, truth, drift)


async def test_flowsom_finds_the_populations_of_channels_with_a_reagent(lab: Lab) -> None:
    job = await lab.run("flowsom", n_clusters=3, grid_width=6, grid_height=6)
    found = await lab.column("FlowSOM")
    assert found.categories == ["Population 1", "Population 2", "Population 3"]
    sound = ~lab.drift
    assert adjusted_rand(lab.truth[sound], found.values[sound]) > 0.98
    nodes = await lab.column("FlowSOM node")
    assert nodes.values.max() < 36
    assert job.result["n_events"] == N
    made = next(one.made_by for one in (await lab.pinned()).part.columns if one.name == "FlowSOM")
    assert made["channels_used"] == ["FITC-A", "PE-A", "APC-A"]
    page = await lab.report("Report of FlowSOM")
    counts = np.bincount(found.values)
    assert all(
        text in page for text in ("CD4 (FITC-A)", "Population 3", f"{counts[0]:,}", "data:image/png;base64,")[1:]
    )


async def test_flowsom_of_a_population_leaves_the_others_out(lab: Lab) -> None:
    low = float(np.arcsinh(np.exp(6.5) / 150))
    gate = NewGate("range", "CD4+", "var:FITC-A", "", {"x1": low, "x2": 99.0, "y": 0.5})
    _, [population] = await lab.house.catalog.gates.create_with_populations(
        lab.house.people.ada, study_id=lab.study_id, gates=[gate]
    )
    await lab.run(
        "flowsom", name="Within", n_clusters=2, grid_width=4, grid_height=4, channels=["PE-A", "APC-A"],
        cells={"population": population.id.hex24},
    )  # fmt: skip
    found = await lab.column("Within")
    inside = events()[0][:, 1] >= np.float32(np.exp(6.5))
    assert ((found.values >= 0) == inside).mean() > 0.999
    assert 0 < (found.values >= 0).sum() < N


async def test_a_map_draws_events_and_gives_the_others_no_place(lab: Lab) -> None:
    job = await lab.run("event-map", name="Map", n_events=800, tsne=True, spectral=True, resolution=0.05)
    pinned = await lab.pinned()
    for name in ("Map UMAP", "Map t-SNE", "Map Spectral"):
        places = await lab.house.catalog.tables.embedding(pinned, name=name)
        assert np.isfinite(places).all(axis=1).sum() == 800
    clusters = await lab.column("Map Leiden")
    drawn = (clusters.values >= 0) & ~lab.drift
    assert adjusted_rand(lab.truth[drawn], clusters.values[drawn]) > 0.9
    assert job.result["n_events"] == 800
    page = await lab.report("Report of Map")
    for theme in ("light", "dark"):
        assert page.count(f'<img class={theme} src="data:image/png;base64,') == 4


async def test_the_quality_of_a_run_finds_the_drift(lab: Lab) -> None:
    job = await lab.run("flow-quality", bin_events=100)
    found = await lab.column("Flow quality")
    assert found.categories == ["good", "flow rate", "signal", "margin"]
    assert (found.values[lab.drift] == 2).mean() > 0.8
    assert (found.values[~lab.drift] > 0).mean() < 0.05
    assert sum(job.result["events"].values()) == N
    page = await lab.report("Report of Flow quality")
    assert "Course of the run" in page
    [view] = [
        one
        for one in await lab.house.catalog.reports.list(lab.house.people.ada, dataset_id=lab.dataset_id)
        if one.analysis == "flow-quality"
    ]
    assert view.meta["share_good"] == pytest.approx((found.values == 0).mean(), abs=1e-4)


async def test_channels_can_be_compared_and_have_markers(lab: Lab) -> None:
    selection = {"column": "FlowSOM", "groups": ["Population 3"]}
    job = await lab.run("compare", first=selection, second={"rest": True})
    catalog, ada = lab.house.catalog, lab.house.people.ada
    id = Key.parse(job.result["elements"][0]["id"])
    _, columns = await catalog.comparisons.read(ada, dataset_id=lab.dataset_id, id=id)
    assert columns["feature"][0] == "APC-A"
    values = events()[0][:, 3]
    inside = (await lab.column("FlowSOM")).values == 2
    assert columns["mean_first"][0] == pytest.approx(values[inside].mean(), rel=1e-3)


async def test_reports_are_removed_and_come_back(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    [view] = [one for one in await catalog.reports.list(ada, dataset_id=lab.dataset_id) if one.name == "Report of Map"]
    with pytest.raises(NotFoundError):
        await catalog.reports.read(lab.house.people.bob, dataset_id=lab.dataset_id, id=view.id)
    await catalog.reports.delete(ada, dataset_id=lab.dataset_id, id=view.id)
    with pytest.raises(NotFoundError):
        await catalog.reports.read(ada, dataset_id=lab.dataset_id, id=view.id)
    revisions = await catalog.history.list(ada, study_id=lab.study_id)
    await catalog.history.undo(ada, revision_id=revisions.items[0].id)
    assert "Map" in await lab.report("Report of Map")


async def test_what_cannot_be_done_says_why(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    with pytest.raises(NotFoundError):
        await catalog.analyses.submit(
            ada, dataset_id=lab.dataset_id, analysis="flowsom", parameters={"channels": ["none", "PE-A"]}
        )
    genes = await make_dataset(catalog, ada)
    job = await catalog.analyses.submit(ada, dataset_id=genes.id, analysis="flowsom", parameters={})
    ended = await lab.house.ended(job.id)
    assert ended.error is not None
    assert "has no channels" in ended.error["detail"]


async def test_flowsom_of_genes_works_as_well(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    genes = await make_dataset(catalog, ada)
    said = {"channels": ["GENE0", "GENE1", "GENE3"], "n_clusters": 2, "grid_width": 3, "grid_height": 3}
    job = await catalog.analyses.submit(ada, dataset_id=genes.id, analysis="flowsom", parameters=said)
    assert (await lab.house.ended(job.id)).error is None
    pinned = await catalog.tables.pin(ada, dataset_id=genes.id)
    assert ((await catalog.tables.column(pinned, "FlowSOM")).values >= 0).all()
