"""The local backend: workers are forked from a nursery process on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import psutil

from cytosol.base.errors import UnavailableError
from cytosol.jobs.executor import Executor, Exit, Frame, Task, Worker
from cytosol.jobs.frames import MAX_FRAME_BYTES
from cytosol.jobs.nursery import MESSAGE_BYTES

_STOP_S = 2.0
_TRIES = 3
"""So often a worker is asked for where the nursery dies meanwhile."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class _NurseryGoneError(Exception):
    """The nursery died before it had forked the worker."""


class LocalExecutor(Executor):
    """Keeps one nursery, and starts it again should it die.

    Parameters
    ----------
    workers : jobs that run at the same time; they share the processor's cores
    """

    def __init__(self, workers: int) -> None:
        self._threads = max(1, (os.cpu_count() or 1) // workers)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._listener: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, asyncio.Future[Exit]] = {}
        self._n = 0
        self._starting = asyncio.Lock()
        self._dead: socket.socket | None = None

    async def start(self) -> None:
        """Start the nursery; it goes on loading while this returns."""
        await self._stop_nursery()
        ours, self._process = await asyncio.to_thread(self.spawn)
        ours.setblocking(False)
        self._control = ours
        self._listener = asyncio.create_task(self._listen(ours))

    def spawn(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        """Start a nursery; our end of its socket, and its process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "cytosol.jobs.nursery", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **{name: str(self._threads) for name in _THREADS}},
            )
        return ours, process

    async def launch(self, task: Task) -> Worker:
        """Fork a worker.

        Raises
        ------
        UnavailableError
            Where no process can be started.
        """
        for _ in range(_TRIES - 1):
            with contextlib.suppress(_NurseryGoneError):
                return await self._launch(task)
        try:
            return await self._launch(task)
        except _NurseryGoneError as error:
            raise UnavailableError("The process that starts workers ended", do="Try again") from error

    async def _launch(self, task: Task) -> Worker:
        control = await self._nursery()
        self._n += 1
        number = self._n
        started = self._waiting[number] = asyncio.get_running_loop().create_future()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            socket.send_fds(control, [orjson.dumps({"n": number})], [theirs.fileno()])
            pid = await started
        except (ConnectionError, _NurseryGoneError) as error:
            ours.close()
            if self._control is control:
                self._dead = control
            raise _NurseryGoneError from error
        except OSError as error:
            ours.close()
            raise UnavailableError(f"No worker can be started: {error}", do="Restart the server") from error
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            self._waiting.pop(number, None)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MAX_FRAME_BYTES)
        worker = _LocalWorker(self, pid, reader, writer)
        await worker.tell(
            {
                "job": task.job_id.hex24,
                "epoch": task.epoch,
                "settings": task.settings,
                "memory_bytes": task.memory_bytes,
            }
        )
        return worker

    async def _nursery(self) -> socket.socket:
        """The socket of a nursery that lives, as far as is known; a new one where the last has died."""
        async with self._starting:
            gone = self._process is None or self._process.poll() is not None or self._control is self._dead
            if gone:
                await self.start()
            if self._control is None:
                raise UnavailableError("The process that starts workers is gone", do="Restart the server")
            return self._control

    async def close(self) -> None:
        """Kill all workers and the nursery."""
        await self._stop_nursery()

    def kill(self, pid: int) -> None:
        """Kill a worker and all that it started; the nursery does it, which knows that the pid is still its child."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.send(orjson.dumps({"kill": pid}))

    def ended(self, pid: int) -> asyncio.Future[Exit]:
        """How a worker ends."""
        return self._ended[pid]

    async def _listen(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(control, MESSAGE_BYTES):
                message = orjson.loads(data)
                if "started" in message:
                    pid = message["started"]
                    self._ended[pid] = loop.create_future()
                    future = self._waiting.get(message["n"])
                    if future is not None and not future.done():
                        future.set_result(pid)
                else:
                    self._settle(message["ended"], _exit_of(message["status"]))
        except OSError:
            pass  # the nursery is gone, as below
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_NurseryGoneError())
        for pid in list(self._ended):
            self._settle(pid, Exit(None, int(signal.SIGKILL)))

    def _settle(self, pid: int, exit: Exit) -> None:
        future = self._ended.get(pid)
        if future is not None and not future.done():
            future.set_result(exit)

    def forget(self, pid: int) -> None:
        """Nobody asks for this worker any more."""
        self._ended.pop(pid, None)

    async def _stop_nursery(self) -> None:
        process, self._process = self._process, None
        for pid, future in self._ended.items():
            if not future.done():
                self.kill(pid)
        if self._listener is not None:
            if self._ended:
                pending = [future for future in self._ended.values() if not future.done()]
                if pending:
                    await asyncio.wait(pending, timeout=_STOP_S)
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
            self._listener = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, _STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)


class _LocalWorker(Worker):
    def __init__(
        self, executor: LocalExecutor, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._executor = executor
        self._pid = pid
        self._reader = reader
        self._writer = writer

    async def frames(self) -> AsyncIterator[Frame]:
        while True:
            try:
                line = await self._reader.readline()
            except (ConnectionError, ValueError):  # killed in the middle of a line, or a line beyond all measure
                return
            if not line.endswith(b"\n"):
                return
            frame: dict[str, Any] = orjson.loads(line)
            yield frame

    async def tell(self, frame: Frame) -> None:
        with contextlib.suppress(ConnectionError):
            self._writer.write(orjson.dumps(frame) + b"\n")
            await self._writer.drain()

    async def kill(self) -> None:
        self._executor.kill(self._pid)

    async def wait(self) -> Exit:
        exit = await asyncio.shield(self._executor.ended(self._pid))
        self._executor.forget(self._pid)
        self._writer.close()
        return exit

    def memory_bytes(self) -> int | None:
        try:
            text = Path(f"/proc/{self._pid}/status").read_text()
        except OSError:
            return _resident(self._pid)
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        own = [int(lines[name].split()[0]) << 10 for name in ("RssAnon", "RssShmem") if name in lines]
        return sum(own) if own else None


def _resident(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def _exit_of(status: int) -> Exit:
    if os.WIFSIGNALED(status):
        return Exit(None, os.WTERMSIG(status))
    return Exit(os.WEXITSTATUS(status), None)
