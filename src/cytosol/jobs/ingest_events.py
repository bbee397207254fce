"""The job that makes datasets of FCS files that were submitted like files of any other kind."""

from __future__ import annotations

import asyncio

from cytosol.base.errors import UnreadableFileError
from cytosol.base.keys import Key
from cytosol.base.protocols import Source
from cytosol.catalog.commit import CommittedResult, commit_result
from cytosol.catalog.fcs_store import WrittenFile, describe_file, drop_files, insert_file, write_file
from cytosol.catalog.layouts import rewrite_metadata
from cytosol.catalog.submissions import bind_original
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.files import copy_down
from cytosol.formats.sniff import read_head
from cytosol.jobs.making import Making
from cytosol.jobs.registry import JobRun
from cytosol.jobs.sources import Files, open_files
from cytosol.store.originals import ingest_file

Batch = tuple[Files, list[Key]]


def holds_events(source: Source) -> bool:
    """Whether a file is an FCS file."""
    head = read_head(source)
    if head.content == "fcs" and head.packed:
        raise UnreadableFileError(
            f"The file is {head.title}, which is not unpacked here", where=head.name, do="Unpack it"
        )
    return head.content == "fcs"


async def ingest_events(run: JobRun, making: Making, first: Batch) -> None:
    """Make the dataset of the job of the first data set, and further ones of all others; all of them or none.

    Parameters
    ----------
    first : files of the first batch and their originals
    """
    context = run.catalog.context
    async with context.db.read() as conn:
        dataset = await rows.need(conn, tables.datasets, run.job.dataset_id or Key(bytes(12)))
    made: list[tuple[WrittenFile, Key]] = []
    try:
        for number, batch in enumerate(run.job.params["batches"]):
            files, ids = first if number == 0 else await open_files(run, number, batch["files"])
            await _keep(run, files["matrix"], ids[0])
            run.report.log(f"Reading {files['matrix'].name}")
            run.report.progress(number / len(run.job.params["batches"]), f"Reading {batch['name']}")
            name = dataset["name"] if number == 0 else batch["name"]
            given = [dataset["bytes_id"]] if number == 0 else []
            made += [(one, ids[0]) for one in await write_file(context, files["matrix"], name=name, ids=given)]
            making.inputs += ids
        main, *others = [one for one, _ in made]
        facts = {"n_cells": int(main.elements[0].meta["n_cells"]), "tables": ["events"], "datasets": len(made)}

        async def also(conn: Connection) -> None:
            await describe_file(conn, dataset["study_id"], main)
            for one, original_id in made[1:]:
                await insert_file(conn, dataset["study_id"], one)
                await bind_original(conn, original_id, one.bytes_id)

        run.channel.flush()
        technology = run.job.params.get("technology") or main.technology
        for text in main.notes:
            run.report.log(text)
        closing = ("Study was successfully submitted", "DONE !!!")
        result = CommittedResult(tuple(main.elements), technology=technology, result=facts, closing=closing, also=also)
        await commit_result(context, run.job.id, run.job.epoch, result)
    except BaseException:
        await drop_files(context, [one for one, _ in made])
        raise
    for one in others:
        await rewrite_metadata(context, one.bytes_id)


async def _keep(run: JobRun, source: Source, original_id: Key) -> None:
    """Take a file that lies on a storage in, since its keywords are read whenever somebody asks."""
    context = run.catalog.context
    async with context.db.read() as conn:
        original = await rows.need(conn, tables.originals, original_id)
    if original["bytes_id"] is not None:
        return
    local = run.scratch / "original.fcs"
    await asyncio.to_thread(copy_down, source, local)
    digest = await ingest_file(context.blobs, original_id, local, move=True)
    values = {
        "bytes_id": original_id,
        "storage_id": None,
        "size": digest.size,
        "sha256": digest.sha256,
        "md5": digest.md5,
        "crc32c": f"{digest.crc32c:08x}",
    }
    async with context.db.write() as conn:
        await rows.change(conn, tables.originals, original_id, values, expected=None)
