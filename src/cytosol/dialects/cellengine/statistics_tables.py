"""Statistics as these clients lay them out: tall-skinny, medium, short-wide; as JSON rows, CSV or TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cytosol.base.keys import Key
from cytosol.catalog.statistics_records import Share, StatisticsRow, StatisticsTable
from cytosol.dialects.cellengine.gate_documents import channel_of
from cytosol.dialects.cellengine.translate import id_of

STATISTICS = {
    "mean": "mean",
    "median": "median",
    "quantile": "quantile",
    "mad": "mad",
    "geometricmean": "geometric_mean",
    "eventcount": "event_count",
    "cv": "cv",
    "stddev": "stddev",
    "percent": "percent",
}
"""Their names, in lower case, and ours."""
SPELLED = {"geometric_mean": "geometricMean", "event_count": "eventCount"}
LAYOUTS = ("tall-skinny", "medium", "short-wide")
_COUNTS = ("event_count", "percent")
_JOINED = " - "
Annotations = Mapping[Key, Mapping[str, Any]] | None
Rows = list[dict[str, Any]]


def spelled(statistic: str) -> str:
    """A statistic as these clients call it."""
    return SPELLED.get(statistic, statistic)


def lay_out(table: StatisticsTable, layout: str, annotations: Annotations) -> Rows:
    """The rows of a table.

    Parameters
    ----------
    annotations : of each file by name; None = not asked for
    """
    if layout == "medium":
        return [row for one in table.rows for row in _medium(table, one, annotations)]
    if layout == "tall-skinny":
        return [row for one in table.rows for row in _tall(table, one, annotations)]
    return _wide(table, annotations)


def _base(table: StatisticsTable, row: StatisticsRow, annotations: Annotations) -> dict[str, Any]:
    """Which file and which population."""
    parent = None if row.population_id is None else table.parents.get(row.population_id)
    found: dict[str, Any] = {
        "fcsFileId": row.dataset_id.hex24,
        "filename": table.datasets[row.dataset_id],
        "populationId": id_of(row.population_id),
        "population": table.names[row.population_id],
        "uniquePopulationName": table.unique_names[row.population_id],
        "parentPopulation": table.names[parent],
        "parentPopulationId": id_of(parent),
    }
    return found if annotations is None else found | {"annotations": dict(annotations.get(row.dataset_id, {}))}


def _share(table: StatisticsTable, share: Share) -> dict[str, Any]:
    return {
        "percentOfId": id_of(share.of),
        "percentOf": table.names[share.of],
        "percentOfUniqueName": table.unique_names[share.of],
    }


def _channel(table: StatisticsTable, row: StatisticsRow, axis: str) -> dict[str, Any]:
    channel = channel_of(axis)
    return {"channel": channel, "reagent": table.reagents[row.dataset_id].get(channel)}


def _medium(table: StatisticsTable, row: StatisticsRow, annotations: Annotations) -> Iterator[dict[str, Any]]:
    asked = table.asked
    base = _base(table, row, annotations)
    shares = row.shares if "percent" in asked.statistics else [None]
    for share in shares:
        counts = {} if share is None else {**_share(table, share), "percent": share.value}
        if "event_count" in asked.statistics:
            counts["eventCount"] = row.n_events
        if not asked.of_axes or not asked.axes:
            yield base | counts
            continue
        for axis in asked.axes:
            values = {spelled(name): row.values[axis][name] for name in asked.of_axes}
            yield base | counts | _channel(table, row, axis) | values


def _tall(table: StatisticsTable, row: StatisticsRow, annotations: Annotations) -> Iterator[dict[str, Any]]:
    asked = table.asked
    base = _base(table, row, annotations)
    none = {"channel": None, "reagent": None}
    with_percent = "percent" in asked.statistics
    no_share = {"percentOfId": None, "percentOf": None, "percentOfUniqueName": None} if with_percent else {}
    for name in dict.fromkeys(asked.statistics):
        if name == "percent":
            for share in row.shares:
                yield base | _share(table, share) | none | {"statistic": name, "value": share.value}
        elif name == "event_count":
            yield base | no_share | none | {"statistic": spelled(name), "value": row.n_events}
        else:
            for axis in asked.axes:
                value = row.values[axis][name]
                yield base | no_share | _channel(table, row, axis) | {"statistic": spelled(name), "value": value}


def _wide(table: StatisticsTable, annotations: Annotations) -> Rows:
    """One row a file; columns are named "POPULATION - CHANNEL - STATISTIC"."""
    files: dict[Key, dict[str, Any]] = {}
    for row in table.rows:
        first: dict[str, Any] = {"fcsFileId": row.dataset_id.hex24, "filename": table.datasets[row.dataset_id]}
        first |= {} if annotations is None else {"annotations": dict(annotations.get(row.dataset_id, {}))}
        columns = files.setdefault(row.dataset_id, first)
        population = table.unique_names[row.population_id]
        for name in dict.fromkeys(table.asked.statistics):
            if name == "percent":
                for share in row.shares:
                    what = f"percent of {table.unique_names[share.of]}"
                    columns[_JOINED.join((population, what))] = share.value
            elif name == "event_count":
                columns[_JOINED.join((population, spelled(name)))] = row.n_events
            else:
                for axis in table.asked.axes:
                    parts = (population, channel_of(axis), spelled(name))
                    columns[_JOINED.join(parts)] = row.values[axis][name]
    return list(files.values())


def as_text(rows: Sequence[Mapping[str, Any]], *, separator: str, with_header: bool) -> str:
    """Rows as text, lines ending in CRLF; each annotation is a column, a missing value is empty."""
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    output = io.StringIO()
    writer = csv.writer(output, delimiter=separator, lineterminator="\r\n")
    if with_header:
        writer.writerow(columns)
    for row in flat:
        writer.writerow(["" if row.get(name) is None else row[name] for name in columns])
    return output.getvalue()


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name == "annotations":
            found |= value
        else:
            found[name] = value
    return found
