"""Standard terms of categories, as the element of an annotation keeps them: ``meta["terms"]``, category → term id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.tables import ColumnData
from cytosol.catalog.annotation_edits import ColumnEdit, as_categories
from cytosol.reference.ontologies import GOOD, ONTOLOGIES, TermHit, find_term, load_ontology

TERMS = "terms"
PARTNER = "_ontology_term_id"
"""What the CELLxGENE schema adds to the name of a column for the one with its term ids."""
_WORDS = {
    "CL": ("cell", "type", "cluster", "label", "annotation", "louvain", "leiden", "subset", "lineage"),
    "UBERON": ("tissue", "organ", "anatom", "region", "site", "location"),
    "MONDO": ("disease", "condition", "diagnos", "status", "disorder", "health", "phenotype"),
    "HsapDv": ("stage", "development", "age"),
}
Terms = Mapping[str, str]


def terms_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """Category → term id of an annotation."""
    return dict(meta.get(TERMS) or {})


def with_terms(meta: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    """What is said about an annotation, with these terms instead of those it had."""
    rest = {name: value for name, value in meta.items() if name != TERMS}
    return rest | ({TERMS: dict(terms)} if terms else {})


def edited_terms(terms: Terms, edit: ColumnEdit) -> dict[str, str]:
    """The terms after an edit of the categories: they follow new names.

    A category that several were merged into keeps their term where those that have one agree.
    """
    found = dict(terms)
    for target, members in edit.merge.items():
        known = {found.pop(member) for member in {*members, target} if member in found}
        if len(known) == 1:
            found[target] = known.pop()
    moved = {old: found.pop(old) for old in edit.rename if old in found}
    return found | {edit.rename[old]: id for old, id in moved.items()}


def assigned_terms(terms: Terms, changes: Mapping[str, str | None], levels: Sequence[str]) -> dict[str, str]:
    """The terms with some set and, where None, taken away.

    Raises
    ------
    NotFoundError
        Where the annotation has no such category.
    InvalidInputError
        Where a term is not shipped.
    """
    found = dict(terms)
    for level, id in changes.items():
        if level not in levels:
            raise NotFoundError(f"There is no category '{level[:255]}' in this annotation")
        if id is None:
            found.pop(level, None)
            continue
        known = find_term(id)
        if known is None:
            names = ", ".join(info.name for info in ONTOLOGIES)
            raise InvalidInputError(
                f"There is no term '{id[:64]}'",
                where=f"category '{level[:255]}'",
                do=f"Search for it; these ontologies are here: {names}",
            )
        found[level] = known[1].id
    return found


def partner_terms(columns: Mapping[str, ColumnData]) -> dict[str, dict[str, str]]:
    """Terms of annotations beside which lies one with their term ids, as in files of the CELLxGENE schema.

    An annotation of term ids that stands alone has these as its terms.

    Parameters
    ----------
    columns : by name, all of the same cells

    Returns
    -------
    Name of an annotation → category → the id that most of its cells have; ids that are not shipped are left out.
    """
    found = {}
    for name, column in columns.items():
        alone = name.endswith(PARTNER) and name.removesuffix(PARTNER) not in columns
        ids = column if alone else columns.get(f"{name}{PARTNER}")
        if ids is None or column.categories is None:
            continue
        partner = as_categories(ids)
        if partner.categories is None:
            continue
        n_ids = len(partner.categories)
        both = (column.values >= 0) & (partner.values >= 0)
        pairs = column.values[both].astype(np.int64) * n_ids + partner.values[both]
        codes, counts = np.unique(pairs, return_counts=True)
        best: dict[int, tuple[int, int]] = {}
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            best[code // n_ids] = max(best.get(code // n_ids, (0, 0)), (count, code % n_ids))
        terms = {}
        for level, (_, id) in best.items():
            known = find_term(str(partner.categories[id]))
            if known is not None:
                terms[str(column.categories[level])] = known[1].id
        if terms:
            found[name] = terms
    return found


def ontologies_for(column: str) -> tuple[str, ...]:
    """The ontologies that the name of an annotation speaks of; all where it says nothing."""
    text = column.casefold()
    found = tuple(name for name, words in _WORDS.items() if any(word in text for word in words))
    return found or tuple(_WORDS)


def suggestions(column: str, level: str, *, limit: int = 3) -> list[TermHit]:
    """Terms whose names are like a category, the best first."""
    hits = [
        hit
        for name in ontologies_for(column)
        for hit in load_ontology(name).search(level, limit=limit, prefix=False)
        if hit.score >= GOOD
    ]
    return sorted(hits, key=lambda hit: -hit.score)[:limit]
