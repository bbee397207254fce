"""Which feature of a table bears a name: a derived file of hashes, described in docs/concepts/store.md."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence

import numpy as np

from cytosol.base.errors import DamagedDataError

MAGIC = b"CYTONAME"
NAMES_FORMAT = 1
_HEAD = struct.Struct("<8sII")


def id_hash(id: str) -> int:
    """The hash of an id, whatever its case and without the version behind a point."""
    return _hash("i:" + id.partition(".")[0])


def symbol_hash(symbol: str) -> int:
    """The hash of a symbol, whatever its case."""
    return _hash("s:" + symbol)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.casefold().encode(), digest_size=8).digest(), "little")


def pack_names(symbols: Sequence[str], ids: Iterable[str]) -> bytes:
    """The bytes of the names of a table; of features with the same name the first one keeps it."""
    hashes: dict[int, int] = {}
    for place, id in enumerate(ids):
        if id:
            hashes.setdefault(id_hash(id), place)
    for place, symbol in enumerate(symbols):
        hashes.setdefault(symbol_hash(symbol), place)
    keys = np.fromiter(hashes, "<u8", len(hashes))
    places = np.fromiter(hashes.values(), "<i4", len(hashes))
    order = np.argsort(keys, kind="stable")
    return _HEAD.pack(MAGIC, NAMES_FORMAT, len(keys)) + keys[order].tobytes() + places[order].tobytes()


class NameFile:
    """The names of a table, open for lookups.

    Attributes
    ----------
    hashes : shape (n,), uint64, rising
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEAD.size or data[:8] != MAGIC:
            raise DamagedDataError("The names of a table are damaged", do="They are made again")
        _, number, n = _HEAD.unpack_from(data)
        if number != NAMES_FORMAT or len(data) != _HEAD.size + 12 * n:
            raise DamagedDataError("The names of a table are damaged or of another version", do="They are made again")
        self.hashes = np.frombuffer(data, "<u8", n, _HEAD.size)
        self._places = np.frombuffer(data, "<i4", n, _HEAD.size + 8 * n)

    @property
    def n_bytes(self) -> int:
        """Bytes held."""
        return int(self.hashes.nbytes + self._places.nbytes)

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """Places of features by hash: shape (k,), int32; -1 = no feature has this name."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.int32)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[at] == hashes, self._places[at], np.int32(-1))
