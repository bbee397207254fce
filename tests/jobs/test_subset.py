"""Some cells as a dataset of their own: values are those of the parent's rows, with lineage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytest_asyncio
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.annotations import Group
from cytosol.catalog.tables import Pinned
from cytosol.model.work import Job
from tests.catalog.making import barcodes, counts, submit
from tests.jobs.house import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
N_CELLS, N_GENES, N_ANTIBODIES = 80, 40, 6
PICKED = {"column": "type", "groups": ["second", "third"]}
ROWS = np.flatnonzero(np.arange(N_CELLS) % 4 >= 1)


@dataclass(frozen=True)
class Lab:
    """A house with a dataset of RNA and antibody counts."""

    house: House
    parent: Key
    rna: np.ndarray
    antibody: np.ndarray

    async def subset(self, **options: Any) -> tuple[Job, Key]:
        catalog, ada = self.house.catalog, self.house.people.ada
        job, dataset = await catalog.subsets.submit(ada, dataset_id=self.parent, **{"selection": PICKED, **options})
        return await self.house.ended(job.id), dataset.id

    async def pin(self, dataset_id: Key, table: str = "") -> Pinned:
        return await self.house.catalog.tables.pin(self.house.people.ada, dataset_id=dataset_id, table=table)

    async def raw(self, pinned: Pinned) -> np.ndarray:
        n_features = int(pinned.part.table.meta["n_features"])
        found = await self.house.catalog.tables.values(pinned, features=list(range(n_features)), unit="raw")
        assert found.dense is not None
        return found.dense.T


def two_types(folder: Path) -> tuple[bytes, np.ndarray, np.ndarray]:
    """An AnnData file of genes and antibodies, with an annotation that has colours and gaps, and an embedding."""
    import anndata

    rna, antibody = counts(N_CELLS, N_GENES), counts(N_CELLS, N_ANTIBODIES, seed=3)
    names = [f"GENE{n}" for n in range(N_GENES)] + [f"AB{n}" for n in range(N_ANTIBODIES)]
    kinds = ["Gene Expression"] * N_GENES + ["Antibody Capture"] * N_ANTIBODIES
    var = pd.DataFrame({"feature_types": kinds}, index=names)
    kind = pd.Categorical(["first", "second", "third", "second"] * (N_CELLS // 4))
    age = np.where(np.arange(N_CELLS) % 5, np.arange(N_CELLS), np.nan)
    obs = pd.DataFrame({"type": kind, "age": age}, index=barcodes(N_CELLS))
    place = np.arange(2 * N_CELLS, dtype=np.float32).reshape(-1, 2)
    table = anndata.AnnData(sp.hstack([rna, antibody], format="csr"), obs=obs, var=var, obsm={"X_map": place})
    table.uns["type_colors"] = np.array(["#111111", "#222222", "#333333"], dtype=object)
    table.write_h5ad(folder / "two.h5ad")
    return (folder / "two.h5ad").read_bytes(), rna.toarray(), antibody.toarray()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    data, rna, antibody = two_types(tmp_path_factory.mktemp("file"))
    async with open_house(tmp_path_factory.mktemp("house") / "data") as house:
        ada = house.people.ada
        params = {"tsne": False, "umap": False, "markers": False}
        job, dataset_id = await submit(house.catalog, ada, {"two.h5ad": data}, parameters=params)
        assert (await house.ended(job.id)).error is None
        await house.catalog.annotations.add_groups(
            ada, dataset_id=dataset_id, name="mine alone", groups=[Group("a", range(40))], private=True
        )
        yield Lab(house, dataset_id, rna, antibody)


async def test_rows_are_those_of_the_parent(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    job, id = await lab.subset()
    assert (job.state, job.error) == ("succeeded", None)
    assert job.result == {"n_cells": len(ROWS), "tables": ["rna", "antibody"], "dataset_id": id.hex24}
    view = await catalog.datasets.get(ada, dataset_id=id)
    parent = await catalog.datasets.get(ada, dataset_id=lab.parent)
    assert (view.dataset.name, view.dataset.state, view.job_id) == ("two.h5ad: second, third", "published", job.id)
    assert view.dataset.study_id == parent.dataset.study_id
    assert view.dataset.technology == parent.dataset.technology
    assert view.dataset.lineage == {
        "parent_id": lab.parent.hex24, "parent_version": parent.dataset.data_version, "table": "rna",
        "selection": PICKED, "n_cells": len(ROWS),
    }  # fmt: skip
    pinned, source = await lab.pin(id), await lab.pin(lab.parent)
    np.testing.assert_array_equal(await lab.raw(pinned), lab.rna[ROWS])
    np.testing.assert_array_equal(await lab.raw(await lab.pin(id, "antibody")), lab.antibody[ROWS])
    names = await catalog.tables.barcodes(pinned)
    assert names.tolist() == (await catalog.tables.barcodes(source))[ROWS].tolist()
    mine, theirs = await catalog.tables.columns(pinned), await catalog.tables.columns(source)
    assert list(mine) == [name for name in theirs if name != "mine alone"]
    assert mine["type"].categories == ["second", "third"]
    assert mine["type"].colors == ["#222222", "#333333"]
    for name, column in mine.items():
        was, now = theirs[name], column
        before = (
            was.values[ROWS] if was.categories is None else np.array([*was.categories, None], object)[was.values[ROWS]]
        )
        after = now.values if now.categories is None else np.array([*now.categories, None], object)[now.values]
        np.testing.assert_array_equal(after, before, err_msg=name)
    for embedding in ("X_map", "X_pca"):
        values = await catalog.tables.embedding(pinned, name=embedding)
        np.testing.assert_array_equal(values, (await catalog.tables.embedding(source, name=embedding))[ROWS])
    made = pinned.part.column("type").made_by
    assert made["function"] == "subset"
    assert made["inputs"] == [source.part.table.id.hex24]


async def test_embeddings_and_clusters_can_be_made_anew(lab: Lab) -> None:
    params = {"tsne": False, "umap": False, "n_components": 8, "resolutions": [0.4]}
    job, id = await lab.subset(name="again", parameters=params)
    assert job.error is None
    pinned = await lab.pin(id)
    columns = [element.name for element in pinned.part.columns]
    assert columns[:2] == ["Number of genes", "Number of mRNA transcripts"]
    assert {"Louvain clustering", "Louvain clustering (parent)", "Leiden clustering (resolution 0.4)"} <= set(columns)
    assert len(set(columns)) == len(columns)
    embeddings = {element.name: element.meta["n_dims"] for element in pinned.part.embeddings}
    assert list(embeddings) == ["X_pca", "X_spectral", "X_pca (parent)", "X_spectral (parent)", "X_map"]
    assert embeddings["X_pca"] == 8
    markers = await lab.house.catalog.tables.markers(pinned)
    assert markers.column == "Louvain clustering"
    genes = await lab.house.catalog.tables.column(pinned, "Number of genes")
    np.testing.assert_array_equal(genes.values, (lab.rna[ROWS] > 0).sum(axis=1))
    again, grandchild = await lab.subset(selection={"cells": [1, 2]}, name="two")
    assert again.error is None
    assert (await lab.pin(grandchild)).part.n_cells == 2


async def test_name_and_lineage_tell_nothing_of_private_annotations(lab: Lab) -> None:
    job, id = await lab.subset(selection={"not": {"column": "mine alone", "groups": [None]}})
    assert job.error is None
    dataset = (await lab.house.catalog.datasets.get(lab.house.people.admin, dataset_id=id)).dataset
    assert (dataset.name, dataset.lineage["n_cells"]) == ("two.h5ad: 40 cells", 40)
    assert dataset.lineage["selection"] == {"cells": list(range(40))}


async def test_what_cannot_be_taken_is_refused_at_once(lab: Lab) -> None:
    catalog, ada = lab.house.catalog, lab.house.people.ada
    for options, words in (
        ({"selection": {"cells": []}}, "holds no cell"),
        ({"selection": {"rest": True}}, "Only the second"),
        ({"parameters": {"n_gene": 1}}, "no parameter 'n_gene'"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            await catalog.subsets.submit(ada, dataset_id=lab.parent, **{"selection": PICKED, **options})
    study = (await catalog.datasets.get(ada, dataset_id=lab.parent)).dataset.study_id
    states = [view.dataset.state for view in (await catalog.datasets.list(ada, study_id=study)).items]
    assert "staging" not in states
