"""Gates across the tables of a dataset, and across datasets that do not measure the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.event_views import Wanted
from cytosol.catalog.gates import NewGate
from cytosol.catalog.plot_specs import PlotSpec
from cytosol.catalog.statistics_records import Asked
from cytosol.catalog.tables import Pinned
from cytosol.model.gating import Population
from tests.catalog.making import barcodes, counts, h5ad, make_dataset, run_here, submit
from tests.catalog.people import People

N_CELLS = 60
RNA, ANTIBODY = counts(N_CELLS, 30), counts(N_CELLS, 4, seed=3)
BRIGHT = {"kind": "range", "name": "bright", "x": "var:AB1", "geometry": {"x1": 0.2, "x2": 99, "y": 0.5}}
RIGHT = {"kind": "range", "name": "right", "x": "obsm:X_map:0", "geometry": {"x1": 20, "x2": 999, "y": 0.5}}


@pytest.fixture
async def both(catalog: Catalog, people: People) -> tuple[Key, Key]:
    """A study and its dataset of genes and antibodies; annotations and embedding lie with the genes."""
    names = [f"GENE{n}" for n in range(30)] + [f"AB{n}" for n in range(4)]
    var = pd.DataFrame({"feature_types": ["Gene Expression"] * 30 + ["Antibody Capture"] * 4}, index=names)
    obs = pd.DataFrame({"type": pd.Categorical(["B", "T"] * 30)}, index=barcodes(N_CELLS))
    place = np.arange(2 * N_CELLS, dtype=np.float32).reshape(-1, 2)
    data = h5ad(sp.hstack([RNA, ANTIBODY], format="csr"), obs=obs, var=var, obsm={"X_map": place})
    _, dataset_id = await submit(catalog, people.ada, {"cite.h5ad": data}, embeddings="keep")
    await run_here(catalog)
    view = await catalog.datasets.get(people.ada, dataset_id=dataset_id)
    return view.dataset.study_id, dataset_id


def clr() -> np.ndarray:
    """CLR of the second antibody, as the reader of the table documents it: shape (n_cells,)."""
    values = ANTIBODY.toarray().astype(float)
    found: np.ndarray = np.log1p(values[:, 1] / np.exp(np.log1p(values).mean(1)))
    return found


async def draw(catalog: Catalog, people: People, study_id: Key, said: Mapping[str, Any]) -> Population:
    _, [population] = await catalog.gates.create_with_populations(
        people.ada,
        study_id=study_id,
        gates=[NewGate(**said)],
    )
    return population


async def test_antibodies_gate_genes_and_the_map_gates_antibodies(
    catalog: Catalog, people: People, both: tuple[Key, Key]
) -> None:
    study_id, dataset_id = both
    bright = await draw(catalog, people, study_id, BRIGHT)
    right = await draw(catalog, people, study_id, RIGHT)
    tree = {"and": [bright.tree, right.tree, {"column": "type", "groups": ["T"]}]}
    joined = await catalog.populations.create(people.ada, study_id=study_id, name="all three", tree=tree)
    truths = {bright.id: clr() >= 0.2, right.id: np.arange(0, 2 * N_CELLS, 2) >= 20}
    truths[joined.id] = truths[bright.id] & truths[right.id] & (np.arange(N_CELLS) % 2 == 1)
    assert 0 < truths[joined.id].sum() < min(truths[bright.id].sum(), truths[right.id].sum())
    for table in ("rna", "antibody"):
        pinned = await catalog.tables.pin(people.ada, dataset_id=dataset_id, table=table)
        for population in (bright, right, joined):
            found = await catalog.gating.mask(pinned, population=population)
            np.testing.assert_array_equal(found, truths[population.id], err_msg=f"{table}, {population.name}")
        wanted = Wanted(["var:AB1", "var:GENE2", "obsm:X_map:1"], population_id=joined.id)
        view = await catalog.event_views.read(people.ada, dataset_id=dataset_id, table=table, wanted=wanted)
        np.testing.assert_allclose(view.columns["var:AB1"], clr()[truths[joined.id]], rtol=1e-5)
        dense = RNA.toarray()
        gene = np.log1p(1e4 * dense[:, 2] / dense.sum(1))[truths[joined.id]]
        np.testing.assert_allclose(view.columns["var:GENE2"], gene, rtol=1e-5)
        spec = PlotSpec("dot", "var:GENE2", "var:AB1", color_by="obsm:X_map:0", population_id=joined.id)
        assert (await catalog.plots.draw(people.ada, dataset_id=dataset_id, table=table, spec=spec))[:4] == b"\x89PNG"
    with pytest.raises(NotFoundError, match="AB9"):
        await catalog.axes.axis(pinned, "var:AB9")


async def test_private_annotations_of_the_other_table_stay_private(
    catalog: Catalog, people: People, both: tuple[Key, Key]
) -> None:
    study_id, dataset_id = both
    group = [Group("chosen", [0, 1, 2])]
    await catalog.annotations.add_groups(people.ada, dataset_id=dataset_id, name="mine", groups=group, private=True)
    population = await catalog.populations.create(
        people.ada, study_id=study_id, name="chosen", tree={"column": "mine", "groups": ["chosen"]}
    )
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset_id, table="antibody")
    with pytest.raises(InvalidInputError, match="private"):
        await catalog.gating.mask(pinned, population=population)


async def test_tables_of_other_cells_lend_nothing(
    catalog: Catalog, people: People, both: tuple[Key, Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, dataset_id = both
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset_id, table="antibody")
    barcodes_of = catalog.tables.barcodes

    async def turned(one: Pinned) -> np.ndarray:
        names = await barcodes_of(one)
        return names if one == pinned else names[::-1]

    monkeypatch.setattr(catalog.tables, "barcodes", turned)
    with pytest.raises(NotFoundError, match="GENE2"):
        await catalog.axes.axis(pinned, "var:GENE2")


async def test_datasets_that_lack_something_leave_gaps_in_statistics(
    catalog: Catalog, people: People, both: tuple[Key, Key]
) -> None:
    study_id, first = both
    other = await make_dataset(catalog, people.ada, study_id)
    bright = await draw(catalog, people, study_id, BRIGHT)
    batch = await catalog.populations.create(
        people.ada, study_id=study_id, name="cite", tree={"column": "Batch", "groups": ["cite"]}
    )
    asked = Asked(axes=["var:AB1", "var:GENE1"], statistics=["mean", "event_count", "percent"])
    table = await catalog.statistics.table(
        people.ada, study_id=study_id, asked=asked, population_ids=[None, bright.id, batch.id]
    )
    rows = {(row.dataset_id, row.population_id): row for row in table.rows}
    n_bright = int((clr() >= 0.2).sum())
    assert (rows[first, bright.id].n_events, rows[first, None].n_events) == (n_bright, N_CELLS)
    assert rows[first, None].values["var:AB1"]["mean"] == pytest.approx(clr().mean(), rel=1e-5)
    lacking = rows[other.id, bright.id]
    assert (lacking.n_events, lacking.shares[0].value) == (None, None)
    assert lacking.values == {"var:AB1": {"mean": None}, "var:GENE1": {"mean": None}}
    whole = rows[other.id, None]
    assert (whole.n_events, whole.values["var:AB1"]["mean"]) == (60, None)
    assert whole.values["var:GENE1"]["mean"] is not None
    assert rows[other.id, batch.id].n_events == 0
    wrong = Asked(axes=["var:AB9"], statistics=["mean"])
    with pytest.raises(NotFoundError, match="AB9"):
        await catalog.statistics.table(people.ada, study_id=study_id, asked=wrong)
    with pytest.raises(NotFoundError, match="AB1"):
        await catalog.statistics.table(
            people.ada, study_id=study_id, asked=asked, dataset_ids=[other.id], population_ids=[bright.id]
        )
