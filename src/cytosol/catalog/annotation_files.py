"""Annotations that come as a text file on a storage."""

from __future__ import annotations

import asyncio

import pandas as pd

from cytosol.base.errors import InvalidInputError, LimitExceededError, UnreadableFileError
from cytosol.base.keys import Key
from cytosol.base.protocols import Source
from cytosol.catalog.annotations import Added, Annotations
from cytosol.catalog.context import Context
from cytosol.catalog.storages import Storages
from cytosol.catalog.uploads import Uploads
from cytosol.formats.contigs import looks_like_contigs, read_contigs
from cytosol.formats.files import BytesSource, open_unpacked, readable
from cytosol.model.rights import Actor
from cytosol.store.originals import original_path

MAX_FILE_BYTES = 512 << 20


class AnnotationFiles:
    """The verbs that read annotations from files."""

    def __init__(self, context: Context, annotations: Annotations, storages: Storages, uploads: Uploads) -> None:
        self._context = context
        self._annotations = annotations
        self._storages = storages
        self._uploads = uploads

    async def add(self, actor: Actor, *, dataset_id: Key, storage_id: Key, path: str, table: str = "") -> Added:
        """Add every column of a TSV or CSV whose first column is the barcode.

        Raises
        ------
        UnreadableFileError
            Where the file is not such a table.
        LimitExceededError
            Where it is larger than 512 MiB.
        """
        mount = await self._storages.mount(actor, storage_id=storage_id)
        entry = await self._storages.stat(actor, storage_id=storage_id, path=path)
        if entry.is_folder:
            raise InvalidInputError("This is a folder, not a file", where=path[:300], do="Name the file in it")
        _check_size(entry.size, path)
        source = await asyncio.to_thread(mount.source, path.strip("/"))
        frame = await asyncio.to_thread(read_annotations, source)
        return await self._annotations.add_frame(actor, dataset_id=dataset_id, frame=frame, table=table)

    async def add_text(
        self, actor: Actor, *, dataset_id: Key, data: bytes, table: str = "", private: bool | None = None
    ) -> Added:
        """Add every column of a TSV or CSV that was sent, plain or gzipped; V(D)J contigs are summed up."""
        name = "annotations.gz" if data.startswith(b"\x1f\x8b") else "annotations"
        frame = await asyncio.to_thread(read_annotations, BytesSource(name, data))
        return await self._annotations.add_frame(
            actor, dataset_id=dataset_id, frame=frame, table=table, private=private
        )

    async def add_upload(self, actor: Actor, *, dataset_id: Key, upload_id: Key, table: str = "") -> Added:
        """The same with a file that was uploaded."""
        original = await self._uploads.complete(actor, upload_id=upload_id)
        _check_size(original.size, original.path)
        source = self._context.blobs.source(original_path(original.bytes_id or original.id), original.path)
        frame = await asyncio.to_thread(read_annotations, source)
        return await self._annotations.add_frame(actor, dataset_id=dataset_id, frame=frame, table=table)


def _check_size(size: int, path: str) -> None:
    if size > MAX_FILE_BYTES:
        raise LimitExceededError(
            f"The file has {size:,} bytes; {MAX_FILE_BYTES:,} are allowed", where=path[:300], do="Split it"
        )


def read_annotations(source: Source, most_bytes: int = MAX_FILE_BYTES) -> pd.DataFrame:
    """A TSV or, where that gives one column only, a CSV; indexed by its first column, kept as text.

    The header may lack the name of the first column, as R writes it. V(D)J contigs are summed up to their cells.

    Parameters
    ----------
    most_bytes : that the file may have unpacked

    Raises
    ------
    LimitExceededError
        Where it has more.
    """
    _check_unpacked(source, most_bytes)
    if _are_contigs(source):
        return read_contigs(source)
    for separator in ("\t", ","):
        frame = _read(source, separator)
        if len(frame.columns):
            return frame
    raise UnreadableFileError(
        "The file has one column only", where=source.name, do="Give the barcode first, then one column an annotation"
    )


def _check_unpacked(source: Source, most_bytes: int) -> None:
    """Look through the whole file, because a small packed one may be of any size unpacked."""
    n_bytes = 0
    with open_unpacked(source) as stream:
        while piece := stream.read(1 << 20):
            n_bytes += len(piece)
            if n_bytes > most_bytes:
                raise LimitExceededError(
                    f"The file has more than {most_bytes:,} bytes when it is unpacked",
                    where=source.name[:300],
                    do="Split it",
                )


def _are_contigs(source: Source) -> bool:
    with readable(source.name), open_unpacked(source) as stream:
        header = stream.readline(1 << 16).decode("utf-8-sig", "replace").strip()
    return looks_like_contigs(header.split("\t" if "\t" in header else ","))


def _read(source: Source, separator: str) -> pd.DataFrame:
    packed = "gzip" if source.name.lower().endswith(".gz") else None
    try:
        with source.open() as file:
            frame = pd.read_csv(file, sep=separator, dtype={0: str}, compression=packed, encoding="utf-8-sig")
        if isinstance(frame.index, pd.RangeIndex):
            return frame.set_index(frame.columns[0])
        if isinstance(frame.index, pd.MultiIndex):
            raise ValueError("its rows have more fields than its header")
        return frame.set_index(frame.index.astype(str))
    except (ValueError, OSError, EOFError) as error:
        raise UnreadableFileError(
            f"The file is not a table: {str(error)[:200]}",
            where=source.name,
            do="Give a TSV or CSV in UTF-8 whose first column is the barcode",
        ) from error
