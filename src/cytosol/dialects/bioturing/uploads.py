"""Local files, uploaded in chunks before they are submitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import Services
from cytosol.asgi.requests import limited_stream
from cytosol.asgi.responses import json_response
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.catalog import Catalog
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.calls import Call, answering_errors, authenticate, parse
from cytosol.dialects.bioturing.files import check_folder
from cytosol.dialects.bioturing.multipart import MAX_PARAMS_BYTES, ChunkForm
from cytosol.dialects.bioturing.translate import key_of
from cytosol.model.rights import Actor


async def add_file(catalog: Catalog, actor: Actor, body: wire.AddFileRequest) -> list[dict[str, Any]]:
    """Announce a file; the clients read the first item of a list."""
    view = await catalog.uploads.create(
        actor, name=body.original_file_name, n_chunks=body.n_chunks, folder=check_folder(body.folder_id)
    )
    return [{"id": view.upload.id.hex32}]


def upload_routes(services: Services, prefixes: Sequence[str]) -> list[BaseRoute]:
    """The routes that take chunks and, from 1.1.1, whole files."""

    async def upload_chunk(request: Request) -> Response:
        actor = await authenticate(services, request)
        most = services.settings.max_chunk_bytes + MAX_PARAMS_BYTES
        body = limited_stream(request, max_bytes=most, setting="max_chunk_bytes")
        form = ChunkForm(request.headers.get("content-type", ""), body)
        params = parse(wire.ChunkParams, _json(await form.params()))
        upload_id = key_of(params.id, "upload")
        view = await services.catalog.uploads.put_chunk(actor, upload_id=upload_id, n=params.chunk, body=form.file())
        return json_response({"status": 200, "data": {"output_dir": view.upload.folder}})

    async def upload_whole(request: Request) -> Response:
        actor = await authenticate(services, request)
        most = services.settings.max_chunk_bytes + MAX_PARAMS_BYTES
        body = limited_stream(request, max_bytes=most, setting="max_chunk_bytes")
        form = ChunkForm(request.headers.get("content-type", ""), body)
        params = parse(wire.UploadParams, _json(await form.params()))
        folder = check_folder(params.file_id)
        view = await services.catalog.uploads.create(actor, name=params.name, n_chunks=1, folder=folder)
        await services.catalog.uploads.put_chunk(actor, upload_id=view.upload.id, n=0, body=form.file())
        return json_response({"status": 200, "data": folder})

    chunk, whole = answering_errors(upload_chunk), answering_errors(upload_whole)
    return [
        route
        for prefix in prefixes
        for route in (
            Route(f"{prefix}/api/v1/upload_chunk", chunk, methods=["POST"]),
            Route(f"{prefix}/api/v1/upload", whole, methods=["POST"]),
        )
    ]


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"The part is not JSON: {error}", where="params") from error


UPLOAD_CALLS = (Call("add_file_upload", wire.AddFileRequest, add_file),)
