"""Names as these clients write them: of files in archives, and of columns of statistics."""

from __future__ import annotations

import pytest

from cytosol.base.keys import new_key
from cytosol.catalog.statistics_records import Asked, StatisticsRow, StatisticsTable
from cytosol.dialects.cellengine.downloads import template_of
from cytosol.dialects.cellengine.statistics_tables import lay_out


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
