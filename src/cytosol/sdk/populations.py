"""The hierarchy of populations as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class PopulationTree:
    """Populations below each other; prints itself.

    Attributes
    ----------
    populations : as the server sent them, in their order
    counts : population id → its row of counts; None = all cells
    """

    def __init__(
        self, populations: Sequence[Mapping[str, Any]], counts: Mapping[str | None, Mapping[str, Any]] | None = None
    ) -> None:
        self.populations = list(populations)
        self.counts = dict(counts or {})

    def children(self, population_id: str | None = None) -> list[Mapping[str, Any]]:
        """The populations directly below one; None = those at the top."""
        known = {one["id"] for one in self.populations}
        return [
            one
            for one in self.populations
            if (one["parent_id"] if one["parent_id"] in known else None) == population_id
        ]

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        yield from self._below(None, 0)

    def _below(self, id: str | None, depth: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for one in self.children(id):
            yield depth, one
            yield from self._below(one["id"], depth + 1)

    def __repr__(self) -> str:
        lines = ["all cells" + self._said(None)]
        lines += [f"{'  ' * (depth + 1)}{one['name']}{self._said(one['id'])}" for depth, one in self]
        return "\n".join(lines)

    def _said(self, id: str | None) -> str:
        row = self.counts.get(id)
        if row is None or row["n_events"] is None:
            return ""
        share = row["percent_of_parent"]
        return f"  {row['n_events']:,}" + ("" if share is None or id is None else f" ({share:.1f} %)")
