"""Queries over all studies that one may read: expression, search, genes."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.study_search import Wanted
from cytosol.dialects.native.answers import list_answer
from cytosol.dialects.native.arrow import MEDIA_TYPE, arrow_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.across import expression_columns, expression_facts, gene_json, study_hit_json
from cytosol.dialects.native.translate.features import names_of
from cytosol.dialects.native.wire.across import GeneRecord, SearchQuery, StudyHitRecord
from cytosol.dialects.native.wire.common import Page

Genes = Annotated[list[str], Query(description="Symbols, Ensembl ids or aliases, separated by commas")]
GroupBy = Annotated[str, Query(description="cell_type, or the name of an annotation")]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many items")]
_FRESH = {"cache-control": "private, no-cache"}


class AcrossRoutes(Routes):
    """All studies together."""

    tag = "Across studies"

    @endpoint("GET", "/expression.arrow", media=MEDIA_TYPE)
    async def get_expression(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        genes: Genes,
        species: str = "human",
        group_by: GroupBy = "cell_type",
        unit: Literal["lognorm", "raw"] = "lognorm",
    ) -> Response:
        """How much genes are expressed in the cell types of every study that you may read.

        One row for each gene, dataset and cell type: gene (its symbol), study_id, study, dataset_id, cell_type, sum,
        mean (sum / count, so over the cells that express it), rate (count / total), count (cells that express it) and
        total (all cells of the type). Cells without a type are left out. ``unit`` is that of sum and mean: lognorm is
        ln(1 + 10,000 × count / total of the cell); raw is counts, NaN where a dataset holds none.

        The metadata of the field ``gene`` tells which names are lost (no study measures them), ambiguous (several genes
        bear them; nothing is answered for these), missing (by study), and named (what a name was taken for).
        """
        names = names_of(genes, field="genes")
        found = await self.catalog.across.expression(
            actor_of(request), genes=names, species=species, group_by=group_by, unit=unit
        )
        facts = {"gene": expression_facts(found)}
        columns = await asyncio.to_thread(expression_columns, found)
        return await arrow_answer(columns, metadata=facts, headers=_FRESH)

    @endpoint("GET", "/search", gives=Page[StudyHitRecord])
    async def search_studies(self, request: Request, query: Annotated[SearchQuery, Query()]) -> Response:
        """Studies in which everything that is asked for is found, newest first, with the reason of the hit.

        ``text`` is looked for in names, ids, descriptions, authors, cell types, tissues and diseases. ``tissue``,
        ``disease`` and ``cell_type`` are parts of a label, or a term of the Cell Ontology, UBERON or MONDO, which then
        means all terms below it as well. ``gene`` finds the studies that measure it.
        """
        wanted = Wanted(query.text, query.species, query.cell_type, query.tissue, query.disease, query.gene)
        hits = await self.catalog.study_search.search(actor_of(request), wanted=wanted, limit=query.limit)
        return list_answer(hits, study_hit_json)

    @endpoint("GET", "/genes", gives=Page[GeneRecord])
    async def search_genes(
        self, request: Request, species: str = "human", search: str = "", limit: Limit = 50
    ) -> Response:
        """Genes of a species by symbol, Ensembl id or alias, with how many of your studies measure each."""
        hits = await self.catalog.study_search.genes(actor_of(request), species=species, text=search, limit=limit)
        return list_answer(hits, gene_json)
