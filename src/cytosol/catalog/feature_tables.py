"""The features of tables, kept in memory for look-ups: once for all tables that have the same."""

from __future__ import annotations

import hashlib
import sys
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import pandas as pd

from cytosol.catalog.compute import Compute

_KNOWN = 10_000
_STRING_BYTES = 60


class FeatureTable:
    """The features of a table.

    Attributes
    ----------
    frame : indexed by symbol, unique; text columns feature_id, feature_type and genome
    n_bytes : about how much memory it takes
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._symbols = frame.index.to_numpy()
        self._ids = frame["feature_id"].to_numpy()
        self._by_symbol = np.argsort(self._symbols, kind="stable").astype(np.int32)
        self._by_id = np.argsort(self._ids, kind="stable").astype(np.int32)
        self.n_bytes = len(frame) * (8 * frame.shape[1] + 16 + 2 * _STRING_BYTES)

    def place(self, name: str) -> int:
        """The place of the feature with a symbol, else of the first with an id, letter by letter; -1 where none is."""
        found = _find(self._symbols, self._by_symbol, name)
        return found if found >= 0 or not name else _find(self._ids, self._by_id, name)

    def containing(self, text: str) -> list[int]:
        """Places whose symbol or id contains the text, whatever the case: equal ones first, then by prefix."""
        wanted = text.strip().lower()
        ranked: tuple[list[int], ...] = ([], [], [])
        for place, names in enumerate(zip(self._symbols, self._ids, strict=True)):
            symbol, id = names[0].lower(), names[1].lower()
            if wanted in symbol or wanted in id:
                exact = wanted in (symbol, id)
                ranked[0 if exact else 1 if symbol.startswith(wanted) or id.startswith(wanted) else 2].append(place)
        return [place for part in ranked for place in part]


class FeatureTables:
    """Reads the features of tables; those with the same features share one copy."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._digests: OrderedDict[Hashable, Hashable] = OrderedDict()

    def held(self, key: Hashable) -> FeatureTable | None:
        """The features of a table if they are known already."""
        digest = self._digests.get(key)
        found: FeatureTable | None = None if digest is None else self._compute.held(("features", digest))
        return found

    async def get(self, key: Hashable, read: Callable[[], pd.DataFrame]) -> FeatureTable:
        """The features of a table.

        Parameters
        ----------
        key : of the table; its features never change
        read : reads its frame, see `FeatureTable`; called on a thread
        """
        digest = self._digests.get(key)
        if digest is not None:
            return await self._compute.cached(("features", digest), lambda: FeatureTable(_shared(read())))
        frame = await self._compute.run(lambda: _shared(read()))
        digest = await self._compute.run(_digest, frame)
        self._note(key, digest)
        return await self._compute.cached(("features", digest), lambda: FeatureTable(frame))

    def of_channels(self, key: Hashable, names: Sequence[str]) -> FeatureTable:
        """The features of a table of events whose channels are known already."""
        digest = tuple(names)
        self._note(key, digest)
        found: FeatureTable | None = self._compute.held(("features", digest))
        if found is None:
            columns = {"feature_id": list(names), "feature_type": "channel", "genome": ""}
            found = FeatureTable(_shared(pd.DataFrame(columns, index=pd.Index(names, dtype=object))))
            self._compute.hold(("features", digest), found)
        return found

    def _note(self, key: Hashable, digest: Hashable) -> None:
        self._digests[key] = digest
        while len(self._digests) > _KNOWN:
            self._digests.popitem(last=False)


def _find(names: np.ndarray, order: np.ndarray, name: str) -> int:
    at = bisect_left(order, name, key=names.__getitem__)
    return int(order[at]) if at < len(order) and names[order[at]] == name else -1


def _shared(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with each text once in memory, however many tables have it."""
    columns = {name: _interned(frame[name].to_numpy()) for name in frame.columns}
    return pd.DataFrame(columns, index=pd.Index(_interned(frame.index.to_numpy()), dtype=object))


def _interned(values: np.ndarray) -> np.ndarray:
    out = np.empty(len(values), object)
    out[:] = [sys.intern(str(value)) for value in values]
    return out


def _digest(frame: pd.DataFrame) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for values in (frame.index, *(frame[name] for name in frame.columns)):
        texts = "\0".join(values).encode("utf-8", "surrogatepass")
        found.update(len(texts).to_bytes(8, "little") + texts)
    return found.digest()
