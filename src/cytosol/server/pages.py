"""The explorer's built files: one page for ``/`` and ``/app/*``, its assets beside it."""

from __future__ import annotations

import html
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from cytosol.asgi.responses import json_response

STATIC = Path(__file__).parent / "static"
_NOT_BUILT = """<!doctype html><meta charset="utf-8"><title>Cytosol</title>
<p>The explorer is not built in this installation. In a clone, run <code>make web</code>; the API is at
<a href="api/v1/docs">api/v1/docs</a>.</p>"""
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
    "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; frame-ancestors 'self'; base-uri 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


def page_routes() -> list[Route]:
    """The routes of the explorer."""
    return [
        Route("/", _page),
        Route("/app", _page),
        Route("/app/{path:path}", _page_or_asset),
    ]


async def _page(request: Request) -> Response:
    index = STATIC / "index.html"
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, status_code=200, headers=_HEADERS)
    base = html.escape(request.scope.get("root_path", "").rstrip("/") + "/app/", quote=True)
    page = index.read_text(encoding="utf-8").replace("<head>", f'<head><base href="{base}">', 1)
    return HTMLResponse(page, headers={**_HEADERS, "cache-control": "no-cache"})


async def _page_or_asset(request: Request) -> Response:
    path = request.path_params["path"]
    asset = (STATIC / path).resolve()
    if not asset.is_relative_to(STATIC) or not asset.is_file():
        if not path.startswith("assets/"):
            return await _page(request)
        return json_response({"status": 404, "code": "not-found", "detail": f"There is no file '{path}'."}, status=404)
    lasting = "/assets/" in f"/{path}"
    cache = "public, max-age=31536000, immutable" if lasting else "no-cache"
    return FileResponse(asset, headers={**_HEADERS, "cache-control": cache})
