"""The API of the CellEngine toolkits for Python and R."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from cytosol.asgi.dialect import ErrorTable, Services
from cytosol.dialects.cellengine.attachments import ATTACHMENT_CALLS
from cytosol.dialects.cellengine.calls import PREFIX, Call, call_routes
from cytosol.dialects.cellengine.compensations import COMPENSATION_CALLS
from cytosol.dialects.cellengine.downloads import DOWNLOAD_CALLS
from cytosol.dialects.cellengine.errors import STATUS
from cytosol.dialects.cellengine.experiments import EXPERIMENT_CALLS
from cytosol.dialects.cellengine.files import FILE_CALLS
from cytosol.dialects.cellengine.folders import FOLDER_CALLS
from cytosol.dialects.cellengine.gates import GATE_CALLS
from cytosol.dialects.cellengine.plots import PLOT_CALLS
from cytosol.dialects.cellengine.populations import POPULATION_CALLS
from cytosol.dialects.cellengine.scales import SCALE_CALLS
from cytosol.dialects.cellengine.sign_in import SIGN_IN_CALLS
from cytosol.dialects.cellengine.statistics import STATISTICS_CALLS

CALLS: tuple[Call, ...] = (
    *SIGN_IN_CALLS,
    *EXPERIMENT_CALLS,
    *FOLDER_CALLS,
    *ATTACHMENT_CALLS,
    *COMPENSATION_CALLS,
    *GATE_CALLS,
    *POPULATION_CALLS,
    *SCALE_CALLS,
    *DOWNLOAD_CALLS,
    *FILE_CALLS,
    *STATISTICS_CALLS,
    *PLOT_CALLS,
)


class CellEngineDialect:
    """Toolkits whose address, ``CELLENGINE_BASE_URL`` in Python, is ``http://HOST:PORT/cellengine``."""

    name: str = "cellengine"
    prefixes: tuple[str, ...] = (PREFIX,)
    conforms_to: tuple[str, ...] = ("cellengine Python toolkit 1.0.0", "cellengine R toolkit 1.0.0")
    errors: ErrorTable = STATUS

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """All calls."""
        return call_routes(services, CALLS)
