"""Reader of Excel workbooks (.xlsx): a sheet is written out as text and read as a text matrix."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from collections.abc import Mapping
from typing import Any

from cytosol.base.errors import InvalidInputError, LimitExceededError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixKind
from cytosol.formats.delimited import open_delimited
from cytosol.formats.files import BytesSource, only_file, readable
from cytosol.formats.table import MatrixTable

_MAX_BYTES = 4 << 30
_DO = "Save the sheet as CSV in UTF-8 and give that"


def open_xlsx(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a workbook.

    Parameters
    ----------
    files : {"matrix": the file}
    matrix : what the numbers are
    options : "sheet" names the sheet, else the first that is not empty is taken; "orientation" as for text

    Raises
    ------
    UnreadableFileError, InvalidInputError, LimitExceededError
        The file is damaged or too large, has no such sheet, or its cells are no matrix; see ``open_delimited``.
    """
    source = only_file(files, "An .xlsx")
    rows, notes = _rows(source, options.get("sheet", ""))
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows([_text(cell) for cell in row] for row in rows)
    passed = {key: value for key, value in options.items() if key == "orientation"}
    table = open_delimited(
        {"matrix": BytesSource(source.name, text.getvalue().encode())},
        matrix=matrix,
        options={**passed, "delimiter": "tab"},
        report=report,
    )
    table.notes[:0] = notes
    return table


def _rows(source: Source, wanted: str) -> tuple[list[list[Any]], list[str]]:
    """The cells of the sheet, and which one it is."""
    # in a job process only: a compiled library that the server does not need
    from python_calamine import CalamineError, CalamineWorkbook

    with readable(source.name, "Excel workbook"), source.open() as stream:
        with zipfile.ZipFile(stream) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MAX_BYTES:
                raise LimitExceededError("The workbook unpacks to more than 4 GiB", where=source.name, do=_DO)
        stream.seek(0)
        try:
            book = CalamineWorkbook.from_filelike(stream)
            names = list(book.sheet_names)
            if wanted and wanted not in names:
                raise InvalidInputError(
                    f"The workbook has no sheet '{wanted}'", where=source.name, do=f"Name one of: {', '.join(names)}"
                )
            for name in [wanted] if wanted else names:
                rows = [row for row in book.get_sheet_by_name(name).to_python() if any(cell != "" for cell in row)]
                if rows:
                    notes = [f"The sheet '{name}' was read; the workbook has {len(names)}."] if len(names) > 1 else []
                    return rows, notes
        except CalamineError as error:
            raise UnreadableFileError(
                f"The Excel workbook is damaged or protected: {str(error)[:200]}", where=source.name, do=_DO
            ) from error
    raise UnreadableFileError("The workbook is empty", where=source.name, do=_DO)


def _text(cell: Any) -> str:
    """A cell as text; a date as a spreadsheet shows it where it mistook a gene for one."""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1 << 53 else repr(cell)
    if isinstance(cell, datetime.date):
        return f"{cell.day}-{cell:%b}"
    return str(cell).replace("\t", " ").replace("\n", " ").replace("\r", " ")
