"""The measurements at size run small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench/large.py"


@pytest.mark.parametrize(
    ("what", "size"), [("million", ["--cells", "300"]), ("studies", ["--cells", "300", "--studies", "2"])]
)
def test_it_runs_small(what: str, size: list[str], tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), what, *size, "--rounds", "5", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    if what == "million":
        assert figures["n_cells"] == 300
        assert figures["clusters"] >= 1
        assert figures["worker_peak_gb"] > 0
        assert figures["steps_s"]
    else:
        assert figures["studies"] == 2
        assert figures["p95_ms"] > 0
        assert figures["uncompressed_gb"] > 0
