"""The measurement of the figures runs, small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_runs_small() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench/plots.py", "--events", "2000", "--rounds", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["events"] == 2000
    assert all(
        result[f"{kind}_ms"] > 0
        for kind in ("density", "contour", "dot", "density_pdf", "script", "api_density", "api_population")
    )
