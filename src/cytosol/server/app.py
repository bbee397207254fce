"""The application: settings in, everything composed, one ASGI app out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from cytosol.asgi.dialect import Dialect, Services
from cytosol.asgi.responses import json_response
from cytosol.base.settings import Settings
from cytosol.catalog.catalog import Catalog
from cytosol.db import rows, tables
from cytosol.dialects.bbrowserx.dialect import BBrowserXDialect
from cytosol.dialects.bioflex.dialect import BioflexDialect
from cytosol.dialects.bioturing.dialect import BioturingDialect
from cytosol.dialects.cellengine.dialect import CellEngineDialect
from cytosol.dialects.native.dialect import NativeDialect
from cytosol.dialects.studio.dialect import StudioDialect
from cytosol.dialects.talk2data.dialect import Talk2DataDialect
from cytosol.jobs.runner import Runner
from cytosol.jobs.signals import Signals
from cytosol.model.rights import SYSTEM
from cytosol.server.middleware import RequestMiddleware
from cytosol.server.operations import operation_routes
from cytosol.server.pages import page_routes

_log = logging.getLogger("cytosol.server")
DIALECTS: tuple[Dialect, ...] = (
    NativeDialect(),
    BioturingDialect(),
    BioflexDialect(),
    Talk2DataDialect(),
    BBrowserXDialect(),
    StudioDialect(),
    CellEngineDialect(),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A whole server without its socket: catalog opened, jobs running, and the app that answers requests."""

    app: ASGIApp
    catalog: Catalog
    signals: Signals


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Compose and start everything; stop it at the end."""
    signals = Signals()
    catalog = await Catalog.open(settings, notifier=signals)
    try:
        runner = Runner(catalog, signals)
        await runner.start()
        try:
            yield Running(compose(catalog, signals), catalog, signals)
        finally:
            await runner.stop()
    finally:
        await catalog.close()


def compose(catalog: Catalog, signals: Signals) -> ASGIApp:
    """All dialects, the page and the operator's addresses in one app."""
    settings = catalog.settings
    services = Services(catalog, settings, signals, version("cytosol"))
    routes = [route for dialect in DIALECTS for route in dialect.routes(services)]
    requests: dict[int, int] = {}

    async def ready() -> None:
        await catalog.events.latest(SYSTEM)
        await catalog.context.blobs.stat("datasets")

    async def figures() -> Mapping[str, float]:
        counts = {f'cytosol_requests_total{{status="{status}"}}': float(n) for status, n in sorted(requests.items())}
        async with catalog.context.db.read() as conn:
            for state in ("queued", "running"):
                n_jobs = await rows.count(conn, tables.jobs, {"state": state})
                counts[f'cytosol_jobs{{state="{state}"}}'] = float(n_jobs)
        return counts

    app = Application(
        routes=[*routes, *operation_routes(ready=ready, figures=figures), *page_routes()],
        exception_handlers={HTTPException: _unknown_address},
    )
    app.router.redirect_slashes = False
    middleware = RequestMiddleware(app)
    middleware.counts = requests
    return middleware


class Application(Starlette):
    """Starlette without its own answer to faults, which is plain text: `RequestMiddleware` gives one in JSON."""

    def build_middleware_stack(self) -> ASGIApp:
        """Only what answers known exceptions stands before the routes."""
        return ExceptionMiddleware(self.router, handlers=self.exception_handlers)


async def _unknown_address(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = f"There is no address '{request.url.path}' for {request.method} on this server."
    request_id = request.scope.get("state", {}).get("request_id", "")
    body = {
        "status": status,
        "code": "not-found",
        "detail": sentence,
        "message": sentence,
        "request_id": request_id,
    }
    return json_response(body, status=status)
