"""What a worker process does: open the catalog, run the function of the job's kind, say how it ended."""

from __future__ import annotations

import asyncio
import resource
import socket
import traceback
from typing import Any

from cytosol.base.errors import CytosolError, LeaseLostError, UnavailableError
from cytosol.base.keys import Key
from cytosol.base.settings import Settings
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.credentials import actor_again
from cytosol.catalog.leases import error_json
from cytosol.jobs.frames import Channel, ChannelReport
from cytosol.jobs.kinds import DEFAULT_KINDS
from cytosol.jobs.limits import too_large
from cytosol.jobs.registry import JobRun

_HEADROOM_BYTES = 2 << 30


def run_worker(line: socket.socket) -> int:
    """Run one job; the exit code."""
    channel = Channel(line)
    task = channel.first()
    memory_bytes = int(task["memory_bytes"])
    _limit_memory(memory_bytes)
    try:
        asyncio.run(_run(channel, task))
    except LeaseLostError as error:
        channel.send(end="error", error=error_json(error), again=False)
    except CytosolError as error:
        channel.send(end="error", error=error_json(error), again=isinstance(error, UnavailableError))
    except MemoryError:
        channel.send(end="error", error=error_json(too_large(memory_bytes)), again=False)
    except Exception as error:  # noqa: BLE001 told to the runner, which logs it and fails the job
        said = {"code": "internal-error", "detail": _words(error), "details": {}}
        channel.send(end="error", error=said, again=False, trace=traceback.format_exc())
    else:
        channel.send(end="ok")
    return 0


async def _run(channel: Channel, task: dict[str, Any]) -> None:
    catalog = await Catalog.open(Settings(**task["settings"]), notifier=channel)
    try:
        job = await catalog.leases.state(Key.parse(task["job"]))
        if job is None or job.epoch != task["epoch"] or job.state != "running":
            raise LeaseLostError("The job was given to another worker or has ended")
        async with catalog.context.db.read() as conn:
            actor = await actor_again(conn, job.actor)
        kind = DEFAULT_KINDS.get(job.kind)
        with catalog.context.scratch.folder(job.id, job.epoch) as scratch:
            report = ChannelReport(channel)
            await kind.function(JobRun(catalog, job, actor, report, scratch, int(task["memory_bytes"]), channel))
    finally:
        await catalog.close()


def _limit_memory(memory_bytes: int) -> None:
    """A last line of defence; the runner watches what is really used and stops the job earlier."""
    most = memory_bytes + _HEADROOM_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _words(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
    return (
        f"Cytosol met an error of its own: {type(error).__name__}: {str(error)[:500]} (at {where}). "
        "The server's log has the details."
    )
