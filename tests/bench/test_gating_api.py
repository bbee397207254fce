"""The measurement of populations through the API runs, small; every number is FlowKit's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import library

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_runs_small() -> None:
    library("flowkit")
    done = subprocess.run(
        [sys.executable, ROOT / "bench/gating_api.py", "--files", "2", "--events", "5000"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["differences"].pop("event_count") == 0
    assert max(result["differences"].values()) < 1e-5
