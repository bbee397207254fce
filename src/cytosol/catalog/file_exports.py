"""Files of cytometry to take away: as they were given, as FCS 3.1 or TSV of chosen events, or many in a ZIP archive."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Literal

from cytosol.analyses.cytometry.compensation import invert
from cytosol.base.errors import InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.axes import Spill, matrix_places
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.context import Context
from cytosol.catalog.cytometry import Cytometry
from cytosol.catalog.fcs_records import data_set_of, original_of
from cytosol.catalog.fcs_selection import EventChoice, choose_rows
from cytosol.catalog.fcs_writing import Taken, channel_keywords, fcs_stream, tsv_pieces, with_spill
from cytosol.catalog.gating import Gating
from cytosol.catalog.index_sorts import taken_pairs, with_pairs
from cytosol.catalog.layouts import dataset_path
from cytosol.catalog.matrix_file import MatrixFile
from cytosol.catalog.populations import unique_names
from cytosol.catalog.records import all_to
from cytosol.catalog.tables import Pinned, Tables
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.events import EventColumns
from cytosol.formats.spatialdata.layout import free_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Dataset
from cytosol.store.originals import original_path
from cytosol.store.space import check_free

FCS_TYPE = "application/vnd.isac.fcs"
TSV_TYPE = "text/tab-separated-values; charset=utf-8"
MAX_ZIP_ENTRIES = 10_000
TEMPLATE = "{file}"
_TOKENS = re.compile(r"\{([a-z_]+)\}")
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_PIECES_AT_ONCE = 4
Keys = Sequence[Key]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How events are written.

    Attributes
    ----------
    kind : fcs (FCS 3.1, float32), tsv, or original: the file as it was given, whatever else is said
    compensated : tsv: values are compensated; fcs: values stay, the matrix is written as that of the file
    headers : tsv: names of the channels in the first line
    event_number : a last column with the number of each event in its file, from 1
    """

    kind: Literal["fcs", "tsv", "original"] = "fcs"
    compensated: bool = False
    headers: bool = True
    event_number: bool = False


@dataclass(frozen=True, slots=True)
class FileDownload:
    """A file on its way out; ``size`` in bytes is None where it is not known before."""

    filename: str
    media_type: str
    size: int | None
    body: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class ZipRequest:
    """What goes into an archive.

    Attributes
    ----------
    dataset_ids : none = all files of the study but controls
    population_ids : each of them of each file; None among them = all events; none = all events
    template : name of each entry; ``{file}``, ``{file_id}``, ``{population}`` and ``{population_id}`` stand for these
    """

    dataset_ids: tuple[Key, ...] = ()
    population_ids: tuple[Key | None, ...] = ()
    choice: EventChoice = field(default_factory=EventChoice)
    format: FileFormat = field(default_factory=FileFormat)
    template: str = TEMPLATE


class FileExports:
    """The verbs that write files of cytometry."""

    def __init__(
        self, context: Context, reader: Tables, *, cytometry: Cytometry, gating: Gating, compensations: Compensations
    ) -> None:
        self._context = context
        self._reader = reader
        self._cytometry = cytometry
        self._gating = gating
        self._compensations = compensations

    async def export(
        self,
        actor: Actor,
        *,
        dataset_id: Key,
        format: FileFormat = FileFormat(),
        choice: EventChoice = EventChoice(),  # noqa: B008 (frozen)
    ) -> FileDownload:
        """One file, streamed.

        Raises
        ------
        NotFoundError, InvalidInputError
            Where the population or the compensation cannot be used for this file.
        """
        if format.kind == "original":
            return await self._original(actor, dataset_id)
        await self._check(actor, dataset_id)
        pinned = await self._reader.pin(actor, dataset_id=dataset_id)
        size, media_type, pieces = await self._written(actor, pinned, format, choice)
        name = entry_name(pinned.dataset.name, format)
        return FileDownload(name, media_type, size, in_threads(pieces))

    async def taken(
        self, pinned: Pinned, choice: EventChoice, *, places: Sequence[int] | None = None, event_number: bool = False
    ) -> Taken:
        """The events of a table that a choice takes; rights were asked when it was pinned."""
        data_set_of(pinned.layout)
        mask = None
        if choice.population_id is not None:
            spill = await self._compensations.resolve(pinned, choice.compensation)
            state = await self._gating.state(pinned.dataset.study_id, [pinned.dataset.id])
            population = state.population(choice.population_id)
            mask = await self._gating.mask(pinned, population=population, compensation=spill)
        root = self._context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=True)
        events = await asyncio.to_thread(EventColumns.open, root, pinned.part.table.path)
        wanted = range(events.n_features) if places is None else places
        return Taken(events, tuple(wanted), choose_rows(choice, mask, events.n_cells), event_number)

    async def zip(self, actor: Actor, *, study_id: Key, what: ZipRequest) -> FileDownload:
        """Many files in one archive; those of a name that is taken get ' (1)'."""
        if what.format.kind == "original" and what.population_ids:
            raise InvalidInputError("Files as they were given have no populations", do="Choose fcs or tsv")
        datasets, name = await self._datasets(actor, study_id, what.dataset_ids)
        populations = what.population_ids or (None,)
        if len(datasets) * len(populations) > MAX_ZIP_ENTRIES:
            raise LimitExceededError(
                f"An archive has at most {MAX_ZIP_ENTRIES:,} files", do="Choose fewer", setting="zip-entries"
            )
        self._context.scratch.root.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=self._context.scratch.root)  # noqa: SIM115 (lives on in the answer)
        try:
            await self._fill(actor, file, datasets, what=what)
            size = os.fstat(file.fileno()).st_size
        except BaseException:
            file.close()
            raise
        return FileDownload(f"{name}.zip", "application/zip", size, MatrixFile(file, size).pieces())

    async def _fill(self, actor: Actor, file: IO[bytes], datasets: Sequence[Dataset], *, what: ZipRequest) -> None:
        titles = await self._population_names(datasets, what)
        taken: set[str] = set()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for dataset in datasets:
                for population_id in what.population_ids or (None,):
                    choice = replace(what.choice, population_id=population_id)
                    part = await self.export(actor, dataset_id=dataset.id, format=what.format, choice=choice)
                    await check_free(self._context.blobs, self._context.settings, part.size or 0)
                    name = _entry(what.template, _tokens(dataset, population_id, titles), part.filename)
                    stem, dot, ending = name.rpartition(".")
                    stem = free_name(stem, taken)
                    taken.add(stem)
                    with archive.open(f"{stem}{dot}{ending}", "w", force_zip64=True) as entry:
                        async for piece in part.body:
                            await asyncio.to_thread(entry.write, piece)

    async def _population_names(self, datasets: Sequence[Dataset], what: ZipRequest) -> dict[Key, str]:
        if not any(what.population_ids) or not datasets:
            return {}
        state = await self._gating.state(datasets[0].study_id, [])
        return unique_names(state.populations.values())

    async def _datasets(self, actor: Actor, study_id: Key, ids: Keys) -> tuple[list[Dataset], str]:
        where = {"study_id": study_id, "deleted_at": None, "data_version": rows.Above(0)}
        async with self._context.db.read() as conn:
            access = await study_access(conn, actor, study_id, Permission.EXPORT)
            found = all_to(Dataset, await rows.find(conn, tables.datasets, where, order=("position", "id")))
        known = {dataset.id: dataset for dataset in found if dataset.panel}
        if missing := [id for id in ids if id not in known]:
            raise NotFoundError(f"{len(missing)} of the files are not in this study", where=missing[0].hex24)
        chosen = [known[id] for id in ids] or [dataset for dataset in known.values() if not dataset.is_control]
        return chosen, _UNSAFE.sub("_", access.study.name)

    async def _check(self, actor: Actor, dataset_id: Key) -> None:
        async with self._context.db.read() as conn:
            await dataset_access(conn, actor, dataset_id, Permission.EXPORT)

    async def _original(self, actor: Actor, dataset_id: Key) -> FileDownload:
        async with self._context.db.read() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.FILE_READ)
            original = await original_of(conn, dataset)
        if original.bytes_id is None:
            raise NotFoundError("This file lies on a storage and was not copied", where=original.path)
        body = self._context.blobs.stream(original_path(original.bytes_id))
        return FileDownload(original.path.rpartition("/")[2], FCS_TYPE, original.size, body)

    async def _written(
        self, actor: Actor, pinned: Pinned, format: FileFormat, choice: EventChoice
    ) -> tuple[int | None, str, Iterator[bytes]]:
        taken = await self.taken(pinned, choice, event_number=format.event_number)
        panel = pinned.dataset.panel
        spill = await self._compensations.resolve(pinned, choice.compensation) if format.compensated else None
        if format.kind == "tsv":
            names = [str(entry["channel"]) for entry in panel]
            if spill is not None:
                taken = await self._compensated(pinned, taken, spill)
            return None, TSV_TYPE, tsv_pieces(taken, names, with_header=format.headers)
        text = await self._cytometry.keywords(actor, dataset_id=pinned.dataset.id)
        if choice.is_sampled:  # the volume is that of all events
            text = {name: value for name, value in text.items() if name.upper() != "$VOL"}
        if taken.rows is not None:
            text = with_pairs(text, taken_pairs(text, taken.events.n_cells, taken.rows))
        keywords = with_spill(text, spill, [str(entry["channel"]) for entry in panel]) if format.compensated else text
        size, pieces = fcs_stream(taken, channel_keywords(text, panel), keywords)
        return size, FCS_TYPE, pieces

    async def _compensated(self, pinned: Pinned, taken: Taken, spill: Spill) -> Taken:
        places = await matrix_places(self._reader, pinned, spill)
        invert(spill.matrix)  # one without an inverse is refused before the first byte goes out
        return Taken(taken.events, taken.places, taken.rows, taken.with_numbers, (tuple(places), spill.matrix))


def entry_name(name: str, format: FileFormat) -> str:
    """The name of a written file: that of the dataset, with the ending of its format."""
    stem, dot, ending = name.rpartition(".")
    base = stem if dot and ending.lower() in ("fcs", "lmd", "tsv") else name
    return f"{_UNSAFE.sub('_', base)}.{'tsv' if format.kind == 'tsv' else 'fcs'}"


def _tokens(dataset: Dataset, population_id: Key | None, titles: dict[Key, str]) -> dict[str, str]:
    return {
        "file_id": dataset.id.hex24,
        "population": titles.get(population_id, "Ungated") if population_id else "Ungated",
        "population_id": population_id.hex24 if population_id else "",
    }


def _entry(template: str, tokens: dict[str, str], filename: str) -> str:
    stem, dot, ending = filename.rpartition(".")
    values = {"file": stem, **tokens}

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise InvalidInputError(
                f"'{match[0][:64]}' stands for nothing in the name of a file",
                where="template",
                do="Use {file}, {file_id}, {population} and {population_id}",
            )
        return values[match[1]]

    name = _UNSAFE.sub("_", _TOKENS.sub(value, template)).strip(". ") or stem
    return f"{name}{dot}{ending}"


async def in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces that are made on a thread, one after another."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
