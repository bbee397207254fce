"""Files of cytometry as people see them, and where their bytes lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cytosol.base.errors import ConflictError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.protocols import Source
from cytosol.catalog.context import Context
from cytosol.catalog.dataset_attributes import Annotation, annotations_of
from cytosol.catalog.fcs_store import EVENTS
from cytosol.catalog.layouts import DatasetLayout, Layouts
from cytosol.catalog.records import to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.studies import Dataset
from cytosol.model.work import Original
from cytosol.store.originals import original_source

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class FileView:
    """A file of cytometry.

    Attributes
    ----------
    size, md5, crc32c, sha256 : of the file as it was given; of a file with several data sets, of the whole
    data_set : its number in that file, from 1
    spill : the keyword that holds it, "" = none
    sample_name : the keyword SAMPLE ID as it is; None = none
    annotations : name and value, in order
    """

    dataset: Dataset
    n_events: int
    size: int
    md5: str
    crc32c: str
    sha256: str
    data_set: int
    spill: str
    sample_name: str | None
    annotations: list[Annotation]

    @property
    def has_internal(self) -> bool:
        """Whether the file has a spillover matrix."""
        return bool(self.spill)


async def file_views(conn: Connection, layouts: Layouts, datasets: Sequence[Dataset]) -> list[FileView]:
    """Those of the datasets, all of one study, that hold events."""
    arranged = await layouts.get_many(conn, datasets)
    events = [(dataset, layout) for dataset, layout in zip(datasets, arranged, strict=True) if is_events(layout)]
    if not events:
        return []
    ids = [dataset.id for dataset, _ in events]
    annotations = await annotations_of(conn, events[0][0].study_id, ids)
    originals = await _originals(conn, ids)
    return [
        _view(dataset, layout, originals.get(dataset.id), annotations.get(dataset.id, [])) for dataset, layout in events
    ]


def is_events(layout: DatasetLayout) -> bool:
    """Whether the main table of a dataset holds events."""
    return bool(layout.tables) and layout.tables[0].table.meta.get("kind") == EVENTS


def _view(
    dataset: Dataset, layout: DatasetLayout, original: Original | None, annotations: list[Annotation]
) -> FileView:
    facts = layout.tables[0].table.meta.get("fcs", {})
    return FileView(
        dataset=dataset,
        n_events=layout.tables[0].n_cells,
        size=original.size if original else 0,
        md5=original.md5 if original else "",
        crc32c=original.crc32c if original else "",
        sha256=original.sha256 if original else "",
        data_set=int(facts.get("data_set", 1)),
        spill=facts.get("spill", ""),
        sample_name=facts.get("sample"),
        annotations=annotations,
    )


async def _originals(conn: Connection, ids: Sequence[Key]) -> dict[Key, Original]:
    found: dict[Key, Original] = {}
    for start in range(0, len(ids), _CHUNK):
        for row in await rows.find(conn, tables.originals, {"dataset_id": list(ids[start : start + _CHUNK])}):
            found.setdefault(row["dataset_id"], to(Original, row))
    return found


async def original_of(conn: Connection, dataset: Dataset) -> Original:
    """The file of a dataset as it was given.

    Raises
    ------
    NotFoundError
        Where it has none, or it is gone.
    """
    found = await _originals(conn, [dataset.id])
    if dataset.id not in found:
        raise NotFoundError("The file of this dataset is not kept", where=dataset.name)
    return found[dataset.id]


def source_of(context: Context, original: Original) -> Source:
    """A file as it was given, for reading.

    Raises
    ------
    ConflictError
        Where it lies on a storage, from which only jobs read.
    """
    if original.bytes_id is None:
        raise ConflictError(
            "This file lies on a storage and was not copied",
            where=original.path,
            do="Download it from the storage, or upload it",
        )
    return original_source(context.blobs, original.bytes_id, original.path.rpartition("/")[2])


def data_set_of(layout: DatasetLayout) -> int:
    """The number of the data set in its file that a dataset was made of, from 1.

    Raises
    ------
    ConflictError
        Where the dataset holds no events of a file.
    """
    if not is_events(layout):
        raise ConflictError("This dataset was not made of an FCS file", do="Choose a dataset of cytometry")
    return int(layout.tables[0].table.meta.get("fcs", {}).get("data_set", 1))
