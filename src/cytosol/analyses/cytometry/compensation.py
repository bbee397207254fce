"""Compensation: what each dye gave, from what each detector saw."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from cytosol.base.errors import InvalidInputError

_BLOCK = 1 << 12
"""Events that are weighed at once: the sums of a channel stay in the nearest cache."""
_MOST_CONDITION = 1e12
"""The condition number of a matrix, in the 1-norm, beyond which its dyes cannot be told apart."""
_DEPENDENT = 1e-6
"""How long rows of length 1 may be together, and how much of one counts, to be named as dependent."""


def compensate(
    columns: Sequence[np.ndarray], matrix: np.ndarray, wanted: Sequence[int] | None = None
) -> list[np.ndarray]:
    """Take the spillover out: c = m · S⁻¹ for each event.

    Parameters
    ----------
    columns : for each channel of the matrix, shape (n,), float32, the values as measured
    matrix : shape (n_channels, n_channels); row = dye, column = detector
    wanted : places of the channels to give; None = all

    Returns
    -------
    for each wanted channel, shape (n,), float32, compensated; computed in 64 bits and rounded once. To the last bit the
    same whatever other channels and events are asked for: each is summed by itself, in the order of the channels

    Raises
    ------
    InvalidInputError
        If the matrix has no inverse.
    """
    from cytosol.analyses.cytometry.kernels import weigh  # loads numba

    inverse = invert(matrix)
    if len(columns) != len(inverse):
        raise InvalidInputError(
            f"The compensation has {len(inverse)} channels, but {len(columns)} columns were given",
            do="Give one column for each channel",
        )
    places = range(len(inverse)) if wanted is None else wanted
    n = len(columns[0]) if columns else 0
    given = [np.empty(n, np.float32) for _ in places]
    block = np.empty((len(columns), min(n, _BLOCK)))
    sums = np.empty(min(n, _BLOCK))
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for row, column in enumerate(columns):
            block[row, : stop - start] = column[start:stop]
        for place, column in zip(places, given, strict=True):
            weigh(block, inverse[:, place], sums, column[start:stop])
    return given


def invert(matrix: np.ndarray) -> np.ndarray:
    """Invert a spillover matrix; shape (n, n) to (n, n), float64, unitless. Refuses one that has no inverse."""
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise InvalidInputError("A spillover matrix must be square and hold finite numbers", do="Correct the matrix")
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        inverse = np.full_like(matrix, np.inf)
    if not np.isfinite(inverse).all() or _norm(matrix) * _norm(inverse) > _MOST_CONDITION:
        raise InvalidInputError(
            "The spillover matrix has no inverse: the dyes cannot be told apart", do="Correct the matrix"
        )
    return inverse


def check_matrix(channels: Sequence[str], matrix: np.ndarray) -> None:
    """Refuse a spillover matrix that has no inverse, and name the rows that depend on each other.

    Parameters
    ----------
    channels : n names
    matrix : shape (n, n), float, unitless; row = dye, column = detector; finite
    """
    try:
        invert(matrix)
    except InvalidInputError as error:
        lengths = np.linalg.norm(matrix, axis=1)
        sides, strengths, _ = np.linalg.svd(matrix / np.where(lengths > 0, lengths, 1)[:, np.newaxis])
        # what of each row is in the combinations that give nothing
        parts = np.linalg.norm(sides[:, strengths <= _DEPENDENT], axis=1)
        rows = [channels[place] for place in np.flatnonzero(parts > _DEPENDENT).tolist()]
        if not rows:
            raise
        named = ", ".join(rows[:10]) + (f" and {len(rows) - 10} more" if len(rows) > 10 else "")
        said = f"rows of {named} depend on each other" if len(rows) > 1 else f"row of {named} is empty"
        raise InvalidInputError(
            f"The spillover matrix has no inverse: the {said}", where="matrix", do="Correct the matrix"
        ) from error


def _norm(matrix: np.ndarray) -> float:
    """The 1-norm: the largest sum of a column."""
    return float(np.abs(matrix).sum(axis=0).max(initial=0))


def parse_spill(text: str, known: Sequence[str] = ()) -> tuple[list[str], np.ndarray]:
    """Read the spill string of a file: ``n,name1,…,namen,v11,v12,…``.

    Names with commas are read where they are known. Numbers with decimal commas, as instruments in some countries
    write them, are read where all of them are so.

    Parameters
    ----------
    known : names of the channels of the file

    Returns
    -------
    names of the n channels, and the matrix, shape (n, n), float64; row = dye, column = detector

    Raises
    ------
    InvalidInputError
        For a string of another length, or values that are no numbers.
    """
    fields = [field.strip() for field in text.strip().rstrip(",").split(",")]
    n = int(fields[0]) if fields[0].isdecimal() and len(fields[0]) < 6 else -1
    names, values = fields[1 : 1 + max(n, 0)], fields[1 + max(n, 0) :]
    if n > 0 and len(values) != n * n and any("," in name for name in known):
        names, values = _names_with_commas(fields[1:], n, known)
    if n > 0 and len(values) == 2 * n * n and all(value.isdecimal() for value in values[1::2]):
        values = [f"{whole}.{part}" for whole, part in zip(values[::2], values[1::2], strict=True)]
    if n < 0 or len(names) != n or len(values) != n * n:
        raise InvalidInputError(
            f"The spill string has {len(fields)} entries, which does not fit its number of channels {fields[0][:20]!r}",
            do="Correct the keyword, or give the compensation as a matrix",
        )
    try:
        matrix = np.array([float(value) for value in values], np.float64).reshape(n, n)
    except ValueError as fault:
        raise InvalidInputError(
            f"The spill string holds something that is no number: {fault}", do="Correct the keyword"
        ) from fault
    if not np.isfinite(matrix).all():
        raise InvalidInputError("The spill string holds numbers that are not finite", do="Correct the keyword")
    return names, matrix


def _names_with_commas(fields: Sequence[str], n: int, known: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first n names, each the longest known one that stands there, and the fields behind them."""
    whole = {tuple(part.strip() for part in name.split(",")): name for name in known}
    lengths = sorted({len(parts) for parts in whole}, reverse=True)
    names: list[str] = []
    at = 0
    for _ in range(n):
        length = next((length for length in lengths if tuple(fields[at : at + length]) in whole), 1)
        names.append(whole.get(tuple(fields[at : at + length]), ",".join(fields[at : at + length])))
        at += length
    return names, list(fields[at:])


def parse_matrix(text: str) -> tuple[list[str], np.ndarray]:
    """Read a matrix from a table of text: a line with the names of the channels, then a line of numbers for each.

    Cells are parted by tabs, else by semicolons, then with decimal commas as well, else by commas, else by blanks;
    lines may begin with the name of their dye; lines before that with the names are left out, as other programs write
    a title there. An empty cell is 0. Percents are divided by 100: numbers with their sign, and all where the diagonal
    is 100. What stands behind " :: " in a name is its reagent, and left out.

    Returns
    -------
    names of the n channels, and the matrix, shape (n, n), float64; row = dye, column = detector

    Raises
    ------
    InvalidInputError
        Where there are no such lines, or not as many as names.
    """
    plain = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    written = [line for line in plain.split("\n") if line.strip()]
    mark = next((mark for mark in "\t;," if any(mark in line for line in written[-2:])), " ")
    lines = [_cells(line, mark) for line in written]
    first = next((place for place, line in enumerate(lines) if _numbers(line, mark)), len(lines))
    n = len(lines) - first
    header, *rows = [_without_end(line, n) for line in lines[first - 1 :]] if 0 < first < len(lines) else [[]]
    # above the names of the dyes stands nothing, or a title
    has_corner = len(header) == n + 1 and len(rows[0]) == n + 1
    numbers = [_numbers(row, mark, begin=int(has_corner and not header[0])) for row in rows]
    names = [name.partition(" :: ")[0] for name in (header[1:] if has_corner else header) if name]
    if not n or len(names) != n or any(len(row) != n for row in numbers):
        raise InvalidInputError(
            f"The text holds {n} lines of numbers below {len(names)} names, which is no square matrix"
            + _odd_cell(lines, mark),
            do="Give a line with the names of the channels, then a line of numbers for each",
        )
    matrix = np.array(numbers, np.float64)
    return names, matrix / 100 if (np.diag(matrix) == 100).all() else matrix


def _odd_cell(lines: Sequence[Sequence[str]], mark: str) -> str:
    """The first cell among numbers that is none, in words; "" = there is none."""
    for place, line in enumerate(lines, 1):
        odd = [cell for cell in line[1:] if not _numbers([cell or "0"], mark)]
        if odd and (len(odd) < len(line) - 1 or _numbers(line[:1], mark)):
            return f": {odd[0][:40]!r} in line {place} is no number"
    return ""


def _cells(line: str, mark: str) -> list[str]:
    cells = next(csv.reader([line.strip("\n ")], delimiter=mark, skipinitialspace=True))
    return [cell.strip() for cell in cells]


def _without_end(cells: list[str], n: int) -> list[str]:
    """The cells without empty ones behind the first n."""
    while len(cells) > n and not cells[-1]:
        cells = cells[:-1]
    return cells


def _numbers(cells: Sequence[str], mark: str, begin: int = 0) -> list[float]:
    """The numbers of a line, behind the name that it may begin with; [] = it is no line of numbers."""
    for start in (begin, 1):
        try:
            found = [_number(cell, mark) for cell in cells[start:]]
        except ValueError:
            continue
        return found if any(cells[start:]) and np.isfinite(found).all() else []
    return []


def _number(cell: str, mark: str) -> float:
    plain = cell.replace(",", ".") if mark in "\t;" else cell
    if plain.endswith("%"):
        return float(plain[:-1]) / 100
    return float(plain) if plain else 0.0


def format_matrix(channels: Sequence[str], matrix: np.ndarray) -> str:
    """Write a matrix as CSV that `parse_matrix` and spreadsheets read; shape (n, n), unitless, row = dye."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["", *channels])
    for name, row in zip(channels, np.asarray(matrix, np.float64).reshape(len(channels), -1), strict=True):
        writer.writerow([name, *(repr(float(value)).removesuffix(".0") for value in row)])
    return out.getvalue()


def format_spill(channels: Sequence[str], matrix: np.ndarray) -> str:
    """Write a spill string, numbers in their shortest form.

    Parameters
    ----------
    channels : n names, none with a comma
    matrix : shape (n, n), unitless; row = dye, column = detector
    """
    for name in channels:
        if "," in name:
            raise InvalidInputError(f"The channel {name!r} has a comma, which a spill string cannot hold")
    values = [repr(float(value)).removesuffix(".0") for value in np.asarray(matrix).reshape(-1)]
    return ",".join([str(len(channels)), *channels, *values])
