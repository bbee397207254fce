"""The server itself, what it reads and computes, and the audit."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cytosol.dialects.native.answers import answer, list_answer
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.work import analysis_json, audit_json, format_json, typing_reference_json
from cytosol.dialects.native.wire.common import Cursor, Limit, Page
from cytosol.dialects.native.wire.people import ServerRecord
from cytosol.dialects.native.wire.work import AnalysisRecord, AuditRecord, FormatRecord, TypingReferenceRecord

API_VERSION = "1"
_LIMITS = (
    "max_json_bytes",
    "max_chunk_bytes",
    "max_upload_bytes",
    "max_open_uploads",
    "max_user_bytes",
    "max_user_jobs",
    "retention_days",
    "upload_expiry_hours",
    "download_link_hours",
)


class ServerRoutes(Routes):
    """The server itself."""

    tag = "Server"

    @endpoint("GET", "/server", gives=ServerRecord)
    async def get_server(self, request: Request) -> Response:
        """Name, version and limits of the server; needs no sign-in."""
        needs_setup = await self.catalog.accounts.needs_setup()
        return answer(
            {
                "name": "Cytosol",
                "version": self.services.version,
                "api_version": API_VERSION,
                "needs_setup": needs_setup,
                "limits": {name: getattr(self.settings, name) for name in _LIMITS},
            }
        )

    @endpoint("GET", "/formats", gives=Page[FormatRecord])
    async def list_formats(self, request: Request) -> Response:
        """The formats of files that are known, and how they are read."""
        return list_answer(self.catalog.registries.formats(), format_json)

    @endpoint("GET", "/analyses", gives=Page[AnalysisRecord])
    async def list_analyses(self, request: Request) -> Response:
        """What can be computed, with its parameters."""
        return list_answer(self.catalog.registries.analyses(), analysis_json)

    @endpoint("GET", "/cell-type-references", gives=Page[TypingReferenceRecord])
    async def list_cell_type_references(self, request: Request) -> Response:
        """What cells can be typed by: the shipped reference, and the models of this server.

        Marker lists of users are at ``/gene-sets?kind=markers``; their ids do too.
        """
        return list_answer(self.catalog.registries.typing_references(actor_of(request)), typing_reference_json)

    @endpoint("GET", "/audit", gives=Page[AuditRecord])
    async def list_audit(self, request: Request, verb: str = "", limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Who did what, newest first; for administrators."""
        page = await self.catalog.audit.list(actor_of(request), verb=verb, limit=limit, cursor=cursor)
        return list_answer(page.items, audit_json, page.next)
