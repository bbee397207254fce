"""Gene sets in text files: GMT, and CSV or TSV with one gene a line or one set a column."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import Any

from cytosol.base.errors import UnreadableFileError

_SET = frozenset(
    "set gene_set geneset set_name name pathway term signature cell_type celltype type cluster label".split()
)
_GENE = frozenset("gene genes symbol gene_symbol gene_name marker markers feature official_gene_symbol".split())
_SIGN = frozenset("sign direction negative positive side".split())
_DESCRIPTION = frozenset("description url source".split())
_MINUS = frozenset("- -1 neg negative down no absent false 0".split())
_YES = frozenset("1 true yes negative neg -1 -".split())


@dataclass(slots=True)
class _Found:
    description: str = ""
    genes: list[str] = field(default_factory=list)
    negative: list[str] = field(default_factory=list)


def read_gene_sets(text: str, filename: str = "") -> list[dict[str, Any]]:
    """Read the sets of a text file.

    Parameters
    ----------
    text : the content
    filename : its ending tells the format: .gmt, .csv, .tsv, .txt; another ending, or none = by the content

    Returns
    -------
    Objects with name, description, genes and negative, in the order of the file; sets of one name are joined.

    Raises
    ------
    UnreadableFileError
        Where no set can be found.

    Notes
    -----
    GMT: name, description, genes, with tabs. Tables have a header: with a column for the set and one for the gene,
    one gene a line (genes may be listed with semicolons or commas too), and a column such as 'sign' with '-' or
    'negative' for genes that must be absent; otherwise one set a column, its name on top.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip() and not line.startswith("#")]
    ending = filename.lower().rpartition(".")[2]
    if not lines:
        raise UnreadableFileError("The file is empty", where=filename, do="Give a GMT file, or a CSV table of genes")
    if ending == "gmt" or (ending not in ("csv", "tsv", "txt", "tab") and _looks_like_gmt(lines)):
        found = _read_gmt(lines, filename)
    else:
        found = _read_table(lines, filename)
    return [
        {"name": name, "description": one.description, "genes": one.genes, "negative": one.negative}
        for name, one in found.items()
        if one.genes or one.negative
    ]


def _looks_like_gmt(lines: list[str]) -> bool:
    parts = [line.count("\t") for line in lines[:20]]
    return min(parts) >= 2 and not _header_of(lines[0].split("\t"))


def _read_gmt(lines: list[str], where: str) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for number, line in enumerate(lines, 1):
        name, *rest = (part.strip() for part in line.split("\t"))
        if not name or len(rest) < 2:
            raise UnreadableFileError(
                f"Line {number} is no gene set: it has {len(rest) + 1} fields",
                where=where, do="A line of GMT is: name, description, gene, gene …, with tabs between them",
            )  # fmt: skip
        one = found.setdefault(name, _Found())
        one.description = one.description or rest[0]
        one.genes += [gene for gene in rest[1:] if gene]
    return found


def _read_table(lines: list[str], where: str) -> dict[str, _Found]:
    delimiter = max(",\t;", key=lines[0].count)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error as error:
        raise UnreadableFileError(
            f"The file is not a table: {error}", where=where, do="Look for a quotation mark that is never closed"
        ) from error
    header = _header_of(rows[0])
    if header:
        return _read_long(rows[1:], header, where)
    if len(rows) < 2 or not any(rows[0]):
        raise UnreadableFileError(
            "The table has no column for the set and one for the gene, and no gene below a name",
            where=where, do="Give it a header such as: set,gene",
        )  # fmt: skip
    found: dict[str, _Found] = {}
    for place, name in enumerate(rows[0]):
        if name:
            one = found.setdefault(name, _Found())
            one.genes += [row[place] for row in rows[1:] if place < len(row) and row[place]]
    return found


def _header_of(cells: list[str]) -> dict[str, int]:
    """Places of the columns for set and gene, and of sign and description where they are there; {} for no header."""
    words = [cell.strip().lower().replace(" ", "_") for cell in cells]
    header: dict[str, int] = {}
    for part, known in (("gene", _GENE), ("set", _SET), ("sign", _SIGN), ("description", _DESCRIPTION)):
        for place, word in enumerate(words):
            if word in known and place not in header.values():
                header[part] = place
                break
    if "gene" not in header or "set" not in header:
        return {}
    header["inverted"] = int("sign" in header and words[header["sign"]] == "negative")
    return header


def _read_long(rows: list[list[str]], header: dict[str, int], where: str) -> dict[str, _Found]:
    found: dict[str, _Found] = {}

    def cell(row: list[str], part: str) -> str:
        place = header.get(part, -1)
        return row[place] if 0 <= place < len(row) else ""

    for number, row in enumerate(rows, 2):
        name, genes = cell(row, "set"), cell(row, "gene")
        if not name and not genes:
            continue
        if not name:
            raise UnreadableFileError(f"Line {number} names no set", where=where, do="Give the set of every gene")
        one = found.setdefault(name, _Found())
        one.description = one.description or cell(row, "description")
        sign = cell(row, "sign").lower()
        minus = sign in (_YES if header["inverted"] else _MINUS) and bool(sign)
        target = one.negative if minus else one.genes
        target += [gene.strip() for gene in genes.replace(";", ",").split(",") if gene.strip()]
    return found
