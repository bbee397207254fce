"""Metadata of the cells of a study: read, and added."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse

from cytosol.base.tables import ColumnData
from cytosol.catalog.annotations import Added
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.tables import Pinned
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.buckets import bucket_of
from cytosol.dialects.bioturing.calls import Call
from cytosol.dialects.bioturing.translate import column_values, key_of, metadata_frame
from cytosol.model.rights import Actor


async def get_metadata_fields(catalog: Catalog, actor: Actor, body: wire.MetadataRequest) -> list[str]:
    """Names of the columns."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    return [column.name for column in pinned.part.columns]


async def get_metadata(catalog: Catalog, actor: Actor, body: wire.MetadataRequest) -> Response:
    """Columns in barcode order; the rows have no names, as the order is that of ``get_barcodes``."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    names = list(dict.fromkeys(body.fields)) or [column.name for column in pinned.part.columns]
    for name in names:
        pinned.part.column(name)
    return StreamingResponse(_stream(catalog, pinned, names), media_type="application/json")


async def _stream(catalog: Catalog, pinned: Pinned, names: list[str]) -> AsyncIterator[bytes]:
    yield b'{"status":200,"data":{'
    for number, name in enumerate(names):
        column = await catalog.tables.column(pinned, name)
        yield (b"," if number else b"") + orjson.dumps(name) + b":" + await asyncio.to_thread(_spell, column)
    yield b"}}"


def _spell(column: ColumnData) -> bytes:
    return orjson.dumps(column_values(column), option=orjson.OPT_SERIALIZE_NUMPY)


async def submit_dataframe(catalog: Catalog, actor: Actor, body: wire.MetadataFrameRequest) -> dict[str, Any]:
    """Add columns, matched by barcode; for a reader of the study alone, where the caller may not edit it."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    frame = await asyncio.to_thread(metadata_frame, body.metadata_dct)
    return added_item(await catalog.annotations.add_frame(actor, dataset_id=pinned.dataset.id, frame=frame))


async def submit_file(catalog: Catalog, actor: Actor, body: wire.MetadataFileRequest) -> dict[str, Any]:
    """Add columns from a file in one of the user's buckets."""
    return await _submit_file(catalog, actor, body, shared=False)


async def submit_shared_file(catalog: Catalog, actor: Actor, body: wire.MetadataFileRequest) -> dict[str, Any]:
    """Add columns from a file in a shared bucket."""
    return await _submit_file(catalog, actor, body, shared=True)


async def _submit_file(
    catalog: Catalog, actor: Actor, body: wire.MetadataFileRequest, *, shared: bool
) -> dict[str, Any]:
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    id = body.shared_s3_id if shared else body.s3_id
    storage_id = await bucket_of(catalog, actor, id, shared=shared)
    added = await catalog.annotation_files.add(
        actor, dataset_id=pinned.dataset.id, storage_id=storage_id, path=body.file_path.strip("/")
    )
    return added_item(added)


def added_item(added: Added) -> dict[str, Any]:
    """What became of columns that were sent; the client shows none of it, who reads the answer does."""
    return {
        "columns": [column.name for column in added.columns],
        "private": any(column.is_private for column in added.columns),
        "message": added.told,
        "unmatched": added.unmatched,
        "unmatched_examples": list(added.unmatched_examples),
        "missing": added.missing,
        "missing_examples": list(added.missing_examples),
    }


METADATA_CALLS = (
    Call("study/get_metadata_fields", wire.MetadataRequest, get_metadata_fields),
    Call("study/get_metadata", wire.MetadataRequest, get_metadata),
    Call("submit_metadata_dataframe", wire.MetadataFrameRequest, submit_dataframe),
    Call("submit_metadata_s3", wire.MetadataFileRequest, submit_file),
    Call("submit_metadata_from_shared_s3", wire.MetadataFileRequest, submit_shared_file),
)
