"""All genes that the readable tables of a species measure, with numbers that stay."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cytosol.catalog.context import Context
from cytosol.catalog.gene_names import GeneNames, gene_names
from cytosol.catalog.sources import Source
from cytosol.catalog.summaries import Summaries
from cytosol.catalog.tables import Tables


@dataclass(frozen=True, slots=True)
class _Of:
    """What one table measures.

    Attributes
    ----------
    known : numbers of genes in the table of names
    others : names of features that no gene of it has
    """

    known: np.ndarray
    others: list[str]


@dataclass(frozen=True, slots=True)
class MeasuredGenes:
    """Genes by number.

    Attributes
    ----------
    names : every gene of the species that has a name, and the other features of the tables; "" = not for this actor
    numbers : number of each name under which a measured gene is found, aliases included
    """

    names: list[str]
    numbers: dict[str, int]


class GeneNumbers:
    """Numbers genes: those of the table of names by their place, other features as they come.

    A number is never given to another name as long as the server runs.
    """

    def __init__(self, context: Context, reader: Tables, summaries: Summaries) -> None:
        self._context = context
        self._reader = reader
        self._summaries = summaries
        self._others: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    async def measured(self, sources: Sequence[Source], species: str) -> MeasuredGenes:
        """The genes that at least one of the tables measures."""
        names = await self._context.compute.run(gene_names, species)
        parts: list[_Of] = []
        for source in sources:
            look = partial(self._look, source, names)
            parts.append(await self._context.compute.cached(("measured genes", species, source.pinned.key), look))
        return await self._context.compute.run(self._number, parts, names, species)

    def _look(self, source: Source, names: GeneNames) -> _Of:
        keys, owners = names.all_keys
        places = self._summaries.names(source.pinned).find(keys)
        hit = places >= 0
        known = np.unique(owners[hit])
        frame = self._reader.read_frame(source.pinned)
        rest = np.setdiff1d(np.arange(len(frame)), places[hit])
        return _Of(known, [str(frame.index[place]) for place in rest.tolist()])

    def _number(self, parts: Sequence[_Of], names: GeneNames, species: str) -> MeasuredGenes:
        known = np.unique(np.concatenate([part.known for part in parts])) if parts else np.zeros(0, np.int64)
        others = sorted({name for part in parts for name in part.others})
        with self._lock:
            given = self._others.setdefault(species, {})
            for name in others:
                given.setdefault(name, len(names.genes) + len(given))
            all_names = [gene.symbol for gene in names.genes] + [""] * len(given)
            numbers: dict[str, int] = {}
            for name in others:
                numbers[name] = given[name]
                all_names[given[name]] = name
        symbols = {names.genes[number].symbol: number for number in known.tolist()}
        for number in known.tolist():
            for other in names.sure_others(names.genes[number]):
                numbers.setdefault(other, number)
        return MeasuredGenes(all_names, numbers | symbols)
