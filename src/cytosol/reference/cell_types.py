"""The cell types that the package ships, with the genes that tell them; works without a network."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

REFERENCE_VERSION = "2026-11"
"""Raised when the table changes."""


@dataclass(frozen=True, slots=True)
class CellType:
    """A cell type and its genes, of one species.

    Attributes
    ----------
    parent : the wider type of the table; "" = none
    tells_parent : whether its genes tell the parent from other types, too
    term, label : of the Cell Ontology
    tissue : where it is looked for; "blood" = immune and blood cells, "any" = everywhere
    expressed, absent : symbols
    sources : DOIs
    """

    name: str
    parent: str
    tells_parent: bool
    term: str
    label: str
    tissue: str
    expressed: tuple[str, ...]
    absent: tuple[str, ...]
    sources: tuple[str, ...]


@cache
def load_cell_types(species: str) -> tuple[CellType, ...]:
    """All types, with the genes of the mouse, or for any other species those of man.

    Parameters
    ----------
    species : "mouse", or another one
    """
    genes = "mouse" if species == "mouse" else "human"
    text = files("cytosol.reference").joinpath("data", "cell_types.tsv").read_text(encoding="utf-8")
    return tuple(
        CellType(
            row["name"], row["parent"], row["tells_parent"] == "1", row["term"], row["label"], row["tissue"],
            tuple(row[genes].split()), tuple(row[f"{genes}_absent"].split()), tuple(row["sources"].split()),
        )
        for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    )  # fmt: skip
