"""Running the server: take the address and the folder, start, say that it is ready, stop cleanly."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable

import uvicorn

from cytosol.base.errors import OutOfSpaceError, UnavailableError
from cytosol.base.settings import Settings
from cytosol.catalog.catalog import Catalog
from cytosol.db.single import ServerLock
from cytosol.jobs.signals import Signals
from cytosol.model.rights import SYSTEM
from cytosol.server.admin import URL_FILE
from cytosol.server.app import running
from cytosol.server.logs import configure_logging
from cytosol.server.sockets import bind, url_of
from cytosol.server.warm import warm_plots

Ready = Callable[[Catalog, str], Awaitable[None]]
_GRACE_S = 10
_GARBAGE_AFTER = 20_000
_KEEP_ALIVE_S = 30


def prepare_folder(settings: Settings) -> None:
    """Make the data folder, and refuse a disk that is nearly full.

    Raises
    ------
    UnavailableError
        Where the folder cannot be made or written.
    OutOfSpaceError
        Where less is free than ``min_free_bytes``.
    """
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.data).free
    except OSError as error:
        raise UnavailableError(
            f"The data folder cannot be used: {error.strerror}",
            where=str(settings.data),
            do="Choose another with --data",
        ) from error
    if free < settings.min_free_bytes:
        raise OutOfSpaceError(
            f"Only {free / 1e9:.2f} GB are free on the disk of the data folder",
            where=str(settings.data),
            do="Free some space, or lower the setting min_free_bytes",
            setting="min_free_bytes",
        )


def serve(settings: Settings, *, on_ready: Ready, once: bool = False) -> None:
    """Serve until stopped.

    Parameters
    ----------
    on_ready : called with the catalog and the address when requests are accepted
    once : stop when ``on_ready`` is done
    """
    prepare_folder(settings)
    listener = bind(settings.host, settings.port)
    try:
        with ServerLock(settings.data):
            configure_logging(settings.data / "logs", settings.log_level)
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(_serve(settings, listener, on_ready, once))
    finally:
        listener.close()


def _new_loop() -> asyncio.AbstractEventLoop:
    """The faster loop where there is one, as ``uvicorn.run`` chooses."""
    try:
        import uvloop
    except ImportError:  # not made for Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class _Server(uvicorn.Server):
    """Ends the streams of events before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, signals: Signals) -> None:
        super().__init__(config)
        self._signals = signals

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, end what streams, wait for the rest."""
        self._signals.close()
        await super().shutdown(sockets)


async def _serve(settings: Settings, listener: socket.socket, on_ready: Ready, once: bool) -> None:
    async with running(settings) as whole:
        config = uvicorn.Config(
            whole.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            root_path=settings.root_path.rstrip("/"),
            proxy_headers=True,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
            server_header=False,
        )
        server = _Server(config, whole.signals)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        warming: asyncio.Task[None] | None = None
        try:
            while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn offers no event)
                await asyncio.sleep(0.01)
            if not serving.done():
                _settle_memory()
                url = url_of(listener, settings.host, settings.root_path)
                await on_ready(whole.catalog, url)
                warming = asyncio.create_task(warm_plots(whole.catalog, whole.signals))
            if once:
                server.should_exit = True
            await serving
        finally:
            server.should_exit = True
            if warming is not None:
                warming.cancel()
            await asyncio.wait([serving])


def _settle_memory() -> None:
    """Leave what start-up made out of the searches for garbage, and search less often: answers are many objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER, 20, 20)


def write_address(settings: Settings, url: str) -> None:
    """Note where the server is, for the commands on the same data folder."""
    (settings.data / URL_FILE).write_text(url, encoding="utf-8")


async def announce(catalog: Catalog, url: str) -> None:
    """Say where the server is, and on an empty folder how to make the first administrator."""
    write_address(catalog.settings, url)
    _say(f"Cytosol is ready at {url}")
    key = await catalog.accounts.new_setup_key(SYSTEM)
    if key is not None:
        _say(f"Nobody can sign in yet. Make the first administrator: {url}/app/setup?key={key}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
