"""Ontologies, and the standard terms of what studies call their cells, tissues and diseases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cytosol.base.errors import VersionMismatchError
from cytosol.base.keys import Key
from cytosol.catalog.access import permissions_on_studies, require_readable_lists
from cytosol.catalog.annotations import Annotations
from cytosol.catalog.column_terms import suggestions, terms_of
from cytosol.catalog.context import Context
from cytosol.catalog.datasets import ColumnView, column_view
from cytosol.catalog.layouts import Layouts, lasting_id
from cytosol.catalog.records import all_to
from cytosol.catalog.tables import Pinned, Tables
from cytosol.db import rows, tables
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Dataset, Element
from cytosol.reference.ontologies import (
    ONTOLOGIES,
    Ontology,
    OntologyInfo,
    Term,
    TermHit,
    expand,
    find_term,
    load_ontology,
)

__all__ = [
    "LevelTerm",
    "Ontology",
    "OntologyInfo",
    "StudyTerm",
    "Term",
    "TermHit",
    "TermNode",
    "TermTree",
    "Terms",
    "assignable_tree",
    "find_term",
]
MAX_SUGGESTED = 200
"""Categories of one annotation for which terms are suggested."""
MAX_DEPTH = 3
_TRIES = 20
Hits = list[TermHit]


@dataclass(frozen=True, slots=True)
class TermNode:
    """A term in its tree.

    Attributes
    ----------
    n_below : terms below it, at any distance
    children : those directly below it; None where the tree was cut here
    """

    term: Term
    n_below: int
    children: tuple[TermNode, ...] | None


@dataclass(frozen=True, slots=True)
class TermTree:
    """A part of an ontology: some terms with what is below them, and the way up to the root, nearest first."""

    info: OntologyInfo
    nodes: tuple[TermNode, ...]
    ancestors: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class LevelTerm:
    """A category of an annotation, the standard term that it has, and, where it has none, those it could have."""

    level: str
    term: Term | None
    ontology: OntologyInfo | None
    suggested: Sequence[TermHit] = ()


@dataclass(frozen=True, slots=True)
class StudyTerm:
    """A standard term that a category in a study has.

    Attributes
    ----------
    is_main : whether it is in the first table of the study's first dataset, which some clients take for the study
    """

    study_id: Key
    dataset_id: Key
    table: str
    column: str
    level: str
    term: Term
    ontology: OntologyInfo
    is_main: bool


class Terms:
    """The verbs on ontologies and terms."""

    def __init__(self, context: Context, layouts: Layouts, reader: Tables, annotations: Annotations) -> None:
        self._context = context
        self._layouts = layouts
        self._reader = reader
        self._annotations = annotations

    def ontologies(self) -> tuple[OntologyInfo, ...]:
        """Those that are shipped."""
        return ONTOLOGIES

    async def ontology(self, name: str) -> Ontology:
        """One of them, whole."""
        return await asyncio.to_thread(load_ontology, name)

    async def search(self, *, ontology: str, text: str, limit: int = 20) -> Hits:
        """Terms whose label or synonyms are like a text, or that have it as id, the best first."""
        return await asyncio.to_thread(lambda: load_ontology(ontology).search(text, limit=limit))

    async def tree(self, *, ontology: str, root: str = "", depth: int = 1) -> TermTree:
        """A term with what is below it; "" = the whole ontology from its roots on.

        Parameters
        ----------
        depth : how many levels below it, 0 to 3
        """
        found = await self.ontology(ontology)

        def node(id: str, deeper: int) -> TermNode:
            below = found.children.get(id, ())
            children = tuple(node(child, deeper - 1) for child in below) if deeper or not below else None
            return TermNode(found.terms[id], len(found.descendants(id)) - 1, children)

        def build() -> TermTree:
            starts = (found.term(root).id,) if root else found.roots
            above = tuple(found.terms[id] for id in found.ancestors(root)) if root else ()
            return TermTree(found.info, tuple(node(id, min(max(0, depth), MAX_DEPTH)) for id in starts), above)

        return await asyncio.to_thread(build)

    async def expand(self, id: str) -> frozenset[str]:
        """The ids of a term and of all below it; of one that is not shipped, itself."""
        return await asyncio.to_thread(expand, id)

    async def of_column(
        self, actor: Actor, *, dataset_id: Key, column: str, table: str = "", suggest: bool = True
    ) -> tuple[ColumnView, list[LevelTerm]]:
        """The categories of an annotation, given by name or id, with their terms and suggestions."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        element = column_of(pinned, column)
        levels = (await self._reader.column(pinned, element.name)).categories or []
        terms = terms_of(element.meta)

        def look_up() -> list[LevelTerm]:
            return [
                _level_term(element.name, level, terms, suggest=suggest and number < MAX_SUGGESTED)
                for number, level in enumerate(levels)
            ]

        return column_view(element), await asyncio.to_thread(look_up)

    async def assign(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        column: str,
        changes: Mapping[str, str | None],
        expected: int | None = None,
        table: str = "",
    ) -> ColumnView:
        """Give categories of an annotation, given by name or id, their terms; None takes one away.

        Parameters
        ----------
        expected : the version that the changes are for; None = whichever it is, also when others change it meanwhile
        """
        tries = 1 if expected is not None else _TRIES
        while True:
            tries -= 1
            pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
            column_id = lasting_id(column_of(pinned, column))
            try:
                return await self._annotations.set_terms(
                    actor, dataset_id=dataset_id, column_id=column_id, changes=changes, expected=expected, table=table
                )
            except VersionMismatchError:
                if not tries:
                    raise

    async def publish(self, actor: Actor, *, dataset_id: Key, column: str, table: str = "") -> ColumnView:
        """Make an annotation that only its owner sees, given by name or id, one of the study."""
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        column_id = lasting_id(column_of(pinned, column))
        return await self._annotations.publish(actor, dataset_id=dataset_id, column_id=column_id, table=table)

    async def of_studies(self, actor: Actor, *, study_ids: Iterable[Key] | None = None) -> list[StudyTerm]:
        """The terms in studies that the actor may read, by study, dataset and annotation.

        Parameters
        ----------
        study_ids : None = all; those that cannot be read are left out
        """
        require_readable_lists(actor)
        async with self._context.db.read() as conn:
            where = {"deleted_at": None} | ({} if study_ids is None else {"id": set(study_ids)})
            studies = [row["id"] for row in await rows.find(conn, tables.studies, where)]
            held = await permissions_on_studies(conn, actor, studies)
            readable = [id for id in studies if Permission.DATA_READ in held[id]]
            ready = {"study_id": readable, "deleted_at": None, "state": "published", "data_version": rows.Above(0)}
            datasets = all_to(
                Dataset, await rows.find(conn, tables.datasets, ready, order=("study_id", "position", "id"))
            )
            layouts = await self._layouts.get_many(conn, datasets, viewer=actor.user_id)
        first = {dataset.study_id: dataset.id for dataset in reversed(datasets)}
        columns = [
            (dataset, part.table.name, element, not number and dataset.id == first[dataset.study_id])
            for dataset, layout in zip(datasets, layouts, strict=True)
            for number, part in enumerate(layout.tables)
            for element in part.columns
        ]
        return await asyncio.to_thread(_study_terms, columns)


def column_of(pinned: Pinned, name_or_id: str) -> Element:
    """A column by its name or its lasting id.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    for element in pinned.part.columns:
        if lasting_id(element).hex24 == name_or_id:
            return element
    return pinned.part.column(name_or_id)


def assignable_tree(ontology: Ontology) -> list[tuple[Term, list[Term]]]:
    """An ontology as groups and what belongs to each, for those who can choose from two levels only.

    Every term is there once, under the nearest group above it. What is under no group stands beside the groups.
    """
    members: dict[str, list[Term]] = {}
    alone = []
    for term in ontology.terms.values():
        group = ontology.group_of(term.id)
        if group is None:
            alone.append(term)
        elif group == term.id:
            members.setdefault(group, [])
        else:
            members.setdefault(group, []).append(term)
    groups = sorted((ontology.terms[id] for id in members), key=lambda term: term.label.casefold())
    found = [(group, sorted(members[group.id], key=lambda term: term.label.casefold())) for group in groups]
    return found + [(term, []) for term in sorted(alone, key=lambda term: term.label.casefold())]


def _level_term(column: str, level: str, terms: Mapping[str, str], *, suggest: bool) -> LevelTerm:
    known = find_term(terms[level]) if level in terms else None
    if known is not None:
        return LevelTerm(level, known[1], known[0].info)
    return LevelTerm(level, None, None, suggestions(column, level) if suggest else ())


def _study_terms(columns: Iterable[tuple[Dataset, str, Element, bool]]) -> list[StudyTerm]:
    found = []
    for dataset, table, element, is_main in columns:
        for level, id in terms_of(element.meta).items():
            known = find_term(id)
            if known is not None:
                place = (dataset.study_id, dataset.id, table, element.name, level)
                found.append(StudyTerm(*place, known[1], known[0].info, is_main))
    return found
