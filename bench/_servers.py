"""Server processes for the measurements over HTTP: ours, and the bare peer."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

EMAIL = "bench@example.org"
PASSWORD = "only for measuring"


@dataclass
class Served:
    """A server that runs.

    Attributes
    ----------
    token : of an administrator; "" for the bare peer
    """

    url: str
    process: subprocess.Popen[str]
    token: str = ""

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the process so far, all threads."""
        return float(sum(psutil.Process(self.process.pid).cpu_times()[:2]))

    @property
    def resident_bytes(self) -> int:
        """Memory of the process now."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    @property
    def headers(self) -> dict[str, str]:
        """What a signed-in client sends."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


@contextlib.contextmanager
def _process(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"CYTOSOL_MIN_FREE_BYTES": "0"}
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def cytosol(data: Path) -> Iterator[Served]:
    """``cytosol serve`` on a data folder, with a user and a token."""
    command = [sys.executable, "-m", "cytosol.cli.main"]

    def run(*arguments: str) -> str:
        done = subprocess.run([*command, *arguments, "--data", str(data)], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    with _process([*command, "serve", "--port", "0", "--data", str(data)]) as process:
        assert process.stdout is not None
        found = re.search(r"is ready at (\S+)", process.stdout.readline())
        assert found
        if EMAIL not in run("user", "list"):
            run("user", "add", EMAIL, "--password", PASSWORD, "--admin")
        yield Served(found[1], process, run("token", "new", EMAIL, "--scope", "read,write,share,admin"))


@contextlib.contextmanager
def bare(folder: Path, database: str = "", replay: str = "") -> Iterator[Served]:
    """The bare peer (see bench/_bare.py)."""
    port_file = folder / "bare.port"
    port_file.unlink(missing_ok=True)
    script = str(Path(__file__).with_name("_bare.py"))
    with _process([sys.executable, script, str(port_file), database, replay]) as process:
        while not (port_file.exists() and port_file.read_text()):
            time.sleep(0.05)
        yield Served(f"http://127.0.0.1:{port_file.read_text()}", process)


def requests_per_cpu_s(served: Served, path: str, n: int) -> float:
    """Requests that the server answers in one second of its CPU, one after another on one connection."""
    with httpx.Client(base_url=served.url, headers=served.headers) as client:
        for _ in range(50):
            client.get(path).raise_for_status()
        before = served.cpu_s
        for _ in range(n):
            client.get(path)
        return n / (served.cpu_s - before)


def milliseconds(call: Callable[[int], object], n: int) -> tuple[float, float]:
    """Median and 95th percentile of n calls, ms."""
    times = []
    for i in range(n):
        started = time.perf_counter()
        call(i)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]
