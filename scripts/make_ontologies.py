"""Make the ontologies that the package ships from the Python package ``cellxgene-ontology-guide``.

Run it only to renew the files; what comes out is committed, and is the same for the same input. With ``--source`` it
writes them, or compares them where ``--check`` is given, too; ``--check`` alone looks whether the committed files are
whole. ``NOTICE.md`` beside the files says where they are from.

    pip download --no-deps cellxgene-ontology-guide==1.11.1
    python scripts/make_ontologies.py --source cellxgene_ontology_guide-1.11.1-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "src" / "cytosol" / "reference" / "data"
INSIDE = "cellxgene_ontology_guide/data"
SUMS = FOLDER / "SHA256SUMS"
Terms = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """What is taken from one file.

    Attributes
    ----------
    roots : only these and what is below them
    groups : the terms that divide the ontology into parts that people choose from: an id, the name of a list in the
        wheel, or "below ID" for all that is directly below a term
    also : terms of other ontologies: file, id
    """

    name: str
    file: str
    roots: tuple[str, ...]
    groups: tuple[str, ...]
    also: tuple[tuple[str, str], ...] = ()


CELL_GROUPS = tuple(
    f"CL:{number}"
    for number in """
    0000988 0002319 0000066 0000115 0000187 0002320 0000039 0002494 0001035 0000349 0002321 0000669
    0000151 0000147 0001061 0000183
    """.split()
)
"""Of blood, nerves, epithelium, vessels, muscle, connective tissue, germ line, and the like."""
COMMON_NAMES = {
    "CL:0000084": "T",
    "CL:0000236": "B",
    "CL:0000624": "CD4 T cell|CD4+ T cell",
    "CL:0000625": "CD8 T cell|CD8+ T cell",
    "CL:0000895": "naive CD4 T cell|naive CD4+ T cell",
    "CL:0000900": "naive CD8 T cell|naive CD8+ T cell",
    "CL:0000897": "memory CD4 T cell|memory CD4+ T cell",
    "CL:0000909": "memory CD8 T cell|memory CD8+ T cell",
    "CL:0000794": "cytotoxic CD8 T cell|cytotoxic CD8+ T cell",
    "CL:0000815": "Treg cell|T reg|CD4+ CD25+ T reg",
    "CL:0000798": "gdT|gd T cell",
    "CL:0000940": "MAIT",
    "CL:0000623": "NK|CD56+ NK",
    "CL:0000860": "CD14 mono|CD14+ mono|CD14+ monocyte",
    "CL:0000875": "CD16 mono|CD16+ mono|FCGR3A+ monocyte|CD16+ monocyte",
    "CL:0000451": "DC",
    "CL:0000990": "cDC|mDC",
    "CL:0000037": "HSC",
    "CL:0008001": "HSPC|CD34+",
    "CL:0002062": "AT1",
    "CL:0002063": "AT2",
    "UBERON:0000178": "peripheral blood|PBMC|whole blood",
    "PATO:0000461": "healthy|healthy control|control|no disease|none",
}
"""Names of our own that labels of data use."""
RECIPES = (
    Recipe("CL", "CL-ontology-v2026-03-26", ("CL:0000000",), CELL_GROUPS),
    Recipe("UBERON", "UBERON-ontology-v2026-04-01", ("UBERON:0001062",), ("system_list", "organ_list")),
    Recipe(
        "MONDO",
        "MONDO-ontology-v2026-05-05",
        ("MONDO:0700096",),
        ("below MONDO:7770006", "below MONDO:7770007", "below MONDO:7770008"),
        (("PATO-ontology-v2025-05-14", "PATO:0000461"),),
    ),
    Recipe("HsapDv", "HsapDv-ontology-v2025-01-23", ("HsapDv:0000001",), ("below HsapDv:0000001",)),
)


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, help="the wheel of cellxgene-ontology-guide")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    said = parser.parse_args()
    if said.source is None:
        if not said.check:
            print("Nothing is written without --source; the committed files stay as they are")
        return check_sums()
    made = {}
    with zipfile.ZipFile(said.source) as wheel:
        for recipe in RECIPES:
            made[f"{recipe.name}.tsv.xz"] = lzma.compress(make(wheel, recipe).encode(), preset=9 | lzma.PRESET_EXTREME)
    stale = [
        name for name, data in made.items() if not (FOLDER / name).exists() or (FOLDER / name).read_bytes() != data
    ]
    if said.check:
        print(f"out of date: {', '.join(stale)}" if stale else "the files are those of the source")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name, data in made.items():
        (FOLDER / name).write_bytes(data)
        print(f"{name}: {len(data):,} bytes")
    SUMS.write_text("".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(made.items())))
    return 0


def check_sums() -> int:
    """Whether the committed files are those that the script wrote."""
    wrong = []
    for line in SUMS.read_text().splitlines():
        digest, name = line.split("  ")
        if hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() != digest:
            wrong.append(name)
    if wrong:
        print(f"changed by hand: {', '.join(wrong)}; run scripts/make_ontologies.py --source WHEEL")
    return 1 if wrong else 0


def make(wheel: zipfile.ZipFile, recipe: Recipe) -> str:
    """The file of one ontology: a header, then id, label, parents, synonyms and mark of each term.

    The mark is "group", or the term that replaces an obsolete one, whose other fields are empty.
    """
    terms = dict(read(wheel, recipe.file))
    for file, id in recipe.also:
        terms[id] = {**read(wheel, file)[id], "ancestors": {}}
    kept = {id for id, term in terms.items() if not term["deprecated"] and chosen(id, term, recipe)}
    groups = grouped(wheel, recipe, terms) & kept
    lines = [f"# {recipe.name}\t{recipe.file.partition('-ontology-')[2]}"]
    for id in sorted(kept):
        term = terms[id]
        mark = "group" if id in groups else ""
        lines.append(
            "\t".join((id, flat(term["label"]), " ".join(parents(id, terms, kept)), "|".join(synonyms(id, term)), mark))
        )
    for id in sorted(terms):
        replacement = terms[id].get("replaced_by")
        if terms[id]["deprecated"] and replacement in kept:
            lines.append("\t".join((id, "", "", "", replacement)))
    return "\n".join(lines) + "\n"


def chosen(id: str, term: Mapping[str, Any], recipe: Recipe) -> bool:
    """Whether a term is below one of the roots, one of them, or named apart."""
    return not {id, *term["ancestors"]}.isdisjoint(recipe.roots) or any(id == other for _, other in recipe.also)


def parents(id: str, terms: Terms, kept: set[str]) -> list[str]:
    """The ancestors of a term that are above none of its other ancestors."""
    above = [other for other in terms[id]["ancestors"] if other in kept]
    further = {far for other in above for far in terms[other]["ancestors"] if other not in terms[far]["ancestors"]}
    return sorted(set(above) - further)


def grouped(wheel: zipfile.ZipFile, recipe: Recipe, terms: Terms) -> set[str]:
    """The terms that divide the ontology."""
    found: set[str] = set()
    for source in recipe.groups:
        if source.startswith("below "):
            found |= {id for id, term in terms.items() if term["ancestors"].get(source.removeprefix("below ")) == 1}
        elif ":" in source:
            found.add(source)
        else:
            found |= set(json.loads(wheel.read(f"{INSIDE}/{source}.json")))
    return found | {id for _, id in recipe.also}


def synonyms(id: str, term: Mapping[str, Any]) -> Iterable[str]:
    """Other names, each once whatever the case, none equal to the label."""
    seen = {term["label"].casefold()}
    own = COMMON_NAMES.get(id, "").split("|")
    for name in sorted([*term.get("synonyms", ()), *own], key=lambda name: (name.casefold(), name)):
        text = flat(name)
        if text and text.casefold() not in seen:
            seen.add(text.casefold())
            yield text


def flat(text: str) -> str:
    """One line without the separators of the file."""
    return " ".join(text.replace("|", "/").split())


def read(wheel: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """The terms of a file of the wheel."""
    from numcodecs.zstd import decompress

    found: dict[str, Any] = json.loads(bytes(decompress(wheel.read(f"{INSIDE}/{name}.json.zst"))))
    return found


if __name__ == "__main__":
    sys.exit(main())
