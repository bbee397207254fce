"""HEADER and TEXT of each data set of an FCS file: where its events lie, and how many there are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from cytosol.base.errors import UnreadableFileError, UnsupportedFormatError
from cytosol.base.protocols import Source
from cytosol.formats.fcs.channels import beyond_count, read_channels
from cytosol.formats.fcs.extent import as_stored, find_extent
from cytosol.formats.fcs.records import FcsChannel, Keywords
from cytosol.formats.fcs.text import parse_text, split_numbers
from cytosol.formats.files import readable

HEADER_BYTES = 58
MAX_TEXT_BYTES = 64 << 20
MAX_DATA_SETS = 1000
MAX_FREE_TEXT_BYTES = 64 << 20
"""Numbers parted by blanks are read at once, and take some twenty times that much memory."""
_VERSION = re.compile(rb"FCS([1-9]\.\d)")


@dataclass(frozen=True, slots=True)
class FcsHeader:
    """A data set before its events are read.

    Attributes
    ----------
    number : of the data set in the file, from 1
    version : of the standard, such as "3.1"
    byte_order : significance of the bytes of a value in the order of the file, 1 = least; () for text
    n_events : events that DATA holds
    data_start : where DATA begins in the file
    notes : what was mended while reading, a sentence each
    """

    source: Source
    number: int
    version: str
    keywords: Keywords
    channels: tuple[FcsChannel, ...]
    datatype: str
    byte_order: tuple[int, ...]
    n_events: int
    data_start: int
    data_bytes: int
    notes: tuple[str, ...]


def read_headers(source: Source) -> list[FcsHeader]:
    """All data sets of a file, in their order.

    Raises
    ------
    UnreadableFileError
        Where the file is no FCS file, is cut short or contradicts itself.
    UnsupportedFormatError
        Where it holds histograms in place of events.
    """
    headers: list[FcsHeader] = []
    with readable(source.name, "FCS file"), source.open() as stream:
        at = 0
        while len(headers) < MAX_DATA_SETS:
            header = _read_header(source, stream, at, len(headers) + 1)
            headers.append(header)
            following = header.keywords.whole("$NEXTDATA")
            if following <= 0:
                break
            places = [place for place in (at + following, following) if at < place < source.size]
            at = next((place for place in places if _VERSION.match(_read(stream, place, 6))), 0)
            if not at:
                break  # some instruments leave a number there that points to nothing
    return headers


def _read_header(source: Source, stream: BinaryIO, at: int, number: int) -> FcsHeader:
    where = source.name if number == 1 else f"{source.name}, data set {number}"
    head = _read(stream, at, HEADER_BYTES)
    version = _VERSION.match(head)
    if version is None:
        raise UnreadableFileError(
            "This is no FCS file: it does not begin with 'FCS' and a version",
            where=where,
            do="Check that it is the file that the instrument wrote, and that it was copied whole",
        )
    offsets = _offsets(head)
    keywords = _keywords(stream, at, offsets, source.size, where=where)
    mode = keywords.get("$MODE", "L").upper()
    if mode != "L":
        raise UnsupportedFormatError(
            f"$MODE is '{mode[:16]}': the file holds histograms, not events",
            where=where,
            do="Export it in list mode",
        )
    datatype = keywords.get("$DATATYPE").upper()
    if datatype not in ("F", "D", "I", "A"):
        raise UnreadableFileError(
            f"$DATATYPE is '{datatype[:16]}'", where=where, do="It has to be F, D, I or A; export the file again"
        )
    channels = as_stored(keywords, read_channels(keywords, datatype=datatype, where=where), offsets[:4])
    extent = find_extent(keywords, channels, offsets[:4], available=source.size - at, where=where)
    n_events = extent.n_events
    if datatype == "A" and not all(channel.bits for channel in channels) and extent.n_bytes > MAX_FREE_TEXT_BYTES:
        raise UnsupportedFormatError(
            f"DATA is {extent.n_bytes >> 20:,} MiB of numbers as text, parted by blanks; at most "
            f"{MAX_FREE_TEXT_BYTES >> 20} are read",
            where=where,
            do="Export it as float32",
        )
    if n_events < 0:  # $TOT does not say it, and neither do widths
        n_events = len(split_numbers(_read(stream, at + extent.start, extent.n_bytes))) // len(channels)
    return FcsHeader(
        source=source,
        number=number,
        version=version[1].decode(),
        keywords=keywords,
        channels=channels,
        datatype=datatype,
        byte_order=_byte_order(keywords, channels, where=where),
        n_events=n_events,
        data_start=at + extent.start,
        data_bytes=extent.n_bytes,
        notes=(*beyond_count(keywords, len(channels)), *extent.notes),
    )


def _read(stream: BinaryIO, at: int, length: int) -> bytes:
    stream.seek(at)
    return stream.read(length)


def _offsets(head: bytes) -> list[int]:
    """Beginning and end of TEXT, DATA and ANALYSIS; 0 where the header says nothing."""
    found = []
    for place in range(10, HEADER_BYTES, 8):
        text = head[place : place + 8].strip(b" \x00")
        found.append(int(text) if text.isdigit() else 0)
    return found


def _keywords(stream: BinaryIO, at: int, offsets: list[int], size: int, *, where: str) -> Keywords:
    start, end = offsets[0], offsets[1]
    length = end - start + 1
    if start < HEADER_BYTES or length < 2 or at + start >= size:
        raise UnreadableFileError(
            f"The header says that TEXT runs from byte {start:,} to {end:,}, which cannot be",
            where=where,
            do="Copy the file again and compare its size with the first copy",
        )
    if length > MAX_TEXT_BYTES or at + end >= size + 1:
        raise UnreadableFileError(
            f"TEXT should run to byte {at + end:,}, but the file ends at {size:,}",
            where=where,
            do="The file is cut short: copy it again and compare its size with the first copy",
        )
    data = _read(stream, at + start, length + 1)
    # where the end is said one byte too early, the last delimiter still belongs to TEXT; pairs of them are characters
    n_last = length - len(data[:length].rstrip(data[:1]))
    data = data if data[length:] == data[:1] and n_last % 2 == 0 else data[:length]
    keywords = Keywords(parse_text(data, where=where))
    more, last = keywords.whole("$BEGINSTEXT"), keywords.whole("$ENDSTEXT")
    if more >= HEADER_BYTES and more != start and 2 <= last - more + 1 <= MAX_TEXT_BYTES and at + last < size:
        supplement = _read(stream, at + more, last - more + 1)
        if supplement[:1] == data[:1]:  # some instruments leave offsets there that point to something else
            keywords.add(parse_text(supplement, where=f"{where}, supplemental TEXT"))
    return keywords


def _byte_order(keywords: Keywords, channels: tuple[FcsChannel, ...], *, where: str) -> tuple[int, ...]:
    if all(channel.datatype == "A" or channel.bits == 8 for channel in channels):
        return ()
    text = keywords.get("$BYTEORD")
    order = tuple(int(part) for part in re.findall(r"\d+", text))
    if not order or len(order) > 8 or sorted(order) != list(range(1, len(order) + 1)):
        raise UnreadableFileError(
            f"$BYTEORD is '{text[:32]}', so the bytes of a value cannot be put in order",
            where=where,
            do="It has to be such as 1,2,3,4 or 4,3,2,1; export the file again",
        )
    return order
