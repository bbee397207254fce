"""What the demonstration prints."""

from __future__ import annotations

import asyncio
import io
import subprocess

from rich.console import Console

from cytosol.sdk.aio.client import AsyncClient
from cytosol.server.demo import CYTOMETRY, Account, _ensure_cytometry, _explain
from tests.processes import EMAIL, PASSWORD, RunningServer, server

__all__ = ["server"]


def test_the_command_of_the_python_client_runs_as_printed(server: RunningServer) -> None:
    printed = io.StringIO()
    _explain(Console(file=printed, highlight=False), server.url, Account(EMAIL, PASSWORD, server.token))
    lines = printed.getvalue().splitlines()
    line = lines[lines.index("From Python, with Cytosol's own client:") + 1]
    bare = {"PATH": "/usr/bin:/bin"}  # a shell that knows nothing of this environment
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, env=bare, timeout=120, check=False)
    assert "There is no study 'PBMC 8k'" in done.stderr  # it reached this server, which has no study


def test_the_cytometry_study_is_gated_once(server: RunningServer) -> None:
    async def run() -> list[dict[str, int]]:
        console, found = Console(file=io.StringIO()), []
        async with AsyncClient(server.url, server.token) as client:
            for _ in range(2):
                await _ensure_cytometry(client, console)
                counts = await (await client.study(CYTOMETRY)).populations.counts(compensation="internal")
                found.append(dict(zip(counts["population"], counts["n_events"], strict=True)))
        return found

    first, second = asyncio.run(run())
    assert first == second
    assert first["Ungated"] == 10_703
    assert (
        first["T cells"] > first["CD4 T cells"] > first["CD4- T cells"] > first["B cells"] > first["Monocytes"] > 1000
    )
