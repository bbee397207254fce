"""The job that makes a dataset of files: read, join, filter, write, analyse, commit."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd

from cytosol.analyses.matrix.filtering import FilterParams, keep_cells
from cytosol.base.errors import InvalidInputError, UnreadableFileError, UnsupportedFormatError
from cytosol.base.tables import ColumnData, TableSource
from cytosol.catalog.column_terms import partner_terms
from cytosol.catalog.commit import CommittedResult, commit_result
from cytosol.catalog.pipeline import PipelineParams
from cytosol.formats.spatialdata.columns import pandas_to_column
from cytosol.formats.table import obs_columns, split_feature_types
from cytosol.jobs.batches import measure, open_batches
from cytosol.jobs.extras import run_extras
from cytosol.jobs.ingest_events import holds_events, ingest_events
from cytosol.jobs.making import Making, begin_making, compute, own_columns, summarise, write_part
from cytosol.jobs.provenance import made_by
from cytosol.jobs.registry import JobRun
from cytosol.jobs.sources import open_files

_EVENTS = (".fcs", ".lmd")


async def ingest(run: JobRun) -> None:
    """Make the dataset of the job.

    FCS files that cannot be read are dropped, since no other option would make them readable; files of other kinds
    stay, since the job may be tried again, or its files submitted with other options.
    """
    try:
        await _ingest(run)
    except (UnreadableFileError, UnsupportedFormatError):
        if await run.catalog.uploads.drop_refused(run.job, endings=_EVENTS):
            run.report.log("The uploaded file was dropped", level="warning")
        raise


async def _ingest(run: JobRun) -> None:
    making = await begin_making(run)
    said = {name: run.job.params[name] for name in ("format", "matrix", "filters", "options")}
    first = await open_files(run, 0, run.job.params["batches"][0]["files"])
    if run.job.params["format"] in (None, "fcs") and await asyncio.to_thread(holds_events, first[0]["matrix"]):
        await ingest_events(run, making, first)
        return
    source, making.inputs = await open_batches(run, making.note, first)
    try:
        parts = split_feature_types(source)
        main = next(iter(parts))
        keep = _filter(making, source, parts[main])
        for name, part in parts.items():
            made = made_by("ingest", said, making.inputs)
            table, written = await write_part(making, name, part, keep=keep, made=made)
            if name == main:
                own_columns(making, name, table, written)
                params = PipelineParams.from_json(run.job.params["parameters"])
                if run.job.params["embeddings"] == "compute":
                    batches = _batches(part, keep, params.batch) if params.batch else None
                    await compute(making, name, table, written=written, params=params, batches=batches)
                elif not part.obsm:
                    making.note("The file holds no embedding, and none was to be computed")
                _source_columns(making, name, part, keep)
                await run_extras(making, name, table, written, params=params)
                await summarise(making, name, table, written)
    finally:
        source.close()
    facts = {"n_cells": int(keep.sum()), "tables": list(parts)}
    closing = ("Study was successfully submitted", "DONE !!!")
    technology = run.job.params.get("technology") or "single-cell"
    run.channel.flush()
    await commit_result(
        run.catalog.context,
        run.job.id,
        run.job.epoch,
        CommittedResult(tuple(making.elements), tuple(making.notes), technology, facts, closing=closing),
    )


def _filter(making: Making, source: TableSource, main: TableSource) -> np.ndarray:
    """Which cells are kept: shape (n_cells,), bool."""
    run = making.run
    run.report.log(f"Preprocessing expression matrix: {source.n_cells} cells x {source.n_features} genes")
    params = FilterParams.from_json(run.job.params["filters"])
    keep = np.ones(source.n_cells, dtype=bool)
    if params != FilterParams():
        stats, n_mito = measure(main, making.species, run.report.part(0.05, 0.2))
        if params.max_mito_share < 1 and not n_mito:
            making.note(
                f"The bound on the mitochondrial share held back no cell: no gene is known as mitochondrial "
                f"in '{making.species}'"
            )
        keep = keep_cells(stats.totals, stats.n_genes, stats.mito_share, params)
    if not keep.any():
        raise InvalidInputError(
            f"No cell is left: {source.n_cells:,} were read, and none passed the filter"
            if source.n_cells
            else "The files hold no cell",
            do="Loosen the filter" if source.n_cells else "Check that these are the right files",
        )
    run.report.log(f"Filtered: {int(keep.sum())} cells remain")
    run.report.log("Start processing study")
    return keep


def _batches(part: TableSource, keep: np.ndarray, name: str) -> np.ndarray:
    """Batch of each kept cell: shape (n_cells,), integer from 0; cells without one are a batch of their own."""
    if name not in part.obs.columns:
        known = ", ".join(f"'{column}'" for column in list(part.obs.columns)[:20])
        raise InvalidInputError(
            f"The files have no annotation '{name[:255]}'", where="batch", do=f"Choose of {known}, or leave 'batch' out"
        )
    codes, _ = pd.factorize(part.obs[name].astype("object")[keep], use_na_sentinel=False)
    return np.asarray(codes, np.int64)


def _source_columns(making: Making, name: str, part: TableSource, keep: np.ndarray) -> None:
    """Annotations and embeddings of the files, for the cells that are kept; a name of ours comes first."""
    made = made_by("ingest", {"from": "obs"}, making.inputs)
    kept: dict[str, ColumnData] = {}
    for title, column in obs_columns(part.obs).items():
        values = column.values[keep]
        if column.categories is None and values.dtype == object:
            kept[title] = pandas_to_column(pd.Series(values))
        else:
            kept[title] = ColumnData(values, column.categories, column.ordered, column.colors, column.extra)
    terms = partner_terms(kept)
    for title, column in kept.items():
        path = making.column(name, title, column, made, terms=terms.get(title))
        making.remember(name, "columns", path, title)
    made = made_by("ingest", {"from": "obsm"}, making.inputs)
    for title, embedding in part.obsm.items():
        if embedding.ndim == 2 and embedding.shape[1]:
            path = making.embedding(name, title, np.asarray(embedding)[keep], made)
            making.remember(name, "embeddings", path, title)
    making.run.report.progress(0.98, "Committing")
