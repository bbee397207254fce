"""Loads what a server and its nursery load, then forks a server for each line that it reads.

A server is the catalog and the runner on a data folder, as the program composes them; its nursery is forked beforehand
instead of started, which saves its loading time and nothing else.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.db.single import ServerLock
from cytosol.jobs import nursery
from cytosol.jobs.local import LocalExecutor
from cytosol.jobs.runner import Runner
from cytosol.jobs.signals import Signals


class Preforked(LocalExecutor):
    """Takes the nursery that was forked before anything was opened."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        super().__init__(2)
        self._held = line, pid

    def spawn(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        line, pid = self._held
        waiting = subprocess.Popen(["sleep", "1000"])  # stands for the process object of the nursery
        waiting.pid, gone = pid, waiting.pid
        os.kill(gone, signal.SIGKILL)
        os.waitpid(gone, 0)
        return line, waiting


async def serve(data: Path, executor: LocalExecutor, say: socket.socket) -> None:
    signals = Signals()
    with ServerLock(data):
        catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0), notifier=signals)
        await Runner(catalog, signals, executor=executor).start()
        say.sendall(orjson.dumps({"ready": os.getpid()}) + b"\n")
        await asyncio.sleep(1000)


def server(data: Path, say: socket.socket) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        say.close()
        os.setsid()
        nursery.main(theirs.detach())
        os._exit(0)
    theirs.close()
    asyncio.run(serve(data, Preforked(ours, pid), say))


def main() -> None:
    line = socket.socket(fileno=int(sys.argv[1]))
    data = Path(sys.argv[2])
    for name in nursery.PRELOAD:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    children: list[int] = []
    for _ in line.makefile("rb"):
        pid = os.fork()
        if pid == 0:
            server(data, line)
            os._exit(0)
        children.append(pid)
        for child in children[:-1]:
            try:
                os.waitpid(child, os.WNOHANG)
            except ChildProcessError:
                continue
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


main()
