"""Reading tables: features, values in both units and layouts, pinned versions, lost indexes, rights."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.base.errors import ConflictError, InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.indexes import place_of
from cytosol.db import rows, tables
from cytosol.model.rights import Actor
from tests.catalog.making import barcodes, counts, folder_of, h5ad, make_dataset, run_here, submit
from tests.catalog.people import People, id_of


def lognorm(matrix: sp.csr_matrix) -> np.ndarray:
    """The slow way."""
    dense = matrix.toarray().astype(np.float64)
    return np.log1p(dense / dense.sum(axis=1, keepdims=True) * 1e4)


async def test_values_in_both_units_and_layouts(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    expected = {"raw": made.matrix.toarray(), "lognorm": lognorm(made.matrix)}
    for unit, truth in expected.items():
        for wanted in ([3], ["GENE7", "GENE0", "GENE7", 12]):
            places = [place if isinstance(place, int) else int(place[4:]) for place in wanted]
            dense = await catalog.tables.values(pinned, features=wanted, unit=unit)  # type: ignore[arg-type]
            sparse = await catalog.tables.values(pinned, features=wanted, unit=unit, layout="sparse")  # type: ignore[arg-type]
            assert dense.features == sparse.features == places
            assert dense.names == [f"GENE{place}" for place in places]
            assert dense.dense is not None
            assert dense.dense.dtype == np.float32
            assert dense.dense.shape == (len(wanted), 60)
            np.testing.assert_allclose(dense.dense.T, truth[:, places], rtol=2e-6)
            assert sparse.sparse is not None
            np.testing.assert_array_equal(sparse.sparse.toarray(), dense.dense.T)
        everything = await catalog.tables.values(pinned, features=[], unit=unit, layout="sparse")  # type: ignore[arg-type]
        assert everything.sparse is not None
        np.testing.assert_allclose(everything.sparse.toarray(), truth, rtol=2e-6)
        blocks = [block async for block in catalog.tables.matrix_blocks(pinned, unit=unit, block_bytes=2000)]  # type: ignore[arg-type]
        assert len(blocks) > 1
        assert [start for start, _ in blocks] == np.cumsum([0, *(b.shape[1] for _, b in blocks)])[:-1].tolist()
        np.testing.assert_array_equal(sp.hstack([b for _, b in blocks]).toarray(), everything.sparse.toarray())


async def test_features_are_found_equal_ones_first(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    assert [hit.symbol for hit in await catalog.tables.search(pinned, text="gene1", limit=4)] == [
        "GENE1",
        "GENE10",
        "GENE11",
        "GENE12",
    ]
    assert [hit.index for hit in await catalog.tables.search(pinned, text="E39")] == [39]
    assert await catalog.tables.search(pinned, text="nothing") == []
    assert len(await catalog.tables.search(pinned)) == 40
    with pytest.raises(NotFoundError, match=r"2 of 3 features.*CD3E, 40") as caught:
        await catalog.tables.values(pinned, features=["CD3E", "GENE1", 40])
    assert caught.value.details["missing"] == ["CD3E", "40"]
    assert (await catalog.tables.barcodes(pinned)).tolist() == barcodes(60)


async def test_refusals_say_what_to_do(catalog: Catalog, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await make_dataset(catalog, people.ada)
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    with pytest.raises(InvalidInputError, match="raw or lognorm"):
        await catalog.tables.values(pinned, features=[0], unit="tpm")  # type: ignore[arg-type]
    with pytest.raises(LimitExceededError, match="sparse"):
        await catalog.tables.values(pinned, features=[0] * 5_000_000)
    with pytest.raises(NotFoundError, match=r"'type', 'age'|'Number of genes'"):
        await catalog.tables.column(pinned, "nothing")
    with pytest.raises(NotFoundError, match="X_map"):
        await catalog.tables.embedding(pinned, name="X_pca")
    with pytest.raises(NotFoundError, match="no version 2"):
        await catalog.tables.pin(people.ada, dataset_id=made.id, version=2)
    with pytest.raises(NotFoundError, match="Its tables are: rna"):
        await catalog.tables.pin(people.ada, dataset_id=made.id, table="protein")
    with pytest.raises(NotFoundError):
        await catalog.tables.pin(people.bob, dataset_id=made.id)
    with pytest.raises(NotFoundError, match="markers"):
        await catalog.tables.markers(pinned)


async def test_a_limited_reader_reads_values(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    async with catalog.context.db.write() as conn:
        await rows.insert(
            conn,
            tables.grants,
            subject_kind="study",
            subject_id=made.study_id,
            principal_kind="user",
            principal_id=id_of(people.bob),
            principal_name="",
            role="limited_reader",
        )
    pinned = await catalog.tables.pin(people.bob, dataset_id=made.id)
    assert (await catalog.tables.values(pinned, features=[1])).dense is not None


async def test_normalised_values_have_no_counts(catalog: Catalog, people: People) -> None:
    values = sp.csr_matrix(np.log1p(counts(20, 10).toarray()).astype(np.float32))
    _, dataset_id = await submit(catalog, people.ada, {"n.h5ad": h5ad(values)}, matrix="normalized", embeddings="keep")
    await run_here(catalog)
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset_id)
    found = await catalog.tables.values(pinned, features=list(range(10)))
    assert found.dense is not None
    np.testing.assert_array_equal(found.dense.T, values.toarray())
    with pytest.raises(ConflictError, match="no counts"):
        await catalog.tables.values(pinned, features=[0], unit="raw")


async def test_readers_keep_the_version_that_they_pinned(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    before = await catalog.tables.pin(people.ada, dataset_id=made.id)
    await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="new", groups=[Group("a", [1])])
    after = await catalog.tables.pin(people.ada, dataset_id=made.id)
    assert (before.version, after.version) == (1, 2)
    assert "new" in await catalog.tables.columns(after)
    assert "new" not in await catalog.tables.columns(before)
    old = await catalog.tables.pin(people.ada, dataset_id=made.id, version=1)
    assert "new" not in await catalog.tables.columns(old)


async def index_of(catalog: Catalog, actor: Actor, dataset_id: Key) -> str:
    pinned = await catalog.tables.pin(actor, dataset_id=dataset_id)
    return place_of(pinned.layout, pinned.part)


async def test_a_lost_or_damaged_index_is_made_again(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    truth = lognorm(made.matrix)
    path = folder_of(catalog, await index_of(catalog, people.ada, made.id))
    for harm in (path.unlink, lambda: path.write_bytes(b"nonsense" * 100)):
        harm()
        again = await Catalog.open(catalog.settings, notifier=catalog.context.notifier)
        pinned = await again.tables.pin(people.ada, dataset_id=made.id)
        found = await again.tables.values(pinned, features=list(range(40)))
        assert found.dense is not None
        np.testing.assert_allclose(found.dense.T, truth, rtol=2e-6)
        assert path.read_bytes()[:8] == b"CYTOFMIX"
        await again.close()
