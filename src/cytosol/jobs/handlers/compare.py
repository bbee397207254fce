"""Differential expression of any two selections."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import fields
from typing import cast

import numpy as np

from cytosol.analyses.matrix.comparison import CompareRun, Comparison, compare_cells, moments
from cytosol.analyses.matrix.pseudobulk import add_up, compare_bulks, plan_bulks
from cytosol.base.errors import ConflictError
from cytosol.base.tables import MatrixBlock
from cytosol.catalog.selections import short
from cytosol.jobs.handlers.base import NewResult, Outcome, TableRun

_TARGET_SUM = 1e4
_BLOCK_BYTES = 32 << 20


async def compare(run: TableRun) -> Outcome:
    """Compare the first selection with the second in every feature."""
    params = cast(CompareRun, run.params)
    selections = run.run.catalog.analyses.selections
    first, second = await selections.resolve_pair(run.pinned, params.first, params.second)
    labels = np.full(run.n_cells, -1, np.int32)
    labels[first], labels[second] = 0, 1
    run.report.log(f"Comparing {len(first):,} cells with {len(second):,}: {params.method}")
    notes: list[str] = []
    if params.method == "pseudobulk":
        found = await _pseudobulk(run, params, labels, notes)
    else:
        blocks = run.matrix.feature_blocks(_TARGET_SUM, run.report)
        found = compare_cells(
            blocks, labels, n_features=run.matrix.index.n_features, params=params, is_log=run.matrix.is_log
        )
    for note in notes:
        run.report.log(note, level="warning")
    words = [await selections.described(run.pinned, said) for said in (params.first, params.second)]
    name = run.name or " vs ".join(words)[:255]
    meta = {
        "method": params.method,
        "first": short(params.first),
        "second": short(params.second),
        "n_first": len(first),
        "n_second": len(second),
        "parameters": {
            each: value for each, value in params.to_json().items() if each not in ("method", "first", "second")
        },
        "notes": notes,
        "n_features": run.matrix.index.n_features,
    }
    return Outcome(results=[NewResult("comparison", name, comparison_file(found), "npz", meta)])


async def _pseudobulk(run: TableRun, params: CompareRun, labels: np.ndarray, notes: list[str]) -> Comparison:
    if run.matrix.kind != "counts":
        raise ConflictError("Pseudobulk needs counts; this table holds normalised values only", do="Use wilcoxon")
    replicate = await run.groups(params.replicate)
    covariates = {name: await run.property(name) for name in params.covariates}
    plan = plan_bulks(labels, replicate, covariates=covariates, paired=params.paired, min_cells=params.min_cells)
    notes += plan.notes
    run.report.log(f"{int(plan.is_first.sum())} replicates against {int((~plan.is_first).sum())}")
    n_features = run.matrix.index.n_features
    found = moments(run.matrix.feature_blocks(_TARGET_SUM), labels, n_features=n_features)
    run.report.progress(0.2, "Adding up counts")
    bulks = add_up(_counts(run), plan, n_features=n_features)
    run.report.progress(0.4, "Fitting the model")
    compared, warned = compare_bulks(bulks, plan.design, found)
    notes += warned
    return compared


def _counts(run: TableRun) -> Iterator[MatrixBlock]:
    for start, block in run.matrix.cells.blocks(_BLOCK_BYTES):
        yield MatrixBlock(start, "cells", block)


def comparison_file(found: Comparison) -> bytes:
    """A comparison as an npz file, one array a column; adjusted p values follow from p and are left out."""
    arrays = {each.name: getattr(found, each.name) for each in fields(Comparison) if each.name != "p_adjusted"}
    exact = ("statistic", "p", "log2_fold_change")
    small = {name: values if name in exact else values.astype(np.float32) for name, values in arrays.items()}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **small)
    return file.getvalue()
