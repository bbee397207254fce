"""The pipeline bench runs small; its figures mean nothing there."""

from __future__ import annotations

import pytest

from bench import pipeline


@pytest.mark.slow
def test_it_runs_small(capsys: pytest.CaptureFixture[str]) -> None:
    results = pipeline.main(small=True)
    assert [one["question"].partition(",")[0] for one in results] == [
        "normalise to Leiden", "PCA", "PCA", "15 neighbours", "Leiden", "Wilcoxon markers", "UMAP from neighbours",
        "t-SNE with its search",
    ]  # fmt: skip
    assert all(len(one["times_s"]["ours"]) == 1 and one["ratio"] for one in results)
    printed = capsys.readouterr().out
    assert "400 cells × 600 genes, synthetic" in printed
    assert "agreement with the planted clusters" in printed


def test_the_data_are_what_they_claim() -> None:
    counts, labels = pipeline.plant(1000, 2000)
    assert 0.04 < counts.nnz / 2e6 < 0.07
    assert set(labels) == set(range(15))
    again, _ = pipeline.plant(1000, 2000)
    assert again.data.tobytes() == counts.data.tobytes()
    # Counts vary more than Poisson's: a gene's variance exceeds its mean.
    dense = counts.toarray()
    much = dense.mean(axis=0) > 2
    assert (dense.var(axis=0)[much] > 1.2 * dense.mean(axis=0)[much]).all()


def test_a_ratio_is_ours_over_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []

    def spin(name: str, times: int) -> None:
        done.append(name)
        sum(range(times))

    found = pipeline.compare("q", lambda: spin("ours", 10**6), {"peer": lambda: spin("peer", 10**7)}, rounds=3)
    assert done == ["ours", "peer"] * 4
    assert 0 < found["ratio"]["peer"] < 0.6
    assert "q: ours" in capsys.readouterr().out
