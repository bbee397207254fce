"""Wire models of gene sets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Id, Record, Wire

Kind = Literal["sets", "markers"]


class GeneSetItem(Wire):
    """One set of genes, or the markers of one cell type."""

    name: str = Field(examples=["T cell"])
    description: str = ""
    genes: list[str] = Field(examples=[["CD3D", "CD3E", "TRAC"]])
    """Symbols or stable ids."""
    negative: list[str] = Field(default_factory=list, examples=[["MS4A1"]])
    """Of markers: genes that such cells do not express."""


class GeneSetsRequest(Wire):
    """Gene sets to keep."""

    name: str = Field(examples=["Blood"])
    kind: Kind = "sets"
    """"sets" = pathways and the like, to be scored; "markers" = one set a cell type, for typing."""
    species: str = "human"
    group_id: Id | None = None
    """A group of one's own, whose members may read and use them; null = nobody else."""
    sets: list[GeneSetItem]


class GeneSetsChange(Wire):
    """A change of gene sets; what is left out stays."""

    name: str | None = None
    species: str | None = None
    group_id: Id | None = None
    """null = shared with nobody."""
    sets: list[GeneSetItem] | None = None
    """Replaces all sets."""


class GeneSetsHead(Record):
    """Gene sets, without the sets themselves."""

    name: str
    kind: Kind
    species: str
    group_id: HexId | None
    owner_id: HexId
    owner: str
    """Name of the user whose they are."""
    may_edit: bool
    n_sets: int


class GeneSetsRecord(GeneSetsHead):
    """Gene sets with all sets."""

    sets: list[GeneSetItem]
