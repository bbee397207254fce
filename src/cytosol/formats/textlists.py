"""Short lists in text files beside a matrix: features and barcodes, plain or gzipped, with tabs or commas."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from cytosol.base.errors import UnreadableFileError
from cytosol.base.protocols import Source
from cytosol.formats.features import looks_like_ensembl
from cytosol.formats.files import open_unpacked, readable

_MAX_TEXT = 1 << 30
_HEADER_WORDS = frozenset(
    {
        "x",
        "barcode",
        "barcodes",
        "cell",
        "cells",
        "cell_id",
        "cell_barcode",
        "bc_wells",
        "cellid",
        "gene",
        "gene_id",
        "gene_ids",
        "gene_name",
        "gene_names",
        "gene_symbol",
        "genes",
        "symbol",
        "feature",
        "feature_id",
        "features",
        "id",
        "name",
        "ensembl",
        "ensembl_id",
        "feature_type",
        "genome",
        "index",
        "v1",
    }
)


@dataclass(frozen=True, slots=True)
class FeatureList:
    """Features as the file lists them; ids is None where it has names alone."""

    symbols: list[str]
    ids: list[str] | None
    types: list[str] | None
    genomes: list[str] | None


def decode(content: bytes, where: str) -> str:
    """Text of a file: UTF-8 with or without a mark, else Latin-1; two-byte encodings are refused."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:4096]:
        raise UnreadableFileError(
            "The file is not plain text", where=where, do="Save it as text in the encoding UTF-8 (CSV or TSV)"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_rows(source: Source) -> list[list[str]]:
    """Fields of each line of a short text file; empty lines are left out."""
    with readable(source.name, "text file"), open_unpacked(source) as stream:
        content = stream.read(_MAX_TEXT + 1)
        if len(content) > _MAX_TEXT:
            raise UnreadableFileError("The list of names is larger than 1 GiB", where=source.name)
        lines = decode(content, source.name).splitlines()
        lines = [line for line in lines if line.strip()]
        delimiter = "\t" if lines and "\t" in lines[0] else ","
        if not any('"' in line for line in lines[:50]):
            return [line.split(delimiter) for line in lines]
        return list(csv.reader(lines, delimiter=delimiter))


def read_names(rows: list[list[str]], count: int) -> list[str]:
    """Read barcodes.

    Parameters
    ----------
    rows : fields of each line; further columns, a header and numbers of rows before the names are left out
    count : how many the matrix says, to tell a header
    """
    rows = _without_header(_without_numbers(rows, count), count)
    return [row[0] if row else "" for row in rows]


def read_features(rows: list[list[str]], count: int) -> FeatureList:
    """Read features.tsv (id, name, type …), genes.tsv (id, name) or a list of names.

    Parameters
    ----------
    rows : fields of each line
    count : how many the matrix says, to tell a header
    """
    rows = _without_header(_without_numbers(rows, count), count)
    width = max((len(row) for row in rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    if width <= 1:
        return FeatureList([row[0] if row else "" for row in rows], None, None, None)
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    if _ids(second) > _ids(first):
        first, second = second, first
    types = [row[2] for row in rows] if width > 2 else None
    genomes = None
    if types is not None and types and not any(" " in text or not text for text in types) and len(set(types)) < 4:
        known = {"peaks", "custom", "antibody", "rna", "protein", "adt"}
        if not {text.lower() for text in types} & known:
            types, genomes = None, types
    return FeatureList(second, first, types, genomes)


def _ids(names: list[str]) -> int:
    return sum(map(looks_like_ensembl, names[:1000]))


def _without_header(rows: list[list[str]], count: int) -> list[list[str]]:
    """Drop the first row if it is one more than the matrix says and reads like column names."""
    if len(rows) == count + 1 and (not rows[0][0].strip() or rows[0][0].strip().lower() in _HEADER_WORDS):
        return rows[1:]
    return rows


def _without_numbers(rows: list[list[str]], count: int) -> list[list[str]]:
    """Drop a first column that counts the rows, as R's write.csv adds."""
    body = rows[1:] if len(rows) == count + 1 else rows
    if not body or any(len(row) < 2 for row in body):
        return rows
    numbers = [row[0].strip() for row in body]
    for first in (0, 1):
        if numbers == [str(number) for number in range(first, first + len(body))]:
            header = rows[: len(rows) - len(body)]
            return [row[1:] if len(row) > 1 else row for row in header] + [row[1:] for row in body]
    return rows
