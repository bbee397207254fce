"""The job that computes something new of a table that is ready."""

from __future__ import annotations

from typing import Any

from cytosol.analyses.registry import Analysis
from cytosol.base.keys import Key, new_key
from cytosol.catalog.analyses import run_params
from cytosol.catalog.annotation_edits import column_meta
from cytosol.catalog.column_terms import with_terms
from cytosol.catalog.commit import CommittedResult, NewElement, commit_result
from cytosol.catalog.layouts import dataset_path, index_path, rewrite_metadata
from cytosol.catalog.tables import Pinned
from cytosol.catalog.writing import Writing
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.columns import write_column, write_embedding
from cytosol.formats.spatialdata.layout import unique_path
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.registry import handler_of
from cytosol.jobs.pipeline import Matrix
from cytosol.jobs.provenance import made_by
from cytosol.jobs.registry import JobRun


async def analyse(run: JobRun) -> None:
    """Run the analysis of the job and commit what it made."""
    said = run.job.params
    catalog = run.catalog
    entry = catalog.context.analyses.get(said["analysis"])
    pinned = await catalog.tables.pin(
        run.actor, dataset_id=run.job.dataset_id or Key(bytes(12)), table=said["table"], version=said["version"]
    )
    run.report.log(f"{entry.title}: {pinned.part.n_cells:,} cells x {pinned.part.table.meta['n_features']:,} features")
    params = run_params(entry, said["parameters"])
    async with Writing(catalog.context) as writing:
        report = run.report.part(0.02, 0.95)
        table = TableRun(run, pinned, params, said["name"], open_matrix(run, pinned), report, writing)
        outcome = await handler_of(entry.name).function(table)
        await _commit(table, entry, outcome)
    for file in table.files:
        for one in file.written:
            await rewrite_metadata(catalog.context, one.bytes_id)


async def _commit(table: TableRun, entry: Analysis, outcome: Outcome) -> None:
    run, pinned, said = table.run, table.pinned, table.run.job.params
    made = made_by(
        entry.name, table.params.to_json(), [pinned.part.table.id], analysis_version=entry.version, **outcome.facts
    )
    private = bool(said.get("private"))
    if private:
        outcome.notes.clear()  # all who read the study see its notes
    elements = await _write(run, pinned, outcome, made, facts={"private": True} if private else {})
    named = [{"id": each.id.hex24, "kind": each.kind, "name": each.name} for each in elements]
    ids: dict[str, Any] = {"elements": named}
    if table.files:
        ids["dataset_ids"] = [one.bytes_id.hex24 for file in table.files for one in file.written]

    async def insert(conn: Connection) -> None:
        for file in table.files:
            await run.catalog.derivations.insert_made(conn, run.actor, pinned.dataset.study_id, file)

    run.channel.flush()
    await commit_result(
        run.catalog.context,
        run.job.id,
        run.job.epoch,
        CommittedResult(tuple(elements), tuple(outcome.notes), result={**ids, **outcome.result}, also=insert),
    )


def open_matrix(run: JobRun, pinned: Pinned) -> Matrix:
    """The matrix of a table in both orientations."""
    index = run.catalog.tables.open_index(pinned)
    root = run.catalog.context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=True)
    meta = pinned.part.table.meta
    return Matrix(index, CellMatrix(root, pinned.part.table.path), meta["kind"], index.totals)


async def _write(
    run: JobRun, pinned: Pinned, outcome: Outcome, made: dict[str, Any], *, facts: dict[str, Any]
) -> list[NewElement]:
    """Write what was made under fresh places; nothing shows before the commit.

    Parameters
    ----------
    facts : what the meta of every element says, too
    """
    blobs = run.catalog.context.blobs
    table, part = pinned.part.table.name, pinned.part.table.path
    root = blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=False)
    elements = []
    for name, column in outcome.columns.items():
        id = new_key()
        path = unique_path(name, id.hex24)
        write_column(root, part, path, column)
        meta = with_terms(column_meta(column), outcome.terms.get(name, {})) | facts
        elements.append(NewElement("column", table, name, path, meta, made, id=id))
    for name, values in outcome.embeddings.items():
        id = new_key()
        path = unique_path(name, id.hex24)
        write_embedding(root, part, path, values)
        elements.append(
            NewElement("embedding", table, name, path, {"n_dims": int(values.shape[1]), **facts}, made, id=id)
        )
    for result in outcome.results:
        id = new_key()
        place = index_path(pinned.dataset.bytes_id, id, result.suffix)
        await blobs.put(place, result.data)
        elements.append(NewElement(result.kind, table, result.name, place, {**result.meta, **facts}, made, id=id))
    return elements
