"""Tables of statistics laid out as columns: one row a population and axis, one row a value, or one row a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from cytosol.base.keys import Key
from cytosol.catalog.statistics_records import StatisticsRow, StatisticsTable
from cytosol.model.panels import REAGENT

Annotations = Mapping[Key, Mapping[str, Any]]
Columns = dict[str, list[Any]]
_BETWEEN = " | "
_ANNOTATION = "annotation:"
_TEXTS = ("population_id", "parent_id", "parent", "percent_of_id", "channel", "reagent", "note")
"""Columns that may be without any value though they hold no numbers."""


def medium(table: StatisticsTable, annotations: Annotations) -> Columns:
    """One row for each dataset, population, reference of percent, and axis; the statistics are columns."""
    columns: Columns = {}
    asked, annotated = table.asked, _annotated(table, annotations)
    for row in table.rows:
        head = _head(table, row, annotated)
        for share in row.shares if "percent" in asked.statistics else [None]:
            said = dict(head)
            if share is not None:
                said |= {"percent_of_id": _hex(share.of), "percent_of": table.names[share.of]}
                said |= {"percent_of_unique_name": table.unique_names[share.of], "percent": share.value}
            if "event_count" in asked.statistics:
                said["event_count"] = row.n_events
            if "events_per_ul" in asked.statistics:
                said["events_per_ul"] = row.per_ul
            said |= row.formulas
            for axis, values in row.values.items() or [("", None)]:
                whole = said if values is None else {**said, **_axis(table, row, axis), **values}
                _add(columns, whole | _noted(table, row, axis, of_formulas=bool(row.formulas)))
    return columns


def tall(table: StatisticsTable, annotations: Annotations) -> Columns:
    """One row a value: dataset, population, axis, statistic, value."""
    columns: Columns = {}
    annotated = _annotated(table, annotations)
    for row in table.rows:
        head = _head(table, row, annotated)
        for axis, name, value in _values(table, row):
            shown = _axis(table, row, axis) if axis else {"axis": "", "channel": "", "reagent": None}
            noted = _noted(table, row, axis, of_formulas=not axis and name in row.formulas)
            _add(columns, {**head, **shown, "statistic": name, "value": value, **noted})
    return columns


def wide(table: StatisticsTable, annotations: Annotations) -> Columns:
    """One row a dataset, one column a value: "population | channel | statistic"."""
    found: dict[Key, dict[str, Any]] = {}
    titles, annotated = _titles(table), _annotated(table, annotations)
    for row in table.rows:
        head = {"dataset_id": row.dataset_id.hex24, "dataset": table.datasets[row.dataset_id]}
        line = found.setdefault(row.dataset_id, {**head, **annotated[row.dataset_id]})
        for axis, name, value in _values(table, row):
            line[_label(table, row, titles[row.dataset_id].get(axis, ""), name)] = value
    if table.notes:
        for id, line in found.items():
            line["note"] = _joined(note.text for note in table.notes.get(id, ()))
    names = dict.fromkeys(name for line in found.values() for name in line)
    return {name: [line.get(name) for line in found.values()] for name in names}


def prism(table: StatisticsTable, annotations: Annotations) -> Columns:
    """One column a dataset, one row a value, as GraphPad Prism takes a table of groups."""
    turned = wide(table, annotations)
    turned.pop("dataset_id", None)
    turned.pop("note", None)
    titles: list[str] = []
    for name in turned.pop("dataset", []):
        fresh, number = str(name), 2
        while fresh in titles:
            fresh, number = f"{name} ({number})", number + 1
        titles.append(fresh)
    columns: Columns = {"statistic": list(turned)}
    return columns | {title: [values[place] for values in turned.values()] for place, title in enumerate(titles)}


LAYOUTS: dict[str, Callable[[StatisticsTable, Annotations], Columns]] = {
    "medium": medium, "tall": tall, "wide": wide, "prism": prism,
}  # fmt: skip


def typed(columns: Columns) -> dict[str, np.ndarray]:
    """Columns as arrays: numbers as float64 or int64 (NaN = none), all else as objects, None = none.

    Numbers that all have no value are NaN.
    """
    made: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        present = [value for value in values if value is not None]
        if present and all(type(value) is int for value in values):
            made[name] = np.array(values, np.int64)
        elif not present and name not in _TEXTS and not name.startswith(_ANNOTATION):
            made[name] = np.full(len(values), np.nan)
        elif present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
            made[name] = np.array([np.nan if value is None else value for value in values], np.float64)
        else:
            made[name] = np.empty(len(values), object)
            made[name][:] = [value if value is None or isinstance(value, str) else str(value) for value in values]
    return made


def _head(table: StatisticsTable, row: StatisticsRow, annotated: Annotations) -> dict[str, Any]:
    id = row.population_id
    parent = None if id is None else table.parents.get(id)
    return {
        "dataset_id": row.dataset_id.hex24,
        "dataset": table.datasets[row.dataset_id],
        "population_id": _hex(id),
        "population": table.names[id],
        "unique_name": table.unique_names[id],
        "parent_id": _hex(parent),
        "parent": table.names.get(parent),
        **annotated[row.dataset_id],
    }


def _annotated(table: StatisticsTable, annotations: Annotations) -> Annotations:
    """The columns of annotations, the same ones for all datasets."""
    names = dict.fromkeys(name for values in annotations.values() for name in values)
    return {id: {f"{_ANNOTATION}{name}": annotations.get(id, {}).get(name) for name in names} for id in table.datasets}


def _axis(table: StatisticsTable, row: StatisticsRow, axis: str) -> dict[str, Any]:
    kind, _, name = table.axes[row.dataset_id][axis].partition(":")
    if kind == "reagent":
        return {"axis": axis, "channel": None, "reagent": name}
    return {"axis": axis, "channel": name, "reagent": table.reagents[row.dataset_id].get(name)}


def _noted(table: StatisticsTable, row: StatisticsRow, axis: str, *, of_formulas: bool) -> dict[str, str | None]:
    """What is to be said about a row, or one value of it; a column only where the table has notes at all."""
    if not table.notes:
        return {}
    notes = table.notes.get(row.dataset_id, ())
    about = (row.population_id, axis)
    return {"note": _joined(one.text for one in notes if (of_formulas if one.in_formulas else one.about in about))}


def _joined(texts: Iterable[str]) -> str | None:
    return ". ".join(dict.fromkeys(texts)) or None


def _values(table: StatisticsTable, row: StatisticsRow) -> Iterator[tuple[str, str, Any]]:
    """Axis ("" = of the population itself), name and value of all statistics of a row."""
    asked = table.asked
    if "event_count" in asked.statistics:
        yield "", "event_count", row.n_events
    if "percent" in asked.statistics:
        for share, of in zip(row.shares, asked.percent_of, strict=True):
            words = table.unique_names[of] if isinstance(of, Key) else of
            yield "", f"percent of {words}", share.value
    if "events_per_ul" in asked.statistics:
        yield "", "events_per_ul", row.per_ul
    for name, value in row.formulas.items():
        yield "", name, value
    for axis, values in row.values.items():
        for name, value in values.items():
            yield axis, name, value


def _titles(table: StatisticsTable) -> dict[Key, dict[str, str]]:
    """What each axis is called in each dataset: its reagent, else its name; both where a reagent stands for two."""
    named = {
        id: {axis: _reagent(axis, reagents) for axis in table.asked.axes} for id, reagents in table.reagents.items()
    }
    channels = {id: [name for axis, name in axes.items() if not axis.startswith(REAGENT)] for id, axes in named.items()}
    shared = {reagent for names in channels.values() for reagent, n in Counter(names).items() if reagent and n > 1}
    found = {}
    for id, axes in named.items():
        short = {axis: axis.partition(":")[2] for axis in axes}
        titles = {
            axis: f"{reagent} ({short[axis]})"
            if reagent in shared and not axis.startswith(REAGENT)
            else reagent or short[axis]
            for axis, reagent in axes.items()
        }
        counted = Counter(titles.values())
        found[id] = {axis: title if counted[title] == 1 else axis for axis, title in titles.items()}
    return found


def _reagent(axis: str, reagents: Mapping[str, str]) -> str:
    return axis.removeprefix(REAGENT) if axis.startswith(REAGENT) else reagents.get(axis.partition(":")[2], "")


def _label(table: StatisticsTable, row: StatisticsRow, title: str, name: str) -> str:
    if not title and name in table.of_datasets:
        return name
    return _BETWEEN.join(part for part in (table.unique_names[row.population_id], title, name) if part)


def _add(columns: Columns, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        columns.setdefault(name, []).append(value)


def _hex(id: Key | None) -> str | None:
    return None if id is None else id.hex24
