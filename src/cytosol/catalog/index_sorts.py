"""Index sorts: files that say to which well each of their events went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cytosol.base.tables import ColumnData
from cytosol.formats.fcs.records import Keywords
from cytosol.formats.spatialdata.columns import pandas_to_column

SORTED_WELL = "Sorted to well"
_LOCATIONS = "INDEX SORTING LOCATIONS_"
_COUNT = "INDEX SORTING SORTED LOCATION COUNT"
_PAIRS = 24
"""Wells of one keyword; instruments write some 125 letters."""


def sorted_wells(keywords: Keywords, n_events: int) -> ColumnData | None:
    """The well that each event of an index sort went to; None where the file is none.

    ``INDEX SORTING LOCATIONS_1`` and so on hold pairs of row and column, counted from 0, parted by ``;``.
    """
    pairs = _pairs(keywords)
    if len(pairs) != n_events or not pairs:
        return None
    wells = np.empty(n_events, dtype=object)
    for event, pair in enumerate(pairs):
        parts = [part.strip() for part in pair.split(",")]
        known = len(parts) == 2 and all(part.isdecimal() and int(part) < 100 for part in parts)
        wells[event] = f"{_row_letters(int(parts[0]))}{int(parts[1]) + 1:02d}" if known else None
    return pandas_to_column(pd.Series(wells, dtype=object))


def _pairs(keywords: Keywords) -> list[str]:
    pairs: list[str] = []
    number = 1
    while text := keywords.get(f"{_LOCATIONS}{number}"):
        pairs += [pair for pair in text.split(";") if pair.strip()]
        number += 1
    return pairs


def _row_letters(row: int) -> str:
    return chr(65 + row) if row < 26 else "A" + chr(65 + row - 26)


def taken_pairs(text: Mapping[str, str], n_events: int, rows: np.ndarray | None) -> list[str]:
    """Where the chosen events of a file went, as its keywords spell it; [] where it is no index sort.

    Parameters
    ----------
    n_events : of the file
    rows : shape (n,), the chosen ones; None = all
    """
    pairs = _pairs(Keywords(text))
    if len(pairs) != n_events:
        return []
    return pairs if rows is None else [pairs[row] for row in rows.tolist()]


def with_pairs(text: Mapping[str, str], pairs: Sequence[str]) -> dict[str, str]:
    """Keywords of a file of other events: with the wells of these, or with none."""
    kept = {name: value for name, value in text.items() if not name.upper().startswith((_LOCATIONS, _COUNT))}
    if not pairs:
        return kept
    places = range(0, len(pairs), _PAIRS)
    wells = {
        f"{_LOCATIONS}{number}": "".join(f"{pair};" for pair in pairs[at : at + _PAIRS])
        for number, at in enumerate(places, start=1)
    }
    return {**kept, _COUNT: str(len(pairs)), **wells}
