"""New files made of files: copied, joined, sampled, cut down to a population; written as FCS 3.1, then added."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key, new_key
from cytosol.base.waiting import to_the_end
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.context import Context
from cytosol.catalog.cytometry import Cytometry
from cytosol.catalog.fcs_selection import EventChoice
from cytosol.catalog.fcs_store import WrittenFile, write_file
from cytosol.catalog.fcs_writing import EVENT_NUMBER, FILE_NUMBER, Channel, Taken, channel_keywords
from cytosol.catalog.file_exports import FileExports
from cytosol.catalog.index_sorts import taken_pairs, with_pairs
from cytosol.catalog.layouts import rewrite_metadata
from cytosol.catalog.tables import Pinned, Tables
from cytosol.catalog.uploads import Uploads
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.formats.fcs.records import Keywords
from cytosol.formats.fcs.writer import fcs_head, is_channel_keyword
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user
from cytosol.model.studies import Dataset
from cytosol.store.originals import ingest_file, original_path, original_source
from cytosol.store.space import check_free

MAX_SOURCES = 1000
_NOISE = 0.25
_DATES = ("%d-%b-%Y", "%Y-%b-%d", "%d-%m-%Y", "%Y-%m-%d")
DatasetList = list[Dataset]


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a new file is made of.

    Attributes
    ----------
    dataset_ids : one = a copy; several are joined in this order
    filename : "" = that of the one source, or of the first with ' (joined)'
    add_file_number : a last column with the number of the source, from 1, and noise of ±0.25 around it
    add_event_number : a last column with the number of the event in its source, from 1
    choice : the events that are taken of each source, before they are joined
    """

    dataset_ids: tuple[Key, ...]
    filename: str = ""
    add_file_number: bool = False
    add_event_number: bool = False
    choice: EventChoice = field(default_factory=EventChoice)


@dataclass(frozen=True, slots=True)
class _Source:
    """A source: the events that are taken of it, its keywords, and its channels in the order of the first source."""

    pinned: Pinned
    taken: Taken
    text: dict[str, str]
    channels: list[Channel]


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that was written and has no dataset yet.

    Attributes
    ----------
    original : the record of its bytes, as columns
    values : columns that its dataset gets
    """

    original: dict[str, Any]
    written: list[WrittenFile]
    values: dict[str, Any]


class Derivations:
    """The verb that makes files of files."""

    def __init__(
        self, context: Context, reader: Tables, *, cytometry: Cytometry, exports: FileExports, uploads: Uploads
    ) -> None:
        self._context = context
        self._reader = reader
        self._cytometry = cytometry
        self._exports = exports
        self._uploads = uploads

    async def derive(self, actor: Actor, *, study_id: Key, what: Derivation) -> DatasetList:
        """Make a new file in a study; its lineage names the sources in order.

        Raises
        ------
        InvalidInputError
            Where a source lacks a channel that the first one has.
        """
        user_id = require_user(actor, "write")
        if not 1 <= len(what.dataset_ids) <= MAX_SOURCES:
            raise InvalidInputError(f"A file is made of 1 to {MAX_SOURCES:,} files, not {len(what.dataset_ids):,}")
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            for id in what.dataset_ids:
                await dataset_access(conn, actor, id, Permission.EXPORT)
        sources = await self._sources(actor, what)
        name = clean_name(what.filename or _name_of(sources), field="filename")
        head, pieces = _joined(sources, what, name)
        n_bytes = len(head) + sum(source.taken.n_events for source in sources) * 4 * (len(sources[0].channels) + 2)
        await check_free(self._context.blobs, self._context.settings, 3 * n_bytes)
        async with self._context.db.write() as conn:
            await self._uploads.check_room(conn, user_id, n_bytes)
        made_of = [source.pinned for source in sources]
        return await self.add_made(actor, study_id, (head, pieces), name=name, sources=made_of)

    async def _sources(self, actor: Actor, what: Derivation) -> list[_Source]:
        found: list[_Source] = []
        for id in what.dataset_ids:
            pinned = await self._reader.pin(actor, dataset_id=id)
            panel = {str(entry["channel"]): entry for entry in pinned.dataset.panel}
            names = [source["N"] for source in found[0].channels] if found else list(panel)
            if missing := [name for name in names if name not in panel]:
                raise InvalidInputError(
                    f"'{pinned.dataset.name}' has no channel {', '.join(missing[:10])}, which "
                    f"'{found[0].pinned.dataset.name}' has",
                    where="dataset_ids",
                    do="Join files with the same channels",
                )
            places = await self._reader.places(pinned, names)
            taken = await self._exports.taken(pinned, what.choice, places=places, event_number=what.add_event_number)
            text = await self._cytometry.keywords(actor, dataset_id=id)
            found.append(_Source(pinned, taken, text, channel_keywords(text, [panel[name] for name in names])))
        return found

    async def add_made(
        self,
        actor: Actor,
        study_id: Key,
        file: tuple[bytes, Iterator[bytes]],
        *,
        name: str,
        sources: Sequence[Pinned],
    ) -> DatasetList:
        """Add a file that was just written of others; its lineage names these. Rights were asked before.

        Parameters
        ----------
        file : HEADER and TEXT, and all that follows in pieces
        """
        async with Writing(self._context) as writing:
            made = await self.write_made(actor, file, name=name, sources=sources, writing=writing)
            return await self.add_all_made(actor, study_id, [made])

    async def add_all_made(self, actor: Actor, study_id: Key, made: Sequence[MadeFile]) -> DatasetList:
        """Write down the datasets of files in one transaction."""
        async with self._context.db.write() as conn:
            datasets = [dataset for one in made for dataset in await self.insert_made(conn, actor, study_id, one)]
        self._context.notifier.events_stored()
        for dataset in datasets:
            await rewrite_metadata(self._context, dataset.id)
        return datasets

    async def write_made(
        self,
        actor: Actor,
        file: tuple[bytes, Iterator[bytes]],
        *,
        name: str,
        sources: Sequence[Pinned],
        writing: Writing,
    ) -> MadeFile:
        """Write a file and its events, which no dataset has yet: the caller inserts it before the writing ends."""
        context, key = self._context, new_key()
        user_id = require_user(actor, "write")
        with tempfile.TemporaryDirectory(dir=await asyncio.to_thread(_room, context.scratch.root)) as folder:
            local = Path(folder) / "derived.fcs"
            await asyncio.to_thread(_write, local, *file)
            await writing.begin(original_path(key))
            digest = await to_the_end(ingest_file(context.blobs, key, local, move=True))
        original = {
            "id": key,
            "owner_id": user_id,
            "path": name,
            "size": digest.size,
            "sha256": digest.sha256,
            "md5": digest.md5,
            "crc32c": f"{digest.crc32c:08x}",
            "bytes_id": key,
        }
        lineage = {
            "source_files": [
                {"study_id": source.dataset.study_id.hex24, "dataset_id": source.dataset.id.hex24} for source in sources
            ]
        }
        source = original_source(context.blobs, key, name)
        written = await write_file(context, source, name=name, writing=writing)
        return MadeFile(original, written, {"lineage": lineage})

    async def insert_made(self, conn: Connection, actor: Actor, study_id: Key, made: MadeFile) -> DatasetList:
        """Write down the dataset of a file in a transaction of the caller, who rewrites its metadata afterwards."""
        await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
        await rows.insert(conn, tables.originals, **made.original)
        return await self._cytometry.insert_on(
            conn, actor, study_id, made.written, original_id=made.original["id"], values=made.values
        )


def _name_of(sources: Sequence[_Source]) -> str:
    first = sources[0].pinned.dataset.name
    if len(sources) == 1:
        return first
    stem, dot, ending = first.rpartition(".")
    return f"{stem} (joined).{ending}" if dot else f"{first} (joined)"


def _joined(sources: Sequence[_Source], what: Derivation, name: str) -> tuple[bytes, Iterator[bytes]]:
    """HEADER and TEXT of the joined file, and its events in pieces."""
    channels = joined_channels([source.channels for source in sources])
    if what.add_event_number:
        most = max(source.taken.events.n_cells for source in sources)
        channels.append({"N": EVENT_NUMBER, "R": str(most + 1)})
    if what.add_file_number:
        channels.append({"N": FILE_NUMBER, "R": str(len(sources) + 1)})
    keywords = joined_keywords([source.text for source in sources])
    wells = [taken_pairs(source.text, source.taken.events.n_cells, source.taken.rows) for source in sources]
    keywords = with_pairs(keywords, [pair for pairs in wells for pair in pairs] if all(wells) else [])
    _add_volumes(keywords, [source.text for source in sources], is_sampled=what.choice.is_sampled)
    for keyword in [keyword for keyword in keywords if keyword.upper() == "$FIL"]:
        keywords[keyword] = name
    head = fcs_head(channels, sum(source.taken.n_events for source in sources), keywords=keywords)
    return head, _events(sources, what)


def _events(sources: Sequence[_Source], what: Derivation) -> Iterator[bytes]:
    whole = int(what.choice.seed) if what.choice.seed == int(what.choice.seed) else 0
    noise = np.random.default_rng(abs(whole))
    for number, source in enumerate(sources, start=1):
        for block in source.taken.blocks():
            if what.add_file_number:
                column = number + noise.uniform(-_NOISE, _NOISE, len(block))
                block = np.column_stack([block, column.astype(np.float32)])
            yield np.ascontiguousarray(block, dtype="<f4").tobytes()


def joined_channels(sources: Sequence[Sequence[Channel]]) -> list[Channel]:
    """Keywords of the channels of a joined file: those that all sources agree on, and the largest range."""
    first, *others = sources
    joined = []
    for place, channel in enumerate(first):
        same = [source[place] for source in others]
        kept = {key: value for key, value in channel.items() if all(other.get(key) == value for other in same)}
        kept["N"] = channel["N"]
        ranges = [one.get("R", "") for one in (channel, *same)]
        kept["R"] = max(ranges, key=_number)
        joined.append(kept)
    return joined


def joined_keywords(sources: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Keywords of a joined file: those that all sources agree on; of the earliest $DATE and $BTIM, of the latest $ETIM.

    The names of keywords are compared whatever their case.
    """
    first, *others = ({name.upper(): value for name, value in source.items()} for source in sources)
    kept = {
        name: value
        for name, value in sources[0].items()
        if is_channel_keyword(name) or all(other.get(name.upper()) == value for other in others)
    }
    times = [Keywords(source) for source in sources]
    begin = min((one for one in times if one.get("$BTIM")), key=lambda one: _moment(one, "$BTIM"), default=times[0])
    end = max((one for one in times if one.get("$ETIM")), key=lambda one: _moment(one, "$ETIM"), default=times[0])
    for name, source in (("$DATE", begin), ("$BTIM", begin), ("$ETIM", end)):
        if name in first and source.get(name):
            spelled = next(keyword for keyword in sources[0] if keyword.upper() == name)
            kept[spelled] = source.get(name)
    return {name: kept[name] for name in sources[0] if name in kept}


def _add_volumes(keywords: dict[str, str], sources: Sequence[Mapping[str, str]], *, is_sampled: bool) -> None:
    """Make ``$VOL`` that of all sources; away with it where events were drawn, since it is no longer theirs."""
    if len(sources) == 1 and not is_sampled:
        return
    for name in [name for name in keywords if name.upper() == "$VOL"]:
        del keywords[name]
    said = [Keywords(source) for source in sources]
    volumes = [_number(one.get("$VOL")) for one in said]
    if not is_sampled and min(volumes) > 0 and len({one.get("$CYT") for one in said}) == 1:
        keywords["$VOL"] = f"{math.fsum(volumes):.10g}"


def _moment(keywords: Keywords, time: str) -> tuple[int, float]:
    """The day, and the seconds of it: of hh:mm:ss, hh:mm:ss.cc (FCS 3.1) or hh:mm:ss:tt (3.0: sixtieths)."""
    parts = [_number(part) for part in keywords.get(time).split(":")]
    seconds = math.fsum(part * unit for part, unit in zip(parts, (3600, 60, 1, 1 / 60), strict=False))
    text = keywords.get("$DATE")
    for spelling in _DATES:
        try:
            return datetime.strptime(text.title(), spelling).replace(tzinfo=UTC).toordinal(), seconds
        except ValueError:
            continue
    return 0, seconds


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _room(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    return root


def _write(path: Path, head: bytes, pieces: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        file.write(head)
        for piece in pieces:
            file.write(piece)
