"""Make the shipped reference of cell types from ``scripts/cell_types.txt``; ``--check`` compares.

Ids and labels are checked against the shipped Cell Ontology and symbols against the shipped tables of genes; mouse
genes are those of the same name, or those that the list gives. The same list always gives the same file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from cytosol.catalog.gene_names import gene_names
from cytosol.reference.ontologies import load_ontology

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "scripts" / "cell_types.txt"
TARGET = ROOT / "src" / "cytosol" / "reference" / "data" / "cell_types.tsv"
COLUMNS = (
    "name", "parent", "tells_parent", "term", "label", "tissue",
    "human", "human_absent", "mouse", "mouse_absent", "sources",
)  # fmt: skip


def lines(text: str) -> tuple[list[list[str]], dict[str, str]]:
    """The types, and the names of mouse genes that differ."""
    types, mouse = [], {}
    for line in text.splitlines():
        if line.startswith("="):
            mouse |= dict(pair.split("=", 1) for pair in line[1:].split())
        elif line and not line.startswith("#"):
            types.append([field.strip() for field in line.split("|")])
    return types, mouse


def in_mouse(genes: list[str], different: Mapping[str, str]) -> list[str]:
    """The mouse's genes; those that it does not have are left out."""
    found = []
    for gene in genes:
        name = different.get(gene, gene)
        if name == "-":
            continue
        known = gene_names("mouse").find(name).gene
        if known is None:
            raise SystemExit(f"the mouse has no gene {name}; give it in a line that begins with =")
        if known.symbol not in found:
            found.append(known.symbol)
    return found


def table() -> str:
    """The reference as it is shipped."""
    types, mouse = lines(SOURCE.read_text(encoding="utf-8"))
    terms = load_ontology("CL").terms
    known = {fields[0] for fields in types}
    rows = ["\t".join(COLUMNS)]
    for name, parent, term, tissue, expressed, absent, sources in types:
        if term not in terms:
            raise SystemExit(f"{name}: the Cell Ontology has no {term}")
        if parent.lstrip("+") not in known | {""}:
            raise SystemExit(f"{name}: there is no {parent}")
        for gene in (expressed + " " + absent).split():
            found = gene_names("human").find(gene).gene
            if found is None or found.symbol != gene:
                raise SystemExit(f"{name}: {gene} is not an approved symbol ({found.symbol if found else 'unknown'})")
        sides = [expressed.split(), absent.split()]
        genes = [*sides, *(in_mouse(side, mouse) for side in sides)]
        tells = str(int(parent.startswith("+")))
        fields = [name, parent.lstrip("+"), tells, term, terms[term].label, tissue]
        rows.append("\t".join([*fields, *(" ".join(side) for side in genes), sources]))
    return "\n".join(rows) + "\n"


def main() -> int:
    """Write the file, or compare it."""
    text = table()
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        print(f"out of date: {TARGET.relative_to(ROOT)}; run scripts/make_cell_types.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
