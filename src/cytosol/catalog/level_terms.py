"""Which term of an ontology a cell type, tissue or disease of a study stands for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cytosol.catalog.contexts import CELL_TYPE, DISEASE, TISSUE
from cytosol.catalog.sources import Source
from cytosol.reference.ontologies import find_term, load_ontology

ONTOLOGY_OF: Mapping[str, str] = {CELL_TYPE: "CL", TISSUE: "UBERON", DISEASE: "MONDO"}
_SAME_WORDS = 0.97
"""The score of a label or synonym that has the same words."""


def assigned(source: Source, kind: str, level: str) -> str | None:
    """The id of the term that people gave to a level of the annotation that tells this."""
    told = source.told.get(kind)
    if told is None or told.column is None:
        return None
    terms: Mapping[str, str] = told.column.meta.get("terms") or {}
    return terms.get(level)


def label_of(source: Source, level: str, kind: str = CELL_TYPE) -> str:
    """The label of the term that people gave to a level; without one, the level itself."""
    id = assigned(source, kind, level)
    known = find_term(id) if id else None
    return known[1].label if known is not None else level


def term_of(source: Source, kind: str, level: str) -> str | None:
    """The term of a level: the one that people gave it, else the one with the same words as its name."""
    return assigned(source, kind, level) or named_term(kind, level)


@lru_cache(maxsize=50_000)
def named_term(kind: str, text: str) -> str | None:
    """The term of the ontology of a kind whose label or synonym has the same words as a text, or that has it as id."""
    hits = load_ontology(ONTOLOGY_OF[kind]).search(text, limit=1, prefix=False)
    return hits[0].term.id if hits and hits[0].score >= _SAME_WORDS else None
