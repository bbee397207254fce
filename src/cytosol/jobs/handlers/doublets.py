"""Doublets of each batch."""

from __future__ import annotations

from typing import cast

import numpy as np

from cytosol.analyses.matrix.doublets import MIN_CELLS, DoubletRun, find_doublets
from cytosol.analyses.matrix.variable_genes import VariableGenesParams, choose_variable_genes, gene_moments
from cytosol.base.errors import ConflictError
from cytosol.base.tables import ColumnData
from cytosol.formats.join import BATCH
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.scores import TARGET_SUM

_KINDS = ["singlet", "doublet"]


async def doublets(run: TableRun) -> Outcome:
    """Score every cell among the cells of its own batch, because doublets form within a run."""
    params = cast(DoubletRun, run.params)
    if run.matrix.kind != "counts":
        raise ConflictError("Doublets are found in counts, and this table holds normalised values only")
    named = params.batch or (BATCH if any(column.name == BATCH for column in run.pinned.part.columns) else "")
    batches = await run.groups(named) if named else ColumnData(np.zeros(run.n_cells, np.int32), categories=["all"])
    index = run.matrix.index
    moments = gene_moments(
        run.matrix.feature_blocks(TARGET_SUM, run.report.part(0, 0.3)), index.n_cells, index.n_features
    )
    chosen = choose_variable_genes(moments, VariableGenesParams(n_genes=min(params.n_genes, index.n_features))).chosen
    counts = index.features(np.flatnonzero(chosen)).tocsr()
    scores = np.full(run.n_cells, np.nan)
    called = np.full(run.n_cells, -1, np.int32)
    outcome = Outcome()
    levels = batches.categories or []
    told = {}
    for number, level in enumerate(levels):
        cells = np.flatnonzero(batches.values == number)
        if len(cells) < MIN_CELLS:
            outcome.notes.append(
                f"Doublets were not sought in '{level}': it has {len(cells)} cells, {MIN_CELLS} are needed"
            )
            continue
        run.report.progress(0.3 + 0.7 * number / len(levels), f"Doublets of {level}"[:80])
        some = counts[cells]
        found = find_doublets(some, np.asarray(some.sum(axis=1), np.float64).ravel(), params)
        scores[cells] = found.scores
        if np.isfinite(found.threshold):
            called[cells] = found.called
        else:
            outcome.notes.append(f"No cell of '{level}' was called a doublet: the scores have no clear valley")
        told[level] = {
            "threshold": round(found.threshold, 4) if np.isfinite(found.threshold) else None,
            "n_called": int(found.called.sum()),
            "detectable_share": round(found.detectable, 4) if np.isfinite(found.detectable) else None,
        }
        run.report.log(f"{level}: {int(found.called.sum())} of {len(cells)} cells look like doublets")
    outcome.columns = {
        "Doublet score": ColumnData(scores.astype(np.float32)),
        run.name or "Doublet": ColumnData(called, categories=list(_KINDS)),
    }
    outcome.result = {"batches": told}
    outcome.facts = {"n_genes_used": int(chosen.sum()), "batch_used": named}
    return outcome
