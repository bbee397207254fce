"""The Matrix Market reader: all orders of entries, odd names and lists, and broken files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.base.errors import InvalidInputError, UnreadableFileError, UnsupportedFormatError
from cytosol.formats import matrix_market
from cytosol.formats.files import BytesSource
from cytosol.formats.registry import open_table
from tests.formats.samples import barcodes, counts, ids, market_text, scipy_market, symbols, triplet, whole


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["cells", "features", "none"])
@pytest.mark.parametrize("field", ["integer", "real"])
def test_every_order(order: str, field: str, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = counts(200, 150)
    matrix[50:60] = 0
    matrix[:, -3:] = 0
    monkeypatch.setattr(matrix_market, "READ_BYTES", 5000)
    table = open_table(triplet(matrix, market=market_text(matrix, order=order, field=field), packed=packed))
    assert np.array_equal(whole(table), matrix)
    assert np.array_equal(whole(table, block_bytes=1 << 26), matrix)
    assert list(table.obs.index) == barcodes(200)
    assert list(table.var["feature_id"]) == ids(150)
    assert set(table.var["feature_type"]) == {"Gene Expression"}


def test_as_scipy_writes_it() -> None:
    matrix = counts()
    assert np.array_equal(whole(open_table(triplet(matrix, market=scipy_market(matrix)))), matrix)


def test_normalized_values() -> None:
    matrix = np.log1p(counts())
    text = market_text(matrix, field="real")
    table = open_table(triplet(matrix, market=text), matrix="normalized")
    assert np.allclose(whole(table), matrix, rtol=1e-6)
    with pytest.raises(InvalidInputError, match="not a whole number"):
        whole(open_table(triplet(matrix, market=text)))


def test_genes_tsv_names_alone_and_headers() -> None:
    matrix = counts(5, 4)
    pairs = list(zip(ids(4), symbols(4), strict=True))
    lists = [
        ("\n".join(f"{i}\t{s}" for i, s in pairs).encode(), symbols(4), ids(4)),
        ("\n".join(f"{s}\t{i}" for i, s in pairs).encode(), symbols(4), ids(4)),
        ("\n".join(symbols(4)).encode(), symbols(4), [""] * 4),
        ("\n".join(ids(4)).encode(), ids(4), ids(4)),
        (("gene_id,gene_name\n" + "\n".join(f"{i},{s}" for i, s in pairs)).encode(), symbols(4), ids(4)),
    ]
    for features, names, stable in lists:
        table = open_table(triplet(matrix, features=features))
        assert list(table.var.index) == names
        assert list(table.var["feature_id"]) == stable
        assert np.array_equal(whole(table), matrix)


def test_barcodes_as_r_writes_them() -> None:
    matrix = counts(5, 4)
    text = '"","x"\n' + "".join(f'"{row + 1}","{name}"\n' for row, name in enumerate(barcodes(5)))
    files = triplet(matrix, barcodes=text.encode())
    files["barcodes"] = BytesSource("some_barcodes.csv", files["barcodes"].content)
    files["matrix"] = BytesSource("data_1matrix.mtx.gz", gzip.compress(files["matrix"].content))
    table = open_table(files)
    assert list(table.obs.index) == barcodes(5)
    assert np.array_equal(whole(table), matrix)


def test_cells_in_rows_are_turned() -> None:
    matrix = counts(7, 12)
    for order in ("cells", "features", "none"):
        table = open_table(triplet(matrix, market=market_text(matrix.T, order=order)))
        assert np.array_equal(whole(table), matrix)
        assert any("turned" in note for note in table.notes)


def test_three_counts_that_disagree_are_named() -> None:
    matrix = counts(30, 20)
    with pytest.raises(UnreadableFileError, match=r"20 features and 30 barcodes.*features has 19.*barcodes 30"):
        open_table(triplet(matrix, features="\n".join(symbols(19)).encode()))
    with pytest.raises(UnreadableFileError, match=r"20 features and 30 barcodes.*features has 20.*barcodes 31"):
        open_table(triplet(matrix, barcodes="\n".join(barcodes(31)).encode()))


def test_a_file_that_loses_its_order_late_is_refused_with_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = counts(60, 40)
    lines = market_text(matrix).splitlines()
    lines[-1], lines[10] = lines[10], lines[-1]
    monkeypatch.setattr(matrix_market, "_ORDER_ENTRIES", 3)
    monkeypatch.setattr(matrix_market, "READ_BYTES", 30)
    table = open_table(triplet(matrix, market=b"\n".join(lines) + b"\n"))
    with pytest.raises(UnreadableFileError, match=r"and then no more \(matrix.mtx, line \d+\)"):
        whole(table)


HEAD = b"%%MatrixMarket matrix coordinate integer general\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "empty"),
        (HEAD, "size of the matrix is missing"),
        (HEAD + b"% only comments\n", "size of the matrix is missing"),
        (HEAD + b"2 2\n", "three numbers"),
        (HEAD + b"2 x 2\n", "three numbers"),
        (HEAD + b"0 2 0\n", "empty"),
        (HEAD + b"2 2 9\n", "impossible"),
        (HEAD + b"2 2 2\n1 1 5\n", "announces 2 entries but holds 1"),
        (HEAD + b"2 2 1\n1 1 5\n2 2 5\n", "announces 1 entries but holds 2"),
        (HEAD + b"2 2 2\n1 1 5\n3 1 5\n", r"'3 1 5' lies outside.*line 4"),
        (HEAD + b"2 2 2\n1 1 5\n0 1 5\n", r"'0 1 5' lies outside.*line 4"),
        (HEAD + b"2 2 2\n1 1 5\n1 2 x\n", r"'1 2 x' is not.*line 4"),
        (HEAD + b"2 2 2\n1 1 5\n1 2\n", r"'1 2' is not.*line 4"),
        (HEAD + b"2 2 1\n1 1 1.5\n", r"line 3"),
        (HEAD + b"2 2 1\n1 1 nan\n", r"line 3"),
        (HEAD + b"2 2 1\n1 1 5 7\n", r"'1 1 5 7' is not.*line 3"),
        (HEAD + b"2 2 1\n1 1 5-7\n", r"line 3"),
        (HEAD + b"2 2 1\n1 1  5 \n2 2 1 x\n", r"line 4"),
        (HEAD + b"2 2 1\n1 1 -1\n", "is negative"),
        (HEAD + b"2 2 1\n1 1 99999999999999999999999\n", "line 3"),
        (HEAD + b"2 2 1\n1 1 99999999999\n", "larger than any"),
    ],
)
def test_broken_matrices_are_refused(text: bytes, says: str) -> None:
    files = triplet(np.zeros((2, 2), dtype=int), market=text)
    with pytest.raises(InvalidInputError, match=says) as caught:
        whole(open_table(files, format="tenx-mtx"))
    assert "matrix.mtx" in caught.value.where


@pytest.mark.parametrize(
    "kind", ["array integer general", "coordinate pattern general", "coordinate integer symmetric"]
)
def test_other_kinds_are_named(kind: str) -> None:
    text = f"%%MatrixMarket matrix {kind}\n2 2 1\n1 1 1\n".encode()
    with pytest.raises(UnsupportedFormatError, match=kind):
        open_table(triplet(np.zeros((2, 2), dtype=int), market=text))


def test_windows_line_ends_and_empty_lines() -> None:
    matrix = counts(5, 4)
    files = triplet(matrix)
    changed: dict[str, Any] = {
        role: BytesSource(source.name, source.content.replace(b"\n", b"\r\n") + b"\r\n")
        for role, source in files.items()
    }
    assert np.array_equal(whole(open_table(changed)), matrix)


def test_truncated_gzip_is_refused(tmp_path: Path) -> None:
    files = triplet(counts(300, 100), packed=True)
    cut = files["matrix"].content[:-200]
    with pytest.raises(UnreadableFileError, match="cut short"):
        whole(open_table({**files, "matrix": BytesSource("matrix.mtx.gz", cut)}))


def test_the_matrix_alone_asks_for_the_lists() -> None:
    with pytest.raises(InvalidInputError, match="missing: features, barcodes"):
        open_table({"matrix": triplet(counts())["matrix"]})
