"""Analyses of a table that is ready: checked against the registry, written down as a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.analyses.parameters import Parameter, Params
from cytosol.analyses.registry import Analysis
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.access import dataset_access
from cytosol.catalog.cell_attributes import CellAttributes
from cytosol.catalog.context import Context
from cytosol.catalog.gene_sets import GeneSets
from cytosol.catalog.jobs import check_job_limit, insert_job
from cytosol.catalog.layouts import is_private
from cytosol.catalog.selections import Selections, check_selection, columns_named
from cytosol.catalog.tables import Pinned, Tables
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.work import Job

KIND = "analyse"
_BASE_MEMORY = 400 << 20
_BYTES_PER_CELL = 800
_BYTES_PER_VALUE = 2


class Analyses:
    """The verbs that compute something new of a table.

    Attributes
    ----------
    selections, attributes : what parameters name, for the jobs too
    """

    def __init__(
        self,
        context: Context,
        reader: Tables,
        gene_sets: GeneSets,
        *,
        attributes: CellAttributes,
        selections: Selections,
    ) -> None:
        self._context = context
        self._gene_sets = gene_sets
        self._reader = reader
        self.attributes = attributes
        self.selections = selections

    async def submit(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        analysis: str,
        parameters: Mapping[str, Any],
        table: str = "",
        name: str = "",
    ) -> Job:
        """Write down a job that adds annotations, embeddings or results to a table.

        Parameters
        ----------
        analysis : name in the registry, of one that can be run on a table
        parameters : of its ``run`` record, as JSON
        name : of what it makes; "" = it names it itself

        Raises
        ------
        NotFoundError
            Where there is no such analysis, or a parameter names something that does not exist.
        InvalidInputError
            Where the analysis is a step of the pipeline only, or a parameter cannot be used.
        """
        entry = self._context.analyses.get(analysis)
        pinned = await self._reader.pin(actor, dataset_id=dataset_id, table=table)
        params = run_params(entry, parameters)
        await self._check(actor, pinned, params)
        title = clean_name(name, empty=True)
        private = {"private": True} if uses_private(pinned, params) else {}
        meta = pinned.part.table.meta
        needed = _BASE_MEMORY + _BYTES_PER_CELL * pinned.part.n_cells + _BYTES_PER_VALUE * int(meta["nnz"])
        async with self._context.db.write() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.ANALYSIS_RUN)
            await check_job_limit(conn, actor, self._context.settings)
            job = await insert_job(
                conn,
                actor,
                KIND,
                study_id=dataset.study_id,
                dataset_id=dataset_id,
                params={
                    "analysis": analysis,
                    "table": pinned.part.table.name,
                    "version": pinned.version,
                    "name": title,
                    "parameters": params.to_json(),
                    **private,
                },
                memory_bytes=min(self._context.settings.job_memory_bytes, needed),
            )
        self._context.notifier.jobs_waiting()
        self._context.notifier.events_stored()
        return job

    async def _check(self, actor: Actor, pinned: Pinned, params: Params) -> None:
        """Refuse parameters that name what is not there, before a job is made."""
        pair: dict[str, Any] = {}
        for entry in type(params).parameters():
            value = getattr(params, entry.name)
            if entry.type == "selection" and value:
                if entry.name in ("first", "second"):
                    pair[entry.name] = value
                else:
                    await self.selections.resolve(pinned, value, where=entry.name)
            elif entry.names == "gene-sets" and value:
                await self._gene_sets.get(actor, gene_sets_id=Key.parse(value))
            elif entry.names and value:
                for text in [value] if isinstance(value, str) else value:
                    await self._check_name(pinned, entry, text)
        if len(pair) == 2:
            await self.selections.resolve_pair(pinned, pair["first"], pair["second"])
        elif "first" in pair:
            check_selection(pair["first"], where="first")

    async def _check_name(self, pinned: Pinned, entry: Parameter, name: str) -> None:
        if entry.names == "column":
            pinned.part.column(name)
        elif entry.names == "embedding":
            pinned.part.embedding(name)
        elif entry.names == "attribute":
            await self.attributes.column(pinned, name)
        elif entry.names == "features":
            await self._reader.places(pinned, [name])
        elif entry.names == "column-or-attribute" and not any(e.name == name for e in pinned.part.columns):
            await self.attributes.column(pinned, name)


def uses_private(pinned: Pinned, params: Params) -> bool:
    """Whether parameters name something that only the actor sees, so that nobody else may see what comes of it."""
    private = {element.name for element in (*pinned.part.columns, *pinned.part.embeddings) if is_private(element)}
    named: set[str] = set()
    for entry in type(params).parameters():
        value = getattr(params, entry.name)
        if entry.type == "selection":
            named |= columns_named(value)
        elif entry.names in ("column", "column-or-attribute", "embedding"):
            named |= {value} if isinstance(value, str) else set(value)
    return not private.isdisjoint(named)


def run_params(entry: Analysis, parameters: Mapping[str, Any]) -> Params:
    """The parameter record of a job of an analysis.

    Raises
    ------
    InvalidInputError
        Where it cannot be run by itself, or a parameter cannot be used.
    """
    if entry.run is None:
        raise InvalidInputError(
            f"'{entry.title}' is a step of making a dataset, not an analysis of one",
            where=entry.name,
            do="GET /analyses tells which are runnable",
        )
    return entry.run.from_json(parameters)


async def property_of(pinned: Pinned, name: str, *, reader: Tables, attributes: CellAttributes) -> Any:
    """An annotation by this name, else the attribute of the samples.

    Raises
    ------
    NotFoundError
        Where there is neither.
    """
    if any(element.name == name for element in pinned.part.columns):
        return await reader.column(pinned, name)
    try:
        return await attributes.column(pinned, name)
    except NotFoundError as error:
        known = ", ".join(f"'{element.name}'" for element in pinned.part.columns[:20])
        raise NotFoundError(
            f"There is no annotation and no attribute called '{name[:255]}'", do=f"There are the annotations {known}"
        ) from error
