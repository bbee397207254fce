"""All tables of genes that an actor may read, over all studies: what queries across studies look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytosol.base.keys import Key
from cytosol.catalog.access import permissions_on_studies, require_readable_lists, who
from cytosol.catalog.context import Context
from cytosol.catalog.contexts import Told, find_contexts, kind_of
from cytosol.catalog.gene_names import species_of
from cytosol.catalog.layouts import Layouts
from cytosol.catalog.records import all_to
from cytosol.catalog.tables import Pinned
from cytosol.db import rights, rows, tables
from cytosol.db.connections import Connection
from cytosol.db.rights import StudyFilter
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Dataset, Element, Study


@dataclass(frozen=True, slots=True)
class Source:
    """The main table of a published dataset, at its newest version.

    Attributes
    ----------
    told : where it tells cell type, tissue and disease
    """

    study: Study
    pinned: Pinned
    told: Mapping[str, Told[Element]]

    @property
    def columns(self) -> list[Element]:
        """The annotations that all readers see."""
        return shared(self.pinned.part.columns)


@dataclass(frozen=True, slots=True)
class Readable:
    """What an actor may read.

    Attributes
    ----------
    studies : all of them, also those without data, newest first
    sources : the tables of the studies whose data may be read, in the same order
    """

    studies: list[Study]
    sources: list[Source]


def shared(columns: Sequence[Element]) -> list[Element]:
    """Those annotations that are not for one reader's eyes only."""
    return [column for column in columns if not column.meta.get("private")]


class Sources:
    """Looks up what an actor may read, each time anew, so that it is always what stands in the records."""

    def __init__(self, context: Context, layouts: Layouts) -> None:
        self._context = context
        self._layouts = layouts

    async def find(self, actor: Actor, *, species: str = "") -> Readable:
        """The studies and tables of a species; "" = of all."""
        require_readable_lists(actor)
        async with self._context.db.read() as conn:
            found = all_to(Study, await rights.readable_studies(conn, who(actor), StudyFilter()))
            if species:
                found = [study for study in found if species_of(study.species) == species_of(species)]
            held = await permissions_on_studies(conn, actor, [study.id for study in found])
            open_ids = [study.id for study in found if Permission.DATA_READ in held[study.id]]
            where = {"study_id": open_ids, "state": "published", "deleted_at": None, "data_version": rows.Above(0)}
            datasets = all_to(Dataset, await rows.find(conn, tables.datasets, where, order=("position", "id")))
            layouts = await self._layouts.get_many(conn, datasets)
            attributes = await _attributes(conn, datasets)
        of_study: dict[Key, list[Pinned]] = defaultdict(list)
        for dataset, layout in zip(datasets, layouts, strict=True):
            if layout.tables and layout.tables[0].table.meta["kind"] != "events":
                of_study[dataset.study_id].append(Pinned(dataset, layout, layout.tables[0]))
        sources = [
            Source(study, pinned, find_contexts(shared(pinned.part.columns), attributes[pinned.dataset.id]))
            for study in found
            for pinned in of_study[study.id]
        ]
        return Readable(found, sources)


async def _attributes(conn: Connection, datasets: Sequence[Dataset]) -> dict[Key, dict[str, str]]:
    """Of each dataset the attributes, of itself and of its sample, that tell a context: name to value."""
    found: dict[Key, dict[str, str]] = defaultdict(dict)
    studies = list({dataset.study_id for dataset in datasets})
    named = {
        row["id"]: row["name"]
        for row in await rows.find(conn, tables.attributes, {"study_id": studies, "deleted_at": None})
        if kind_of(row["name"]) is not None
    }
    if not named:
        return found
    values: dict[Any, dict[str, str]] = defaultdict(dict)
    for row in await rows.find(conn, tables.attribute_values, {"attribute_id": list(named)}, order=()):
        if isinstance(row["value"], str) and row["value"]:
            values[row["subject_kind"], row["subject_id"]][named[row["attribute_id"]]] = row["value"]
    for dataset in datasets:
        found[dataset.id] = values["sample", dataset.sample_id] | values["dataset", dataset.id]
    return found
