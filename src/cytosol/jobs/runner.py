"""The runner: leases jobs, has them run, writes down what they say, and ends what was cancelled or lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import time
from collections.abc import Mapping
from typing import Any

from cytosol.base.errors import CytosolError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.leases import error_json
from cytosol.jobs.executor import Executor, Frame, Task, Worker
from cytosol.jobs.kinds import DEFAULT_KINDS
from cytosol.jobs.limits import too_large
from cytosol.jobs.local import LocalExecutor
from cytosol.jobs.registry import JobRegistry
from cytosol.jobs.signals import Signals
from cytosol.model.work import Job

POLL_S = 2.0
TICK_S = 0.25
RENEW_S = 10.0
CARE_EVERY_S = 600.0
_log = logging.getLogger("cytosol.jobs")


class Runner:
    """Runs jobs of one data folder, up to ``settings.workers`` at a time.

    Parameters
    ----------
    signals : the notifier that the catalog was opened with
    executor : None = workers on this machine
    """

    def __init__(
        self,
        catalog: Catalog,
        signals: Signals,
        *,
        executor: Executor | None = None,
        kinds: JobRegistry = DEFAULT_KINDS,
    ) -> None:
        self._catalog = catalog
        self._signals = signals
        self._executor = executor or LocalExecutor(catalog.settings.workers)
        self._kinds = [kind.name for kind in kinds]
        self._owner = f"{platform.node() or 'localhost'}:{os.getpid()}:{new_key().hex24}"[:128]
        self._settings = catalog.settings.model_dump(mode="json")
        self._runs: dict[Key, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take over what an earlier server left, then begin to run jobs."""
        taken = await self._catalog.leases.recover(self._owner)
        for job in taken:
            _log.warning("job %s was running when the server stopped", job.id)
        live = await self._catalog.leases.live()
        await asyncio.to_thread(self._catalog.context.scratch.sweep, live)
        await self._catalog.context.blobs.sweep()
        await self._catalog.care.drop_unfinished()
        await self._catalog.care.mend_recent()
        await self._executor.start()
        self._loop = asyncio.create_task(self._serve(), name="job runner")

    async def stop(self) -> None:
        """Kill what runs and put it back into the queue."""
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        for run in list(self._runs.values()):
            await run.stop("stopped")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        await self._executor.close()

    @property
    def n_running(self) -> int:
        """Jobs that run now."""
        return len(self._runs)

    async def _serve(self) -> None:
        cared = time.monotonic()
        while True:
            try:
                await self._fill()
                for id in await self._catalog.leases.to_cancel(self._owner) if self._runs else ():
                    if id in self._runs:
                        await self._runs[id].stop("cancelled")
                if time.monotonic() - cared > CARE_EVERY_S:
                    cared = time.monotonic()
                    await self._catalog.leases.recover(self._owner)
                    await self._catalog.care.schedule_collect()
            except CytosolError as error:
                _log.error("jobs cannot be taken: %s", error)
            await self._signals.wait_jobs(POLL_S)

    async def _fill(self) -> None:
        while len(self._runs) < self._catalog.settings.workers and not self._stopping:
            job = await self._catalog.leases.take(self._owner, self._kinds)
            if job is None:
                return
            run = self._runs[job.id] = _Run(self._catalog, self._signals, job)
            task = asyncio.create_task(self._one(run, job), name=f"job {job.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _one(self, run: _Run, job: Job) -> None:
        try:
            task = Task(job.id, job.epoch, self._settings, self._catalog.settings.job_memory_bytes)
            await run.go(self._executor, task)
        except CytosolError as error:
            _log.error("job %s: %s", job.id, error)
            with contextlib.suppress(CytosolError):  # the lease ends by itself, and the next poll takes the job over
                await self._catalog.leases.end(job, error=error_json(error), again=True)
        finally:
            self._runs.pop(job.id, None)
            self._signals.jobs_waiting()


class _Run:
    """One run of a job, seen from the server."""

    def __init__(self, catalog: Catalog, signals: Signals, job: Job) -> None:
        self._catalog = catalog
        self._signals = signals
        self._job = job
        self._worker: Worker | None = None
        self._stopped = ""
        self._lines: list[Mapping[str, Any]] = []
        self._progress: tuple[float, str] | None = None
        self._renewed = time.monotonic()
        self._end: Frame | None = None
        self._writing = asyncio.Lock()

    async def stop(self, why: str) -> None:
        """Kill the worker; ``go`` then writes down how it ended."""
        self._stopped = self._stopped or why
        if self._worker is not None:
            await self._worker.kill()

    async def go(self, executor: Executor, task: Task) -> None:
        """Have the job run until it ends, whatever way."""
        self._worker = worker = await executor.launch(task)
        if self._stopped:
            await worker.kill()
        ticking = asyncio.create_task(self._tick(worker, task.memory_bytes))
        try:
            async for frame in worker.frames():
                await self._take(worker, frame)
            exit = await worker.wait()
        finally:
            async with self._writing:  # what is being written down just now would be lost
                ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
        await asyncio.to_thread(self._catalog.context.scratch.remove, self._job.id, self._job.epoch)
        await self._write()
        await self._settle(exit.words, task.memory_bytes)

    async def _take(self, worker: Worker, frame: Frame) -> None:
        if "log" in frame:
            at, level, text = frame["log"]
            self._lines.append({"at": at, "level": level, "text": text})
        elif "progress" in frame:
            self._progress = frame["progress"], frame.get("step", "")
        elif "flush" in frame:
            await self._write()
            await worker.tell({"ack": frame["flush"]})
        elif "events" in frame:
            self._signals.events_stored()
        elif "jobs" in frame:
            self._signals.jobs_waiting()
        elif "end" in frame:
            self._end = frame

    async def _tick(self, worker: Worker, memory_bytes: int) -> None:
        """Every quarter of a second: write down what was said, and look at the memory."""
        while True:
            await asyncio.sleep(TICK_S)
            used = worker.memory_bytes()
            if used is not None and used > memory_bytes:
                await self.stop("memory")
            if self._lines or self._progress or time.monotonic() - self._renewed > RENEW_S:
                try:
                    held = await self._write()
                except CytosolError as error:
                    _log.warning("job %s: its log cannot be written now: %s", self._job.id, error)
                    continue
                if not held and self._end is None:
                    await self._stop_if_lost(worker)

    async def _stop_if_lost(self, worker: Worker) -> None:
        now = await self._catalog.leases.state(self._job.id)
        if now is None or now.epoch != self._job.epoch or now.state in ("queued", "failed", "cancelled"):
            self._stopped = self._stopped or "lost"
            await worker.kill()

    async def _write(self) -> bool:
        async with self._writing:
            lines, self._lines = self._lines, []
            progress, self._progress = self._progress, None
            self._renewed = time.monotonic()
            fraction, step = progress if progress is not None else (None, None)
            try:
                return await self._catalog.leases.note(self._job, lines=lines, progress=fraction, step=step)
            except CytosolError:
                self._lines = lines + self._lines
                raise

    async def _settle(self, exit: str, memory_bytes: int) -> None:
        """Write down how it ended, unless it committed."""
        leases = self._catalog.leases
        now = await leases.state(self._job.id)
        if now is None or now.epoch != self._job.epoch or now.state != "running":
            if now is not None and now.state == "succeeded" and (self._end or {}).get("end") != "ok":
                await self._catalog.care.mend_recent()
            return
        if self._stopped == "stopped":
            await leases.give_back(self._job)
        elif self._stopped == "memory":
            await leases.end(self._job, error=error_json(too_large(memory_bytes)), again=False)
        elif self._end is not None and self._end["end"] == "error":
            if "trace" in self._end:
                _log.error("job %s failed:\n%s", self._job.id, self._end["trace"])
            await leases.end(self._job, error=self._end["error"], again=bool(self._end.get("again")))
        else:
            lost = {
                "code": "worker-lost",
                "detail": f"The process that ran this job ended without a result ({exit}).",
                "details": {},
            }
            await leases.end(self._job, error=lost, again=True)
