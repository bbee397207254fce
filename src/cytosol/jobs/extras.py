"""Analyses that a submission asks for, run on the table that is being made as they run on one that is ready."""

from __future__ import annotations

from dataclasses import replace

from cytosol.base.errors import CytosolError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.analyses import run_params
from cytosol.catalog.layouts import arrange
from cytosol.catalog.pipeline import PipelineParams
from cytosol.catalog.records import to
from cytosol.catalog.tables import Pinned
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.cells import CellMatrix
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.layout import path_part
from cytosol.formats.spatialdata.tables import WrittenTable
from cytosol.jobs.handlers.base import TableRun
from cytosol.jobs.handlers.registry import handler_of
from cytosol.jobs.making import Making
from cytosol.jobs.pipeline import Matrix
from cytosol.jobs.provenance import made_by
from cytosol.model.studies import Dataset, Element

EXTRAS = {"doublets": "doublets", "cell_cycle": "cell-cycle", "cell_types": "cell-types"}
"""Field of ``PipelineParams`` → the analysis that it asks for, in the order in which they run."""


async def run_extras(
    making: Making, name: str, indexed: tuple[Key, FeatureIndex], written: WrittenTable, *, params: PipelineParams
) -> None:
    """Add the annotations that the parameters ask for; what cannot be computed is left out with a note."""
    run, (table_id, index) = making.run, indexed
    matrix = Matrix(index, CellMatrix(making.root, path_part(name)), written.kind, index.totals)
    for field, analysis in EXTRAS.items():
        if not getattr(params, field):
            continue
        entry = run.catalog.context.analyses.get(analysis)
        run.report.log(f"Running {entry.title.lower()}")
        said = run_params(entry, {"seed": params.seed} if "seed" in entry.params.__dataclass_fields__ else {})
        pinned = await _pin(making, name)
        try:
            async with Writing(run.catalog.context) as writing:
                table = TableRun(run, pinned, said, "", matrix, run.report.part(0.97, 0.98), writing)
                outcome = await handler_of(analysis).function(table)
        except CytosolError as error:
            making.note(f"{entry.title} left out: {error.sentence}")
            continue
        made = made_by(entry.name, said.to_json(), [table_id], analysis_version=entry.version, **outcome.facts)
        for text in outcome.notes:
            making.note(text)
        for title, column in outcome.columns.items():
            making.column(name, title, column, made, terms=outcome.terms.get(title))


async def _pin(making: Making, name: str) -> Pinned:
    """The table with all that was written so far, as readers will see it after the commit."""
    async with making.run.catalog.context.db.read() as conn:
        row = await rows.need(conn, tables.datasets, making.run.job.dataset_id or Key(bytes(12)))
    dataset = replace(to(Dataset, row), data_version=1)
    now = now_us()
    elements = [
        Element(
            id=each.id, created_at=now, updated_at=now, deleted_at=None, version=1, extra={}, dataset_id=dataset.id,
            kind=each.kind, table_name=each.table_name, name=each.name, path=each.path, since_version=1,
            until_version=None, position=number, meta=dict(each.meta), made_by=dict(each.made_by), job_id=None,
            owner_id=None,
        )
        for number, each in enumerate(making.elements)
    ]  # fmt: skip
    layout = arrange(dataset, elements, 1)
    return Pinned(dataset, layout, layout.table(name))
