"""What the demonstration prints."""

from __future__ import annotations

import io
import subprocess

from rich.console import Console

from cytosol.server.demo import Account, _explain
from tests.processes import EMAIL, PASSWORD, RunningServer, server

__all__ = ["server"]


def test_the_command_of_the_python_client_runs_as_printed(server: RunningServer) -> None:
    printed = io.StringIO()
    _explain(Console(file=printed, highlight=False), server.url, Account(EMAIL, PASSWORD, server.token))
    lines = printed.getvalue().splitlines()
    line = lines[lines.index("From Python, with Cytosol's own client:") + 1]
    bare = {"PATH": "/usr/bin:/bin"}  # a shell that knows nothing of this environment
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, env=bare, timeout=60, check=False)
    assert "There is no study 'PBMC 8k'" in done.stderr  # it reached this server, which has no study
