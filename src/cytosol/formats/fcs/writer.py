"""Writes FCS 3.1: list mode, little-endian float32, HEADER and TEXT that every reader accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from cytosol.base.errors import InvalidInputError
from cytosol.formats.fcs.text import format_text

DELIMITER = "\x0c"
_DELIMITERS = (DELIMITER, *(chr(code) for code in range(1, 32) if chr(code) != DELIMITER))
TEXT_START = 58
MAX_HEADER_OFFSET = 99_999_999
"""HEADER has eight digits for an offset; beyond that it holds 0, and TEXT alone says it."""
_DIGITS = 12


def fcs_head(
    channels: Sequence[Mapping[str, str]],
    n_events: int,
    *,
    keywords: Mapping[str, str] | None = None,
    delimiter: str = DELIMITER,
) -> bytes:
    """HEADER and TEXT of a data set of float32 events; DATA follows at once.

    Parameters
    ----------
    channels : of each channel what follows ``$Pn`` to its value: ``N`` the name, and ``S``, ``R``, ``G`` … as given;
        ``B`` and ``E`` are set here
    keywords : further keywords; their order is kept, those that this file decides itself get its values, those of
        channels and those without a value are left out
    delimiter : one ASCII character, doubled inside of values; another one where a keyword holds it

    Raises
    ------
    InvalidInputError
        Where a channel has no name, or the delimiter is none.
    """
    if len(delimiter) != 1 or not 0 < ord(delimiter) < 127 or delimiter.isalnum() or delimiter == "$":
        raise InvalidInputError(f"The delimiter of TEXT cannot be {delimiter!r}", do="Give one such as form feed or /")
    ours = {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BYTEORD": "1,2,3,4",
        "$DATATYPE": "F",
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$PAR": str(len(channels)),
        "$TOT": str(n_events),
    }
    for n, channel in enumerate(channels, start=1):
        ours |= _channel_keywords(n, channel)
    text: dict[str, str] = {}
    for name, value in (keywords or {}).items():
        upper = name.upper()
        if upper in ours:
            text[name] = ours.pop(upper)
        elif upper not in ("$BEGINDATA", "$ENDDATA") and not is_channel_keyword(name):
            text[name] = value
    whole = text | ours
    if any(delimiter in name for name in whole):
        # readers take a doubled delimiter inside of a keyword for an empty value
        free = [other for other in _DELIMITERS if not any(other in name for name in whole)]
        delimiter = free[0] if free else delimiter
        whole = {name: value for name, value in whole.items() if delimiter not in name}
    return _with_offsets(whole, delimiter, 4 * len(channels) * n_events)


def is_channel_keyword(name: str) -> bool:
    """Whether a keyword of the standard belongs to one channel: ``$P3N`` and the like."""
    upper = name.upper()
    return upper.startswith("$P") and upper[2:3].isdigit()


def _channel_keywords(n: int, channel: Mapping[str, str]) -> dict[str, str]:
    if not channel.get("N"):
        raise InvalidInputError("A channel of an FCS file needs a name", where=f"channel {n}", do="Give it one")
    said = {"N": channel["N"], "B": "32", "E": "0,0", "R": channel.get("R") or "262144"}
    said |= {key: value for key, value in channel.items() if key not in said and value}
    return {f"$P{n}{key}": value for key, value in said.items()}


def _with_offsets(text: dict[str, str], delimiter: str, n_bytes: int) -> bytes:
    """TEXT with the place of DATA at its end, in a fixed number of digits, behind a HEADER that agrees."""
    places = {"$BEGINDATA": "0" * _DIGITS, "$ENDDATA": "0" * _DIGITS}
    length = len(format_text({**text, **places}, delimiter))
    start = TEXT_START + length
    end = start + n_bytes - 1
    places = {"$BEGINDATA": f"{start:0{_DIGITS}d}", "$ENDDATA": f"{end:0{_DIGITS}d}"}
    data = (start, end) if end <= MAX_HEADER_OFFSET else (0, 0)
    offsets = (TEXT_START, start - 1, *data, 0, 0)
    header = "FCS3.1    " + "".join(f"{offset:08d}" for offset in offsets)
    return header.encode() + format_text({**text, **places}, delimiter)


def fcs_pieces(head: bytes, blocks: Iterable[np.ndarray]) -> Iterator[bytes]:
    """The file in pieces.

    Parameters
    ----------
    head : of `fcs_head`
    blocks : events in order, each block of shape (n_channels, n_block), float; written as float32
    """
    yield head
    for block in blocks:
        yield np.ascontiguousarray(block.T, dtype="<f4").tobytes()
