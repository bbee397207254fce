"""The bench of queries over all studies runs small; its figures mean nothing there."""

from __future__ import annotations

import pytest

from bench import across


@pytest.mark.slow
def test_it_runs_small(capsys: pytest.CaptureFixture[str]) -> None:
    figures = across.main(["--studies", "3", "--cells", "120", "--requests", "3"])
    assert 0 < figures["own_p50_ms"] <= figures["own_p95_ms"]
    assert figures["bioflex_p50_ms"] > 0
    assert "goal p50 < 100 ms" in capsys.readouterr().out
