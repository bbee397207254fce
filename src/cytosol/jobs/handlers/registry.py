"""Which function runs which analysis; exactly those that the registry of analyses calls runnable, by test."""

from __future__ import annotations

from collections.abc import Iterable

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.jobs.handlers.base import Handler
from cytosol.jobs.handlers.batches import normalise_batches
from cytosol.jobs.handlers.beads import normalise_by_beads
from cytosol.jobs.handlers.cell_types import cell_types
from cytosol.jobs.handlers.clusters import cluster
from cytosol.jobs.handlers.compare import compare
from cytosol.jobs.handlers.doublets import doublets
from cytosol.jobs.handlers.event_map import map_events
from cytosol.jobs.handlers.flow_quality import check_run
from cytosol.jobs.handlers.flowsom import find_populations
from cytosol.jobs.handlers.harmony import integrate
from cytosol.jobs.handlers.markers import markers
from cytosol.jobs.handlers.scores import cell_cycle, scores

DEFAULT_HANDLERS: tuple[Handler, ...] = (
    Handler("compare", compare),
    Handler("leiden", cluster),
    Handler("markers", markers),
    Handler("scores", scores),
    Handler("cell-types", cell_types),
    Handler("cell-cycle", cell_cycle),
    Handler("doublets", doublets),
    Handler("harmony", integrate),
    Handler("flowsom", find_populations),
    Handler("event-map", map_events),
    Handler("flow-quality", check_run),
    Handler("bead-normalisation", normalise_by_beads),
    Handler("batch-normalisation", normalise_batches),
)


def handler_of(analysis: str, handlers: Iterable[Handler] = DEFAULT_HANDLERS) -> Handler:
    """The handler of an analysis.

    Raises
    ------
    NotFoundError
        Where there is none.
    InvalidInputError
        Where there are two.
    """
    found = [handler for handler in handlers if handler.analysis == analysis]
    if not found:
        raise NotFoundError(f"This version cannot run '{analysis[:64]}' on a table")
    if len(found) > 1:
        raise InvalidInputError(f"Two functions want to run '{analysis}'", do="Give one another name")
    return found[0]
