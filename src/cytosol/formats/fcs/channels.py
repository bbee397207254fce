"""The parameters of a data set, from its keywords."""

from __future__ import annotations

import math
import re

from cytosol.base.errors import UnreadableFileError, UnsupportedFormatError
from cytosol.formats.fcs.records import FcsChannel, Keywords

MAX_CHANNELS = 10_000
_MAX_DECADES = 100
_NAME = re.compile(r"\$P([1-9][0-9]{0,5})N$")
_SHOWN = 5


def read_channels(keywords: Keywords, *, datatype: str, where: str) -> tuple[FcsChannel, ...]:
    """All parameters, in the order of the file.

    Raises
    ------
    UnreadableFileError
        Where their number or the width of one is not known.
    UnsupportedFormatError
        Where some of them are text and others are not.
    """
    count = keywords.whole("$PAR", -1)
    if not 0 < count <= MAX_CHANNELS:
        raise UnreadableFileError(
            f"$PAR is '{keywords.get('$PAR')[:32]}', not a number of channels from 1 to {MAX_CHANNELS:,}",
            where=where,
            do="Export the file again from the software of the instrument",
        )
    unknown = [n for n in range(1, count + 1) if not any(keywords.get(f"$P{n}{key}") for key in "NBRES")]
    if unknown:
        raise UnreadableFileError(
            f"$PAR says {count:,} channels, but TEXT says nothing about channel {unknown[0]:,}",
            where=where,
            do="Export the file again from the software of the instrument",
        )
    channels = tuple(_channel(keywords, n, datatype=datatype, where=where) for n in range(1, count + 1))
    if len({channel.datatype == "A" for channel in channels}) > 1:
        raise UnsupportedFormatError(
            "Numbers as text stand beside numbers of another type", where=where, do="Export the file again as float32"
        )
    return channels


def beyond_count(keywords: Keywords, n_channels: int) -> tuple[str, ...]:
    """What there is to say where TEXT names channels beyond $PAR, which is believed."""
    named = {int(found[1]) for name in keywords.text if (found := _NAME.match(name.upper()))}
    beyond = sorted(n for n in named if n > n_channels and keywords.get(f"$P{n}N"))
    if not beyond:
        return ()
    names = ", ".join(keywords.get(f"$P{n}N")[:64] for n in beyond[:_SHOWN])
    more = f" and {len(beyond) - _SHOWN} more" if len(beyond) > _SHOWN else ""
    told = f"TEXT names {len(beyond):,} more channels than the {n_channels:,} of $PAR: {names}{more}. $PAR is believed"
    return (f"{told}; where channels look mixed up, it is wrong.",)


def _channel(keywords: Keywords, n: int, *, datatype: str, where: str) -> FcsChannel:
    own_type = keywords.get(f"$P{n}DATATYPE", datatype).upper()[:1]
    reagent = keywords.get(f"$P{n}S") or None
    range_ = keywords.number(f"$P{n}R", math.nan)
    bits = _bits(keywords, n, datatype=own_type, where=where)
    decades, first = amplification(keywords, n)
    return FcsChannel(
        index=n,
        name=keywords.get(f"$P{n}N", reagent or f"P{n}"),
        reagent=reagent,
        datatype=own_type,
        bits=bits,
        range=range_,
        mask=_mask(range_, bits) if own_type == "I" else 0,
        decades=decades,
        first=first,
        gain=keywords.number(f"$P{n}G", 1.0),
    )


def _bits(keywords: Keywords, n: int, *, datatype: str, where: str) -> int:
    if datatype in "FD":
        return 32 if datatype == "F" else 64
    said = keywords.get(f"$P{n}B")
    if datatype == "A" and said in ("*", ""):
        return 0
    width = keywords.whole(f"$P{n}B")
    most = 64 if datatype == "I" else 256
    if datatype not in "IA" or not 0 < width <= most:
        what = f"$P{n}B is '{said[:32]}'" if datatype in "IA" else f"$P{n}DATATYPE is '{datatype}'"
        raise UnreadableFileError(
            f"{what}, so the values of channel {n} cannot be read",
            where=where,
            do=f"Widths of integers are 1 to {most} bits; types are F, D, I and A",
        )
    return width if datatype == "I" else 8 * width


def _mask(range_: float, bits: int) -> int:
    """Of an integer only the bits below the next power of two of its range count (FCS 3.1, $PnR)."""
    if not range_ >= 1:
        return 0
    mask = (1 << (math.ceil(range_) - 1).bit_length()) - 1
    return mask if 0 < mask < (1 << bits) - 1 else 0


def amplification(keywords: Keywords, n: int) -> tuple[float, float]:
    """$PnE of a channel: decades, and the value of channel 0; a 0 there is read as 1, as FCS 3.1 advises."""
    try:
        decades, first = (float(part) for part in keywords.get(f"$P{n}E").split(","))
    except ValueError:
        return 0.0, 0.0
    if not 0 < decades <= _MAX_DECADES or not abs(first) <= 10**_MAX_DECADES:
        return 0.0, 0.0
    return decades, first if first > 0 else 1.0
