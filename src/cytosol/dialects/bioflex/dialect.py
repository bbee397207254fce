"""The API of BioTuring's Python client ``bioflex``: databases of expression, and their studies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import scipy.sparse as sp
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from cytosol.asgi.dialect import ErrorTable, Services, status_of
from cytosol.asgi.encoding import encode_matrix
from cytosol.asgi.errors import HTTP_STATUS
from cytosol.asgi.json_calls import Asked, JsonCall, Manners, call_routes, told
from cytosol.asgi.requests import request_id
from cytosol.asgi.responses import json_response, ranged_response
from cytosol.base.errors import CytosolError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.gene_names import species_of
from cytosol.catalog.sources import Source
from cytosol.catalog.tables import Pinned, Unit
from cytosol.dialects.bioflex import wire
from cytosol.dialects.bioflex.translate import (
    VERSION,
    database_id,
    database_item,
    fields_of,
    metadata_item,
    study_item,
    summary_items,
)

PREFIX = "/bioflex"
FORMATS = {"str": "h5ad", "h5ad": "h5ad", "seurat": "rds"}
"""What the client calls the formats of exports, its odd default too, and what we call them."""
_ENDED = ("succeeded", "failed", "cancelled")
_LOOK_S = 1.0
"""A job is looked at after every event, and at least so often."""


async def list_databases(asked: Asked, body: wire.Empty) -> list[dict[str, Any]]:
    """One database for each species of which the user may read a study."""
    sources = await asked.catalog.across.sources(asked.actor)
    return [database_item(species) for species in sorted({species_of(source.study.species) for source in sources})]


async def get_study(asked: Asked, body: wire.HashRequest) -> dict[str, Any]:
    """A study by the id that people know, by its own id, or by its name; of several the newest."""
    sources = await _sources(asked, body)
    wanted = body.hash_id.strip()
    for names in (lambda s: (s.display_id,), lambda s: (s.id.hex32, s.id.hex24), lambda s: (s.name,)):
        for source in sources:
            if wanted and wanted in names(source.study):
                pinned = await asked.catalog.tables.pin_study(asked.actor, study_id=source.study.id)
                return study_item(source.study, pinned.part.columns)
    raise NotFoundError("This database has no such study, or it is not shared with you", where=wanted[:64])


async def get_summary(asked: Asked, body: wire.SummaryRequest) -> dict[str, Any]:
    """Sums over all cells of each cell type.

    Raises
    ------
    NotFoundError
        Names the genes that no study measures, and those whose name several genes bear.
    """
    sources = await _sources(asked, body)
    species = species_of(sources[0].study.species)
    genes = list(dict.fromkeys(body.gene_names))
    found = await asked.catalog.across.sums(sources, genes=genes, species=species, unit="lognorm")
    if found.lost:
        texts = [
            f"{name} ({' or '.join(found.ambiguous[name])})" if name in found.ambiguous else name for name in found.lost
        ]
        raise NotFoundError(
            f"No study of this database measures: {', '.join(texts)[:500]}",
            do="Leave these genes out, or name one gene",
        )
    return await asyncio.to_thread(summary_items, found)


async def query_genes(asked: Asked, body: wire.GenesRequest) -> dict[str, Any]:
    """Values of genes, in the order asked for; no gene gives no column, as the whole matrix is a call of its own."""
    pinned = await _pinned(asked, body)
    unit = _unit(body.unit, pinned)
    if not body.gene_names:
        return encode_matrix(sp.csc_matrix((pinned.part.n_cells, 0), dtype=np.float32))
    values = await asked.catalog.tables.values(pinned, features=body.gene_names, unit=unit, layout="sparse")
    return await asyncio.to_thread(encode_matrix, values.sparse)


async def get_matrix(asked: Asked, body: wire.MatrixRequest) -> Response:
    """The whole matrix as an HDF5 file."""
    pinned = await _pinned(asked, body)
    made = await asked.catalog.tables.matrix_file(pinned, unit=_unit(body.unit, pinned))
    headers = {"content-length": str(made.size)}
    return StreamingResponse(made.pieces(), media_type="application/x-hdf5", headers=headers)


async def get_features(asked: Asked, body: wire.StudyRequest) -> list[str]:
    """Names of the genes, in the order of the columns of the matrix."""
    pinned = await _pinned(asked, body)
    return [str(name) for name in (await asked.catalog.tables.feature_table(pinned)).frame.index]


async def get_barcodes(asked: Asked, body: wire.StudyRequest) -> list[str]:
    """Names of the cells, in the order of the rows of the matrix."""
    return [str(name) for name in await asked.catalog.tables.barcodes(await _pinned(asked, body))]


async def fetch_metadata(asked: Asked, body: wire.FieldRequest) -> dict[str, Any]:
    """One annotation of all cells."""
    pinned = await _pinned(asked, body)
    for element in fields_of(pinned.part.columns):
        if element.position == body.field_idx:
            column = await asked.catalog.tables.column(pinned, element.name)
            return await asyncio.to_thread(metadata_item, element.name, column)
    raise NotFoundError("The study has no such metadata any more", do="Get the study again")


async def export_study(asked: Asked, body: wire.ExportRequest) -> dict[str, Any]:
    """A file of the study, when it is made, as a link that needs no header."""
    pinned = await _pinned(asked, body)
    if body.export_format not in FORMATS:
        raise InvalidInputError(
            f"Studies are not exported as '{body.export_format[:32]}'", where="export_format", do="Use h5ad or seurat"
        )
    catalog, actor = asked.catalog, asked.actor
    job = await catalog.exports.submit(actor, dataset_id=pinned.dataset.id, format=FORMATS[body.export_format])
    while (await catalog.jobs.get(actor, job_id=job.id)).job.state not in _ENDED:
        await asked.services.events.wait_events(_LOOK_S)
    result = await catalog.exports.result(actor, job_id=job.id)
    base = str(asked.request.base_url).rstrip("/")
    study = await catalog.studies.get(actor, study_id=pinned.dataset.study_id)
    return {
        "download_link": f"{base}{PREFIX}/download/{result.secret}/{quote(result.filename)}",
        "study_hash_id": study.study.display_id or study.study.id.hex32,
    }


async def _sources(asked: Asked, body: wire.DatabaseRequest) -> list[Source]:
    """The tables of a database that the user may read; at least one."""
    sources = await asked.catalog.across.sources(asked.actor)
    found = [source for source in sources if database_id(species_of(source.study.species)) == body.database]
    if not found or body.version != VERSION:
        raise NotFoundError("There is no such database, or no study of it is shared with you", where=body.database[:64])
    return found


async def _pinned(asked: Asked, body: wire.StudyRequest) -> Pinned:
    try:
        key = Key.parse(body.study_idx)
    except InvalidInputError as error:
        raise NotFoundError("There is no such study, or it is not shared with you") from error
    return await asked.catalog.tables.pin_study(asked.actor, study_id=key)


def _unit(unit: str, pinned: Pinned) -> Unit:
    """The unit in our words; a study that was submitted as normalised has its own values in both units."""
    if unit not in ("raw", "lognorm"):
        raise InvalidInputError(f"'{unit[:32]}' is no unit", where="unit", do="Use raw or lognorm")
    return "raw" if unit == "raw" and pinned.part.table.meta["kind"] == "counts" else "lognorm"


CALLS = (
    JsonCall("v1/database/list", wire.Empty, list_databases),
    JsonCall("v1/study/get", wire.HashRequest, get_study),
    JsonCall("v1/expression/celltypes", wire.SummaryRequest, get_summary),
    JsonCall("v1/study/query_genes", wire.GenesRequest, query_genes),
    JsonCall("v1/study/get_matrix", wire.MatrixRequest, get_matrix),
    JsonCall("v1/study/get_features", wire.StudyRequest, get_features),
    JsonCall("v1/study/get_barcodes", wire.StudyRequest, get_barcodes),
    JsonCall("v1/study/fetch_metadata", wire.FieldRequest, fetch_metadata),
    JsonCall("v1/study/export_study", wire.ExportRequest, export_study),
)
MANNERS = Manners(lambda request: request.headers.get("btr-api-token", ""), HTTP_STATUS, told)


def _download_route(services: Services) -> BaseRoute:
    """The route that gives an exported file to whoever has its link."""
    exports = services.catalog.exports

    async def download(request: Request) -> Response:
        secret = request.path_params["secret"]
        try:
            held = await exports.download(secret=secret)
        except CytosolError as error:
            return json_response(told(error, request_id(request)), status=status_of(HTTP_STATUS, error))

        async def read(start: int, end: int) -> AsyncIterator[bytes]:
            async for piece in (await exports.download(secret=secret, start=start, end=end)).body:
                yield piece

        etag = held.path.split("/")[-2]
        return ranged_response(request, size=held.size, read=read, etag=etag, filename=held.filename)

    return Route(f"{PREFIX}/download/{{secret}}/{{name}}", download, methods=["GET"])


class BioflexDialect:
    """bioflex, its address set to ``http://HOST:PORT/bioflex``."""

    name: str = "bioflex"
    prefixes: tuple[str, ...] = (PREFIX,)
    conforms_to: tuple[str, ...] = ("bioflex 1.1.1",)
    errors: ErrorTable = HTTP_STATUS

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """All calls, and the downloads."""
        return [*call_routes(services, PREFIX, CALLS, MANNERS), _download_route(services)]
