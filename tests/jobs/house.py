"""A catalog with a running runner, whose workers are real processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytosol.base.keys import Key
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.jobs import ENDED
from cytosol.jobs.executor import Executor
from cytosol.jobs.runner import Runner
from cytosol.jobs.signals import Signals
from cytosol.model.rights import SYSTEM
from cytosol.model.work import Job
from tests.catalog.people import People


@dataclass(frozen=True)
class House:
    """Everything open, and people."""

    catalog: Catalog
    runner: Runner
    signals: Signals
    people: People

    async def ended(self, job_id: Key, *, timeout_s: float = 120) -> Job:
        """Wait until a job has ended and its worker is gone."""
        job = await self.until(job_id, lambda job: job.state in ENDED, timeout_s=timeout_s)
        end = time.monotonic() + timeout_s
        while self.runner.n_running and time.monotonic() < end:
            await asyncio.sleep(0.02)
        return job

    async def until(self, job_id: Key, condition: Any, *, timeout_s: float = 120) -> Job:
        """Wait until something holds for a job."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            job = (await self.catalog.jobs.get(SYSTEM, job_id=job_id)).job
            if condition(job):
                return job
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{job.state} {job.error} {await self.log(job_id)}")

    async def log(self, job_id: Key) -> list[str]:
        """The lines of a job's log."""
        return [line.text for line in await self.catalog.jobs.log(SYSTEM, job_id=job_id)]


@asynccontextmanager
async def open_house(
    data: Path, *, executor: Executor | None = None, people: People | None = None, **settings: Any
) -> AsyncIterator[House]:
    """Open a data folder, run its jobs, stop."""
    signals = Signals()
    catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0, **settings), notifier=signals)
    runner = Runner(catalog, signals, executor=executor)
    try:
        await runner.start()
        yield House(catalog, runner, signals, people or await People.come(catalog))
    finally:
        await runner.stop()
        await catalog.close()
