"""The measurement of FCS files runs, small; its own checks compare every value it times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.services import library

ROOT = Path(__file__).parents[2]


def test_it_runs_small() -> None:
    library("flowio")
    done = subprocess.run(
        [sys.executable, ROOT / "bench/cytometry.py", "--events", "600000", "--rounds", "5"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    # the goals, at ten million events: 3 times FlowIO, 1.1 times the data, twice the time of a mapped read
    assert result["parse_ratio"]["flowio"] > 1.5
    assert result["peak_of_data"]["ours"] < 1.3
    assert result["channel_ratio"] < 6
