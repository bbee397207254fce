"""The API of BioTuring's Python client ``bioturing_connector``."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from cytosol.asgi.dialect import ErrorTable, Services
from cytosol.dialects.bioturing.account import ACCOUNT_CALLS
from cytosol.dialects.bioturing.calls import Call, call_routes
from cytosol.dialects.bioturing.embeddings import EMBEDDING_CALLS
from cytosol.dialects.bioturing.errors import STATUS
from cytosol.dialects.bioturing.exports import EXPORT_CALLS, download_routes
from cytosol.dialects.bioturing.genes import GENE_CALLS
from cytosol.dialects.bioturing.metadata import METADATA_CALLS
from cytosol.dialects.bioturing.ontologies import ONTOLOGY_CALLS
from cytosol.dialects.bioturing.submissions import SUBMISSION_CALLS
from cytosol.dialects.bioturing.uploads import UPLOAD_CALLS, upload_routes

CALLS: tuple[Call, ...] = (
    *ACCOUNT_CALLS,
    *GENE_CALLS,
    *METADATA_CALLS,
    *ONTOLOGY_CALLS,
    *EMBEDDING_CALLS,
    *UPLOAD_CALLS,
    *SUBMISSION_CALLS,
    *EXPORT_CALLS,
)


class BioturingDialect:
    """BBrowserXConnector, LensSCConnector and LensBulkConnector: the same calls under three prefixes."""

    name: str = "bioturing"
    prefixes: tuple[str, ...] = ("/t2d_index_tool", "/lens_sc", "/lens_bulk")
    conforms_to: tuple[str, ...] = tuple(
        f"bioturing_connector {release}" for release in ("1.14.0", "1.12.0", "1.6.3", "1.5.3", "1.1.1")
    )
    errors: ErrorTable = STATUS

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """All calls, the chunks and the downloads under every prefix."""
        return [
            *call_routes(services, self.prefixes, CALLS),
            *upload_routes(services, self.prefixes),
            *download_routes(services, self.prefixes),
        ]
