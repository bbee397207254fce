"""The files of a submission as one table, and how much was measured in each of its cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cytosol.analyses.matrix.mitochondria import mito_features
from cytosol.base.keys import Key
from cytosol.base.tables import TableSource
from cytosol.formats.contigs import ROLE as CONTIGS
from cytosol.formats.contigs import attach_contigs
from cytosol.formats.join import BATCH, join_tables
from cytosol.formats.registry import open_table
from cytosol.formats.spatialdata.layout import free_name
from cytosol.formats.spatialdata.tables import CellStats, scan_cells
from cytosol.jobs.frames import ChannelReport
from cytosol.jobs.limits import too_large
from cytosol.jobs.registry import JobRun
from cytosol.jobs.sources import Files, open_files

_BASE_BYTES = 150 << 20


async def open_batches(
    run: JobRun, note: Callable[[str], None], first: tuple[Files, list[Key]] | None = None
) -> tuple[TableSource, list[Key]]:
    """All batches of the job as one table, and the ids of their originals.

    Parameters
    ----------
    note : hears what was detected or mended
    first : files and originals of the first batch, where they are open already
    """
    params = run.job.params
    sources: list[TableSource] = []
    names: list[str] = []
    inputs: list[Key] = []
    try:
        for number, batch in enumerate(params["batches"]):
            if number == 0 and first is not None:
                files, ids = first
            else:
                files, ids = await open_files(run, number, batch["files"])
            inputs += ids
            run.report.log(f"Reading batch: {batch['name']}")
            run.report.progress(0.05, f"Reading {batch['name']}")
            contigs = files.pop(CONTIGS, None)
            table = open_table(
                files,
                format=params["format"],
                matrix=params["matrix"],
                options=params.get("options") or {},
                registry=run.catalog.context.formats,
            )
            sources.append(table)
            names.append(free_name(batch["name"], names))
            if contigs is not None:
                attach_contigs(table, contigs, batch=names[-1] if len(params["batches"]) > 1 else "")
        source = sources[0] if len(sources) == 1 else join_tables(sources, names)
        if len(sources) > 1 and any(each.remainder is not None for each in sources):
            run.report.log("Layers, graphs, loadings and notes of the files are not kept: several batches are joined")
    except BaseException:
        for opened in sources:
            opened.close()
        raise
    for text in source.notes:
        note(text)
    if len(sources) == 1 and BATCH not in source.obs.columns:
        source.obs[BATCH] = pd.Categorical.from_codes(np.zeros(source.n_cells, np.int8), categories=names)
    if source.memory_bytes + _BASE_BYTES > run.memory_bytes:
        source.close()
        raise too_large(run.memory_bytes, needed=source.memory_bytes + _BASE_BYTES)
    return source, inputs


def measure(main: TableSource, species: str, report: ChannelReport) -> tuple[CellStats, int]:
    """Totals, genes and mitochondrial share of every cell in one pass, and how many genes are mitochondrial."""
    symbols, ids = ([str(text) for text in texts] for texts in (main.var.index, main.var["feature_id"]))
    mito = mito_features(symbols, species, ids)
    return scan_cells(main, mito=mito, report=report), int(mito.sum())
