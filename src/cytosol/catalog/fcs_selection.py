"""Which events of a file are taken: of a population, and at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytosol.analyses.cytometry.sampling import sample_rows
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key


@dataclass(frozen=True, slots=True)
class EventChoice:
    """Which events are taken.

    Attributes
    ----------
    population_id : only events of this population; None = all
    compensation : what gates are read with: none, internal, own (what the file says), or the id of one
    pre_n, pre_p : so many, or such a share, of the events at random, before the population is looked at
    post_n, post_p : the same of the population
    seed : any number; the same one takes the same events
    """

    population_id: Key | None = None
    compensation: str = "own"
    pre_n: int | None = None
    pre_p: float | None = None
    post_n: int | None = None
    post_p: float | None = None
    seed: float = 0

    @property
    def is_sampled(self) -> bool:
        """Whether some events are left out at random."""
        return any(one is not None for one in (self.pre_n, self.pre_p, self.post_n, self.post_p))


def choose_rows(choice: EventChoice, mask: np.ndarray | None, n_events: int) -> np.ndarray | None:
    """The events that are taken, in the order of the file.

    Parameters
    ----------
    mask : shape (n_events,), bool, the population; None = all

    Returns
    -------
    shape (n,), int64, ascending; None = all.
    """
    rows = _sample(n_events, choice.pre_n, choice.pre_p, choice.seed)
    if mask is not None:
        rows = np.flatnonzero(mask) if rows is None else rows[mask[rows]]
    n_left = n_events if rows is None else len(rows)
    chosen = _sample(n_left, choice.post_n, choice.post_p, choice.seed)
    if chosen is None:
        return rows
    return chosen if rows is None else rows[chosen]


def _sample(n: int, count: int | None, share: float | None, seed: float) -> np.ndarray | None:
    if count is not None and share is not None:
        raise InvalidInputError("A sample has a count or a share, not both", do="Give one of them")
    if count is None and share is None:
        return None
    return sample_rows(n, count=count, fraction=share, seed=seed)
