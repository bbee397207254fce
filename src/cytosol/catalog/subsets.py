"""Some cells of a dataset as a dataset of their own, with its lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key, new_key
from cytosol.catalog import audit, events
from cytosol.catalog.access import dataset_access
from cytosol.catalog.context import Context
from cytosol.catalog.jobs import check_job_limit, insert_job
from cytosol.catalog.layouts import is_private
from cytosol.catalog.pipeline import PipelineParams
from cytosol.catalog.records import to
from cytosol.catalog.selections import Selections, columns_named, short
from cytosol.catalog.tables import Pinned, Tables
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.studies import Dataset
from cytosol.model.work import Job
from cytosol.store.space import check_free

KIND = "subset"
_BASE_MEMORY = 400 << 20
_BYTES_PER_VALUE = 8


class Subsets:
    """The verb that makes a dataset of a selection."""

    def __init__(self, context: Context, reader: Tables, selections: Selections) -> None:
        self._context = context
        self._reader = reader
        self._selections = selections

    async def submit(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        selection: Any,
        name: str = "",
        parameters: Mapping[str, Any] | None = None,
        table: str = "",
    ) -> tuple[Job, Dataset]:
        """Write down a dataset of the same study and the job that fills it, in one transaction.

        Parameters
        ----------
        selection : cells of one table; the other tables of the dataset come along
        parameters : of the pipeline, which computes embeddings and clusters anew; None = those of the parent are kept
        table : that the selection is of

        Raises
        ------
        InvalidInputError
            Where the selection holds no cell.
        """
        require_user(actor, "write")
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        cells = await self._selections.resolve(pinned, selection)
        if not len(cells):
            raise InvalidInputError(
                "The selection holds no cell", where="selection", do="Choose groups that have cells"
            )
        params = None if parameters is None else PipelineParams.from_json(parameters)
        if params is not None and params.batch:
            pinned.part.column(params.batch)  # refuses a name that is none
        share = len(cells) / max(1, pinned.part.n_cells)
        n_bytes = int(share * sum(int(part.table.meta["nnz"]) for part in pinned.layout.tables)) * _BYTES_PER_VALUE
        await check_free(self._context.blobs, self._context.settings, n_bytes)
        shown = {"cells": cells.tolist()} if _is_private(pinned, selection) else selection
        words = await self._selections.described(pinned, shown)
        title = clean_name(name.strip() or f"{pinned.dataset.name}: {words}"[:255])
        lineage = {
            "parent_id": dataset_id.hex24,
            "parent_version": pinned.version,
            "table": pinned.part.table.name,
            "selection": short(shown),
            "n_cells": len(cells),
        }
        said = {
            "parent": dataset_id.hex24,
            "version": pinned.version,
            "table": pinned.part.table.name,
            "selection": selection,
            "parameters": None if params is None else params.to_json(),
        }
        memory_bytes = min(self._context.settings.job_memory_bytes, _BASE_MEMORY + n_bytes)
        async with self._context.db.write() as conn:
            parent, _ = await dataset_access(conn, actor, dataset_id, Permission.FILE_UPLOAD)
            await check_job_limit(conn, actor, self._context.settings)
            dataset = await _insert(conn, actor, parent, name=title, lineage=lineage)
            job = await insert_job(
                conn,
                actor,
                KIND,
                study_id=parent.study_id,
                dataset_id=dataset.id,
                params=said,
                memory_bytes=memory_bytes,
            )
        self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return job, dataset


def _is_private(pinned: Pinned, selection: Any) -> bool:
    """Whether a selection names annotations that only the actor sees; who reads the study sees name and lineage."""
    named = columns_named(selection)
    return any(is_private(element) and element.name in named for element in pinned.part.columns)


async def _insert(conn: Connection, actor: Actor, parent: Dataset, *, name: str, lineage: Mapping[str, Any]) -> Dataset:
    """The dataset that is to be made, beside its parent."""
    id = new_key()
    await rows.insert(
        conn,
        tables.datasets,
        id=id,
        study_id=parent.study_id,
        sample_id=parent.sample_id,
        name=name,
        bytes_id=id,
        technology="",
        position=await rows.count(conn, tables.datasets, {"study_id": parent.study_id}),
        lineage=dict(lineage),
    )
    await audit.note(
        conn,
        actor,
        "dataset.subset",
        subject_kind="dataset",
        subject_id=id,
        detail={"parent": parent.id.hex24},
    )
    await events.append(
        conn,
        "dataset.changed",
        subject_kind="dataset",
        subject_id=id,
        study_id=parent.study_id,
        data={"state": "staging"},
    )
    return to(Dataset, await rows.need(conn, tables.datasets, id))
