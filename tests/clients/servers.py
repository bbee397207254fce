"""A real server process on a fresh data folder."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import program, stop

START_S = 120.0


@contextmanager
def running_server(data: Path, **settings: str) -> Iterator[str]:
    """``cytosol serve`` on a free port; its address.

    Parameters
    ----------
    settings : by name, for example ``workers="2"``
    """
    command = program("cytosol")
    assert command is not None, "the command cytosol is not installed"
    log = data.parent / "server.log"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CYTOSOL_")}
    environment |= {f"CYTOSOL_{name.upper()}": value for name, value in settings.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [command, "serve", "--data", str(data), "--port", "0"],
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    try:
        yield _address(process, log)
    finally:
        stop(process)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("Cytosol is ready at "):
                return line.removeprefix("Cytosol is ready at ")
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
