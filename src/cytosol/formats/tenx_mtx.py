"""Reader of Matrix Market triplets as Cell Ranger writes them: matrix, features (or genes) and barcodes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

from cytosol.base.errors import CytosolError, InvalidInputError, UnreadableFileError, UnsupportedFormatError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import cell_index, feature_table
from cytosol.formats.files import open_unpacked, readable
from cytosol.formats.spool import CellSpool, sorted_blocks
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.textlists import FeatureList, read_features, read_names, read_rows
from cytosol.formats.values import Checker

BANNER = b"%%MatrixMarket"
_ROLES = ("matrix", "features", "barcodes")
_READ_BYTES = 16 << 20
_ORDER_ENTRIES = 4_000_000
_MAX_HEADER_LINES = 10_000
_LINE = re.compile(rb"^[ \t]*\d+[ \t]+\d+[ \t]+[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?[ \t]*$")
_DO = "Give the matrix.mtx(.gz) that Cell Ranger wrote; copy it again if it was cut short"


@dataclass(frozen=True, slots=True)
class _Header:
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


def open_tenx_mtx(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a triplet, each file plain or gzipped, under any name.

    Parameters
    ----------
    files : roles "matrix", "features" and "barcodes"

    Raises
    ------
    UnreadableFileError
        A file is damaged, or the three disagree; the sentence has the three counts.
    """
    missing = [role for role in _ROLES if role not in files]
    if missing:
        raise InvalidInputError(
            f"A 10x MTX matrix is three files; {' and '.join(missing)} is missing",
            where=", ".join(source.name for source in files.values()),
            do="Give matrix.mtx.gz, features.tsv.gz (or genes.tsv) and barcodes.tsv.gz together",
        )
    source = files["matrix"]
    with open_unpacked(source) as stream:
        header = _read_header(stream, source.name)
    swapped, listed, barcodes = _read_lists(header, files)
    notes = ["The rows of the matrix are cells and its columns features; it was turned."] if swapped else []
    cells, more = cell_index(barcodes, where=files["barcodes"].name)
    notes += more
    var, more = feature_table(
        listed.symbols, ids=listed.ids, types=listed.types, genomes=listed.genomes, where=files["features"].name
    )
    notes += more
    check = Checker(kind=matrix, place=source.name, cells=cells, features=var.index)
    order = _find_order(source, header, swapped)
    if order == "none":
        notes.append("The entries are in no order and are sorted by cell through a temporary file.")

    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        return _blocks(source, header, swapped, order, check, block_bytes)

    return MatrixTable(
        obs=pd.DataFrame(index=cells),
        var=var,
        kind=matrix,
        make_blocks=blocks,
        notes=notes,
        memory_bytes=3 * DEFAULT_BLOCK_BYTES + 12 * _READ_BYTES,
    )


def _read_lists(header: _Header, files: Mapping[str, Source]) -> tuple[bool, FeatureList, list[str]]:
    """Features and barcodes, and whether the rows of the file are cells (Parse Biosciences and others write it so)."""
    feature_rows, barcode_rows = read_rows(files["features"]), read_rows(files["barcodes"])
    listed, barcodes = read_features(feature_rows, header.n_rows), read_names(barcode_rows, header.n_columns)
    if (len(listed.symbols), len(barcodes)) == (header.n_rows, header.n_columns):
        return False, listed, barcodes
    turned, turned_barcodes = read_features(feature_rows, header.n_columns), read_names(barcode_rows, header.n_rows)
    if (len(turned.symbols), len(turned_barcodes)) == (header.n_columns, header.n_rows):
        return True, turned, turned_barcodes
    raise UnreadableFileError(
        f"The matrix has {header.n_rows} features and {header.n_columns} barcodes, the list of features has "
        f"{len(listed.symbols)} and the list of barcodes {len(barcodes)}",
        where=", ".join(files[role].name for role in _ROLES),
        do="Give the three files of the same run and folder",
    )


def _read_header(stream: BinaryIO, name: str) -> _Header:
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


def _size_line(line: bytes, field: str, number: int, name: str) -> _Header:
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
    return _Header(n_rows, n_columns, n_entries, field, number)


def _entries(source: Source, header: _Header) -> Iterator[_Entries]:
    """Parse the entries in the order of the file, about 16 MiB of text at a time."""
    with readable(source.name, "Matrix Market file"), open_unpacked(source) as stream:
        _read_header(stream, source.name)
        line, rest, done = header.lines + 1, b"", 0
        while True:
            text = stream.read(_READ_BYTES)
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
    if not cut and len(text) > _READ_BYTES:
        raise UnreadableFileError("A line is longer than 16 MiB", do=_DO)
    return text[:cut], text[cut:]


def _parse(text: bytes, header: _Header, line: int, name: str) -> _Entries:
    """Parse whole lines with scipy's reader, by giving them a header of their own."""
    count = text.count(b"\n")
    if b"\n\n" in text or b"\r" in text or text.startswith(b"\n") or text.isspace():
        text = b"".join(row + b"\n" for row in text.split(b"\n") if row.strip())
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
    try:
        found = scipy.io.mmread(io.BytesIO(head + text), spmatrix=False)
    except (ValueError, OverflowError, RuntimeError) as error:
        raise _bad_line(text, header, line, name) from error
    return _Entries(found.row, found.col, found.data, line)


def _bad_line(text: bytes, header: _Header, first: int, name: str) -> CytosolError:
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


Order = Literal["cells", "features", "none"]


def _find_order(source: Source, header: _Header, swapped: bool) -> Order:
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


def _blocks(
    source: Source, header: _Header, swapped: bool, order: Order, check: Checker, block_bytes: int
) -> Iterator[MatrixBlock]:
    n_features, n_cells = len(check.features), len(check.cells)
    if order == "none":
        spool = CellSpool(n_cells, n_features, n_entries=header.n_entries, block_bytes=block_bytes)
        for piece in _entries(source, header):
            cells, features = (piece.rows, piece.columns) if swapped else (piece.columns, piece.rows)
            spool.add(cells, features, piece.values)
        yield from sorted_blocks(spool, check)
        return
    major_is_row = (order == "cells") == swapped
    n_major, n_minor = (n_cells, n_features) if order == "cells" else (n_features, n_cells)
    for start, stop, data in _grouped(source, header, major_is_row, n_major, max(1, block_bytes // 16)):
        major, minor, values = data
        pointers = np.searchsorted(major, np.arange(start, stop + 1)).astype(np.int32)
        if order == "cells":
            yield check.rows(start, sp.csr_matrix((values, minor, pointers), shape=(stop - start, n_minor)))
        else:
            yield check.columns(start, sp.csc_matrix((values, minor, pointers), shape=(n_minor, stop - start)))


_Triple = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]


def _grouped(
    source: Source, header: _Header, major_is_row: bool, n_major: int, max_entries: int
) -> Iterator[tuple[int, int, _Triple]]:
    """Runs of whole rows of the major axis with their entries; together they cover the axis."""
    held: list[_Triple] = []
    count, start, last = 0, 0, 0
    for piece in _entries(source, header):
        major, minor = (piece.rows, piece.columns) if major_is_row else (piece.columns, piece.rows)
        if not len(major):
            continue
        fault = int(np.argmax(np.diff(major, prepend=last) < 0))
        if major[fault] < (major[fault - 1] if fault else last):
            raise UnreadableFileError(
                "The entries are grouped by cell or feature up to this line and then no more",
                where=f"{source.name}, line {piece.line + fault}",
                do="Sort the lines by their second column, or write the matrix again with Matrix::writeMM or scipy.io.mmwrite",
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
