"""Random samples of events."""

from __future__ import annotations

import math
import struct

import numpy as np

from cytosol.base.errors import InvalidInputError


def sample_rows(n: int, *, count: int | None = None, fraction: float | None = None, seed: float = 0) -> np.ndarray:
    """Choose rows at random, without putting any back.

    Parameters
    ----------
    n : rows there are
    count : how many are chosen; all, where there are fewer
    fraction : 0 to 1, instead of a count; n × fraction, rounded half up, are chosen
    seed : any number; the same one chooses the same rows

    Returns
    -------
    shape (n_chosen,), int64, ascending

    Notes
    -----
    NumPy's PCG64, seeded with a whole number from 0 on as it is and with any other by its 64 bits.
    """
    if (count is None) == (fraction is None):
        raise InvalidInputError("A sample needs either a count or a fraction", do="Give one of them")
    if fraction is not None:
        if not 0 <= fraction <= 1:
            raise InvalidInputError(
                f"The fraction {fraction} does not lie from 0 to 1", do="Give a share of the events"
            )
        count = math.floor(n * fraction + 0.5)
    if count is None or count < 0:
        raise InvalidInputError(f"The count {count} is below zero", do="Give how many events to take")
    if count >= n:
        return np.arange(n, dtype=np.int64)
    if not math.isfinite(seed):
        raise InvalidInputError(f"The seed {seed} is no finite number", do="Give any number")
    whole = int(seed) if seed == int(seed) and seed >= 0 else struct.unpack("<Q", struct.pack("<d", seed))[0]
    generator = np.random.Generator(np.random.PCG64(whole))
    return np.sort(generator.choice(n, count, replace=False, shuffle=False)).astype(np.int64)
