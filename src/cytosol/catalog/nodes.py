"""Nodes: what the cell types, tissues and diseases of all studies can be asked by, and sums over their combinations."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cytosol.catalog.across import Expression, TableSums
from cytosol.catalog.contexts import KINDS
from cytosol.catalog.level_terms import ONTOLOGY_OF, term_of
from cytosol.catalog.sources import Source
from cytosol.reference.ontologies import load_ontology

Labels = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Node:
    """A term of an ontology that occurs in the studies or stands above one that does, or a label that is no term."""

    id: str
    label: str


def nodes_of(kind: str, sources: Sequence[Source], labels: Sequence[Labels]) -> list[Node]:
    """The nodes of cell types, tissues or diseases, by label, each label once.

    Parameters
    ----------
    labels : of each source what it tells, see ``Across.labels``
    """
    ontology = load_ontology(ONTOLOGY_OF[kind])
    found: dict[str, Node] = {}
    for source, told in zip(sources, labels, strict=True):
        for label in told[kind]:
            id = term_of(source, kind, label)
            if id is None or id not in ontology.terms:
                found.setdefault(label, Node(label, label))
                continue
            for known in (id, *ontology.ancestors(id)):
                found.setdefault(ontology.label(known), Node(known, ontology.label(known)))
    return sorted(found.values(), key=lambda node: node.label.casefold())


def members(kind: str, node_id: str) -> frozenset[str]:
    """The ids of a node and of all below it."""
    ontology = load_ontology(ONTOLOGY_OF[kind])
    return frozenset(ontology.descendants(node_id)) if node_id in ontology.terms else frozenset((node_id,))


@dataclass(frozen=True, slots=True)
class Combination:
    """Sums over the cells that are in one node of each kind that was asked for.

    Attributes
    ----------
    total : cells, also of tables that do not measure a gene
    counts : shape (n_genes,), cells that express each gene
    sums : shape (n_genes,), in the unit of the query
    """

    total: int
    counts: np.ndarray
    sums: np.ndarray


def combine_nodes(found: Expression, combinations: Sequence[Mapping[str, str]]) -> list[Combination]:
    """Sums over combinations of nodes.

    Parameters
    ----------
    combinations : for each kind that was asked for the id of a node
    """
    n_genes = len(found.genes)
    total = np.zeros(len(combinations), np.int64)
    counts, sums = np.zeros((n_genes, len(combinations))), np.zeros((n_genes, len(combinations)))
    wanted = {(kind, id): members(kind, id) for chosen in combinations for kind, id in chosen.items()}
    for table in found.tables:
        inside = _inside(table, wanted)
        chosen = np.ones((len(table.groups), len(combinations)), bool)
        for column, combination in enumerate(combinations):
            for kind, id in combination.items():
                chosen[:, column] &= inside[kind, id]
        into = chosen.astype(np.float64)
        total += (table.totals @ into).astype(np.int64)
        counts += table.counts @ into
        sums += np.nan_to_num(table.sums) @ into
    return [Combination(int(total[n]), counts[:, n], sums[:, n]) for n in range(len(combinations))]


def _inside(table: TableSums, wanted: Mapping[tuple[str, str], frozenset[str]]) -> dict[tuple[str, str], np.ndarray]:
    """For each node the groups of a table that are in it: shape (n_groups,), bool."""
    ids: dict[str, list[str | None]] = {}
    for kind in {kind for kind, _ in wanted}:
        place = KINDS.index(kind)
        told = table.source.told.get(kind)
        value = told.value if told is not None else None
        levels = [group[place] if group[place] is not None else value for group in table.groups]
        ids[kind] = [term_of(table.source, kind, level) or level if level is not None else None for level in levels]
    return {(kind, id): np.array([known in terms for known in ids[kind]], bool) for (kind, id), terms in wanted.items()}


def content_id(sources: Sequence[Source]) -> uuid.UUID:
    """An id of what lies in some tables: another one when one of them comes, goes or changes."""
    text = ",".join(sorted(f"{source.pinned.dataset.id.hex24}.{source.pinned.version}" for source in sources))
    return uuid.uuid5(uuid.NAMESPACE_OID, f"cytosol {text}")
