"""Numbers behind figures: features summarised by groups of cells, and their densities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytosol.analyses.matrix.densities import Densities, DensityParams, kernel_densities
from cytosol.analyses.matrix.summaries import GroupSummary, SummaryParams, summarize
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.catalog.context import Context
from cytosol.catalog.selections import Columns, Selections, spell_group
from cytosol.catalog.tables import Pinned, Tables, Unit, check_unit

ATTRIBUTE = "attribute:"
"""Before the name of an attribute of samples, where a name of an annotation could stand too."""
ALL_CELLS = "all cells"
MAX_ROWS = 500_000
MAX_VIOLINS = 1000
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups of cells, by one annotation or by two at once.

    Attributes
    ----------
    codes : shape (n_cells,), int32; place in ``groups`` and ``splits``; -1 = in none
    groups, splits : one a group of cells; splits are "" where nothing splits
    digest : of all these
    """

    codes: np.ndarray
    groups: list[str]
    splits: list[str]
    digest: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Features summarised by groups; arrays as in `GroupSummary`."""

    features: list[str]
    grouping: Grouping
    values: GroupSummary


@dataclass(frozen=True, slots=True)
class Violins:
    """One feature's densities in groups of cells; arrays as in `Densities`."""

    feature: str
    grouping: Grouping
    values: Densities


class GroupSummaries:
    """The verbs that summarise tables; rights were asked when the table was pinned.

    Parameters
    ----------
    attributes : reads attributes of samples as properties of cells
    """

    def __init__(self, context: Context, reader: Tables, attributes: Columns, selections: Selections) -> None:
        self._context = context
        self._reader = reader
        self._attributes = attributes
        self._selections = selections

    async def grouping(
        self, pinned: Pinned, *, group_by: str = "", split_by: str = "", selection: Any = None
    ) -> Grouping:
        """The groups of cells.

        Parameters
        ----------
        group_by, split_by : an annotation, or "attribute:" and the name of an attribute of samples; "" = none
        selection : cells outside are in no group; None = all cells

        Raises
        ------
        NotFoundError
            Where there is no such annotation or attribute.
        InvalidInputError
            Where it has numbers, no groups, or the selection holds no cell.
        """
        codes, groups = await self._levels(pinned, group_by, "group_by")
        splits = [""] * len(groups)
        if split_by:
            inner, levels = await self._levels(pinned, split_by, "split_by")
            codes = np.where((codes < 0) | (inner < 0), -1, codes * len(levels) + inner)
            splits = levels * len(groups)
            groups = [group for group in groups for _ in levels]
        if selection is not None:
            cells = await self._selections.resolve(pinned, selection)
            if not len(cells):
                raise InvalidInputError(
                    "The selection holds no cell", where="selection", do="Choose groups that have cells"
                )
            inside = np.full(len(codes), -1, np.int32)
            inside[cells] = codes[cells]
            codes = inside
        codes = codes.astype(np.int32)
        digest = hashlib.blake2b(codes.tobytes() + "\0".join([*groups, *splits]).encode(), digest_size=12)
        return Grouping(codes, groups, splits, digest.hexdigest())

    async def _levels(self, pinned: Pinned, name: str, where: str) -> tuple[np.ndarray, list[str]]:
        if not name:
            return np.zeros(pinned.part.n_cells, np.int32), [ALL_CELLS]
        if name.startswith(ATTRIBUTE):
            return levels_of(await self._attributes.column(pinned, name.removeprefix(ATTRIBUTE)), where)
        return levels_of(await self._reader.column(pinned, name), where)

    async def summary(
        self,
        pinned: Pinned,
        grouping: Grouping,
        *,
        features: Sequence[str],
        unit: Unit = "lognorm",
        params: SummaryParams | None = None,
    ) -> Summary:
        """Means, shares of expressing cells and quantiles of features in groups.

        Parameters
        ----------
        features : symbols or ids
        unit : "raw" = as stored; "lognorm" = ln(1 + 10,000 × count / total of the cell)

        Raises
        ------
        NotFoundError
            Names features that are not in the table.
        InvalidInputError
            Where the answer would be too large.
        """
        check_unit(pinned, unit)
        params = params or SummaryParams()
        places = await self._reader.places(pinned, features)
        names = await self._names(pinned, places)
        if len(places) * len(grouping.groups) > MAX_ROWS:
            raise InvalidInputError(
                f"{len(places):,} features in {len(grouping.groups):,} groups are too much for one answer",
                where="features",
                do=f"Ask for at most {MAX_ROWS:,} pairs of both",
            )

        def work() -> GroupSummary:
            parts = []
            for first in range(0, len(places), _AT_ONCE):
                matrix = self._reader.read_sparse(pinned, places[first : first + _AT_ONCE], unit)
                parts.append(summarize(matrix, grouping.codes, n_groups=len(grouping.groups), params=params))
            return GroupSummary(
                np.concatenate([part.n for part in parts]),
                np.concatenate([part.mean for part in parts]),
                np.concatenate([part.share for part in parts]),
                np.concatenate([part.quantiles for part in parts]),
            )

        key = ("summary", pinned.key, tuple(places), unit, grouping.digest, params)
        return Summary(names, grouping, await self._context.compute.cached(key, work))

    async def violins(
        self,
        pinned: Pinned,
        grouping: Grouping,
        *,
        feature: str,
        unit: Unit = "lognorm",
        params: DensityParams | None = None,
    ) -> Violins:
        """The densities of one feature in groups of cells.

        Raises
        ------
        InvalidInputError
            Where there are too many groups.
        """
        check_unit(pinned, unit)
        params = params or DensityParams()
        n_groups = len(grouping.groups)
        if n_groups > MAX_VIOLINS:
            raise InvalidInputError(
                f"{n_groups:,} groups are too many for violins",
                where="group_by",
                do=f"Choose an annotation of at most {MAX_VIOLINS:,}",
            )
        places = await self._reader.places(pinned, [feature])

        def work() -> Densities:
            matrix = self._reader.read_sparse(pinned, places, unit)
            return kernel_densities(matrix.data, matrix.indices, grouping.codes, n_groups=n_groups, params=params)

        key = ("violins", pinned.key, places[0], unit, grouping.digest, params)
        found = await self._context.compute.cached(key, work)
        return Violins((await self._names(pinned, places))[0], grouping, found)

    async def _names(self, pinned: Pinned, places: Sequence[int]) -> list[str]:
        frame = (await self._reader.feature_table(pinned)).frame
        return [str(frame.index[place]) for place in places]


def levels_of(column: ColumnData, where: str) -> tuple[np.ndarray, list[str]]:
    """A column as numbers of its groups, -1 = in none, and the names of the groups.

    Raises
    ------
    InvalidInputError
        Where the column measures something or has texts of its own for each cell.
    """
    values = column.values
    if column.categories is not None:
        return values, list(column.categories)
    if values.dtype.kind != "b":
        raise InvalidInputError(
            "The annotation has no groups: its values are numbers or free text",
            where=where,
            do="Choose one with categories",
        )
    return values.astype(np.int32), [spell_group(value) for value in (False, True)]
