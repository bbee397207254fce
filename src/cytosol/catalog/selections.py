"""Selections of cells: said as JSON, checked, and resolved to row numbers of a table at one version.

A selection is one of ``{"column": name, "groups": [level, …]}``, ``{"column": name, "range": [low, high]}`` of numbers,
``{"cells": [row, …]}``, ``{"attribute": name, "values": [value, …]}`` of the samples, ``{"not": S}``, ``{"and": [S,
…]}``, ``{"or": [S, …]}``, and, as the second of two, ``{"rest": true}``: all cells that are not in the first. A null
among groups or values = cells that have none; at an end of a range = no bound.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.tables import Pinned

MAX_DEPTH = 16
_SHOWN_CELLS = 100
_HELP = (
    'Give {"column": …, "groups": […]}, {"column": …, "range": [low, high]}, {"cells": […]}, '
    '{"attribute": …, "values": […]}, or these in not, and, or'
)
_KEYS = {
    "column": {"column", "groups"},
    "cells": {"cells"},
    "attribute": {"attribute", "values"},
    "population": {"population"},
    "rest": {"rest"},
    "not": {"not"},
    "and": {"and"},
    "or": {"or"},
}
_RANGE = {"column", "range"}
Said = Mapping[str, Any]
"""A selection as JSON; `check_selection` has seen it."""


class Columns(Protocol):
    """Reads one property of all cells of a table."""

    async def column(self, pinned: Pinned, name: str) -> ColumnData: ...


class Members(Protocol):
    """Tells who is in a population of the table's study, and what the populations are called."""

    async def members(self, pinned: Pinned, population_id: Key) -> np.ndarray: ...
    async def names(self, pinned: Pinned) -> dict[Key, str]: ...


class Selections:
    """Resolves selections; rights were asked when the table was pinned.

    Parameters
    ----------
    annotations, attributes : readers of both kinds of properties
    populations : evaluates gates
    """

    def __init__(self, annotations: Columns, attributes: Columns, populations: Members) -> None:
        self._annotations = annotations
        self._attributes = attributes
        self._populations = populations

    async def resolve(self, pinned: Pinned, said: Any, *, where: str = "selection") -> np.ndarray:
        """The cells of a selection: shape (n,), int64, row numbers, rising.

        Raises
        ------
        InvalidInputError
            Where it is no selection, or names cells or groups that do not exist.
        NotFoundError
            Where there is no such annotation or attribute.
        """
        check_selection(said, where=where)
        return np.flatnonzero(await self._mask(pinned, said, where))

    async def described(self, pinned: Pinned, said: Said) -> str:
        """A selection in a few words, for a name."""
        names = await self._populations.names(pinned)
        return described(said, {id.hex24: name for id, name in names.items()})

    async def resolve_pair(self, pinned: Pinned, first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
        """The cells of two selections that shall be compared, each as from `resolve`.

        Raises
        ------
        InvalidInputError
            Also where one is empty, or a cell is in both.
        """
        check_selection(first, where="first")
        check_selection(second, where="second", rest=True)
        one = await self._mask(pinned, first, "first")
        other = ~one if "rest" in second else await self._mask(pinned, second, "second")
        n_both = int((one & other).sum())
        if n_both:
            raise InvalidInputError(
                f"{n_both:,} cells are in both selections", where="second", do="Leave them out of one of the two"
            )
        for name, mask in (("first", one), ("second", other)):
            if not mask.any():
                raise InvalidInputError("The selection holds no cell", where=name, do="Choose groups that have cells")
        return np.flatnonzero(one), np.flatnonzero(other)

    async def _mask(self, pinned: Pinned, said: Said, where: str) -> np.ndarray:
        """Shape (n_cells,), bool."""
        kind = next(name for name in _KEYS if name in said)
        if kind == "not":
            return ~await self._mask(pinned, said["not"], f"{where}.not")
        if kind in ("and", "or"):
            mask = np.full(pinned.part.n_cells, kind == "and")
            for number, part in enumerate(said[kind]):
                other = await self._mask(pinned, part, f"{where}.{kind}[{number}]")
                mask = mask & other if kind == "and" else mask | other
            return mask
        if kind == "cells":
            return await asyncio.to_thread(_cells_mask, said["cells"], pinned.part.n_cells, where)
        if kind == "population":
            return await self._populations.members(pinned, Key.parse(said["population"]))
        if kind == "column":
            column = await self._annotations.column(pinned, said["column"])
            if "range" in said:
                return range_mask(column, said["range"], name=said["column"], where=where)
            groups, what = said["groups"], f"annotation '{said['column'][:255]}'"
        else:
            column = await self._attributes.column(pinned, said["attribute"])
            groups, what = said["values"], f"attribute '{said['attribute'][:255]}'"
        return await asyncio.to_thread(groups_mask, column, groups, what=what, where=where)


def check_selection(said: Any, *, where: str = "selection", rest: bool = False, depth: int = 0) -> None:
    """Refuse what is no selection, without looking at a table.

    Parameters
    ----------
    rest : whether ``{"rest": true}`` is allowed here
    """
    if not isinstance(said, Mapping):
        raise InvalidInputError("This is no selection of cells", where=where, do=_HELP)
    kinds = [name for name in _KEYS if name in said]
    if len(kinds) != 1 or set(said) not in (_KEYS[kinds[0]], _RANGE if kinds[0] == "column" else None):
        found = ", ".join(str(key)[:32] for key in sorted(said, key=str)[:6]) or "nothing"
        raise InvalidInputError(f"This is no selection of cells: it has {found}", where=where, do=_HELP)
    if depth > MAX_DEPTH:
        raise InvalidInputError(f"Selections are nested at most {MAX_DEPTH} deep", where=where)
    _CHECKS[kinds[0]](said, where, rest, depth)


def _check_rest(said: Said, where: str, rest: bool, _depth: int) -> None:
    if said["rest"] is not True or not rest:
        raise InvalidInputError(
            'Only the second of two selections can be {"rest": true}', where=where, do="Name the cells that are meant"
        )


def _check_groups(said: Said, where: str, _rest: bool, _depth: int) -> None:
    kind, key = ("column", "groups") if "column" in said else ("attribute", "values")
    if not isinstance(said[kind], str) or not said[kind]:
        raise InvalidInputError("A name is expected", where=f"{where}.{kind}")
    if "range" in said:
        _check_range(said["range"], f"{where}.range")
        return
    groups = said[key]
    fits = isinstance(groups, list | tuple) and all(
        group is None or isinstance(group, str | int | float | bool) for group in groups
    )
    if not fits or not groups:
        raise InvalidInputError("One or more values are expected", where=f"{where}.{key}")


def _check_range(ends: Any, where: str) -> None:
    fits = isinstance(ends, list | tuple) and len(ends) == 2
    if not fits or not all(end is None or (type(end) in (int, float) and math.isfinite(end)) for end in ends):
        raise InvalidInputError("The lowest and the highest number are expected, null = no bound", where=where)


def _check_cells(said: Said, where: str, _rest: bool, _depth: int) -> None:
    cells = said["cells"]
    if not isinstance(cells, list | tuple) or not all(type(cell) is int for cell in cells):
        raise InvalidInputError("Row numbers of cells are expected, from 0", where=f"{where}.cells")


def _check_population(said: Said, where: str, _rest: bool, _depth: int) -> None:
    if not isinstance(said["population"], str):
        raise InvalidInputError("The id of a population is expected", where=f"{where}.population")
    Key.parse(said["population"])


def _check_not(said: Said, where: str, _rest: bool, depth: int) -> None:
    check_selection(said["not"], where=f"{where}.not", depth=depth + 1)


def _check_many(said: Said, where: str, _rest: bool, depth: int) -> None:
    kind = "and" if "and" in said else "or"
    parts = said[kind]
    if not isinstance(parts, list | tuple) or not parts:
        raise InvalidInputError("One or more selections are expected", where=f"{where}.{kind}")
    for number, part in enumerate(parts):
        check_selection(part, where=f"{where}.{kind}[{number}]", depth=depth + 1)


_CHECKS = {
    "column": _check_groups,
    "attribute": _check_groups,
    "cells": _check_cells,
    "population": _check_population,
    "rest": _check_rest,
    "not": _check_not,
    "and": _check_many,
    "or": _check_many,
}


def _cells_mask(cells: Any, n_cells: int, where: str) -> np.ndarray:
    numbers = np.asarray(cells, np.int64)
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= n_cells):
        wrong = numbers[(numbers < 0) | (numbers >= n_cells)][0]
        raise InvalidInputError(f"The table has {n_cells:,} cells, numbered from 0; there is no {wrong}", where=where)
    mask = np.zeros(n_cells, bool)
    mask[numbers] = True
    return mask


def groups_mask(column: ColumnData, groups: Any, *, what: str, where: str, must_exist: bool = True) -> np.ndarray:
    """The cells that have one of some values: shape (n_cells,), bool; null stands for no value.

    Parameters
    ----------
    groups : levels as text; of truth values and whole numbers also the values themselves
    what : the property in words
    must_exist : whether a group that the column lacks is refused; else it has no cells

    Raises
    ------
    NotFoundError
        Where there is no such group.
    InvalidInputError
        Where the column has no groups, but measures something.
    """
    values, levels = column.values, column.categories
    if levels is None and values.dtype.kind == "f":
        raise InvalidInputError(
            f"The {what} has numbers, no groups", where=where, do="Choose an annotation with categories, or cells"
        )
    wanted = {spell_group(group) for group in groups if group is not None}
    missing = np.asarray(values < 0) if levels is not None else np.zeros(len(values), bool)
    if levels is None:
        texts = np.array(["" if value is None else spell_group(value) for value in values], object)
        uniques, codes = np.unique(texts, return_inverse=True)
        levels = [str(level) for level in uniques]
        missing = np.array([value is None for value in values]) if values.dtype == object else missing
    else:
        codes = values
    lacking = sorted(wanted - set(levels))
    if lacking and must_exist:
        known = ", ".join(f"'{level[:64]}'" for level in levels[:20])
        raise NotFoundError(f"The {what} has no group '{lacking[0][:255]}'", where=where, do=f"It has: {known}")
    chosen = np.array([*(level in wanted for level in levels), False])
    mask: np.ndarray = chosen[codes] & ~missing
    return mask | missing if None in groups else mask


def range_mask(column: ColumnData, ends: Any, *, name: str, where: str) -> np.ndarray:
    """The cells whose value lies in a range, both ends included: shape (n_cells,), bool; no value = outside.

    Raises
    ------
    InvalidInputError
        Where the column has groups or texts.
    """
    values = column.values
    if column.categories is not None or values.dtype.kind not in "iuf":
        raise InvalidInputError(
            f"The annotation '{name[:255]}' has groups, no numbers", where=where, do='Choose "groups" of it'
        )
    low, high = (-np.inf if ends[0] is None else ends[0]), (np.inf if ends[1] is None else ends[1])
    mask: np.ndarray = (values >= low) & (values <= high)
    return mask


def spell_group(value: Any) -> str:
    """A value as the name of a group: whole numbers without a fraction, truth values in lower case."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def columns_named(said: Any) -> set[str]:
    """The annotations that a selection names."""
    if isinstance(said, Mapping):
        own = {said["column"]} if isinstance(said.get("column"), str) else set()
        return own.union(*(columns_named(said[key]) for key in ("not", "and", "or") if key in said))
    return set().union(*map(columns_named, said)) if isinstance(said, list | tuple) else set()


def short(said: Any) -> Any:
    """A selection for lists: of many cells the first hundred and their number."""
    if isinstance(said, Mapping):
        cells = said.get("cells")
        if isinstance(cells, list | tuple) and len(cells) > _SHOWN_CELLS:
            return {"cells": list(cells[:_SHOWN_CELLS]), "n_cells": len(cells)}
        return {key: short(value) for key, value in said.items()}
    return [short(part) for part in said] if isinstance(said, list | tuple) else said


def described(said: Said, populations: Mapping[str, str] | None = None) -> str:
    """A selection in a few words, for a name.

    Parameters
    ----------
    populations : id → name of those that it names; see `Selections.described`
    """
    kind = next(name for name in _KEYS if name in said)
    if kind == "rest":
        return "all others"
    if kind == "cells":
        return f"{len(said['cells']):,} cells"
    if kind == "population":
        return (populations or {}).get(said["population"], "a population")
    if kind == "not":
        return f"not {described(said['not'], populations)}"
    if kind in ("and", "or"):
        return f" {kind} ".join(described(part, populations) for part in said[kind])
    if "range" in said:
        low, high = ("…" if end is None else f"{end:g}" for end in said["range"])
        return f"{said['column']} {low} to {high}"
    groups = said["groups" if kind == "column" else "values"]
    return ", ".join("none" if group is None else spell_group(group) for group in groups)
