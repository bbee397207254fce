"""The job that measures the cells of files before they become a dataset."""

from __future__ import annotations

from cytosol.base.keys import Key
from cytosol.catalog.commit import commit_result
from cytosol.catalog.inspections import Inspected
from cytosol.db import rows, tables
from cytosol.formats.table import split_feature_types
from cytosol.jobs.batches import measure, open_batches
from cytosol.jobs.registry import JobRun


async def inspect(run: JobRun) -> None:
    """Read the files as a submission would, and keep transcripts, genes and mitochondrial share of each cell."""
    async with run.catalog.context.db.read() as conn:
        study = await rows.need(conn, tables.studies, run.job.study_id or Key(bytes(12)))
    source, _inputs = await open_batches(run, run.report.log)
    try:
        parts = split_feature_types(source)
        main = next(iter(parts))
        run.report.log(f"Measuring {source.n_cells} cells x {parts[main].n_features} genes")
        stats, n_mito = measure(parts[main], study["species"], run.report.part(0.1, 0.95))
        facts = {
            "n_cells": source.n_cells,
            "n_features": parts[main].n_features,
            "n_mito_features": n_mito,
            "tables": list(parts),
            "kind": parts[main].kind,
        }
    finally:
        source.close()
    inspected = Inspected({"n_counts": stats.totals, "n_genes": stats.n_genes, "mito_share": stats.mito_share})
    result = await run.catalog.inspections.keep(run.job, inspected, facts)
    run.channel.flush()
    await commit_result(run.catalog.context, run.job.id, run.job.epoch, result)
