"""Adds a file of cytometry in a process that stops at a chosen step: killed, with a full disk, or called off."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cytosol.base.errors import CytosolError
from cytosol.base.keys import Key
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.model.rights import Actor
from tests.catalog.making import pieces
from tests.catalog.people import Bell

_STEPS = ("open", "os.mkdir")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Steps:
    """Counts the files and folders that this process makes below a folder, and acts before one of these steps.

    Python tells an audit hook before it does. A hook stays as long as its process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._at = 0
        self._act: Callable[[], Any] = lambda: None
        self._is_on = False
        self.count = 0
        sys.addaudithook(self._hear)

    def begin(self, at: int, act: Callable[[], Any]) -> None:
        """Count from 1 on, and act before step ``at``; 0 = never."""
        self.count, self._at, self._act, self._is_on = 0, at, act, True

    def end(self) -> None:
        """Count no longer."""
        self._is_on = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_on or event not in _STEPS or not str(arguments[0]).startswith(self._folder):
            return
        if event != "open" or arguments[2] & _WRITES:
            self.count += 1
            if self.count == self._at:
                self._act()


def fill_disk() -> None:
    """What the operating system says of a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def put(catalog: Catalog, actor: Actor, study_id: Key, name: str, data: bytes) -> None:
    """Add the file."""
    await catalog.cytometry.put_file(actor, study_id=study_id, filename=name, body=pieces(data))


def put_and_die(folder: Path, actor: Actor, study_id: Key, data: bytes, at: int) -> None:
    """Add the file on a data folder, and be killed before step ``at``."""

    async def run() -> None:
        catalog = await Catalog.open(load_settings(data=folder, min_free_bytes=0), notifier=Bell())
        steps = Steps(folder)
        steps.begin(at, lambda: os.kill(os.getpid(), signal.SIGKILL))
        await put(catalog, actor, study_id, "killed.fcs", data)

    asyncio.run(run())


def put_and_fail(folder: Path, actor: Actor, study_id: Key, data: bytes, ends: list[tuple[str, int]]) -> None:
    """Add the file again and again, each time with another end: a full disk, or called off, before a step."""

    async def run() -> None:
        catalog = await Catalog.open(load_settings(data=folder, min_free_bytes=0), notifier=Bell())
        loop = asyncio.get_running_loop()
        steps = Steps(folder)
        for how, at in ends:
            task = asyncio.ensure_future(put(catalog, actor, study_id, f"{how} {at}.fcs", data))
            call_off = partial(loop.call_soon_threadsafe, task.cancel)
            steps.begin(at, fill_disk if how == "full disk" else call_off)
            await asyncio.wait([task])
            steps.end()
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, CytosolError):
                raise error
        await catalog.close()

    asyncio.run(run())


def count_steps(folder: Path, actor: Actor, study_id: Key, data: bytes, line: Connection) -> None:
    """Add the file, and send how many steps that took."""

    async def run() -> None:
        catalog = await Catalog.open(load_settings(data=folder, min_free_bytes=0), notifier=Bell())
        steps = Steps(folder)
        steps.begin(0, lambda: None)
        await put(catalog, actor, study_id, "whole.fcs", data)
        line.send(steps.count)
        await catalog.close()

    asyncio.run(run())
