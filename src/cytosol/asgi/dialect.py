"""What every dialect is, and what it is handed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.routing import BaseRoute

from cytosol.base.errors import CytosolError
from cytosol.base.settings import Settings
from cytosol.catalog.catalog import Catalog


class EventSignal(Protocol):
    """Wakes who watches events; closed when the server begins to stop."""

    is_closed: bool

    async def wait_events(self, timeout_s: float) -> bool:
        """Wait for the next event; False where none came in time."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What a dialect may use: the catalog, the settings, the signal of new events, the version of this server."""

    catalog: Catalog
    settings: Settings
    events: EventSignal
    version: str


ErrorTable = Mapping[type[CytosolError], int]
"""From error class to HTTP status; looked up along the class hierarchy."""


class Dialect(Protocol):
    """One wire API.

    Attributes
    ----------
    name : the dialect's name, as in ``studies.origin`` and ``aliases.dialect``
    prefixes : paths that it answers under, without trailing slash
    conforms_to : the published clients that it serves, with versions
    errors : its one error table
    """

    name: str
    prefixes: tuple[str, ...]
    conforms_to: tuple[str, ...]
    errors: ErrorTable

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """The routes with full paths."""
        ...


def status_of(table: ErrorTable, error: CytosolError) -> int:
    """The HTTP status of an error: that of the nearest class in the table."""
    for cls in type(error).__mro__:
        if cls in table:
            return table[cls]
    return 500
