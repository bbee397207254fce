"""Gene sets and marker lists of users."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.base.errors import InvalidInputError
from cytosol.catalog.records import UNSET
from cytosol.dialects.native.answers import list_answer, no_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.gene_sets import gene_sets_head, gene_sets_json
from cytosol.dialects.native.wire import gene_sets as wire
from cytosol.dialects.native.wire.common import Id, Page

_TEXT: dict[str, Any] = {"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}}
Name = Annotated[str, Query(description="Of the collection; that of the file where empty", max_length=255)]
FileName = Annotated[str, Query(description="Its ending tells the format: .gmt, .csv, .tsv, .txt", max_length=255)]
Species = Annotated[str, Query(max_length=64)]


class GeneSetRoutes(Routes):
    """Gene sets (pathways) and markers of cell types, one's own and those of one's groups."""

    tag = "Gene sets"

    @endpoint("GET", "/gene-sets", gives=Page[wire.GeneSetsHead])
    async def list_gene_sets(self, request: Request, kind: wire.Kind | None = None, species: Species = "") -> Response:
        """The gene sets that one may use, without the sets themselves."""
        found = await self.catalog.gene_sets.list(actor_of(request), kind=kind, species=species)
        return list_answer(found, gene_sets_head)

    @endpoint("POST", "/gene-sets", gives=wire.GeneSetsRecord, status=201)
    async def create_gene_sets(self, request: Request, body: wire.GeneSetsRequest) -> Response:
        """Keep gene sets, for oneself or for a group."""
        view = await self.catalog.gene_sets.create(
            actor_of(request),
            name=body.name,
            kind=body.kind,
            species=body.species,
            group_id=body.group_id,
            sets=[one.model_dump() for one in body.sets],
        )
        return record_answer(gene_sets_json(view), status=201)

    @endpoint("POST", "/gene-sets/import", gives=wire.GeneSetsRecord, status=201, extra=_TEXT)
    async def import_gene_sets(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        name: Name = "",
        kind: wire.Kind = "sets",
        species: Species = "human",
        group_id: Id | None = None,
        filename: FileName = "",
    ) -> Response:
        """Keep the gene sets of a GMT, CSV or TSV file, which is the body.

        A table has a header with one column for the set and one for the gene, and perhaps one called ``sign`` with
        '-' for genes that must be absent; or it has one set a column, its name on top.
        """
        try:
            text = (await request.body()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInputError(
                "The file is not UTF-8 text", where=filename, do="Save it as GMT or CSV in UTF-8"
            ) from error
        view = await self.catalog.gene_sets.read_file(
            actor_of(request),
            text=text,
            filename=filename,
            name=name,
            kind=kind,
            species=species,
            group_id=group_id,
        )
        return record_answer(gene_sets_json(view), status=201)

    @endpoint("GET", "/gene-sets/{gene_sets_id}", gives=wire.GeneSetsRecord)
    async def get_gene_sets(self, request: Request, gene_sets_id: Id) -> Response:
        """Gene sets with all sets."""
        return record_answer(
            gene_sets_json(await self.catalog.gene_sets.get(actor_of(request), gene_sets_id=gene_sets_id))
        )

    @endpoint("PATCH", "/gene-sets/{gene_sets_id}", gives=wire.GeneSetsRecord, versioned=True)
    async def change_gene_sets(self, request: Request, gene_sets_id: Id, body: wire.GeneSetsChange) -> Response:
        """Rename gene sets, share them with another group, or replace the sets."""
        view = await self.catalog.gene_sets.change(
            actor_of(request),
            gene_sets_id=gene_sets_id,
            expected=expected_version(request),
            name=body.name,
            species=body.species,
            group_id=body.group_id if "group_id" in body.model_fields_set else UNSET,
            sets=None if body.sets is None else [one.model_dump() for one in body.sets],
        )
        return record_answer(gene_sets_json(view))

    @endpoint("DELETE", "/gene-sets/{gene_sets_id}", status=204, versioned=True)
    async def delete_gene_sets(self, request: Request, gene_sets_id: Id) -> Response:
        """Put gene sets into the trash."""
        await self.catalog.gene_sets.delete(
            actor_of(request), gene_sets_id=gene_sets_id, expected=expected_version(request)
        )
        return no_answer()

    @endpoint("POST", "/gene-sets/{gene_sets_id}/undelete", gives=wire.GeneSetsRecord)
    async def undelete_gene_sets(self, request: Request, gene_sets_id: Id) -> Response:
        """Take gene sets back out of the trash."""
        return record_answer(
            gene_sets_json(await self.catalog.gene_sets.undelete(actor_of(request), gene_sets_id=gene_sets_id))
        )
