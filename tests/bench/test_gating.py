"""The measurement of gates runs, small; its own checks compare every mask it times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.services import library

ROOT = Path(__file__).parents[2]


def test_it_runs_small() -> None:
    library("flowutils")
    done = subprocess.run(
        [sys.executable, ROOT / "bench/gating.py", "--events", "200000", "--rounds", "3"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["events"] == 200_000
    # the goals are 5 and 10 times at a million events
    assert result["polygon_8"]["ratio"] > 3
    assert result["polygon_40"]["ratio"] > 3
    assert result["ellipse"]["ratio"] > 4
