"""Selections of cells, and attributes of samples as properties of cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cytosol.base.errors import ConflictError, CytosolError, InvalidInputError, NotFoundError
from cytosol.base.tables import ColumnData
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.selections import check_selection, described, groups_mask, range_mask, short
from cytosol.catalog.tables import Pinned
from tests.catalog.making import Made, make_dataset
from tests.catalog.people import People


@pytest.fixture
async def made(catalog: Catalog, people: People) -> Made:
    return await make_dataset(catalog, people.ada)


async def pin(catalog: Catalog, people: People, made: Made) -> Pinned:
    return await catalog.tables.pin(people.ada, dataset_id=made.id)


B = {"column": "type", "groups": ["B"]}
T = {"column": "type", "groups": ["T"]}
AGES = [float(age) for age in np.linspace(1, 2, 60)]
FEW = {"cells": [0, 1, 5, 5]}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (B, set(range(0, 60, 2))),
        ({"column": "type", "groups": ["T", "B"]}, set(range(60))),
        ({"column": "type", "groups": ["B", None]}, set(range(0, 60, 2))),
        (FEW, {0, 1, 5}),
        ({"column": "age", "range": [1.5, 1.75]}, {i for i in range(60) if 1.5 <= AGES[i] <= 1.75}),
        ({"column": "age", "range": [1, AGES[2]]}, {0, 1, 2}),
        ({"column": "age", "range": [None, 1]}, {0}),
        ({"not": {"column": "age", "range": [None, None]}}, set()),
        ({"cells": []}, set()),
        ({"not": FEW}, set(range(60)) - {0, 1, 5}),
        ({"and": [FEW, T]}, {1, 5}),
        ({"or": [FEW, {"cells": [7]}]}, {0, 1, 5, 7}),
        ({"and": [{"not": {"or": [FEW, B]}}, {"cells": [1, 2, 3, 4]}]}, {3}),
    ],
)
async def test_a_selection_is_row_numbers(
    catalog: Catalog, people: People, made: Made, said: dict[str, Any], expected: set[int]
) -> None:
    cells = await catalog.analyses.selections.resolve(await pin(catalog, people, made), said)
    assert cells.tolist() == sorted(expected)


async def test_two_selections_do_not_overlap_and_are_not_empty(catalog: Catalog, people: People, made: Made) -> None:
    pinned = await pin(catalog, people, made)
    resolve = catalog.analyses.selections.resolve_pair
    first, second = await resolve(pinned, FEW, {"rest": True})
    assert (len(first), len(second)) == (3, 57)
    first, second = await resolve(pinned, B, T)
    assert not set(first) & set(second)
    with pytest.raises(InvalidInputError, match=r"1 cells are in both.*second"):
        await resolve(pinned, FEW, B)
    with pytest.raises(InvalidInputError, match=r"holds no cell \(second\)"):
        await resolve(pinned, {"or": [B, T]}, {"rest": True})
    with pytest.raises(InvalidInputError, match=r"holds no cell \(first\)"):
        await resolve(pinned, {"cells": []}, B)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "no selection"),
        ([1, 2], "no selection"),
        ({}, "it has nothing"),
        ({"colour": "x"}, "it has colour"),
        ({"column": "type"}, "it has column"),
        ({"column": "type", "groups": ["B"], "cells": [1]}, "it has cells, column, groups"),
        ({"column": "type", "groups": []}, "selection.groups"),
        ({"column": "type", "groups": "B"}, "selection.groups"),
        ({"column": 3, "groups": ["B"]}, "selection.column"),
        ({"cells": [1.5]}, "selection.cells"),
        ({"cells": [True]}, "selection.cells"),
        ({"cells": [60]}, "60 cells, numbered from 0; there is no 60"),
        ({"cells": [-1]}, "there is no -1"),
        ({"not": [FEW]}, "selection.not"),
        ({"and": []}, "selection.and"),
        ({"or": [B, {"x": 1}]}, r"selection.or\[1\]"),
        ({"rest": True}, "Only the second"),
        ({"not": {"rest": True}}, "Only the second"),
        ({"column": "typ", "groups": ["B"]}, "no annotation .* called 'typ'.*'type'"),
        ({"column": "type", "groups": ["b"]}, "no group 'b'.*'T', 'B'"),
        ({"column": "age", "groups": ["1"]}, "has numbers, no groups"),
        ({"column": "type", "range": [1, 2]}, "'type' has groups, no numbers"),
        ({"column": "age", "range": [1]}, "lowest and the highest"),
        ({"column": "age", "range": [float("nan"), 2]}, "selection.range"),
        ({"column": "age", "range": [True, 2]}, "selection.range"),
        ({"column": "age", "range": [1, 2], "groups": ["x"]}, "it has column, groups, range"),
        ({"attribute": "dose", "values": [1]}, "no attribute called 'dose'.*'sample'"),
        ({"attribute": "sample", "values": ["x"]}, "Nothing says which sample"),
    ],
)
async def test_what_is_no_selection_is_refused(
    catalog: Catalog, people: People, made: Made, said: Any, words: str
) -> None:
    with pytest.raises((InvalidInputError, NotFoundError, ConflictError), match=words):
        await catalog.analyses.selections.resolve(await pin(catalog, people, made), said)


def test_nesting_has_an_end() -> None:
    said: dict[str, Any] = FEW
    for _ in range(100):
        said = {"not": said}
    with pytest.raises(InvalidInputError, match="16 deep"):
        check_selection(said)


def test_a_range_leaves_cells_without_a_value_out() -> None:
    column = ColumnData(np.array([np.nan, 0.0, 3.0, np.inf]))
    assert np.flatnonzero(range_mask(column, [None, None], name="x", where="y")).tolist() == [1, 2, 3]
    assert np.flatnonzero(range_mask(column, [0, 3], name="x", where="y")).tolist() == [1, 2]
    assert described({"column": "age", "range": [None, 2.5]}) == "age … to 2.5"


def test_groups_of_every_kind_of_column() -> None:
    def cells(values: Any, groups: list[Any]) -> list[int]:
        return np.flatnonzero(groups_mask(ColumnData(np.array(values)), groups, what="x", where="y")).tolist()

    assert cells([3, 1, 3], [3]) == cells([3, 1, 3], ["3"]) == cells([3, 1, 3], [3.0]) == [0, 2]
    assert cells([True, False], [True]) == cells([True, False], ["true"]) == [0]
    text = ColumnData(np.array(["a", None, ""], object))
    assert np.flatnonzero(groups_mask(text, ["a"], what="x", where="y")).tolist() == [0]
    assert np.flatnonzero(groups_mask(text, [None], what="x", where="y")).tolist() == [1]
    assert np.flatnonzero(groups_mask(text, [""], what="x", where="y")).tolist() == [2]
    codes = ColumnData(np.array([0, -1, 1], np.int32), categories=["a", "b"])
    assert np.flatnonzero(groups_mask(codes, ["b", None], what="x", where="y")).tolist() == [1, 2]


async def test_attributes_of_the_sample_of_a_dataset(catalog: Catalog, people: People, made: Made) -> None:
    ada = people.ada
    dose = await catalog.samples.add_attribute(ada, study_id=made.study_id, name="dose", kind="number")
    sample = await catalog.samples.add(ada, study_id=made.study_id, name="donor 1", values={dose.id: 5})
    await catalog.datasets.change(ada, dataset_id=made.id, sample_id=sample.sample.id)
    selections = catalog.analyses.selections
    pinned = await pin(catalog, people, made)
    assert len(await selections.resolve(pinned, {"attribute": "dose", "values": [5]})) == 60
    assert len(await selections.resolve(pinned, {"attribute": "sample", "values": ["donor 1"]})) == 60
    with pytest.raises(NotFoundError, match="no group '6'"):
        await selections.resolve(pinned, {"attribute": "dose", "values": [6]})


async def test_attributes_of_samples_that_an_annotation_names(catalog: Catalog, people: People, made: Made) -> None:
    ada = people.ada
    sick = await catalog.samples.add_attribute(ada, study_id=made.study_id, name="sick", kind="boolean")
    for name, value in (("donor 1", True), ("donor 2", False), ("donor 3", None)):
        values = {} if value is None else {sick.id: value}
        await catalog.samples.add(ada, study_id=made.study_id, name=name, values=values)
    groups = [Group("donor 1", range(10)), Group("donor 2", range(10, 30)), Group("donor 3", range(30, 40))]
    await catalog.annotations.add_groups(ada, dataset_id=made.id, name="who", groups=[*groups, Group("?", [59])])
    pinned = await pin(catalog, people, made)
    selections = catalog.analyses.selections
    assert (await selections.resolve(pinned, {"attribute": "sick", "values": [True]})).tolist() == list(range(10))
    assert (await selections.resolve(pinned, {"attribute": "sick", "values": ["false"]})).tolist() == list(
        range(10, 30)
    )
    assert len(await selections.resolve(pinned, {"attribute": "sick", "values": [None]})) == 30
    column = await catalog.analyses.attributes.column(pinned, "sample")
    assert column.categories == ["donor 1", "donor 2", "donor 3"]
    assert np.bincount(column.values + 1).tolist() == [20, 10, 20, 10]


@pytest.mark.parametrize(
    ("analysis", "parameters", "words"),
    [
        ("lieden", {}, "no analysis 'lieden'"),
        ("pca", {}, "step of making a dataset"),
        ("markers", {}, "'column' is needed"),
        ("markers", {"column": "nope"}, "no annotation"),
        ("markers", {"column": 3}, "column"),
        ("leiden", {"embedding": "X_nope"}, "no embedding"),
        ("leiden", {"resolution": 3}, "no parameter 'resolution'"),
        ("leiden", {"resolutions": []}, "one or more numbers"),
    ],
)
async def test_an_analysis_is_checked_when_it_is_submitted(
    catalog: Catalog, people: People, made: Made, analysis: str, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(CytosolError, match=words):
        await catalog.analyses.submit(people.ada, dataset_id=made.id, analysis=analysis, parameters=parameters)
    assert len((await catalog.jobs.list(people.ada)).items) == 1


def test_long_selections_are_shown_short() -> None:
    said = {"and": [{"cells": list(range(500))}, {"not": {"cells": [1, 2]}}]}
    assert short(said) == {"and": [{"cells": list(range(100)), "n_cells": 500}, {"not": {"cells": [1, 2]}}]}
