"""Addresses for whoever operates the server: ``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping

import psutil
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cytosol.asgi.responses import json_response
from cytosol.base.errors import CytosolError

_STARTED = time.monotonic()


def operation_routes(
    *, ready: Callable[[], Awaitable[None]], figures: Callable[[], Awaitable[Mapping[str, float]]]
) -> list[Route]:
    """The routes.

    Parameters
    ----------
    ready : raises where the database or the store does not answer
    figures : names and values of ``/metrics``; a name may carry labels in braces
    """

    async def healthz(_request: Request) -> Response:
        return json_response({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        try:
            await ready()
        except (CytosolError, OSError) as error:
            return json_response({"status": "unavailable", "detail": str(error)}, status=503)
        return json_response({"status": "ready"})

    async def metrics(_request: Request) -> Response:
        process = psutil.Process(os.getpid())
        values = {
            "cytosol_uptime_seconds": time.monotonic() - _STARTED,
            "cytosol_resident_bytes": float(process.memory_info().rss),
            "cytosol_cpu_seconds_total": sum(process.cpu_times()[:2]),
            **await figures(),
        }
        return PlainTextResponse("".join(f"{name} {value}\n" for name, value in values.items()))

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
