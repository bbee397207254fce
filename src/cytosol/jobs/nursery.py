"""The process that workers are forked from: it has loaded everything heavy, so that a job begins warm.

Run by the local executor as ``python -m cytosol.jobs.nursery FD``; it ends when its socket closes, and the workers
with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import select
import signal
import socket
import sys
import warnings

import orjson

PRELOAD = (
    "cytosol.jobs.worker",
    "scipy.sparse.linalg",
    "scipy.optimize",
    "threadpoolctl",
    "igraph",
    "knncolle",
    "scranpy",
    "numba",
    "cytosol.analyses.matrix.kernels",
    "cytosol.jobs.warm",
)
"""In this order; a worker that is asked for in between loads the rest itself when it needs it."""
MESSAGE_BYTES = 65_536
_PR_SET_PDEATHSIG = 1
_SIGNALS = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(line: int) -> None:
    """Load everything, and fork a worker for each request.

    Parameters
    ----------
    line : file descriptor of a socket that keeps messages apart
    """
    control = socket.socket(fileno=line)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork.*", category=DeprecationWarning)
    try:
        for name in PRELOAD:
            with contextlib.suppress(ImportError):  # the job that needs it will say so
                importlib.import_module(name)
            while _serve(control, (woken, wake), timeout_s=0.0):
                pass
        while True:
            _serve(control, (woken, wake), timeout_s=None)
    except ConnectionError:
        os._exit(0)  # the server is gone; see below


def _serve(control: socket.socket, pipe: tuple[int, int], timeout_s: float | None) -> bool:
    """Answer one request and report who ended; False where there was nothing to do in time."""
    ready, _, _ = select.select([control.fileno(), pipe[0]], [], [], timeout_s)
    if pipe[0] in ready:
        with contextlib.suppress(BlockingIOError):
            os.read(pipe[0], 4096)
        _report_ended(control)
    if control.fileno() in ready:
        message, lines, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 1)
        if not message:
            os._exit(0)  # at once: taking down all that was loaded would take seconds, in which workers live on
        request = orjson.loads(message)
        if "kill" in request:
            _kill(request["kill"])
        else:
            _fork(control, request["n"], lines[0], pipe)
    return bool(ready)


def _fork(control: socket.socket, number: int, line: int, others: tuple[int, ...]) -> None:
    nursery = os.getpid()
    pid = os.fork()
    if pid:
        os.close(line)
        control.send(orjson.dumps({"started": pid, "n": number}))
        return
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        _die_with(nursery)
        control.close()
        for other in others:
            os.close(other)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # imported here: loaded before the fork
        from cytosol.jobs.worker import run_worker

        code = run_worker(socket.socket(fileno=line))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_with(nursery: int) -> None:
    """Have the kernel kill this process when the nursery is gone, whatever it is doing then."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != nursery:
        os._exit(1)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _report_ended(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what it may have started and left
        control.send(orjson.dumps({"ended": pid, "status": status}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
