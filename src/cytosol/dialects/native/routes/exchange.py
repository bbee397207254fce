"""Gates from other programs and for them; compensations computed from controls."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.asgi.responses import attachment
from cytosol.catalog.populations import unique_names
from cytosol.dialects.native.answers import answer, list_answer, record_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.cytometry import file_json
from cytosol.dialects.native.translate.exchange import (
    brought_json,
    computed_json,
    control_of,
    matrix_of,
    matrix_text,
    references_of,
    unstained_of,
)
from cytosol.dialects.native.translate.gating import compensation_json
from cytosol.dialects.native.translate.plots import MEDIA, sheet_style
from cytosol.dialects.native.wire import exchange as wire
from cytosol.dialects.native.wire.common import Id, Page
from cytosol.dialects.native.wire.cytometry import FileRecord
from cytosol.dialects.native.wire.gating import CompensationRecord

XML = "application/xml"
_FILE = {"requestBody": {"required": True, "content": {XML: {"schema": {"type": "string", "format": "binary"}}}}}

_TEXT = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}


class ExchangeRoutes(Routes):
    """Gating-ML 2.0, FlowJo 10, FACSDiva, and single-stained controls."""

    tag = "Gates"

    @endpoint("POST", "/studies/{study_id}/gating-ml", gives=wire.BroughtRecord, status=201, extra=_FILE)
    async def bring_gating_ml(self, request: Request, study_id: Id) -> Response:
        """Make gates, populations, scales and compensations of a Gating-ML 2.0 document, the body.

        Axes get the scales of the document; gates that the study has on them move along. One undo step.
        """
        return await self._bring(request, study_id, "Gating-ML")

    @endpoint("POST", "/studies/{study_id}/flowjo", gives=wire.BroughtRecord, status=201, extra=_FILE)
    async def bring_flowjo(self, request: Request, study_id: Id) -> Response:
        """Make gates, populations, scales and compensations of a workspace of FlowJo 10, the body.

        Datasets that are called like a sample of it get gates of their own where those of the sample differ from the
        first one's. One undo step.
        """
        return await self._bring(request, study_id, "workspace")

    @endpoint("POST", "/studies/{study_id}/facsdiva", gives=wire.BroughtRecord, status=201, extra=_FILE)
    async def bring_facsdiva(self, request: Request, study_id: Id) -> Response:
        """Make gates, populations, scales and compensations of an experiment that FACSDiva exported as XML, the body.

        Datasets that are called like the file of a tube get gates of their own where those of the tube differ from the
        first one's. One undo step.
        """
        return await self._bring(request, study_id, "experiment")

    @endpoint("GET", "/studies/{study_id}/gating-ml", media=XML)
    async def get_gating_ml(
        self, request: Request, study_id: Id, dataset_id: Id | None = None, compensation: str = "own"
    ) -> Response:
        """The populations of a study as Gating-ML 2.0.

        ``dataset_id`` says whose gates are in force, where it has its own. A comment at the top names what the format
        cannot hold.
        """
        data = await self.catalog.gating_exchange.write(
            actor_of(request),
            study_id=study_id,
            form="gating-ml",
            dataset_ids=None if dataset_id is None else [dataset_id],
            compensation=compensation,
        )
        return _file(data, "gates.xml")

    @endpoint("GET", "/studies/{study_id}/flowjo", media=XML)
    async def get_flowjo(
        self, request: Request, study_id: Id, dataset_id: Id | None = None, compensation: str = "own"
    ) -> Response:
        """The populations of a study as a workspace of FlowJo 10, with a sample a file.

        A comment at the top names what a workspace cannot hold.
        """
        data = await self.catalog.gating_exchange.write(
            actor_of(request),
            study_id=study_id,
            form="flowjo",
            dataset_ids=None if dataset_id is None else [dataset_id],
            compensation=compensation,
        )
        return _file(data, "gates.wsp")

    @endpoint("POST", "/studies/{study_id}/compensations/compute", gives=wire.ComputedRecord)
    async def compute_compensation(self, request: Request, study_id: Id, body: wire.ComputeRequest) -> Response:
        """Compute a spillover matrix from single-stained controls, and how much it spreads populations.

        What is taken of each control is found where nothing is said, and answered, so that it can be changed. With a
        name the matrix is kept. A control that is brightest in another channel than its own, as where two files were
        swapped, has a warning; such a matrix is kept with ``insist`` only (else 409).
        """
        found = await self.catalog.control_matrices.compute(
            actor_of(request),
            study_id=study_id,
            controls=[control_of(one) for one in body.controls],
            unstained=unstained_of(body),
            channels=body.channels,
            name=body.name,
            insist=body.insist,
        )
        return answer(computed_json(found))

    @endpoint("POST", "/studies/{study_id}/compensations/csv", gives=CompensationRecord, status=201, extra=_TEXT)
    async def read_compensation_csv(
        self, request: Request, study_id: Id, name: Annotated[str, Query(min_length=1)]
    ) -> Response:
        """Keep a spillover matrix of a CSV or TSV file, the body.

        A line with the names of the channels, then a line of numbers for each dye, which may begin with its name.
        """
        channels, matrix = matrix_of(await request.body())
        made = await self.catalog.compensations.create(
            actor_of(request), study_id=study_id, name=name, channels=channels, matrix=matrix
        )
        return record_answer(compensation_json(made), status=201)

    @endpoint("GET", "/compensations/{compensation_id}/csv", media="text/csv")
    async def get_compensation_csv(self, request: Request, compensation_id: Id) -> Response:
        """A spillover matrix as CSV, names of the channels in the first line and column."""
        found = await self.catalog.compensations.get(actor_of(request), compensation_id=compensation_id)
        headers = {"content-disposition": attachment(f"{found.name}.csv"), "cache-control": "no-store"}
        return Response(matrix_text(found), media_type="text/csv", headers=headers)

    @endpoint("POST", "/studies/{study_id}/spectra", media="image/png")
    async def draw_spectra(self, request: Request, study_id: Id, body: wire.SpectraRequest) -> Response:
        """The spectra of reference controls as PNG, SVG or PDF: a line for each dye over the detectors.

        What the bright events of a control rise over the dim ones, by the detector in which it rises most.
        """
        style = replace(sheet_style(body), dark=body.dark)
        data = await self.catalog.unmixing.draw(
            actor_of(request), study_id=study_id, references=references_of(body), style=style
        )
        return Response(data, media_type=MEDIA[body.format], headers={"cache-control": "private, no-cache"})

    @endpoint("POST", "/studies/{study_id}/unmix", gives=Page[FileRecord], status=201)
    async def unmix_files(self, request: Request, study_id: Id, body: wire.UnmixRequest) -> Response:
        """Make a new file of each: its detectors become dyes by least squares, scatter and time stay.

        A report of each new file shows the spectra, and how alike they are.
        The spectra come from reference controls: what their bright events rise over the dim ones.
        """
        made = await self.catalog.unmixing.unmix(
            actor_of(request),
            study_id=study_id,
            dataset_ids=body.dataset_ids,
            references=references_of(body),
            weighted=body.weighted,
        )
        return list_answer(await self.catalog.cytometry.described(made), file_json, status=201)

    async def _bring(self, request: Request, study_id: Id, name: str) -> Response:
        actor = actor_of(request)
        data = await request.body()
        brought = await self.catalog.gating_exchange.bring(actor, study_id=study_id, data=data, name=name)
        known = await self.catalog.populations.list(actor, study_id=study_id)
        return answer(brought_json(brought, unique_names(known)), status=201)


def _file(data: bytes, name: str) -> Response:
    headers = {"content-disposition": attachment(name), "cache-control": "no-store"}
    return Response(data, media_type=XML, headers=headers)
