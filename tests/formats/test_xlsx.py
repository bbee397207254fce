"""The reader of Excel workbooks, with workbooks written here cell by cell, and a real one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

from cytosol.base.errors import CytosolError, InvalidInputError
from tests.formats.samples import barcodes, counts, open_path, open_text, symbols, whole

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _cell(value: object) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    """An .xlsx as the standard wants it at least."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in zip(numbers, sheets, strict=True)
    )
    links = "".join(f'<Relationship Id="r{n}" Type="{REL}/worksheet" Target="worksheets/s{n}.xml"/>' for n in numbers)
    parts = {
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{REL}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'relationships">{links}</Relationships>',
    }
    parts["_rels/.rels"] = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r0" Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    )
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts["[Content_Types].xml"] = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/></Types>'
    )
    for number, rows in zip(numbers, sheets.values(), strict=True):
        body = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/s{number}.xml"] = f"<worksheet {MAIN}><sheetData>{body}</sheetData></worksheet>"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return target.getvalue()


def sheet(matrix: np.ndarray, *, genes_in_rows: bool = True) -> list[list[object]]:
    genes, cells = symbols(matrix.shape[1]), barcodes(matrix.shape[0])
    rows, columns, body = (genes, cells, matrix.T) if genes_in_rows else (cells, genes, matrix)
    return [["", *columns], *([name, *values] for name, values in zip(rows, body.tolist(), strict=True))]


@pytest.mark.parametrize("genes_in_rows", [True, False])
def test_a_matrix_in_both_orientations(genes_in_rows: bool) -> None:
    matrix = counts()
    table = open_text(workbook({"Counts": sheet(matrix, genes_in_rows=genes_in_rows)}), "a.xlsx")
    assert np.array_equal(whole(table), matrix)
    assert (list(table.obs.index), list(table.var.index)) == (barcodes(30), symbols(20))
    table.close()


def test_the_first_sheet_that_is_not_empty_is_read_or_the_one_asked_for() -> None:
    content = workbook({"Empty": [], "One": sheet(counts()), "Two": sheet(counts(seed=3))})
    table = open_text(content, "a.xlsx")
    assert np.array_equal(whole(table), counts())
    assert table.notes[0] == "The sheet 'One' was read; the workbook has 3."
    assert np.array_equal(whole(open_text(content, "a.xlsx", options={"sheet": "Two"})), counts(seed=3))
    with pytest.raises(InvalidInputError, match=r"no sheet 'X'.*Name one of: Empty, One, Two"):
        open_text(content, "a.xlsx", options={"sheet": "X"})


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "workbook is empty"),
        ([["", "c1", "c2"], ["RPL1", 1, 2.5], ["RPL2", 1, 2]], "not a whole number"),
        ([["", "c1", "c2"], ["RPL1", 1, "x"], ["RPL2", 1, 2]], "'x' is not a number"),
        ([["", "c1", "c2"], ["RPL1", 1, None], ["RPL2", 1, 2]], "field is empty"),
        ([["", "c1", "c2"], ["RPL1", -1, 3], ["RPL2", 1, 2]], "is negative"),
    ],
)
def test_must_refuse(rows: list[list[object]], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        whole(open_text(workbook({"S": rows}), "bad.xlsx"))
    assert "bad.xlsx" in caught.value.where


def test_a_cut_workbook_is_refused() -> None:
    content = workbook({"S": sheet(counts())})
    for cut in range(0, len(content) - 1, 97):
        with pytest.raises(CytosolError):
            open_text(content[:cut], "a.xlsx", format="xlsx")


def test_a_real_workbook(shared_data: Path) -> None:
    table = open_path(shared_data / "scrna/tsv/anndata_excel.xlsx")
    assert (table.n_cells, table.n_features) == whole(table).shape
    table.close()
