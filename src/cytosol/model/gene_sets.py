"""Gene sets and marker lists of users, and the rules of what they may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.model.names import clean_name, clean_text

GeneSetKind = Literal["sets", "markers"]
KINDS: tuple[GeneSetKind, ...] = ("sets", "markers")
MAX_SETS = 50_000
MAX_GENES = 5_000_000
_MAX_GENE_LETTERS = 128


@dataclass(frozen=True, slots=True)
class GeneSetList:
    """A collection of gene sets (pathways), or of markers of cell types; private, or shared with a group."""

    id: Key
    created_at: int
    updated_at: int
    deleted_at: int | None
    version: int
    extra: dict[str, Any]
    owner_id: Key
    group_id: Key | None
    name: str
    kind: str
    species: str
    n_sets: int


@dataclass(frozen=True, slots=True)
class GeneSetContent:
    """The sets of a collection, as JSON."""

    gene_set_list_id: Key
    sets: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class GeneSet:
    """One set of genes, or the markers of one cell type.

    Attributes
    ----------
    genes : symbols or stable ids, each once
    negative : genes that cells of this type do not express; of markers only
    """

    name: str
    description: str
    genes: tuple[str, ...]
    negative: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The set as it is stored and sent."""
        return {
            "name": self.name, "description": self.description,
            "genes": list(self.genes), "negative": list(self.negative),
        }  # fmt: skip


def clean_sets(sets: Sequence[Mapping[str, Any]]) -> list[GeneSet]:
    """Gene sets as they are stored: names unique, genes trimmed, each gene once.

    Parameters
    ----------
    sets : objects with name, genes, and optionally description and negative

    Raises
    ------
    InvalidInputError
        Where there is none, one has no gene or no name of its own, or there are too many.
    """
    if not sets:
        raise InvalidInputError("There is no gene set", where="sets", do="Give at least one set with a name and genes")
    if len(sets) > MAX_SETS or sum(len(one.get("genes") or ()) for one in sets) > MAX_GENES:
        raise InvalidInputError(
            f"There are {len(sets):,} sets; {MAX_SETS:,} sets and {MAX_GENES:,} genes are allowed",
            where="sets", do="Split the collection",
        )  # fmt: skip
    found: list[GeneSet] = []
    names: set[str] = set()
    for number, one in enumerate(sets, 1):
        where = f"set {number}"
        name = clean_name(str(one.get("name") or ""), field=where)
        if name in names:
            raise InvalidInputError(f"Two sets are called '{name}'", where=where, do="Give each a name of its own")
        names.add(name)
        description = clean_text(str(one.get("description") or ""), field=where, max_letters=10_000)
        genes = _clean_genes(one.get("genes") or (), where)
        negative = _clean_genes(one.get("negative") or (), where)
        if not genes:
            raise InvalidInputError(f"The set '{name}' has no gene", where=where, do="Give it genes, or leave it out")
        both = set(genes) & set(negative)
        if both:
            raise InvalidInputError(
                f"'{min(both)}' is a marker of '{name}' and must be absent from it too",
                where=where, do="Give it on one side",
            )  # fmt: skip
        found.append(GeneSet(name, description, genes, negative))
    return found


def _clean_genes(genes: Any, where: str) -> tuple[str, ...]:
    if isinstance(genes, str) or not all(isinstance(gene, str) for gene in genes):
        raise InvalidInputError("The genes are not a list of texts", where=where, do='Give them as ["CD3D", "CD3E"]')
    cleaned: dict[str, None] = {}
    for gene in genes:
        name = clean_name(gene, field=where, empty=True, max_letters=_MAX_GENE_LETTERS)
        if name:
            cleaned[name] = None
    return tuple(cleaned)
