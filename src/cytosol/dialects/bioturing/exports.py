"""Studies to take away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import Services
from cytosol.asgi.responses import ranged_response
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.catalog import Catalog
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.calls import Call, answering_errors
from cytosol.dialects.bioturing.translate import key_of
from cytosol.model.rights import Actor

FORMATS = {2: "h5ad", 5: "rds"}
"""The study types that are written, and our names for their formats."""


async def export_study(catalog: Catalog, actor: Actor, body: wire.ExportRequest) -> dict[str, str]:
    """Have a file of a study made."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    if body.study_type not in FORMATS:
        raise InvalidInputError(
            f"Studies are not exported as study type {body.study_type}",
            where="study_type",
            do="Use 2 (h5ad) or 5 (rds)",
        )
    job = await catalog.exports.submit(actor, dataset_id=pinned.dataset.id, format=FORMATS[body.study_type])
    return {"id": job.id.hex32}


async def get_export_result(catalog: Catalog, actor: Actor, body: wire.TaskRequest) -> dict[str, str]:
    """Where the file is, relative to the prefix that the client uses, and its name."""
    result = await catalog.exports.result(actor, job_id=key_of(body.task_id, "task"))
    return {"file_path": f"/download/{result.secret}/{quote(result.filename)}", "file_name": result.filename}


def download_routes(services: Services, prefixes: Sequence[str]) -> list[BaseRoute]:
    """The route that gives a file to whoever has its link; the clients send no token here."""
    exports = services.catalog.exports

    async def download(request: Request) -> Response:
        secret = request.path_params["secret"]
        held = await exports.download(secret=secret)

        async def read(start: int, end: int) -> AsyncIterator[bytes]:
            async for piece in (await exports.download(secret=secret, start=start, end=end)).body:
                yield piece

        return ranged_response(
            request, size=held.size, read=read, etag=held.path.split("/")[-2], filename=held.filename
        )

    endpoint = answering_errors(download)
    return [Route(f"{prefix}/download/{{secret}}/{{name}}", endpoint, methods=["GET"]) for prefix in prefixes]


EXPORT_CALLS = (
    Call("export_study", wire.ExportRequest, export_study),
    Call("get_export_result", wire.TaskRequest, get_export_result, hides_status=True),
)
