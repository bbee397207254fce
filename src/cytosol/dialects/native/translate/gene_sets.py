"""Gene sets as JSON."""

from __future__ import annotations

from typing import Any

from cytosol.catalog.gene_sets import GeneSetView
from cytosol.dialects.native.translate.common import head, hex_of


def gene_sets_head(view: GeneSetView) -> dict[str, Any]:
    """A collection without its sets."""
    record = view.gene_sets
    return {
        **head(record),
        "name": record.name,
        "kind": record.kind,
        "species": record.species,
        "group_id": hex_of(record.group_id),
        "owner_id": record.owner_id.hex(),
        "owner": view.owner_name,
        "may_edit": view.may_edit,
        "n_sets": record.n_sets,
    }


def gene_sets_json(view: GeneSetView) -> dict[str, Any]:
    """A collection with its sets."""
    return {**gene_sets_head(view), "sets": [one.to_json() for one in view.sets or ()]}
