"""Comparisons of two selections: listed, read, removed; an analysis of the name 'compare' makes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytosol.analyses.matrix.markers import adjust_p
from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.context import Context
from cytosol.catalog.elements import remove_result
from cytosol.catalog.layouts import lasting_id
from cytosol.catalog.tables import Pinned, Tables
from cytosol.model.rights import Actor
from cytosol.model.studies import Element

KIND = "comparison"
COLUMNS = (
    "feature", "feature_id", "log2_fold_change", "statistic", "p", "p_adjusted", "mean_first", "mean_second",
    "share_first", "share_second",
)  # fmt: skip
Columns = dict[str, np.ndarray]
_SHEET_CHARS = 31


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """A comparison as lists show it; ``meta`` has method, selections, their sizes, parameters and notes."""

    id: Key
    name: str
    created_at: int
    version: int
    meta: Mapping[str, Any]


Views = list[ComparisonView]


class Comparisons:
    """The verbs of comparisons."""

    def __init__(self, context: Context, reader: Tables) -> None:
        self._context = context
        self._reader = reader

    async def list(self, actor: Actor, *, dataset_id: Key, table: str = "") -> Views:
        """The comparisons of a table, newest first."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        found = [element for element in pinned.part.results if element.kind == KIND]
        return [_view(element) for element in reversed(found)]

    async def get(self, actor: Actor, *, dataset_id: Key, id: Key, table: str = "") -> ComparisonView:
        """One comparison."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        return _view(_find(pinned, id))

    async def read(self, actor: Actor, *, dataset_id: Key, id: Key, table: str = "") -> tuple[ComparisonView, Columns]:
        """A comparison and its columns, the surest feature first; features that were not tested come last.

        Returns
        -------
        Columns of shape (n_features,): text for feature and feature_id, else float64; NaN = not tested.
        """
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        element = _find(pinned, id)
        features = (await self._reader.feature_table(pinned)).frame
        held = await self._context.compute.cached((KIND, element.id), lambda: self._read(element.path))
        order = held["order"]
        columns: Columns = {
            "feature": features.index.to_numpy(object)[order],
            "feature_id": features["feature_id"].to_numpy(object)[order],
        }
        return _view(element), columns | {name: held[name][order] for name in COLUMNS[2:]}

    def _read(self, path: str) -> Columns:
        with self._context.blobs.source(path, "comparison.npz").open() as file:
            data = file.read()
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            held = {name: arrays[name].astype(np.float64) for name in arrays.files}
        tested = np.isfinite(held["p"])
        held["p_adjusted"] = np.full(len(tested), np.nan)
        if tested.any():
            held["p_adjusted"][tested] = adjust_p(held["p"][tested])
        sure = np.where(tested, np.abs(held["statistic"]), -1.0)
        held["order"] = np.lexsort((np.arange(len(sure)), -sure))
        return held

    async def delete(self, actor: Actor, *, dataset_id: Key, id: Key, table: str = "") -> None:
        """Remove a comparison; undo brings it back, unless only its owner saw it."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        element = _find(pinned, id)
        await remove_result(self._context, actor, dataset_id=dataset_id, element=element)


def csv_bytes(columns: Mapping[str, np.ndarray], *, delimiter: str = ",") -> bytes:
    """Columns as CSV with a header; numbers as Python spells them, empty = missing."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(_rows(columns))
    return file.getvalue().encode()


def xlsx_bytes(columns: Mapping[str, np.ndarray], *, sheet: str) -> bytes:
    """Columns as a workbook with one sheet; texts are never formulas, empty = missing."""
    import xlsxwriter  # needed for downloads only

    file = io.BytesIO()
    name = "".join("_" if letter in "[]:*?/\\'" else letter for letter in sheet)[:_SHEET_CHARS] or "table"
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(file, options) as book:
        page = book.add_worksheet(name)
        page.freeze_panes(1, 1)
        page.write_row(0, 0, list(columns), book.add_format({"bold": True}))
        page.autofilter(0, 0, len(next(iter(columns.values()))), len(columns) - 1)
        page.set_column(0, len(columns) - 1, 16)
        for number, row in enumerate(_rows(columns), 1):
            page.write_row(number, 0, row)
    return file.getvalue()


def _rows(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[Any, ...]]:
    lists = [[None if value != value else value for value in values.tolist()] for values in columns.values()]
    return zip(*lists, strict=True)


def _find(pinned: Pinned, id: Key) -> Element:
    for element in pinned.part.results:
        if element.kind == KIND and lasting_id(element) == id:
            return element
    raise NotFoundError("There is no such comparison in this table", where=id.hex24)


def _view(element: Element) -> ComparisonView:
    return ComparisonView(lasting_id(element), element.name, element.created_at, element.version, element.meta)
