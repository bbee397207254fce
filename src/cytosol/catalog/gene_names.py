"""Names of genes of a species: symbol, Ensembl id and further names, from the tables that the package ships."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from cytosol.formats.spatialdata.name_file import id_hash, symbol_hash

GENE_NAMES_VERSION = "2026-11"
"""Raised when the tables change; ``NOTICE.md`` beside them says what is in them."""
FOLDER = Path(__file__).parents[1] / "gene_names"
_SPECIES = {
    "human": ("human", "homo sapiens", "h. sapiens", "hsapiens"),
    "mouse": ("mouse", "mus musculus", "m. musculus", "mmusculus"),
    "primate": ("primate", "nonhumanprimate", "non-human primate"),
    "others": ("others", "other"),
}
_SPELLED = {spelling: species for species, spellings in _SPECIES.items() for spelling in spellings}


def species_of(text: str) -> str:
    """One spelling for every species: human, mouse, primate, others, or the text in small letters."""
    small = text.strip().casefold()
    return _SPELLED.get(small, small)


@dataclass(frozen=True, slots=True)
class Gene:
    """A gene.

    Attributes
    ----------
    id : Ensembl id; "" = none is known
    symbol : the approved one
    others : aliases and earlier symbols
    """

    id: str
    symbol: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundGene:
    """What a name stands for.

    Attributes
    ----------
    asked : the name
    gene : None where no table has it, or several genes bear it
    candidates : the symbols of those that bear it, where there are several
    keys : shape (n,), uint64, hashes of the names that the gene may have in a study, the surest first
    """

    asked: str
    gene: Gene | None
    candidates: tuple[str, ...]
    keys: np.ndarray

    @property
    def name(self) -> str:
        """What answers call the gene: its symbol, or the name that was asked for."""
        return self.gene.symbol if self.gene is not None else self.asked


class GeneNames:
    """The genes of one species; a species without a table has none, and its genes are found letter by letter."""

    def __init__(self, genes: list[Gene]) -> None:
        self.genes = genes
        self._by_id = {gene.id.casefold(): number for number, gene in enumerate(genes) if gene.id}
        self._by_symbol = {gene.symbol.casefold(): number for number, gene in enumerate(genes)}
        self._by_other: dict[str, tuple[int, ...]] = {}
        for number, gene in enumerate(genes):
            for other in gene.others:
                small = other.casefold()
                before = self._by_other.get(small, ())
                if small not in self._by_symbol and number not in before:
                    self._by_other[small] = (*before, number)

    def find(self, name: str) -> FoundGene:
        """The gene with a symbol, an Ensembl id or a further name, whatever the case; in this order."""
        small = name.strip().casefold()
        number = self._by_symbol.get(small, self._by_id.get(small.partition(".")[0]))
        if number is None:
            bearers = self._by_other.get(small, ())
            if len(bearers) != 1:
                keys = np.array([id_hash(name.strip()), symbol_hash(name.strip())], np.uint64)
                return FoundGene(name, None, tuple(self.genes[bearer].symbol for bearer in bearers), keys)
            number = bearers[0]
        gene = self.genes[number]
        return FoundGene(name, gene, (), np.fromiter(self._keys(gene), np.uint64))

    @cached_property
    def all_keys(self) -> tuple[np.ndarray, np.ndarray]:
        """Hashes of all names of all genes, shape (n,), uint64, and the number of the gene of each, shape (n,)."""
        keys = [list(self._keys(gene)) for gene in self.genes]
        owners = np.repeat(np.arange(len(keys)), [len(part) for part in keys])
        return np.array([key for part in keys for key in part], np.uint64), owners

    def sure_others(self, gene: Gene) -> Iterator[str]:
        """The further names that no other gene bears."""
        return (other for other in gene.others if len(self._by_other.get(other.casefold(), ())) == 1)

    def _keys(self, gene: Gene) -> Iterator[int]:
        if gene.id:
            yield id_hash(gene.id)
        yield symbol_hash(gene.symbol)
        if gene.id:
            yield symbol_hash(gene.id)
        yield from map(symbol_hash, self.sure_others(gene))

    def search(self, text: str, limit: int) -> list[Gene]:
        """Genes with a name that is the text, begins with it, or contains it; in this order, symbols before others."""
        small = text.strip().casefold()
        if not small:
            return self.genes[:limit]
        ranked: tuple[list[Gene], ...] = ([], [], [], [], [], [])
        for gene in self.genes:
            names = (gene.symbol.casefold(), gene.id.casefold(), *(other.casefold() for other in gene.others))
            if not any(small in name for name in names):
                continue
            rank = 0 if small in names else 2 if any(name.startswith(small) for name in names) else 4
            fits = (names[0] == small, names[0].startswith(small), small in names[0])
            ranked[rank + (not fits[rank // 2])].append(gene)
        return [gene for part in ranked for gene in part][:limit]


@cache
def gene_names(species: str) -> GeneNames:
    """The genes of a species, read once; of others than human and mouse none are known."""
    path = FOLDER / f"{species}.tsv.xz"
    if species not in ("human", "mouse"):
        return GeneNames([])
    genes = []
    for line in lzma.decompress(path.read_bytes()).decode().splitlines():
        id, symbol, others = line.split("\t")
        genes.append(Gene(id, symbol, tuple(others.split("|")) if others else ()))
    return GeneNames(genes)
