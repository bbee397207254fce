"""The measurement of exports runs, small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_runs_small(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "bench/export.py", "--cells", "200", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["cells"], result["nnz"] > 0) == (200, True)
    assert all(result[format]["mb"] >= 0 for format in ("h5ad", "zarr", "rds", "AnnData's h5ad"))
