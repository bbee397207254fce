"""Reports of analyses."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cytosol.base.times import to_rfc3339
from cytosol.catalog.reports import ReportView
from cytosol.dialects.native.answers import list_answer, no_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.wire.analyses import ReportRecord
from cytosol.dialects.native.wire.common import Id, Page

_TABLE = "/datasets/{dataset_id}/tables/{table}"
_HTML = "text/html"
_HEADERS = {
    # a page of results may do nothing but be looked at
    "content-security-policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'",
    "cache-control": "private, max-age=31536000, immutable",
}


class ReportRoutes(Routes):
    """Pages that analyses write."""

    tag = "Analyses"

    @endpoint("GET", f"{_TABLE}/reports", gives=Page[ReportRecord])
    async def list_reports(self, request: Request, dataset_id: Id, table: str) -> Response:
        """The reports of a table, newest first; analyses such as ``flowsom`` and ``flow-quality`` write them."""
        found = await self.catalog.reports.list(actor_of(request), dataset_id=dataset_id, table=table)
        return list_answer(found, _report_json)

    @endpoint("GET", f"{_TABLE}/reports/{{report_id}}", media=_HTML)
    async def get_report(self, request: Request, dataset_id: Id, table: str, report_id: Id) -> Response:
        """A report: one page of HTML with figures and tables, which fetches nothing."""
        _, page = await self.catalog.reports.read(actor_of(request), dataset_id=dataset_id, id=report_id, table=table)
        return Response(page, media_type=_HTML, headers=_HEADERS)

    @endpoint("DELETE", f"{_TABLE}/reports/{{report_id}}", status=204)
    async def delete_report(self, request: Request, dataset_id: Id, table: str, report_id: Id) -> Response:
        """Remove a report; its revision can be undone."""
        await self.catalog.reports.delete(actor_of(request), dataset_id=dataset_id, id=report_id, table=table)
        return no_answer()


def _report_json(view: ReportView) -> dict[str, Any]:
    return {
        "id": view.id.hex(),
        "created_at": to_rfc3339(view.created_at),
        "name": view.name,
        "analysis": view.analysis,
        "facts": dict(view.meta),
    }
