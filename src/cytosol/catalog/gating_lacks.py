"""Populations and axes of which some datasets have nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.axes import Spill
from cytosol.catalog.gating import Gating
from cytosol.catalog.gating_masks import Prepared
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.tables import Pinned


class Lacks(dict[Key | str, NotFoundError]):
    """Populations and axes that a dataset has nothing for, and why."""


async def prepare_known(
    gating: Gating,
    pinned: Pinned,
    ids: Iterable[Key | None],
    axes: Iterable[str],
    *,
    state: GatingState,
    compensation: Spill | None,
) -> tuple[Prepared, list[Key | None], Lacks]:
    """Prepare those of some populations and axes that a table has.

    Parameters
    ----------
    ids : of populations; None among them = all cells

    Returns
    -------
    what is prepared, its populations in their order, and what the table lacks
    """
    prepare = partial(gating.prepare, pinned, state=state, compensation=compensation)
    ids, axes, lacks = list(ids), list(dict.fromkeys(axes)), Lacks()
    populations = {id: state.population(id) for id in ids}
    try:
        return await prepare([populations[id] for id in ids], axes=axes), ids, lacks
    except NotFoundError:
        for id in filter(None, ids):
            with _noted(lacks, id):
                await prepare([populations[id]])
        for axis in axes:
            with _noted(lacks, axis):
                await prepare([], axes=[axis])
    ids = [id for id in ids if id not in lacks]
    prepared = await prepare([populations[id] for id in ids], axes=[one for one in axes if one not in lacks])
    return prepared, ids, lacks


@contextmanager
def _noted(lacks: Lacks, what: Key | str) -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        lacks[what] = error


def refuse_unknown(lacks: Sequence[Lacks]) -> None:
    """Refuse what none of several datasets has.

    Raises
    ------
    NotFoundError
        With what the first of them says, of the first that is missing in all.
    """
    for missing, error in lacks[0].items() if lacks else ():
        if all(missing in one for one in lacks):
            raise error
