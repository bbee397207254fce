"""Finding the genes of a list among the features of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Matched:
    """Which genes of a list a table has.

    Attributes
    ----------
    places : shape (n_found,), int64; features, in the order of the list, each once
    missing : names that were not found, in the order of the list
    """

    places: np.ndarray
    missing: list[str]


class FeatureNames:
    """The features of a table, to be found by symbol or stable id.

    Parameters
    ----------
    symbols : one a feature, unique
    ids : one a feature, "" where unknown; None = none are known
    others : gives the further names of a gene, tried in their order where its own is not found

    Notes
    -----
    Tried in this order: the symbol letter by letter; the stable id, with or without its version; the symbol in any
    case, so that CD3E finds the mouse's Cd3e, where that is not two features; then the same for each further name.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        ids: Sequence[str] | None = None,
        *,
        others: Callable[[str], Iterable[str]] = lambda _name: (),
    ) -> None:
        self._others = others
        self._exact: dict[str, int] = {}
        self._folded: dict[str, int] = {}
        for place, symbol in enumerate(symbols):
            self._exact.setdefault(symbol, place)
            folded = symbol.casefold()
            self._folded[folded] = -1 if folded in self._folded else place
        for names in (ids or (), symbols):
            for place, id in enumerate(names):
                if id:
                    self._exact.setdefault(id, place)
                    self._exact.setdefault(id.partition(".")[0] if id.startswith("ENS") else id, place)

    def find(self, name: str) -> int:
        """Place of a gene; -1 where the table does not have it."""
        found = self._find(name)
        if found >= 0:
            return found
        return next((place for other in self._others(name) if (place := self._find(other)) >= 0), -1)

    def _find(self, name: str) -> int:
        found = self._exact.get(name, -1)
        if found < 0 and name.startswith("ENS"):
            found = self._exact.get(name.partition(".")[0], -1)
        return found if found >= 0 else self._folded.get(name.casefold(), -1)

    def match(self, genes: Iterable[str]) -> Matched:
        """The genes of a list that the table has."""
        places: dict[int, None] = {}
        missing = []
        for name in genes:
            place = self.find(name.strip())
            if place >= 0:
                places[place] = None
            else:
                missing.append(name)
        return Matched(np.fromiter(places, np.int64, len(places)), missing)
