"""Edits of one annotation as a pure change of its column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.tables import ColumnData
from cytosol.formats.spatialdata.columns import MAX_LEVELS, natural_key
from cytosol.model.names import clean_name

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class ColumnEdit:
    """What shall change, in this order: merge, rename, order, colours.

    Attributes
    ----------
    name : of the annotation; None = as it is
    merge : new category → the old ones that become it
    rename : old category → new name; a name that exists already is refused (merge them)
    order : all categories, or those that shall come first
    colors : category → '#rrggbb'
    """

    name: str | None = None
    merge: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = ()
    colors: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes_values(self) -> bool:
        """Whether more than the name changes."""
        return bool(self.merge or self.rename or self.order or self.colors)


def apply_edit(column: ColumnData, edit: ColumnEdit) -> ColumnData:
    """The column with the edit.

    Raises
    ------
    ConflictError
        Where the annotation has no categories.
    NotFoundError
        Where a category does not exist.
    InvalidInputError
        Where a new name or a colour cannot be used.
    """
    if column.categories is None:
        raise ConflictError("This annotation has no categories", do="Only its name can be changed")
    names = list(column.categories)
    colors: list[str | None] = list(column.colors) if column.colors else [None] * len(names)
    codes = column.values
    for target, old in edit.merge.items():
        codes, names, colors = _merge(codes, names, colors, clean_name(target, field="category"), members=old)
    names = _renamed(names, edit.rename)
    if edit.order:
        wanted = [_place(names, name) for name in edit.order]
        if len(set(wanted)) < len(wanted):
            raise InvalidInputError("A category is named twice in the order", where="order")
        places = wanted + [place for place in range(len(names)) if place not in set(wanted)]
        codes, names, colors = _reordered(codes, names, colors, places)
    for name, color in edit.colors.items():
        if not _COLOR.fullmatch(color):
            raise InvalidInputError(f"'{color[:32]}' is no colour", where=f"category '{name[:255]}'", do="Give #rrggbb")
        colors[_place(names, name)] = color.lower()
    whole = [color or "#b0b0b0" for color in colors] if any(colors) else None
    return ColumnData(codes, categories=names, ordered=column.ordered, colors=whole, extra=column.extra)


def as_categories(column: ColumnData) -> ColumnData:
    """Text as categories in natural order, as people mean it when they send labels; other columns as they are."""
    if column.categories is not None or column.values.dtype != object:
        return column
    known = {value for value in column.values if value is not None}
    if len(known) > MAX_LEVELS:
        return column
    levels = sorted(known, key=natural_key)
    number = {level: place for place, level in enumerate(levels)}
    codes = np.fromiter((number.get(value, -1) for value in column.values), np.int32, len(column.values))
    return ColumnData(codes, categories=levels, colors=column.colors, extra=column.extra)


def column_meta(column: ColumnData) -> dict[str, Any]:
    """What lists say about a column."""
    if column.categories is not None:
        return {"kind": "categorical", "n_categories": len(column.categories)}
    return {"kind": "text" if column.values.dtype == object else "numeric"}


def _merge(
    codes: np.ndarray, names: list[str], colors: list[str | None], target: str, *, members: Sequence[str]
) -> tuple[np.ndarray, list[str], list[str | None]]:
    """All members become the target, which stands where the first of them stood."""
    places = {_place(names, name) for name in members}
    if not places:
        raise InvalidInputError("Nothing to merge was named", where=f"category '{target}'")
    if target in names:
        places.add(names.index(target))
    first = min(places)
    kept = [place for place in range(len(names)) if place == first or place not in places]
    number = np.full(len(names) + 1, -1, np.int32)
    for new, place in enumerate(kept):
        number[place] = new
    for place in places:
        number[place] = number[first]
    fresh = [target if place == first else names[place] for place in kept]
    return number[codes], fresh, [colors[place] for place in kept]


def _renamed(names: list[str], rename: Mapping[str, str]) -> list[str]:
    fresh = list(names)
    for old, new in rename.items():
        fresh[_place(names, old)] = clean_name(new, field="category")
    if len(set(fresh)) < len(fresh):
        twice = next(name for name in fresh if fresh.count(name) > 1)
        raise InvalidInputError(f"There would be two categories '{twice}'", where="rename", do="Merge them instead")
    return fresh


def _reordered(
    codes: np.ndarray, names: list[str], colors: list[str | None], places: list[int]
) -> tuple[np.ndarray, list[str], list[str | None]]:
    number = np.full(len(names) + 1, -1, np.int32)
    number[places] = np.arange(len(places), dtype=np.int32)
    return number[codes], [names[place] for place in places], [colors[place] for place in places]


def _place(names: list[str], name: str) -> int:
    try:
        return names.index(name)
    except ValueError as error:
        raise NotFoundError(f"There is no category '{name[:255]}' in this annotation") from error
