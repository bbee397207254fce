"""Has plots loaded in the background when there is something to plot, so that the first one is quick, too."""

from __future__ import annotations

import asyncio

from cytosol.catalog.catalog import Catalog
from cytosol.jobs.signals import Signals

_WAIT_S = 60.0
_PAUSE_S = 0.5


async def warm_plots(catalog: Catalog, signals: Signals) -> None:
    """Wait until the server holds a file of cytometry or a gate, and load what plots need; it takes 150 MB."""
    while not await catalog.warming.is_wanted():
        await signals.wait_events(_WAIT_S)
        await asyncio.sleep(_PAUSE_S)  # not again for each of many events
    catalog.warming.begin()
