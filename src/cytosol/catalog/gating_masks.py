"""Masks of populations of one table, packed and kept under a digest of all they depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from cytosol.analyses.cytometry.geometry import inside, sectors
from cytosol.analyses.cytometry.trees import evaluate
from cytosol.catalog.axes import Reading
from cytosol.catalog.compute import Compute
from cytosol.catalog.gating_state import InForce, Scales

Tree = Mapping[str, Any]
_ENTRY_BYTES = 400
"""About what a key of the cache takes with its entry."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of a tree: what tells it from others, and how its mask is made, on a thread.

    Attributes
    ----------
    is_cheap : whether the mask is at hand, so that it need not be kept
    """

    token: str
    make: Callable[[Reading], np.ndarray]
    is_cheap: bool = False


class Prepared:
    """Populations of one table, ready to be evaluated on a thread.

    Attributes
    ----------
    reading : the axes of their gates, and those asked for beside
    tokens : of each population in order, what tells it from all others of the table
    """

    def __init__(
        self,
        compute: Compute,
        reading: Reading,
        trees: Sequence[Tree],
        known: Mapping[bytes, Leaf],
        *,
        tokens: Sequence[str],
    ) -> None:
        self._compute = compute
        self._leaves = known
        self._key = reading.pinned.key
        self._n = reading.pinned.part.n_cells
        self._trees = list(trees)
        self._every = np.packbits(np.ones(self._n, np.bool_))
        self._packed: dict[Hashable, np.ndarray] = {}
        self.reading = reading
        self.tokens = tokens

    @property
    def n_populations(self) -> int:
        """How many there are."""
        return len(self._trees)

    def mask(self, place: int) -> np.ndarray:
        """Who is in a population: shape (n_cells,), bool."""
        return np.unpackbits(self._population(place), count=self._n).view(np.bool_)

    def size(self, place: int) -> int:
        """How many are in a population."""
        key = ("population-size", self._key, self.tokens[place])
        known: int | None = self._compute.held(key)
        if known is None:
            known = int(np.bitwise_count(self._population(place)).sum())
            self._compute.hold(key, known, _ENTRY_BYTES)
        return known

    def _population(self, place: int) -> np.ndarray:
        """The bits of a population, as `numpy.packbits` makes them."""
        tree, key = self._trees[place], ("population", self._key, self.tokens[place])
        return self._kept(key, lambda: evaluate(tree, self._leaf, self._every))

    def _leaf(self, leaf: Tree) -> np.ndarray:
        """The bits of a leaf."""
        known = self._leaves[orjson.dumps(leaf)]
        if known.is_cheap:
            return np.packbits(known.make(self.reading))
        return self._kept(("gate", self._key, known.token), lambda: np.packbits(known.make(self.reading)))

    def _kept(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Bits that are kept for all, and while this is in use."""
        packed = self._packed.get(key)
        if packed is None:
            packed = self._compute.held(key)
            if packed is None:
                packed = make()
                self._compute.hold(key, packed, _ENTRY_BYTES + packed.nbytes)
            self._packed[key] = packed
        return packed


def region_mask(region: InForce, scales: Scales, reading: Reading) -> np.ndarray:
    """Who is in a gate or one of its sectors: shape (n_cells,), bool."""
    gate = region.gate
    x = reading.scaled(gate.x, scales.get(gate.x))
    y = reading.scaled(gate.y, scales.get(gate.y)) if gate.y else None
    if region.sector < 0 and not gate.sectors:
        return inside(gate.kind, gate.geometry, x, y)
    codes = sectors(gate.kind, gate.geometry, x, y)
    return codes < len(gate.sectors) if region.sector < 0 else codes == region.sector


def tree_tokens(trees: Sequence[Tree], known: Mapping[bytes, Leaf]) -> list[str]:
    """What tells each of some populations from all others of a table."""
    return [digest(_with_tokens(tree, known)) for tree in trees]


def _with_tokens(tree: Tree, known: Mapping[bytes, Leaf]) -> Any:
    """A tree whose leaves are what they stand for."""
    [key] = tree if len(tree) == 1 else ["column"]
    if key in ("gate", "column"):
        return known[orjson.dumps(tree)].token
    return {key: [_with_tokens(part, known) for part in tree[key]]}


def digest(value: Any) -> str:
    """Tells JSON values apart."""
    return hashlib.blake2b(orjson.dumps(value), digest_size=16).hexdigest()
