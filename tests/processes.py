"""A real server in a process of its own, started as a user starts it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

EMAIL = "ada@example.org"
PASSWORD = "long enough words"
COMMAND = (sys.executable, "-m", "cytosol.cli.main")
_READY_S = 120


@dataclass
class RunningServer:
    """A server process and what it printed.

    Attributes
    ----------
    token : of the administrator EMAIL, with every scope
    """

    url: str
    data: Path
    process: subprocess.Popen[str]
    printed: list[str]
    token: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> str:
        """Run a command on the same data folder; what it printed on standard output."""
        return command(*arguments, data=self.data, environment=self.environment)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def _clean(environment: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("CYTOSOL_")} | environment


def command(*arguments: str, data: Path, environment: dict[str, str] | None = None) -> str:
    """Run ``cytosol`` on a data folder; what it printed on standard output."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--data", str(data)],
        capture_output=True,
        text=True,
        env=_clean(environment or {}),
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"cytosol {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def printed_link(server: RunningServer, timeout_s: float = 30) -> str:
    """The one-time link that makes the first administrator; it is printed right after the address."""
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        if found := re.search(r"http\S+/app/setup\?key=\S+", "\n".join(server.printed)):
            return found[0]
        time.sleep(0.02)
    raise AssertionError(server.printed)


def make_administrator(server: RunningServer) -> str:
    """Make the first one, EMAIL, as the page does; the token."""
    person = {"key": printed_link(server).partition("?key=")[2], "email": EMAIL, "name": "Ada", "password": PASSWORD}
    with httpx.Client(base_url=f"{server.url}/api/v1/", headers={"x-cytosol": "1"}, timeout=60) as page:
        page.post("setup", json=person).raise_for_status()
        made = page.post("tokens", json={"name": "tests", "scopes": ["read", "write", "share", "admin"]})
    return str(made.raise_for_status().json()["token"])


@contextlib.contextmanager
def serving(
    data: Path, *arguments: str, environment: dict[str, str] | None = None, with_user: bool = True
) -> Iterator[RunningServer]:
    """``cytosol serve`` on a free port; stopped at the end, killed when it does not.

    Parameters
    ----------
    with_user : make the first administrator, with a token; the data folder has to be new
    """
    environment = {"CYTOSOL_MIN_FREE_BYTES": "0", **(environment or {})}
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--data", str(data), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_clean(environment),
        start_new_session=True,
    )
    printed: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line.rstrip("\n"))
            if "is ready at" in line:
                ready.set()
        ready.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        assert ready.wait(_READY_S), printed
        found = re.search(r"is ready at (\S+)", "\n".join(printed))
        assert found, printed
        server = RunningServer(found[1], data, process, printed, environment=environment)
        if with_user:
            server.token = make_administrator(server)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        listener.join(5)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for the tests of a module, with an administrator."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running
