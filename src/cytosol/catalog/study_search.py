"""Finds studies by what they say, by their cells, tissues and diseases, and by the genes that they measure."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cytosol.base.keys import Key
from cytosol.catalog.across import Across
from cytosol.catalog.contexts import KINDS
from cytosol.catalog.gene_names import FoundGene, Gene, gene_names, species_of
from cytosol.catalog.level_terms import named_term, term_of
from cytosol.catalog.nodes import members
from cytosol.catalog.sources import Source
from cytosol.model.rights import Actor
from cytosol.model.studies import Study

Part = tuple[Source, Mapping[str, Sequence[str]]]
"""A table, and of cell_type, tissue and disease what it tells."""
_MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a study was found.

    Attributes
    ----------
    where : name, display_id, description, authors, species, cell_type, tissue, disease or gene
    values : what of it matches
    """

    where: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudyHit:
    """A study that was found; ``n_cells`` of its published datasets."""

    study: Study
    n_cells: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class GeneHit:
    """A gene that was found, and how many readable studies measure it."""

    gene: Gene
    n_studies: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for; everything that is given has to match.

    Attributes
    ----------
    text : contained in a name, id, description, author, or in a cell type, tissue or disease
    cell_type, tissue, disease : contained in a label, or a term of an ontology, which then means its descendants too
    gene : symbol, Ensembl id or further name of a gene that is measured
    """

    text: str = ""
    species: str = ""
    cell_type: str = ""
    tissue: str = ""
    disease: str = ""
    gene: str = ""


class StudySearch:
    """The verbs that find studies and genes."""

    def __init__(self, across: Across) -> None:
        self._across = across

    async def search(self, actor: Actor, *, wanted: Wanted, limit: int = 100) -> list[StudyHit]:
        """The studies in which everything that is wanted is found, newest first, with the reasons."""
        readable = await self._across.readable(actor, species=wanted.species)
        labels = await self._across.labels(readable.sources)
        of_study: dict[Key, list[Part]] = defaultdict(list)
        n_cells: dict[Key, int] = defaultdict(int)
        for source, told in zip(readable.sources, labels, strict=True):
            of_study[source.study.id].append((source, told))
            n_cells[source.study.id] += source.pinned.part.n_cells
        genes = await self._with_gene(wanted, readable.sources) if wanted.gene else {}

        def look() -> list[StudyHit]:
            hits = []
            for study in readable.studies:
                reasons = self._reasons(study, of_study[study.id], wanted, genes)
                if reasons is not None:
                    hits.append(StudyHit(study, n_cells[study.id], tuple(reasons)))
                if len(hits) == limit:
                    break
            return hits

        return await asyncio.to_thread(look)  # reads an ontology

    async def genes(self, actor: Actor, *, species: str = "human", text: str = "", limit: int = 50) -> list[GeneHit]:
        """Genes of a species by symbol, id or further name: equal ones first, then by prefix, then by part."""
        names = await asyncio.to_thread(gene_names, species_of(species))
        genes = await asyncio.to_thread(names.search, text, limit)
        if not genes and text.strip():
            genes = [Gene("", text.strip())]  # no table knows it, but studies may
        sources = await self._across.sources(actor, species=species)
        measured = await self._across.measured(sources, [names.find(gene.symbol) for gene in genes])
        hits = []
        for number, gene in enumerate(genes):
            studies = {source.study.id for source, row in zip(sources, measured, strict=True) if row[number]}
            if studies or gene.id or gene.others:
                hits.append(GeneHit(gene, len(studies)))
        return hits

    async def _with_gene(self, wanted: Wanted, sources: Sequence[Source]) -> dict[Key, str]:
        """The studies that measure the gene, with its name there."""
        by_species: dict[str, FoundGene] = {}
        for source in sources:
            species = species_of(source.study.species)
            if species not in by_species:
                by_species[species] = (await asyncio.to_thread(gene_names, species)).find(wanted.gene)
        with_gene: dict[Key, str] = {}
        for species, gene in by_species.items():
            of_species = [source for source in sources if species_of(source.study.species) == species]
            for source, row in zip(of_species, await self._across.measured(of_species, [gene]), strict=True):
                if row[0]:
                    with_gene[source.study.id] = gene.name
        return with_gene

    @staticmethod
    def _reasons(study: Study, labels: Sequence[Part], wanted: Wanted, genes: Mapping[Key, str]) -> list[Reason] | None:
        """Why the study is a hit; None where something that is wanted is not found in it."""
        reasons: list[Reason] = []
        if wanted.species:
            reasons.append(Reason("species", (study.species,)))
        if wanted.text:
            found = _text_reasons(study, labels, wanted.text)
            if not found:
                return None
            reasons += found
        for kind in KINDS:
            text = getattr(wanted, kind)
            if text:
                values = _matching(kind, labels, text)
                if not values:
                    return None
                reasons.append(Reason(kind, values))
        if wanted.gene:
            if study.id not in genes:
                return None
            reasons.append(Reason("gene", (genes[study.id],)))
        return reasons


def _text_reasons(study: Study, labels: Sequence[Part], text: str) -> list[Reason]:
    small = text.strip().casefold()
    said = (
        ("name", [study.name]),
        ("display_id", [study.display_id]),
        ("description", [study.description]),
        ("authors", study.authors),
    )
    found = [Reason(where, tuple(value for value in values if small in value.casefold())) for where, values in said]
    found += [Reason(kind, _matching(kind, labels, text)) for kind in KINDS]
    return [reason for reason in found if reason.values]


def _matching(kind: str, parts: Sequence[Part], text: str) -> tuple[str, ...]:
    """The labels that contain the text, or whose term is the one with this name or below it."""
    small = text.strip().casefold()
    term = named_term(kind, text)
    below = members(kind, term) if term is not None else frozenset()
    values = dict.fromkeys(
        label
        for source, told in parts
        for label in told[kind]
        if small in label.casefold() or (below and term_of(source, kind, label) in below)
    )
    return tuple(values)[:_MOST_REASONS]
