"""Scores, cell cycle, doublets and Harmony as jobs on real cells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import pytest_asyncio
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.tables import Pinned
from cytosol.model.work import Job
from tests.catalog.making import h5ad, submit
from tests.jobs.house import House, open_house
from tests.jobs.test_ingest import DEMO

pytestmark = pytest.mark.asyncio(loop_scope="module")
N_CELLS = 600


@dataclass(frozen=True)
class Lab:
    """600 real blood cells in two made-up batches."""

    house: House
    dataset_id: Key

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

    async def values(self, *symbols: str) -> np.ndarray:
        found = await self.house.catalog.tables.values(await self.pinned(), features=list(symbols))
        assert found.dense is not None
        return found.dense


def cells() -> bytes:
    with h5py.File(DEMO / "pbmc8k_2700.h5") as file:
        group = file["matrix"]
        parts = (group["data"][:], group["indices"][:], group["indptr"][:])
        counts = sp.csc_matrix(parts, shape=tuple(group["shape"][:])).T.tocsr()[:N_CELLS]
        names, ids = ([text.decode() for text in group["features"][key][:]] for key in ("name", "id"))
    seen = np.asarray((counts > 0).sum(axis=0)).ravel() >= 2
    batches = np.random.default_rng(0).integers(0, 2, N_CELLS)
    dense = counts[:, seen].toarray().astype(np.float64)
    factor = np.random.default_rng(1).lognormal(0, 0.5, (2, dense.shape[1]))
    counts = sp.csr_matrix(np.random.default_rng(2).poisson(dense * factor[batches]).astype(np.float32))
    # half of the genes bear their stable id as their only name
    labels = [id if place % 2 else name for place, (name, id) in enumerate(zip(names, ids, strict=True))]
    var = pd.DataFrame(index=np.array(labels)[seen])
    obs = pd.DataFrame({"lane": pd.Categorical(np.array(["a", "b"])[batches])}, index=[f"c{n}" for n in range(N_CELLS)])
    return h5ad(counts, obs=obs, var=var)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with open_house(tmp_path_factory.mktemp("science") / "data") as house:
        params = {"tsne": False, "umap": False, "markers": False, "n_components": 20}
        job, dataset_id = await submit(house.catalog, house.people.ada, {"a.h5ad": cells()}, parameters=params)
        assert (await house.ended(job.id)).error is None
        yield Lab(house, dataset_id)


async def test_scores_of_kept_and_of_given_sets(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    sets = [{"name": "B", "genes": ["CD79A", "MS4A1", "CD79B"]}, {"name": "other", "genes": ["no such gene"]}]
    kept = await catalog.gene_sets.create(ada, name="Blood", sets=sets)
    id = kept.gene_sets.id.hex24
    job = await lab.run("scores", gene_sets=id)
    assert job.result["sets"]["B"]["n_found"] == 3
    b_score = (await lab.column("Score of B")).values
    pinned = await lab.pinned()
    assert "Score of other" not in [element.name for element in pinned.part.columns]
    given = await lab.run("scores", name="Mine", inline=[sets[0]], method="z")
    assert [element["name"] for element in given.result["elements"]] == ["Mine"]
    z_score = (await lab.column("Mine")).values
    # whichever name the gene has in the table
    found = (await catalog.tables.search(pinned, text="CD79A")) or (
        await catalog.tables.search(pinned, text="ENSG00000105369")
    )
    cd79a = (await lab.values(found[0].symbol))[0]
    assert np.corrcoef(b_score, cd79a)[0, 1] > 0.6
    assert np.corrcoef(b_score, z_score)[0, 1] > 0.8
    made = next(element.made_by for element in pinned.part.columns if element.name == "Score of B")
    assert made["parameters"]["gene_sets"] == id


async def test_what_cannot_be_scored(lab: Lab) -> None:
    catalog, ada, bob = lab.house.catalog, lab.house.people.ada, lab.house.people.bob
    other = await catalog.gene_sets.create(bob, name="Bob's", sets=[{"name": "B", "genes": ["CD79A"]}])
    with pytest.raises(NotFoundError, match="no such gene sets"):
        await lab.run("scores", gene_sets=other.gene_sets.id.hex24)
    with pytest.raises(InvalidInputError):
        await lab.run("scores", gene_sets="not an id")
    job = await catalog.analyses.submit(
        ada, dataset_id=lab.dataset_id, analysis="scores", parameters={"inline": [{"name": "X", "genes": ["none"]}]}
    )
    ended = await lab.house.ended(job.id)
    assert ended.error is not None
    assert "No gene of the chosen sets" in ended.error["detail"]


async def test_the_cell_cycle(lab: Lab) -> None:
    job = await lab.run("cell-cycle")
    phase = await lab.column("Cell cycle phase")
    assert phase.categories == ["G1", "S", "G2M"]
    counts = np.bincount(phase.values, minlength=3).tolist()
    assert job.result["phases"] == dict(zip(["G1", "S", "G2M"], counts, strict=True))
    s, g2m = (await lab.column("S score")).values, (await lab.column("G2M score")).values
    assert ((s < 0) & (g2m < 0) == (phase.values == 0)).all()


async def test_doublets_within_each_batch(lab: Lab) -> None:
    job = await lab.run("doublets", batch="lane", n_genes=500)
    assert sorted(job.result["batches"]) == ["a", "b"]
    score = (await lab.column("Doublet score")).values
    assert ((score > 0) & (score < 1)).all()
    totals = (await lab.column("Number of mRNA transcripts")).values
    high = score > np.quantile(score, 0.95)
    assert np.median(totals[high]) > np.median(totals)


async def test_harmony_mixes_the_batches(lab: Lab) -> None:
    job = await lab.run("harmony", batch="lane")
    print(f"two batches: {job.result['mixing_before']} before, {job.result['mixing_after']} after")
    assert job.result["mixing_before"] < 1.4
    assert job.result["mixing_after"] > 1.7
    pinned = await lab.pinned()
    shapes = {element.name: element.meta["n_dims"] for element in pinned.part.embeddings}
    assert (shapes["X_harmony"], shapes["X_umap_harmony"]) == (20, 2)
    clusters = await lab.column("Leiden clustering (Harmony)")
    assert clusters.categories is not None
    assert 3 <= len(clusters.categories) <= 15


async def test_cell_types_of_clusters_and_cells(lab: Lab) -> None:
    job = await lab.run("cell-types")
    groups = job.result["groups"]
    assert {"unknown", "T cell", "CD4-positive T cell"} & {one["type"] for one in groups.values()}
    kinds = await lab.column("Cell type")
    clusters = await lab.column("Louvain clustering")
    assert kinds.categories is not None
    assert clusters.categories is not None
    for number, level in enumerate(clusters.categories):
        names = {kinds.categories[code] for code in kinds.values[clusters.values == number]}
        assert names == {groups[level]["type"]}
    pinned = await lab.pinned()
    element = next(column for column in pinned.part.columns if column.name == "Cell type")
    assert set(element.meta["terms"]) == set(kinds.categories) - {"unknown"}
    assert element.made_by["reference_version"]
    alone = await lab.run("cell-types", name="Each cell", per_cell=True, tissue="blood")
    assert sum(alone.result["types"].values()) == N_CELLS
    assert alone.result["types"].get("unknown", 0) < N_CELLS / 2


async def test_cell_types_by_a_list_of_ones_own(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    sets = [
        {"name": "lymphoid", "genes": ["CD3D", "CD3E", "CD79A", "MS4A1", "NKG7", "IL7R"], "negative": ["LYZ"]},
        {"name": "myeloid", "genes": ["LYZ", "S100A8", "S100A9", "CST3", "CD14"], "negative": ["CD3D"]},
    ]
    kept = await catalog.gene_sets.create(ada, name="Two", kind="markers", sets=sets)
    job = await lab.run("cell-types", name="By my list", reference=kept.gene_sets.id.hex24, per_cell=True)
    assert set(job.result["types"]) <= {"lymphoid", "myeloid", "unknown"}
    mine = await lab.column("By my list")
    assert mine.categories is not None
    found = await catalog.tables.search(await lab.pinned(), text="LYZ")
    at = found or await catalog.tables.search(await lab.pinned(), text="ENSG00000090382")
    lyz = (await lab.values(at[0].symbol))[0]
    myeloid = mine.values == mine.categories.index("myeloid")
    assert lyz[myeloid].mean() > 2 * lyz[~myeloid].mean()


async def test_cell_types_by_a_model(lab: Lab) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    catalog, ada = lab.house.catalog, lab.house.people.ada
    pinned = await lab.pinned()
    whole = await catalog.tables.values(pinned, features=[], layout="sparse")
    assert whole.sparse is not None
    clusters = await lab.column("Louvain clustering")
    busy = np.argsort(-np.asarray(whole.sparse.sum(axis=0)).ravel())[:300]
    scaler = StandardScaler()
    scaled = np.minimum(scaler.fit_transform(whole.sparse[:, busy].toarray()), 10)
    fitted = LogisticRegression(max_iter=200).fit(scaled[:300], clusters.values[:300])
    kinds = [f"kind {number}" for number in fitted.classes_]
    folder = catalog.settings.data / "models"
    folder.mkdir()
    genes = [*(whole.names[place] for place in busy), "a gene that the table lacks"]
    n = len(kinds)
    np.savez_compressed(
        folder / "Blood.npz",
        classes=np.array(kinds),
        genes=np.array(genes),
        coefficients=np.hstack([fitted.coef_, np.ones((n, 1))]),
        intercepts=fitted.intercept_,
        mean=np.append(scaler.mean_, 3.0),
        scale=np.append(scaler.scale_, 1.0),
    )
    (folder / "Other.pkl").write_bytes(b"never opened")
    await lab.run("cell-types", name="By model", reference="Blood", min_probability=0.0)
    column = await lab.column("By model")
    assert column.categories is not None
    wanted = [kinds[best] for best in fitted.decision_function(scaled).argmax(axis=1)]
    assert [column.categories[code] for code in column.values] == wanted
    for name, said in (("Other", "A pickle can run any program"), ("nothing", "no reference, marker list or model")):
        job = await catalog.analyses.submit(
            ada, dataset_id=lab.dataset_id, analysis="cell-types", parameters={"reference": name}
        )
        ended = await lab.house.ended(job.id)
        assert ended.error is not None
        assert said in ended.error["detail"]


async def test_batches_are_brought_together_when_data_comes_in(lab: Lab) -> None:
    house, ada = lab.house, lab.house.people.ada
    params = {"tsne": False, "umap": False, "markers": False, "n_components": 20, "batch": "lane"}
    job, dataset_id = await submit(house.catalog, ada, {"a.h5ad": cells()}, parameters=params)
    assert (await house.ended(job.id)).error is None
    pinned = await house.catalog.tables.pin(ada, dataset_id=dataset_id)
    assert {"X_pca", "X_harmony"} <= {element.name for element in pinned.part.embeddings}
    lane = (await house.catalog.tables.column(pinned, "lane")).values

    async def purity(name: str) -> float:
        clusters = await house.catalog.tables.column(pinned, name)
        table = np.zeros((len(clusters.categories or ()), 2))
        np.add.at(table, (clusters.values, lane), 1)
        return float(table.max(axis=1).sum() / table.sum())

    mixed = await purity("Louvain clustering")
    pinned = await lab.pinned()
    apart = await purity("Louvain clustering")
    print(f"share of each cluster's larger lane: {apart:.2f} without, {mixed:.2f} with batch='lane'")
    assert mixed < apart - 0.1
    failed, _ = await submit(house.catalog, ada, {"a.h5ad": cells()}, parameters={**params, "batch": "none"})
    ended = await house.ended(failed.id)
    assert ended.error is not None
    assert "no annotation 'none'" in ended.error["detail"]


async def test_scores_and_types_come_with_the_data_as_they_come_after_it(lab: Lab) -> None:
    """What a submission asks for is what the same analyses find in the finished dataset."""
    house = lab.house
    params = {"tsne": False, "umap": False, "markers": False, "n_components": 20}
    asked = {**params, "doublets": True, "cell_cycle": True, "cell_types": True}
    job, dataset_id = await submit(house.catalog, house.people.ada, {"a.h5ad": cells()}, parameters=asked)
    assert (await house.ended(job.id)).error is None
    other = Lab(house, dataset_id)
    names = ("Doublet score", "Doublet", "S score", "G2M score", "Cell cycle phase", "Cell type", "Cell type score")
    at_once = {name: await other.column(name) for name in names}
    for analysis in ("doublets", "cell-cycle", "cell-types"):
        await other.run(analysis)
    for name, column in at_once.items():
        after = await other.column(f"{name} (1)")
        assert column.categories == after.categories
        np.testing.assert_array_equal(column.values, after.values, err_msg=name)
    assert len(set(at_once["Cell type"].categories or ())) > 2
    made = (await other.pinned()).part.column("Cell type")
    assert (made.made_by["function"], made.made_by["inputs"]) == (
        "cell-types",
        [(await other.pinned()).part.table.id.hex24],
    )
    assert made.meta["terms"]


async def test_what_a_submission_cannot_compute_is_noted(lab: Lab) -> None:
    house = lab.house
    values = pd.DataFrame(np.log1p(np.arange(60.0).reshape(20, 3)), index=[f"c{n}" for n in range(20)])
    data = h5ad(sp.csr_matrix(values.to_numpy(np.float32)))
    what = {"matrix": "normalized", "embeddings": "keep", "parameters": {"doublets": True}}
    job, dataset_id = await submit(house.catalog, house.people.ada, {"a.h5ad": data}, **what)
    assert (await house.ended(job.id)).error is None
    view = await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
    assert any("Doublets" in note and "normalised values only" in note for note in view.dataset.notes)
