"""Queries over all studies that an actor may read: expression per cell type, search, genes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cytosol.analyses.matrix.group_sums import COUNT, RAW_SUM, SUM
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.context import Context
from cytosol.catalog.contexts import CELL_TYPE, KINDS, group_columns
from cytosol.catalog.gene_names import FoundGene, gene_names, species_of
from cytosol.catalog.layouts import Layouts
from cytosol.catalog.measured_genes import GeneNumbers
from cytosol.catalog.sources import Readable, Source, Sources
from cytosol.catalog.summaries import Grouping, Summaries
from cytosol.catalog.tables import Pinned, Tables
from cytosol.formats.spatialdata.summary_file import Group, SummaryFile
from cytosol.model.rights import Actor
from cytosol.model.studies import Element

Unit = Literal["lognorm", "raw"]
MAX_GENES = 100


@dataclass(frozen=True, slots=True)
class TableSums:
    """How much some genes are expressed in the groups of one table.

    Attributes
    ----------
    groups : values of the annotations that were grouped by, None = missing; for "cell_type": cell type, tissue, disease
    totals : shape (n_groups,), int64, cells
    counts : shape (n_genes, n_groups), int64, cells that express the gene
    sums : shape (n_genes, n_groups), float64, in the unit asked for; NaN = not measured, or a table without counts
    measured : whether the table has each gene
    """

    source: Source
    groups: list[Group]
    totals: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    measured: list[bool]


@dataclass(frozen=True, slots=True)
class Expression:
    """What a query for genes found.

    Attributes
    ----------
    genes : what each name stands for
    tables : sums of every readable table of the species
    missing : for each gene the studies that do not measure it
    """

    genes: list[FoundGene]
    tables: list[TableSums]
    missing: dict[str, list[Key]] = field(default_factory=dict)

    @property
    def lost(self) -> list[str]:
        """Names of genes that no study measures."""
        measured = [any(table.measured[number] for table in self.tables) for number in range(len(self.genes))]
        return [gene.asked for gene, found in zip(self.genes, measured, strict=True) if not found]

    @property
    def ambiguous(self) -> dict[str, list[str]]:
        """Names that several genes bear, with the symbols of these."""
        return {gene.asked: list(gene.candidates) for gene in self.genes if gene.candidates}


class Across:
    """The verbs over all studies."""

    def __init__(self, context: Context, layouts: Layouts, reader: Tables) -> None:
        self._context = context
        self._sources = Sources(context, layouts)
        self.summaries = Summaries(context, reader)
        self.gene_numbers = GeneNumbers(context, reader, self.summaries)

    async def readable(self, actor: Actor, *, species: str = "") -> Readable:
        """All studies of a species that the actor may read, and their tables."""
        return await self._sources.find(actor, species=species)

    async def sources(self, actor: Actor, *, species: str = "") -> list[Source]:
        """All tables of a species that the actor may read; "" = of all species."""
        return (await self.readable(actor, species=species)).sources

    async def expression(
        self,
        actor: Actor,
        *,
        genes: Sequence[str],
        species: str = "human",
        group_by: str = CELL_TYPE,
        unit: Unit = "lognorm",
    ) -> Expression:
        """How much genes are expressed in the groups of cells of every study.

        Parameters
        ----------
        genes : symbols, Ensembl ids or further names
        group_by : "cell_type" = the annotation of cell types of each table, else the name of an annotation
        unit : of the sums

        Raises
        ------
        InvalidInputError
            Where no gene is named, or too many.
        """
        if not 1 <= len(genes) <= MAX_GENES:
            raise InvalidInputError(f"1 to {MAX_GENES} genes can be asked for at once, not {len(genes)}", where="genes")
        if unit not in ("lognorm", "raw"):
            raise InvalidInputError(f"'{unit[:32]}' is no unit", where="unit", do="Use lognorm or raw")
        sources = await self.sources(actor, species=species)
        return await self.sums(sources, genes=genes, species=species, group_by=group_by, unit=unit)

    async def sums(
        self, sources: Sequence[Source], *, genes: Sequence[str], species: str, group_by: str = CELL_TYPE, unit: Unit
    ) -> Expression:
        """The same for some tables."""
        names = await self._context.compute.run(gene_names, species_of(species))
        adding = _Adding(self.summaries, [names.find(gene) for gene in genes], unit)
        answer = await self._context.compute.run(adding.all, sources, group_by)
        self.summaries.make_later(adding.waiting)
        return answer

    async def measured(self, sources: Sequence[Source], genes: Sequence[FoundGene]) -> list[list[bool]]:
        """For each source, whether it measures each gene."""

        def look() -> list[list[bool]]:
            return [[place >= 0 for place in find_places(self.summaries, source, genes)] for source in sources]

        return await self._context.compute.run(look)

    async def labels(self, sources: Sequence[Source]) -> list[dict[str, list[str]]]:
        """Of each source the cell types, tissues and diseases that it tells."""
        waiting: list[tuple[Pinned, tuple[Element | None, ...]]] = []

        def look() -> list[dict[str, list[str]]]:
            found = []
            for source in sources:
                columns = group_columns(source.columns, source.told, CELL_TYPE)
                held: SummaryFile | Grouping | None = self.summaries.known(source.pinned, columns)
                if held is None and any(columns):
                    held = self.summaries.grouping(source.pinned, columns)
                    waiting.append((source.pinned, columns))
                found.append(labels_of(source, held.groups if held is not None else []))
            return found

        labels = await self._context.compute.run(look)
        self.summaries.make_later(waiting)
        return labels


@dataclass(slots=True)
class _Adding:
    """Adds up genes, on a thread.

    Attributes
    ----------
    waiting : tables without a summary, which were added up from their index
    """

    summaries: Summaries
    genes: Sequence[FoundGene]
    unit: Unit
    waiting: list[tuple[Pinned, tuple[Element | None, ...]]] = field(default_factory=list)

    def all(self, sources: Sequence[Source], group_by: str) -> Expression:
        """The sums of all tables that have the annotation."""
        answer = Expression(list(self.genes), [])
        for source in sources:
            columns = group_columns(source.columns, source.told, group_by)
            if group_by != CELL_TYPE and columns == (None,):
                continue
            made = self.one(source, columns)
            for gene, measured in zip(self.genes, made.measured, strict=True):
                if not measured:
                    answer.missing.setdefault(gene.asked, []).append(source.study.id)
            answer.tables.append(made)
        return answer

    def one(self, source: Source, columns: tuple[Element | None, ...]) -> TableSums:
        """The sums of one table, from its summary or, while there is none, from its index."""
        places = find_places(self.summaries, source, self.genes)
        held: SummaryFile | Grouping | None = self.summaries.known(source.pinned, columns)
        if held is None:
            held = self.summaries.grouping(source.pinned, columns)
            self.waiting.append((source.pinned, columns))
        counts = np.zeros((len(places), len(held.groups)), np.int64)
        sums = np.full((len(places), len(held.groups)), np.nan)
        for number, place in enumerate(places):
            if place < 0:
                continue
            if isinstance(held, SummaryFile):
                values = held.feature(place)
            else:
                values = self.summaries.numbers(source.pinned, held, place)
            counts[number] = values[COUNT]
            sums[number] = values[RAW_SUM if self.unit == "raw" else SUM]
        return TableSums(source, held.groups, held.totals, counts, sums, [place >= 0 for place in places])


def find_places(summaries: Summaries, source: Source, genes: Sequence[FoundGene]) -> list[int]:
    """The feature of each gene in a table, -1 = none: with its id, else its symbol, else another of its names."""
    if not genes:
        return []
    hits = summaries.names(source.pinned).find(np.concatenate([gene.keys for gene in genes]))
    places = []
    start = 0
    for gene in genes:
        own = hits[start : start + len(gene.keys)]
        start += len(gene.keys)
        own = own[own >= 0]
        places.append(int(own[0]) if len(own) and not gene.candidates else -1)
    return places


def labels_of(source: Source, groups: Sequence[Group]) -> dict[str, list[str]]:
    """The cell types, tissues and diseases of a table, each once, in the order of its groups."""
    found: dict[str, list[str]] = {}
    for place, kind in enumerate(KINDS):
        named = [group[place] for group in groups]
        value = source.told[kind].value if kind in source.told else None
        found[kind] = list(dict.fromkeys(label for label in (*named, value) if label is not None))
    return found
