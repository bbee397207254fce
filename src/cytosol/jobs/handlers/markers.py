"""Markers of the groups of any annotation."""

from __future__ import annotations

from typing import cast

from cytosol.analyses.matrix.markers import MarkerRun, find_markers
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.layouts import lasting_id
from cytosol.jobs.handlers.base import NewResult, Outcome, TableRun
from cytosol.jobs.pipeline import markers_file

_TARGET_SUM = 1e4


async def markers(run: TableRun) -> Outcome:
    """Test every gene in every group against the other cells that have a group."""
    params = cast(MarkerRun, run.params)
    element = run.pinned.part.column(params.column)
    column = await run.groups(params.column)
    levels = column.categories or []
    if len(levels) < 2:
        raise InvalidInputError(f"'{params.column}' has one group only", where="column", do="Choose one with more")
    run.report.log(f"Testing {run.matrix.index.n_features:,} genes in {len(levels):,} groups")
    blocks = run.matrix.feature_blocks(_TARGET_SUM, run.report)
    found = find_markers(
        blocks,
        column.values,
        n_groups=len(levels),
        n_features=run.matrix.index.n_features,
        params=params,
        is_log=run.matrix.is_log,
    )
    meta = {
        "column": params.column,
        "column_id": lasting_id(element).hex24,
        "groups": levels,
        "n_features": run.matrix.index.n_features,
    }
    name = run.name or f"Markers of {params.column}"
    return Outcome(results=[NewResult("markers", name, markers_file(found), "npz", meta)])
