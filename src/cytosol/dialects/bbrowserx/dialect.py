"""The API of ``bbrowserx_connector``, the client of BBrowserX Pro."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from cytosol.asgi.dialect import ErrorTable, Services
from cytosol.dialects.bbrowserx.account import ACCOUNT_CALLS, PREFIX
from cytosol.dialects.bbrowserx.calls import call_routes
from cytosol.dialects.bbrowserx.errors import STATUS
from cytosol.dialects.bbrowserx.projects import PROJECT_CALLS
from cytosol.dialects.bbrowserx.studies import STUDY_CALLS
from cytosol.dialects.bbrowserx.uploads import UPLOAD_CALLS

CALLS = (*ACCOUNT_CALLS, *PROJECT_CALLS, *STUDY_CALLS, *UPLOAD_CALLS)


class BBrowserXDialect:
    """BBrowserXProConnector."""

    name: str = "bbrowserx"
    prefixes: tuple[str, ...] = (PREFIX,)
    conforms_to: tuple[str, ...] = ("bbrowserx_connector 1.0.0",)
    errors: ErrorTable = STATUS

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """All calls."""
        return call_routes(services, PREFIX, CALLS)
