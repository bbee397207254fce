"""The sample table as a text file: comma-separated, or the cells that a spreadsheet puts on the clipboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cytosol.base.errors import InvalidInputError, LimitExceededError
from cytosol.model.names import clean_name
from cytosol.model.sample_values import Value, spell_value

FIRST_COLUMN = "Sample"
MAX_ROWS = 100_000
MAX_COLUMNS = 1_000
MAX_CELL = 100_000
_SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class SampleFile:
    """The cells of a file.

    Attributes
    ----------
    names : of the attributes, in the order of the columns
    rows : line number in the file, name of the sample, one text per attribute ("" = empty)
    """

    names: list[str]
    rows: list[tuple[int, str, list[str]]]


class Problems:
    """Collects what is wrong with a file, and raises once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, error: InvalidInputError) -> None:
        """Note one problem; it says where."""
        self._found.append(f"{error.where}: {error.what}" if error.where else error.what)

    def raise_any(self, *, do: str) -> None:
        """Raise all that was noted, if anything."""
        if not self._found:
            return
        shown = "; ".join(self._found[:_SHOWN_PROBLEMS])
        rest = len(self._found) - _SHOWN_PROBLEMS
        raise InvalidInputError(
            f"The table cannot be taken: {shown}{f'; and {rest} more' if rest > 0 else ''}",
            do=do,
            problems=self._found[:1000],
        )


def place(line: int, column: str) -> str:
    """Where a cell is, in words."""
    return f"row {line}, column '{column}'"


def read_table(text: str, *, is_pasted: bool = False) -> SampleFile:
    """Take a file apart: the first line names the columns, the first column the samples.

    Parameters
    ----------
    is_pasted : tab-separated cells of a spreadsheet; else commas, or semicolons or tabs where the first line has no
        comma

    Raises
    ------
    InvalidInputError
        Names every problem with its row and column.
    """
    text = text.removeprefix("\ufeff")
    separator = "\t" if is_pasted else _separator(text)
    cells = _cells(text, separator)
    if not cells:
        raise InvalidInputError("The table is empty", do=f"Give a first line such as '{FIRST_COLUMN}{separator}Dose'")
    header, body = cells[0][1], cells[1:]
    if len(body) > MAX_ROWS or len(header) > MAX_COLUMNS:
        raise LimitExceededError(f"A sample table has at most {MAX_ROWS} rows and {MAX_COLUMNS} columns")
    problems = Problems()
    names = _checked_names(((cells[0][0], name) for name in header[1:]), "column", problems)
    samples = _checked_names(((line, row[0]) for line, row in body), "sample", problems)
    rows = []
    for (line, row), sample in zip(body, samples, strict=True):
        values = row[1:]
        if any(values[len(names) :]):
            problems.add(
                InvalidInputError(f"it has {len(row)} cells, the first line {len(header)}", where=f"row {line}")
            )
        rows.append((line, sample, (values + [""] * len(names))[: len(names)]))
    problems.raise_any(do="Mend these cells and send the table again")
    return SampleFile(names, rows)


def _separator(text: str) -> str:
    first = text.lstrip("\r\n").split("\n", 1)[0]
    if "," in first:
        return ","
    return ";" if ";" in first else "\t" if "\t" in first else ","


def _cells(text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Lines with their numbers, without blank ones."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found = []
    try:
        start = 1
        for row in reader:
            if any(row):
                found.append((start, row))
            start = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInputError(
            f"The table cannot be read: {error}", where=f"row {reader.line_num}", do="Check the quotes in this row"
        ) from error
    return found


def _checked_names(names: Iterable[tuple[int, str]], what: str, problems: Problems) -> list[str]:
    seen: dict[str, int] = {}
    checked = []
    for line, raw in names:
        try:
            name = clean_name(raw, field=f"row {line}, name of the {what}")
        except InvalidInputError as error:
            problems.add(error)
            name = raw
        if name in seen:
            problems.add(InvalidInputError(f"the {what} '{name}' is there twice", where=f"row {line}"))
        seen[name] = line
        checked.append(name)
    return checked


def write_table(names: Sequence[str], rows: Iterable[tuple[str, Sequence[Value]]]) -> str:
    """The table as comma-separated text, which `read_table` reads back unchanged.

    Parameters
    ----------
    names : of the attributes
    rows : name of the sample, one value per attribute
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([FIRST_COLUMN, *names])
    for sample, values in rows:
        writer.writerow([sample, *(spell_value(value) for value in values)])
    return out.getvalue()
