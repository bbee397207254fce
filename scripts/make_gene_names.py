"""Make the tables of gene names that the package ships, from the lists of HGNC, MGI and GENCODE.

Run it with the three sources only to renew the tables; what comes out is committed. ``NOTICE.md`` beside the tables
says where each source is from. ``--check`` says whether the committed tables are whole and what ``NOTICE.md`` says.

    python scripts/make_gene_names.py --hgnc hgnc_entries.tsv --mgi mgi_entries.tsv \
        --human genes_homo_sapiens.csv.gz --mouse genes_mus_musculus.csv.gz
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import lzma
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src" / "cytosol" / "gene_names"
SPECIES = ("human", "mouse")
LIMIT_BYTES = 2_000_000
Gene = tuple[str, str, tuple[str, ...]]
"""Ensembl id or "", symbol, other names."""


def read_hgnc(path: Path) -> list[Gene]:
    """Approved genes; their other names are aliases and earlier symbols."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    return [
        (row["Ensembl gene ID"] or "", row["Approved symbol"], _names(row["Previous symbols"], row["Alias symbols"]))
        for row in rows
        if row["Status"] == "Approved"
    ]


def read_mgi(path: Path) -> list[Gene]:
    """Markers of MGI that have an Ensembl id."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        (row["ensembl"], row["symbol"], _names((row["synonyms"] or "").replace("|", ",")))
        for row in rows
        if row["ensembl"]
    ]


def read_gencode(path: Path) -> dict[str, str]:
    """Ensembl id to symbol, of genes that have one; rows ``id, symbol, ...`` without a header."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        return {row[0]: row[1] for row in csv.reader(handle) if row[1] and row[1] != row[0]}


def _names(*lists: str | None) -> tuple[str, ...]:
    names = (name.strip().strip('"') for text in lists if text for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name and "\t" not in name))


def joined(named: list[Gene], annotated: dict[str, str]) -> list[Gene]:
    """The genes of a nomenclature, and after them those that only the annotation has; a symbol once.

    Where the annotation calls a gene by another symbol, that one is a further name of it.
    """
    genes: dict[str, Gene] = {}
    ids: set[str] = set()
    for id, symbol, others in named:
        if symbol in genes or (id and id in ids):
            continue
        also = annotated.get(id, symbol)
        genes[symbol] = (id, symbol, tuple(name for name in dict.fromkeys((*others, also)) if name != symbol))
        ids.add(id)
    for id, symbol in annotated.items():
        if id not in ids and symbol not in genes:
            genes[symbol] = (id, symbol, ())
    return sorted(genes.values())


def write(path: Path, genes: list[Gene]) -> None:
    """Write rows ``id, symbol, other names separated by |``."""
    text = "".join(f"{id}\t{symbol}\t{'|'.join(others)}\n" for id, symbol, others in genes)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def check() -> int:
    """0 if the tables are whole, small enough and the ones that the notice describes."""
    notice = (FOLDER / "NOTICE.md").read_text(encoding="utf-8")
    files = [FOLDER / f"{species}.tsv.xz" for species in SPECIES]
    if sum(file.stat().st_size for file in files) > LIMIT_BYTES:
        print("The tables of gene names are larger than 2 MB", file=sys.stderr)
        return 1
    for file in files:
        data = file.read_bytes()
        rows = [line.split("\t") for line in lzma.decompress(data).decode().splitlines()]
        facts = (hashlib.sha256(data).hexdigest(), f"{len(rows):,} genes")
        symbols = {row[1] for row in rows}
        if len(symbols) != len(rows) or any(len(row) != 3 for row in rows) or rows != sorted(rows):
            print(f"{file.name}: a row is out of order, or a symbol is there twice", file=sys.stderr)
            return 1
        if not all(fact in notice for fact in facts):
            print(f"{file.name}: NOTICE.md says something else than {', '.join(facts)}", file=sys.stderr)
            return 1
    return 0


def main() -> int:
    """Make or check; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="check the committed tables")
    for name in ("hgnc", "mgi", "human", "mouse"):
        parser.add_argument(f"--{name}", type=Path)
    given = parser.parse_args()
    if given.check or given.hgnc is None:
        return check()
    write(FOLDER / "human.tsv.xz", joined(read_hgnc(given.hgnc), read_gencode(given.human)))
    write(FOLDER / "mouse.tsv.xz", joined(read_mgi(given.mgi), read_gencode(given.mouse)))
    for species in SPECIES:
        data = (FOLDER / f"{species}.tsv.xz").read_bytes()
        n_genes = lzma.decompress(data).count(b"\n")
        print(f"{species}: {n_genes:,} genes, {len(data):,} bytes, {hashlib.sha256(data).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
