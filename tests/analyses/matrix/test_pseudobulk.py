"""Pseudobulk: the p values are those of PyDESeq2 called by hand; what the replicates do not allow is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cytosol.analyses.matrix.comparison import Comparison, moments
from cytosol.analyses.matrix.normalization import log_normalize
from cytosol.analyses.matrix.pseudobulk import Plan, add_up, compare_bulks, plan_bulks
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData, MatrixBlock
from tests.analyses.matrix.cells import feature_blocks

N_DONORS, PER_DONOR, N_FEATURES = 6, 60, 80
DONOR = np.repeat(np.arange(N_DONORS), PER_DONOR)
DONORS = ColumnData(DONOR.astype(np.int32), categories=[f"donor {n}" for n in range(N_DONORS)])
SEX = ColumnData((DONOR % 2).astype(np.int32), categories=["f", "m"])
AGE = ColumnData(30.0 + 7 * DONOR % 20)
CASES = np.where(DONOR < 3, 0, 1)
"""The first three donors against the others."""
WITHIN = np.arange(len(DONOR)) % 2
"""Half of the cells of each donor against the other half."""


@pytest.fixture(scope="module")
def counts() -> sp.csr_matrix:
    rng = np.random.default_rng(5)
    mean = rng.gamma(1.0, 1.0, N_FEATURES) * np.exp(rng.normal(0, 0.4, (N_DONORS, N_FEATURES)))[DONOR]
    mean[:, :8] *= np.where(CASES == 0, 4.0, 1.0)[:, None]
    mean[:, 8:16] *= np.where(WITHIN == 0, 3.0, 1.0)[:, None]
    mean[:, -1] = 0
    return sp.csr_matrix(rng.poisson(mean).astype(np.uint16))


def run(counts: sp.csr_matrix, labels: np.ndarray, **options: Any) -> tuple[Comparison, Plan]:
    plan = plan_bulks(labels, options.pop("replicate", DONORS), covariates=options.pop("covariates", {}), **options)
    totals = np.asarray(counts.sum(axis=1), np.float64).ravel()
    logged = log_normalize(counts.astype(np.float32).tocsc(), totals)
    found = moments(feature_blocks(logged.tocsr(), 30), labels, n_features=counts.shape[1])
    blocks = [MatrixBlock(start, "cells", counts[start : start + 100]) for start in range(0, counts.shape[0], 100)]
    bulks = add_up(blocks, plan, n_features=counts.shape[1])
    return compare_bulks(bulks, plan.design, found)[0], plan


def by_hand(counts: sp.csr_matrix, labels: np.ndarray, design: str, **columns: ColumnData) -> pd.DataFrame:
    """PyDESeq2 as its manual tells, with a formula; indexed by feature."""
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats

    frame = pd.DataFrame({"donor": DONOR, "side": labels})
    for name, column in columns.items():
        frame[name] = column.values if column.categories is None else np.array(column.categories)[column.values]
    frame = frame[frame.side >= 0]
    groups = frame.groupby(["donor", "side"])
    summed = np.array([np.asarray(counts[rows.index].sum(axis=0)).ravel() for _, rows in groups])
    metadata = pd.DataFrame(
        [
            {"donor": f"d{d}", "condition": "ab"[1 - s]} | {n: rows[n].iloc[0] for n in columns}
            for (d, s), rows in groups
        ],
        index=[f"bulk{n}" for n in range(len(summed))],
    )
    table = pd.DataFrame(summed, index=metadata.index, columns=[str(n) for n in range(counts.shape[1])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = DeseqDataSet(counts=table.loc[:, table.any()], metadata=metadata, design=design, quiet=True, n_cpus=1)
        data.deseq2()
        stats = DeseqStats(data, contrast=["condition", "b", "a"], quiet=True, n_cpus=1)
        stats.summary()
    found: pd.DataFrame = stats.results_df
    return found.set_index(found.index.astype(int)).reindex(range(counts.shape[1]))


@pytest.mark.parametrize(
    ("labels", "design", "options"),
    [
        (CASES, "~condition", {}),
        (CASES, "~sex + condition", {"covariates": {"sex": SEX}}),
        (CASES, "~age + condition", {"covariates": {"age": AGE}}),
        (WITHIN, "~donor + condition", {"paired": True}),
    ],
)
def test_p_values_are_those_of_pydeseq2(
    counts: sp.csr_matrix, labels: np.ndarray, design: str, options: dict[str, Any]
) -> None:
    found, plan = run(counts, labels, **options)
    truth = by_hand(counts, labels, design, **options.get("covariates", {}))
    np.testing.assert_allclose(found.p, truth["pvalue"], rtol=1e-6)
    np.testing.assert_allclose(found.statistic, truth["stat"].where(truth["pvalue"].notna()), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.log2_fold_change, truth["log2FoldChange"], rtol=1e-6, atol=1e-9)
    assert np.isnan(found.p[-1])
    assert np.isnan(found.p_adjusted[-1])
    raised = slice(8) if labels is CASES else slice(8, 16)
    assert np.median(found.log2_fold_change[raised]) > 1
    assert np.median(found.p[raised]) < np.nanmedian(found.p[16:])
    assert plan.design.shape == (
        12 if options.get("paired") else 6,
        {"~condition": 2, "~donor + condition": 7}.get(design, 3),
    )


def test_counts_are_added_up_exactly(counts: sp.csr_matrix) -> None:
    plan = plan_bulks(CASES, DONORS, covariates={})
    bulks = add_up([MatrixBlock(0, "cells", counts)], plan, n_features=N_FEATURES)
    dense = counts.toarray().astype(np.int64)
    for number, name in enumerate(bulks.replicate):
        np.testing.assert_array_equal(
            bulks.counts[number], dense[np.array(DONORS.categories)[DONOR] == name].sum(axis=0)
        )
    assert bulks.n_cells.tolist() == [PER_DONOR] * N_DONORS
    assert bulks.is_first.tolist() == [True] * 3 + [False] * 3
    with pytest.raises(InvalidInputError, match="no whole numbers"):
        add_up([MatrixBlock(0, "cells", counts * 0.3)], plan, n_features=N_FEATURES)


def test_small_and_missing_replicates_are_left_out_and_said() -> None:
    labels = CASES.copy()
    labels[(DONOR == 0) & (np.arange(len(DONOR)) >= 5)] = -1
    values = DONORS.values.copy()
    values[DONOR == 5] = -1
    plan = plan_bulks(labels, ColumnData(values, categories=DONORS.categories), covariates={})
    assert plan.replicate == ["donor 1", "donor 2", "donor 3", "donor 4"]
    assert any("fewer than 10 cells" in note and "donor 0 (first: 5)" in note for note in plan.notes)
    assert any("60 cells of the selections have no replicate" in note for note in plan.notes)
    plan = plan_bulks(WITHIN, DONORS, covariates={})
    assert any("6 replicates are in both" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (np.where(DONOR == 0, 0, 1), {}, "at least 2 replicates .* in the first selection; there is 1"),
        (np.where(DONOR == 5, 1, 0), {}, "at least 2 replicates .* in the second selection; there is 1"),
        (CASES, {"min_cells": 61}, r"61 or more cells in the first selection; there are 0 \(of 3"),
        (CASES, {"paired": True}, "in both selections; there are 0"),
        (CASES, {"covariates": {"case": ColumnData(CASES.astype(np.int32), categories=["a", "b"])}}, "cannot tell"),
        (CASES, {"covariates": {"half": ColumnData(WITHIN.astype(np.int32), categories=["a", "b"])}}, "'half' differs"),
        (CASES, {"covariates": {"sex": ColumnData(np.full(len(DONOR), -1, np.int32), categories=["f"])}}, "missing"),
        (CASES, {"covariates": {"age": ColumnData(np.where(DONOR == 1, np.nan, AGE.values))}}, "'age' is missing"),
        (CASES, {"covariates": {"t": ColumnData(np.full(len(DONOR), "x", object))}}, "holds text"),
        (
            np.where(DONOR < 2, 0, np.where(DONOR < 4, 1, -1)),
            {"covariates": {"sex": SEX, "age": ColumnData(np.array([1.0, 5, 2, 9, 3, 4])[DONOR])}},
            "4 replicates are too few",
        ),
    ],
)  # fmt: skip
def test_what_the_replicates_do_not_allow_is_refused(labels: np.ndarray, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        plan_bulks(labels, DONORS, **{"covariates": {}, **options})
