"""Where DATA lies and how many events it holds, when HEADER, TEXT and $TOT do not agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cytosol.base.errors import UnreadableFileError
from cytosol.formats.fcs.records import FcsChannel, Keywords

_WORDS = (8, 16, 32, 64)
_CUT = "The file is cut short or its offsets are wrong: copy or export it again and compare its size"


@dataclass(frozen=True, slots=True)
class Extent:
    """DATA of a data set; ``start`` counts from the beginning of the data set."""

    start: int
    n_bytes: int
    n_events: int
    notes: tuple[str, ...]


def event_bits(channels: Sequence[FcsChannel]) -> int:
    """Bits of one event; 0 where blanks part the values."""
    widths = [channel.bits for channel in channels]
    return 0 if not all(widths) else sum(widths)


def as_stored(keywords: Keywords, channels: tuple[FcsChannel, ...], header: Sequence[int]) -> tuple[FcsChannel, ...]:
    """Channels with the widths that DATA really has.

    Integers of odd widths are packed without gaps, or each stands in whole bytes, or in 8, 16, 32 or 64 bits, as some
    instruments write them: the first of these that has the length of $TOT events; else as the file says it.

    Parameters
    ----------
    header : beginning and end (its last byte) of TEXT and DATA, as HEADER says; 0 = it does not say
    """
    total = keywords.whole("$TOT", -1)
    if total <= 0 or all(channel.bits in _WORDS or channel.datatype != "I" for channel in channels):
        return channels
    lengths = {end - start + 1 for start, end in _places(keywords, header)}
    for widen in (int, _whole_bytes, _whole_words):
        stored = tuple(_widened(channel, widen(channel.bits)) for channel in channels)
        expected = -(-total * event_bits(stored) // 8)
        if any(abs(length - expected) <= 1 for length in lengths):
            return stored
    return channels


def _whole_bytes(bits: int) -> int:
    return -(-bits // 8) * 8


def _whole_words(bits: int) -> int:
    return 8 << (-(-bits // 8) - 1).bit_length()


def _widened(channel: FcsChannel, bits: int) -> FcsChannel:
    if channel.datatype != "I" or bits == channel.bits:
        return channel
    return replace(channel, bits=bits, mask=channel.mask or (1 << channel.bits) - 1)


def _places(keywords: Keywords, header: Sequence[int]) -> list[tuple[int, int]]:
    """Where DATA begins and ends as TEXT and HEADER say it, and both mixed where they differ; not inside of TEXT."""
    text = keywords.whole("$BEGINDATA"), keywords.whole("$ENDDATA")
    places = [place for place in (text, (header[2], header[3])) if place[0] > 0]
    if len(places) == 2 and places[0] != places[1]:
        places += [(text[0], header[3]), (header[2], text[1])]
    return [place for place in places if not header[0] <= place[0] < header[1]] or places


def find_extent(
    keywords: Keywords, channels: Sequence[FcsChannel], header: Sequence[int], *, available: int, where: str
) -> Extent:
    """Settle on one place and one number of events.

    Of the places that HEADER and TEXT give, the first one whose length is that of $TOT events is taken, then one
    that is off by a byte, then the one of TEXT. The number of events is that of DATA where it holds a whole number
    of them, else $TOT.

    Parameters
    ----------
    header : beginning and end (its last byte) of TEXT and DATA, as HEADER says; 0 = it does not say
    available : bytes from the beginning of the data set to the end of the file

    Raises
    ------
    UnreadableFileError
        Where DATA does not fit into the file.
    """
    bits = event_bits(channels)
    said = keywords.get("$TOT")
    total = keywords.whole("$TOT", -1)
    places = _places(keywords, header)
    if not places and total != 0:
        raise UnreadableFileError(
            "Neither HEADER nor TEXT says where DATA begins", where=where, do="Export the file again"
        )
    if total == 0 and not _holds_events(places, bits, available):
        return Extent(places[0][0] if places else 0, 0, 0, ())
    expected = -(-total * bits // 8)
    start, end = _best(places, expected, available) if bits and total > 0 else places[0]
    notes = _disagreement(keywords, header, start)
    if not bits:
        return Extent(start, _within(start, end, available, where), max(total, -1), notes)
    held = (end - start + 1) * 8 // bits if end >= start else 0
    if total <= 0:
        return _by_length(start, held, bits, available=available, where=where, said=said, notes=notes)
    if start + expected > available:
        return _short(Extent(start, expected, total, notes), bits, (held, end), available, where=where)
    is_whole = (end - start + 1) * 8 - held * bits < 16 and 0 < end < available
    if abs(end - start + 1 - expected) <= 1 or not is_whole or held in (0, total):
        return Extent(start, expected, total, notes)
    return Extent(start, -(-held * bits // 8), held, (*notes, _other_total(total, held)))


def _holds_events(places: list[tuple[int, int]], bits: int, available: int) -> bool:
    """Whether DATA holds a whole number of events, however often its place is said."""
    if not bits or not places:
        return False
    lengths = [8 * (end - start + 1) for start, end in places if end < available]
    return len(lengths) == len(places) and min(lengths) >= bits and all(length % bits < 16 for length in lengths)


def _best(places: list[tuple[int, int]], expected: int, available: int) -> tuple[int, int]:
    for slack in (0, 1):
        for start, end in places:
            length = end - start + 1
            if abs(length - expected) <= slack and start + expected <= available:
                return start, end
    return places[0]


def _disagreement(keywords: Keywords, header: Sequence[int], start: int) -> tuple[str, ...]:
    said = keywords.whole("$BEGINDATA"), keywords.whole("$ENDDATA")
    if not said[0] or not header[2] or said == (header[2], header[3]):
        return ()
    places = [f"{first:,} to {last:,}" for first, last in ((header[2], header[3]), said)]
    return (f"HEADER says that DATA runs from byte {places[0]}, TEXT from {places[1]}; it was read from {start:,} on.",)


def _other_total(total: int, held: int) -> str:
    return f"$TOT says {total:,} events, but DATA holds {held:,}; these were read."


def _within(start: int, end: int, available: int, where: str) -> int:
    if end >= available or end < start:
        raise UnreadableFileError(
            f"DATA should run from byte {start:,} to {end:,}, but the file ends at {available:,}", where=where, do=_CUT
        )
    return end - start + 1


def _by_length(
    start: int, held: int, bits: int, *, available: int, where: str, said: str, notes: tuple[str, ...]
) -> Extent:
    length = -(-held * bits // 8)
    if start + length > available:
        raise UnreadableFileError(
            f"DATA should hold {held:,} events from byte {start:,} on, but the file ends at {available:,}",
            where=where,
            do=_CUT,
        )
    told = f"$TOT is '{said[:32]}'" if said else "The file has no $TOT"
    return Extent(start, length, held, (*notes, f"{told}; DATA holds {held:,} events."))


def _short(asked: Extent, bits: int, own: tuple[int, int], available: int, *, where: str) -> Extent:
    """DATA cannot hold $TOT events: fine only where its own number of events and end say so as well."""
    held, end = own
    length = -(-held * bits // 8)
    if held > 0 and end < available and held * bits % 8 == 0 and end - asked.start + 1 - length <= 1:
        return Extent(asked.start, length, held, (*asked.notes, _other_total(asked.n_events, held)))
    inside = max(0, available - asked.start) * 8 // bits
    raise UnreadableFileError(
        f"{asked.n_events:,} events are announced, but the file holds {inside:,} of them: DATA should run from byte "
        f"{asked.start:,} to {asked.start + asked.n_bytes - 1:,}, and the file ends at {available:,}",
        where=where,
        do=_CUT,
    )
