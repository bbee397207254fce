"""Fast parsing of blocks of delimited numbers: whole lines of text in, the entries that are not zero out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

_ZERO, _DOT, _MINUS, _PLUS, _NEWLINE = 48, 46, 45, 43, 10
_FAST_DIGITS = 15
_TENS = 10.0 ** np.arange(_FAST_DIGITS + 1)
_NUMBER = re.compile(rb"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


@dataclass(frozen=True, slots=True)
class Entries:
    """Numbers of some lines that are not the text '0'.

    Attributes
    ----------
    rows, columns : shape (n,), int64, from 0 within the lines and within the numeric columns; in the order of the text
    values : shape (n,), float64
    n_rows : lines
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    n_rows: int


class WrongWidthError(Exception):
    """A line has too few or too many fields; never leaves the readers."""

    def __init__(self, row: int, found: int) -> None:
        self.row, self.found = row, found
        super().__init__(row, found)


class NotNumberError(Exception):
    """A field is no number; never leaves the readers."""

    def __init__(self, row: int, column: int, text: str) -> None:
        self.row, self.column, self.text = row, column, text
        super().__init__(row, column, text)


def parse_lines(text: bytes, *, delimiter: bytes, width: int, skip: int) -> Entries:
    """Parse lines of equal width.

    Parameters
    ----------
    text : whole lines, each ended by a newline, without quotes
    delimiter : one byte
    width : fields a line
    skip : leading fields that are names

    Raises
    ------
    WrongWidthError, NotNumberError
        With the first place that cannot be read.
    """
    content = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((content == delimiter[0]) | (content == _NEWLINE)).astype(np.int32)
    breaks = np.flatnonzero(content[ends] == _NEWLINE)
    counts = np.diff(breaks, prepend=-1)
    if (counts != width).any():
        row = int(np.argmax(counts != width))
        raise WrongWidthError(row, int(counts[row]))
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    n_rows = len(counts)
    if skip:
        ends = np.ascontiguousarray(ends.reshape(n_rows, width)[:, skip:]).ravel()
        starts = np.ascontiguousarray(starts.reshape(n_rows, width)[:, skip:]).ravel()
    lengths = ends - starts
    kept = np.flatnonzero((lengths != 1) | (content[starts] != _ZERO))
    starts, lengths = starts[kept], lengths[kept]
    rows, columns = np.divmod(kept, width - skip)
    values = np.empty(len(kept), dtype=np.float64)
    bad = len(kept)
    for length in np.flatnonzero(np.bincount(lengths)).tolist() if len(lengths) else ():
        chosen = np.flatnonzero(lengths == length)
        found, wrong = _parse_equal(content, starts[chosen], length)
        values[chosen] = found
        if wrong >= 0:
            bad = min(bad, int(chosen[wrong]))
    if bad < len(kept):
        start = int(starts[bad])
        shown = bytes(content[start : start + min(int(lengths[bad]), 60)])
        raise NotNumberError(int(rows[bad]), int(columns[bad]), shown.decode("latin-1"))
    return Entries(rows=rows, columns=columns, values=values, n_rows=n_rows)


def _parse_equal(content: np.ndarray, starts: np.ndarray, length: int) -> tuple[np.ndarray, int]:
    """Numbers of fields of one length; and the position of the first that is none, or -1."""
    if length == 0:
        return np.zeros(len(starts)), 0
    if length > 64:
        return np.zeros(len(starts)), 0
    letters = content[starts[:, None] + np.arange(length, dtype=np.int32)]
    if length > _FAST_DIGITS:
        return _parse_slow(letters, np.ones(len(starts), dtype=bool), np.zeros(len(starts)))
    mantissa = np.zeros(len(starts), dtype=np.int64)
    n_digits = np.zeros(len(starts), dtype=np.int8)
    n_decimals = np.zeros(len(starts), dtype=np.int8)
    n_dots = np.zeros(len(starts), dtype=np.int8)
    odd = np.zeros(len(starts), dtype=bool)
    for place in range(length):
        letter = letters[:, place]
        digit = letter - np.uint8(_ZERO)
        is_digit = digit <= 9
        if is_digit.all():
            mantissa = mantissa * 10 + digit
        else:
            mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
            is_dot = letter == _DOT
            n_dots += is_dot
            odd |= ~(is_digit | is_dot | ((place == 0) & ((letter == _MINUS) | (letter == _PLUS))))
        n_digits += is_digit
        n_decimals += is_digit & (n_dots > 0)
    values = mantissa / _TENS[n_decimals]
    values[letters[:, 0] == _MINUS] *= -1
    odd |= (n_dots > 1) | (n_digits == 0)
    if odd.any():
        return _parse_slow(letters, odd, values)
    return values, -1


def _parse_slow(letters: np.ndarray, odd: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, int]:
    """Numbers with exponents, blanks around or many digits, one by one for the fields marked odd."""
    length = letters.shape[1]
    texts: Any = np.ascontiguousarray(letters).view(f"S{length}").ravel()
    for at in np.flatnonzero(odd).tolist():
        text = texts[at].strip()
        if not _NUMBER.match(text):
            return values, at
        values[at] = float(text)
    return values, -1
