"""Events of an FCS file as columns in memory, in one pass over its bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import numpy as np

from cytosol.base.errors import UnreadableFileError
from cytosol.formats.fcs.header import FcsHeader
from cytosol.formats.fcs.text import split_numbers
from cytosol.formats.fcs.values import as_numbers, block_events, decoder
from cytosol.formats.files import readable

_PIECE_BYTES = 1 << 18
"""Bytes that are turned at a time; they and the columns they go to stay in the cache of a core."""
_PARALLEL_BYTES = 32 << 20
_THREADS = min(4, os.cpu_count() or 1)


def event_dtype(header: FcsHeader) -> np.dtype[np.float32] | np.dtype[np.float64]:
    """float32; float64 where the file holds numbers of 64 bits."""
    wide = any(channel.datatype == "D" for channel in header.channels)
    return np.dtype(np.float64) if wide else np.dtype(np.float32)


def read_events(header: FcsHeader, *, places: Sequence[int] | None = None, linear: bool = True) -> np.ndarray:
    """All events of a data set.

    Parameters
    ----------
    places : the channels, from 0; None = all
    linear : turn logarithms (integers with $PnE) into linear values; gain and time step are never applied

    Returns
    -------
    shape (n_channels, n_events), float32 or float64 (see `event_dtype`), each channel contiguous; in the unit of the
    file; NaN where the file holds NaN.
    """
    chosen = list(range(len(header.channels))) if places is None else list(places)
    out = np.empty((len(chosen), header.n_events), event_dtype(header))
    if not header.byte_order and not all(channel.bits for channel in header.channels):
        out[...] = _free_text(header)[chosen]
        return out
    step = block_events(header, _PIECE_BYTES)
    if header.data_bytes < _PARALLEL_BYTES or _THREADS == 1:
        _read_range(header, out, chosen, (0, header.n_events, step), linear=linear)
        return out
    share = -(-header.n_events // _THREADS // step) * step
    spans = [(first, min(first + share, header.n_events), step) for first in range(0, header.n_events, share)]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="fcs") as pool:
        runs = [pool.submit(_read_range, header, out, chosen, span, linear=linear) for span in spans]
        for run in runs:
            run.result()
    return out


def read_blocks(header: FcsHeader, n_events: int, *, linear: bool = True) -> Iterator[tuple[int, np.ndarray]]:
    """The events in order, some at a time.

    Parameters
    ----------
    n_events : of a block, a multiple of 8

    Yields
    ------
    The first event of a block, and its columns of shape (n_channels, n_block) as `read_events` gives them; the array
    is used again for the next block.
    """
    chosen = list(range(len(header.channels)))
    if not header.byte_order and not all(channel.bits for channel in header.channels):
        columns = _free_text(header).astype(event_dtype(header))
        for first in range(0, header.n_events, n_events):
            yield first, columns[:, first : first + n_events]
        return
    room = np.empty((len(chosen), min(n_events, header.n_events)), event_dtype(header))
    step = block_events(header, _PIECE_BYTES)
    for first in range(0, header.n_events, n_events):
        last = min(first + n_events, header.n_events)
        block = room[:, : last - first]
        _read_range(header, block, chosen, (first, last, step), linear=linear, shift=first)
        yield first, block


def _read_range(
    header: FcsHeader,
    out: np.ndarray,
    chosen: list[int],
    span: tuple[int, int, int],
    *,
    linear: bool,
    shift: int = 0,
) -> None:
    """Read the events from the first up to, not including, the last of a span, some at a time.

    Parameters
    ----------
    shift : the event that the first column of ``out`` holds
    """
    first, last, step = span
    bits = sum(channel.bits for channel in header.channels)
    decode = decoder(header, chosen, linear=linear)
    room = np.empty(step * bits // 8, np.uint8)
    with readable(header.source.name, "FCS file"), header.source.open() as stream:
        stream.seek(header.data_start + first * bits // 8)
        for start in range(first, last, step):
            end = min(start + step, last)
            piece = room[: -(-(end - start) * bits // 8)]
            _fill(stream, piece, where=header.source.name)
            with np.errstate(over="ignore"):  # logarithms far above their range are infinite
                decode(piece, out[:, start - shift : end - shift])


def _fill(stream: BinaryIO, room: np.ndarray, *, where: str) -> None:
    view = memoryview(room.data)
    while view:
        n = stream.readinto(view)  # type: ignore[attr-defined]  # every file that `Source.open` gives has it
        if not n:
            raise UnreadableFileError(
                "The file ends inside of its events", where=where, do="Copy it again and compare its size"
            )
        view = view[n:]


def _free_text(header: FcsHeader) -> np.ndarray:
    """Numbers as text, parted by blanks or commas: shape (n_channels, n_events), float64."""
    with readable(header.source.name, "FCS file"), header.source.open() as stream:
        stream.seek(header.data_start)
        texts = split_numbers(stream.read(header.data_bytes))
    n_channels, n_events = len(header.channels), header.n_events
    if len(texts) < n_channels * n_events:
        raise UnreadableFileError(
            f"{n_events:,} events of {n_channels} channels are announced, but DATA holds {len(texts):,} numbers",
            where=header.source.name,
            do="The file is cut short: copy or export it again",
        )
    return as_numbers(texts[: n_channels * n_events], where=header.source.name).reshape(n_events, n_channels).T
