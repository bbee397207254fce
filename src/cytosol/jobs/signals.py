"""Wakes the runner of jobs and the watchers of events within one process."""

from __future__ import annotations

import asyncio
import contextlib


class Signals:
    """A ``Notifier``; its calls come from the event loop that waits."""

    def __init__(self) -> None:
        self._jobs = asyncio.Event()
        self._events = asyncio.Event()
        self.is_closed = False

    def close(self) -> None:
        """Let everybody who watches events come back: the server stops."""
        self.is_closed = True
        self.events_stored()

    def jobs_waiting(self) -> None:
        """A job was stored, or is to be cancelled."""
        self._jobs.set()

    def events_stored(self) -> None:
        """An event was stored."""
        self._events.set()
        self._events = asyncio.Event()

    async def wait_jobs(self, timeout_s: float) -> None:
        """Come back when a job was stored since the last wait, or after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):  # wait_for of Python 3.11 may lose a cancellation
                await self._jobs.wait()
        self._jobs.clear()

    async def wait_events(self, timeout_s: float) -> bool:
        """Come back when an event is stored, True, or after a while, False."""
        event = self._events
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await event.wait()
        return event.is_set()
