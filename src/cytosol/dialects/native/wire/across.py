"""Wire models of queries over all studies."""

from __future__ import annotations

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Wire


class SearchQuery(Wire):
    """What is searched for; everything that is given has to match."""

    text: str = ""
    """Part of a name, id, description or author, or of a cell type, tissue or disease."""
    species: str = ""
    tissue: str = ""
    """Part of a label, or a term of UBERON."""
    disease: str = ""
    """Part of a label, or a term of MONDO."""
    cell_type: str = ""
    """Part of a label, or a term of the Cell Ontology."""
    gene: str = ""
    """Symbol, Ensembl id or alias of a gene that is measured."""
    limit: int = Field(100, ge=1, le=500)
    """At most so many items."""


class GeneRecord(Wire):
    """A gene of a species."""

    id: str
    """Ensembl id; empty where none is known."""
    symbol: str
    aliases: list[str]
    """Aliases and earlier symbols."""
    n_studies: int
    """Readable studies that measure it."""


class ReasonRecord(Wire):
    """Why a study was found."""

    where: str
    """name, display_id, description, authors, species, cell_type, tissue, disease or gene."""
    values: list[str]
    """What of it matches."""


class StudyHitRecord(Wire):
    """A study that a search found."""

    study_id: HexId
    name: str
    display_id: str
    species: str
    n_cells: int
    """Cells of its published datasets."""
    reasons: list[ReasonRecord]
