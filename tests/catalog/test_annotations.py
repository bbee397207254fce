"""Annotations: added, matched by barcode, edited, undone; on disk as AnnData reads them."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import (
    ConflictError,
    CytosolError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    VersionMismatchError,
)
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.annotation_edits import ColumnEdit, apply_edit
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.datasets import ColumnView
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.layout import read_table_spec
from cytosol.model.rights import Actor
from tests.catalog.making import Made, barcodes, folder_of, make_dataset
from tests.catalog.people import People, id_of


async def column(catalog: Catalog, actor: Actor, dataset_id: Key, name: str) -> tuple[ColumnView, ColumnData]:
    view = await catalog.datasets.get(actor, dataset_id=dataset_id)
    listed = next(shown for shown in view.tables[0].columns if shown.name == name)
    pinned = await catalog.tables.pin(actor, dataset_id=dataset_id)
    return listed, await catalog.tables.column(pinned, name)


def labels(found: ColumnData) -> list[str | None]:
    names = [*(found.categories or []), None]
    return [names[code] for code in found.values]


def on_disk(catalog: Catalog, dataset_id: Key) -> pd.DataFrame:
    """What AnnData reads from the store, under the names that people gave."""
    import anndata

    path = f"datasets/{dataset_id.hex24}"
    spec = read_table_spec(catalog.context.blobs.zarr(path, read_only=True), "rna")
    obs: pd.DataFrame = anndata.io.read_zarr(folder_of(catalog, path) / "tables" / "rna").obs
    return obs.rename(columns={entry.path: entry.name for entry in spec.columns})


async def test_cells_chosen_by_hand(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    groups = [Group("B cells", [0, 5, 7], "#ff0000"), Group("Rest", np.arange(10, 60), "#00ff00")]
    added = await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="mine", groups=groups)
    assert (len(added.columns), added.missing) == (1, 7)
    listed, found = await column(catalog, people.ada, made.id, "mine")
    assert listed == added.columns[0]
    assert (listed.kind, listed.n_categories, listed.version, listed.owner_id) == (
        "categorical", 2, 1, id_of(people.ada),
    )  # fmt: skip
    assert labels(found)[:8] == ["B cells", None, None, None, None, "B cells", None, "B cells"]
    assert found.colors == ["#ff0000", "#00ff00"]
    table = on_disk(catalog, made.id)
    assert table["mine"].isna().sum() == 7
    assert list(table["type"].cat.categories) == ["T", "B"]
    again = await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="mine", groups=groups[:1])
    assert again.columns[0].name == "mine (1)"
    for bad in ([Group("a", [60])], [Group("a", [-1])], [Group("a", [1]), Group("b", [1])], [Group("", [1])]):
        with pytest.raises(InvalidInputError):
            await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="x", groups=bad)


async def test_a_frame_is_matched_by_barcode_or_row(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    names = barcodes(60)
    frame = pd.DataFrame({"score": [1.5, 2.5, 3.5], "kind": ["a", "b", "a"]}, index=[names[59], names[3], "UNKNOWN-1"])
    added = await catalog.annotations.add_frame(people.ada, dataset_id=made.id, frame=frame)
    assert (added.unmatched, added.missing) == (1, 58)
    assert (added.unmatched_examples, added.missing_examples) == (("UNKNOWN-1",), (names[0], names[1], names[2]))
    assert added.told == (
        f"1 barcodes that were sent are not in the table (UNKNOWN-1); "
        f"58 cells of the table were not named ({names[0]}, {names[1]}, {names[2]}, …)"
    )
    assert [view.kind for view in added.columns] == ["numeric", "categorical"]
    _, score = await column(catalog, people.ada, made.id, "score")
    assert score.values[59] == 1.5
    assert score.values[3] == 2.5
    assert np.isnan(score.values).sum() == 58
    _, kind = await column(catalog, people.ada, made.id, "kind")
    assert (labels(kind)[59], labels(kind)[3], labels(kind)[0]) == ("a", "b", None)
    rowwise = pd.DataFrame({"n": range(60)})
    await catalog.annotations.add_frame(people.ada, dataset_id=made.id, frame=rowwise, by_barcode=False)
    _, n = await column(catalog, people.ada, made.id, "n")
    assert n.values.tolist() == list(range(60))
    refusals = [
        (pd.DataFrame({"n": [1]}, index=["OTHER"]), True, "CELL0000-1"),
        (pd.DataFrame({"n": [1, 2]}, index=[names[0]] * 2), True, "twice"),
        (pd.DataFrame({"n": [1]}), False, "60 cells"),
        (pd.DataFrame(index=names), True, "1 to 1000"),
    ]
    for bad, by_barcode, said in refusals:
        with pytest.raises(InvalidInputError, match=said):
            await catalog.annotations.add_frame(people.ada, dataset_id=made.id, frame=bad, by_barcode=by_barcode)


async def test_changes_keep_the_id_and_raise_the_version(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    listed, before = await column(catalog, people.ada, made.id, "type")

    async def change(version: int, **edit: Any) -> ColumnView:
        return await catalog.annotations.change(
            people.ada, dataset_id=made.id, column_id=listed.id, edit=ColumnEdit(**edit), expected=version
        )

    renamed = await change(1, name="Cell type")
    assert (renamed.id, renamed.name, renamed.version) == (listed.id, "Cell type", 2)
    with pytest.raises(VersionMismatchError):
        await change(1, name="late")
    coloured = await change(2, rename={"T": "T cell"}, colors={"B": "#ABCDEF"}, order=["B"])
    assert coloured.version == 3
    _, found = await column(catalog, people.ada, made.id, "Cell type")
    assert (found.categories, found.colors) == (["B", "T cell"], ["#abcdef", "#b0b0b0"])
    assert labels(found) == [{"T": "T cell"}.get(name or "", name) for name in labels(before)]
    merged = await change(3, merge={"Cell": ["B", "T cell"]})
    assert merged.n_categories == 1
    view = await catalog.datasets.get(people.ada, dataset_id=made.id)
    assert [shown.name for shown in view.tables[0].columns][2:4] == ["Cell type", "age"]
    assert set(on_disk(catalog, made.id)["Cell type"]) == {"Cell"}


async def test_undo_brings_back_each_step(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    added = await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="mine", groups=[Group("a", [1])])
    id = added.columns[0].id
    await catalog.annotations.change(people.ada, dataset_id=made.id, column_id=id, edit=ColumnEdit(rename={"a": "b"}))
    await catalog.annotations.delete(people.ada, dataset_id=made.id, column_id=id)
    revisions = (await catalog.history.list(people.ada, study_id=made.study_id)).items
    assert [revision.verb for revision in revisions] == ["annotation.delete", "annotation.change", "annotation.add"]
    with pytest.raises(ConflictError, match="built on"):
        await catalog.history.undo(people.ada, revision_id=revisions[1].id)
    await catalog.history.undo(people.ada, revision_id=revisions[0].id)
    view, found = await column(catalog, people.ada, made.id, "mine")
    assert (view.id, found.categories) == (id, ["b"])
    assert "mine" in on_disk(catalog, made.id)
    async with catalog.context.db.write() as conn:
        await rows.insert(
            conn, tables.grants, subject_kind="study", subject_id=made.study_id, principal_kind="user",
            principal_id=id_of(people.bob), principal_name="", role="reader",
        )  # fmt: skip
    with pytest.raises(ForbiddenError):
        await catalog.history.undo(people.bob, revision_id=revisions[1].id)
    await catalog.history.undo(people.ada, revision_id=revisions[1].id)
    _, found = await column(catalog, people.ada, made.id, "mine")
    assert found.categories == ["a"]
    await catalog.history.undo(people.ada, revision_id=revisions[2].id)
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    with pytest.raises(NotFoundError):
        await catalog.tables.column(pinned, "mine")
    assert "mine" not in on_disk(catalog, made.id)


async def test_undo_in_a_copy_is_of_the_copy(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    listed, _ = await column(catalog, people.ada, made.id, "type")
    await catalog.annotations.change(
        people.ada, dataset_id=made.id, column_id=listed.id, edit=ColumnEdit(name="Cell type")
    )
    await catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="mine", groups=[Group("a", [1])])
    copy = (await catalog.datasets.copy(people.ada, dataset_id=made.id, study_id=made.study_id, name="copy")).dataset
    shown, _ = await column(catalog, people.ada, copy.id, "Cell type")
    assert shown.id != listed.id
    for dataset_id, id in ((made.id, listed.id), (copy.id, shown.id)):
        await catalog.annotations.delete(people.ada, dataset_id=dataset_id, column_id=id)
    newest = (await catalog.history.list(people.ada, study_id=made.study_id)).items[0]
    await catalog.history.undo(people.ada, revision_id=newest.id)
    assert (await column(catalog, people.ada, copy.id, "Cell type"))[0].id == shown.id
    pinned = await catalog.tables.pin(people.ada, dataset_id=made.id)
    assert "Cell type" not in [element.name for element in pinned.part.columns]


async def test_only_who_may_edit_annotations_does(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    listed, _ = await column(catalog, people.ada, made.id, "type")
    async with catalog.context.db.write() as conn:
        await rows.insert(
            conn, tables.grants, subject_kind="study", subject_id=made.study_id, principal_kind="user",
            principal_id=id_of(people.bob), principal_name="", role="reader",
        )  # fmt: skip
    acts: list[tuple[Actor, type[CytosolError]]] = [(people.bob, ForbiddenError), (people.eve, NotFoundError)]
    for actor, error in acts:
        for act in (
            catalog.annotations.add_groups(
                actor, dataset_id=made.id, name="x", groups=[Group("a", [1])], private=False
            ),
            catalog.annotations.add_frame(
                actor, dataset_id=made.id, frame=pd.DataFrame({"n": range(60)}), by_barcode=False, private=False
            ),
            catalog.annotations.change(actor, dataset_id=made.id, column_id=listed.id, edit=ColumnEdit(name="y")),
            catalog.annotations.delete(actor, dataset_id=made.id, column_id=listed.id),
        ):
            with pytest.raises(error):
                await act
    assert (await catalog.datasets.get(people.ada, dataset_id=made.id)).dataset.data_version == 1


async def test_many_at_once_all_arrive(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    await asyncio.gather(
        *(
            catalog.annotations.add_groups(people.ada, dataset_id=made.id, name="same", groups=[Group("a", [n])])
            for n in range(6)
        )
    )
    view = await catalog.datasets.get(people.ada, dataset_id=made.id)
    names = {shown.name for shown in view.tables[0].columns if shown.name.startswith("same")}
    assert names == {"same", *(f"same ({n})" for n in range(1, 6))}
    assert view.dataset.data_version == 7
    disk = on_disk(catalog, made.id)
    assert sorted(int(np.flatnonzero(disk[name].notna())[0]) for name in disk if name.startswith("same")) == list(
        range(6)
    )


def test_edits_of_a_column() -> None:
    data = ColumnData(np.array([0, 1, 2, -1, 1], np.int32), categories=["a", "b", "c"], colors=["#111111"] * 3)
    merged = apply_edit(data, ColumnEdit(merge={"x": ["c", "b"]}))
    assert (merged.categories, merged.values.tolist()) == (["a", "x"], [0, 1, 1, -1, 1])
    into = apply_edit(data, ColumnEdit(merge={"a": ["c"]}))
    assert (into.categories, into.values.tolist()) == (["a", "b"], [0, 1, 0, -1, 1])
    ordered = apply_edit(data, ColumnEdit(order=["c", "a", "b"], colors={"c": "#222222"}))
    assert (ordered.categories, ordered.values.tolist()) == (["c", "a", "b"], [1, 2, 0, -1, 2])
    assert ordered.colors == ["#222222", "#111111", "#111111"]
    swapped = apply_edit(data, ColumnEdit(rename={"a": "A"}))
    assert swapped.categories == ["A", "b", "c"]
    for bad, error in (
        (ColumnEdit(rename={"a": "b"}), InvalidInputError),
        (ColumnEdit(rename={"q": "b"}), NotFoundError),
        (ColumnEdit(colors={"a": "red"}), InvalidInputError),
        (ColumnEdit(order=["a", "a"]), InvalidInputError),
        (ColumnEdit(merge={"x": []}), InvalidInputError),
    ):
        with pytest.raises(error):
            apply_edit(data, bad)
    with pytest.raises(ConflictError):
        apply_edit(ColumnData(np.zeros(3)), ColumnEdit(order=["a"]))


async def _named(catalog: Catalog, people: People, made: Made, *groups: str) -> tuple[Key, Key, Key]:
    """Two populations of categories of 'type', the second below the first with a gate; and the annotation."""
    tree = {"column": "type", "groups": list(groups)}
    above = await catalog.populations.create(people.ada, study_id=made.study_id, name="above", tree=tree)
    both = {"and": [tree, {"not": [{"column": "other", "groups": ["T"]}]}, {"or": [{"gate": "ab" * 12}]}]}
    below = await catalog.populations.create(
        people.ada, study_id=made.study_id, name="below", tree=both, parent_id=above.id
    )
    return above.id, below.id, (await column(catalog, people.ada, made.id, "type"))[0].id


async def _groups(catalog: Catalog, people: People, *ids: Key) -> list[Any]:
    found = [(await catalog.populations.get(people.ada, population_id=id)).tree for id in ids]
    return [tree["groups"] if "column" in tree else tree["and"][0]["groups"] for tree in found]


async def test_populations_follow_renamed_categories(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    above, below, id = await _named(catalog, people, made, "T", "nothing")
    counts = await catalog.gating.counts(people.ada, study_id=made.study_id, population_ids=[above])

    async def change(**edit: Any) -> None:
        await catalog.annotations.change(people.ada, dataset_id=made.id, column_id=id, edit=ColumnEdit(**edit))

    await change(colors={"T": "#123456"})
    assert (await catalog.populations.get(people.ada, population_id=above)).version == 1
    await change(rename={"T": "B", "B": "T"})
    assert await _groups(catalog, people, above, below) == [["B", "nothing"]] * 2
    tree = (await catalog.populations.get(people.ada, population_id=below)).tree
    assert tree["and"][1:] == [{"not": [{"column": "other", "groups": ["T"]}]}, {"or": [{"gate": "ab" * 12}]}]
    assert await catalog.gating.counts(people.ada, study_id=made.study_id, population_ids=[above]) == counts
    await change(rename={"B": " T cell "})
    assert await _groups(catalog, people, above, below) == [["T cell", "nothing"]] * 2
    assert await catalog.gating.counts(people.ada, study_id=made.study_id, population_ids=[above]) == counts
    # merged and renamed at once; a population that names both names the whole once
    await change(merge={"cells": ["T cell", "T"]}, rename={"cells": "all cells"})
    assert await _groups(catalog, people, above, below) == [["all cells", "nothing"]] * 2
    revisions = (await catalog.history.list(people.ada, study_id=made.study_id)).items
    assert [revision.verb for revision in revisions[:4]] == ["annotation.change"] * 4
    for revision, groups in zip(revisions[:3], ("T cell", "B", "T"), strict=True):
        await catalog.history.undo(people.ada, revision_id=revision.id)
        assert await _groups(catalog, people, above, below) == [[groups, "nothing"]] * 2
    assert await catalog.gating.counts(people.ada, study_id=made.study_id, population_ids=[above]) == counts
    newest = (await catalog.history.list(people.ada, study_id=made.study_id)).items[0]
    await catalog.history.undo(people.ada, revision_id=newest.id)
    assert await _groups(catalog, people, above, below) == [["B", "nothing"]] * 2
    found = (await column(catalog, people.ada, made.id, "type"))[1].categories
    assert found == ["B", "T"]


async def test_a_name_that_another_dataset_still_has_stays_beside_the_new_one(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    other = await make_dataset(catalog, people.ada, study=made.study_id)
    above, below, id = await _named(catalog, people, made, "T")
    where = {"study_id": made.study_id, "population_ids": [above]}
    counts = await catalog.gating.counts(people.ada, **where)
    assert {row.n_events for row in counts} == {30}

    async def rename(dataset: Made, id: Key) -> None:
        edit = ColumnEdit(rename={"T": "T cell"})
        await catalog.annotations.change(people.ada, dataset_id=dataset.id, column_id=id, edit=edit)

    await rename(made, id)
    assert await _groups(catalog, people, above, below) == [["T", "T cell"]] * 2
    assert await catalog.gating.counts(people.ada, **where) == counts
    await rename(other, (await column(catalog, people.ada, other.id, "type"))[0].id)
    assert await _groups(catalog, people, above, below) == [["T cell"]] * 2
    assert await catalog.gating.counts(people.ada, **where) == counts
    # a private annotation is in no population, so nothing follows it
    added = await catalog.annotations.add_groups(
        people.ada, dataset_id=made.id, name="other", groups=[Group("T", [1])], private=True
    )
    edit = ColumnEdit(rename={"T": "mine"})
    await catalog.annotations.change(people.ada, dataset_id=made.id, column_id=added.columns[0].id, edit=edit)
    tree = (await catalog.populations.get(people.ada, population_id=below)).tree
    assert tree["and"][1] == {"not": [{"column": "other", "groups": ["T"]}]}
    # what was made of a population since then is not lost
    renamed = (await catalog.history.list(people.ada, study_id=made.study_id)).items[0]
    await catalog.populations.change(people.ada, population_id=above, tree={"column": "type", "groups": ["B"]})
    with pytest.raises(ConflictError, match="built on"):
        await catalog.history.undo(people.ada, revision_id=renamed.id)


@pytest.mark.parametrize("name", ["type", "sample"])
async def test_a_name_that_samples_have_stays_beside_the_new_one(catalog: Catalog, people: People, name: str) -> None:
    """A dataset without the annotation has the attribute of its sample in its place."""
    made = await make_dataset(catalog, people.ada)
    other = await make_dataset(catalog, people.ada, study=made.study_id)
    above, _, id = await _named(catalog, people, made, "T")
    edit = ColumnEdit(name=name)
    for dataset in (made, other):
        (listed, _) = await column(catalog, people.ada, dataset.id, "type")
        await catalog.annotations.change(people.ada, dataset_id=dataset.id, column_id=listed.id, edit=edit)
    await catalog.annotations.delete(people.ada, dataset_id=other.id, column_id=listed.id)
    values = {}
    if name == "type":
        values[(await catalog.samples.add_attribute(people.ada, study_id=made.study_id, name=name, kind="text")).id] = (
            "T"
        )
    sample = await catalog.samples.add(people.ada, study_id=made.study_id, name="T", values=values)
    await catalog.datasets.change(people.ada, dataset_id=other.id, sample_id=sample.sample.id)
    tree = {"column": name, "groups": ["T"]}
    await catalog.populations.change(people.ada, population_id=above, tree=tree)

    async def counts() -> list[int | None]:
        found = await catalog.gating.counts(people.ada, study_id=made.study_id, population_ids=[above])
        return [row.n_events for row in found]

    assert await counts() == [30, 60]
    edit = ColumnEdit(rename={"T": "T cell"})
    await catalog.annotations.change(people.ada, dataset_id=made.id, column_id=id, edit=edit)
    assert await counts() == [30, 60]
    assert (await catalog.populations.get(people.ada, population_id=above)).tree["groups"] == ["T", "T cell"]
