"""Annotations of cells: added, renamed, merged, coloured, removed."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from cytosol.catalog.annotation_edits import ColumnEdit
from cytosol.catalog.annotations import Group
from cytosol.dialects.native.answers import answer, no_answer, record_answer
from cytosol.dialects.native.arrow import MEDIA_TYPE
from cytosol.dialects.native.arrow_input import read_frame
from cytosol.dialects.native.conditions import expected_version
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.datasets import added_json, column_json
from cytosol.dialects.native.wire import datasets as wire
from cytosol.dialects.native.wire.common import Id

_COLUMNS = "/datasets/{dataset_id}/tables/{table}/columns"
Private = Annotated[
    bool | None, Query(description="Whether only you see it; none = where you may not annotate for all")
]
TEXT_TYPE = "text/csv"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ColumnRequest"}},
            MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
            TEXT_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class AnnotationRoutes(Routes):
    """Annotations; every change is a version and can be undone."""

    tag = "Annotations"

    @endpoint("POST", _COLUMNS, gives=wire.ColumnsAdded, status=201, extra=_BODY)
    async def create_columns(  # noqa: PLR0917 (the parts of the address and its query)
        self, request: Request, dataset_id: Id, table: str, name: str = "", private: Private = None
    ) -> Response:
        """Add annotations.

        JSON: one annotation from categories and their cells by row number. Arrow: each column is an annotation, told
        by the column "barcode" or by the order of rows; ``name`` renames a single one. text/csv (CSV or TSV, also
        gzipped): the first column is the barcode; V(D)J or AIRR contigs become clonotype, clone size, chains and CDR3.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == MEDIA_TYPE:
            frame, by_barcode = await asyncio.to_thread(read_frame, await request.body(), name=name)
            added = await self.catalog.annotations.add_frame(
                actor_of(request),
                dataset_id=dataset_id,
                frame=frame,
                by_barcode=by_barcode,
                table=table,
                private=private,
            )
        elif kind == TEXT_TYPE:
            data = await request.body()
            added = await self.catalog.annotation_files.add_text(
                actor_of(request), dataset_id=dataset_id, data=data, table=table, private=private
            )
        else:
            said = _parsed(await request.body())
            groups = [Group(category.name, category.cells, category.color) for category in said.categories]
            added = await self.catalog.annotations.add_groups(
                actor_of(request), dataset_id=dataset_id, name=said.name, groups=groups, table=table, private=private
            )
        return answer(added_json(added), status=201)

    @endpoint("PATCH", f"{_COLUMNS}/{{column_id}}", gives=wire.ColumnRecord, versioned=True)
    async def change_column(  # noqa: PLR0917 (the parts of the address)
        self, request: Request, dataset_id: Id, table: str, column_id: Id, body: wire.ColumnChange
    ) -> Response:
        """Rename an annotation, or merge, rename, reorder or colour its categories."""
        view = await self.catalog.annotations.change(
            actor_of(request),
            dataset_id=dataset_id,
            column_id=column_id,
            edit=ColumnEdit(body.name, body.merge, body.rename, body.order, body.colors),
            expected=expected_version(request),
            table=table,
        )
        return record_answer(column_json(view))

    @endpoint("DELETE", f"{_COLUMNS}/{{column_id}}", status=204, versioned=True)
    async def delete_column(self, request: Request, dataset_id: Id, table: str, column_id: Id) -> Response:
        """Remove an annotation."""
        await self.catalog.annotations.delete(
            actor_of(request),
            dataset_id=dataset_id,
            column_id=column_id,
            expected=expected_version(request),
            table=table,
        )
        return no_answer()


def _parsed(body: bytes) -> wire.ColumnRequest:
    try:
        return wire.ColumnRequest.model_validate_json(body)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_context=False)]
        raise RequestValidationError(faults) from error
