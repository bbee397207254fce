"""The bench of comparisons runs small; its times mean nothing there, its differences do."""

from __future__ import annotations

import pytest

from bench import compare


@pytest.mark.slow
def test_it_runs_small(capsys: pytest.CaptureFixture[str]) -> None:
    found = compare.main(small=True)
    assert [one["question"] for one in found] == [
        "one against the rest", "two clusters, wilcoxon", "two clusters, t-test",
    ]  # fmt: skip
    assert found[0]["max_dz"] <= 1e-5
    assert set(found[0]["faster"]) >= {"scanpy"}
    assert "400 cells × 600 genes, synthetic" in capsys.readouterr().out
