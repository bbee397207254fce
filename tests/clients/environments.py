"""Python environments of published clients, each with its own pins, made on demand and kept until these change."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services import absent, program

ROOT = Path(__file__).parents[2]
LIMIT_S = 280


def client_python(name: str) -> Path:
    """The interpreter of the environment with the pins ``requirements/NAME.txt``.

    Without a package index the test is skipped with the reason; where ``CI`` is set it fails.
    """
    pins = ROOT / "tests/clients/requirements" / f"{name}.txt"
    folder = ROOT / ".venvs" / name
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run beside these make it, too
        return _made(name, pins, folder)


def _made(name: str, pins: Path, folder: Path) -> Path:
    python, stamp = folder / "bin/python", folder / "pins.txt"
    if stamp.exists() and stamp.read_text() == pins.read_text() and python.exists():
        return python
    uv = program("uv") or shutil.which("uv")
    if uv is None:
        absent("uv is not installed, which makes the environment of the client (`make setup-dev` installs it)")
        return python
    commands = [
        [uv, "venv", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--python", str(python), "-r", str(pins)],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
        if done.returncode:
            absent(f"the environment {name} could not be made: {done.stderr.strip()[-300:]}")
    stamp.write_text(pins.read_text())
    return python
