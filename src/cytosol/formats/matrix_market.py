"""Matrix Market files (coordinate integer or real), parsed in pieces and grouped by cell or by feature."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import scipy.io
import scipy.sparse as sp

from cytosol.base.errors import CytosolError, UnreadableFileError, UnsupportedFormatError
from cytosol.base.protocols import Source
from cytosol.base.tables import MatrixBlock
from cytosol.formats.files import open_unpacked, readable
from cytosol.formats.spool import CellSpool, sorted_blocks
from cytosol.formats.values import Checker

BANNER = b"%%MatrixMarket"
READ_BYTES = 16 << 20
_ORDER_ENTRIES = 4_000_000
_MAX_HEADER_LINES = 10_000
_LINE = re.compile(rb"^[ \t]*\d+[ \t]+\d+[ \t]+[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?[ \t]*$")
_DO = "Give the matrix.mtx(.gz) that Cell Ranger wrote; copy it again if it was cut short"

Order = Literal["cells", "features", "none"]
_Triple = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Header:
    """Size line and field of a Matrix Market file; ``lines`` counts the lines up to and with the size line."""

    n_rows: int
    n_columns: int
    n_entries: int
    field: str
    lines: int


@dataclass(frozen=True, slots=True)
class _Entries:
    """Some consecutive entries; rows and columns count from 0; ``line`` is the first one's line in the file."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    line: int


@dataclass(frozen=True, slots=True)
class MarketFile:
    """A Matrix Market file whose layout is known.

    Attributes
    ----------
    swapped : whether its rows are cells
    order : what its entries are grouped by, judged from the first four million
    """

    source: Source
    header: Header
    swapped: bool
    order: Order


def read_header(stream: BinaryIO, name: str) -> Header:
    """Read the lines up to the size line, and refuse kinds that hold no counts."""
    with readable(name, "Matrix Market file"):
        banner = stream.readline(4096)
        words = banner.decode("latin-1").lower().split()
        if not banner.startswith(BANNER) or len(words) != 5:
            raise UnreadableFileError("The first line is not that of a Matrix Market file", where=name, do=_DO)
        _, _, layout, field, symmetry = words
        if layout != "coordinate" or field not in ("integer", "real") or symmetry != "general":
            raise UnsupportedFormatError(
                f"The Matrix Market kind '{layout} {field} {symmetry}' is not read",
                where=f"{name}, line 1",
                do="Write it as 'coordinate integer general' or 'coordinate real general'",
            )
        for number in range(2, _MAX_HEADER_LINES):
            line = stream.readline(1 << 20)
            if line.strip() and not line.startswith(b"%"):
                return _size_line(line, field, number, name)
            if not line:
                break
    raise UnreadableFileError("The line with the size of the matrix is missing", where=name, do=_DO)


def _size_line(line: bytes, field: str, number: int, name: str) -> Header:
    words = line.split()
    if len(words) != 3 or not all(word.isdigit() and len(word) < 16 for word in words):
        raise UnreadableFileError(
            "The size line does not hold the three numbers rows, columns, entries",
            where=f"{name}, line {number}",
            do=_DO,
        )
    n_rows, n_columns, n_entries = map(int, words)
    if not n_rows or not n_columns:
        raise UnreadableFileError(
            f"The matrix is empty ({n_rows} x {n_columns})",
            where=f"{name}, line {number}",
            do="Give a matrix with cells",
        )
    if max(n_rows, n_columns) >= 1 << 31 or n_entries > n_rows * n_columns:
        raise UnreadableFileError(
            f"The size line is impossible: {n_entries} entries in {n_rows} x {n_columns}",
            where=f"{name}, line {number}",
            do=_DO,
        )
    return Header(n_rows, n_columns, n_entries, field, number)


def _entries(source: Source, header: Header) -> Iterator[_Entries]:
    """Parse the entries in the order of the file, about 16 MiB of text at a time."""
    with readable(source.name, "Matrix Market file"), open_unpacked(source) as stream:
        read_header(stream, source.name)
        line, rest, done = header.lines + 1, b"", 0
        while True:
            text = stream.read(READ_BYTES)
            text, rest = _whole_lines(rest + text, last=not text)
            if text:
                piece = _parse(text, header, line, source.name)
                line += text.count(b"\n")
                done += len(piece.values)
                yield piece
            if not text and not rest:
                break
        if done != header.n_entries:
            raise UnreadableFileError(
                f"The matrix announces {header.n_entries} entries but holds {done}", where=source.name, do=_DO
            )


def _whole_lines(text: bytes, *, last: bool) -> tuple[bytes, bytes]:
    if last:
        return (text if not text or text.endswith(b"\n") else text + b"\n"), b""
    cut = text.rfind(b"\n") + 1
    if not cut and len(text) > READ_BYTES:
        raise UnreadableFileError("A line is longer than 16 MiB", do=_DO)
    return text[:cut], text[cut:]


def _parse(text: bytes, header: Header, line: int, name: str) -> _Entries:
    """Parse whole lines with scipy's reader, by giving them a header of their own."""
    count = text.count(b"\n")
    if b"\n\n" in text or b"\r" in text or text.startswith(b"\n") or text.isspace():
        text = b"".join(row.rstrip() + b"\n" for row in text.split(b"\n") if row.strip())
        count = text.count(b"\n")
    if not count:
        empty = np.zeros(0, dtype=np.int32)
        return _Entries(empty, empty, np.zeros(0), line)
    head = b"%%%%MatrixMarket matrix coordinate %s general\n%d %d %d\n" % (
        header.field.encode(),
        header.n_rows,
        header.n_columns,
        count,
    )
    if not _is_plain(text, header.field, count):
        raise _bad_line(text, header, line, name)
    try:
        found = scipy.io.mmread(io.BytesIO(head + text), spmatrix=False)
    except (ValueError, OverflowError, RuntimeError) as error:
        raise _bad_line(text, header, line, name) from error
    return _Entries(found.row, found.col, found.data, line)


def _is_plain(text: bytes, field: str, count: int) -> bool:
    """Whether each line is three numbers and nothing else; scipy's reader skips what stands behind the third."""
    letters = b"0123456789 \t\n-" if field == "integer" else b"0123456789 \t\n-+.eE"
    if text.translate(None, letters):
        return False
    if text.count(b" ") + text.count(b"\t") == 2 * count and text.count(b"-") == text.count(b" -") + text.count(b"e-"):
        return True
    return all(_LINE.match(row) for row in text.split(b"\n") if row)


def _bad_line(text: bytes, header: Header, first: int, name: str) -> CytosolError:
    """Find the line that could not be parsed."""
    for number, row in enumerate(text.split(b"\n"), start=first):
        words = row.split()
        shown = row[:60].decode("latin-1")
        if row.strip() and not _LINE.match(row):
            what = f"The line '{shown}' is not 'row column value'"
        elif words and not (1 <= int(words[0]) <= header.n_rows and 1 <= int(words[1]) <= header.n_columns):
            what = f"The entry '{shown}' lies outside of the matrix of {header.n_rows} x {header.n_columns}"
        elif words and header.field == "integer" and not words[2].lstrip(b"+-").isdigit():
            what = f"The value in '{shown}' is not whole, though the first line announces integers"
        else:
            continue
        return UnreadableFileError(what, where=f"{name}, line {number}", do=_DO)
    return UnreadableFileError("A line cannot be understood", where=f"{name}, after line {first}", do=_DO)


def find_order(source: Source, header: Header, *, swapped: bool) -> Order:
    """What the entries are grouped by, judged from the first four million."""
    by_row = by_column = True
    last_row = last_column = -1
    seen = 0
    for piece in _entries(source, header):
        if not len(piece.values):
            continue
        by_row &= bool(piece.rows[0] >= last_row and (np.diff(piece.rows) >= 0).all())
        by_column &= bool(piece.columns[0] >= last_column and (np.diff(piece.columns) >= 0).all())
        last_row, last_column = int(piece.rows[-1]), int(piece.columns[-1])
        seen += len(piece.values)
        if not (by_row or by_column) or seen >= _ORDER_ENTRIES:
            break
    by_cell, by_feature = (by_row, by_column) if swapped else (by_column, by_row)
    if by_cell:
        return "cells"
    return "features" if by_feature else "none"


def market_blocks(market: MarketFile, check: Checker, block_bytes: int) -> Iterator[MatrixBlock]:
    """Checked blocks: by cells or features if the entries are grouped so, else by cells through temporary files."""
    header, swapped, order = market.header, market.swapped, market.order
    n_features, n_cells = len(check.features), len(check.cells)
    if order == "none":
        spool = CellSpool(n_cells, n_features, n_entries=header.n_entries, block_bytes=block_bytes)
        for piece in _entries(market.source, header):
            cells, features = (piece.rows, piece.columns) if swapped else (piece.columns, piece.rows)
            spool.add(cells, features, piece.values)
        yield from sorted_blocks(spool, check)
        return
    major_is_row = (order == "cells") == swapped
    n_major, n_minor = (n_cells, n_features) if order == "cells" else (n_features, n_cells)
    groups = _grouped(market, major_is_row=major_is_row, n_major=n_major, max_entries=max(1, block_bytes // 16))
    for start, stop, data in groups:
        major, minor, values = data
        pointers = np.searchsorted(major, np.arange(start, stop + 1)).astype(np.int32)
        if order == "cells":
            yield check.rows(start, sp.csr_matrix((values, minor, pointers), shape=(stop - start, n_minor)))
        else:
            yield check.columns(start, sp.csc_matrix((values, minor, pointers), shape=(n_minor, stop - start)))


def _grouped(
    market: MarketFile, *, major_is_row: bool, n_major: int, max_entries: int
) -> Iterator[tuple[int, int, _Triple]]:
    """Runs of whole rows of the major axis with their entries; together they cover the axis."""
    held: list[_Triple] = []
    count, start, last = 0, 0, 0
    for piece in _entries(market.source, market.header):
        major, minor = (piece.rows, piece.columns) if major_is_row else (piece.columns, piece.rows)
        if not len(major):
            continue
        fault = int(np.argmax(np.diff(major, prepend=last) < 0))
        if major[fault] < (major[fault - 1] if fault else last):
            raise UnreadableFileError(
                "The entries are grouped by cell or feature up to this line and then no more",
                where=f"{market.source.name}, line {piece.line + fault}",
                do="Sort the lines by their second column, or write the matrix again with Matrix::writeMM",
            )
        last = int(major[-1])
        held.append((major, minor, piece.values))
        count += len(major)
        if count >= max_entries and last > start:
            done, rest = _cut(held, last)
            yield from _slices(done, start, last, max_entries)
            held, count, start = [rest], len(rest[0]), last
    empty = np.zeros(0, dtype=np.int32)
    done = _join(held) if held else (empty, empty, np.zeros(0))
    yield from _slices(done, start, n_major, max_entries)


def _join(held: list[_Triple]) -> _Triple:
    return tuple(np.concatenate(parts) for parts in zip(*held, strict=True))  # type: ignore[return-value]


def _cut(held: list[_Triple], last: int) -> tuple[_Triple, _Triple]:
    """Entries before the row ``last``, which may go on, and those of it."""
    major, minor, values = _join(held)
    edge = int(np.searchsorted(major, last))
    return (major[:edge], minor[:edge], values[:edge]), (major[edge:], minor[edge:], values[edge:])


def _slices(data: _Triple, start: int, stop: int, max_entries: int) -> Iterator[tuple[int, int, _Triple]]:
    """Cut rows ``start`` to ``stop`` into runs of about ``max_entries`` entries."""
    major, minor, values = data
    while start < stop:
        edge = min(max_entries, len(major))
        if edge == len(major):
            yield start, stop, (major, minor, values)
            return
        cut = max(int(major[edge]), start + 1)
        at = int(np.searchsorted(major, cut))
        yield start, cut, (major[:at], minor[:at], values[:at])
        start, major, minor, values = cut, major[at:], minor[at:], values[at:]
