"""Ontologies, and the standard terms of the categories of an annotation."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.dialects.native.answers import answer, list_answer, record_answer
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.datasets import column_json
from cytosol.dialects.native.translate.ontologies import hit_json, level_json, ontology_json, tree_json
from cytosol.dialects.native.wire import ontologies as wire
from cytosol.dialects.native.wire.common import Id, Page
from cytosol.dialects.native.wire.datasets import ColumnRecord

_COLUMN = "/datasets/{dataset_id}/tables/{table}/columns/{name}"
Changes = Annotated[dict[str, str | None], Body(examples=[{"CD4 T": "CL:0000624", "unknown": None}])]


class OntologyRoutes(Routes):
    """Standard names of cell types, tissues and diseases."""

    tag = "Ontologies"

    @endpoint("GET", "/ontologies", gives=Page[wire.OntologyRecord])
    async def list_ontologies(self, request: Request) -> Response:
        """The ontologies that are shipped, with version and licence; needs no sign-in."""
        infos = self.catalog.terms.ontologies()
        return list_answer([await self.catalog.terms.ontology(info.name) for info in infos], ontology_json)

    @endpoint("GET", "/ontologies/{name}/terms", gives=Page[wire.TermRecord])
    async def search_terms(
        self, request: Request, name: str, search: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 20
    ) -> Response:
        """Search terms by label, synonym or id, the best first; the last word may be the beginning of one.

        The score is the share of words in common, rare ones counting more; needs no sign-in.
        """
        return list_answer(await self.catalog.terms.search(ontology=name, text=search, limit=limit), hit_json)

    @endpoint("GET", "/ontologies/{name}/tree", gives=wire.TermTree)
    async def get_term_tree(
        self, request: Request, name: str, root: str = "", depth: Annotated[int, Query(ge=0, le=3)] = 1
    ) -> Response:
        """A term with what is below it, down to ``depth`` levels; the roots where none is named.

        A term may have several parents and so stand in several places; needs no sign-in.
        """
        return answer(tree_json(await self.catalog.terms.tree(ontology=name, root=root, depth=depth)))

    @endpoint("GET", f"{_COLUMN}/terms", gives=Page[wire.LevelTerm])
    async def get_column_terms(self, request: Request, dataset_id: Id, table: str, name: str) -> Response:
        """The categories of an annotation with their standard terms, and suggestions for those without.

        ``name`` is the name or the id of the annotation. The ETag is its version. Terms are suggested for up to 200
        categories.
        """
        view, levels = await self.catalog.terms.of_column(
            actor_of(request), dataset_id=dataset_id, column=name, table=table
        )
        return answer({"items": [level_json(level) for level in levels], "next": None}, version=view.version)

    @endpoint("PUT", f"{_COLUMN}/terms", gives=ColumnRecord, versioned=True)
    async def put_column_terms(  # noqa: PLR0917 (the parts of the address)
        self, request: Request, dataset_id: Id, table: str, name: str, body: Changes
    ) -> Response:
        """Give categories their standard terms, by id; null takes one away, those not named stay."""
        view = await self.catalog.terms.assign(
            actor_of(request),
            dataset_id=dataset_id,
            column=name,
            changes=body,
            expected=expected_version(request),
            table=table,
        )
        return record_answer(column_json(view))

    @endpoint("POST", f"{_COLUMN}/publish", gives=ColumnRecord)
    async def publish_column(self, request: Request, dataset_id: Id, table: str, name: str) -> Response:
        """Make an annotation that only you see one of the study, for all who read it."""
        view = await self.catalog.terms.publish(actor_of(request), dataset_id=dataset_id, column=name, table=table)
        return record_answer(column_json(view))
