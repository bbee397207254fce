"""The reader of text matrices: layouts, orientation, numbers, and every refusal with its row and column."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.formats import delimited
from tests.formats.samples import (
    DEMO,
    barcodes,
    counts,
    delimited_text,
    ids,
    open_path,
    open_text,
    symbols,
    whole,
)

DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " "}


@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
@pytest.mark.parametrize("corner", [True, False])
@pytest.mark.parametrize("genes_in_rows", [True, False])
def test_layouts(genes_in_rows: bool, corner: bool, delimiter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_CHUNK", 700)
    matrix = counts(90, 60)
    text = delimited_text(matrix, genes_in_rows=genes_in_rows, delimiter=delimiter, corner=corner)
    text = '""' + text if corner and delimiter == " " else text
    for content in (
        text.encode(),
        gzip.compress(text.encode()),
        text.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + text.encode(),
    ):
        table = open_text(content)
        assert np.array_equal(whole(table), matrix)
        assert list(table.var.index) == symbols(60)
        assert list(table.obs.index) == barcodes(90)
        assert next(iter(table.blocks(block_bytes=1 << 20))).axis == ("features" if genes_in_rows else "cells")
        way = "cells-by-genes" if genes_in_rows else "genes-by-cells"
        assert f"orientation={way}" in table.notes[0]


def test_the_orientation_can_be_told() -> None:
    text = delimited_text(counts(20, 10), genes_in_rows=True)
    table = open_text(text, options={"orientation": "cells-by-genes"})
    assert list(table.obs.index) == symbols(10)
    assert "suggest the other" in table.notes[0]
    with pytest.raises(InvalidInputError, match=r"orientation cannot be 'up'.*genes-by-cells"):
        open_text(text, options={"orientation": "up"})
    with pytest.raises(InvalidInputError, match="no option 'way'"):
        open_text(text, options={"way": "up"})


def test_the_corner_tells_where_names_do_not() -> None:
    body = "\n".join(f"n{row}\t1\t2" for row in "ab") + "\n"
    assert open_text("Gene\tm\tk\n" + body).obs.index.tolist() == ["m", "k"]
    assert open_text("cell\tm\tk\n" + body).obs.index.tolist() == ["na", "nb"]
    assert "Guessed" in open_text("\tm\tk\n" + body).notes[0]


def test_numbers_of_every_spelling() -> None:
    values = [
        "0",
        "7",
        "0.0",
        "1.5",
        "-2.25",
        "+3",
        "1e3",
        "1E-2",
        ".5",
        "5.",
        " 6",
        "123456.789012345678",
        "0.1",
        "1e-30",
        "12345678901234567890",
    ]
    text = (
        "gene\t"
        + "\t".join(barcodes(len(values)))
        + "\nACTB\t"
        + "\t".join(values)
        + "\nGAPDH"
        + "\t1" * len(values)
        + "\n"
    )
    table = open_text(text, matrix="normalized")
    assert np.array_equal(whole(table)[:, 0], np.array([float(value) for value in values]).astype(np.float32))


def test_large_and_float_counts() -> None:
    text = "gene\tA-1\tB-1\nACTB\t4294967295\t65536.0\nGAPDH\t1e5\t300\n"
    table = open_text(text)
    assert whole(table).tolist() == [[4294967295, 100000], [65536, 300]]


def test_quotes() -> None:
    matrix = counts(4, 3)
    cells = ["a,1", 'b"2', "c", "d"]
    quoted = ['"a,1"', '"b""2"', '"c"', '"d"']
    header = '"",' + ",".join(f'"{name}"' for name in symbols(3))
    numbers = [
        ",".join(f'"{value}"' for value in row) if row[0] % 2 else ",".join(map(str, row)) for row in matrix.tolist()
    ]
    text = "\n".join([header, *(f"{name},{row}" for name, row in zip(quoted, numbers, strict=True))])
    table = open_text(text, "counts.csv")
    assert list(table.obs.index) == cells
    assert np.array_equal(whole(table), matrix)


def test_ids_beside_symbols() -> None:
    lines = [f"{one}\t{name}\t{number}\t0" for number, (one, name) in enumerate(zip(ids(5), symbols(5), strict=True))]
    for top in ("gene_id\tgene_name\tAAACCTGA-1\tAAACCTGC-1", "gene_name\tAAACCTGA-1\tAAACCTGC-1"):
        table = open_text("\n".join([top, *lines]) + "\n")
        assert list(table.var.index) == symbols(5)
        assert list(table.var["feature_id"]) == ids(5)
        assert whole(table)[0].tolist() == [0, 1, 2, 3, 4]


def test_text_columns_of_cells_become_annotations() -> None:
    text = "cell\tdonor\tACTB\tGAPDH\nAAACCTGA-1\tD1\t1\t2\nAAACCTGC-1\tD2\t3\t4\n"
    table = open_text(text)
    assert table.obs["donor"].tolist() == ["D1", "D2"]
    assert whole(table).tolist() == [[1, 2], [3, 4]]


def test_repeated_names_dates_and_the_limit_of_spreadsheets() -> None:
    genes = [*symbols(16_380), "1-Mar", "2-Sep", "RPL1"]
    text = "," + ",".join(genes) + "\n" + f"{barcodes(1)[0]}" + ",1" * len(genes) + "\n"
    table = open_text(text, "counts.csv")
    notes = " ".join(table.notes)
    assert "16,384 columns" in notes
    assert "2 gene names look like dates" in notes
    assert "1 feature names occurred more than once" in notes
    assert table.var.index[-1] == "RPL1-1"


def lines(*rows: str) -> str:
    return "\n".join(["gene\tAAACCTGA-1\tAAACCTGC-1\tAAACCTGG-1", "ACTB\t1\t2\t3", *rows, "CD3E\t1\t1\t1"]) + "\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("gene\tA\tB\n", "one row at most"),
        ("abc\ndef\n", "No tab, comma or semicolon"),
        (lines("CD4\t1\t\t3"), r"field is empty.*row 3, column 3 \('AAACCTGC-1'\)"),
        (lines("CD4\t1\t2\t"), r"field is empty.*row 3, column 4"),
        (lines("CD4\t1\tNA\t3"), r"'NA' is missing.*row 3, column 3"),
        (lines("CD4\tnan\t1\t3"), r"'nan' is missing.*row 3, column 2"),
        (lines("CD4\t1\tabc\t3"), r"'abc' is not a number.*row 3, column 3"),
        (lines("CD4\t1\t1_0\t3"), r"'1_0' is not a number.*row 3, column 3"),
        (lines("CD4\t1\t1e\t3"), r"'1e' is not a number.*row 3, column 3"),
        (lines("CD4\t1\t0x10\t3"), r"'0x10' is not a number"),
        (lines("CD4\t1\tinf\t3"), r"'inf' is not a number"),
        (lines("CD4\t1\t1.2.3\t3"), r"'1.2.3' is not a number"),
        (lines("CD4\t1\t-\t3"), r"'-' is missing"),
        (lines("CD4\t1\t1,5\t3"), r"decimal comma \('1,5'\).*row 3"),
        (lines("CD4\t1\t2"), "row has 3 fields instead of 4.*row 3"),
        (lines("CD4\t1\t2\t3\t4"), "row has 5 fields instead of 4.*row 3"),
        (lines("CD4\t1\t-2\t3"), "-2.0 of feature 'CD4' in cell 'AAACCTGC-1' is negative"),
        (lines("CD4\t1\t2.5\t3"), "2.5 of feature 'CD4' in cell 'AAACCTGC-1' is not a whole number"),
        (lines("\t1\t2\t3"), "Feature 2 has no name"),
        ("gene\tA\t\nACTB\t1\t2\n", "Cell 2 has no barcode"),
        ("1\t2\t2\nACTB\t2\t2\nCD4\t1\t1\n", "first row holds numbers"),
        ("gene\tA\tB\n1\t2\t2\n1\t1\t1\n", "first column holds numbers"),
        ("gene\tA\tB\tC\tD\nACTB\t2\t2\n", "Row 1 has 5 fields, but row 2 has 3"),
        ('gene,A,B\nACTB,"1,5","2,5"\n', "decimal comma"),
        ("gene;A;B\nACTB;1,5;2,5\n", "decimal comma"),
        ("gene\tA\rACTB\t1\r", "one row at most|carriage returns"),
    ],
)
def test_refusals(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        whole(open_text(text, format="delimited"))
    assert "counts.tsv" in caught.value.where


def test_two_byte_text_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="not plain text"):
        open_text(delimited_text(counts(), genes_in_rows=True).encode("utf-16"))


def test_latin_names_are_read() -> None:
    assert open_text("gene\tcaf\xe9\tb\nACTB\t1\t2\n".encode("latin-1")).obs.index[0] == "café"


def test_truncated_gzip_is_refused() -> None:
    packed = gzip.compress(delimited_text(counts(200, 100), genes_in_rows=True).encode())
    with pytest.raises(UnreadableFileError, match="cut short"):
        whole(open_text(packed[:-500], "counts.tsv.gz"))


def test_shared_tsv_equals_the_demo_file(shared_data: Path) -> None:
    table = open_path(shared_data / "scrna/tsv/pbmc8k_subset2700.tsv.gz")
    oracle = open_path(DEMO / "pbmc8k_2700.h5")
    assert (table.n_cells, table.n_features) == (oracle.n_cells, oracle.n_features) == (2700, 33_694)
    columns = sp.hstack([block.values.astype(np.uint32) for block in table.blocks(block_bytes=32 << 20)], format="csr")
    rows = sp.vstack([block.values.astype(np.uint32) for block in oracle.blocks(block_bytes=32 << 20)], format="csr")
    place = pd.Index(oracle.var["feature_id"]).get_indexer(table.var["feature_id"])
    assert sorted(place) == list(range(33_694))
    assert (columns.sum(), columns.nnz) == (12_655_047, 3_813_293)
    assert (columns != rows[:, place]).nnz == 0
