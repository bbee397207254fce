"""The summary of a table by groups of its cells; a derived file, described in docs/concepts/store.md."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import orjson
from numcodecs import blosc

from cytosol.base.errors import DamagedDataError

MAGIC = b"CYTOSUMM"
SUMMARY_FORMAT = 1
_HEAD = struct.Struct("<8sIIII")
_BLOCK_VALUES = 2048
_NUMBERS = 3
_LEVEL = 5
Read = Callable[[int, int], bytes]
Group = tuple[str | None, ...]


def features_per_block(n_groups: int) -> int:
    """How many features are packed together."""
    return max(1, _BLOCK_VALUES // (_NUMBERS * max(1, n_groups)))


def pack_summary(groups: Sequence[Group], totals: np.ndarray, blocks: Iterable[np.ndarray]) -> bytes:
    """The bytes of a summary.

    Parameters
    ----------
    groups : the values of the annotations that make each group; None = missing
    totals : shape (n_groups,), integer, cells of each group
    blocks : shape (k, 3, n_groups) each, float64, the features in order: see ``analyses.matrix.group_sums``
    """
    step = features_per_block(len(groups))
    packed: list[bytes] = []
    rest = np.empty((0, _NUMBERS, len(groups)))
    n_features = 0
    for block in blocks:
        n_features += len(block)
        rest = np.concatenate([rest, block]) if len(rest) else block
        while len(rest) >= step:
            packed.append(_pack(rest[:step]))
            rest = rest[step:]
    if len(rest):
        packed.append(_pack(rest))
    facts = {"n_features": n_features, "step": step, "groups": groups, "totals": [int(total) for total in totals]}
    header = zlib.compress(orjson.dumps(facts))
    offsets = np.zeros(len(packed) + 1, "<i8")
    np.cumsum([len(part) for part in packed], out=offsets[1:])
    offsets += _HEAD.size + len(header) + offsets.nbytes
    tables = header + offsets.tobytes()
    head = _HEAD.pack(MAGIC, SUMMARY_FORMAT, len(header), len(packed), zlib.crc32(tables))
    return b"".join([head, tables, *packed])


def _pack(block: np.ndarray) -> bytes:
    data = np.ascontiguousarray(block, "<f8")
    packed: bytes = blosc.compress(data.tobytes(), b"lz4", _LEVEL, blosc.SHUFFLE, 0, 8)
    return packed


class SummaryFile:
    """A summary, open for reading; safe for many threads.

    Attributes
    ----------
    groups : the values of the annotations that make each group; None = missing
    totals : shape (n_groups,), int64, cells of each group
    n_features : features of the table
    """

    def __init__(self, read: Read) -> None:
        """Read header and tables only.

        Raises
        ------
        DamagedDataError
            Where the file is no summary of this format; make it again.
        """
        self._read = read
        head = read(0, _HEAD.size)
        if len(head) < _HEAD.size or head[:8] != MAGIC:
            raise _damaged()
        _, number, n_header, n_blocks, checksum = _HEAD.unpack(head)
        tables = read(_HEAD.size, n_header + 8 * n_blocks + 8) if number == SUMMARY_FORMAT else b""
        if zlib.crc32(tables) != checksum or not tables:
            raise _damaged()
        facts = orjson.loads(zlib.decompress(tables[:n_header]))
        self.groups: list[Group] = [tuple(group) for group in facts["groups"]]
        self.totals = np.array(facts["totals"], np.int64)
        self.n_features: int = facts["n_features"]
        self._step: int = facts["step"]
        self._offsets: list[int] = np.frombuffer(tables[n_header:], "<i8").tolist()

    @property
    def n_bytes(self) -> int:
        """Bytes held, about."""
        return 40 * len(self._offsets) + 300 * len(self.groups)

    def feature(self, feature: int) -> np.ndarray:
        """The numbers of one feature: shape (3, n_groups), float64; see ``analyses.matrix.group_sums``."""
        block, place = divmod(feature, self._step)
        first, last = self._offsets[block], self._offsets[block + 1]
        try:
            values = np.frombuffer(blosc.decompress(self._read(first, last - first)), "<f8")
            numbers: np.ndarray = values.reshape(-1, _NUMBERS, len(self.groups))[place]
        except (RuntimeError, ValueError, IndexError) as error:
            raise _damaged() from error
        return numbers


def _damaged() -> DamagedDataError:
    return DamagedDataError("The summary of a table is damaged or of another version", do="It is made again")
