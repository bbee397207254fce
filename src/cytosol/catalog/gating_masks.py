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

    def __init__(self, compute: Compute, reading: Reading, trees: Sequence[Tree], known: Mapping[bytes, Leaf]) -> None:
        self._compute = compute
        self._leaves = known
        self._key = reading.pinned.key
        self._n = reading.pinned.part.n_cells
        self._trees = list(trees)
        self.reading = reading
        self.tokens = [digest(_with_tokens(tree, known)) for tree in trees]

    @property
    def n_populations(self) -> int:
        """How many there are."""
        return len(self._trees)

    def mask(self, place: int) -> np.ndarray:
        """Who is in a population: shape (n_cells,), bool."""
        key = ("population", self._key, self.tokens[place])
        packed = self._compute.held(key)
        if packed is not None:
            return _unpacked(packed, self._n)
        mask = evaluate(self._trees[place], self._leaf, self._n)
        self._keep(key, mask)
        self._compute.hold(("population-size", *key[1:]), int(np.count_nonzero(mask)), _ENTRY_BYTES)
        return mask

    def size(self, place: int) -> int:
        """How many are in a population."""
        known: int | None = self._compute.held(("population-size", self._key, self.tokens[place]))
        return int(np.count_nonzero(self.mask(place))) if known is None else known

    def _leaf(self, leaf: Tree) -> np.ndarray:
        known = self._leaves[orjson.dumps(leaf)]
        if known.is_cheap:
            return known.make(self.reading)
        key = ("gate", self._key, known.token)
        packed = self._compute.held(key)
        if packed is not None:
            return _unpacked(packed, self._n)
        mask = known.make(self.reading)
        self._keep(key, mask)
        return mask

    def _keep(self, key: Hashable, mask: np.ndarray) -> None:
        packed = np.packbits(mask)
        self._compute.hold(key, packed, _ENTRY_BYTES + packed.nbytes)


def region_mask(region: InForce, scales: Scales, reading: Reading) -> np.ndarray:
    """Who is in a gate or one of its sectors: shape (n_cells,), bool."""
    gate = region.gate
    x = reading.scaled(gate.x, scales.get(gate.x))
    y = reading.scaled(gate.y, scales.get(gate.y)) if gate.y else None
    if region.sector < 0 and not gate.sectors:
        return inside(gate.kind, gate.geometry, x, y)
    codes = sectors(gate.kind, gate.geometry, x, y)
    return codes < len(gate.sectors) if region.sector < 0 else codes == region.sector


def _with_tokens(tree: Tree, known: Mapping[bytes, Leaf]) -> Any:
    """A tree whose leaves are what they stand for."""
    [key] = tree if len(tree) == 1 else ["column"]
    if key in ("gate", "column"):
        return known[orjson.dumps(tree)].token
    return {key: [_with_tokens(part, known) for part in tree[key]]}


def digest(value: Any) -> str:
    """Tells JSON values apart."""
    return hashlib.blake2b(orjson.dumps(value), digest_size=16).hexdigest()


def _unpacked(packed: np.ndarray, n: int) -> np.ndarray:
    return np.unpackbits(packed, count=n).view(np.bool_)
