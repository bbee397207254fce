"""Words of these clients: names of files in archives, columns of statistics, and what a gate or tree says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cytosol.base.keys import new_key
from cytosol.catalog.statistics_records import Asked, StatisticsRow, StatisticsTable
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.downloads import template_of
from cytosol.dialects.cellengine.gate_documents import gate_changes, spelled_tree, stem, tree_of
from cytosol.dialects.cellengine.statistics_tables import lay_out
from cytosol.model.gating import Gate


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, "{file}"),
        ("", "{file}"),
        ("{fcsfile.filename}.FCS", "{file}"),
        ("{population.uniqueName} - {fcsfile._id}.tsv", "{population} - {file_id}"),
        ("a.fcs.b", "a.fcs.b"),
    ],
)
def test_the_ending_of_a_template_is_that_of_the_format(said: str | None, meant: str) -> None:
    assert template_of(said) == meant


def test_columns_of_populations_of_one_name_are_told_apart() -> None:
    dataset, above, one, other = (new_key() for _ in range(4))
    asked = Asked(["var:A"], ["mean", "event_count"]).checked()
    rows = [StatisticsRow(dataset, id, n, [], {"var:A": {"mean": 1.0 * n}}, None) for id, n in ((one, 3), (other, 5))]
    names = {None: "Ungated", above: "T", one: "CD4", other: "CD4"}
    unique = names | {one: "CD4", other: "T > CD4"}
    table = StatisticsTable(asked, rows, {dataset: "a.fcs"}, {dataset: {}}, names, unique, {other: above})
    assert lay_out(table, "short-wide", None) == [
        {
            "fcsFileId": dataset.hex24,
            "filename": "a.fcs",
            "CD4 - A - mean": 3.0,
            "CD4 - eventCount": 3,
            "T > CD4 - A - mean": 5.0,
            "T > CD4 - eventCount": 5,
        }
    ]


@pytest.mark.parametrize("layout", ["medium", "tall-skinny", "short-wide"])
def test_counts_without_channels_have_a_row(layout: str) -> None:
    dataset = new_key()
    asked = Asked([], ["mean", "event_count"]).checked()
    rows = [StatisticsRow(dataset, None, 3, [], {}, None)]
    table = StatisticsTable(asked, rows, {dataset: "a.fcs"}, {dataset: {}}, {None: "Ungated"}, {None: "Ungated"})
    (row,) = lay_out(table, layout, None)
    assert 3 in row.values()


def test_trees_with_annotations_come_back_as_they_were() -> None:
    tree = {"and": [{"gate": "ab" * 12}, {"not": [{"column": "dose", "groups": ["1", "2"]}]}]}
    assert tree_of(json.dumps(spelled_tree(tree))) == tree


@pytest.mark.parametrize(
    ("kind", "names", "common"),
    [
        ("split", ["X (L)", "X (R)"], "X"),
        ("split", ["X (L)", "Y (R)"], "X (L)"),
        ("quadrant", ["X (UR)", "X (UL)", "X (LL)", "X (LR)"], "X"),
        ("quadrant", ["a", "b", "c", "d"], "a"),
        ("range", [], ""),
    ],
)
def test_a_compound_gate_is_called_what_its_sectors_have_in_common(kind: str, names: list[str], common: str) -> None:
    assert stem(kind, names) == common


@pytest.mark.parametrize(
    ("said", "locked"),
    [
        ({"model": {"locked": True}}, True),
        ({"locked": False, "model": {"locked": True}}, False),
        ({"locked": True}, True),
        ({"model": {"label": [0, 0]}}, None),
    ],
)
def test_a_gate_is_locked_at_the_top_or_else_in_its_model(said: dict[str, Any], locked: bool | None) -> None:
    key, bar = new_key(), {"x1": 0, "x2": 1, "y": 0.5}
    gate = Gate(key, 0, 0, None, 1, {}, key, None, "ab" * 12, "range", "g", "var:A", "", bar, [], False, False)
    assert gate_changes(gate, wire.GateChange(**said)).get("locked") is locked
