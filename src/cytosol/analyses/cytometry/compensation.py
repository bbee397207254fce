"""Compensation: what each dye gave, from what each detector saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cytosol.base.errors import InvalidInputError

_BLOCK = 1 << 15


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
    for each wanted channel, shape (n,), float32, compensated; computed in 64 bits and rounded once

    Raises
    ------
    InvalidInputError
        If the matrix has no inverse.
    """
    inverse = invert(matrix)
    if len(columns) != len(inverse):
        raise InvalidInputError(
            f"The compensation has {len(inverse)} channels, but {len(columns)} columns were given",
            do="Give one column for each channel",
        )
    weights = (inverse if wanted is None else inverse[:, list(wanted)]).T
    n = len(columns[0]) if columns else 0
    given = [np.empty(n, np.float32) for _ in weights]
    block = np.empty((len(columns), _BLOCK))
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for row, column in enumerate(columns):
            block[row, : stop - start] = column[start:stop]
        product = weights @ block[:, : stop - start]
        for column, values in zip(given, product, strict=True):
            column[start:stop] = values
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
    if not np.isfinite(inverse).all() or (matrix.size and np.linalg.cond(matrix) > 1e12):
        raise InvalidInputError(
            "The spillover matrix has no inverse: the dyes cannot be told apart", do="Correct the matrix"
        )
    return inverse


def parse_spill(text: str) -> tuple[list[str], np.ndarray]:
    """Read the spill string of a file: ``n,name1,…,namen,v11,v12,…``.

    Returns
    -------
    names of the n channels, and the matrix, shape (n, n), float64; row = dye, column = detector

    Raises
    ------
    InvalidInputError
        For a string of another length, or values that are no numbers.
    """
    fields = [field.strip() for field in text.strip().split(",")]
    n = int(fields[0]) if fields[0].isdigit() else -1
    if n < 0 or len(fields) != 1 + n + n * n:
        raise InvalidInputError(
            f"The spill string has {len(fields)} entries, which does not fit its number of channels {fields[0][:20]!r}",
            do="Correct the keyword, or give the compensation as a matrix",
        )
    try:
        matrix = np.array([float(value) for value in fields[1 + n :]], np.float64).reshape(n, n)
    except ValueError as fault:
        raise InvalidInputError(
            f"The spill string holds something that is no number: {fault}", do="Correct the keyword"
        ) from fault
    if not np.isfinite(matrix).all():
        raise InvalidInputError("The spill string holds numbers that are not finite", do="Correct the keyword")
    return fields[1 : 1 + n], matrix


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
