"""The measurement of the store runs, small; its own checks compare every value it times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_runs_small(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench/store_micro.py", "--cells", "300", "--rounds", "1", "--folder", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["cells"] == 300
    assert result["nnz"] > 0
    assert result["one_index_ms"] > 0
    assert result["peak_mb"] < 512
