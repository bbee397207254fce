"""Values of feature references on any table: channels, genes, antibodies, annotations and embeddings of the cells.

A ``var:`` axis is, of an event table, the channel as stored, compensated if that is asked for; of any other table the
feature in the table's own unit: log-normalised, CLR of antibodies, or the values as they are. A ``reagent:`` axis is
the channel that carries the reagent in this file.

Genes and antibodies of the same cells are tables of one dataset. What a table lacks is looked for in those others, so
that antibodies gate genes, and embeddings and annotations serve both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.compensation import compensate
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.analyses.cytometry.statistics import rising
from cytosol.analyses.matrix.normalization import log_normalize_feature
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.catalog.compute import ByteCache
from cytosol.catalog.context import Context
from cytosol.catalog.tables import Pinned, Tables
from cytosol.formats.spatialdata.events import EventColumns
from cytosol.model.gating_rules import parse_reference
from cytosol.model.panels import REAGENT, carrier

EVENTS = "events"
"""The kind of a table whose features are channels as an instrument measured them."""
_MOST_NAMED = 60
_WORTH_KEEPING = 1 << 16
"""Events from which on compensating them again takes longer than finding new memory to keep them in."""


@dataclass(frozen=True)
class Spill:
    """A spillover matrix as it is applied: channels, and numbers of shape (n, n); row = dye, column = detector."""

    channels: tuple[str, ...]
    matrix: np.ndarray
    digest: str = field(default="")

    @classmethod
    def of(cls, channels: Sequence[str], matrix: Sequence[float] | np.ndarray) -> Spill:
        """A matrix of n × n numbers row by row."""
        numbers = np.asarray(matrix, np.float64).reshape(len(channels), len(channels))
        digest = hashlib.blake2b("\0".join(channels).encode() + b"\0" + numbers.tobytes(), digest_size=16)
        return cls(tuple(channels), numbers, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of an axis come from.

    Attributes
    ----------
    token : tells it from every other source of the table; texts and numbers
    home : the table that has it
    place : of a feature
    spill : the matrix that it is compensated with
    values : of an annotation or embedding, shape (n_cells,), float32
    """

    token: tuple[str | int, ...]
    home: Pinned
    place: int = -1
    spill: Spill | None = None
    values: np.ndarray | None = None


class Axes:
    """Resolves feature references; rights were asked when the table was pinned."""

    def __init__(self, context: Context, reader: Tables) -> None:
        self._context = context
        self._reader = reader

    async def axis(self, pinned: Pinned, reference: str, compensation: Spill | None = None) -> np.ndarray:
        """The values of one axis: shape (n_cells,), float32, data units; NaN = this cell has none."""
        reading = await self.reading(pinned, [reference], compensation)
        return await self._context.compute.run(reading.values, reference)

    async def reading(self, pinned: Pinned, references: Iterable[str], compensation: Spill | None = None) -> Reading:
        """Find the sources of some axes, to be read on a thread.

        Raises
        ------
        NotFoundError
            Where the table has no such channel (the error names those that there are), feature, annotation or
            embedding.
        InvalidInputError
            Where an annotation has no numbers, or a channel of the compensation is missing.
        """
        sources = {name: await self._source(pinned, name, compensation) for name in dict.fromkeys(references)}
        matrix: list[int] = []
        if compensation is not None and any(source.spill is not None for source in sources.values()):
            matrix = await matrix_places(self._reader, pinned, compensation)
        return Reading(self._context, self._reader, pinned, sources=sources, matrix=matrix)

    async def with_column(self, pinned: Pinned, name: str) -> Pinned | None:
        """The table, or one of the same cells, that has an annotation; None where there is none."""
        for one in (pinned, *await self._same_cells(pinned)):
            if any(element.name == name for element in one.part.columns):
                return one
        return None

    async def _source(self, pinned: Pinned, reference: str, spill: Spill | None) -> Source:
        try:
            return await self._own_source(pinned, reference, spill)
        except NotFoundError:
            for other in await self._same_cells(pinned):
                with suppress(NotFoundError):
                    found = await self._own_source(other, reference, None)
                    return replace(found, token=(*found.token, other.part.table.path))
            raise

    async def _same_cells(self, pinned: Pinned) -> list[Pinned]:
        """The other tables of the dataset with the same cells in the same order."""
        found = []
        for part in pinned.layout.tables:
            other = replace(pinned, part=part)
            if other.key == pinned.key or part.n_cells != pinned.part.n_cells:
                continue
            mine, theirs = await self._reader.barcodes(pinned), await self._reader.barcodes(other)
            key = ("same-cells", pinned.key, other.key)
            if await self._context.compute.cached(key, partial(np.array_equal, mine, theirs)):
                found.append(other)
        return found

    async def _own_source(self, pinned: Pinned, reference: str, spill: Spill | None) -> Source:
        said = parse_reference(reference)
        if said.kind in ("var", "reagent"):
            name = said.name if said.kind == "var" else channel_of(pinned, said.name)
            try:
                [place] = await self._reader.places(pinned, [name])
            except NotFoundError as error:
                raise (_no_channel(pinned, name) if is_events(pinned) else error) from error
            known = (await self._reader.feature_table(pinned)).frame.index
            if spill is not None and (not is_events(pinned) or str(known[place]) not in spill.channels):
                spill = None
            return Source(("var", place, "" if spill is None else spill.digest), pinned, place, spill)
        if said.kind == "obs":
            element = pinned.part.column(said.name)
            column = await self._reader.column(pinned, said.name)
            if column.categories is not None or column.values.dtype.kind not in "fiub":
                raise InvalidInputError(
                    f"The annotation '{said.name[:255]}' has no numbers, so it is no axis",
                    where=reference[:255],
                    do="Choose one that measures something, or use it in the tree of a population",
                )
            return Source(("obs", element.path), pinned, values=column.values.astype(np.float32))
        element = pinned.part.embedding(said.name)
        points = await self._reader.embedding(pinned, name=said.name)
        if said.dim >= points.shape[1]:
            raise NotFoundError(
                f"The embedding '{said.name[:255]}' has {points.shape[1]} dimensions, counted from 0",
                where=reference[:255],
            )
        values = np.ascontiguousarray(points[:, said.dim], np.float32)
        return Source(("obsm", element.path, said.dim), pinned, values=values)


async def matrix_places(reader: Tables, pinned: Pinned, spill: Spill) -> list[int]:
    """Places of the channels of a matrix in a table.

    Raises
    ------
    InvalidInputError
        Where the table lacks one of them.
    """
    try:
        return await reader.places(pinned, list(spill.channels))
    except NotFoundError as error:
        missing = ", ".join(f"'{name}'" for name in error.details.get("missing", [])[:10])
        raise InvalidInputError(
            f"The compensation does not fit '{pinned.dataset.name}', which has no channel {missing}",
            where="compensation",
            do="Choose another compensation for it",
        ) from error


class Reading:
    """Axes of one table, read on a thread; keeps what it read while it is in use.

    Parameters
    ----------
    sources : of the axes that may be asked for
    matrix : places of the channels of the compensation
    """

    def __init__(
        self,
        context: Context,
        reader: Tables,
        pinned: Pinned,
        *,
        sources: Mapping[str, Source],
        matrix: Sequence[int],
    ) -> None:
        self._compute = context.compute
        self._reader = reader
        self._most_bytes = context.settings.compute_cache_bytes
        self._held = ByteCache(self._most_bytes)
        self._matrix = list(matrix)
        self.pinned = pinned
        self.sources = sources

    def values(self, reference: str) -> np.ndarray:
        """Shape (n_cells,), float32, data units; not to be changed."""
        source = self.sources[reference]
        if source.values is not None:
            return source.values
        held: np.ndarray | None = self._held.get(reference)
        if held is None:
            spill = source.spill
            place, home = source.place, source.home
            held = self._feature(home, place) if spill is None else self._compensated(reference, place, spill)
            self._held.put(reference, held, held.nbytes)
        return held

    def forget(self) -> None:
        """Let go of what was read; it is read again when it is asked for."""
        self._held = ByteCache(self._most_bytes)

    def rising(self, reference: str) -> tuple[np.ndarray, np.ndarray]:
        """The values in order and the row of each, for statistics of many populations; see `rising`."""
        held: tuple[np.ndarray, np.ndarray] | None = self._held.get(("rising", reference))
        if held is None:
            held = rising(self.values(reference))
            self._held.put(("rising", reference), held, 2 * held[0].nbytes)
        return held

    def scaled(self, reference: str, scale: Mapping[str, Any] | None) -> np.ndarray:
        """The values limited and scaled; as they are where there is no scale. Shape (n_cells,), float32."""
        if scale is None:
            return self.values(reference)
        held: np.ndarray | None = self._held.get(("scaled", reference))
        if held is None:
            held = scale_from_json(scale).forward(self.values(reference))
            self._held.put(("scaled", reference), held, held.nbytes)
        return held

    def _feature(self, home: Pinned, place: int) -> np.ndarray:
        index = self._reader.index_of(home)
        if isinstance(index, EventColumns):
            return index.columns([place])[0].astype(np.float32, copy=False)
        cells, values = index.feature(place)
        out = np.zeros(home.part.n_cells, np.float32)
        counted = home.part.table.meta["kind"] == "counts"
        out[cells] = log_normalize_feature(values, cells, index.totals) if counted else values
        return out

    def _compensated(self, reference: str, place: int, spill: Spill) -> np.ndarray:
        """One channel; with it all others of the reading that share the matrix, as far as these are kept."""
        key = ("compensated", self.pinned.key, spill.digest)
        held: np.ndarray | None = self._compute.held((*key, place))
        if held is not None:
            return held
        wanted = {name: one.place for name, one in self.sources.items() if one.spill is not None}
        if not self._held.takes(4 * self.pinned.part.n_cells * len(wanted)):
            wanted = {reference: place}
        columns = [self._feature(self.pinned, place) for place in self._matrix]
        made = compensate(columns, spill.matrix, [self._matrix.index(one) for one in wanted.values()])
        for (name, one), values in zip(wanted.items(), made, strict=True):
            if len(values) >= _WORTH_KEEPING:
                self._compute.hold((*key, one), values, values.nbytes, bulky=True)
            self._held.put(name, values, values.nbytes)
        return made[list(wanted).index(reference)]


def is_events(pinned: Pinned) -> bool:
    """Whether the features of a table are channels as an instrument measured them."""
    return bool(pinned.part.table.meta["kind"] == EVENTS)


def channel_of(pinned: Pinned, reagent: str) -> str:
    """The channel of a table's dataset that carries a reagent.

    Raises
    ------
    NotFoundError
        Where it has none, or several and nobody can tell which is meant; names them.
    """
    found = carrier(pinned.dataset.panel or (), reagent)
    if found.channel:
        return found.channel
    if not found.among:
        raise _no_channel(pinned, reagent, kind=REAGENT)
    raise NotFoundError(
        f"In '{pinned.dataset.name}' {len(found.among)} channels have the reagent '{reagent[:255]}'",
        where=f"{REAGENT}{reagent[:255]}",
        do=f"Name one of {', '.join(found.among[:_MOST_NAMED])}",
        channels=[str(one["channel"]) for one in pinned.dataset.panel or ()],
        among=list(found.among),
    )


def _no_channel(pinned: Pinned, name: str, *, kind: str = "var:") -> NotFoundError:
    panel = pinned.dataset.panel or ()
    known = [f"{one['channel']} ({one['reagent']})" if one.get("reagent") else str(one["channel"]) for one in panel]
    more = ", …" if len(known) > _MOST_NAMED else ""
    what = f"channel with the reagent '{name[:255]}'" if kind == REAGENT else f"channel '{name[:255]}'"
    return NotFoundError(
        f"'{pinned.dataset.name}' has no {what}",
        where=f"{kind}{name[:255]}",
        do=f"It has {', '.join(known[:_MOST_NAMED])}{more}" if known else "",
        channels=[str(one["channel"]) for one in panel],
    )
