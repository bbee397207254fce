"""Reader of matrices in delimited text (TSV, CSV; plain or gzipped), genes x cells or cells x genes, in blocks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import cell_index, feature_table, looks_like_ensembl
from cytosol.formats.files import only_file, open_unpacked, readable
from cytosol.formats.orientation import count_dates, find_orientation
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.textlists import decode
from cytosol.formats.textnumbers import Entries, NotNumberError, WrongWidthError, parse_lines
from cytosol.formats.values import Checker

DELIMITERS = {"tab": b"\t", "semicolon": b";", "comma": b",", "space": b" "}
ORIENTATIONS = ("auto", "genes-by-cells", "cells-by-genes")
_TITLES = {value: name for name, value in DELIMITERS.items()}
_CHUNK = 4 << 20
_MAX_LINE = 1 << 30
_SAMPLE_LINES = 20
_MAX_NAME_COLUMNS = 5
_NUMBER = re.compile(r"^\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*$")
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+\s*$")
_QUOTED_COMMA = re.compile(rb'"[-+]?\d+,\d+"')
_MISSING = frozenset({"", "na", "nan", "null", "none", "n/a", "-", "#n/a", "#value!", "#ref!"})
_SPREADSHEET_COLUMNS = 16_384
_SPREADSHEET_ROWS = 1_048_576


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the text is laid out.

    Attributes
    ----------
    delimiter : one byte
    columns : names above the numbers
    name_titles : names above the columns of names; "" where there is none
    """

    delimiter: bytes
    columns: list[str]
    name_titles: list[str]

    @property
    def skip(self) -> int:
        """Columns of names before the numbers."""
        return len(self.name_titles)

    @property
    def width(self) -> int:
        """Fields of each line below the header."""
        return len(self.columns) + self.skip


def open_delimited(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a text matrix whose first row and first column are names.

    Parameters
    ----------
    files : {"matrix": the file}
    options : "orientation" (auto, genes-by-cells, cells-by-genes), "delimiter" (auto, tab, comma, semicolon, space)

    Raises
    ------
    UnreadableFileError
        The text is damaged, has no names, or its lines differ in length; with the row.
    InvalidInputError
        A field is empty, no number, or no number of the kind; with row and column.
    """
    source = only_file(files, "A text matrix")
    with readable(source.name, "text file"):
        layout = _find_layout(source, options.get("delimiter", "auto"))
        names = _read_row_names(source, layout)
    rows = [fields[0] for fields in names]
    rows_are_genes, notes = _orient(layout, rows, names, options.get("orientation", "auto"))
    notes += _spreadsheet_notes(layout, rows)
    columns_where, rows_where = f"{source.name}, row 1", f"{source.name}, column 1"
    if rows_are_genes:
        symbols, ids, extra = _gene_names(names)
        var, more = feature_table(symbols, ids=ids, where=rows_where)
        cells, even_more = cell_index(layout.columns, where=columns_where)
        obs = pd.DataFrame(index=cells)
        notes += extra
    else:
        var, more = feature_table(layout.columns, where=columns_where)
        cells, even_more = cell_index(rows, where=rows_where)
        obs = pd.DataFrame(
            {
                title or f"column {place + 1}": pd.Categorical([fields[place] for fields in names])
                for place, title in enumerate(layout.name_titles)
                if place
            },
            index=cells,
        )
    notes += more + even_more
    dates = count_dates(var.attrs["symbols"])
    if dates:
        notes.append(f"{dates} gene names look like dates (1-Mar, 2-Sep): a spreadsheet changed them.")
    check = Checker(kind=matrix, place=source.name, cells=cells, features=var.index)

    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        return _blocks(source, layout, check, rows_are_genes=rows_are_genes, block_bytes=block_bytes)

    return MatrixTable(
        obs=obs,
        var=var,
        kind=matrix,
        make_blocks=blocks,
        notes=notes,
        memory_bytes=2 * DEFAULT_BLOCK_BYTES + 30 * max(_CHUNK, 12 * layout.width),
    )


def _find_layout(source: Source, wanted: str) -> _Layout:
    with open_unpacked(source) as stream:
        header = _first_line(stream, source.name)
        sample = [line for _, line in zip(range(_SAMPLE_LINES), _lines(stream, source.name), strict=False)]
    if not sample:
        raise UnreadableFileError(
            "The text has one row at most, so it is not a matrix", where=source.name, do=_DO_SHAPE
        )
    delimiter = DELIMITERS.get(wanted) or _find_delimiter(header, sample[0], source.name)
    top, fields = _fields(header, delimiter, source.name), [_fields(line, delimiter, source.name) for line in sample]
    width = len(fields[0])
    if width < 2:
        raise UnreadableFileError(
            f"The rows have one field when cut at each {_TITLES[delimiter]}",
            where=f"{source.name}, row 2",
            do=_DO_SHAPE,
        )
    if len(top) not in (width, width - 1):
        raise UnreadableFileError(
            f"Row 1 has {len(top)} fields, but row 2 has {width}",
            where=source.name,
            do="Give every row the same number of fields; row 1 may lack the corner above the row names",
        )
    skip = 1
    while skip < min(width - 1, _MAX_NAME_COLUMNS) and all(_is_text(row[skip]) for row in fields if len(row) > skip):
        skip += 1
    titles = top[:skip] if len(top) == width else ["", *top[: skip - 1]]
    columns = top[len(top) - (width - skip) :]
    _refuse_numbers(columns, fields, source.name)
    return _Layout(delimiter=delimiter, columns=columns, name_titles=[title.strip() for title in titles])


_DO_SHAPE = "Give a table with names in the first row and the first column and numbers elsewhere, cut by tabs or commas"


def _first_line(stream: BinaryIO, name: str) -> bytes:
    line = next(_lines(stream, name), b"")
    decode(line[:8192], name)
    if not line:
        raise UnreadableFileError("The file is empty", where=name, do=_DO_SHAPE)
    return line.removeprefix(b"\xef\xbb\xbf")


def _lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Lines that are not empty, without their end; a carriage return alone ends a line, too."""
    while True:
        line = stream.readline(_MAX_LINE)
        if not line:
            return
        if len(line) >= _MAX_LINE:
            raise UnreadableFileError("A line is longer than 1 GiB", where=name, do=_DO_SHAPE)
        line = line.rstrip(b"\r\n")
        if b"\r" in line:
            raise UnreadableFileError(
                "The lines end with carriage returns alone (an old Macintosh text)",
                where=name,
                do="Save it as CSV in UTF-8",
            )
        if line.strip():
            yield line


def _fields(line: bytes, delimiter: bytes, name: str) -> list[str]:
    text = decode(line, name)
    if '"' not in text:
        return text.split(delimiter.decode())
    return next(csv.reader([text], delimiter=delimiter.decode()), [])


def _find_delimiter(header: bytes, line: bytes, name: str) -> bytes:
    """The first of tab, semicolon, comma, blank that cuts two lines into equal parts (one less above)."""
    for delimiter in DELIMITERS.values():
        above, below = len(_fields(header, delimiter, name)), len(_fields(line, delimiter, name))
        if below > 1 and above in (below, below - 1):
            return delimiter
    counts = {delimiter: line.count(delimiter) for delimiter in DELIMITERS.values()}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    if not counts[best]:
        raise UnreadableFileError("No tab, comma or semicolon cuts the rows into fields", where=name, do=_DO_SHAPE)
    return best


def _is_text(field: str) -> bool:
    return field.strip().lower() not in _MISSING and not _NUMBER.match(field)


def _refuse_numbers(columns: list[str], fields: list[list[str]], name: str) -> None:
    """Refuse a table without names in its first row or column."""
    if len(columns) > 1 and all(map(_NUMBER.match, columns)) and len(set(columns)) < len(columns):
        raise UnreadableFileError("The first row holds numbers instead of names", where=f"{name}, row 1", do=_DO_SHAPE)
    first = [row[0] for row in fields]
    if len(first) > 1 and all(map(_NUMBER.match, first)) and len(set(first)) < len(first):
        raise UnreadableFileError(
            "The first column holds numbers instead of names", where=f"{name}, column 1", do=_DO_SHAPE
        )


def _read_row_names(source: Source, layout: _Layout) -> list[list[str]]:
    """The leading fields of each line below the header."""
    names = []
    with open_unpacked(source) as stream:
        lines = _lines(stream, source.name)
        next(lines, b"")
        for line in lines:
            if b'"' in line[:4096]:
                names.append(_fields(line[: _name_end(line, layout)], layout.delimiter, source.name))
            else:
                names.append(
                    decode(b"\t".join(line.split(layout.delimiter, layout.skip)[: layout.skip]), source.name).split(
                        "\t"
                    )
                )
            if len(names[-1]) != layout.skip:
                raise UnreadableFileError(
                    f"The row has {len(names[-1])} fields instead of {layout.width}",
                    where=f"{source.name}, row {len(names) + 1}",
                    do="Give every row the same number of fields; the file may be cut short",
                )
    return names


def _name_end(line: bytes, layout: _Layout) -> int:
    """Where the columns of names end: before the delimiter that the numbers follow."""
    quoted, left = False, layout.skip
    for place, letter in enumerate(line):
        if letter == 34:
            quoted = not quoted
        elif letter == layout.delimiter[0] and not quoted:
            left -= 1
            if not left:
                return place
    return len(line)


def _orient(layout: _Layout, rows: list[str], names: list[list[str]], wanted: str) -> tuple[bool, list[str]]:
    found = find_orientation(layout.name_titles[0], rows, layout.columns)
    if wanted != "auto":
        chosen, reason, certain = wanted == "genes-by-cells", "it was asked for", True
        note = (
            f" The names suggest the other orientation: {found.reason}."
            if found.certain and found.rows_are_genes != chosen
            else ""
        )
    else:
        chosen, reason, certain, note = found.rows_are_genes, found.reason, found.certain, ""
    this, other = ("genes x cells", "cells-by-genes") if chosen else ("cells x genes", "genes-by-cells")
    override = "" if wanted != "auto" else f" If it is not so, give the option orientation={other}."
    verb = "Read as" if certain else "Guessed to be"
    return chosen, [
        f"{verb} {this} ({len(rows)} rows, {len(layout.columns)} columns), because {reason}.{override}{note}"
    ]


def _spreadsheet_notes(layout: _Layout, rows: list[str]) -> list[str]:
    notes = []
    if layout.width == _SPREADSHEET_COLUMNS:
        notes.append(
            "The table has exactly 16,384 columns, the limit of spreadsheets: further columns may have been cut off."
        )
    if len(rows) + 1 == _SPREADSHEET_ROWS:
        notes.append(
            "The table has exactly 1,048,576 rows, the limit of spreadsheets: further rows may have been cut off."
        )
    return notes


def _gene_names(names: list[list[str]]) -> tuple[list[str], list[str] | None, list[str]]:
    """Symbols and ids from one or more columns of names."""
    columns = [[fields[place] for fields in names] for place in range(len(names[0]))]
    if len(columns) == 1:
        return columns[0], None, []
    shares = [sum(map(looks_like_ensembl, column)) / len(column) for column in columns]
    id_place = int(np.argmax(shares))
    if shares[id_place] < 0.5:
        return columns[0], None, [f"{len(columns) - 1} further text columns were left out."]
    symbol_place = next(place for place in range(len(columns)) if place != id_place)
    left = len(columns) - 2
    return columns[symbol_place], columns[id_place], [f"{left} further text columns were left out."] if left else []


def _blocks(
    source: Source, layout: _Layout, check: Checker, *, rows_are_genes: bool, block_bytes: int
) -> Iterator[MatrixBlock]:
    n_rows = len(check.features if rows_are_genes else check.cells)
    held: list[Entries] = []
    start = size = height = 0
    for entries in _parsed(source, layout):
        held.append(entries)
        size += len(entries.values)
        height += entries.n_rows
        if size * 24 + height * 8 >= block_bytes:
            yield _block(held, start, check, rows_are_genes=rows_are_genes)
            start, held, size, height = start + height, [], 0, 0
    if held:
        yield _block(held, start, check, rows_are_genes=rows_are_genes)
    if start + height != n_rows:
        raise UnreadableFileError(f"The file changed: {n_rows} rows, then {start + height}", where=source.name)


def _block(held: list[Entries], start: int, check: Checker, *, rows_are_genes: bool) -> MatrixBlock:
    counts = np.concatenate([np.bincount(entries.rows, minlength=entries.n_rows) for entries in held])
    pointers = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    columns = np.concatenate([entries.columns for entries in held]).astype(np.int32)
    values = np.concatenate([entries.values for entries in held])
    data, height = (values, columns, pointers), len(counts)
    if rows_are_genes:
        return check.columns(start, sp.csc_matrix(data, shape=(len(check.cells), height)))
    return check.rows(start, sp.csr_matrix(data, shape=(height, len(check.features))))


def _parsed(source: Source, layout: _Layout) -> Iterator[Entries]:
    """Numbers of whole lines, some MiB of text at a time."""
    with readable(source.name, "text file"), open_unpacked(source) as stream:
        lines = _lines(stream, source.name)
        next(lines, b"")
        row, rest = 2, b""
        while True:
            read = stream.read(_CHUNK)
            text = rest + read
            cut = len(text) if not read else text.rfind(b"\n") + 1
            text, rest = text[:cut], text[cut:]
            text = _tidy(text)
            if text:
                yield _parse(text, layout, row, source.name)
                row += text.count(b"\n")
            if not read:
                return


def _tidy(text: bytes) -> bytes:
    """Newlines alone, one after each line, no empty lines."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if text and not text.endswith(b"\n"):
        text += b"\n"
    if text.startswith(b"\n") or b"\n\n" in text or text.isspace():
        text = b"".join(line + b"\n" for line in text.split(b"\n") if line.strip())
    return text


def _parse(text: bytes, layout: _Layout, row: int, name: str) -> Entries:
    skip, width = layout.skip, layout.width
    if b'"' in text:
        if _QUOTED_COMMA.search(text):
            raise _decimal_comma(name, row)
        text = b"".join(line[_name_end(line, layout) + 1 :] + b"\n" for line in text.split(b"\n") if line)
        skip, width, text = 0, width - skip, text.replace(b'"', b"")
    try:
        return parse_lines(text, delimiter=layout.delimiter, width=width, skip=skip)
    except WrongWidthError as fault:
        found, expected = fault.found + layout.skip - skip, layout.width
        raise UnreadableFileError(
            f"The row has {found} fields instead of {expected}",
            where=f"{name}, row {row + fault.row}",
            do="Give every row the same number of fields; the file may be cut short, or use a comma for decimals",
        ) from None
    except NotNumberError as fault:
        raise _no_number(fault, layout, row + fault.row, name) from None


def _no_number(fault: NotNumberError, layout: _Layout, row: int, name: str) -> InvalidInputError:
    if _DECIMAL_COMMA.match(fault.text):
        return _decimal_comma(name, row, fault.text)
    place = f"{name}, row {row}, column {fault.column + layout.skip + 1} ('{layout.columns[fault.column]}')"
    if fault.text.strip().lower() in _MISSING:
        shown = f"The value '{fault.text}' is missing" if fault.text.strip() else "The field is empty"
        return InvalidInputError(
            shown, where=place, do="Write 0 where nothing was counted, or leave the row or column out"
        )
    return InvalidInputError(
        f"'{fault.text}' is not a number", where=place, do="Give numbers below and right of the names"
    )


def _decimal_comma(name: str, row: int, text: str = "1,5") -> InvalidInputError:
    return InvalidInputError(
        f"Numbers are written with a decimal comma ('{text}')",
        where=f"{name}, row {row}",
        do="Write them with a point (1.5), or export the table with English number formats",
    )
