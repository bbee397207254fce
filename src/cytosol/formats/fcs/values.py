"""From bytes of DATA to columns of float32, block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cytosol.base.errors import UnreadableFileError, UnsupportedFormatError
from cytosol.formats.fcs.header import FcsHeader
from cytosol.formats.fcs.records import FcsChannel

Decode = Callable[[np.ndarray, np.ndarray], None]
"""Turns bytes of some whole events, shape (n_bytes,) uint8, into columns, shape (n_chosen, n_events)."""


def block_events(header: FcsHeader, block_bytes: int) -> int:
    """How many events a block takes, so that it begins and ends at whole bytes."""
    bits = sum(channel.bits for channel in header.channels)
    return max(8, block_bytes * 8 // bits // 8 * 8)


def decoder(header: FcsHeader, chosen: Sequence[int], *, linear: bool) -> Decode:
    """The fastest way to turn DATA of a data set into columns.

    Parameters
    ----------
    chosen : places of the channels, from 0
    linear : turn logarithms (integers with $PnE) into linear values
    """
    channels = header.channels
    widths = {channel.bits for channel in channels}
    types = {channel.datatype for channel in channels}
    if "A" in types:
        return _fixed_text(channels, chosen, where=header.source.name)
    if len(types) == 1 and len(widths) == 1 and (order := _native(header, next(iter(widths)))):
        return _uniform(header, order, chosen, linear=linear)
    if any(width % 8 for width in widths):
        return _bit_stream(header, chosen, linear=linear)
    return _mixed(header, chosen, linear=linear)


def _native(header: FcsHeader, bits: int) -> str:
    if bits not in (8, 16, 32, 64):
        return ""
    places = _byte_places(header, bits // 8)
    if places == list(range(bits // 8)):
        return "<"
    return ">" if places == list(range(bits // 8))[::-1] else ""


def _byte_places(header: FcsHeader, width: int) -> list[int]:
    """Where the bytes of a value lie in the file, the least significant first."""
    order = header.byte_order
    if list(order) == sorted(order):
        return list(range(width))
    if list(order) == sorted(order, reverse=True):
        return list(range(width))[::-1]
    if width == len(order):
        return [order.index(rank) for rank in range(1, width + 1)]
    if width <= 2:
        return list(range(width)) if order[0] < order[1] else list(range(width))[::-1]
    raise UnsupportedFormatError(
        f"$BYTEORD is '{','.join(map(str, order))}', which does not say how {8 * width} bits lie",
        where=header.source.name,
        do="Export the file again with the byte order 1,2,3,4 or 4,3,2,1",
    )


def _uniform(header: FcsHeader, order: str, chosen: Sequence[int], *, linear: bool) -> Decode:
    channels = header.channels
    first = channels[0]
    dtype = np.dtype(f"{order}{'u' if first.datatype == 'I' else 'f'}{first.bits // 8}")
    plain = all(not channels[place].mask and not (linear and channels[place].is_log) for place in chosen)
    whole = list(chosen) == list(range(len(channels)))

    def decode(data: np.ndarray, out: np.ndarray) -> None:
        rows = data.view(dtype).reshape(-1, len(channels))
        if plain:
            out[...] = rows.T if whole else rows[:, list(chosen)].T
            return
        for row, place in enumerate(chosen):
            out[row] = _finish(rows[:, place], channels[place], linear=linear)

    return decode


def _finish(values: np.ndarray, channel: FcsChannel, *, linear: bool) -> np.ndarray:
    """Mask an integer, and take the logarithm off it: first · 10^(decades · value / range) (FCS 3.1, $PnE)."""
    if channel.mask:
        values = values & values.dtype.type(channel.mask)
    if linear and channel.is_log:
        return np.asarray(channel.first * np.power(10.0, channel.decades / channel.range * values.astype(np.float64)))
    return values


def _mixed(header: FcsHeader, chosen: Sequence[int], *, linear: bool) -> Decode:
    """Values of whole bytes, of several widths or in an unusual order of bytes."""
    channels = header.channels
    starts = np.cumsum([0, *(channel.bits // 8 for channel in channels)])

    def decode(data: np.ndarray, out: np.ndarray) -> None:
        rows = data.reshape(-1, int(starts[-1]))
        for row, place in enumerate(chosen):
            channel = channels[place]
            width = channel.bits // 8
            wide = 1 << (width - 1).bit_length()
            bytes_ = np.zeros((len(rows), wide), np.uint8)
            for at, source in enumerate(_byte_places(header, width)):
                bytes_[:, at] = rows[:, starts[place] + source]
            kind = "u" if channel.datatype == "I" else "f"
            out[row] = _finish(bytes_.view(f"<{kind}{wide}")[:, 0], channel, linear=linear)

    return decode


def _bit_stream(header: FcsHeader, chosen: Sequence[int], *, linear: bool) -> Decode:
    """Integers of any number of bits, packed without gaps.

    They begin at the high bit of a byte where the order of bytes is descending, else at the low bit.
    """
    channels = header.channels
    starts = np.cumsum([0, *(channel.bits for channel in channels)])
    high_first = list(header.byte_order) != sorted(header.byte_order) or not header.byte_order
    if any(channel.datatype != "I" for channel in channels):
        raise UnsupportedFormatError(
            "Integers of odd widths stand beside numbers of another type",
            where=header.source.name,
            do="Export the file again as float32",
        )

    def decode(data: np.ndarray, out: np.ndarray) -> None:
        bits = np.unpackbits(data, bitorder="big" if high_first else "little")
        n = out.shape[1]
        rows = bits[: n * int(starts[-1])].reshape(n, int(starts[-1]))
        for row, place in enumerate(chosen):
            width = channels[place].bits
            exponents = np.arange(width, dtype=np.uint64)[:: -1 if high_first else 1]
            values = (rows[:, starts[place] : starts[place + 1]].astype(np.uint64) << exponents).sum(
                axis=1, dtype=np.uint64
            )
            out[row] = _finish(values, channels[place], linear=linear)

    return decode


def _fixed_text(channels: Sequence[FcsChannel], chosen: Sequence[int], *, where: str) -> Decode:
    """Numbers as text, each in its number of characters."""
    starts = np.cumsum([0, *(channel.bits // 8 for channel in channels)])

    def decode(data: np.ndarray, out: np.ndarray) -> None:
        rows = data.reshape(-1, int(starts[-1]))
        for row, place in enumerate(chosen):
            texts = np.ascontiguousarray(rows[:, starts[place] : starts[place + 1]])
            out[row] = as_numbers([bytes(text) for text in texts], where=where)

    return decode


def as_numbers(texts: Sequence[bytes], *, where: str) -> np.ndarray:
    """Numbers that stand as text: shape (n,), float64."""
    try:
        return np.array([float(text) for text in texts], np.float64)
    except ValueError as error:
        raise UnreadableFileError(
            f"DATA holds text, and not all of it is numbers: {' '.join(str(error).split())[:80]}",
            where=where,
            do="Export the file again as float32",
        ) from error
