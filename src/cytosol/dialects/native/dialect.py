"""Our own API: what the explorer and the Python client speak; a dialect like the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount

from cytosol.asgi.dialect import ErrorTable, Services
from cytosol.asgi.errors import HTTP_STATUS
from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError
from cytosol.dialects.native.docs_page import POLICY, docs_page
from cytosol.dialects.native.gate import Gate
from cytosol.dialects.native.openapi import make_document
from cytosol.dialects.native.problems import on_cytosol_error, on_fault, on_http_exception, on_invalid_request
from cytosol.dialects.native.routes.across import AcrossRoutes
from cytosol.dialects.native.routes.analyses import AnalysisRoutes
from cytosol.dialects.native.routes.annotations import AnnotationRoutes
from cytosol.dialects.native.routes.attachments import AttachmentRoutes
from cytosol.dialects.native.routes.cytometry import CytometryRoutes
from cytosol.dialects.native.routes.datasets import DatasetRoutes
from cytosol.dialects.native.routes.events import EventRoutes
from cytosol.dialects.native.routes.exchange import ExchangeRoutes
from cytosol.dialects.native.routes.files import StorageRoutes, UploadRoutes
from cytosol.dialects.native.routes.folders import FolderRoutes
from cytosol.dialects.native.routes.gates import GateRoutes
from cytosol.dialects.native.routes.gene_sets import GeneSetRoutes
from cytosol.dialects.native.routes.groups import GroupRoutes
from cytosol.dialects.native.routes.inspections import InspectionRoutes
from cytosol.dialects.native.routes.ontologies import OntologyRoutes
from cytosol.dialects.native.routes.people import SessionRoutes, TokenRoutes, UserRoutes
from cytosol.dialects.native.routes.plots import PlotRoutes
from cytosol.dialects.native.routes.populations import CompensationRoutes, PopulationRoutes
from cytosol.dialects.native.routes.registries import ServerRoutes
from cytosol.dialects.native.routes.reports import ReportRoutes
from cytosol.dialects.native.routes.samples import SampleRoutes
from cytosol.dialects.native.routes.statistics import StatisticsRoutes
from cytosol.dialects.native.routes.studies import SharingRoutes, StudyRoutes
from cytosol.dialects.native.routes.summaries import SummaryRoutes
from cytosol.dialects.native.routes.table_texts import TableTextRoutes
from cytosol.dialects.native.routes.tables import TableRoutes
from cytosol.dialects.native.routes.work import DownloadRoutes, JobRoutes

PREFIX = "/api/v1"
# those that are asked for most come first: addresses are compared one after the other
_NOUNS = (
    StudyRoutes,
    TableRoutes,
    SummaryRoutes,
    PlotRoutes,
    DatasetRoutes,
    JobRoutes,
    UploadRoutes,
    InspectionRoutes,
    SampleRoutes,
    CytometryRoutes,
    StatisticsRoutes,
    GateRoutes,
    PopulationRoutes,
    CompensationRoutes,
    ExchangeRoutes,
    AnnotationRoutes,
    TableTextRoutes,
    AnalysisRoutes,
    ReportRoutes,
    AcrossRoutes,
    GeneSetRoutes,
    OntologyRoutes,
    SharingRoutes,
    FolderRoutes,
    AttachmentRoutes,
    StorageRoutes,
    GroupRoutes,
    UserRoutes,
    TokenRoutes,
    SessionRoutes,
    ServerRoutes,
    DownloadRoutes,
)


class NativeDialect:
    """The native API under /api/v1."""

    name: str = "native"
    prefixes: tuple[str, ...] = (PREFIX,)
    conforms_to: tuple[str, ...] = ("cytosol SDK",)
    errors: ErrorTable = HTTP_STATUS

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """One mount."""
        app = make_app(services)
        return [Mount(PREFIX, app=app)]


def make_app(services: Services) -> Gate:
    """The application behind its gate."""
    app = FastAPI(
        title="Cytosol",
        version=services.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            CytosolError: on_cytosol_error,
            RequestValidationError: on_invalid_request,
            HTTPException: on_http_exception,
            Exception: on_fault,
        },
    )
    gate = Gate(app, services)
    for noun in _NOUNS:
        noun(services).add_to(app.router)
    EventRoutes(services, gate).add_to(app.router)
    _add_documents(app, services)
    return gate


def _add_documents(app: FastAPI, services: Services) -> None:
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(make_document(app.routes, version=services.version))
        return made

    async def openapi(_request: Request) -> Response:
        return json_response(document(), headers={"cache-control": "no-cache"})

    async def docs(_request: Request) -> Response:
        return HTMLResponse(docs_page(document()), headers={"content-security-policy": POLICY})

    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
