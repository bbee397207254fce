"""Files of cytometry: added, described, made of one another, taken away."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cytosol.asgi.requests import limited_stream
from cytosol.asgi.responses import attachment
from cytosol.catalog.file_exports import FileDownload
from cytosol.dialects.native.answers import list_answer, record_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.cytometry import (
    choice_of,
    derivation_of,
    file_json,
    format_of,
    named_json,
    zip_of,
)
from cytosol.dialects.native.wire import cytometry as wire
from cytosol.dialects.native.wire.common import Id, Page

_RAW = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class CytometryRoutes(Routes):
    """Files of flow, spectral and mass cytometers."""

    tag = "Cytometry"

    @endpoint("GET", "/studies/{study_id}/fcs", gives=Page[wire.FileRecord])
    async def list_files(self, request: Request, study_id: Id, trash: bool = False) -> Response:
        """All files of a study in their order, controls too; ``trash=true`` shows the deleted ones."""
        found = await self.catalog.cytometry.files(actor_of(request), study_id=study_id, trash=trash)
        return list_answer(found, file_json)

    @endpoint("POST", "/studies/{study_id}/fcs", gives=Page[wire.FileRecord], status=201)
    async def add_file(self, request: Request, study_id: Id, body: wire.FileRequest) -> Response:
        """Make files of a complete upload, at once; a file with several data sets becomes several.

        What is no FCS file, or cannot be read, is refused with the reason, and its upload is dropped.
        """
        made = await self.catalog.cytometry.add_file(
            actor_of(request), study_id=study_id, upload_id=body.upload_id, filename=body.filename
        )
        return list_answer(await self.catalog.cytometry.described(made), file_json, status=201)

    @endpoint("PUT", "/studies/{study_id}/fcs/{filename}", gives=Page[wire.FileRecord], status=201, extra=_RAW)
    async def put_file(self, request: Request, study_id: Id, filename: str) -> Response:
        """Send an FCS file in one request; larger ones are uploaded in parts and then added."""
        limit = self.settings.max_chunk_bytes
        body = limited_stream(request, max_bytes=limit, setting="max_chunk_bytes")
        made = await self.catalog.cytometry.put_file(actor_of(request), study_id=study_id, filename=filename, body=body)
        return list_answer(await self.catalog.cytometry.described(made), file_json, status=201)

    @endpoint("POST", "/studies/{study_id}/fcs/derive", gives=Page[wire.FileRecord], status=201)
    async def derive_file(self, request: Request, study_id: Id, body: wire.DeriveRequest) -> Response:
        """Make a new file: a copy, several files joined, a sample or a population of them; written as FCS 3.1.

        Of keywords stay those that all sources agree on, with the earliest ``$DATE`` and ``$BTIM``, the latest
        ``$ETIM`` and the largest ``$PnR``. Channels are those of the first source, and the others need to have them.
        """
        made = await self.catalog.derivations.derive(actor_of(request), study_id=study_id, what=derivation_of(body))
        return list_answer(await self.catalog.cytometry.described(made), file_json, status=201)

    @endpoint("POST", "/studies/{study_id}/fcs/zip", media="application/zip")
    async def zip_files(self, request: Request, study_id: Id, body: wire.ZipQuery) -> Response:
        """Many files in one archive."""
        return _download(await self.catalog.file_exports.zip(actor_of(request), study_id=study_id, what=zip_of(body)))

    @endpoint("POST", "/studies/{study_id}/fcs/annotate", gives=Page[wire.NamedFile])
    async def annotate_by_name(self, request: Request, study_id: Id, body: wire.NamePattern) -> Response:
        """Annotate files, and rename them, by the names that they have: looked at first, then one step of undo.

        A field that spells numbers in all files gives numbers. Nothing is changed where a file has a problem, such as
        a new name that another file has.
        """
        found = await self.catalog.file_names.annotate(
            actor_of(request),
            study_id=study_id,
            pattern=body.pattern,
            rename=body.rename,
            dataset_ids=body.dataset_ids,
            preview=body.preview,
        )
        return list_answer(found, named_json)

    @endpoint("POST", "/studies/{study_id}/panels", gives=Page[wire.FileRecord])
    async def change_panels(self, request: Request, study_id: Id, body: wire.PanelChange) -> Response:
        """Say which reagent channels have, for many files at once; one step of undo. The files themselves stay."""
        found = await self.catalog.cytometry.set_panel(
            actor_of(request),
            study_id=study_id,
            dataset_ids=body.dataset_ids,
            reagents=body.reagents,
            panel_name=body.panel_name,
        )
        return list_answer(found, file_json)

    @endpoint("GET", "/datasets/{dataset_id}/file", gives=wire.FileRecord)
    async def get_file(self, request: Request, dataset_id: Id) -> Response:
        """One file of cytometry."""
        return record_answer(file_json(await self.catalog.cytometry.file(actor_of(request), dataset_id=dataset_id)))

    @endpoint("PUT", "/datasets/{dataset_id}/file-annotations", gives=wire.FileRecord)
    async def put_file_annotations(self, request: Request, dataset_id: Id, body: wire.AnnotationsRequest) -> Response:
        """Replace what is said about a file, such as its plate and well; one step of undo."""
        said = [(annotation.name, annotation.value) for annotation in body.annotations]
        view = await self.catalog.cytometry.annotate(actor_of(request), dataset_id=dataset_id, annotations=said)
        return record_answer(file_json(view))

    @endpoint("GET", "/datasets/{dataset_id}/keywords", gives=Page[wire.Keyword])
    async def list_keywords(self, request: Request, dataset_id: Id) -> Response:
        """All keywords of the file as it was given, in its order and spelling."""
        found = await self.catalog.cytometry.keywords(actor_of(request), dataset_id=dataset_id)
        return list_answer(found.items(), lambda pair: {"name": pair[0], "value": pair[1]})

    @endpoint("GET", "/datasets/{dataset_id}/fcs", media="application/vnd.isac.fcs")
    async def get_fcs(self, request: Request, dataset_id: Id, query: Annotated[wire.FileQuery, Query()]) -> Response:
        """The file: as it was given, or as FCS 3.1 (float32, little-endian) or TSV of the events that are asked for."""
        found = await self.catalog.file_exports.export(
            actor_of(request), dataset_id=dataset_id, format=format_of(query), choice=choice_of(query)
        )
        return _download(found)


def _download(found: FileDownload) -> Response:
    headers = {"content-disposition": attachment(found.filename), "cache-control": "no-store"}
    if found.size is not None:
        headers["content-length"] = str(found.size)
    return StreamingResponse(found.body, media_type=found.media_type, headers=headers)
