"""The files of a submission, ready to be read: uploads completed, files on storages found or fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.base.protocols import Source
from cytosol.catalog.records import to
from cytosol.catalog.storages import listing_stamp, walk
from cytosol.catalog.submissions import bind_original
from cytosol.db import rows, tables
from cytosol.formats.folders import FolderSource
from cytosol.jobs.registry import JobRun
from cytosol.model.rights import SYSTEM
from cytosol.model.work import Original
from cytosol.store.mounts import Storage as Mount
from cytosol.store.originals import original_source
from cytosol.store.sources import FileSource

Files = dict[str, Source]


async def open_files(run: JobRun, number: int, said: Mapping[str, Mapping[str, str]]) -> tuple[Files, list[Key]]:
    """The files of one batch by role, and the ids of their originals.

    Parameters
    ----------
    number : of the batch
    said : what the job's parameters say about each role
    """
    files: Files = {}
    inputs: list[Key] = []
    for role, reference in said.items():
        folder = run.scratch / f"batch-{number}" / role
        if "storage" in reference:
            storage_id = Key.parse(reference["storage"])
            files[role], _ = await _stored(run, storage_id, reference["path"], stamp=reference["stamp"], folder=folder)
            continue
        original = await _original(run, reference)
        inputs.append(original.id)
        files[role] = await _source(run, original, folder)
    return files, inputs


async def fetch_blob(run: JobRun, path: str) -> Path:
    """A blob of the store as a file of this machine: where it lies, or a copy in the scratch folder of the job."""
    blobs = run.catalog.context.blobs
    local = blobs.local_path(path)
    if local is not None:
        return local
    copy = run.scratch / path.rpartition("/")[2]
    with await asyncio.to_thread(copy.open, "wb") as file:
        async for piece in blobs.stream(path):
            await asyncio.to_thread(file.write, piece)
    return copy


async def _original(run: JobRun, reference: Mapping[str, str]) -> Original:
    context = run.catalog.context
    if "upload" in reference:
        whole = await run.catalog.uploads.complete(SYSTEM, upload_id=Key.parse(reference["upload"]))
        if run.job.dataset_id is None:
            return whole
        async with context.db.write() as conn:
            id = await bind_original(conn, whole.id, run.job.dataset_id)
            return to(Original, await rows.need(conn, tables.originals, id))
    async with context.db.read() as conn:
        row = await rows.get(conn, tables.originals, Key.parse(reference["original"]))
    if row is None:
        raise NotFoundError("A file of this submission is gone", do="Submit it again")
    return to(Original, row)


async def _source(run: JobRun, original: Original, folder: Path) -> Source:
    name = original.path.rpartition("/")[2]
    if original.storage_id is None:
        return original_source(run.catalog.context.blobs, original.bytes_id or original.id, name)
    source, stamp = await _stored(
        run, original.storage_id, original.source_path, stamp=original.source_stamp, folder=folder
    )
    if stamp != original.source_stamp:
        await _note_change(run, original, source.size, stamp)
    return source


async def _stored(run: JobRun, storage_id: Key, path: str, *, stamp: str, folder: Path) -> tuple[Source, str]:
    """A file on a storage, fetched where it is far, and its stamp of today."""
    name = path.rpartition("/")[2]
    storage = await run.catalog.storages.get(run.actor, storage_id=storage_id)
    mount = await run.catalog.storages.mount(run.actor, storage_id=storage_id)
    entry = await mount.stat(path)
    if entry is None:
        raise NotFoundError("The file is no longer on its storage", where=path, do="Submit it again")
    if entry.is_folder:
        remote = storage.storage.kind != "folder"
        return await _folder(run, mount, path, stamp=stamp, target=folder / "files", remote=remote)
    found = entry.etag or str(entry.modified_us)
    _compare(run, name, stamp, found)
    if storage.storage.kind == "folder":
        return mount.source(path), found
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    place = folder / "file"
    await mount.fetch(path, place, _progress(run, name))
    run.report.log("File downloaded")
    return FileSource(name, entry.size, place), found


async def _folder(
    run: JobRun, mount: Mount, path: str, *, stamp: str, target: Path, remote: bool
) -> tuple[Source, str]:
    """All files of a folder of a storage, linked or copied to one of this job, and its stamp of today."""
    name = path.rpartition("/")[2] or "folder"
    files = await walk(mount, path, most=run.catalog.context.settings.max_archive_paths)
    found = listing_stamp(files)
    _compare(run, name, stamp, found)
    size = sum(entry.size for _, entry in files)
    tell = _progress(run, name) if remote else None
    done = 0
    for inner, entry in files:
        place = target / inner
        await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
        await mount.place("/".join(part for part in (path, inner) if part), place)
        done += entry.size
        if tell is not None:
            tell(done, size)
    run.report.log(f"{name} is ready: {len(files)} files")
    return FolderSource(target, name), found


def _compare(run: JobRun, name: str, stamp: str, found: str) -> None:
    if found != stamp:
        run.report.log(f"{name} changed on its storage since it was submitted", level="warning")


async def _note_change(run: JobRun, original: Original, size: int, stamp: str) -> None:
    async with run.catalog.context.db.write() as conn:
        await rows.change(conn, tables.originals, original.id, {"size": size, "source_stamp": stamp}, expected=None)


def _progress(run: JobRun, name: str) -> Callable[[int, int], None]:
    """Lines such as 'Downloading FILE from s3: 262.1 KB / 432.8 MB', at most one for every twentieth."""
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        part = 20 * done // max(1, total)
        if part != told:
            told = part
            run.report.log(f"Downloading {name} from s3: {in_words(done)} / {in_words(total)}")
        run.report.progress(0.05 * done / max(1, total), "Downloading")

    return tell


def in_words(n_bytes: int) -> str:
    """A number of bytes for people: '262.1 KB'."""
    size = float(n_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
