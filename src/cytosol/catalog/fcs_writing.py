"""Events of the store as FCS or TSV, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from cytosol.analyses.cytometry.compensation import compensate, format_spill, parse_spill
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.axes import Spill
from cytosol.catalog.fcs_facts import spill_channels
from cytosol.formats.fcs.channels import amplification
from cytosol.formats.fcs.records import Keywords
from cytosol.formats.fcs.text import SPILL_NAMES
from cytosol.formats.fcs.writer import DELIMITER, fcs_head
from cytosol.formats.features import make_unique
from cytosol.formats.spatialdata.events import EventColumns

EVENT_NUMBER = "EventNumber"
FILE_NUMBER = "FileNumber"
_CHANNEL_KEYWORD = re.compile(r"\$P([0-9]+)([A-Za-z]+)", re.IGNORECASE)
_BLOCK_BYTES = 8 << 20
Channel = dict[str, str]


@dataclass(frozen=True, slots=True)
class Taken:
    """Events of one table that are written.

    Attributes
    ----------
    places : of the channels, in the order in which they are written
    rows : shape (n,), ascending; None = all events
    with_numbers : whether a column follows with the number of each event in its file, from 1
    spill : shape (n, n) on these places of channels; None = values stay as they are
    """

    events: EventColumns
    places: tuple[int, ...]
    rows: np.ndarray | None = None
    with_numbers: bool = False
    spill: tuple[tuple[int, ...], np.ndarray] | None = None

    @property
    def n_events(self) -> int:
        """Events that are written."""
        return self.events.n_cells if self.rows is None else len(self.rows)

    def blocks(self) -> Iterator[np.ndarray]:
        """The values in order: shape (n_block, n_channels), float32; events without one of the rows are not read."""
        step = max(1, _BLOCK_BYTES // max(1, 4 * len(self.places)))
        for start in range(0, self.events.n_cells, step):
            stop = min(start + step, self.events.n_cells)
            chosen = None
            if self.rows is not None:
                low, high = np.searchsorted(self.rows, [start, stop])
                if low == high:
                    continue
                chosen = self.rows[low:high] - start
            yield self._block(start, stop, chosen)

    def _block(self, start: int, stop: int, chosen: np.ndarray | None) -> np.ndarray:
        columns = [self.events.column(place, start, stop) for place in self.places]
        if chosen is not None:
            columns = [column[chosen] for column in columns]
        with np.errstate(over="ignore"):  # float64 beyond float32 is infinite
            columns = [column.astype(np.float32, copy=False) for column in columns]
        if self.spill is not None:
            inside, matrix = self.spill
            where = [self.places.index(place) for place in inside]
            for place, values in zip(where, compensate([columns[at] for at in where], matrix), strict=True):
                columns[place] = values
        if self.with_numbers:
            numbers = np.arange(start, stop) if chosen is None else start + chosen
            columns.append((numbers + 1).astype(np.float32))
        return np.stack(columns, axis=1) if columns else np.empty((stop - start, 0), np.float32)


def channel_keywords(text: Mapping[str, str], panel: Sequence[Mapping[str, object]]) -> list[Channel]:
    """What follows ``$Pn`` for each channel of a file: names and reagents as the panel has them, the rest as it says.

    ``$PnR`` of decoded logarithms is their largest value.
    """
    keywords = Keywords(text)
    known: dict[str, Channel] = {}
    for name, value in text.items():
        if found := _CHANNEL_KEYWORD.fullmatch(name):
            known.setdefault(found[1], {})[found[2].upper()] = value
    channels = []
    for entry in panel:
        n = str(entry["index"])
        said = known.get(n, {})
        said["N"] = str(entry["channel"])
        said["S"] = str(entry["reagent"] or "")
        said["R"] = _linear_range(keywords, int(n)) or said.get("R", "")
        said.pop("DATATYPE", None)
        channels.append(said)
    return channels


def _linear_range(keywords: Keywords, n: int) -> str:
    """The largest value of a channel whose logarithms were decoded; "" where they were not."""
    datatype = keywords.get(f"$P{n}DATATYPE", keywords.get("$DATATYPE")).upper()[:1]
    decades, first = amplification(keywords, n)
    if datatype != "I" or not decades or keywords.number(f"$P{n}R", 0.0) <= 0:
        return ""
    return f"{first * 10**decades:g}"


def with_spill(text: Mapping[str, str], spill: Spill | None, names: Sequence[str] = ()) -> dict[str, str]:
    """Keywords with another spillover matrix under the keyword that the file has, else $SPILLOVER; None = with none.

    Parameters
    ----------
    names : of the channels of the file
    """
    own = [name for name in text if name.upper() in SPILL_NAMES]
    others = {*own[1:], *Keywords(text).spill_names} - set(own[:1])
    kept = {name: value for name, value in text.items() if name not in others}
    name = own[0] if own else SPILL_NAMES[0]
    if spill is None:
        kept.pop(name, None)
    elif not own or not _is_said(kept[name], spill, names):
        kept[name] = format_spill(list(spill.channels), spill.matrix)
    return kept


def _is_said(text: str, spill: Spill, names: Sequence[str]) -> bool:
    """Whether a keyword holds a matrix already, whose channels have commas and cannot be spelled otherwise."""
    if not any("," in name for name in spill.channels):
        return False
    try:
        channels, matrix = parse_spill(text, names)
    except InvalidInputError:
        return False
    return spill_channels(channels, names) == list(spill.channels) and np.array_equal(matrix, spill.matrix)


def fcs_stream(
    taken: Taken, channels: Sequence[Channel], keywords: Mapping[str, str], *, delimiter: str = DELIMITER
) -> tuple[int, Iterator[bytes]]:
    """An FCS 3.1 file: its size in bytes, and its pieces."""
    said = [dict(channel) for channel in channels]
    if taken.with_numbers:
        said.append({"N": _number_title([channel["N"] for channel in said]), "R": str(taken.events.n_cells + 1)})
    head = fcs_head(said, taken.n_events, keywords=keywords, delimiter=delimiter)

    def pieces() -> Iterator[bytes]:
        yield head
        for block in taken.blocks():
            yield block.astype("<f4", copy=False).tobytes()

    return len(head) + 4 * len(said) * taken.n_events, pieces()


def _number_title(names: Sequence[str]) -> str:
    """The name of the channel of event numbers, as the channels of a table are made unique."""
    return make_unique([*names, EVENT_NUMBER])[0][-1]


def tsv_pieces(taken: Taken, names: Sequence[str], *, with_header: bool) -> Iterator[bytes]:
    """Text with tabs and CRLF; numbers in the shortest form that reads back as the same float32, NaN, Inf and -Inf."""
    titles = [*names, _number_title(names)] if taken.with_numbers else list(names)
    if with_header:
        yield ("\t".join(titles) + "\r\n").encode()
    for block in taken.blocks():
        text = orjson.dumps(np.ascontiguousarray(block), option=orjson.OPT_SERIALIZE_NUMPY)[2:-2] + b"\r\n"
        text = text.replace(b"],[", b"\r\n").replace(b",", b"\t")
        text = text.replace(b".0\t", b"\t").replace(b".0\r", b"\r")
        yield _with_words(text, block) if b"null" in text else text


def _with_words(text: bytes, block: np.ndarray) -> bytes:
    """Text of a block, shape (n_events, n_channels), with words for its numbers that are not finite, in their order."""
    cells = block[~np.isfinite(block)]
    words = np.where(np.isnan(cells), b"NaN", np.where(cells > 0, b"Inf", b"-Inf"))
    parts: list[bytes] = [
        part for pair in zip(text.split(b"null"), [*words.tolist(), b""], strict=True) for part in pair
    ]
    return b"".join(parts)
