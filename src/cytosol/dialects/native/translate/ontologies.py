"""Ontologies and terms as JSON."""

from __future__ import annotations

from typing import Any

from cytosol.catalog.terms import LevelTerm, Ontology, Term, TermHit, TermNode, TermTree


def ontology_json(found: Ontology) -> dict[str, Any]:
    """An ontology, without its terms."""
    info = found.info
    return {
        "name": info.name,
        "title": info.title,
        "kind": info.kind,
        "version": info.version,
        "licence": info.licence,
        "url": info.url,
        "n_terms": len(found.terms),
    }


def hit_json(hit: TermHit) -> dict[str, Any]:
    """A term that a search found."""
    return {**term_json(hit.term), "synonyms": list(hit.term.synonyms), "score": hit.score}


def term_json(term: Term) -> dict[str, Any]:
    """A term by id and name."""
    return {"id": term.id, "label": term.label}


def tree_json(tree: TermTree) -> dict[str, Any]:
    """A part of an ontology."""
    return {
        "ontology": tree.info.name,
        "terms": [_node_json(node) for node in tree.nodes],
        "ancestors": [term_json(term) for term in tree.ancestors],
    }


def _node_json(node: TermNode) -> dict[str, Any]:
    children = None if node.children is None else [_node_json(child) for child in node.children]
    return {**term_json(node.term), "n_below": node.n_below, "children": children}


def level_json(found: LevelTerm) -> dict[str, Any]:
    """A category and its term."""
    return {
        "level": found.level,
        "term_id": found.term.id if found.term else None,
        "term": found.term.label if found.term else None,
        "ontology": found.ontology.name if found.ontology else None,
        "suggestions": [{**term_json(hit.term), "score": hit.score} for hit in found.suggested],
    }
