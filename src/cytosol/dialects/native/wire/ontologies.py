"""Wire models of ontologies and of the terms of categories."""

from __future__ import annotations

from cytosol.dialects.native.wire.common import Wire


class OntologyRecord(Wire):
    """An ontology that is shipped."""

    name: str
    """Also the prefix of its ids."""
    title: str
    kind: str
    """What its terms are of: cell type, tissue, disease, development stage."""
    version: str
    licence: str
    url: str
    n_terms: int


class TermRecord(Wire):
    """A term; ``score`` says how well it fits the text that was searched for: 1 = the same words, 0 = none."""

    id: str
    label: str
    synonyms: list[str]
    score: float


class TermShort(Wire):
    """A term by id and name."""

    id: str
    label: str


class TermNode(Wire):
    """A term and what is below it; ``children`` is null where the tree was cut."""

    id: str
    label: str
    n_below: int
    """Terms below it, at any distance."""
    children: list[TermNode] | None


class TermTree(Wire):
    """A part of an ontology."""

    ontology: str
    terms: list[TermNode]
    ancestors: list[TermShort]
    """Of the term that was asked for, the nearest first."""


class TermSuggestion(Wire):
    """A term whose name is like that of a category."""

    id: str
    label: str
    score: float


class LevelTerm(Wire):
    """A category and its standard term; null where it has none."""

    level: str
    term_id: str | None
    term: str | None
    ontology: str | None
    suggestions: list[TermSuggestion]
