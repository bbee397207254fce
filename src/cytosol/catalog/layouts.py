"""What lies in a dataset at one of its versions, from the records of its elements."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.context import Context
from cytosol.catalog.records import all_to, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.spatialdata.layout import (
    ColumnEntry,
    DatasetSpec,
    EmbeddingEntry,
    TableSpec,
    free_name,
    write_metadata,
)
from cytosol.model.studies import Dataset, Element
from cytosol.store.space import disk_errors

_KEPT = 2000
REMAINDER = "remainder"
"""Kind of the element that keeps what a submitted file holds beyond the dataset; see ``formats.remainder``."""
REPORT = "report"
RESULT_KINDS = ("markers", "comparison", REPORT, REMAINDER)
"""Kinds of elements that are results: files in the blob store, listed by their meta."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """A table and what belongs to it, each in its order.

    Attributes
    ----------
    table : the element of kind "table": path part of the table; ``meta`` has n_cells, n_features, nnz, dtype, kind
    index : the feature-major index; None where it was not made
    columns, embeddings : path parts under ``obs/`` and ``obsm/``
    results : what else was computed, such as markers; paths in the blob store
    """

    table: Element
    index: Element | None
    columns: tuple[Element, ...]
    embeddings: tuple[Element, ...]
    results: tuple[Element, ...]

    @property
    def n_cells(self) -> int:
        """Cells of the table."""
        return int(self.table.meta["n_cells"])

    def column(self, name: str) -> Element:
        """The column with this name."""
        return _named(self.columns, name, f"annotation in table '{self.table.name}'")

    def embedding(self, name: str) -> Element:
        """The embedding with this name."""
        return _named(self.embeddings, name, f"embedding in table '{self.table.name}'")

    def column_by_id(self, id: Key) -> Element:
        """The column with this lasting id."""
        for element in self.columns:
            if lasting_id(element) == id:
                return element
        raise NotFoundError(f"There is no such annotation in table '{self.table.name}'", where=id.hex24)


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """A dataset at one version; its tables in their order, the main one first.

    Attributes
    ----------
    has_private : whether something is among it that only its owner sees
    """

    dataset_id: Key
    bytes_id: Key
    version: int
    tables: tuple[TableLayout, ...]
    has_private: bool = False

    def table(self, name: str) -> TableLayout:
        """The table with this name; "" is the first."""
        if not name and self.tables:
            return self.tables[0]
        for layout in self.tables:
            if layout.table.name == name:
                return layout
        known = ", ".join(layout.table.name for layout in self.tables)
        raise NotFoundError(
            f"There is no table '{name[:64]}' in this dataset", do=f"Its tables are: {known}" if known else ""
        )


def lasting_id(element: Element) -> Key:
    """The id that a column keeps through all its versions: that of its first element."""
    first = element.extra.get("first")
    return Key.parse(first) if first else element.id


def is_private(element: Element) -> bool:
    """Whether only the owner sees an annotation, or what was computed of one."""
    return bool(element.meta.get("private"))


def seen_by(layout: DatasetLayout, viewer: Key | None) -> DatasetLayout:
    """The layout without what others keep to themselves; None = nobody in particular, as on disk.

    Of an own annotation and one of the study with the same name, the own one has another name for its owner.
    """
    if not layout.has_private:
        return layout
    parts = []
    for part in layout.tables:
        columns, embeddings, results = (_seen(each, viewer) for each in (part.columns, part.embeddings, part.results))
        parts.append(replace(part, columns=columns, embeddings=embeddings, results=results))
    return replace(layout, tables=tuple(parts), has_private=False)


def _seen(elements: Iterable[Element], viewer: Key | None) -> tuple[Element, ...]:
    """Those that a user sees, under names that tell them apart; see ``seen_by``."""
    found = list(elements)
    taken = {element.name for element in found if not is_private(element)}
    kept = []
    for element in found:
        if is_private(element):
            if viewer is None or element.owner_id != viewer:
                continue
            element = replace(element, name=free_name(element.name, taken))
            taken.add(element.name)
        kept.append(element)
    return tuple(kept)


def dataset_path(bytes_id: Key) -> str:
    """Where the SpatialData store of a dataset lies."""
    return f"datasets/{bytes_id.hex24}"


def index_path(bytes_id: Key, element_id: Key, suffix: str = "cyi") -> str:
    """Where a derived file of a dataset lies."""
    return f"{index_folder(bytes_id)}/{element_id.hex24}.{suffix}"


def index_folder(bytes_id: Key) -> str:
    """Where all derived files of a dataset lie."""
    return f"index/{bytes_id.hex24}"


def live_at(elements: Iterable[Element], version: int) -> list[Element]:
    """Those that are part of a version, in their order."""
    live = [
        e for e in elements if e.since_version <= version and (e.until_version is None or e.until_version > version)
    ]
    return sorted(live, key=lambda e: (e.position, e.id))


def arrange(dataset: Dataset, elements: Iterable[Element], version: int | None = None) -> DatasetLayout:
    """Put the elements of a dataset into the layout of one version; None = the newest."""
    number = dataset.data_version if version is None else version
    if not 0 <= number <= dataset.data_version:
        raise NotFoundError(f"The dataset has no version {number}", do=f"The newest is {dataset.data_version}")
    live = live_at(elements, number)

    def of(table: Element, *kinds: str) -> tuple[Element, ...]:
        return tuple(e for e in live if e.kind in kinds and e.table_name == table.name)

    layouts = []
    for table in (e for e in live if e.kind == "table"):
        index = next(iter(of(table, "index")), None)
        layouts.append(TableLayout(table, index, of(table, "column"), of(table, "embedding"), of(table, *RESULT_KINDS)))
    private = any(is_private(e) for e in live)
    return DatasetLayout(dataset.id, dataset.bytes_id, number, tuple(layouts), private)


class Layouts:
    """Layouts by dataset and version; a version never changes, so they are kept."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Key, int], DatasetLayout] = OrderedDict()

    async def get(
        self, conn: Connection, dataset: Dataset, version: int | None = None, *, viewer: Key | None = None
    ) -> DatasetLayout:
        """The layout of one version, as a user sees it; None = the newest, and nobody in particular."""
        return seen_by(await self.get_whole(conn, dataset, version), viewer)

    async def get_whole(self, conn: Connection, dataset: Dataset, version: int | None = None) -> DatasetLayout:
        """The layout of one version, with the annotations that only their owners see."""
        key = (dataset.id, dataset.data_version if version is None else version)
        known = self._known.get(key)
        if known is None:
            found = all_to(Element, await rows.find(conn, tables.elements, {"dataset_id": dataset.id}))
            known = self._known[key] = arrange(dataset, found, version)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known

    async def get_many(
        self, conn: Connection, datasets: Sequence[Dataset], *, viewer: Key | None = None
    ) -> list[DatasetLayout]:
        """The newest layouts of some datasets, as a user sees them."""
        missing = [d for d in datasets if (d.id, d.data_version) not in self._known]
        by_dataset: dict[Key, list[Element]] = {dataset.id: [] for dataset in missing}
        if missing:
            for row in await rows.find(conn, tables.elements, {"dataset_id": list(by_dataset)}):
                by_dataset[row["dataset_id"]].append(to(Element, row))
        for dataset in missing:
            self._known[dataset.id, dataset.data_version] = arrange(dataset, by_dataset[dataset.id])
        return [seen_by(self._known[dataset.id, dataset.data_version], viewer) for dataset in datasets]


def spec_of(layout: DatasetLayout, name: str) -> DatasetSpec:
    """What the group metadata on disk shall say."""
    return DatasetSpec(
        tables=tuple(map(table_spec, layout.tables)),
        extra={"name": name, "version": layout.version},
    )


def table_spec(part: TableLayout) -> TableSpec:
    """A table as the metadata on disk name its parts."""
    return TableSpec(
        name=part.table.name,
        columns=tuple(ColumnEntry(e.name, e.path) for e in part.columns),
        embeddings=tuple(EmbeddingEntry(e.name, e.path) for e in part.embeddings),
        n_cells=part.n_cells,
        n_features=int(part.table.meta["n_features"]),
        path=part.table.path,
    )


def remainder_of(part: TableLayout) -> Element | None:
    """What was kept of the file that the table was made of."""
    return next((element for element in part.results if element.kind == REMAINDER), None)


async def rewrite_metadata(context: Context, dataset_id: Key) -> None:
    """Make the group metadata on disk say what the database says; repeats until both are of one version.

    Raises
    ------
    DamagedDataError
        Where an array is not there; nothing changes then.
    """
    written = -1
    while True:
        async with context.db.read() as conn:
            row = await rows.get(conn, tables.datasets, dataset_id)
            if row is None:
                return
            dataset = to(Dataset, row)
            if dataset.data_version in (written, 0) or not await _owns_bytes(conn, dataset):
                return
            found = all_to(Element, await rows.find(conn, tables.elements, {"dataset_id": dataset_id}))
        layout = seen_by(arrange(dataset, found), None)
        root = context.blobs.zarr(dataset_path(dataset.bytes_id), read_only=False)
        with disk_errors(dataset.name):
            await asyncio.to_thread(write_metadata, root, spec_of(layout, dataset.name))
        written = layout.version


async def _owns_bytes(conn: Connection, dataset: Dataset) -> bool:
    """Whether the metadata on disk speak for this dataset: of copies that share their bytes, for the oldest."""
    oldest = await rows.first(conn, tables.datasets, {"bytes_id": dataset.bytes_id})
    return oldest is None or oldest["id"] == dataset.id


def _named(elements: tuple[Element, ...], name: str, what: str) -> Element:
    for element in elements:
        if element.name == name:
            return element
    known = ", ".join(f"'{element.name}'" for element in elements[:20])
    raise NotFoundError(f"There is no {what} called '{name[:255]}'", do=f"There are: {known}" if known else "")
