"""An FCS file becomes datasets: its events are written first, then all records of it in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytosol.base.keys import Key, new_key
from cytosol.base.protocols import Source
from cytosol.base.tables import ColumnData
from cytosol.base.waiting import to_the_end
from cytosol.catalog import events
from cytosol.catalog.annotation_edits import column_meta
from cytosol.catalog.commit import NewElement, insert_elements
from cytosol.catalog.context import Context
from cytosol.catalog.dataset_attributes import Annotation, set_annotations
from cytosol.catalog.fcs_facts import (
    automatic_annotations,
    channel_table,
    default_scales,
    facts_of,
    panel_of,
    plain_text,
    spill_of,
    technology_of,
)
from cytosol.catalog.index_sorts import SORTED_WELL, sorted_wells
from cytosol.catalog.layouts import dataset_path
from cytosol.catalog.records import to
from cytosol.catalog.scales import extend_scales
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.fcs.header import FcsHeader, read_headers
from cytosol.formats.fcs.reader import event_dtype, read_blocks
from cytosol.formats.spatialdata.columns import write_column
from cytosol.formats.spatialdata.events import chunk_events, write_events
from cytosol.model.names import clean_name
from cytosol.model.studies import Dataset
from cytosol.store.space import check_free, disk_errors

EVENTS = "events"
_RECENT = 20


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A data set of a file whose events are in the store, and that no record names yet.

    Attributes
    ----------
    bytes_id : of its store, and id of its dataset
    scales : feature reference → scale, for axes that the study has none for
    annotations : name and value, in order
    """

    bytes_id: Key
    name: str
    technology: str
    compensation: str
    panel: list[dict[str, Any]]
    scales: dict[str, dict[str, Any]]
    annotations: Sequence[Annotation]
    notes: list[str]
    elements: list[NewElement]


async def write_file(
    context: Context, source: Source, *, name: str, ids: Sequence[Key] = (), writing: Writing | None = None
) -> list[WrittenFile]:
    """Read a file and write the events of each of its data sets to a store of its own; all of them or none.

    Parameters
    ----------
    name : of the first dataset; the others are called 'name (2)' and so on
    ids : of the first datasets, where they exist already
    writing : hears of each store before it is written

    Raises
    ------
    UnreadableFileError, UnsupportedFormatError
        With what is wrong, where and what to do.
    OutOfSpaceError
        Where there is no room for its events.
    """
    headers = await asyncio.to_thread(read_headers, source)
    n_bytes = sum(one.n_events * len(one.channels) * event_dtype(one).itemsize for one in headers)
    await check_free(context.blobs, context.settings, n_bytes)
    written: list[WrittenFile] = []
    places: list[str] = []
    try:
        for number, header in enumerate(headers):
            id = ids[number] if number < len(ids) else new_key()
            places.append(dataset_path(id))
            if writing is not None:
                await writing.begin(dataset_path(id))
            title = name if number == 0 else f"{name[:240]} ({number + 1})"
            written.append(await to_the_end(asyncio.to_thread(_write, context, header, id, title)))
            await context.blobs.flush(dataset_path(id))
    except BaseException:
        await drop_places(context, places)
        raise
    return written


async def drop_files(context: Context, written: Iterable[WrittenFile]) -> None:
    """Remove what was written, when its records could not be."""
    await drop_places(context, [dataset_path(one.bytes_id) for one in written])


async def drop_places(context: Context, places: Iterable[str]) -> None:
    """Remove everything below some places of the store."""
    for place in places:
        await asyncio.shield(context.blobs.delete_prefix(place))


def _write(context: Context, header: FcsHeader, id: Key, name: str) -> WrittenFile:
    root = context.blobs.zarr(dataset_path(id), read_only=False)
    var, spill = channel_table(header), spill_of(header)
    dtype = event_dtype(header)
    rows_of_chunk = chunk_events(header.n_events, len(var))
    blocks: Iterable[np.ndarray] = (block for _, block in read_blocks(header, rows_of_chunk))
    with disk_errors(name):
        write_events(root, EVENTS, blocks, var=var, n_events=header.n_events, dtype=dtype)
    meta = {
        "n_cells": header.n_events,
        "n_features": len(var),
        "nnz": header.n_events * len(var),
        "dtype": dtype.name,
        "kind": EVENTS,
        "normalization": "",
        "fcs": facts_of(header, spill),
    }
    made = {"function": "add-file", "version": header.version, "data_set": header.number}
    elements = [NewElement("table", EVENTS, EVENTS, EVENTS, meta, made)]
    wells = sorted_wells(header.keywords, header.n_events)
    if wells is not None:
        elements.append(_column(root, SORTED_WELL, wells, made))
    return WrittenFile(
        bytes_id=id,
        name=name,
        technology=technology_of(header),
        compensation="internal" if spill.keyword else "none",
        panel=panel_of(header),
        scales=default_scales(header),
        annotations=automatic_annotations(header.keywords),
        notes=[plain_text(note, most=1000) for note in (*header.notes, spill.problem) if note],
        elements=elements,
    )


def _column(root: Any, name: str, column: ColumnData, made: dict[str, Any]) -> NewElement:
    path = name.lower().replace(" ", "_")
    write_column(root, EVENTS, path, column)
    return NewElement("column", EVENTS, name, path, column_meta(column), made)


async def insert_file(
    conn: Connection, study_id: Key, written: WrittenFile, *, values: dict[str, Any] | None = None
) -> Dataset:
    """Write down the dataset of a data set, ready for use, in a transaction of the caller.

    Parameters
    ----------
    values : further columns of the dataset, such as its lineage
    """
    await rows.insert(
        conn,
        tables.datasets,
        **{
            "id": written.bytes_id,
            "study_id": study_id,
            "name": clean_name(written.name),
            "bytes_id": written.bytes_id,
            "state": "published",
            "technology": written.technology,
            "position": await rows.count(conn, tables.datasets, {"study_id": study_id}),
            **(values or {}),
        },
    )
    await insert_elements(conn, written.bytes_id, written.elements)
    await describe_file(conn, study_id, written)
    return to(Dataset, await rows.need(conn, tables.datasets, written.bytes_id))


async def describe_file(conn: Connection, study_id: Key, written: WrittenFile) -> None:
    """Panel, annotations and scales of a dataset that is there, in a transaction of the caller."""
    await rows.update(
        conn,
        tables.datasets,
        {"id": written.bytes_id},
        {
            "panel": written.panel,
            "panel_name": await panel_name(conn, study_id, written.panel),
            "compensation": written.compensation,
            "notes": written.notes,
        },
    )
    await extend_scales(conn, study_id, written.scales)
    if written.annotations:
        await set_annotations(conn, study_id, written.bytes_id, written.annotations, widens=True)
    await events.append(
        conn,
        "dataset.changed",
        subject_kind="dataset",
        subject_id=written.bytes_id,
        study_id=study_id,
        data={"state": "published", "verb": "add-file"},
    )


async def panel_name(conn: Connection, study_id: Key, panel: list[dict[str, Any]]) -> str:
    """The name that datasets of the study with the same panel have, else the next free 'Panel 1' and on."""
    live = {"study_id": study_id, "deleted_at": None, "panel_name": rows.Not("")}
    # most files have the panel of the one before
    for row in await rows.find(conn, tables.datasets, live, order=("-id",), limit=_RECENT):
        if row["panel"] == panel:
            return str(row["panel_name"])
    taken = set()
    for row in await rows.find(conn, tables.datasets, live):
        if row["panel"] == panel:
            return str(row["panel_name"])
        taken.add(row["panel_name"])
    number = 1
    while f"Panel {number}" in taken:
        number += 1
    return f"Panel {number}"
