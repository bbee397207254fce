"""FCS files built byte by byte, right and wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cytosol.base.protocols import Source
from cytosol.formats.fcs.header import FcsHeader, read_headers
from cytosol.formats.fcs.reader import read_events
from cytosol.formats.files import BytesSource

TEXT_AT = 256


def build(
    keywords: Mapping[str, str],
    data: bytes,
    *,
    version: str = "3.1",
    delimiter: str = "/",
    header_data: tuple[int, int] | None = None,
    text_end: int = 0,
    trailer: bytes = b"",
    raw_text: str | None = None,
) -> bytes:
    """A file with TEXT at byte 256 and DATA behind it; $BEGINDATA and $ENDDATA are put in unless given.

    Parameters
    ----------
    header_data : what HEADER says about DATA; None = the truth
    text_end : added to what HEADER says about the end of TEXT
    raw_text : appended to TEXT as it is
    """
    values = {"$BEGINDATA": "0" * 8, "$ENDDATA": "0" * 8, **keywords}

    def text() -> bytes:
        pairs = "".join(f"{name}{delimiter}{value}{delimiter}" for name, value in values.items())
        return (delimiter + pairs + (raw_text or "")).encode()

    start = TEXT_AT + len(text())
    end = start + len(data) - 1
    for name, place in (("$BEGINDATA", start), ("$ENDDATA", end)):
        if name not in keywords:
            values[name] = f"{place:08d}"
    said = (start, end) if header_data is None else header_data
    offsets = (TEXT_AT, start - 1 + text_end, *said, 0, 0)
    head = f"FCS{version}    ".encode() + b"".join(b"%8d" % offset for offset in offsets)
    return head.ljust(TEXT_AT) + text() + data + trailer


def plain(n_events: int, names: Sequence[str], *, datatype: str = "F", bits: int = 32, **more: str) -> dict[str, str]:
    """The keywords that every data set needs; ``more`` has a leading ``_`` in place of ``$``."""
    keywords = {
        "$BYTEORD": "1,2,3,4",
        "$DATATYPE": datatype,
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$PAR": str(len(names)),
        "$TOT": str(n_events),
    }
    for n, name in enumerate(names, start=1):
        keywords |= {f"$P{n}N": name, f"$P{n}B": str(bits), f"$P{n}R": str(1 << min(bits, 18)), f"$P{n}E": "0,0"}
    return keywords | {"$" + key[1:] if key.startswith("_") else key: value for key, value in more.items()}


def floats(n_events: int, n_channels: int, *, seed: int = 1) -> np.ndarray:
    """Events, shape (n_events, n_channels), float32."""
    return np.random.default_rng(seed).normal(500, 300, (n_events, n_channels)).astype("<f4")


def source(content: bytes, name: str = "made.fcs") -> Source:
    return BytesSource(name, content)


def only(content: bytes) -> FcsHeader:
    (header,) = read_headers(source(content))
    return header


def events(content: bytes, *, linear: bool = True) -> np.ndarray:
    """Of the one data set: shape (n_events, n_channels)."""
    return read_events(only(content), linear=linear).T
